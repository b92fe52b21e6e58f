//! What stands in the log: commands, and who asked for them.

use super::api::{DeleteRange, LeaseId, Member, MemberId, Put, Revision, Txn};
use serde::{Deserialize, Serialize};

/// One change of the store.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Sets a key.
    Put(Put),
    /// Deletes keys.
    DeleteRange(DeleteRange),
    /// Does one branch of a transaction.
    Txn(Txn),
    /// Forgets what is older than this revision.
    Compact(Revision),
    /// Makes a lease.
    LeaseGrant {
        /// Its name, chosen by the member that was asked: the store draws no random numbers.
        id: LeaseId,
        /// Seconds to live.
        ttl: i64,
    },
    /// Ends a lease, with its keys. The leader proposes it for a lease that has run out.
    LeaseRevoke(LeaseId),
    /// Notes a member's name and addresses.
    SetMember(Member),
    /// Notes a member that is to be added, under an id that no member ever had. That it *is* one
    /// is another entry of the log, Raft's own.
    NameMember {
        /// The greatest id that Raft knows of.
        above: MemberId,
        /// Where other members will reach it.
        peer_urls: Vec<String>,
    },
    /// Forgets a member that has been removed.
    ForgetMember(MemberId),
    /// Names the cluster, if it has no name yet: a number that clients can tell clusters apart by.
    Found(u64),
}

/// Commands that one member asks for, one entry of the log or a part of it.
///
/// A member repeats a command whose fate it does not know, so the log may hold it twice. The store
/// does it once: `boot` grows with each start of the member, a sequence number is used once in a
/// boot, and `floor` says which of them nobody waits for any more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The member that was asked.
    pub origin: MemberId,
    /// Which of its starts.
    pub boot: u64,
    /// Its commands below are done or given up: they must not be done any more.
    pub floor: u64,
    /// The commands with their sequence numbers.
    pub commands: Vec<(u64, Command)>,
}

/// An entry of the log: what was asked for while the last one was on its way.
pub fn encode(envelopes: &[Envelope]) -> Vec<u8> {
    // Fails only for types that postcard cannot hold; these are none.
    postcard::to_stdvec(envelopes).expect("commands have a postcard encoding")
}

/// The commands of an entry; `None` if it was not written by [`encode`].
pub fn decode(entry: &[u8]) -> Option<Vec<Envelope>> {
    match postcard::take_from_bytes(entry) {
        Ok((envelopes, [])) => Some(envelopes),
        _ => None,
    }
}
