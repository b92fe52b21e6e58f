//! The etcd server's own tests.

mod checkers;
mod store;
mod swarm;
