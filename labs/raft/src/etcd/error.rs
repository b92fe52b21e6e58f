//! [`EtcdError`]: why a request was refused, in the words that etcd's clients know.

use std::fmt;

/// Why a request was refused.
///
/// The texts are part of the protocol: clients compare them with the ones that they know and turn
/// them into typed errors.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EtcdError {
    /// A request without a key.
    EmptyKey,
    /// `ignore_value` or `ignore_lease` of a key that does not exist.
    KeyNotFound,
    /// `ignore_value` together with a value.
    ValueProvided,
    /// `ignore_lease` together with a lease.
    LeaseProvided,
    /// A transaction that is too long.
    TooManyOps,
    /// A transaction that changes a key twice.
    DuplicateKey,
    /// An order that does not exist.
    InvalidSortOption,
    /// The revision is gone.
    Compacted,
    /// The revision is still to come.
    FutureRevision,
    /// The store is as large as it may be.
    NoSpace,
    /// There is no such lease.
    LeaseNotFound,
    /// There is such a lease already.
    LeaseExists,
    /// A lease that would never end.
    LeaseTtlTooLarge,
    /// There is such a member already.
    PeerUrlExists,
    /// The addresses of a member are not ones.
    BadMemberUrls,
    /// There is no such member.
    MemberNotFound,
    /// Only a learner can be promoted.
    MemberNotLearner,
    /// A learner that lacks too much of the log.
    LearnerNotReady,
    /// More learners than one.
    TooManyLearners,
    /// Another change of the membership is under way, or the leader has not committed yet.
    Unhealthy,
    /// The last members that vote must not go.
    NotEnoughMembers,
    /// The request is larger than a server takes.
    RequestTooLarge,
    /// More requests wait than a server keeps.
    TooManyRequests,
    /// No leader is known.
    NoLeader,
    /// Only the leader does this.
    NotLeader,
    /// The leader changed while the request was under way.
    LeaderChanged,
    /// The server is stopping.
    Stopped,
    /// No answer in time: whether the request was done is unknown.
    Timeout,
    /// A learner does not do this.
    NotForLearners,
    /// The member cannot become the leader.
    BadTransferee,
    /// What this server does not do, in a sentence.
    Unimplemented(&'static str),
    /// What the server did not expect; the text says what to do.
    Internal(String),
}

impl fmt::Display for EtcdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EtcdError::EmptyKey => "etcdserver: key is not provided",
            EtcdError::KeyNotFound => "etcdserver: key not found",
            EtcdError::ValueProvided => "etcdserver: value is provided",
            EtcdError::LeaseProvided => "etcdserver: lease is provided",
            EtcdError::TooManyOps => "etcdserver: too many operations in txn request",
            EtcdError::DuplicateKey => "etcdserver: duplicate key given in txn request",
            EtcdError::InvalidSortOption => "etcdserver: invalid sort option",
            EtcdError::Compacted => "etcdserver: mvcc: required revision has been compacted",
            EtcdError::FutureRevision => "etcdserver: mvcc: required revision is a future revision",
            EtcdError::NoSpace => "etcdserver: mvcc: database space exceeded",
            EtcdError::LeaseNotFound => "etcdserver: requested lease not found",
            EtcdError::LeaseExists => "etcdserver: lease already exists",
            EtcdError::LeaseTtlTooLarge => "etcdserver: too large lease TTL",
            EtcdError::PeerUrlExists => "etcdserver: Peer URLs already exists",
            EtcdError::BadMemberUrls => "etcdserver: given member URLs are invalid",
            EtcdError::MemberNotFound => "etcdserver: member not found",
            EtcdError::MemberNotLearner => "etcdserver: can only promote a learner member",
            EtcdError::LearnerNotReady => {
                "etcdserver: can only promote a learner member which is in sync with leader"
            }
            EtcdError::TooManyLearners => "etcdserver: too many learner members in cluster",
            EtcdError::Unhealthy => "etcdserver: unhealthy cluster",
            EtcdError::NotEnoughMembers => {
                "etcdserver: re-configuration failed due to not enough started members"
            }
            EtcdError::RequestTooLarge => "etcdserver: request is too large",
            EtcdError::TooManyRequests => "etcdserver: too many requests",
            EtcdError::NoLeader => "etcdserver: no leader",
            EtcdError::NotLeader => "etcdserver: not leader",
            EtcdError::LeaderChanged => "etcdserver: leader changed",
            EtcdError::Stopped => "etcdserver: server stopped",
            EtcdError::Timeout => "etcdserver: request timed out",
            EtcdError::NotForLearners => "etcdserver: rpc not supported for learner",
            EtcdError::BadTransferee => "etcdserver: bad leader transferee",
            EtcdError::Unimplemented(what) => what,
            EtcdError::Internal(what) => what,
        })
    }
}

impl std::error::Error for EtcdError {}
