//! What a state machine asks of [`crate::Raft`], and what it is told. Given.
//!
//! Raft is a node inside another one, the state machine: [`crate::Kv`], or the server's. That one
//! calls it through `cx.scope` and hears its answers there. A simulation may also run [`crate::Raft`]
//! alone; then its clients ask these operations.

use crate::entry::{Command, Index, Membership, Term};
use node::Addr;

/// What the state machine asks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// Opened once, at boot, right after `scope_boot`: answered, again and again, with
    /// [`Ret::Role`], [`Ret::Install`] and [`Ret::Committed`]. There is no last answer.
    Watch,
    /// Append a command. Answered at once: [`Ret::Accepted`], or [`Ret::NotLeader`]. That it is
    /// committed is told by [`Ret::Committed`] with the same index *and term*.
    Propose(Command),
    /// At which index may a read look (§8, thesis §6.4)? Answered with [`Ret::ReadAt`] when it is
    /// certain that this server still led after the question, or with [`Ret::NotLeader`].
    Read,
    /// The state machine's image, with everything up to `index` in it: the log up to there may go.
    /// Answered at once with [`Ret::Compacted`]; an `index` that is not applied yet, or is in the
    /// snapshot already, changes nothing.
    Compact {
        /// The last index applied to the image.
        index: Index,
        /// The image.
        image: Command,
    },
    /// Change the servers (thesis §4.1). Answered with [`Ret::Changed`] when it is committed, with
    /// [`Ret::Refused`] at once, or with [`Ret::NotLeader`].
    Change(Change),
    /// Hand leadership to this voter (thesis §3.10). Answered with [`Ret::Transferred`],
    /// [`Ret::Refused`] or [`Ret::NotLeader`].
    Transfer(Addr),
}

/// One change of the servers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Change {
    /// A server that hears everything and does not vote.
    AddLearner(Addr),
    /// A learner that has caught up becomes a voter.
    Promote(Addr),
    /// A server, or a learner however far behind, becomes a voter at once.
    AddVoter(Addr),
    /// A server leaves, for good.
    Remove(Addr),
}

/// What the state machine is told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ret {
    /// To [`Op::Watch`]: this entry is committed. In the order of the log, each once in one boot,
    /// from the index after the last [`Ret::Install`] on (from 1 if there was none).
    Committed {
        /// Its index.
        index: Index,
        /// Its term.
        term: Term,
        /// Its command; `None` for an entry that is not the state machine's.
        command: Option<Command>,
    },
    /// To [`Op::Watch`]: the state is now this image. Told when a leader sent a snapshot, and
    /// first thing after the question if there is one on the disk.
    Install {
        /// The last index in the image.
        index: Index,
        /// Its term.
        term: Term,
        /// The image, as it was given to [`Op::Compact`].
        image: Command,
    },
    /// To [`Op::Watch`]: the term, the leader, or this server's part has changed.
    Role {
        /// Who leads, if it is known.
        leader: Option<Addr>,
        /// The current term.
        term: Term,
        /// True if this server leads.
        mine: bool,
    },
    /// To [`Op::Propose`]: the command is in this leader's log. It may yet be lost.
    Accepted {
        /// Where.
        index: Index,
        /// In which term.
        term: Term,
    },
    /// To all but [`Op::Watch`] and [`Op::Compact`]: this server does not lead (any more), or is
    /// handing over. Of a change: it is not known whether it will be committed.
    NotLeader {
        /// Who may know better.
        hint: Option<Addr>,
    },
    /// To [`Op::Read`]: a state with everything up to here applied is new enough.
    ReadAt {
        /// The index.
        index: Index,
    },
    /// To [`Op::Compact`]: done, or there was nothing to do.
    Compacted,
    /// To [`Op::Change`]: committed.
    Changed {
        /// Where it stands in the log.
        index: Index,
        /// The servers now.
        membership: Membership,
    },
    /// To [`Op::Transfer`]: a new term has begun; another server leads it, or will.
    Transferred,
    /// To [`Op::Change`] and [`Op::Transfer`]: nothing was done, and why.
    Refused(Refusal),
}

/// Why a change or a transfer was refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// The change before it is not committed yet: ask again.
    ChangePending,
    /// The leader has not committed an entry of its own term yet: ask again.
    NoCommitInTerm,
    /// It is a server of the kind already.
    AlreadyThere,
    /// It is no server, or not of that kind.
    NotThere,
    /// It was removed once; give the newcomer another address.
    WasRemoved,
    /// The learner is too far behind: ask again later.
    NotCaughtUp,
    /// It is the last voter.
    LastVoter,
    /// The target did not take over within an election timeout; this server goes on leading.
    TransferTimedOut,
}
