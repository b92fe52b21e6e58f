//! What the services ask of the node, and what it answers.

use super::api::{
    DeleteRange, Event, KeyRange, LeaseId, Member, MemberId, Put, Range, Ranged, Revision, Txn,
};
use super::error::EtcdError;
use super::store::Done;

/// What a client asks of a member.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Request {
    /// Reads keys.
    Range(Range),
    /// Sets a key.
    Put(Put),
    /// Deletes keys.
    DeleteRange(DeleteRange),
    /// Does one branch of a transaction.
    Txn(Txn),
    /// Forgets what is older than this revision.
    Compact(Revision),
    /// Makes a lease; 0 leaves the choice of its name to the member.
    LeaseGrant {
        /// Its name, or 0.
        id: LeaseId,
        /// Seconds to live.
        ttl: i64,
    },
    /// Ends a lease, with its keys.
    LeaseRevoke(LeaseId),
    /// Lets a lease live for its whole time from now on.
    LeaseKeepAlive(LeaseId),
    /// How long a lease has yet to live.
    LeaseTimeToLive(LeaseId),
    /// All leases.
    Leases,
    /// How this member is.
    Status,
    /// A checksum of what can be read at this revision; 0 is now.
    HashKv(Revision),
    /// The whole store, for a copy.
    Snapshot,
    /// Hands leadership to this member.
    MoveLeader(MemberId),
    /// The members.
    MemberList {
        /// Whether this member may answer from what it has, be it old.
        serializable: bool,
    },
    /// Adds a member.
    MemberAdd {
        /// Where the others will reach it.
        peer_urls: Vec<String>,
        /// Whether it has no vote at first.
        learner: bool,
    },
    /// Changes a member's addresses.
    MemberUpdate {
        /// Which member.
        id: MemberId,
        /// Where the others will reach it.
        peer_urls: Vec<String>,
    },
    /// Gives a learner a vote.
    MemberPromote(MemberId),
    /// Removes a member for good.
    MemberRemove(MemberId),
}

/// What a client watches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WatchSpec {
    /// Which keys.
    pub keys: KeyRange,
    /// From which revision on; 0 is from the next change on.
    pub from: Revision,
    /// Whether to tell what was there before.
    pub prev_kv: bool,
}

/// How a member is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Status {
    /// Bytes that the keys take, about.
    pub size: u64,
    /// Who leads; 0 if nobody is known to.
    pub leader: MemberId,
    /// The last entry that is known to be committed.
    pub committed: u64,
    /// The last entry that is applied.
    pub applied: u64,
    /// Whether it has no vote.
    pub is_learner: bool,
}

/// What a member answers to a [`Request`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Answer {
    /// To a request that changed the store, or a transaction that only reads.
    Done(Done),
    /// To [`Request::Range`].
    Range(Ranged),
    /// To [`Request::LeaseGrant`].
    Granted {
        /// The lease.
        id: LeaseId,
        /// Seconds to live.
        ttl: i64,
    },
    /// To [`Request::LeaseKeepAlive`]: seconds to live; 0 if there is no such lease.
    KeptAlive(i64),
    /// To [`Request::LeaseTimeToLive`]; `None` if there is no such lease.
    TimeToLive(Option<LeaseLife>),
    /// To [`Request::Leases`].
    Leases(Vec<LeaseId>),
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::HashKv`].
    Hash {
        /// The checksum.
        hash: u32,
        /// Of which revision.
        revision: Revision,
        /// Reads below are refused.
        compacted: Revision,
    },
    /// To [`Request::Snapshot`].
    Snapshot(Vec<u8>),
    /// To [`Request::MoveLeader`].
    Moved,
    /// To the requests about members: the one that it was about, and all.
    Members {
        /// The one.
        about: Option<Member>,
        /// All.
        all: Vec<Member>,
    },
}

/// How long a lease lives, and what ends with it.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize,
)]
pub struct LeaseLife {
    /// Seconds that it was given.
    pub granted: i64,
    /// Seconds that are left.
    pub left: i64,
    /// The keys that end with it.
    pub keys: Vec<Vec<u8>>,
}

/// What stands at the head of every answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Header {
    /// The cluster's number.
    pub cluster: u64,
    /// Who answers.
    pub member: MemberId,
    /// The store's revision.
    pub revision: Revision,
    /// Raft's term.
    pub term: u64,
}

/// What is asked of an [`super::node::EtcdNode`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// One request, one answer.
    Ask(Box<Request>),
    /// Answered with [`Ret::Watching`] or [`Ret::Failed`], then with [`Ret::Events`] as often as
    /// there are any.
    Watch(WatchSpec),
    /// Answered with [`Ret::Cluster`] now, and whenever the members or the leader change.
    Cluster,
}

/// What an [`super::node::EtcdNode`] answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ret {
    /// To [`Op::Ask`].
    Answer(Header, Box<Answer>),
    /// To [`Op::Ask`] and [`Op::Watch`]: refused, and why.
    Failed(Header, EtcdError),
    /// To [`Op::Watch`]: it stands.
    Watching(Header),
    /// To [`Op::Watch`]: changes, in order; whole revisions.
    Events {
        /// The head; its revision is that of the last change that the member knows of.
        header: Header,
        /// The changes.
        events: Vec<Event>,
        /// Set if this is the last answer of a watch that is behind: ask again from there.
        resume: Option<Revision>,
    },
    /// To [`Op::Watch`], the last: the changes that come next have been compacted.
    Compacted(Header, Revision),
    /// To [`Op::Cluster`].
    Cluster(Cluster),
}

/// What the process around the node must know.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Cluster {
    /// Where the other members are reached.
    pub peers: Vec<Member>,
    /// Whether this member was removed: it has nothing to do any more.
    pub removed: bool,
    /// Who leads; 0 if nobody is known to.
    pub leader: MemberId,
}
