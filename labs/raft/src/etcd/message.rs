//! What members send each other beside Raft's own messages, and their timers.

use super::api::{LeaseId, MemberId};
use super::command::Envelope;
use super::error::EtcdError;
use super::request::LeaseLife;
use crate::Raft;
use node::Node;
use serde::{Deserialize, Serialize};

/// A message between members.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    /// Raft's.
    Raft(<Raft as Node>::Msg),
    /// To the leader: put these into the log. There is no answer; the sender sees it in the log,
    /// and repeats it if it does not.
    Propose(Envelope),
    /// To the leader: what only a leader knows or may do.
    Ask {
        /// Which boot of the sender, so that an answer to an earlier one is not taken for its own.
        boot: u64,
        /// The number of the question.
        number: u64,
        /// The question.
        query: Query,
    },
    /// The answer to it.
    Told {
        /// The question's.
        boot: u64,
        /// The question's.
        number: u64,
        /// The answer.
        told: Told,
    },
}

/// What is asked of the leader.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Query {
    /// At which index may a read look?
    ReadIndex,
    /// Let the lease live on.
    KeepAlive(LeaseId),
    /// How long will the lease live?
    TimeToLive(LeaseId),
    /// Change the members.
    Change(Change),
    /// Hand leadership to this member.
    MoveLeader(MemberId),
}

/// A change of the members.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Change {
    /// A new member without a vote.
    AddLearner(MemberId),
    /// A new member with a vote.
    AddVoter(MemberId),
    /// A learner gets a vote.
    Promote(MemberId),
    /// A member leaves.
    Remove(MemberId),
}

/// What the leader answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Told {
    /// To [`Query::ReadIndex`].
    ReadAt(u64),
    /// To [`Query::KeepAlive`]: seconds to live; 0 if there is no such lease.
    KeptAlive(i64),
    /// To [`Query::TimeToLive`].
    TimeToLive(Option<LeaseLife>),
    /// To [`Query::Change`] and [`Query::MoveLeader`].
    Done,
    /// It cannot be done.
    Refused(Refused),
    /// Ask again: this is not the leader, or it is not ready.
    NotNow,
}

/// Why the leader refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Refused {
    /// There is no such member, or none any more.
    NoMember,
    /// It is no learner.
    NoLearner,
    /// It lacks too much of the log.
    NotReady,
    /// There is a learner already.
    TooManyLearners,
    /// It is the last one that votes.
    LastVoter,
    /// It cannot lead.
    BadTransferee,
    /// It did not take over in time.
    Timeout,
}

impl From<Refused> for EtcdError {
    fn from(why: Refused) -> EtcdError {
        match why {
            Refused::NoMember => EtcdError::MemberNotFound,
            Refused::NoLearner => EtcdError::MemberNotLearner,
            Refused::NotReady => EtcdError::LearnerNotReady,
            Refused::TooManyLearners => EtcdError::TooManyLearners,
            Refused::LastVoter => EtcdError::NotEnoughMembers,
            Refused::BadTransferee => EtcdError::BadTransferee,
            Refused::Timeout => EtcdError::Timeout,
        }
    }
}

/// A member's timers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// Raft's.
    Raft(<Raft as Node>::Timer),
    /// What came in this turn goes on its way together.
    Flush,
    /// What waits too long is asked again or given up; leases run out.
    Tick,
}
