//! [`Scene`]: what a lab offers to explore.

use crate::check::Checker;
use crate::erased::Erased;
use crate::scenario::{Place, Scenario};
use node::{Addr, Node};
use std::time::Duration;

/// A scenario to play with by hand: its nodes, what clients may ask, which invariants are watched.
pub struct Scene<N: Node> {
    pub(super) name: &'static str,
    pub(super) scenario: Scenario<N>,
    pub(super) checker: Erased<N>,
    pub(super) watched: Vec<&'static str>,
    pub(super) asks: Vec<(Addr, N::Op)>,
    pub(super) wait: Option<Duration>,
}

impl<N: Node> Scene<N> {
    /// A scene under a short name, `fenced`. Its title is the scenario's: a recorded run of the same title and nodes can
    /// be taken up in it. The scenario's clients, faults and delays are not used: all that is chosen.
    pub fn new(name: &'static str, scenario: Scenario<N>, checker: impl Checker<N>) -> Self {
        Scene {
            name,
            scenario,
            checker: Erased::new(checker),
            watched: Vec::new(),
            asks: Vec::new(),
            wait: None,
        }
    }

    /// The names of the invariants that the checker watches, for the reader.
    pub fn watching(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.watched.extend(names);
        self
    }

    /// What clients may ask of which node, any of it at any moment and as often as one likes.
    pub fn asking(mut self, asks: impl IntoIterator<Item = (Addr, N::Op)>) -> Self {
        self.asks.extend(asks);
        self
    }

    /// Time counts: it passes in steps of `wait`, and a timer fires when it is due or later. Without this, clocks stand
    /// still and any pending timer may fire at any moment, as in an untimed [`crate::explore::Scope`].
    pub fn timed(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    pub(super) fn place(&self, node: Addr) -> Option<usize> {
        self.scenario.places.iter().position(|p| p.addr == node)
    }

    pub(super) fn places(&self) -> &[Place<N>] {
        &self.scenario.places
    }

    /// What a reader calls a node.
    pub(super) fn name_of(&self, node: Addr) -> String {
        let place = self.places().iter().find(|p| p.addr == node);
        place.map_or_else(|| node.to_string(), |p| p.name.clone())
    }
}
