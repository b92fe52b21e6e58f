//! What became of a test, and of a stage: the shapes that the screen, the reports and the book share.

use crate::points::Points;
use serde::{Deserialize, Serialize};

/// A test passes only on positive evidence; every other end has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    /// A check did not hold.
    Failed,
    /// The code under test is still `todo!()`.
    Todo,
    Panicked,
    /// The process ended well before the test did.
    EarlyExit,
    /// A signal: abort, segmentation fault, stack overflow.
    Crashed,
    /// Wall time or processor time.
    Timeout,
    /// Memory or output.
    Resource,
    NotBuilt,
    /// The test ran and could not tell.
    Unknown,
}

impl Verdict {
    /// The word beside the colour.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Todo => "to do",
            Verdict::Panicked => "PANICKED",
            Verdict::EarlyExit => "EARLY EXIT",
            Verdict::Crashed => "CRASHED",
            Verdict::Timeout => "TIMEOUT",
            Verdict::Resource => "RESOURCE",
            Verdict::NotBuilt => "not built",
            Verdict::Unknown => "UNKNOWN",
        }
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Todo => "todo",
            Verdict::Panicked => "panicked",
            Verdict::EarlyExit => "early_exit",
            Verdict::Crashed => "crashed",
            Verdict::Timeout => "timeout",
            Verdict::Resource => "resource",
            Verdict::NotBuilt => "not_built",
            Verdict::Unknown => "unknown",
        }
    }
}

/// One test, as `grade --format json` writes it. Readers ignore fields that they do not know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestResult {
    pub name: String,
    pub invariant: String,
    pub points: Points,
    pub max: Points,
    pub verdict: Verdict,
    /// Null for a scripted or explored test.
    pub seed: Option<u64>,
    pub replay: Option<String>,
    pub seconds: f64,
    pub message: String,
    #[serde(default)]
    pub checks: u64,
    #[serde(default)]
    pub kept: Vec<String>,
    #[serde(default)]
    pub faults: Option<u64>,
    #[serde(default)]
    pub location: Option<String>,
    /// What the code printed: for the terminal, never in a report.
    #[serde(skip)]
    pub output: String,
    #[serde(skip)]
    pub hits: Option<(u64, u64)>,
    /// The version of the simulator that dealt the seed.
    #[serde(skip)]
    pub kit: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageResult {
    pub stage: u32,
    pub title: String,
    pub points: Points,
    pub max: Points,
    pub hints_used: u8,
    pub tests: Vec<TestResult>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabResult {
    pub lab: String,
    pub points: Points,
    pub max: Points,
    pub stages: Vec<StageResult>,
}

impl TestResult {
    /// A verdict and nothing that was measured.
    pub fn blank(
        name: &str,
        invariant: &str,
        max: Points,
        verdict: Verdict,
        message: String,
    ) -> TestResult {
        TestResult {
            name: name.to_string(),
            invariant: invariant.to_string(),
            points: Points::default(),
            max,
            verdict,
            seed: None,
            replay: None,
            seconds: 0.0,
            message,
            checks: 0,
            kept: Vec::new(),
            faults: None,
            location: None,
            output: String::new(),
            hits: None,
            kit: None,
        }
    }
}

impl StageResult {
    pub fn is_green(&self) -> bool {
        self.tests
            .iter()
            .all(|test| test.verdict == Verdict::Passed)
    }

    pub fn count(&self, verdict: Verdict) -> usize {
        self.tests.iter().filter(|t| t.verdict == verdict).count()
    }
}

/// The share of a stage that its hints leave: H1 is free, H2 costs a tenth, H3 three tenths in all.
pub fn percent_after_hints(hints_used: u8) -> u64 {
    match hints_used {
        0 | 1 => 100,
        2 => 90,
        _ => 70,
    }
}
