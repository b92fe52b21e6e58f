//! Generated from `solutions/raft`.
