//! [`grade`]: one graded test, and its report to the runner.

use crate::check::Checker;
use crate::scenario::Scenario;
use crate::script::Script;
use node::Node;
use std::fmt::{Debug, Display};

/// What a graded test checks with.
pub struct Test {
    _private: (),
}

/// Runs one graded test. It passes only if its body comes to its end with at least one check and
/// without a panic anywhere, even one that the learner's code has swallowed. The report goes to
/// the runner if there is one; under plain `cargo test` a failure panics with the same message.
#[track_caller]
#[allow(unused_variables, clippy::todo)]
pub fn grade(invariant: &'static str, body: impl FnOnce(&mut Test)) {
    todo!()
}

#[allow(unused_variables, clippy::todo)]
impl Test {
    /// Counts as a check; ends the test as failed if it does not hold.
    #[track_caller]
    pub fn check(&mut self, holds: bool, message: impl Display) {
        todo!()
    }
    /// As [`Test::check`] for two values that must be equal.
    #[track_caller]
    pub fn check_eq<T: PartialEq + Debug>(&mut self, seen: T, wanted: T, message: impl Display) {
        todo!()
    }
    /// Runs code that must panic and returns the panic's message; fails the test if it does not.
    #[track_caller]
    pub fn must_panic<T>(&mut self, code: impl FnOnce() -> T) -> String {
        todo!()
    }
    /// Runs a schedule written by hand. Returns what `play` returns.
    #[track_caller]
    pub fn script<N: Node, C: Checker<N>, T>(
        &mut self,
        scenario: &Scenario<N>,
        checker: C,
        play: impl FnOnce(&mut Script<N, C>) -> T,
    ) -> T {
        todo!()
    }
    /// Runs the scenario with many seeds; a failure is shrunk and reported with its replay line.
    #[track_caller]
    pub fn swarm<N: Node, C: Checker<N>>(&mut self, scenario: &Scenario<N>, checker: C) {
        todo!()
    }
}
