//! The learner's session.

pub use lock_lab as dist_lock;

#[path = "carrier.rs"]
pub mod carrier;
