//! Real clients against our lock server, each with its own code and its own scripts.
//!
//! A check that needs what is not here says so and counts as not run.

mod foreign;
mod history;
mod idle;
mod kill;
mod mutate;
mod rust;
mod tools;

use crate::outcome::{Checked, run_all};
use std::process::ExitCode;

pub use idle::hold as hold_idle;

type Check = fn() -> Checked;

/// The checks, by name.
const CHECKS: [(&str, Check); 13] = [
    ("redis-cli", tools::redis_cli),
    ("redis-benchmark", tools::redis_benchmark),
    ("redis-py", foreign::redis_py),
    ("pottery", foreign::pottery),
    ("redlock-js", foreign::redlock_js),
    ("redsync", foreign::redsync),
    ("redislock", foreign::redislock),
    ("redis-rs", rust::redis_crate),
    ("redlock-rs", rust::redlock_crate),
    ("history", history::linearizable),
    ("idle", idle::ten_thousand),
    ("kill-9", kill::rounds),
    ("mutate", mutate::fuzz),
];

/// Runs those that are named, or all.
pub fn run(names: &[String]) -> ExitCode {
    let known = |name: &String| CHECKS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "no check is called {unknown}; there are: {}",
            all.join(", ")
        );
        return ExitCode::from(2);
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    run_all(CHECKS.into_iter().filter(|(name, _)| wanted(name)))
}
