//! What clients of the key-value store ask and are told. Given.

use crate::entry::Index;
use crate::op::{Change, Refusal};
use crate::view::View;
use node::Addr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A client's name. It is chosen once, and never again by anybody else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct ClientId(pub u64);

/// What a client asks of one server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KvOp {
    /// Change a value, exactly once: a client that has no answer asks again, of any server, under
    /// the same numbers (§8, thesis §6.3).
    Write(Write),
    /// The value under a key, at some moment between question and answer.
    Read {
        /// The key.
        key: String,
    },
    /// Change the servers.
    Change(Change),
    /// Hand leadership to this server.
    Transfer(Addr),
}

/// A change of one value, and which of its client's changes it is. These are a command's bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Write {
    /// Who asks.
    pub client: ClientId,
    /// 1 for the client's first write, one more for each next one. A client has one write under way
    /// at a time.
    pub seq: u64,
    /// What is to change.
    pub update: Update,
}

/// A change of one value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Update {
    /// The value is now this.
    Put {
        /// Under this key.
        key: String,
        /// The value.
        value: String,
    },
    /// This text comes behind the value; without a value, it is the value.
    Append {
        /// Under this key.
        key: String,
        /// The text.
        text: String,
    },
    /// The value is now `to` if it was `from`.
    Swap {
        /// Under this key.
        key: String,
        /// The value that must stand there; `None`: no value must.
        from: Option<String>,
        /// The value then.
        to: String,
    },
    /// There is no value any more.
    Delete {
        /// Under this key.
        key: String,
    },
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KvRet {
    /// The write was done, now or when it was asked before; this is the value from before it (a
    /// swap took effect if that is its `from`).
    Done(Option<String>),
    /// A later write of this client was done already: nobody can wait for this answer.
    OldWrite,
    /// What stands under the key.
    Value(Option<String>),
    /// This server does not lead, or no longer. Of a write or a change it is not known whether it
    /// happens: ask again, under the same numbers.
    NotLeader {
        /// Who may lead.
        hint: Option<Addr>,
    },
    /// The servers are changed.
    Changed,
    /// Another server leads now.
    Transferred,
    /// The change or the transfer was refused.
    Refused(Refusal),
}

/// What a server of the store shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct KvView {
    /// Of its Raft.
    #[serde(flatten)]
    pub raft: View,
    /// The last index in `store` and `sessions`.
    pub applied: Index,
    /// The values.
    pub store: BTreeMap<String, String>,
    /// By client, its last write that was applied here.
    pub sessions: BTreeMap<u64, u64>,
}

impl AsRef<View> for KvView {
    fn as_ref(&self) -> &View {
        &self.raft
    }
}
