//! A server over this crate's Raft that speaks a part of etcd's v3 API. Given.
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
