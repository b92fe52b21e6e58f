//! [`Config`]: how a server is set up. Given.

use crate::entry::{Entry, Membership};
use node::Addr;
use std::ops::Range;
use std::time::Duration;

/// How a server is set up. [`Config::new`] is a whole Raft; [`Config::of_stage`] leaves out what
/// later stages write, so that a stage's tests call no function that is not written yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The servers at the cluster's first start. A server that is added later starts with none, and
    /// waits until a leader finds it.
    pub initial: Membership,
    /// A follower that hears nothing from a leader for so long, drawn anew each time, stands for
    /// election (§5.2).
    pub election_timeout: Range<Duration>,
    /// How often a leader says that it leads; well below the election timeout.
    pub heartbeat: Duration,
    /// Bound on each clock's rate against true time, in parts per million (for [`Config::lease`]).
    pub drift_ppm: u32,

    /// From stage 2: leaders replicate. Without it heartbeats only say who leads.
    pub replication: bool,
    /// From stage 3: term, vote and log are on the disk.
    pub durable: bool,
    /// From stage 4: a new leader appends an empty entry (§8).
    pub no_op: bool,
    /// From stage 6: a server asks whether it would win before it stands (thesis §9.6).
    pub pre_vote: bool,
    /// From stage 6: a leader that hears from no quorum within an election timeout steps down, and a
    /// server that has heard from a leader within the least election timeout refuses its vote.
    pub check_quorum: bool,
    /// From stage 6: reads are answered without a round while the leader holds its lease (thesis
    /// §6.4.1). Needs `check_quorum` on all servers.
    pub lease: bool,

    /// At most so many entries in one message; at least 1.
    pub max_entries: usize,
    /// About so many bytes of commands in one message, one entry at least.
    pub max_bytes: usize,
    /// At most so many messages with entries under way to one follower; at least 1.
    pub max_inflight: usize,
    /// Bytes of a snapshot in one message; at least 1.
    pub chunk_bytes: usize,
    /// For tests: the log that a server without a disk starts with, and a server with one that has
    /// never been written.
    pub initial_log: Vec<Entry>,
}

impl Config {
    /// A whole Raft of these voters: election timeouts 150 to 300 ms, a heartbeat each 50 ms.
    pub fn new(voters: impl IntoIterator<Item = Addr>) -> Self {
        let ms = Duration::from_millis;
        Config {
            initial: Membership::of(voters),
            election_timeout: ms(150)..ms(300),
            heartbeat: ms(50),
            drift_ppm: 10_000,
            replication: true,
            durable: true,
            no_op: true,
            pre_vote: true,
            check_quorum: true,
            lease: true,
            max_entries: 64,
            max_bytes: 1 << 20,
            max_inflight: 4,
            chunk_bytes: 64 << 10,
            initial_log: Vec::new(),
        }
    }

    /// What the learner has when this stage (1 to 6) is done, and nothing of later ones.
    pub fn of_stage(stage: u32, voters: impl IntoIterator<Item = Addr>) -> Self {
        Config {
            replication: stage >= 2,
            durable: stage >= 3,
            no_op: stage >= 4,
            pre_vote: stage >= 6,
            check_quorum: stage >= 6,
            lease: stage >= 6,
            ..Config::new(voters)
        }
    }
}
