//! From a failing run to the few faults that it needs: delta debugging on the set of kept keys.
//! Leaving a key out does not deal the others anew, so a replay answers exactly one question.

use crate::check::Checker;
use crate::key::{FaultKey, FaultKind};
use crate::scenario::Scenario;
use crate::swarm::{Failure, Outcome, RunSpec, run_shared};
use node::Node;
use std::sync::Arc;

/// A failing run and what is left of it.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Its seed.
    pub seed: u64,
    /// The faults that it needs, sorted. Leaving out any one of them loses the violation, unless
    /// the budget of replays ran out first.
    pub kept: Vec<FaultKey>,
    /// How many there were.
    pub of: usize,
    /// How it fails with those.
    pub failure: Failure,
    /// How many runs it took.
    pub replays: usize,
}

/// No more replays than this: a learner waits.
const BUDGET: usize = 600;

struct Shrinker<'a, N: Node, C> {
    scenario: &'a Arc<Scenario<N>>,
    checker: &'a C,
    seed: u64,
    invariant: String,
    best: Vec<FaultKey>,
    failure: Failure,
    /// Who asked, one entry a call, in the best run so far.
    calls: Vec<Option<u32>>,
    replays: usize,
}

/// Shrinks the failing run `outcome` of `seed`. The violated invariant stays the same.
pub fn shrink<N: Node, C: Checker<N>>(
    scenario: &Arc<Scenario<N>>,
    checker: &C,
    seed: u64,
    outcome: &Outcome<N>,
) -> Option<Shrunk> {
    let failure = outcome.failure.clone()?;
    let mut shrinker = Shrinker {
        scenario,
        checker,
        seed,
        invariant: failure.violation.invariant.clone(),
        best: outcome.faults.clone(),
        failure,
        calls: outcome.calls.iter().map(|c| c.client).collect(),
        replays: 0,
    };
    let of = shrinker.best.len();
    shrinker.best.sort_unstable();
    shrinker.drop_faults();
    shrinker.skip_operations();
    Some(Shrunk {
        seed,
        kept: shrinker.best,
        of,
        failure: shrinker.failure,
        replays: shrinker.replays,
    })
}

impl<N: Node, C: Checker<N>> Shrinker<'_, N, C> {
    /// Runs with these faults; if it fails in the same way, they are the best so far.
    fn try_with(&mut self, kept: Vec<FaultKey>) -> bool {
        if self.replays >= BUDGET {
            return false;
        }
        self.replays += 1;
        let spec = RunSpec {
            seed: self.seed,
            kept: Some(kept),
            ..RunSpec::default()
        };
        let outcome = run_shared(self.scenario, self.checker.clone(), &spec);
        match outcome.failure {
            Some(failure) if failure.violation.invariant == self.invariant => {
                self.failure = failure;
                self.calls = outcome.calls.iter().map(|c| c.client).collect();
                // Those that did not even happen before the violation are gone as well.
                self.best = outcome.faults;
                self.best.sort_unstable();
                self.best.dedup();
                true
            }
            _ => false,
        }
    }

    /// Leaves out halves, quarters, … and at last single faults, until no single one can go.
    fn drop_faults(&mut self) {
        if self.best.is_empty() || self.try_with(Vec::new()) {
            return;
        }
        let mut size = self.best.len().div_ceil(2);
        loop {
            let mut from = 0;
            let mut dropped = false;
            while from < self.best.len() {
                let mut fewer = self.best.clone();
                fewer.drain(from..(from + size).min(self.best.len()));
                if self.try_with(fewer) {
                    dropped = true;
                } else {
                    from += size;
                }
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if !dropped || self.replays >= BUDGET {
                return;
            }
        }
    }

    /// Lets each client leave out its first operations, as many as can go. Only a run in which fewer are asked counts:
    /// otherwise a later operation has merely failed in the place of an earlier one.
    fn skip_operations(&mut self) {
        for client in 0..self.scenario.clients.len() as u32 {
            let mut step = self.asked_by(client).next_power_of_two() as u64;
            let mut skipped = 0;
            while step > 0 {
                let (best, failure, calls) =
                    (self.best.clone(), self.failure.clone(), self.calls.clone());
                let mut kept = best.clone();
                kept.retain(|k| k.kind != FaultKind::Skip || k.a != client);
                kept.push(FaultKey::node(FaultKind::Skip, client, skipped + step));
                if self.try_with(kept) {
                    if self.calls.len() < calls.len() {
                        skipped += step;
                    } else {
                        (self.best, self.failure, self.calls) = (best, failure, calls);
                    }
                }
                step /= 2;
            }
        }
    }

    fn asked_by(&self, client: u32) -> usize {
        self.calls.iter().filter(|c| **c == Some(client)).count()
    }
}
