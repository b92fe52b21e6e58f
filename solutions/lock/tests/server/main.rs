//! The RESP server: its codec, its commands, its scripts, its sockets, its disk.

mod client;
mod codec;
mod commands;
mod disk;
mod queue;
mod scripts;
mod sockets;
