//! Exercises and checks against real systems and real clients.
//!
//! ```text
//! cargo run -p real -- lock [--solution] [--ours]   the lock lab's exercise: Redis, a pause, a fence
//! cargo run -p real -- clients [NAME…]              real clients against our lock server
//! cargo run -p real -- bench [--quick]              our lock server beside Redis
//! cargo run -p real -- raft [--solution]            the raft lab's exercise: the same faults on etcd and on ours
//! cargo run -p real -- raft checks | NAME…          real clients against our raft-server, kills, histories
//! cargo run -p real -- raft bench [--quick]         our raft-server beside etcd
//! cargo run -p real --example first_contact_lock    thirty lines: a lock on a real Redis
//! ```
//!
//! Exit codes: 0 it showed what it should, 1 it did not, 2 usage, 3 something that it needs is not
//! here; it says what, and how to get it. What was not run is never counted as passed.
//!
//! Architecture invariant: client crates are dependencies here and nowhere else.

#![allow(clippy::duplicate_mod)] // `carrier.rs` is compiled against two crates

mod bench;
mod clients;
mod draw;
mod exercise;
mod lab;
mod outcome;
mod raft;
mod resp;
mod servers;
mod solution;

use exercise::holder::Setup;
use std::process::ExitCode;

const USAGE: &str = "usage: real lock [--solution] [--ours] | clients [NAME…] | bench [--quick] \
                     | raft [--solution|checks|NAME…|bench [--quick]|proto --write]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (first, rest) = match words.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("", &[][..]),
    };
    let flag = |name: &str| rest.iter().any(|word| word == name);
    match first {
        "lock" if rest.iter().all(|w| w == "--solution" || w == "--ours") => {
            exercise::run(&exercise::Options {
                solution: flag("--solution"),
                ours: flag("--ours"),
            })
        }
        "holder" => match Setup::parse(rest) {
            Some(setup) => hold(setup),
            None => usage(),
        },
        "bench" if rest.iter().all(|w| w == "--quick") => bench::run(flag("--quick")),
        "clients" => clients::run(rest),
        "raft" => raft::run(rest),
        "idle" => clients::hold_idle(rest),
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// The process of one lock holder; the exercise starts it.
#[tokio::main(flavor = "current_thread")]
async fn hold(setup: Setup) -> ExitCode {
    let local = tokio::task::LocalSet::new();
    let ended = local.run_until(async {
        match setup.solution {
            true => solution::carrier::run(setup).await,
            false => lab::carrier::run(setup).await,
        }
    });
    match ended.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("holder: {why}");
            ExitCode::FAILURE
        }
    }
}
