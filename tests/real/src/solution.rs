//! The reference's session.

pub use lock_solution as dist_lock;

#[path = "carrier.rs"]
pub mod carrier;
