//! `cargo lab` and `cargo lab watch`: at a terminal with keys, and without one in plain lines.

#![cfg(unix)]

mod support;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use support::Copy;

/// The runner at a terminal of its own.
struct Seat {
    keys: File,
    screen: Receiver<String>,
    terminal: File,
    child: Child,
    seen: String,
}

impl Seat {
    fn of(mut command: Command) -> Seat {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let path = std::ffi::OsStr::from_bytes(name.to_bytes());
        let terminal = File::options().read(true).write(true).open(path).unwrap();
        let end = || Stdio::from(terminal.try_clone().unwrap());
        command
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("DISPLAY");
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keys = File::from(keys);
        Seat {
            screen: reader(keys.try_clone().unwrap()),
            keys,
            terminal,
            child,
            seen: String::new(),
        }
    }

    /// Reads on until `text` stands on the screen; what was read before it is forgotten.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(more) => self.seen.push_str(&more),
                Err(_) => panic!("no {text:?} in {}", self.seen),
            }
        }
    }

    fn press(&mut self, key: u8) {
        self.keys.write_all(&[key]).unwrap();
    }

    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.terminal).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands on the screen, as it comes.
fn reader(mut screen: File) -> Receiver<String> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = screen.read(&mut bytes) {
            if send
                .send(String::from_utf8_lossy(&bytes[..count]).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
    receive
}

/// Long enough for a compiler on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const KEYS: &str = "r replay  h hint  b book  l list  n next  q quit";

#[test]
fn a_learner_saves_asks_goes_on_and_quits() {
    let copy = Copy::of_the_workbook("home_keys");
    let mut seat = Seat::of(copy.command("watch"));
    let first = seat.wait_for(KEYS);
    assert!(
        first.contains("0 of 3 stages done · 0/45 points"),
        "{first}"
    );
    assert!(
        first.contains("toy 1: Sums · labs/toy/src/lib.rs"),
        "{first}"
    );
    assert!(first.contains("4 tests: 4 to do"), "{first}");
    assert!(
        first.contains("\x1b[33mto do"),
        "colour beside the word: {first}"
    );
    seat.press(b'h');
    seat.wait_for("H1  Add them.");
    seat.press(b'h');
    seat.wait_for("H2 leaves 90 % of the stage (-10 %, 1 points); h again shows it");
    let solution = copy.read("solutions/toy/src/lib.rs");
    copy.write("labs/toy/src/lib.rs", &solution);
    seat.wait_for("4 tests: 4 passed");
    seat.wait_for("toy 1 is done");
    seat.wait_for(KEYS);
    seat.press(b'n');
    seat.wait_for("toy 2: Largest");
    seat.wait_for("3 tests: 3 passed");
    seat.wait_for(KEYS);
    seat.press(b'l');
    seat.wait_for("10 of 10 points");
    assert!(!seat.is_as_before(), "keys come one by one");
    seat.press(b'q');
    assert_eq!(seat.child.wait().unwrap().code(), Some(0));
    assert!(seat.is_as_before(), "the terminal is mended");
}

/// Whether a test of this copy is running.
#[cfg(target_os = "linux")]
fn is_testing(copy: &Copy) -> bool {
    let programs = copy.path("target/debug/deps");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut running =
        processes.filter_map(|entry| std::fs::read_link(entry.path().join("exe")).ok());
    running.any(|program| program.starts_with(&programs))
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_with_130_also_during_a_test_and_leaves_nothing_running() {
    let copy = Copy::of_the_workbook("home_ctrl_c");
    let hours = "wall_seconds = 6000\ncpu_seconds = 6000";
    copy.edit(
        "tests/graded/nasty/lab.toml",
        "wall_seconds = 5\ncpu_seconds = 2",
        hours,
    );
    copy.lab("goto nasty 1").ends_with(0);
    let mut seat = Seat::of(copy.command("watch"));
    seat.wait_for("Compiling");
    // Only the tests that never end are still there after a while; any of them will do.
    let start = std::time::Instant::now();
    while !is_testing(&copy) {
        assert!(start.elapsed() < PATIENCE);
        let _ = seat.screen.recv_timeout(Duration::from_millis(20));
    }
    seat.press(3);
    assert_eq!(seat.child.wait().unwrap().code(), Some(130));
    assert!(seat.is_as_before());
    assert!(!is_testing(&copy));
}

#[test]
fn what_does_not_compile_gets_the_compilers_words_and_ours_below() {
    let copy = Copy::solved("home_errors");
    let mut seat = Seat::of(copy.command("watch"));
    seat.wait_for(KEYS);
    let good = copy.read("labs/toy/src/lib.rs");
    let bad = good.replace("left + right", "{ let mut seen: std::collections::HashMap<f64, u8> = Default::default(); seen.insert(0.5, 1); left + right }");
    copy.write("labs/toy/src/lib.rs", &bad);
    let screen = seat.wait_for(KEYS);
    assert!(
        screen.contains("f64") && screen.contains("E0599"),
        "{screen}"
    );
    assert!(screen.contains("4 tests: 4 not built"), "{screen}");
    let hint = screen.rsplit("not built").next().unwrap();
    assert!(
        hint.contains(
            "labs/toy/src/lib.rs:12: `HashMap`: its order differs from run to run: use BTreeMap"
        ),
        "{hint}"
    );
    std::fs::remove_file(copy.path("labs/toy/src/lib.rs")).unwrap();
    seat.wait_for("labs/toy/src/lib.rs is missing: `cargo lab reset toy`");
    copy.write("labs/toy/src/lib.rs", &good);
    seat.wait_for("4 tests: 4 passed");
    seat.press(b'q');
    assert_eq!(seat.child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_book_is_built_beside_the_tests_and_ends_with_the_runner() {
    let copy = Copy::of_the_workbook("home_book");
    // A port that is taken: the book moves on.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut command = copy.command("--no-open");
    command.args(["--port", &port.to_string()]);
    let mut seat = Seat::of(command);
    let first = seat.wait_for("watching");
    assert!(first.contains("book      building"), "{first}");
    let line = seat.wait_for("/toy/1-sum.html");
    let address = line
        .rsplit("http://")
        .next()
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_string();
    assert_ne!(address, format!("127.0.0.1:{port}"));
    assert!(std::net::TcpStream::connect(&address).is_ok());
    seat.press(b'b');
    seat.wait_for(&format!("{address}/toy/1-sum.html"));
    seat.press(b'q');
    assert_eq!(seat.child.wait().unwrap().code(), Some(0));
    assert!(
        std::net::TcpStream::connect(&address).is_err(),
        "the book is still served"
    );
}

#[test]
fn without_a_terminal_there_are_plain_lines_and_no_keys() {
    let copy = Copy::of_the_workbook("home_plain");
    let mut command = copy.command("");
    command.args(["--no-open", "--port", "4999"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut until = |text: &str| {
        let mut seen = String::new();
        for line in lines.by_ref() {
            seen.push_str(&line);
            seen.push('\n');
            if line.contains(text) {
                return seen;
            }
        }
        panic!("no {text:?} in {seen}");
    };
    let first = until("the_order_does_not_matter");
    assert!(first.contains("book      building"), "{first}");
    assert!(
        !first.contains('\x1b') && !first.contains("q quit"),
        "{first}"
    );
    let solution = copy.read("solutions/toy/src/lib.rs");
    copy.write("labs/toy/src/lib.rs", &solution);
    let second = until("toy 1 is done");
    assert!(
        second.contains("ok          the_order_does_not_matter"),
        "{second}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
