//! What a learner is given: one contract, [`Node`], that every lab's core implements.
//!
//! **Idea.** A core is a deterministic state machine. It is handed events (a message, a timer, a
//! client's operation) and answers with an *ordered list of effects*. It has no clock, no thread,
//! no socket and no randomness of its own; all four come through [`Ctx`]. So the same compiled
//! code runs in the simulator (graded tests), in the explorer (every interleaving of a small
//! scope), in the tokio driver behind the feature `shell` (a real server), and in the traces that
//! the book plays.
//!
//! **Trade-offs.** A handler is one atomic step, so a check and an act that are two steps in
//! reality must be two handlers. Effects are buffered, so a read of the disk sees the writes of
//! the same handler, while the world sees nothing until the handler has returned.
//!
//! **Where to look.**
//!
//! | file | what is there |
//! |---|---|
//! | `contract.rs` | [`Node`] and the bounds on its parts |
//! | `ctx.rs` | [`Ctx`]: everything a handler may do |
//! | `role.rs` | [`Role`], [`Answer`]: a node inside a node |
//! | `disk.rs` | [`DiskRef`]: files, and what `sync` promises |
//! | `save.rs` | [`save`], [`load`], [`record`], [`append_record`], [`read_records`] |
//! | `time.rs` | [`LocalTime`], [`WallTime`] |
//! | `driver.rs` | what a driver needs: [`driver::Env`], [`driver::Effect`], [`driver::step`] |
//! | `shell/` | with the feature `shell`: the tokio driver |
//!
//! Architecture invariant: nothing here knows the simulator, and without the feature `shell`
//! nothing here knows tokio.

mod contract;
mod ctx;
mod disk;
pub mod driver;
mod role;
mod save;
#[cfg(feature = "shell")]
pub mod shell;
mod time;

pub use contract::{Addr, AfterFailedSync, Data, Node, OpId, Plain};
pub use ctx::Ctx;
pub use disk::{DiskFull, DiskRef};
pub use role::{Answer, Role};
pub use save::{Records, append_record, load, read_records, record, save};
pub use time::{LocalTime, WallTime};

/// What the book's on-ramp says of the borrow checker, compiled as it stands there.
#[cfg(doctest)]
#[doc = include_str!("stumbles.md")]
pub struct Stumbles;
