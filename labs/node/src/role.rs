//! A node inside a node: a lock service that embeds a replicated log, two shards in one process.

use crate::{Node, OpId};

/// How an inner node's files, configuration, messages and timers are carried by the outer one.
///
/// ```ignore
/// const RAFT: Role<Self, Raft> =
///     Role { dir: "raft/", cfg: |c| &c.raft, msg: Msg::Raft, timer: Timer::Raft };
/// ```
pub struct Role<O: Node, I: Node> {
    /// Prefix of the inner node's file names; end it with `/`, or leave it empty.
    pub dir: &'static str,
    /// Where the inner node's configuration stands in the outer one's.
    pub cfg: fn(&O::Config) -> &I::Config,
    /// Wraps an inner message.
    pub msg: fn(I::Msg) -> O::Msg,
    /// Wraps an inner timer.
    pub timer: fn(I::Timer) -> O::Timer,
}

impl<O: Node, I: Node> Clone for Role<O, I> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<O: Node, I: Node> Copy for Role<O, I> {}

/// What an inner node told its outer node: the answer to the operation `id`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer<R> {
    /// The operation, usually an [`OpId::inner`].
    pub id: OpId,
    /// The answer.
    pub ret: R,
    /// False when more answers to `id` may follow ([`crate::Ctx::ret_more`]).
    pub last: bool,
}
