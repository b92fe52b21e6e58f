//! Stage 4: what replicated lock services say to each other. Given.

use crate::names::{Name, Owner, Token};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a primary tells its replica after it has changed its table: what stands under `name` now.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Update {
    /// Counts the primary's updates, so that an older one does not undo a newer one.
    pub number: u64,
    /// What changed.
    pub name: Name,
    /// What stands there now; `None` is nothing.
    pub lease: Option<Record>,
}

/// A lease as it crosses from one node to another: no clock reading means anything elsewhere, so
/// it says how much is left.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Whose it is.
    pub owner: Owner,
    /// Its number.
    pub token: Token,
    /// How long it lasts when it is renewed.
    pub ttl: Duration,
    /// How much of it was left when this was written.
    pub left: Duration,
}

/// How often a record of the register was changed. Version 0 is a record that was never written.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Version(pub u64);

impl Version {
    /// The version after this one.
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

/// What a lock leader asks of the register.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RegisterRequest {
    /// Answered [`RegisterReply::All`].
    ReadAll,
    /// Puts `record` there if the record is still at version `expect`. Answered
    /// [`RegisterReply::Written`] or [`RegisterReply::Conflict`].
    CompareAndSet {
        /// Which record.
        name: Name,
        /// The version that was read.
        expect: Version,
        /// What to put; `None` frees the lock.
        record: Option<Record>,
    },
}

/// What the register answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RegisterReply {
    /// Every record that was ever written.
    All(Vec<(Name, Version, Option<Record>)>),
    /// It is written, for ever; this is its version.
    Written {
        /// The new version.
        version: Version,
    },
    /// Another was faster: nothing was written, and this stands there.
    Conflict {
        /// The version that stands there.
        version: Version,
        /// The content.
        record: Option<Record>,
    },
}
