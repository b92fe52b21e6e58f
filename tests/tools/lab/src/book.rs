//! The book's program: built in the background, started when it is built, stopped with the runner. Nothing waits for it.

use crate::args::Args;
use crate::cargo;
use crate::error::Error;
use crate::launcher;
use crate::process;
use crate::scratch::target_folder;
use crate::style;
use crate::workbook::Workbook;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// Where the book is served if nobody else is there.
pub const PORT: u16 = 4173;

/// The cargo profile of the book's program, and the name of its folder.
const PROFILE: &str = "book";

/// What there is to say about the book.
#[derive(Clone, Debug)]
pub enum State {
    Building,
    /// With the address, which ends in `/`.
    Serving(String),
    /// And why.
    Failed(String),
}

/// The running server, stopped when dropped.
#[derive(Clone, Default)]
pub struct Server {
    child: Arc<Mutex<Option<Child>>>,
}

impl Server {
    /// Builds and serves; `tell` hears what becomes of it, from another thread.
    pub fn start(
        workbook: &Workbook,
        port: Option<u16>,
        tell: impl Fn(State) + Send + 'static,
    ) -> Server {
        let server = Server::default();
        let child = Arc::clone(&server.child);
        let paths = Paths::of(workbook);
        // The thread lives as long as the server: the server ends with its parent, and that is this thread.
        thread::spawn(move || {
            let state = match build(&paths, &child) {
                Ok(program) => serve(&paths, &program, port, &child, &tell),
                Err(why) => why,
            };
            tell(State::Failed(state));
        });
        server
    }

    pub fn stop(&self) {
        if let Ok(mut child) = self.child.lock()
            && let Some(mut child) = child.take()
        {
            process::kill_group(&child);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Paths {
    root: PathBuf,
    target: PathBuf,
    log: PathBuf,
    results: PathBuf,
    trace: PathBuf,
    out: PathBuf,
}

impl Paths {
    fn of(workbook: &Workbook) -> Paths {
        let own = workbook.own_folder();
        Paths {
            root: workbook.root.clone(),
            target: target_folder(workbook),
            log: own.join("book.log"),
            results: own.join("results.json"),
            trace: own.join("traces/last.json"),
            out: own.join("book"),
        }
    }
}

/// Returns the program, or why there is none.
fn build(paths: &Paths, running: &Mutex<Option<Child>>) -> Result<PathBuf, String> {
    let cargo = cargo::cargo();
    let mut command = launcher::background(&cargo).map_err(|error| error.to_string())?;
    let log = File::create(&paths.log).map_err(|error| error.to_string())?;
    command
        // The profile has a folder of its own: cargo locks the one that it builds in, and the tests would wait.
        .args(["build", "--package", "lab-book", "--profile", PROFILE])
        .current_dir(&paths.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    process::own_group(&mut command);
    let child = command.spawn().map_err(|error| error.to_string())?;
    let built = hold(running, child);
    match built {
        true => Ok(paths
            .target
            .join(PROFILE)
            .join(format!("lab-book{}", std::env::consts::EXE_SUFFIX))),
        false => Err(format!("not built: {}", last_line(&paths.log))),
    }
}

/// Keeps the child where `stop` finds it, and waits for its end.
fn hold(running: &Mutex<Option<Child>>, child: Child) -> bool {
    let put = |child: Option<Child>| match running.lock() {
        Ok(mut running) => std::mem::replace(&mut *running, child),
        Err(_) => None,
    };
    drop(put(Some(child)));
    loop {
        let ended = match running.lock() {
            Ok(mut running) => match running.as_mut() {
                Some(child) => child
                    .try_wait()
                    .ok()
                    .flatten()
                    .map(|status| status.success()),
                None => Some(false),
            },
            Err(_) => Some(false),
        };
        if let Some(good) = ended {
            drop(put(None));
            return good;
        }
        thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Serves until the program ends; returns why it did.
fn serve(
    paths: &Paths,
    program: &Path,
    port: Option<u16>,
    running: &Mutex<Option<Child>>,
    tell: &impl Fn(State),
) -> String {
    let started = || -> Result<Child, Error> {
        let mut command = launcher::background(&Command::new(program))?;
        let log = File::create(&paths.log).map_err(Error::file("write", &paths.log))?;
        command
            .args(["serve", "--port", &port.unwrap_or(PORT).to_string()])
            .arg("--book")
            .arg(paths.root.join("book"))
            .arg("--out")
            .arg(&paths.out)
            .arg("--results")
            .arg(&paths.results)
            .arg("--trace")
            .arg(&paths.trace)
            .current_dir(&paths.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        if let Ok(own) = std::env::current_exe() {
            // For the hint button: this runner, and not a cargo that would build it anew.
            command.env("LAB_RUNNER", own);
        }
        process::own_group(&mut command);
        command.spawn().map_err(Error::file("start", program))
    };
    let mut child = match started() {
        Ok(child) => child,
        Err(error) => return error.to_string(),
    };
    let said = child.stdout.take();
    if let Ok(mut running) = running.lock() {
        *running = Some(child);
    }
    for line in said
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).lines())
        .map_while(Result::ok)
    {
        if let Some(at) = line.find("http://") {
            let address = line[at..].trim().trim_end_matches('/');
            tell(State::Serving(format!("{address}/")));
        }
    }
    format!("stopped: {}", last_line(&paths.log))
}

fn last_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let is_error = |line: &&str| line.starts_with("error");
    let line = text.lines().find(is_error).or(text.lines().last());
    match line {
        Some(line) => format!("{line} (all of it in .lab/book.log)"),
        None => "it said nothing".into(),
    }
}

/// The system's program that opens an address.
pub fn opener() -> &'static str {
    match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    }
}

/// True if a browser was asked.
pub fn open(address: &str) -> bool {
    let no_display = cfg!(target_os = "linux")
        && std::env::var_os("DISPLAY").is_none()
        && std::env::var_os("WAYLAND_DISPLAY").is_none();
    if no_display {
        return false;
    }
    let mut command = Command::new(opener());
    command
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    process::own_group(&mut command);
    command.spawn().is_ok()
}

/// `replay --open`: the player's page in the book of a running `cargo lab`, or in one that is started for it.
pub fn open_replay(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    open_page(workbook, args, "player", "replay.html")
}

/// A page that only the book's server has.
pub fn open_page(workbook: &Workbook, args: &Args, name: &str, page: &str) -> Result<(), Error> {
    let running = fs::read_to_string(address_file(workbook)).ok();
    if let Some(address) = running.filter(|address| answers(address)) {
        show(name, &format!("{address}{page}"), args);
        return Ok(());
    }
    let (send, states) = std::sync::mpsc::channel();
    style::put("  book      building, about a minute the first time\n");
    let server = Server::start(workbook, args.port, move |state| {
        // Nobody listens once the command is over.
        let _ = send.send(state);
    });
    for state in states {
        match state {
            State::Building => {}
            State::Serving(address) => {
                show(name, &format!("{address}{page}"), args);
                style::put("  serving until Ctrl-C\n");
            }
            State::Failed(why) => {
                server.stop();
                return Err(Error::Environment(format!("the book: {why}")));
            }
        }
    }
    Ok(())
}

fn show(name: &str, address: &str, args: &Args) {
    let opened = !args.no_open && open(address);
    let beside = if opened {
        "   (opened)"
    } else {
        "   (open it in a browser)"
    };
    style::put(&format!("  {name:<9} {address}{beside}\n"));
}

/// Where a running `cargo lab` says which address its book has.
pub fn address_file(workbook: &Workbook) -> PathBuf {
    workbook.own_folder().join("book.address")
}

fn answers(address: &str) -> bool {
    let place = address.trim_start_matches("http://").trim_end_matches('/');
    std::net::TcpStream::connect(place).is_ok()
}
