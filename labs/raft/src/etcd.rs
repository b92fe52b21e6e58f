//! A server over this crate's Raft that speaks a part of etcd's v3 API. Given.
//!
//! **Idea.** The same [`Raft`](crate::Raft) that the stages build, under another state machine: a
//! store with revisions, leases and watches, and gRPC in front of it. `etcdctl` and other clients
//! of etcd find what they need.
//!
//! **Trade-offs.** Keys and their history are in memory; the log and the last image are on the
//! disk. One thread does all but the disk's work: three members share a machine well, and one
//! member uses no second core.
//!
//! **How it works.** A service turns a message into a [`request::Request`] and hands it over the
//! [`bridge`]; the [`node`] makes a command of it and proposes it, or asks Raft how far a read must
//! look; the [`store`] does it; the answer goes the same way back.
//!
//! | file | what is there |
//! |---|---|
//! | `net.rs` | sockets, start and stop |
//! | `services.rs` | the gRPC services |
//! | `bridge.rs` | from the services to the node |
//! | `node.rs` | one member, deterministic, around a Raft |
//! | `store.rs` | the replicated state machine: pure |
//! | `api.rs`, `request.rs`, `command.rs`, `message.rs` | the types between them |
//! | `error.rs`, `config.rs`, `convert.rs` | errors, bounds, to and from protobuf |
//! | `pb.rs`, `pb/`, `proto/` | generated messages, and what they are generated from |

pub mod api;
pub mod bridge;
pub mod command;
pub mod config;
pub mod convert;
pub mod error;
pub mod message;
pub mod net;
pub mod node;
pub mod pb;
pub mod request;
pub mod services;
pub mod store;
