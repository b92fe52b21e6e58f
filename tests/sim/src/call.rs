//! [`Call`]: one operation of one client, from its asking to its answer.

use crate::time::SimTime;
use node::{Addr, OpId};

/// One operation of one client. An operation that was never answered (its node crashed, its client
/// gave up) stays open for ever: it may have taken effect, or may yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Call<O, R> {
    /// The operation's name.
    pub id: OpId,
    /// The sequential process that asked. A client goes on under a new number after a call that
    /// was never answered.
    pub process: u64,
    /// The scenario's client, by its place; `None` for an operation of a script.
    pub client: Option<u32>,
    /// The node that was asked.
    pub node: Addr,
    /// What was asked.
    pub op: O,
    /// When.
    pub asked: SimTime,
    /// Its place in the order of all askings and answers of the run; times may be equal, this not.
    pub asked_order: u64,
    /// The answers with their times and places in the order. A watch has many.
    pub rets: Vec<Ret<R>>,
    /// True if the last answer has come.
    pub done: bool,
    /// True if nobody waits any more: the client gave up, or the node crashed.
    pub gone: bool,
}

/// One answer of a [`Call`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ret<R> {
    /// What was told.
    pub value: R,
    /// When.
    pub at: SimTime,
    /// Its place in the order of all askings and answers.
    pub order: u64,
}

impl<O, R> Call<O, R> {
    /// The last answer, if it has come.
    pub fn answer(&self) -> Option<&R> {
        if self.done {
            self.rets.last().map(|r| &r.value)
        } else {
            None
        }
    }
    /// When the last answer came; `None` is infinity.
    pub fn answered(&self) -> Option<SimTime> {
        if self.done {
            self.rets.last().map(|r| r.at)
        } else {
            None
        }
    }
}
