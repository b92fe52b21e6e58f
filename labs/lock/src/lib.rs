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
//! | `table.rs` | 1, 2 | [`LockTable`]: who holds what, until when |
//! | `server.rs` | 1, 5 | [`LockServer`]: the table as a node |
//! | `token.rs` | 3 | [`TokenSource`]: numbers that only grow |
//! | `queue.rs` | 5 | [`WaitQueue`]: first come, first served |
//! | `replica.rs` | 4 | given: what replicated variants exchange |
//!
//! Architecture invariant: no clock, no thread, no socket in any of these; time comes from `cx`.

mod message;
mod names;
mod queue;
mod replica;
mod server;
mod table;
mod token;
mod view;

pub use message::{
    Msg, Op, Proof, Reply, Request, Ret, StorageReply, StorageRequest, TimeLeft, Timer, When,
};
pub use names::{Name, Owner, RequestId, Token, Value};
pub use queue::{WaitQueue, Waiter};
pub use replica::{Record, RegisterReply, RegisterRequest, Update, Version};
pub use server::{Caller, LockServer, ServerConfig};
pub use table::{Lease, LockTable};
pub use token::{TOKEN_FILE, TokenSource};
pub use view::{
    CellView, ClientView, HeldView, LeaseView, RecordView, RegisterView, ServerView, StorageView,
    View, WaiterView,
};
