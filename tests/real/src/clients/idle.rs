//! Ten thousand idle connections, or as many as the file limit allows; the client is a process of
//! its own, so that each side has the limit for itself.

use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::resp::Client;
use crate::servers::{self, Build};
use lock_solution::wire::Frame;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const WANTED: u64 = 10_000;
/// Files that a process needs for itself.
const OWN: u64 = 64;

/// Raises this process' limit of open files as far as it goes; children inherit it.
fn raise_limit() -> Result<u64, Outcome> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let current = Some(most.min(1 << 20));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current,
            maximum: limit.maximum,
        },
    )?;
    Ok(most)
}

/// Opens them, asks on another connection, asks on each of them, closes them.
pub fn ten_thousand() -> Checked {
    let count = raise_limit()?.saturating_sub(OWN).min(WANTED);
    let server = servers::ours(Build::Dev, None)?;
    let before = resident_kib(server.pid())?;
    let mut holder = Command::new(std::env::current_exe()?)
        .args(["idle", &server.address(), &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut input), Some(output)) = (holder.stdin.take(), holder.stdout.take()) else {
        return fail("the client process has no pipes");
    };
    let mut lines = BufReader::new(output).lines();
    let mut heard = |expected: &str| match lines.next() {
        Some(Ok(line)) if line == expected => Ok(()),
        other => fail(format!(
            "the client process said {other:?} instead of {expected:?}"
        )),
    };
    heard(&format!("open {count}"))?;
    let each = (resident_kib(server.pid())? - before) as f64 / count as f64;
    let mut other = Client::connect(&server.address())?;
    let started = Instant::now();
    for i in 0..1000 {
        let reply = other.ask(&["SET", "k", &i.to_string()])?;
        ensure(reply == Frame::ok(), || format!("{reply:?}"))?;
    }
    let per_call = started.elapsed() / 1000;
    input.write_all(b"again\n")?;
    heard(&format!("again {count}"))?;
    drop(input);
    holder.wait()?;
    let reply = other.ask(&["PING"])?;
    ensure(reply == Frame::simple("PONG"), || format!("{reply:?}"))?;
    Ok(format!(
        "{count} open, {each:.1} KiB each in the server; meanwhile a SET took {per_call:?} on another"
    ))
}

/// What `/proc` says the process has in memory.
fn resident_kib(pid: u32) -> Result<u64, Outcome> {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return Err(Outcome::not_run("/proc", "run this on Linux"));
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|n| n.parse().ok())
        .map_or_else(|| fail("no VmRSS"), Ok)
}

/// The client process: opens so many, then asks on each of them for every line that it is given.
pub fn hold(words: &[String]) -> ExitCode {
    let [address, count] = words else {
        return ExitCode::from(2);
    };
    match hold_open(address, count.parse().unwrap_or(0)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn hold_open(address: &str, count: usize) -> std::io::Result<()> {
    let mut clients = Vec::with_capacity(count);
    let wrong = |frame| std::io::Error::other(format!("PING was answered with {frame:?}"));
    for _ in 0..count {
        let mut client = Client::connect(address)?;
        match client.ask(&["PING"])? {
            Frame::Simple(_) => clients.push(client),
            other => return Err(wrong(other)),
        }
    }
    println!("open {}", clients.len());
    for line in std::io::stdin().lines() {
        line?;
        for client in &mut clients {
            match client.ask(&["PING"])? {
                Frame::Simple(_) => {}
                other => return Err(wrong(other)),
            }
        }
        println!("again {}", clients.len());
    }
    Ok(())
}
