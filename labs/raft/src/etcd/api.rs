//! What clients ask and are told, in plain types: the vocabulary between the services, the node
//! and the store. `convert.rs` maps it to and from the protobuf messages.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes that are shared by a key's history, its index and the answers about it.
pub type Bytes = Arc<[u8]>;
/// The store's logical clock: one step for each transaction that changed something.
pub type Revision = i64;
/// A lease's name; 0 is no lease.
pub type LeaseId = i64;
/// A member's name in the cluster: its Raft id.
pub type MemberId = u64;

/// Which keys: one key (`end` empty), from `key` on (`end` is one zero byte), or `[key, end)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct KeyRange {
    /// The first key.
    pub key: Vec<u8>,
    /// What ends the range; see above.
    pub end: Vec<u8>,
}

impl KeyRange {
    /// One key.
    pub fn one(key: impl Into<Vec<u8>>) -> Self {
        KeyRange {
            key: key.into(),
            end: Vec::new(),
        }
    }

    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let key = prefix.into();
        let mut end = key.clone();
        while let Some(last) = end.pop() {
            if last < 0xff {
                end.push(last + 1);
                return KeyRange { key, end };
            }
        }
        KeyRange { key, end: vec![0] }
    }

    /// Every key there is.
    pub fn all() -> Self {
        KeyRange {
            key: vec![0],
            end: vec![0],
        }
    }

    /// Whether it names exactly one key.
    pub fn is_one(&self) -> bool {
        self.end.is_empty()
    }

    /// Whether it has no upper bound.
    pub fn is_open(&self) -> bool {
        self.end == [0]
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        if self.is_one() {
            return key == self.key;
        }
        key >= self.key.as_slice() && (self.is_open() || key < self.end.as_slice())
    }
}

/// A key's state at some revision.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct KeyValue {
    /// The key.
    pub key: Bytes,
    /// The revision that made it.
    pub create_revision: Revision,
    /// The revision that changed it last.
    pub mod_revision: Revision,
    /// How often it was put since it was made.
    pub version: i64,
    /// Its value.
    pub value: Bytes,
    /// The lease that it ends with, or 0.
    pub lease: LeaseId,
}

/// One change of one key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Event {
    /// True for a deletion: then only the key and the revision of `kv` are set.
    pub deleted: bool,
    /// The key after the change.
    pub kv: KeyValue,
    /// The key before it, if it was asked for, existed, and is not compacted.
    pub prev_kv: Option<KeyValue>,
}

/// In which order keys are answered.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum SortOrder {
    /// As they stand: by key, rising.
    #[default]
    None,
    /// Rising.
    Ascend,
    /// Falling.
    Descend,
}

/// By what keys are sorted.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub enum SortTarget {
    /// The key.
    #[default]
    Key,
    /// Its version.
    Version,
    /// The revision that made it.
    Create,
    /// The revision that changed it last.
    Mod,
    /// Its value.
    Value,
}

/// Reads keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Range {
    /// Which keys.
    pub keys: KeyRange,
    /// At most so many; 0 is all.
    pub limit: i64,
    /// As of this revision; 0 or less is now.
    pub revision: Revision,
    /// The order of the answer.
    pub sort_order: SortOrder,
    /// What the order is about.
    pub sort_target: SortTarget,
    /// Whether this member may answer from what it has, be it old.
    pub serializable: bool,
    /// Leave out the values.
    pub keys_only: bool,
    /// Leave out the keys too.
    pub count_only: bool,
    /// Leave out what was last changed before; 0 is no bound, here and below.
    pub min_mod_revision: Revision,
    /// Leave out what was last changed after.
    pub max_mod_revision: Revision,
    /// Leave out what was made before.
    pub min_create_revision: Revision,
    /// Leave out what was made after.
    pub max_create_revision: Revision,
}

/// Sets a key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Put {
    /// The key.
    pub key: Vec<u8>,
    /// Its new value.
    pub value: Vec<u8>,
    /// The lease that it ends with, or 0.
    pub lease: LeaseId,
    /// Answer what was there before.
    pub prev_kv: bool,
    /// Keep the value that it has.
    pub ignore_value: bool,
    /// Keep the lease that it has.
    pub ignore_lease: bool,
}

/// Deletes keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct DeleteRange {
    /// Which keys.
    pub keys: KeyRange,
    /// Answer what was there before.
    pub prev_kv: bool,
}

/// How two values must stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Comparison {
    /// The key's is the same.
    Equal,
    /// The key's is greater.
    Greater,
    /// The key's is less.
    Less,
    /// The key's is another.
    NotEqual,
}

/// What of a key is compared, and with what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Target {
    /// Its version; 0 if it does not exist.
    Version(i64),
    /// The revision that made it; 0 if it does not exist.
    Create(Revision),
    /// The revision that changed it last; 0 if it does not exist.
    Mod(Revision),
    /// Its value; never true of a key that does not exist.
    Value(Vec<u8>),
    /// Its lease.
    Lease(LeaseId),
}

/// A condition of a transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Compare {
    /// Of which keys; it must hold for each.
    pub keys: KeyRange,
    /// How the key's property must stand to the target's.
    pub comparison: Comparison,
    /// The property and what it is compared with.
    pub target: Target,
}

/// One operation of a transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TxnOp {
    /// Reads.
    Range(Range),
    /// Sets.
    Put(Put),
    /// Deletes.
    DeleteRange(DeleteRange),
    /// A transaction inside the transaction.
    Txn(Txn),
}

/// If all conditions hold `success` is done, otherwise `failure`; in one step either way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Txn {
    /// The conditions.
    pub compare: Vec<Compare>,
    /// What is done if they hold.
    pub success: Vec<TxnOp>,
    /// What is done if one does not.
    pub failure: Vec<TxnOp>,
}

impl Txn {
    /// Whether it only reads.
    pub fn is_read_only(&self) -> bool {
        let mut ops = self.success.iter().chain(&self.failure);
        ops.all(|op| matches!(op, TxnOp::Range(_)))
    }

    /// Whether it only reads, and each read may be old.
    pub fn is_serializable(&self) -> bool {
        let mut ops = self.success.iter().chain(&self.failure);
        ops.all(|op| matches!(op, TxnOp::Range(range) if range.serializable))
    }
}

/// What a [`Range`] found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Ranged {
    /// The keys.
    pub kvs: Vec<KeyValue>,
    /// Whether the limit left some out.
    pub more: bool,
    /// How many keys are in the range, whatever was left out.
    pub count: i64,
}

/// The answer to one operation of a transaction.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TxnAnswer {
    /// To a [`TxnOp::Range`].
    Range(Ranged),
    /// To a [`TxnOp::Put`]: what was there before, if asked for.
    Put(Option<KeyValue>),
    /// To a [`TxnOp::DeleteRange`].
    DeleteRange(Deleted),
    /// To a [`TxnOp::Txn`].
    Txn(TxnDone),
}

/// What a [`DeleteRange`] did.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Deleted {
    /// How many keys.
    pub count: i64,
    /// Which, if asked for.
    pub prev_kvs: Vec<KeyValue>,
}

/// What a [`Txn`] did.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TxnDone {
    /// Whether the conditions held.
    pub succeeded: bool,
    /// The store's revision after the operation at the same place of `answers`.
    pub revisions: Vec<Revision>,
    /// The answers to the operations that were done.
    pub answers: Vec<TxnAnswer>,
}

/// A member of the cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Member {
    /// Its Raft id.
    pub id: MemberId,
    /// What it is called; empty until it has started.
    pub name: String,
    /// Where other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it; empty until it has started.
    pub client_urls: Vec<String>,
    /// Whether it takes the log but has no vote. Raft knows this; in the store it is not used.
    pub is_learner: bool,
}
