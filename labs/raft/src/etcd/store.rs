//! [`Store`]: the replicated state machine. Given.
//!
//! **Idea.** Every member applies the same commands in the same order, so everything here is a pure
//! function of them: no clock, no random number, no map whose order depends on the process. What a
//! member knows of its own (who waits for an answer, when a lease runs out) is in `member.rs`.
//!
//! | file | what is there |
//! |---|---|
//! | `store.rs` | [`Store`]: one command, what it answers |
//! | `store/mvcc.rs` | every key at every revision, events from a revision on |
//! | `store/range.rs` | reads |
//! | `store/txn.rs` | writes and transactions, and what is refused before the log |
//! | `store/lease.rs` | leases and their keys |
//! | `store/sessions.rs` | commands that stand in the log twice |
//! | `store/image.rs` | the whole store as bytes: Raft's snapshot |

mod image;
mod lease;
mod mvcc;
mod range;
mod sessions;
mod txn;

pub use image::BrokenImage;
pub use lease::{MAX_TTL, MIN_TTL};
pub use txn::{MAX_TXN_OPS, check_key, check_put, check_txn};

use super::api::{
    Deleted, Event, KeyRange, KeyValue, LeaseId, Member, MemberId, Range, Ranged, Revision, TxnDone,
};
use super::command::{Command, Envelope};
use super::error::EtcdError;
use lease::Leases;
use mvcc::Mvcc;
use sessions::Sessions;
use std::collections::BTreeMap;

/// What a command answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Done {
    /// To [`Command::Put`]: what was there before, if asked for.
    Put(Option<KeyValue>),
    /// To [`Command::DeleteRange`].
    DeleteRange(Deleted),
    /// To [`Command::Txn`].
    Txn(TxnDone),
    /// To [`Command::LeaseGrant`]: the seconds that it was given.
    Granted(i64),
    /// To [`Command::NameMember`]: the id.
    Named(MemberId),
    /// To commands that have no more to say.
    Done,
}

/// The state that all members share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Store {
    mvcc: Mvcc,
    leases: Leases,
    sessions: Sessions,
    members: BTreeMap<MemberId, Member>,
    /// The greatest id that a member ever had: one that left must not come back under its old name.
    last_member: MemberId,
    cluster: u64,
}

impl Default for Store {
    fn default() -> Self {
        Store::new()
    }
}

impl Store {
    /// An empty store, at revision 1.
    pub fn new() -> Self {
        Store {
            mvcc: Mvcc::new(),
            leases: Leases::default(),
            sessions: Sessions::default(),
            members: BTreeMap::new(),
            last_member: 0,
            cluster: 0,
        }
    }

    /// Does the commands of an entry that are to be done; `heard` is told each one's answer with
    /// its number and the store's revision after it.
    pub fn apply(
        &mut self,
        envelope: Envelope,
        mut heard: impl FnMut(u64, Result<Done, EtcdError>, Revision),
    ) {
        self.sessions.open(&envelope);
        let who = Envelope {
            commands: Vec::new(),
            ..envelope
        };
        for (sequence, command) in envelope.commands {
            if self.sessions.admit(&who, sequence) {
                let answer = self.run(command);
                heard(sequence, answer, self.mvcc.revision);
            }
        }
    }

    /// Does one command. One that fails changes nothing.
    pub fn run(&mut self, command: Command) -> Result<Done, EtcdError> {
        let done = match command {
            Command::Put(put) => self.put(put).map(Done::Put),
            Command::DeleteRange(delete) => Ok(Done::DeleteRange(self.delete_range(&delete))),
            Command::Txn(txn) => self.txn(&txn).map(Done::Txn),
            Command::Compact(at) => self.compact(at).map(|()| Done::Done),
            Command::LeaseGrant { id, ttl } => self.leases.grant(id, ttl).map(Done::Granted),
            Command::LeaseRevoke(id) => self.revoke(id).map(|()| Done::Done),
            Command::SetMember(member) => {
                self.last_member = self.last_member.max(member.id);
                self.members.insert(member.id, member);
                Ok(Done::Done)
            }
            Command::NameMember { above, peer_urls } => {
                Ok(Done::Named(self.name_member(above, peer_urls)))
            }
            Command::ForgetMember(id) => {
                self.members.remove(&id);
                Ok(Done::Done)
            }
            Command::Found(cluster) => {
                if self.cluster == 0 {
                    self.cluster = cluster;
                }
                Ok(Done::Done)
            }
        };
        self.mvcc.close();
        done
    }

    fn compact(&mut self, at: Revision) -> Result<(), EtcdError> {
        if at > self.mvcc.revision {
            return Err(EtcdError::FutureRevision);
        }
        if at <= self.mvcc.compacted {
            return Err(EtcdError::Compacted);
        }
        self.mvcc.compact(at);
        Ok(())
    }

    fn revoke(&mut self, id: LeaseId) -> Result<(), EtcdError> {
        for key in self.leases.revoke(id)? {
            self.delete(&key);
        }
        Ok(())
    }

    fn name_member(&mut self, above: MemberId, peer_urls: Vec<String>) -> MemberId {
        let id = self.last_member.max(above) + 1;
        self.last_member = id;
        let member = Member {
            id,
            peer_urls,
            ..Member::default()
        };
        self.members.insert(id, member);
        id
    }

    /// Answers a read from what is here.
    pub fn range(&self, range: &Range) -> Result<Ranged, EtcdError> {
        self.mvcc.query(range)
    }

    /// The revision of the last change.
    pub fn revision(&self) -> Revision {
        self.mvcc.revision
    }

    /// Reads below this revision are refused.
    pub fn compacted(&self) -> Revision {
        self.mvcc.compacted
    }

    /// About how many bytes of memory the keys take.
    pub fn size(&self) -> u64 {
        self.mvcc.size()
    }

    /// The changes of a range's keys from revision `from` on, of `limit` revisions at most, and
    /// the revision from which to ask on.
    pub fn events(
        &self,
        keys: &KeyRange,
        from: Revision,
        limit: usize,
        prev_kv: bool,
    ) -> (Vec<Event>, Revision) {
        self.mvcc.events(keys, from, limit, prev_kv)
    }

    /// A checksum of all that can be read at `at`; 0 is now. Answers it with the revision.
    pub fn hash(&self, at: Revision) -> Result<(u32, Revision), EtcdError> {
        self.mvcc.check_revision(at)?;
        let at = if at > 0 { at } else { self.mvcc.revision };
        Ok((self.mvcc.hash(at), at))
    }

    /// A lease's seconds to live and its keys.
    pub fn lease(&self, id: LeaseId) -> Option<(i64, Vec<Vec<u8>>)> {
        let lease = self.leases.get(id)?;
        let keys = lease.keys.iter().map(|key| key.to_vec()).collect();
        Some((lease.ttl, keys))
    }

    /// A lease's seconds to live.
    pub fn lease_ttl(&self, id: LeaseId) -> Option<i64> {
        self.leases.get(id).map(|lease| lease.ttl)
    }

    /// All leases, with their seconds to live.
    pub fn leases(&self) -> impl Iterator<Item = (LeaseId, i64)> {
        self.leases.iter().map(|(id, lease)| (id, lease.ttl))
    }

    /// What is known of a member beside its vote.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// What is known of all members, beside their votes.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// The cluster's number; 0 until it has one.
    pub fn cluster(&self) -> u64 {
        self.cluster
    }

    /// Whether a member's command has been done, or must not be done any more.
    pub fn is_done(&self, origin: MemberId, boot: u64, sequence: u64) -> bool {
        self.sessions.is_done(origin, boot, sequence)
    }
}
