//! Random runs.

use crate::call::Call;
use crate::check::{Checker, Violation};
use crate::key::FaultKey;
use crate::panics::Panic;
use crate::scenario::Scenario;
use crate::time::SimTime;
use crate::trace::Trace;
use node::{Addr, Node};

/// How many seeds a swarm tries when nobody says otherwise.
pub const DEFAULT_SEEDS: u64 = 200;

/// Which run of a scenario.
#[derive(Clone, Debug, Default)]
pub struct RunSpec {
    /// The seed.
    pub seed: u64,
    /// Only these faults happen; `None`: all that the seed has.
    pub kept: Option<Vec<FaultKey>>,
    /// True if a readable trace is wanted; it makes the run several times slower.
    pub trace: bool,
}

/// What came of a run.
pub struct Outcome<N: Node> {
    /// The first broken invariant.
    pub failure: Option<Failure>,
    /// The faults that happened, in order.
    pub faults: Vec<FaultKey>,
    /// A hash over all that happened: equal for equal runs, in every process and build.
    pub hash: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Handlers run.
    pub handlers: u64,
    /// What clients asked and were told.
    pub calls: Vec<Call<N::Op, N::Ret>>,
    /// If it was wanted.
    pub trace: Option<Trace>,
}

/// Why a run failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// The broken invariant.
    pub violation: Violation,
    /// When.
    pub at: SimTime,
    /// Where it was seen.
    pub node: Addr,
    /// The handler's panic, if that is what it was.
    pub panic: Option<Panic>,
}

/// Runs `scenario` once.
#[allow(unused_variables, clippy::todo)]
pub fn run<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    spec: &RunSpec,
) -> Outcome<N> {
    todo!()
}
