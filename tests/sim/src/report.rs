//! How a graded test is told what to do and says what came of it: environment in, one JSON line out.

use crate::key::{FaultKey, mix, parse_keys, print_keys};
use crate::trace::{self, Trace};
use serde::Serialize;
use std::env;
use std::fs;
use std::path::PathBuf;

/// How a graded test ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It came to its end, and at least one thing was checked.
    Passed,
    /// A check did not hold, or an invariant was broken.
    Failed,
    /// A task is still to do.
    Todo,
    /// The code under test panicked.
    Panicked,
    /// A budget ran out before the answer was known. It does not pass.
    Unknown,
}

/// The one line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) v: u32,
    /// Which simulator dealt the seed.
    pub(crate) kit: u32,
    pub(crate) nonce: String,
    pub(crate) test: String,
    pub(crate) outcome: Verdict,
    pub(crate) checks: u64,
    pub(crate) invariant: String,
    pub(crate) seed: Option<u64>,
    pub(crate) kept: Vec<String>,
    pub(crate) of: usize,
    pub(crate) message: String,
    pub(crate) location: Option<String>,
    pub(crate) replay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hits: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<u64>,
}

/// Where the record goes. Under plain `cargo test` there is none.
pub(crate) struct Channel {
    path: PathBuf,
    nonce: String,
}

impl Channel {
    /// Reads the nonce and empties the file, so that nobody else can learn it.
    pub(crate) fn open() -> Option<Self> {
        let path = PathBuf::from(env::var_os("LAB_REPORT")?);
        let text = fs::read_to_string(&path).ok()?;
        let nonce = text.lines().next()?.to_string();
        fs::write(&path, "").ok()?;
        Some(Channel { path, nonce })
    }

    pub(crate) fn send(self, mut record: Record) {
        record.nonce = self.nonce;
        let Ok(line) = serde_json::to_string(&record) else {
            return;
        };
        let aside = self.path.with_extension("part");
        let written = fs::write(&aside, line + "\n").and_then(|()| fs::rename(&aside, &self.path));
        if let Err(why) = written {
            eprintln!(
                "the report could not be written to {}: {why}",
                self.path.display()
            );
        }
    }
}

/// What the environment asks of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) test: String,
    /// `LAB_SEEDS`: how many seeds a swarm tries.
    pub(crate) seeds: Option<u64>,
    /// `LAB_SEED`: this seed only.
    pub(crate) seed: Option<u64>,
    /// `LAB_KEEP`: of its faults, these only.
    pub(crate) keep: Option<Vec<FaultKey>>,
    /// `LAB_SEED_KEY`: which seeds a swarm tries.
    pub(crate) key: u64,
    /// `LAB_KEYS`: how many fresh keys a swarm goes through in one process, each with its own seeds.
    pub(crate) keys: Option<u64>,
    /// `LAB_TRACE`: where to write the trace.
    pub(crate) trace: Option<PathBuf>,
    /// `LAB_SCHEDULE`: a schedule of the explorer's to replay.
    #[allow(dead_code)]
    pub(crate) schedule: Option<PathBuf>,
    /// `LAB_NAME`: the lab.
    pub(crate) lab: Option<String>,
    /// `LAB_BUG`: the bug that was put into the reference, for the trace's title.
    pub(crate) bug: Option<String>,
    /// `LAB_COUNT`: count the failing seeds of a swarm instead of ending at the first.
    pub(crate) count: bool,
}

impl Settings {
    /// Reads them. A value that cannot be read is said, never ignored.
    pub(crate) fn read() -> Self {
        let test = text("LAB_TEST").unwrap_or_else(|| {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("test");
            name.rsplit("::").next().unwrap_or(name).to_string()
        });
        Settings {
            test,
            seeds: number("LAB_SEEDS"),
            seed: number("LAB_SEED"),
            keep: text("LAB_KEEP").map(|t| match parse_keys(&t) {
                Ok(keys) => keys,
                Err(why) => panic!("LAB_KEEP: {why}"),
            }),
            key: text("LAB_SEED_KEY").map_or(0, |t| fold_key(&t)),
            keys: number("LAB_KEYS"),
            trace: env::var_os("LAB_TRACE").map(PathBuf::from),
            schedule: env::var_os("LAB_SCHEDULE").map(PathBuf::from),
            lab: text("LAB_NAME"),
            bug: text("LAB_BUG"),
            count: text("LAB_COUNT").is_some_and(|t| t != "0"),
        }
    }

    /// How many seeds a swarm tries where `usual` is the count of one key.
    pub(crate) fn seed_count(&self, usual: u64) -> u64 {
        self.seeds.unwrap_or(usual) * self.keys.unwrap_or(1)
    }

    /// The `i`-th seed: 0, 1, 2, … for key 0; any other key has seeds of its own, below 2^53 so
    /// that every reader of JSON keeps them whole.
    pub(crate) fn nth_seed(&self, i: u64) -> u64 {
        if self.key == 0 {
            i
        } else {
            mix(self.key ^ mix(i.wrapping_add(1))) >> 11
        }
    }

    /// What a reader sees above a trace: the test's name as a sentence, and the bug that was put in.
    pub(crate) fn story(&self) -> String {
        let name = self.test.replace('_', " ");
        let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
        let story = first.to_uppercase() + rest;
        match &self.bug {
            Some(bug) => format!("{story} \u{2013} with bug {bug}"),
            None => story,
        }
    }

    /// The command that shows the failure again, event by event if there are any. A `>` in it is in
    /// quotes, or a shell would take it for a file.
    pub(crate) fn replay(
        &self,
        lab: Option<&str>,
        seed: Option<u64>,
        keep: &[FaultKey],
    ) -> Option<String> {
        let lab = lab
            .or(self.lab.as_deref())
            .filter(|_| self.lab.as_deref() != Some("mine"))?;
        let command = format!("cargo lab replay {lab} {}", self.test);
        Some(match seed {
            Some(seed) => format!("{command} --seed {seed} --keep \"{}\"", print_keys(keep)),
            None => command,
        })
    }

    pub(crate) fn write_trace(&self, trace: &Trace) {
        let Some(path) = &self.trace else { return };
        // The sentences beside it are what a terminal shows: the runner makes none of its own.
        let written = fs::write(path, trace.to_json())
            .and_then(|()| fs::write(path.with_extension("txt"), trace::text(trace)));
        if let Err(why) = written {
            eprintln!(
                "the trace could not be written to {}: {why}",
                path.display()
            );
        }
    }
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|t| !t.is_empty())
}

fn number(name: &str) -> Option<u64> {
    text(name).map(|t| match t.parse() {
        Ok(n) => n,
        Err(_) => panic!("{name}={t:?} is not a whole number: write digits only"),
    })
}

/// Any number of hexadecimal digits, folded to 64 bits; 0 stays 0.
fn fold_key(text: &str) -> u64 {
    let mut key = 0u64;
    for chunk in text.as_bytes().chunks(16) {
        let digits = std::str::from_utf8(chunk).unwrap_or("");
        match u64::from_str_radix(digits, 16) {
            Ok(n) if key == 0 => key = n,
            Ok(n) => key = mix(key) ^ n,
            Err(_) => panic!("LAB_SEED_KEY={text:?} is not hexadecimal: write digits 0-9 and a-f"),
        }
    }
    key
}
