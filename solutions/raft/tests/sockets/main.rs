//! The server on real sockets: whole clusters in this process, and clients of the generated code.
//! No test waits for a time to pass; each waits for what it looks for.

mod bounds;
mod cluster;
mod copies;
mod members;
mod stop;
mod watches;
