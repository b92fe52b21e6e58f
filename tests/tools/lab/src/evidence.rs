//! One test in a process of its own: how the process ended, what it printed, and what the test says of itself.

use crate::channel::{self, Record};
use crate::error::Error;
use crate::launcher::Limits;
use crate::process::{self, End, PrivateFolder, Ran};
use crate::verdict::Verdict;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// What the harness takes from its environment, and a run of ours only from us.
const CHOICES: [&str; 8] = [
    "LAB_SEEDS",
    "LAB_SEED",
    "LAB_KEEP",
    "LAB_SEED_KEY",
    "LAB_TRACE",
    "LAB_BUG",
    "LAB_SCHEDULE",
    "LAB_COUNT",
];

/// One test of a program.
pub struct One<'a> {
    pub program: &'a Path,
    /// Where tests of its package run.
    pub folder: &'a Path,
    pub lab: &'a str,
    pub test: &'a str,
}

pub struct Evidence {
    pub ran: Ran,
    pub record: Option<Record>,
    test: String,
}

impl One<'_> {
    pub fn run(
        &self,
        limits: &Limits,
        cancel: &AtomicBool,
        set_environment: impl FnOnce(&mut Command),
    ) -> Result<Evidence, Error> {
        let private = PrivateFolder::new()?;
        let report = private.join("report");
        let nonce = process::random_hex();
        channel::prepare(&report, &nonce)?;
        let ran = process::run(self.program, limits, cancel, |command| {
            command
                .args(["--exact", self.test, "--nocapture", "--test-threads=1"])
                .current_dir(self.folder)
                .env("LAB_REPORT", &report)
                .env("LAB_TEST", self.test)
                .env("LAB_NAME", self.lab);
            for name in CHOICES {
                command.env_remove(name);
            }
            set_environment(command);
        })?;
        let record = channel::read(&report, &nonce, self.test);
        Ok(Evidence {
            ran,
            record,
            test: self.test.to_string(),
        })
    }
}

impl Evidence {
    /// Of a graded test: nothing passes without its record.
    pub fn verdict(&self) -> (Verdict, String) {
        channel::judge(&self.ran, self.record.as_ref())
    }

    /// Of one of the learner's own tests. If it is a plain test its exit code counts: nobody gains by fooling
    /// themselves here.
    pub fn own_verdict(&self) -> (Verdict, String) {
        match (self.ran.end, &self.record) {
            (End::Exited(0), None) => (Verdict::Passed, String::new()),
            _ => self.verdict(),
        }
    }

    /// What the code printed, and no more.
    pub fn printed(&self) -> String {
        let printed = learners_part(&self.ran.output, &self.test);
        match &self.record {
            Some(record) => without_verdict(&printed, &record.invariant),
            None => printed,
        }
    }
}

/// What the code printed, without the lines of Rust's test harness.
pub fn learners_part(output: &str, test: &str) -> String {
    let prefix = format!("test {test} ... ");
    let harness = |line: &str| {
        line.is_empty()
            || line == "running 1 test"
            || line == "failures:"
            || line.trim() == test
            || line == "ok"
            || line == "FAILED"
            || line.starts_with("test result: ")
            || line.starts_with("note: run with `RUST_BACKTRACE=1`")
            || line == "error: test failed"
    };
    output
        .lines()
        .map(|line| line.strip_prefix(&prefix).unwrap_or(line))
        .filter(|line| !harness(line))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Without the panic by which the test told a person what the record tells the runner.
fn without_verdict(output: &str, invariant: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let start = format!("{invariant}: ");
    let last = (1..lines.len())
        .rev()
        .find(|at| lines[*at].starts_with(&start) && lines[at - 1].contains("panicked at "));
    let kept = &lines[..last.map_or(lines.len(), |at| at - 1)];
    kept.iter().map(|line| format!("{line}\n")).collect()
}
