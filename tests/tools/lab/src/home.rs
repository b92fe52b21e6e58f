//! `cargo lab` and `cargo lab watch`: where you are, the stage tested on every save, the book beside it.
//!
//! One loop takes keys, changed files, finished runs and the book's state from one channel. A save while a run is under
//! way stops that run: only the last save's verdict counts.

use crate::args::Args;
use crate::book::{self, Server, State};
use crate::cargo::Built;
use crate::error::Error;
use crate::hint;
use crate::list;
use crate::manifest::{Lab, Stage};
use crate::progress::Progress;
use crate::replay;
use crate::style::{self, Color, paint};
use crate::terminal::{CTRL_C, Keys};
use crate::test_command::{self, Selection};
use crate::testing::Settings;
use crate::verdict::{StageResult, Verdict};
use crate::watch;
use crate::workbook::Workbook;
use crate::{durable, stumbles};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

enum Event {
    Key(u8),
    Saved,
    Ran(Result<(Vec<StageResult>, Built), Error>),
    Book(State),
}

struct Home<'w> {
    workbook: &'w Workbook,
    lab: &'w Lab,
    stage: &'w Stage,
    send: Sender<Event>,
    watched: watch::Folder,
    /// Set to stop the run that is under way.
    running: Option<Arc<AtomicBool>>,
    /// Test again when the present run has ended.
    again: bool,
    book: Option<State>,
    server: Option<Server>,
    opened: bool,
    may_open: bool,
    /// The hint that the next `h` pays for.
    offered: Option<u8>,
    interactive: bool,
}

/// Runs until `q` or Ctrl-C.
pub fn run(workbook: &Workbook, args: &Args, with_book: bool) -> Result<u8, Error> {
    args.at_most(0)?;
    let (lab, stage) = list::current(workbook, &list::load(workbook)?)?;
    // From here on this is the current stage, also once it is done: only `n` goes on.
    list::go(workbook, lab, stage)?;
    let (send, events) = mpsc::channel();
    let saved = send.clone();
    let watched = watch::Folder::new(workbook.lab_folder(&lab.name));
    watch::start(&watched, move || saved.send(Event::Saved).is_ok());
    let interactive = style::interactive();
    let keys = interactive.then(|| Keys::listen(send.clone(), Event::Key));
    let mut home = Home {
        workbook,
        lab,
        stage,
        send: send.clone(),
        watched,
        running: None,
        again: false,
        book: with_book.then_some(State::Building),
        server: None,
        opened: false,
        may_open: !args.no_open && interactive,
        offered: None,
        interactive,
    };
    let ended = thread::scope(|scope| {
        home.test(scope)?;
        if with_book {
            let tell = move |state| {
                // The loop may be over.
                let _ = send.send(Event::Book(state));
            };
            home.server = Some(Server::start(workbook, args.port, tell));
        }
        let ended = home.take_events(scope, &events);
        home.stop();
        ended
    });
    drop(keys);
    ended
}

type Scope<'s, 'e> = &'s thread::Scope<'s, 'e>;

impl<'w> Home<'w> {
    fn take_events<'s>(
        &mut self,
        scope: Scope<'s, '_>,
        events: &Receiver<Event>,
    ) -> Result<u8, Error>
    where
        'w: 's,
    {
        for event in events {
            match event {
                Event::Key(CTRL_C) => return Err(Error::Interrupted),
                Event::Key(b'q') => return Ok(0),
                Event::Key(key) => self.key(scope, key)?,
                Event::Saved => self.test(scope)?,
                Event::Ran(result) => self.ran(scope, result)?,
                Event::Book(state) => self.book_changed(state),
            }
        }
        Ok(0)
    }

    fn stop(&mut self) {
        if let Some(cancel) = self.running.take() {
            cancel.store(true, Ordering::Relaxed);
        }
        if let Some(server) = self.server.take() {
            server.stop();
            // A stale address is noticed by whoever tries it.
            let _ = std::fs::remove_file(book::address_file(self.workbook));
        }
    }

    /// Tests the stage, now or as soon as the present run has stopped.
    fn test<'s>(&mut self, scope: Scope<'s, '_>) -> Result<(), Error>
    where
        'w: 's,
    {
        if let Some(cancel) = &self.running {
            cancel.store(true, Ordering::Relaxed);
            self.again = true;
            return Ok(());
        }
        self.show_place()?;
        if let Err(error) = self.workbook.require_lib(&self.lab.name) {
            style::put(&format!("  {error}\n"));
            return Ok(());
        }
        let cancel = Arc::new(AtomicBool::new(false));
        self.running = Some(Arc::clone(&cancel));
        let (send, workbook, lab, stage) = (self.send.clone(), self.workbook, self.lab, self.stage);
        scope.spawn(move || {
            let selection = Selection {
                lab,
                stages: vec![stage],
                test: None,
            };
            let settings = Settings::default();
            let result = test_command::run(workbook, &selection, &settings, &cancel);
            // The loop may be over.
            let _ = send.send(Event::Ran(result));
        });
        Ok(())
    }

    fn ran<'s>(
        &mut self,
        scope: Scope<'s, '_>,
        result: Result<(Vec<StageResult>, Built), Error>,
    ) -> Result<(), Error>
    where
        'w: 's,
    {
        self.running = None;
        if std::mem::take(&mut self.again) {
            return self.test(scope);
        }
        let (results, built) = match result {
            Ok(done) => done,
            Err(error) => {
                style::put(&format!("  error: {error}\n"));
                return Ok(());
            }
        };
        let not_built = results
            .iter()
            .any(|stage| stage.count(Verdict::NotBuilt) > 0);
        let mut hints = stumbles::in_sources(self.workbook, &self.lab.name);
        if not_built {
            hints.extend(stumbles::in_errors(&built.said));
        }
        for hint in hints {
            style::put(&format!("  {} {hint}\n", paint(Color::Yellow, "hint:")));
        }
        if results.iter().all(StageResult::is_green) {
            let text = format!("{} {} is done", self.lab.name, self.stage.number());
            style::put(&format!(
                "\n  {}: n goes on to the next stage\n",
                paint(Color::Green, &text)
            ));
        }
        self.show_keys();
        Ok(())
    }

    fn key<'s>(&mut self, scope: Scope<'s, '_>, key: u8) -> Result<(), Error>
    where
        'w: 's,
    {
        let offered = self.offered.take();
        match key {
            b'\n' | b'\r' | b't' => self.test(scope),
            b'h' => self.hint(offered),
            b'r' => {
                if let Err(error) = replay::replay_last(self.workbook) {
                    style::put(&format!("  {error}\n"));
                }
                self.show_keys();
                Ok(())
            }
            b'b' => {
                self.open_book(true);
                Ok(())
            }
            b'l' => list::list(self.workbook, &Args::default()),
            b'n' => self.next(scope),
            _ => {
                self.show_keys();
                Ok(())
            }
        }
    }

    fn next<'s>(&mut self, scope: Scope<'s, '_>) -> Result<(), Error>
    where
        'w: 's,
    {
        let Some(line) = list::advance(self.workbook)? else {
            style::put("  every stage is done\n");
            return Ok(());
        };
        style::put(&format!("  {line}\n"));
        let (lab, stage) = list::current(self.workbook, &list::load(self.workbook)?)?;
        (self.lab, self.stage) = (lab, stage);
        self.watched.set(self.workbook.lab_folder(&lab.name));
        self.open_book(false);
        self.test(scope)
    }

    /// A hint that costs something needs a second `h`.
    fn hint(&mut self, offered: Option<u8>) -> Result<(), Error> {
        let progress = list::load(self.workbook)?;
        let level = hint::next_level(&progress, self.lab, self.stage);
        match hint::cost(&progress, self.lab, self.stage, level) {
            Some(cost) if offered != Some(level) => {
                self.offered = Some(level);
                style::put(&format!("  {cost}; h again shows it\n"));
            }
            _ => {
                let given = hint::give(self.workbook, self.lab, self.stage, level)?;
                style::put(&given.shown());
            }
        }
        Ok(())
    }

    fn book_changed(&mut self, state: State) {
        let first = matches!(self.book, Some(State::Building));
        self.book = Some(state.clone());
        if let State::Serving(address) = &state {
            let _ = durable::replace(&book::address_file(self.workbook), address.as_bytes());
            if first && self.may_open {
                self.open_book(false);
            }
        }
        style::put(&format!("  book      {}\n", self.book_line()));
    }

    /// Opens the stage's page; where no browser can be asked, the address is there to copy.
    fn open_book(&mut self, asked: bool) {
        if let Some(State::Serving(address)) = &self.book
            && (asked || (self.may_open && !self.opened))
        {
            self.opened = book::open(&format!("{address}{}", self.page()));
        }
        if asked {
            style::put(&format!("  book      {}\n", self.book_line()));
        }
    }

    fn page(&self) -> String {
        let (lab, stage) = (&self.lab.name, self.stage);
        format!("{lab}/{}-{}.html", stage.number(), stage.slug)
    }

    fn book_line(&self) -> String {
        match &self.book {
            Some(State::Serving(address)) => {
                let beside = if self.opened { "   (opened)" } else { "" };
                format!("{address}{}{beside}", self.page())
            }
            Some(State::Failed(why)) => why.clone(),
            _ => "building, about a minute the first time; nothing waits for it".into(),
        }
    }

    fn show_place(&self) -> Result<(), Error> {
        if self.interactive {
            // From the top, so that the verdicts are always in the same place.
            style::put("\x1b[H\x1b[2J\x1b[3J");
        }
        let progress: Progress = list::load(self.workbook)?;
        let (lab, stage) = (self.lab, self.stage);
        let mut text = format!(
            "{} · {}\n",
            paint(Color::Bold, "Distributed systems patterns"),
            list::totals(self.workbook, &progress)
        );
        if self.book.is_some() {
            text.push_str(&format!("  book      {}\n", self.book_line()));
        }
        text.push_str(&format!(
            "  stage     {} {}: {} · {}\n  watching  save the file to test it\n\n",
            lab.name,
            stage.number(),
            stage.title,
            list::files(lab, stage)
        ));
        style::put(&text);
        Ok(())
    }

    fn show_keys(&self) {
        if self.interactive {
            let keys = "r replay  h hint  b book  l list  n next  q quit";
            style::put(&format!("\n  {}\n", paint(Color::Dim, keys)));
        }
    }
}
