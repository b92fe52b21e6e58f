//! [`DiskRef`]: one node's files.
//!
//! A write is visible to reads at once and durable after `sync`. Until then a crash may keep any
//! first part of what was written since the last `sync`, and a torn piece of the append after it.

use crate::Node;
use crate::driver::{DiskOp, Effect, Env, FileName};
use std::fmt;

/// The disk has no room. Nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskFull;

impl fmt::Display for DiskFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the disk is full: nothing was written; free some room and start again")
    }
}
impl std::error::Error for DiskFull {}

/// A handler's hold on its node's files; see [`crate::Ctx::disk`].
pub struct DiskRef<'c, N: Node> {
    pub(crate) dir: &'c str,
    pub(crate) env: &'c mut dyn Env,
    pub(crate) effects: &'c mut Vec<Effect<N::Msg, N::Ret>>,
}

impl<N: Node> DiskRef<'_, N> {
    fn name(&self, file: &str) -> FileName {
        if self.dir.is_empty() {
            FileName::from(file)
        } else {
            FileName::from(format!("{}{file}", self.dir))
        }
    }

    /// The names of all files, in order.
    pub fn list(&self) -> Vec<String> {
        let cut = self.dir.len();
        let files = self.env.list(self.dir);
        files.into_iter().map(|f| f[cut..].to_string()).collect()
    }

    /// A file's length in bytes; `None` if there is no such file.
    pub fn len(&self, file: &str) -> Option<u64> {
        self.env.read(&self.name(file)).map(|b| b.len() as u64)
    }

    /// A file's whole content; `None` if there is no such file.
    pub fn read(&self, file: &str) -> Option<Vec<u8>> {
        self.env.read(&self.name(file)).map(<[u8]>::to_vec)
    }

    /// At most `len` bytes from `offset`; fewer at the file's end, none behind it.
    pub fn read_at(&self, file: &str, offset: u64, len: usize) -> Vec<u8> {
        let name = self.name(file);
        let content = self.env.read(&name).unwrap_or_default();
        let from = usize::try_from(offset).map_or(content.len(), |o| o.min(content.len()));
        let to = from.saturating_add(len).min(content.len());
        content[from..to].to_vec()
    }

    /// Adds bytes at a file's end. On a full disk the node stops at this effect.
    pub fn append(&mut self, file: &str, bytes: impl AsRef<[u8]>) {
        self.write(file, DiskOp::Append(bytes.as_ref().into()));
    }

    /// As [`DiskRef::append`], but a full disk is an answer and the node goes on.
    pub fn try_append(&mut self, file: &str, bytes: impl AsRef<[u8]>) -> Result<(), DiskFull> {
        if bytes.as_ref().len() as u64 > self.env.free_bytes() {
            return Err(DiskFull);
        }
        self.append(file, bytes);
        Ok(())
    }

    /// Puts `bytes` in place of a file's content. A crash leaves the old content or the new one,
    /// never a mixture; before `sync` it may be either.
    pub fn replace(&mut self, file: &str, bytes: impl AsRef<[u8]>) {
        self.write(file, DiskOp::Replace(bytes.as_ref().into()));
    }

    /// Keeps the first `len` bytes of a file.
    pub fn truncate(&mut self, file: &str, len: u64) {
        self.write(file, DiskOp::Truncate(len));
    }

    /// Deletes a file.
    pub fn remove(&mut self, file: &str) {
        self.write(file, DiskOp::Remove);
    }

    /// Makes the file's content, or its absence, durable. It returns nothing, it orders: effects
    /// that come after it wait until it is done.
    pub fn sync(&mut self, file: &str) {
        let file = self.name(file);
        self.effects.push(Effect::Sync { file });
    }

    fn write(&mut self, file: &str, op: DiskOp) {
        let needs = match &op {
            DiskOp::Append(bytes) | DiskOp::Replace(bytes) => bytes.len() as u64,
            DiskOp::Truncate(_) | DiskOp::Remove => 0,
        };
        let file = self.name(file);
        let fits = needs <= self.env.free_bytes();
        if fits {
            self.env.apply(&file, &op);
        }
        self.effects.push(Effect::Disk { file, op, fits });
    }
}
