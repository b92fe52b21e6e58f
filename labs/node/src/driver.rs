//! What stands behind a [`Ctx`]: for those who write a driver (simulator, explorer, tokio shell).
//! A lab's core needs nothing from here.

use crate::{Addr, Ctx, LocalTime, Node, OpId, WallTime};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A file's name inside one node's disk, with its role's prefix.
pub type FileName = Arc<str>;

/// One change of one file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum DiskOp {
    /// Adds bytes at the end; creates the file.
    Append(Arc<[u8]>),
    /// Puts these bytes in place of the whole content, atomically; creates the file.
    Replace(Arc<[u8]>),
    /// Keeps the first so many bytes.
    Truncate(u64),
    /// Deletes the file.
    Remove,
}

impl DiskOp {
    /// Does this change to a file's content; `None` is an absent file.
    pub fn apply(&self, content: &mut Option<Arc<Vec<u8>>>) {
        match self {
            DiskOp::Append(bytes) => {
                Arc::make_mut(content.get_or_insert_default()).extend_from_slice(bytes);
            }
            DiskOp::Replace(bytes) => *content = Some(Arc::new(bytes.to_vec())),
            DiskOp::Truncate(len) => {
                if let Some(file) = content {
                    Arc::make_mut(file).truncate(usize::try_from(*len).unwrap_or(usize::MAX));
                }
            }
            DiskOp::Remove => *content = None,
        }
    }
}

/// One effect of a handler, in the order in which the handler asked for it. A crash may fall
/// between any two. `M` is the node's message, `R` what its clients are told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Effect<M, R> {
    /// A message leaves.
    Send {
        /// Where it goes.
        to: Addr,
        /// What it says.
        msg: M,
    },
    /// An operation is answered.
    Ret {
        /// Which one.
        id: OpId,
        /// With what.
        ret: R,
        /// False if more answers may follow.
        last: bool,
    },
    /// A file changes. Reads see it at once; it is durable after a later [`Effect::Sync`].
    Disk {
        /// The file.
        file: FileName,
        /// The change.
        op: DiskOp,
        /// False if the disk had no room for it: the node stops at this effect.
        fits: bool,
    },
    /// What was done to this file before becomes durable; effects behind it wait for that.
    Sync {
        /// The file.
        file: FileName,
    },
    /// The student's own mark in the trace.
    Note(String),
}

/// A change of a node's timers. Timers are not in the list of effects: they take effect when the
/// handler ends, or a cancelled timer could fire behind a slow sync.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TimerChange<T> {
    /// (Re)starts the timer: due after this long on the node's own clock.
    Set(T, Duration),
    /// Stops it, if it is pending.
    Cancel(T),
}

/// What a handler reads and draws from while it runs.
pub trait Env {
    /// The content that reads see; `None` if there is no such file.
    fn read(&self, file: &str) -> Option<&[u8]>;
    /// All files whose name begins with `prefix`, in order.
    fn list(&self, prefix: &str) -> Vec<String>;
    /// Bytes that can still be written.
    fn free_bytes(&self) -> u64;
    /// Makes a change visible to reads. Durability comes with the effects.
    fn apply(&mut self, file: &FileName, op: &DiskOp);
    /// A number below `n` (`n` is at least 1).
    fn choose(&mut self, n: u32) -> u32;
    /// A duration in `within`, drawn for a timer.
    fn within(&mut self, within: Range<Duration>) -> Duration;
}

/// Where and when a handler runs.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The node's own address.
    pub me: Addr,
    /// Its monotonic clock.
    pub now: LocalTime,
    /// Its wall clock.
    pub wall: WallTime,
}

/// What a handler is called with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input<M, T, O> {
    /// [`Node::on_message`].
    Message(Addr, M),
    /// [`Node::on_timer`].
    Timer(T),
    /// [`Node::on_op`].
    Op(OpId, O),
    /// [`Node::on_cancel`].
    Cancel(OpId),
}

/// What a handler asked for. Reuse one value from step to step: its buffers keep their room.
pub struct Output<N: Node> {
    /// In order; a crash may cut the list at any place.
    pub effects: Vec<Effect<N::Msg, N::Ret>>,
    /// In order, all at the handler's end.
    pub timers: Vec<TimerChange<N::Timer>>,
}

impl<N: Node> Default for Output<N> {
    fn default() -> Self {
        Output {
            effects: Vec::new(),
            timers: Vec::new(),
        }
    }
}

/// Boots a node; what it asks for is added to `out`.
pub fn boot<N: Node>(at: Moment, cfg: &N::Config, env: &mut dyn Env, out: &mut Output<N>) -> N {
    let mut cx = Ctx::new(at, cfg, env, out);
    N::boot(&mut cx)
}

/// Runs one handler; what it asks for is added to `out`.
pub fn step<N: Node>(
    node: &mut N,
    at: Moment,
    cfg: &N::Config,
    env: &mut dyn Env,
    input: Input<N::Msg, N::Timer, N::Op>,
    out: &mut Output<N>,
) {
    let mut cx = Ctx::new(at, cfg, env, out);
    match input {
        Input::Message(from, msg) => node.on_message(&mut cx, from, msg),
        Input::Timer(timer) => node.on_timer(&mut cx, timer),
        Input::Op(id, op) => node.on_op(&mut cx, id, op),
        Input::Cancel(id) => node.on_cancel(&mut cx, id),
    }
}
