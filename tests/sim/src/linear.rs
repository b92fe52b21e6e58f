//! Is a history linearizable: does it look as if every operation had happened at one moment between its question and
//! its answer?
//!
//! **How.** The search of Wing and Gong (1993) places operations one after another: next may be each operation that was
//! asked before the first answer still to be placed. Lowe's cache (2017) remembers which set of operations in which
//! state has failed before. Keys are independent of each other, so each is searched alone. Operations without an answer
//! are tried last, and only where they change something: they may have happened at any time since, or never.
//!
//! **Trade-off.** The question is NP-complete, so there is a budget of steps. When it runs out the verdict is
//! [`Verdict::Unknown`], which does not pass: a checker that gives up and calls it good is worse than none.
//!
//! **Where to look.** [`Model`] is what a lab writes, [`check`] judges; `linear/search.rs` searches one key.

mod search;

use crate::history::{History, Operation};
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::hash::Hash;

/// What one copy of the object would do: the specification.
pub trait Model {
    /// What clients ask.
    type Op: Debug;
    /// What they are told.
    type Ret: Debug;
    /// Operations of different keys do not touch each other; `()` if they all may.
    type Key: Ord + Debug;
    /// The object's state, for one key.
    type State: Clone + Eq + Hash + Debug;

    /// The key that an operation touches.
    fn key(&self, op: &Self::Op) -> Self::Key;

    /// The state before the first operation.
    fn start(&self, key: &Self::Key) -> Self::State;

    /// The state after `op` has happened in `state` and was answered with `ret`; `None` if it cannot be answered so.
    /// Without an answer (`ret` is `None`) anything that the operation can do is right, doing nothing included.
    fn apply(
        &self,
        state: &Self::State,
        op: &Self::Op,
        ret: Option<&Self::Ret>,
    ) -> Option<Self::State>;
}

/// The budget for one history, in steps of the search. 10,000 operations that overlap little take about 10,000.
pub const STEPS: u64 = 5_000_000;

/// What [`check`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There is an order.
    Linearizable {
        /// What it took.
        steps: u64,
    },
    /// There is none.
    NotLinearizable(Stuck),
    /// The budget ran out. This is no pass.
    Unknown(Stuck),
}

/// How far the search came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stuck {
    /// The key that it searched.
    pub key: String,
    /// The operation that could not be placed when the most others were.
    pub operation: u64,
    /// How many answered operations of this key were placed then.
    pub placed: usize,
    /// Of so many.
    pub of: usize,
    /// The steps of the whole search.
    pub steps: u64,
    /// That operation, and the state that it met, in words.
    pub text: String,
}

impl Verdict {
    /// True only for an order that was found.
    pub fn passed(&self) -> bool {
        matches!(self, Verdict::Linearizable { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Linearizable { steps } => write!(f, "linearizable ({steps} steps)"),
            Verdict::NotLinearizable(at) => write!(
                f,
                "not linearizable: key {}: {} ({} of {} answered operations can be ordered)",
                at.key, at.text, at.placed, at.of
            ),
            Verdict::Unknown(at) => write!(
                f,
                "unknown, which is no pass: the budget of the linearizability check ran out after {} steps at key {}, \
                 with {} of {} answered operations ordered; {}; use fewer clients or operations, or a larger budget",
                at.steps, at.key, at.placed, at.of, at.text
            ),
        }
    }
}

/// Judges a history with at most `budget` steps; [`STEPS`] is a good one.
pub fn check<M: Model>(model: &M, history: &History<M::Op, M::Ret>, budget: u64) -> Verdict {
    type OfKey<'h, M> = Vec<&'h Operation<<M as Model>::Op, <M as Model>::Ret>>;
    let mut keys: BTreeMap<M::Key, OfKey<'_, M>> = BTreeMap::new();
    for operation in history.operations() {
        keys.entry(model.key(&operation.op))
            .or_default()
            .push(operation);
    }
    let mut steps = 0;
    for (key, operations) in &keys {
        let found = search::Search::new(model, model.start(key), operations).run(budget - steps);
        steps += found.steps;
        if let Some(mut at) = found.stuck {
            at.key = format!("{key:?}");
            at.steps = steps;
            return match found.exhausted {
                true => Verdict::NotLinearizable(at),
                false => Verdict::Unknown(at),
            };
        }
    }
    Verdict::Linearizable { steps }
}

#[cfg(test)]
mod tests;
