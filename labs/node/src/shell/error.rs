//! [`ShellError`]: why a node stopped.

use std::fmt;
use std::path::PathBuf;

/// Why a node stopped, or did not start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ShellError {
    /// The data folder or a file in it could not be opened or read.
    Open(PathBuf, String),
    /// Another process has the data folder.
    InUse(PathBuf),
    /// The disk is full; the file is named.
    DiskFull(PathBuf),
    /// A write or an fsync failed; what was written since the last sync may be lost.
    Disk(PathBuf, String),
    /// The node's own code panicked; a damaged file is reported like this, with its name.
    Panicked(String),
    /// The node was asked to stop.
    Stopped,
    /// A client did not take its answers in time.
    TooSlow,
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShellError::Open(path, why) => {
                write!(f, "cannot open {}: {why}", path.display())
            }
            ShellError::InUse(path) => write!(
                f,
                "another process uses {}: stop it, or give this one a folder of its own",
                path.display()
            ),
            ShellError::DiskFull(path) => write!(
                f,
                "the disk is full while writing {}: the node has stopped; free some room and start it again",
                path.display()
            ),
            ShellError::Disk(path, why) => write!(
                f,
                "writing {} failed ({why}): the node has stopped, because after a failed write or fsync \
                 nobody knows what is on the disk; check the disk, then start the node again",
                path.display()
            ),
            ShellError::Panicked(why) => write!(f, "the node panicked: {why}"),
            ShellError::Stopped => f.write_str("the node has been stopped"),
            ShellError::TooSlow => f.write_str(
                "the client did not take its answers in time, so they are no longer kept",
            ),
        }
    }
}
impl std::error::Error for ShellError {}
