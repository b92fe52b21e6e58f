//! The code of the book's on-ramp and the numbers of its clocks page. The book includes it by anchor, so what a reader
//! sees there has been compiled and run.

use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Moment, Output};
use node::{Addr, Ctx, LocalTime, Node, OpId, WallTime, load, save};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

// ANCHOR: types
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
enum Msg {
    /// A button asks for light.
    Press,
    /// The lamp answers: it is lit, and this was press number so many.
    Lit { presses: u64 },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Timer {
    Off,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Ask {
    HowManyPresses,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Lamp {
    lit_until: Option<LocalTime>,
    presses: u64,
}

/// What a checker may see of a lamp.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
struct View {
    lit: bool,
    presses: u64,
}
// ANCHOR_END: types

// ANCHOR: lamp
impl Node for Lamp {
    type Config = Duration; // how long a press lights the lamp
    type Msg = Msg;
    type Timer = Timer;
    type Op = Ask;
    type Ret = u64;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let presses = load(&cx.disk(), "presses").unwrap_or(0);
        Lamp {
            lit_until: None,
            presses,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Press => self.press(cx, from),
            Msg::Lit { .. } => {} // for buttons; a lamp ignores it
        }
    }

    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, timer: Timer) {
        match timer {
            Timer::Off => self.lit_until = None,
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Ask) {
        match op {
            Ask::HowManyPresses => cx.ret(id, self.presses),
        }
    }

    fn view(&self, now: LocalTime) -> View {
        View {
            lit: self.lit_until.is_some_and(|end| now < end),
            presses: self.presses,
        }
    }
}
// ANCHOR_END: lamp

// ANCHOR: press
impl Lamp {
    fn press(&mut self, cx: &mut Ctx<'_, Self>, from: Addr) {
        let stays_lit = *cx.cfg();
        self.presses += 1;
        self.lit_until = Some(cx.now() + stays_lit);
        cx.set_timer(Timer::Off, stays_lit); // set again: the old one is replaced

        save(&mut cx.disk(), "presses", &self.presses);
        cx.disk().sync("presses"); // what follows waits until the number is safe
        let presses = self.presses;
        cx.send(from, Msg::Lit { presses });
    }
}
// ANCHOR_END: press

// ANCHOR: map
/// Counts a visit; says how many there have been.
fn visit(visits: &mut BTreeMap<String, u32>, name: &str) -> u32 {
    let count = visits.entry(name.to_owned()).or_default();
    *count += 1;
    *count
}

/// Forgets everyone who came once.
fn forget_strangers(visits: &mut BTreeMap<String, u32>) {
    visits.retain(|_name, count| *count > 1);
}
// ANCHOR_END: map

// ANCHOR: let_else
/// How long the lamp will stay lit; zero if it is dark.
fn rest(lamp: &Lamp, now: LocalTime) -> Duration {
    let Some(end) = lamp.lit_until else {
        return Duration::ZERO;
    };
    end - now // of two `LocalTime`s: a `Duration`, never below zero
}
// ANCHOR_END: let_else

// ANCHOR: serve
/// Serves until `stop` is done.
async fn serve(listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased; // look at `stop` first, always: a fixed order can be tested
            () = &mut stop => return Ok(()),
            accepted = listener.accept() => {
                let (socket, _peer) = accepted?;
                tokio::spawn(echo(socket));
            }
        }
    }
}

async fn echo(mut socket: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(()), // the other side closed
            n => socket.write_all(&buffer[..n]).await?,
        }
    }
}
// ANCHOR_END: serve

/// A desk: the least that a handler can be run on. The simulator is the real one.
#[derive(Default)]
struct Desk {
    files: BTreeMap<FileName, Option<Arc<Vec<u8>>>>,
}

impl Env for Desk {
    fn read(&self, file: &str) -> Option<&[u8]> {
        let content = self.files.get(file)?.as_ref()?;
        Some(content.as_slice())
    }
    fn list(&self, prefix: &str) -> Vec<String> {
        let there = self.files.iter().filter(|(_, c)| c.is_some());
        let names = there.map(|(name, _)| name.to_string());
        names.filter(|name| name.starts_with(prefix)).collect()
    }
    fn free_bytes(&self) -> u64 {
        1 << 20
    }
    fn apply(&mut self, file: &FileName, op: &DiskOp) {
        op.apply(self.files.entry(file.clone()).or_default());
    }
    fn choose(&mut self, _n: u32) -> u32 {
        0
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        within.start
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Moment {
    Moment {
        me: Addr(0),
        now: LocalTime::from_micros(seconds * 1_000_000),
        wall: WallTime::from_unix_micros(0),
    }
}

#[test]
fn a_press_is_on_the_disk_before_it_is_answered() {
    let (mut desk, mut out) = (Desk::default(), Output::default());
    let mut lamp: Lamp = driver::boot(at(0), &MINUTE, &mut desk, &mut out);
    let press = Input::Message(Addr(1), Msg::Press);
    driver::step(&mut lamp, at(1), &MINUTE, &mut desk, press, &mut out);

    assert!(lamp.view(at(60).now).lit);
    assert!(!lamp.view(at(61).now).lit);
    assert_eq!(rest(&lamp, at(51).now), Duration::from_secs(10));
    assert_eq!(rest(&lamp, at(99).now), Duration::ZERO);
    let order: Vec<_> = out.effects.iter().map(name_of).collect();
    assert_eq!(order, ["disk", "sync", "send"]);
    let again: Lamp = driver::boot(at(0), &MINUTE, &mut desk, &mut out);
    let view = again.view(at(0).now);
    assert_eq!((view.lit, view.presses), (false, 1));
}

fn name_of(effect: &Effect<Msg, u64>) -> &'static str {
    match effect {
        Effect::Send { .. } => "send",
        Effect::Ret { .. } => "ret",
        Effect::Disk { .. } => "disk",
        Effect::Sync { .. } => "sync",
        Effect::Note(_) => "note",
    }
}

#[test]
fn the_lamp_counts_and_goes_out() {
    let (mut desk, mut out) = (Desk::default(), Output::default());
    let mut lamp: Lamp = driver::boot(at(0), &MINUTE, &mut desk, &mut out);
    let mut give = |lamp: &mut Lamp, input| {
        driver::step(lamp, at(1), &MINUTE, &mut desk, input, &mut out);
    };
    give(&mut lamp, Input::Message(Addr(1), Msg::Press));
    give(&mut lamp, Input::Message(Addr(1), Msg::Lit { presses: 9 }));
    give(&mut lamp, Input::Op(OpId::external(1), Ask::HowManyPresses));
    give(&mut lamp, Input::Timer(Timer::Off));
    assert_eq!(rest(&lamp, at(1).now), Duration::ZERO);
    let told = matches!(out.effects.last(), Some(Effect::Ret { ret: 1, .. }));
    assert!(told, "the one press is counted once");
}

#[test]
fn a_map_counts_visits() {
    let mut visits = BTreeMap::new();
    assert_eq!(visit(&mut visits, "ann"), 1);
    assert_eq!(visit(&mut visits, "bob"), 1);
    assert_eq!(visit(&mut visits, "bob"), 2);
    forget_strangers(&mut visits);
    assert_eq!(visits.into_keys().collect::<Vec<_>>(), ["bob"]);
}

#[tokio::test]
async fn the_server_answers_and_stops() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, async {
        let _ = stopped.await;
    }));
    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"hello").await?;
    let mut answer = [0; 5];
    client.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"hello");
    stop.send(()).expect("the server waits for it");
    server.await?
}

// ANCHOR: deadline
#[tokio::test(start_paused = true)]
async fn a_deadline_drops_what_it_waited_for() {
    let mut steps = Vec::new();
    let work = async {
        steps.push("asked");
        tokio::time::sleep(Duration::from_secs(60)).await; // the reply is slow
        steps.push("heard");
    };
    let answer = tokio::time::timeout(Duration::from_secs(1), work).await;
    assert!(answer.is_err());
    assert_eq!(steps, ["asked"]); // half done, and nobody will finish it
}
// ANCHOR_END: deadline

/// The table and the formula of the book's page on clocks: ρ = 1 %, TTL = 10 s.
#[test]
fn the_worked_example() {
    let (ttl, rho) = (10.0_f64, 0.01);
    let fast_server_ends = ttl / (1.0 + rho);
    let naive = ttl * (1.0 - rho);
    let right = ttl * (1.0 - rho) / (1.0 + rho);
    let true_time_of = |d: f64| d / (1.0 - rho);
    println!("a fast server ends the lease after {fast_server_ends:.3} s of true time");
    for (name, d) in [("TTL·(1−ρ)", naive), ("TTL·(1−ρ)/(1+ρ)", right)] {
        let ends = true_time_of(d);
        println!("{name}: {d:.3} s on the slow client's clock, {ends:.3} s of true time");
    }
    assert!(true_time_of(naive) > fast_server_ends + 0.098);
    assert!((true_time_of(right) - fast_server_ends).abs() < 1e-9);
    let lost = 100.0 * (1.0 - right / ttl);
    println!("given up of each lease: {lost:.1} %");
    assert!((1.9..2.0).contains(&lost));
}
