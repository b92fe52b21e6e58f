//! The RESP server: its codec, its commands, its scripts, its sockets, its disk.

// These measure real time; the cores may not.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

mod client;
mod codec;
mod commands;
mod disk;
mod queue;
mod scripts;
mod sockets;
