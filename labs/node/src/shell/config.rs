//! [`ShellConfig`]: how a node is run.

use crate::Addr;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a node is run. [`ShellConfig::new`] gives a node alone, without a disk.
#[derive(Clone, Debug)]
pub struct ShellConfig {
    /// This node's address.
    pub me: Addr,
    /// The folder of its files; `None`: files are kept in memory only and a `sync` costs nothing.
    pub data: Option<PathBuf>,
    /// Bytes that its files may take; a write beyond stops the node as a full disk does.
    pub capacity: u64,
    /// The other nodes' sockets, as `host:port`.
    pub peers: BTreeMap<Addr, String>,
    /// Messages that may wait for one peer; what comes on top is dropped, as a network may.
    pub peer_queue: usize,
    /// The longest frame that is taken from a peer, in bytes.
    pub max_frame: usize,
}

impl ShellConfig {
    /// A node alone, without a disk.
    pub fn new(me: Addr) -> Self {
        ShellConfig {
            me,
            data: None,
            capacity: u64::MAX,
            peers: BTreeMap::new(),
            peer_queue: 1024,
            max_frame: 16 << 20,
        }
    }
}
