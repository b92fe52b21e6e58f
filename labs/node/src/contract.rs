//! [`Node`]: the one trait that every lab's core implements.

use crate::{Ctx, LocalTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::Hash;

/// The bounds on what a client asks and is told, and on timers: comparable, hashable, printable.
pub trait Plain: Clone + Ord + Hash + fmt::Debug + Send + 'static {}
impl<T: Clone + Ord + Hash + fmt::Debug + Send + 'static> Plain for T {}

/// The bounds on a message: [`Plain`], and it can cross a wire.
pub trait Data: Plain + Serialize + DeserializeOwned {}
impl<T: Plain + Serialize + DeserializeOwned> Data for T {}

/// A node's address: a small number that the driver maps to a socket, or to a lane of a trace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Addr(pub u32);

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}
impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// Names one operation that a client asked for. It cannot be serialised: after a restart nobody
/// waits for the answer any more, so an `OpId` must not survive one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OpId {
    inner: bool,
    number: u64,
}

impl OpId {
    /// An operation that an outer node asks of a node inside it (see [`crate::Role`]).
    pub const fn inner(number: u64) -> Self {
        OpId {
            inner: true,
            number,
        }
    }
    /// An operation that came from outside; only drivers make these.
    pub const fn external(number: u64) -> Self {
        OpId {
            inner: false,
            number,
        }
    }
    /// The number that the driver, or the outer node, chose.
    pub const fn number(self) -> u64 {
        self.number
    }
}

/// What a node does after a `sync` that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterFailedSync {
    /// Stop the node. The only safe answer: after a failed fsync the kernel may have dropped the
    /// dirty pages, and a second fsync then reports success for data that is gone.
    Stop,
    /// Call sync again and believe it. Here so that the mistake can be made and caught.
    Retry,
}

/// A deterministic state machine: the core of every lab.
///
/// One call of a handler is one atomic step. Its effects happen in the order in which it asked for
/// them, after it has returned, and a crash may fall between any two of them.
pub trait Node: Clone + Eq + Hash + Send + 'static {
    /// Fixed for a node's whole life, outside its state; read through [`Ctx::cfg`].
    type Config: Send + Sync + 'static;
    /// What nodes send each other.
    type Msg: Data;
    /// A timer's name. One instance of a value is pending at most: setting it again replaces it.
    type Timer: Plain;
    /// What a client asks of this node.
    type Op: Plain;
    /// What a client is told.
    type Ret: Plain;
    /// All that checkers, traces and pages ever see of a node.
    type View: Clone + Eq + Hash + fmt::Debug + Serialize;

    /// The first start, and every start after a crash: read the disk, set the timers.
    fn boot(cx: &mut Ctx<'_, Self>) -> Self;
    /// A message has arrived.
    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Self::Msg);
    /// A timer has fired; it is no longer pending.
    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Self::Timer);
    /// A client asks for `op`. Answer with [`Ctx::ret`], now or in a later handler.
    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Self::Op);
    /// The client of `id` went away; nobody waits for the answer.
    fn on_cancel(&mut self, _cx: &mut Ctx<'_, Self>, _id: OpId) {}
    /// The disk could not make `_file` durable.
    fn on_sync_failed(&mut self, _file: &str) -> AfterFailedSync {
        AfterFailedSync::Stop
    }
    /// What this node shows. `now` is here because whether a lease is held depends on it.
    fn view(&self, now: LocalTime) -> Self::View;
}
