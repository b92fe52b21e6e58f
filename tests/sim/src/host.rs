//! What a machine needs from its driver, and what it tells it.

use node::driver::{DiskOp, FileName};
use node::{Addr, Node, OpId};
use std::ops::Range;
use std::time::Duration;

/// Where a handler's randomness comes from.
pub trait Dice {
    /// A number below `n`; `n` is at least 1.
    fn choose(&mut self, n: u32) -> u32;
    /// A duration in `within`, for a timer.
    fn within(&mut self, within: Range<Duration>) -> Duration;
}

/// What becomes of one sync effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SyncFate {
    /// It is durable at once.
    Durable,
    /// It takes a while: this effect and all later ones of the node wait for
    /// [`crate::machine::Machine::finish_sync`], while the node goes on handling.
    Slow,
    /// It fails: the node stops here, or believes that a second try helped.
    Failed,
}

/// Receives a node's effects, in order.
pub trait Host<N: Node> {
    /// Decides on the sync of `file`.
    fn sync_fate(&mut self, _file: &FileName) -> SyncFate {
        SyncFate::Durable
    }
    /// A message leaves.
    fn send(&mut self, to: Addr, msg: N::Msg);
    /// A client is answered.
    fn ret(&mut self, id: OpId, ret: N::Ret, last: bool);
    /// A write is pending from here on.
    fn wrote(&mut self, _file: &FileName, _op: &DiskOp) {}
    /// A file is durable.
    fn synced(&mut self, _file: &FileName) {}
    /// The student's own mark.
    fn note(&mut self, _text: String) {}
}

/// How far the effects of one handler are carried out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Plan {
    /// All of them.
    #[default]
    All,
    /// The first so many; then the node crashes (the caller calls [`crate::machine::Machine::crash`]).
    CutAt(usize),
    /// The first so many; the node is paused and the others leave on resume.
    PauseAt(usize),
}

/// How the carrying out of effects ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[must_use = "a cut or stopped machine has to be crashed"]
pub enum Progress {
    /// All effects are out.
    Done,
    /// Some are held, behind a pause or a slow sync.
    Held,
    /// The list was cut: crash the machine.
    Cut,
    /// The node stopped itself at an effect: crash the machine.
    Stopped(Stop),
}

/// Why a node stopped itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stop {
    /// A write did not fit on the disk.
    DiskFull(FileName),
    /// A sync failed.
    SyncFailed(FileName),
    /// It panicked with a message that the scenario allows ([`crate::Scenario::stops_on`]).
    Said(String),
}
