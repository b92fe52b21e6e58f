//! The explorer: every order of events in a small scope.
//!
//! **Idea.** Bugs in these protocols need few nodes and few faults, but one order of events in thousands. So a small
//! scope is searched whole: breadth-first over what can happen next, over messages, timers, clients, crashes, cuts
//! inside handlers, pauses, syncs and draws, each within a budget. The first violation that it meets has the shortest
//! schedule there is.
//!
//! **How.** A state is everything that matters for what follows: nodes, both images of their disks, messages under way,
//! pending timers, ticks, budgets, the checkers' memory. States are told apart by a fingerprint of 64 bits; what a step
//! did not touch is shared. A successor is told by its number among its state's, so a path costs 8 bytes a state and its
//! words are made when they are needed.
//!
//! **Trade-offs.** The scope is small and the search within it complete: [`Verdict::Exhausted`] says so, and
//! [`Verdict::Unknown`] says that it was not, and is no pass. Equal messages on one link are one (see [`Scope::bag`]).
//! At their first boot, before the search, nodes draw least values.
//!
//! **Where to look.** [`Scope`] is what a test writes; [`Choice`] is one step in words; `expand.rs` lists what can happen
//! next, `run.rs` and `settle.rs` do one step of one node, `search.rs` searches, `replay.rs` plays a schedule in the simulator,
//! `walk.rs` compares the two.

mod choice;
mod dice;
mod draft;
mod expand;
pub mod fasthash;
mod keep;
mod outside;
mod replay;
mod run;
mod scope;
mod search;
mod settle;
mod state;
mod walk;
mod words;

use crate::check::{Checker, Violation};
use crate::panics::Panic;
use crate::scenario::Scenario;
use crate::script::Snapshot;
use node::{Addr, Node};
use std::fmt;

pub use choice::{Act, BadSync, Choice, Drawn, Fate, NotAChoice};
pub use outside::Outside;
pub use replay::replay;
pub use scope::{Budget, STATES, Scope};
pub use walk::{Sight, wander};

/// What an exploration found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored {
    /// Different states that were seen.
    pub states: usize,
    /// Steps that were taken from them.
    pub steps: u64,
    /// The longest shortest path to a state.
    pub depth: usize,
    /// Whether all is well.
    pub verdict: Verdict,
}

/// Whether all is well.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every path of the scope was tried, and none breaks an invariant.
    Exhausted,
    /// One does.
    Violated(Counterexample),
    /// The search gave up, and why. This is no pass.
    Unknown(String),
}

/// A shortest path to a violation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// The broken invariant.
    pub violation: Violation,
    /// Where it was seen.
    pub node: Addr,
    /// The handler's panic, if that is what it was.
    pub panic: Option<Panic>,
    /// The steps from the start, the scope's prefix included.
    pub schedule: Vec<Choice>,
}

impl Explored {
    /// True only if the whole scope was tried and nothing was broken.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Exhausted
    }

    /// The counterexample, if there is one.
    pub fn counterexample(&self) -> Option<&Counterexample> {
        match &self.verdict {
            Verdict::Violated(found) => Some(found),
            Verdict::Exhausted | Verdict::Unknown(_) => None,
        }
    }
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (states, depth) = (self.states, self.depth);
        match &self.verdict {
            Verdict::Exhausted => write!(
                f,
                "all {states} states, up to {depth} steps deep, are right"
            ),
            Verdict::Unknown(why) => write!(
                f,
                "unknown, which is no pass: the search gave up after {why}; make the scope smaller, start it from a \
                 prefix, or raise its limit"
            ),
            Verdict::Violated(found) => write!(f, "{found}"),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            invariant, message, ..
        } = &self.violation;
        write!(
            f,
            "{invariant}: {message}, after {} steps:",
            self.schedule.len()
        )?;
        for (i, choice) in self.schedule.iter().enumerate() {
            write!(f, "\n{:>4}  {choice}", i + 1)?;
        }
        Ok(())
    }
}

/// A scope's prefix that cannot be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadPrefix {
    /// The step at which it ends.
    pub step: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for BadPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the schedule ends at `{}`: {}", self.step, self.why)
    }
}

impl std::error::Error for BadPrefix {}

/// Explores `scenario` from the moment when all its nodes have booted. Its clients, faults and times are not used: the
/// scope has its own.
pub fn explore<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    scope: &Scope<N>,
) -> Result<Explored, BadPrefix> {
    match search::Search::fresh(scope, scenario, crate::erased::Erased::new(checker)) {
        Ok(search) => search.run(),
        Err(broken) => Ok(search::at_boot(*broken)),
    }
}

/// Explores from where a script stands: how a scope that is too large is made small.
pub fn explore_from<N: Node, C: Checker<N>>(
    snapshot: Snapshot<N, C>,
    scope: &Scope<N>,
) -> Result<Explored, BadPrefix> {
    search::Search::from_snapshot(scope, snapshot).run()
}
