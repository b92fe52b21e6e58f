//! A distributed lock, from one table to a replicated service. Real counterpart: Redis.
//!
//! **Idea.** A lock that outlives its holder is a lease: it ends by itself. So a holder can lose it
//! without noticing, and the lock alone cannot protect data; a number that grows with each grant,
//! checked where the data is, can.
//!
//! **Trade-offs.** One server in memory is simple and fast, and forgets its leases when it
//! restarts. Replicated variants forget less; only the one on a consensus register forgets nothing.
//!
//! **Where to look.**
//!
//! | file | stage | what is there |
//! |---|---|---|
//! | `names.rs`, `message.rs`, `view.rs` | | given: the types that nodes exchange and show |
//! | `table.rs` | 1 | [`LockTable`]: who holds what, until when |
//! | `client.rs` | 1 | [`Client`]: locks and unlocks, one command each |
//! | `session.rs` | 2, 3, 5 | [`Session`]: a client that renews, and stops in doubt |
//! | `token.rs` | 3 | [`TokenSource`]: numbers that only grow |
//! | `storage.rs` | 3 | [`Storage`]: what the lock protects |
//! | `failover.rs` | 4 | [`Failover`]: a primary and its replica |
//! | `redlock.rs` | 4 | [`Redlock`]: a majority of independent servers |
//! | `leader.rs` | 4 | [`Leader`]: a server in front of a replicated register |
//! | `queue.rs` | 5 | [`WaitQueue`]: first come, first served |
//! | `server.rs` | 4, 5 | [`LockServer`]: the table, the tokens and the queue as one node |
//! | `replica.rs`, `register.rs` | | given: what the variants of stage 4 exchange; [`Register`] |
//! | `cast.rs` | | given: [`Cast`], a node of a simulation that plays one of the roles |
//! | `wire.rs`, `resp.rs`, `script.rs`, `net.rs`, `main.rs` | | given, feature `server`: the server that speaks Redis's protocol |
//!
//! Architecture invariant: no clock, no thread, no socket in any of these; time comes from `cx`.

mod cast;
mod client;
mod failover;
mod leader;
mod message;
mod names;
#[cfg(feature = "server")]
pub mod net;
mod queue;
mod redlock;
mod register;
mod replica;
#[cfg(feature = "server")]
pub mod resp;
#[cfg(feature = "server")]
mod script;
mod server;
mod session;
mod storage;
mod table;
mod token;
mod view;
#[cfg(feature = "server")]
pub mod wire;

pub use cast::{Cast, CastConfig};
pub use client::{Client, ClientConfig};
pub use failover::{Failover, FailoverConfig};
pub use leader::{Known, Leader, LeaderConfig, Then, Writing};
pub use message::{
    Msg, Op, Proof, Reply, Request, Ret, StorageReply, StorageRequest, TimeLeft, Timer, When,
};
pub use names::{Name, Owner, RequestId, Token, Value};
pub use queue::{WaitQueue, Waiter};
pub use redlock::{Attempt, Redlock, RedlockConfig};
pub use register::Register;
pub use replica::{Record, RegisterReply, RegisterRequest, Update, Version};
pub use server::{Caller, LockServer, ServerConfig};
pub use session::{Held, Phase, Session, SessionConfig, deadline};
pub use storage::{CELLS_FILE, Cell, Queued, Storage, StorageConfig};
pub use table::{Lease, LockTable};
pub use token::{TOKEN_FILE, TokenSource};
pub use view::{
    CellView, ClientView, HeldView, LeaseView, RecordView, RegisterView, ServerView, StorageView,
    View, WaiterView,
};
