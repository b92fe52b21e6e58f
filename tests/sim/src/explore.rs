//! The explorer.

pub mod fasthash;
