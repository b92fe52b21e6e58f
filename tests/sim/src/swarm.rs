//! Random runs.

use crate::call::Call;
use crate::check::{Checker, Violation};
use crate::digest::Digest;
use crate::erased::Erased;
use crate::fate::Fate;
use crate::key::FaultKey;
use crate::panics::Panic;
use crate::scenario::Scenario;
use crate::time::{SimTime, micros};
use crate::trace::Trace;
use crate::world::World;
use node::{Addr, Node};
use std::sync::Arc;

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
    /// True if [`Outcome::hash`] is wanted.
    pub hash: bool,
}

/// What came of a run.
pub struct Outcome<N: Node> {
    /// The first broken invariant.
    pub failure: Option<Failure>,
    /// The faults that happened, in order.
    pub faults: Vec<FaultKey>,
    /// If it was wanted, a hash over all messages, timers, answers and writes: equal for equal
    /// runs, in every process and build.
    pub hash: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Handlers run.
    pub handlers: u64,
    /// Answers that clients got.
    pub answers: u64,
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
pub fn run<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    spec: &RunSpec,
) -> Outcome<N> {
    run_shared(&Arc::new(scenario.clone()), Erased::new(checker), spec)
}

/// As [`run`], without a copy of the scenario.
pub fn run_shared<N: Node, C: Checker<N>>(
    scenario: &Arc<Scenario<N>>,
    checker: C,
    spec: &RunSpec,
) -> Outcome<N> {
    let mut kept = spec.kept.clone();
    if let Some(kept) = &mut kept {
        kept.sort_unstable();
    }
    let fate = Fate {
        seed: spec.seed,
        kept,
        ..Fate::default()
    };
    let mut world = World::new(scenario.clone(), checker, Some(spec.seed), fate);
    if spec.trace {
        world.record(Some(spec.seed));
    }
    if spec.hash {
        world.core.net.digest = Some(Digest::default());
    }
    world.begin_chaos();
    world.boot_all();
    world.begin_clients();
    let until = micros(scenario.horizon + scenario.quiet);
    while !world.failed() && world.advance(until) {}
    if !world.failed() {
        world.core.net.now = until;
        world.end();
    }
    conclude(world, spec)
}

fn conclude<N: Node, C: Checker<N>>(mut world: World<N, C>, spec: &RunSpec) -> Outcome<N> {
    let failure = world.take_failure();
    let net = &mut world.core.net;
    let faults = std::mem::take(&mut net.fate.happened);
    let trace = net.recorder.take().map(|recorder| {
        let violation = failure.as_ref().map(|f| (f.at.as_micros(), &f.violation));
        let kept = match &spec.kept {
            Some(_) => faults.iter().map(FaultKey::to_string).collect(),
            None => Vec::new(),
        };
        recorder.finish(violation, kept)
    });
    Outcome {
        failure,
        faults,
        hash: net.digest.map_or(0, Digest::value),
        delivered: net.delivered,
        handlers: world.core.handlers,
        answers: net.answers,
        calls: std::mem::take(&mut net.calls),
        trace,
    }
}
