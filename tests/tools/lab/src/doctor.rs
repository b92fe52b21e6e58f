//! `cargo lab doctor`: what this machine has, and how to get what it lacks.

use crate::args::Args;
use crate::error::Error;
use crate::launcher::{Enforced, Limits};
use crate::process::{self, End};
use crate::progress::Progress;
use crate::style::{self, Color, paint};
use crate::workbook::Workbook;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// True if nothing that grading needs is missing; real systems are optional.
pub fn command(workbook: &Workbook, args: &Args) -> Result<bool, Error> {
    args.at_most(0)?;
    let mut good = toolchain(workbook);
    good &= linker();
    good &= own_folder(workbook);
    good &= disk(workbook);
    port(args.port);
    browser();
    if let Some(complaint) = Enforced::here().complaint() {
        note("limits", &complaint);
    } else {
        fine(
            "limits",
            "wall time, processor time, memory and output of each test",
        );
    }
    style::put("\n  real systems, for the exercises after each lab (optional)\n");
    for system in SYSTEMS {
        real_system(&system);
    }
    Ok(good)
}

fn fine(what: &str, text: &str) {
    style::put(&format!(
        "  {}  {what:<13} {text}\n",
        paint(Color::Green, "ok      ")
    ));
}

fn note(what: &str, text: &str) {
    style::put(&format!(
        "  {}  {what:<13} {text}\n",
        paint(Color::Yellow, "note    ")
    ));
}

fn missing(what: &str, text: &str) -> bool {
    style::put(&format!(
        "  {}  {what:<13} {text}\n",
        paint(Color::Red, "MISSING ")
    ));
    false
}

/// The first line that a program prints about its version.
fn version_of(program: &Path, flag: &str) -> Option<String> {
    let limits = Limits {
        wall: Duration::from_secs(10),
        memory_bytes: 64 << 30,
        ..Limits::default()
    };
    let ran = process::run(program, &limits, &AtomicBool::new(false), |command| {
        command.arg(flag);
    });
    let ran = ran.ok()?;
    let line = ran
        .output
        .lines()
        .find(|line| !line.trim().is_empty())?
        .trim()
        .to_string();
    (ran.end == End::Exited(0)).then_some(line)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

fn toolchain(workbook: &Workbook) -> bool {
    let wanted = fs::read_to_string(workbook.root.join("rust-toolchain.toml")).ok();
    let wanted = wanted.as_deref().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("channel"))?;
        line.split('"').nth(1).map(str::to_string)
    });
    let found = on_path("rustc").and_then(|rustc| version_of(&rustc, "--version"));
    match (found, wanted) {
        (None, _) => missing(
            "toolchain",
            "no rustc on PATH: install Rust from https://rustup.rs",
        ),
        (Some(found), Some(wanted)) if !found.contains(&format!("rustc {wanted} ")) => missing(
            "toolchain",
            &format!(
                "{found}, but rust-toolchain.toml asks for {wanted}: with rustup, `rustup toolchain install {wanted}`"
            ),
        ),
        (Some(found), _) => {
            fine("toolchain", &found);
            true
        }
    }
}

fn linker() -> bool {
    if cfg!(windows) {
        return true;
    }
    match on_path("cc") {
        Some(path) => {
            fine("linker", &path.display().to_string());
            true
        }
        None => missing(
            "linker",
            "no cc on PATH: sudo apt install build-essential · xcode-select --install",
        ),
    }
}

fn own_folder(workbook: &Workbook) -> bool {
    match Progress::load(workbook) {
        Ok(loaded) => {
            fine(
                "progress",
                &workbook
                    .own_folder()
                    .join("progress.json")
                    .display()
                    .to_string(),
            );
            if let Some(warning) = loaded.warning {
                note("progress", &warning);
            }
            true
        }
        Err(error) => missing("progress", &error.to_string()),
    }
}

/// What a build of everything takes, roughly.
const ROOM_MIB: u64 = 3_000;

fn disk(workbook: &Workbook) -> bool {
    let Some(free) = free_mib(&workbook.root) else {
        note("disk", "cannot tell how much is free");
        return true;
    };
    match free < ROOM_MIB {
        false => {
            fine("disk", &format!("{free} MiB free"));
            true
        }
        true => missing(
            "disk",
            &format!(
                "{free} MiB free, a build takes up to {ROOM_MIB}: `cargo clean` frees the most"
            ),
        ),
    }
}

/// By `df`, which POSIX describes.
fn free_mib(folder: &Path) -> Option<u64> {
    let df = on_path("df")?;
    let ran = process::run(
        &df,
        &Limits::default(),
        &AtomicBool::new(false),
        |command| {
            command.arg("-Pk").arg(folder);
        },
    );
    let output = ran.ok()?.output;
    let kib: u64 = output
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    Some(kib / 1024)
}

fn port(asked: Option<u16>) {
    let port = asked.unwrap_or(crate::book::PORT);
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => fine("port", &format!("{port} is free for the book")),
        Err(_) => note(
            "port",
            &format!("{port} is taken: the book moves to the next free one"),
        ),
    }
}

fn browser() {
    let opener = crate::book::opener();
    match on_path(opener) {
        Some(_) => fine("browser", &format!("opened with {opener}")),
        None => note(
            "browser",
            &format!("no {opener}: open the printed address yourself"),
        ),
    }
}

struct System {
    program: &'static str,
    flag: &'static str,
    labs: &'static str,
    get: &'static str,
}

const SYSTEMS: [System; 7] = [
    System {
        program: "redis-server",
        flag: "--version",
        labs: "rpc, lock",
        get: "sudo apt install redis-server · brew install redis",
    },
    System {
        program: "consul",
        flag: "version",
        labs: "hash-ring",
        get: "https://developer.hashicorp.com/consul/install · brew install hashicorp/tap/consul",
    },
    System {
        program: "memcached",
        flag: "-V",
        labs: "cache",
        get: "sudo apt install memcached · brew install memcached",
    },
    System {
        program: "kafka-server-start.sh",
        flag: "--version",
        labs: "message-log",
        get: "https://kafka.apache.org/downloads, its bin folder on PATH · brew install kafka",
    },
    System {
        program: "java",
        flag: "-version",
        labs: "message-log (for Kafka)",
        get: "sudo apt install default-jre-headless · brew install openjdk",
    },
    System {
        program: "postgres",
        flag: "--version",
        labs: "two-phase-commit",
        get: "sudo apt install postgresql (its programs are in /usr/lib/postgresql/*/bin) · brew install postgresql",
    },
    System {
        program: "etcd",
        flag: "--version",
        labs: "raft",
        get: "sudo apt install etcd-server · brew install etcd",
    },
];

fn real_system(system: &System) {
    let what = system.program;
    match on_path(what) {
        Some(path) => {
            let version = version_of(&path, system.flag);
            let version = version.unwrap_or_else(|| path.display().to_string());
            fine(what, &format!("{version}   ({})", system.labs));
        }
        None => {
            let absent = paint(Color::Yellow, "not here");
            style::put(&format!(
                "  {absent}  {what:<13} for {}: {}\n",
                system.labs, system.get
            ));
        }
    }
}
