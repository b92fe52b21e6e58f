//! The etcd server's own tests.

#[path = "../smoke/checkers.rs"]
#[allow(dead_code)] // the store's own history is judged here by another model
mod checkers;
mod store;
mod swarm;
