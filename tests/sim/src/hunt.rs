//! A swarm: one scenario with many seeds, until one fails; then the smallest failure that can be
//! made of it.

use crate::check::{Checker, Violation};
use crate::key::FaultKey;
use crate::regress::Regression;
use crate::report::Settings;
use crate::scenario::Scenario;
use crate::shrink::{Shrunk, shrink};
use crate::swarm::{DEFAULT_SEEDS, Failure, Outcome, RunSpec, run_shared};
use crate::time::SimTime;
use crate::trace::{Narrator, Trace};
use node::{Addr, Node};
use std::sync::Arc;

/// So many seeds of each swarm are run twice and compared.
pub const TWICE: u64 = 16;
/// After a first failing seed, so many more are tried for a smaller failure.
const LOOK_ON: u64 = 40;
/// At most so many failing seeds are shrunk.
const SHRINK_AT_MOST: usize = 3;

/// What a swarm found.
#[derive(Clone, Debug, Default)]
pub struct Hunt {
    /// Seeds run.
    pub runs: u64,
    /// Seeds that failed: all of them if they were to be counted, else 0 or 1.
    pub hits: u64,
    /// Handlers run, over all seeds.
    pub handlers: u64,
    /// Answers that clients got, over all seeds.
    pub answers: u64,
    /// Operations that clients asked, over all seeds.
    pub asked: u64,
    /// Of those, how many were answered as [`Scenario::must_succeed`] wants it.
    pub succeeded: u64,
    /// The smallest failure.
    pub found: Option<Shrunk>,
    /// Its trace.
    pub trace: Option<Trace>,
}

impl Hunt {
    /// Why a swarm that found nothing shows nothing.
    pub(crate) fn is_vacuous<N: Node>(&self, scenario: &Scenario<N>) -> Option<String> {
        let Hunt { runs, asked, .. } = self;
        if scenario.clients.is_empty() || *runs < TWICE {
            return None;
        }
        if self.answers == 0 {
            return Some(format!(
                "in {runs} runs the clients asked {asked} operations and got no answer at all: such runs show nothing"
            ));
        }
        let (share, _) = scenario.coverage?;
        let (seen, wanted) = (self.succeeded, (share * *asked as f64).ceil() as u64);
        (seen < wanted).then(|| {
            format!(
                "in {runs} runs {seen} of {asked} operations succeeded, and at least {wanted} should: runs in which \
                 next to nothing succeeds show nothing"
            )
        })
    }
}

/// Runs the scenario with the seeds that `settings` say, recorded ones first.
pub(crate) fn hunt<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: &C,
    settings: &Settings,
    recorded: &[Regression],
) -> Hunt {
    let mut hunter = Hunter {
        scenario: Arc::new(scenario.clone()),
        checker,
        hunt: Hunt::default(),
    };
    if let Some(seed) = settings.seed {
        hunter.replay(seed, settings.keep.clone());
        return hunter.hunt;
    }
    for old in recorded {
        let outcome = hunter.run(old.seed, old.kept());
        if outcome.failure.is_some() && !settings.count {
            hunter.keep_smallest(vec![(old.seed, outcome)]);
            return hunter.hunt;
        }
    }
    let count = settings.seed_count(DEFAULT_SEEDS);
    let mut failing = Vec::new();
    let mut until = count;
    let mut i = 0;
    while i < until {
        let seed = settings.nth_seed(i);
        let outcome = hunter.run_nth(i, seed);
        i += 1;
        if hunter.hunt.found.is_some() {
            return hunter.hunt; // Not deterministic: nothing else is worth saying.
        }
        if outcome.failure.is_none() {
            continue;
        }
        hunter.hunt.hits += 1;
        if settings.count {
            continue;
        }
        if failing.is_empty() {
            until = count.min(i + LOOK_ON);
        }
        failing.push((seed, outcome));
        if failing.len() == SHRINK_AT_MOST {
            break;
        }
    }
    hunter.keep_smallest(failing);
    hunter.hunt
}

struct Hunter<'c, N: Node, C> {
    scenario: Arc<Scenario<N>>,
    checker: &'c C,
    hunt: Hunt,
}

impl<N: Node, C: Checker<N>> Hunter<'_, N, C> {
    fn run(&mut self, seed: u64, kept: Option<Vec<FaultKey>>) -> Outcome<N> {
        let spec = RunSpec {
            seed,
            kept,
            ..RunSpec::default()
        };
        self.run_as(&spec)
    }

    fn run_as(&mut self, spec: &RunSpec) -> Outcome<N> {
        let outcome = run_shared(&self.scenario, self.checker.clone(), spec);
        self.hunt.runs += 1;
        self.hunt.handlers += outcome.handlers;
        self.hunt.answers += outcome.answers;
        self.hunt.asked += outcome.calls.len() as u64;
        if let Some((_, good)) = self.scenario.coverage {
            let good = outcome
                .calls
                .iter()
                .filter(|c| c.answer().is_some_and(good));
            self.hunt.succeeded += good.count() as u64;
        }
        outcome
    }

    /// The `i`-th run; the first ones twice.
    fn run_nth(&mut self, i: u64, seed: u64) -> Outcome<N> {
        if i >= TWICE {
            return self.run(seed, None);
        }
        let spec = RunSpec {
            seed,
            hash: true,
            ..RunSpec::default()
        };
        let first = self.run_as(&spec);
        let second = run_shared(&self.scenario, self.checker.clone(), &spec);
        if (first.hash, &first.failure) != (second.hash, &second.failure) {
            self.not_deterministic(seed);
        }
        first
    }

    fn not_deterministic(&mut self, seed: u64) {
        let (message, node, at, trace) = first_difference(&self.scenario, self.checker, seed);
        let violation = Violation::new("the kit: determinism", message).at([node]);
        self.hunt.hits += 1;
        self.hunt.found = Some(Shrunk {
            seed,
            kept: Vec::new(),
            of: 0,
            failure: Failure {
                violation,
                at,
                node,
                panic: None,
            },
            replays: 2,
        });
        self.hunt.trace = Some(trace);
    }

    fn keep_smallest(&mut self, failing: Vec<(u64, Outcome<N>)>) {
        for (seed, outcome) in failing {
            let Some(shrunk) = shrink(&self.scenario, self.checker, seed, &outcome) else {
                continue;
            };
            self.hunt.hits = self.hunt.hits.max(1);
            let size = |s: &Shrunk| (s.kept.len(), s.failure.at);
            if self
                .hunt
                .found
                .as_ref()
                .is_none_or(|f| size(&shrunk) < size(f))
            {
                self.hunt.found = Some(shrunk);
            }
        }
        if let Some(found) = &self.hunt.found {
            let spec = RunSpec {
                seed: found.seed,
                kept: Some(found.kept.clone()),
                trace: true,
                hash: false,
            };
            self.hunt.trace = run_shared(&self.scenario, self.checker.clone(), &spec).trace;
        }
    }

    /// One seed again, with a trace, whether it fails or not.
    fn replay(&mut self, seed: u64, kept: Option<Vec<FaultKey>>) {
        let spec = RunSpec {
            seed,
            kept,
            trace: true,
            hash: false,
        };
        let outcome = self.run_as(&spec);
        self.hunt.trace = outcome.trace;
        if let Some(failure) = outcome.failure {
            self.hunt.hits = 1;
            self.hunt.found = Some(Shrunk {
                seed,
                of: outcome.faults.len(),
                kept: outcome.faults,
                failure,
                replays: 1,
            });
        }
    }
}

/// Runs a seed twice and says where the two runs part.
fn first_difference<N: Node, C: Checker<N>>(
    scenario: &Arc<Scenario<N>>,
    checker: &C,
    seed: u64,
) -> (String, Addr, SimTime, Trace) {
    let spec = RunSpec {
        seed,
        trace: true,
        ..RunSpec::default()
    };
    let mut traces = (0..2).map(|_| {
        let trace = run_shared(scenario, checker.clone(), &spec).trace;
        trace.expect("a trace was wanted")
    });
    let (one, two) = (traces.next(), traces.next());
    let (Some(one), Some(two)) = (one, two) else {
        unreachable!("two runs were made");
    };
    let sentences = (Narrator::sentences(&one), Narrator::sentences(&two));
    let parts = one.events.iter().zip(&two.events).position(|(a, b)| a != b);
    let at = parts.unwrap_or(one.events.len().min(two.events.len()));
    let tell = |list: &[String]| list.get(at).cloned().unwrap_or("the end".to_string());
    let (a, b) = (tell(&sentences.0), tell(&sentences.1));
    let event = one.events.get(at).or(two.events.get(at));
    let (node, time) = event.map_or((0, 0), |e| (e.n, e.t));
    let how = if a == b {
        format!("in both runs: {a} But what it left behind differs.")
    } else {
        format!("first run: {a} Second run: {b}")
    };
    let message = format!(
        "your node is not deterministic: the same seed ran twice and parted at event {at}, {}. {how} \
         Look for a HashMap or HashSet, a static, a clock or randomness that is not the context's",
        SimTime(time)
    );
    (message, Addr(node), SimTime(time), one)
}
