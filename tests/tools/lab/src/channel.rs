//! The report channel: a graded test says how it ended in a file of its own, never in its output.
//!
//! The runner writes a nonce, the test takes it out at its start and signs its one line of JSON with it. What the code
//! under test prints is shown to people and read by nobody.

use crate::error::Error;
use crate::process::{End, Ran};
use crate::verdict::Verdict;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// The line that `sim::grade` writes.
#[derive(Debug, Deserialize)]
pub struct Record {
    nonce: String,
    test: String,
    outcome: Outcome,
    #[serde(default)]
    pub checks: u64,
    #[serde(default)]
    pub invariant: String,
    #[serde(default)]
    pub seed: Option<u64>,
    #[serde(default)]
    pub kept: Vec<String>,
    #[serde(default, rename = "of")]
    pub faults: Option<u64>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub location: Option<String>,
    #[serde(default)]
    pub replay: Option<String>,
    /// The version of the simulator, for the seed.
    #[serde(default)]
    pub kit: Option<u32>,
    #[serde(default)]
    pub hits: Option<u64>,
    #[serde(default)]
    pub runs: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Passed,
    Failed,
    Todo,
    Panicked,
    Unknown,
}

/// Lays the nonce out for one test.
pub fn prepare(file: &Path, nonce: &str) -> Result<(), Error> {
    fs::write(file, format!("{nonce}\n")).map_err(Error::file("write", file))
}

/// The test's own word, if it is one: right nonce, right test.
pub fn read(file: &Path, nonce: &str, test: &str) -> Option<Record> {
    let text = fs::read_to_string(file).ok()?;
    let record: Record = serde_json::from_str(text.lines().next()?).ok()?;
    (record.nonce == nonce && record.test == test).then_some(record)
}

/// The verdict, and a sentence where the record has none.
pub fn judge(ran: &Ran, record: Option<&Record>) -> (Verdict, String) {
    let said = |record: &Record| record.message.clone().unwrap_or_default();
    match (ran.end, record) {
        (End::WallLimit, _) => (
            Verdict::Timeout,
            format!(
                "not finished after {:.0} s: a loop that never ends, or a wait that nobody ends",
                ran.seconds
            ),
        ),
        (End::CpuLimit, _) => (
            Verdict::Timeout,
            "used up its processor time: a loop that never ends?".into(),
        ),
        (End::OutputLimit, _) => (
            Verdict::Resource,
            "printed more than a test may: is there a loop that prints?".into(),
        ),
        (End::Cancelled, _) => (Verdict::Unknown, "stopped before its end".into()),
        (End::Signalled(signal), _) => judge_signal(signal, &ran.output),
        (End::Exited(0), None) => (
            Verdict::EarlyExit,
            "the process ended with exit code 0 before the test had reported: something called `exit`".into(),
        ),
        (End::Exited(0), Some(record)) if record.outcome == Outcome::Passed => match record.checks {
            0 => (Verdict::Unknown, "the test ended without a single check".into()),
            _ => (Verdict::Passed, said(record)),
        },
        (End::Exited(code), Some(record)) => match record.outcome {
            Outcome::Passed => (
                Verdict::EarlyExit,
                format!("the checks held, but then the process ended with exit code {code}"),
            ),
            Outcome::Failed => (Verdict::Failed, said(record)),
            Outcome::Todo => (Verdict::Todo, said(record)),
            Outcome::Panicked => (Verdict::Panicked, said(record)),
            Outcome::Unknown => (Verdict::Unknown, said(record)),
        },
        (End::Exited(101), None) => (Verdict::Panicked, panic_message(&ran.output)),
        (End::Exited(code), None) => (
            Verdict::EarlyExit,
            format!("the process ended with exit code {code} before the test had reported"),
        ),
    }
}

fn judge_signal(signal: i32, output: &str) -> (Verdict, String) {
    // Rust's allocator says this, then aborts; the words only choose between two names of a failure.
    if output.contains("memory allocation of ") {
        return (
            Verdict::Resource,
            "asked for more memory than a test may have: is there a collection that only grows?"
                .into(),
        );
    }
    if output.contains("has overflowed its stack") {
        return (
            Verdict::Crashed,
            "the stack overflowed: is there a recursion that never ends?".into(),
        );
    }
    (
        Verdict::Crashed,
        format!("ended by signal {signal}{}", name_of(signal)),
    )
}

fn name_of(signal: i32) -> &'static str {
    match signal {
        4 => " (illegal instruction)",
        6 => " (abort)",
        8 => " (arithmetic)",
        9 => " (killed)",
        11 => " (segmentation fault)",
        _ => "",
    }
}

fn panic_message(output: &str) -> String {
    let mut lines = output
        .lines()
        .skip_while(|line| !line.contains("panicked at"));
    match (lines.next(), lines.next()) {
        (Some(_), Some(message)) => message.to_string(),
        _ => "panicked outside of the test's checks".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(end: End, output: &str) -> Ran {
        Ran {
            end,
            output: output.into(),
            seconds: 1.0,
        }
    }

    fn record(outcome: &str, checks: u64) -> Record {
        let text =
            format!(r#"{{"v":1,"nonce":"n","test":"t","outcome":"{outcome}","checks":{checks}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn verdict(end: End, record: Option<&Record>) -> Verdict {
        judge(&ran(end, "test result: ok. 1 passed"), record).0
    }

    #[test]
    fn only_a_record_with_checks_and_a_clean_exit_passes() {
        let passed = record("passed", 3);
        assert_eq!(verdict(End::Exited(0), Some(&passed)), Verdict::Passed);
        assert_eq!(verdict(End::Exited(0), None), Verdict::EarlyExit);
        assert_eq!(
            verdict(End::Exited(0), Some(&record("passed", 0))),
            Verdict::Unknown
        );
        assert_eq!(verdict(End::Exited(3), Some(&passed)), Verdict::EarlyExit);
        assert_eq!(verdict(End::Signalled(6), Some(&passed)), Verdict::Crashed);
        assert_eq!(verdict(End::WallLimit, Some(&passed)), Verdict::Timeout);
        assert_eq!(verdict(End::CpuLimit, Some(&passed)), Verdict::Timeout);
        assert_eq!(verdict(End::OutputLimit, Some(&passed)), Verdict::Resource);
    }

    #[test]
    fn a_record_of_a_failure_stands_whatever_the_exit_code() {
        for code in [0, 101] {
            let end = End::Exited(code);
            assert_eq!(verdict(end, Some(&record("failed", 1))), Verdict::Failed);
            assert_eq!(verdict(end, Some(&record("todo", 0))), Verdict::Todo);
            assert_eq!(
                verdict(end, Some(&record("panicked", 1))),
                Verdict::Panicked
            );
            assert_eq!(verdict(end, Some(&record("unknown", 1))), Verdict::Unknown);
        }
    }

    #[test]
    fn a_record_for_another_test_or_with_another_nonce_is_none() {
        let folder = crate::process::PrivateFolder::new().unwrap();
        let file = folder.join("report");
        let line = r#"{"v":1,"nonce":"n","test":"t","outcome":"passed","checks":1}"#;
        fs::write(&file, line).unwrap();
        assert!(read(&file, "n", "t").is_some());
        assert!(read(&file, "m", "t").is_none());
        assert!(read(&file, "n", "u").is_none());
        prepare(&file, "n").unwrap();
        assert!(read(&file, "n", "t").is_none());
    }
}
