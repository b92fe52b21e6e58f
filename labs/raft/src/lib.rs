//! Raft, from the first election to a replicated key-value store. Real counterpart: etcd.
//!
//! **Idea.** Servers agree on one log of commands; each applies it to its own copy of a state
//! machine, so all copies are the same. One elected leader decides the order; a majority makes it
//! last. Names are those of Figure 2 of *In Search of an Understandable Consensus Algorithm
//! (Extended Version)*, marked §; what is from Ongaro's thesis is marked so.
//!
//! **The way of a command.** A client asks the state machine ([`Kv`]; the server's own one does the
//! same). That is a [`node::Node`] around a [`Raft`]: it hands the command in with
//! [`Op::Propose`] through `cx.scope`. A leader appends it to its log and to its disk, sends
//! [`AppendEntries`] to the others at once, and counts its own copy when its disk has synced
//! ([`Msg::Persisted`]). A follower checks, stores, syncs and answers [`Appended`]. When a quorum
//! has it, the entry is committed: every server's Raft tells its state machine, an answer
//! ([`Ret::Committed`]) to the [`Op::Watch`] that was opened at boot; the one that accepted the
//! command answers its client.
//!
//! **Trade-offs.** One leader is simple, and its disk and its link are the limit. Followers do not
//! serve reads. Snapshots are whole images in memory.
//!
//! **Where to look.**
//!
//! | file | stage | what is there |
//! |---|---|---|
//! | `entry.rs`, `message.rs`, `op.rs`, `config.rs`, `view.rs` | | given: the types |
//! | `raft.rs` | | given: [`Raft`], the state, and the way of each input to its function |
//! | `watch.rs` | | given: what the state machine is told |
//! | `log.rs` | | given: [`Log`], entries in memory |
//! | `election.rs` | 1 | terms, votes, timers |
//! | `replication.rs` | 2 | AppendEntries, both sides; the commit rule |
//! | `progress.rs` | | given: what a leader knows of each follower, batches, pipelining |
//! | `storage.rs` | 3 | term and vote, the write-ahead log, recovery |
//! | `kv.rs`, `sessions.rs`, `read_index.rs` | 4 | [`Kv`]: apply, exactly once; reads |
//! | `kv_op.rs` | | given: what clients of the store ask |
//! | `snapshot.rs` | 5 | compaction, InstallSnapshot |
//! | `membership.rs`, `prevote.rs`, `transfer.rs`, `lease.rs` | 6 | changes of servers, a stable leader, cheap reads |
//! | `etcd.rs`, `main.rs` | | given, feature `server`: a server that speaks etcd's protocol |
//!
//! Architecture invariant: no clock, no thread, no socket in any of these; time comes from `cx`.

mod config;
mod election;
mod entry;
#[cfg(feature = "server")]
pub mod etcd;
mod kv;
mod kv_op;
mod lease;
mod log;
mod membership;
mod message;
mod op;
mod prevote;
mod progress;
mod raft;
mod read_index;
mod replication;
mod sessions;
mod snapshot;
mod storage;
mod transfer;
mod view;
mod watch;

pub use config::Config;
pub use entry::{Command, Entry, Index, Membership, Payload, Term};
pub use kv::{Kv, KvConfig, PendingRead, State, WaitingWrite, decode, encode};
pub use kv_op::{ClientId, KvOp, KvRet, KvView, Update, Write};
pub use lease::Lease;
pub use log::Log;
pub use membership::{History, PendingChange};
pub use message::{
    AppendEntries, AppendResult, Appended, Conflict, InstallSnapshot, Msg, RequestVote,
    SnapshotResult, SnapshotTaken, Vote,
};
pub use op::{Change, Op, Refusal, Ret};
pub use progress::Progress;
pub use raft::{Raft, Timer};
pub use read_index::WaitingRead;
pub use sessions::{Known, Session, Sessions};
pub use snapshot::{Incoming, SNAPSHOT_FILE, Sending, Snapshot};
pub use storage::{LOG_FILE, VOTE_FILE};
pub use transfer::Handover;
pub use view::{Role, View};
