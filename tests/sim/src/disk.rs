//! [`Disk`]: one node's files, each with two images: what reads see, and what survives a crash.
//!
//! A handler's writes change the first image at once. When the *effect* is carried out, the write
//! becomes pending; when a sync is carried out, what is pending becomes durable. A crash keeps the
//! durable image, some first part of what is pending (per file: one order over all files would be
//! too kind) and perhaps a torn piece of the append after it.

use node::driver::{DiskOp, FileName};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

type Content = Option<Arc<Vec<u8>>>;

/// The durable image. It is nearly always a prefix of what reads see; copying the file at each
/// sync made the simulator ten times slower.
#[derive(Clone, Debug, Default)]
enum Durable {
    #[default]
    Absent,
    /// The first so many bytes of what reads see.
    OfView(usize),
    /// The first so many bytes of a content that reads no longer see.
    Own(Arc<Vec<u8>>, usize),
}

#[derive(Clone, Debug, Default)]
struct File {
    view: Content,
    durable: Durable,
    pending: Vec<DiskOp>,
    /// Writes that reads see and whose effects were not carried out yet.
    ahead: u32,
}

impl File {
    fn durable(&self) -> Option<&[u8]> {
        match &self.durable {
            Durable::Absent => None,
            Durable::OfView(len) => self.view.as_ref().map(|v| &v[..*len]),
            Durable::Own(bytes, len) => Some(&bytes[..*len]),
        }
    }

    fn write(&mut self, op: &DiskOp) {
        self.ahead += 1;
        if let Durable::OfView(len) = self.durable {
            let kept = match op {
                DiskOp::Append(_) => true,
                DiskOp::Truncate(to) => *to >= len as u64,
                DiskOp::Replace(_) | DiskOp::Remove => false,
            };
            if !kept && let Some(old) = &self.view {
                self.durable = Durable::Own(old.clone(), len);
            }
        }
        op.apply(&mut self.view);
    }

    fn sync(&mut self) {
        if self.ahead == 0 {
            self.pending.clear();
            self.durable = match &self.view {
                Some(content) => Durable::OfView(content.len()),
                None => Durable::Absent,
            };
            return;
        }
        let appends = self
            .pending
            .iter()
            .all(|op| matches!(op, DiskOp::Append(_)));
        if let (Durable::OfView(len), true) = (&mut self.durable, appends) {
            *len += self.pending.iter().map(size).sum::<usize>();
            self.pending.clear();
            return;
        }
        let mut content = self.durable().map(|b| Arc::new(b.to_vec()));
        self.pending.drain(..).for_each(|op| op.apply(&mut content));
        self.set_durable(content);
    }

    fn set_durable(&mut self, content: Content) {
        self.durable = match content {
            Some(bytes) => {
                let len = bytes.len();
                Durable::Own(bytes, len)
            }
            None => Durable::Absent,
        };
    }

    fn is_gone(&self) -> bool {
        self.view.is_none()
            && matches!(self.durable, Durable::Absent)
            && self.pending.is_empty()
            && self.ahead == 0
    }
}

impl PartialEq for File {
    fn eq(&self, other: &Self) -> bool {
        self.view == other.view
            && self.durable() == other.durable()
            && self.pending == other.pending
            && self.ahead == other.ahead
    }
}
impl Eq for File {}

impl Hash for File {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view.as_deref().map(Vec::as_slice).hash(state);
        self.durable().hash(state);
        self.pending.hash(state);
        self.ahead.hash(state);
    }
}

/// What a crash keeps of one file's pending writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Kept {
    /// So many of them, whole.
    pub whole: usize,
    /// So many bytes of the next one, if that is an append.
    pub torn: usize,
}

impl Kept {
    /// Only what was synced.
    pub const SYNCED: Kept = Kept { whole: 0, torn: 0 };
    /// All that was written.
    pub const ALL: Kept = Kept {
        whole: usize::MAX,
        torn: 0,
    };
}

/// One node's files.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Disk {
    files: BTreeMap<FileName, File>,
    capacity: u64,
    used: u64,
}

impl Default for Disk {
    fn default() -> Self {
        Disk::with_capacity(u64::MAX)
    }
}

impl Disk {
    /// An empty disk with room for so many bytes.
    pub fn with_capacity(capacity: u64) -> Self {
        Disk {
            files: BTreeMap::new(),
            capacity,
            used: 0,
        }
    }

    /// Changes the room; what is written stays.
    pub fn set_capacity(&mut self, capacity: u64) {
        self.capacity = capacity;
    }

    /// Bytes that can still be written.
    pub fn free_bytes(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }

    /// Bytes that reads see, over all files.
    pub fn used_bytes(&self) -> u64 {
        self.used
    }

    /// What reads see; `None` if there is no such file.
    pub fn read(&self, file: &str) -> Option<&[u8]> {
        let content = self.files.get(file)?.view.as_ref()?;
        Some(content.as_slice())
    }

    /// What a crash would keep for certain.
    pub fn durable(&self, file: &str) -> Option<&[u8]> {
        self.files.get(file)?.durable()
    }

    /// The files that reads see whose names begin with `prefix`, in order.
    pub fn list(&self, prefix: &str) -> Vec<String> {
        self.files
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter(|(_, file)| file.view.is_some())
            .map(|(name, _)| name.to_string())
            .collect()
    }

    /// The files with writes that are not durable, in order, with those writes.
    pub fn pending(&self) -> impl Iterator<Item = (&FileName, &[DiskOp])> {
        self.files
            .iter()
            .filter(|(_, file)| !file.pending.is_empty())
            .map(|(name, file)| (name, file.pending.as_slice()))
    }

    /// Makes a write visible to reads: while the handler runs.
    pub fn write(&mut self, name: &FileName, op: &DiskOp) {
        let file = match self.files.get_mut(name) {
            Some(file) => file,
            None => self.files.entry(name.clone()).or_default(),
        };
        let before = file.view.as_ref().map_or(0, |v| v.len() as u64);
        file.write(op);
        let after = file.view.as_ref().map_or(0, |v| v.len() as u64);
        self.used = self.used + after - before;
    }

    /// The write's effect is carried out: from here on a crash may keep it.
    pub fn execute(&mut self, name: &FileName, op: DiskOp) {
        if let Some(file) = self.files.get_mut(name) {
            file.ahead = file.ahead.saturating_sub(1);
            file.pending.push(op);
        }
    }

    /// Makes durable what is pending on `name`.
    pub fn sync(&mut self, name: &FileName) {
        if let Some(file) = self.files.get_mut(name) {
            file.sync();
            if file.is_gone() {
                self.files.remove(name);
            }
        }
    }

    /// A failed sync that the node does not believe: the pending writes will never be durable,
    /// though reads go on seeing them and a later sync says that all is well.
    pub fn lose_pending(&mut self, name: &FileName) {
        if let Some(file) = self.files.get_mut(name) {
            let durable = file.durable().map(|b| Arc::new(b.to_vec()));
            file.set_durable(durable);
            file.pending.clear();
            // What is behind the failed sync must not be taken for the whole view.
            file.ahead = file.ahead.saturating_add(1);
        }
    }

    /// Crashes: `keep` says for each file with pending writes what is kept of them.
    pub fn crash(&mut self, mut keep: impl FnMut(&FileName, &[DiskOp]) -> Kept) {
        self.used = 0;
        for (name, file) in &mut self.files {
            let kept = if file.pending.is_empty() {
                Kept::SYNCED
            } else {
                keep(name, &file.pending)
            };
            let mut content = file.durable().map(|b| Arc::new(b.to_vec()));
            let mut pending = file.pending.drain(..);
            for op in pending.by_ref().take(kept.whole) {
                op.apply(&mut content);
            }
            if let (Some(DiskOp::Append(bytes)), true) = (pending.next(), kept.torn > 0) {
                let torn = &bytes[..kept.torn.min(bytes.len())];
                DiskOp::Append(torn.into()).apply(&mut content);
            }
            drop(pending);
            file.ahead = 0;
            self.used += content.as_ref().map_or(0, |v| v.len() as u64);
            file.durable = match &content {
                Some(bytes) => Durable::OfView(bytes.len()),
                None => Durable::Absent,
            };
            file.view = content;
        }
        self.files.retain(|_, file| !file.is_gone());
    }

    /// Changes what is durable of a file, behind the node's back; false if there is no such file.
    /// Only while the node is down.
    pub fn damage(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let Some(file) = self.files.get_mut(name) else {
            return false;
        };
        let Some(mut content) = file.durable().map(<[u8]>::to_vec) else {
            return false;
        };
        self.used -= content.len() as u64;
        change(&mut content);
        self.used += content.len() as u64;
        file.durable = Durable::OfView(content.len());
        file.view = Some(Arc::new(content));
        true
    }

    /// Loses everything: the machine was replaced.
    pub fn erase(&mut self) {
        self.files.clear();
        self.used = 0;
    }
}

/// Bytes that a write carries.
pub(crate) fn size(op: &DiskOp) -> usize {
    match op {
        DiskOp::Append(bytes) | DiskOp::Replace(bytes) => bytes.len(),
        DiskOp::Truncate(_) | DiskOp::Remove => 0,
    }
}

#[cfg(test)]
mod tests;
