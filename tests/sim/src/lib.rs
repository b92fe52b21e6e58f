//! The simulator: it runs a lab's nodes on a network, on disks and by clocks that fail as real ones
//! do, looks for broken invariants, and cuts a failure down to the few faults that matter.
//!
//! **Idea.** A run is a pure function of a scenario, a seed and a set of faults. Every choice is
//! drawn by a stable *key* ([`key`]), so that taking one fault away leaves the others as they were.
//!
//! **How it works.** [`scenario`] says who takes part; [`swarm`] runs it with many seeds;
//! [`script`] runs a schedule written by hand; [`check`] is what an invariant looks like;
//! [`machine`] and [`disk`] are one node, shared with the explorer; [`explore`] tries every order of
//! events in a small scope; [`hand`] lets a person choose them; [`linear`] and [`txn`] judge what clients saw; [`grade()`] is a graded test.
//!
//! Architecture invariant: checkers, traces and reports see a node's `View` and nothing else.

pub mod call;
mod carrier;
mod cause;
mod chaos;
pub mod check;
mod clients;
mod clock;
mod cuts;
mod digest;
pub mod disk;
mod erased;
pub mod explore;
mod falls;
mod fate;
pub mod fault;
pub mod grade;
pub mod hand;
mod handle;
pub mod history;
mod host;
mod hunt;
pub mod key;
pub mod linear;
pub mod machine;
mod name;
mod net;
mod panics;
mod queue;
mod record;
pub mod regress;
mod report;
mod route;
pub mod scenario;
pub mod script;
mod seat;
pub mod shared;
pub mod shrink;
pub mod swarm;
pub mod time;
pub mod trace;
pub mod txn;
mod world;

pub use call::Call;
pub use check::{Checker, Event, Step, Violation};
pub use erased::Erased;
pub use fault::{Aim, Faults, Strike};
pub use grade::{Test, grade};
pub use hunt::Hunt;
pub use key::{FaultKey, FaultKind};
pub use name::Name;
pub use panics::Panic;
pub use report::Verdict;
pub use scenario::{Ask, BandLabel, Label, Scenario, Show, Turn};
pub use script::Script;
pub use swarm::{RunSpec, run};
pub use time::{SimTime, ms};
