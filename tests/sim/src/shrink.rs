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
        replays: 0,
    };
    let of = shrinker.best.len();
    shrinker.best.sort_unstable();
    shrinker.drop_faults();
    shrinker.skip_operations(outcome);
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

    /// Lets clients leave out operations that the failure does not need, the latest first. A
    /// skipped operation is itself a key in the list, so this makes the list longer and the run
    /// shorter.
    fn skip_operations(&mut self, outcome: &Outcome<N>) {
        let mut asked = vec![0u64; self.scenario.clients.len()];
        let mut slots = Vec::new();
        for client in outcome.calls.iter().filter_map(|c| c.client) {
            slots.push(FaultKey::node(
                FaultKind::Skip,
                client,
                asked[client as usize],
            ));
            asked[client as usize] += 1;
        }
        // Beyond a handful, the list of what is left out is harder to read than the run.
        if slots.len() > 12 {
            return;
        }
        for slot in slots.into_iter().rev() {
            let (best, failure) = (self.best.clone(), self.failure.clone());
            let mut kept = best.clone();
            kept.push(slot);
            // Another failure may come in its place: only the very same one will do.
            if self.try_with(kept) && self.failure != failure {
                (self.best, self.failure) = (best, failure);
            }
        }
    }
}
