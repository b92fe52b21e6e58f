//! [`EtcdConfig`]: how a member is set up.

use super::api::Member;
use std::time::Duration;

/// How a member is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EtcdConfig {
    /// The Raft inside.
    pub raft: crate::Config,
    /// What it says of itself to the others: name and addresses.
    pub me: Member,
    /// The addresses of the members that the cluster starts with.
    pub first: Vec<Member>,
    /// Bounds.
    pub limits: Limits,
}

/// What a member does not go beyond.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long a request waits for the cluster before its client is told that nobody knows.
    pub request_timeout: Duration,
    /// Requests that wait at one member.
    pub max_pending: usize,
    /// Bytes of the commands among them.
    pub max_bytes: usize,
    /// Entries of its own that a leader has under way; what comes meanwhile shares the next one.
    pub max_entries: usize,
    /// About how many bytes of commands one entry takes.
    pub max_batch: usize,
    /// Bytes of log after which the store is written as an image and the log before it goes, if
    /// the image is not much larger than that.
    pub log_bytes: u64,
    /// Bytes that the keys may take; then writes are refused.
    pub quota: u64,
    /// Revisions with changes that a watch which is behind is told at once.
    pub events_at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            request_timeout: Duration::from_secs(7),
            max_pending: 5_000,
            max_bytes: 128 << 20,
            max_entries: 4,
            max_batch: 1 << 20,
            log_bytes: 64 << 20,
            quota: 2 << 30,
            events_at_once: 1_000,
        }
    }
}
