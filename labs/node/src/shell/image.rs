//! What a handler reads and draws from while it runs.

use crate::driver::{DiskOp, Env, FileName};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::time::Duration;

/// A node's files as its handlers see them, in memory: the disk's thread may be a batch behind.
pub(super) struct Image {
    files: BTreeMap<String, Vec<u8>>,
    used: u64,
    capacity: u64,
    random: u64,
}

impl Image {
    pub fn new(files: BTreeMap<String, Vec<u8>>, capacity: u64) -> Self {
        Image {
            used: files.values().map(|f| f.len() as u64).sum(),
            files,
            capacity,
            // The standard library's own source of entropy: nothing secret is drawn from it.
            random: RandomState::new().hash_one(0),
        }
    }

    /// splitmix64.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, by the high half of a product: no modulo bias worth a loop.
    fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.draw()) * u128::from(n);
        (wide >> 64) as u64
    }
}

impl Env for Image {
    fn read(&self, file: &str) -> Option<&[u8]> {
        self.files.get(file).map(Vec::as_slice)
    }

    fn list(&self, prefix: &str) -> Vec<String> {
        let from = self.files.range(prefix.to_string()..);
        from.map(|(name, _)| name)
            .take_while(|name| name.starts_with(prefix))
            .cloned()
            .collect()
    }

    fn free_bytes(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }

    fn apply(&mut self, file: &FileName, op: &DiskOp) {
        let name: &str = file;
        if let DiskOp::Remove = op {
            self.used -= self.files.remove(name).map_or(0, |f| f.len() as u64);
            return;
        }
        if !self.files.contains_key(name) {
            if let DiskOp::Truncate(_) = op {
                return;
            }
            self.files.insert(name.to_string(), Vec::new());
        }
        let Some(content) = self.files.get_mut(name) else {
            return;
        };
        self.used -= content.len() as u64;
        match op {
            DiskOp::Append(bytes) => content.extend_from_slice(bytes),
            DiskOp::Replace(bytes) => {
                content.clear();
                content.extend_from_slice(bytes);
            }
            DiskOp::Truncate(len) => {
                content.truncate(usize::try_from(*len).unwrap_or(usize::MAX));
            }
            DiskOp::Remove => {}
        }
        self.used += content.len() as u64;
    }

    fn choose(&mut self, n: u32) -> u32 {
        self.below(u64::from(n)) as u32
    }

    fn within(&mut self, within: Range<Duration>) -> Duration {
        let width = within.end.saturating_sub(within.start);
        let micros = u64::try_from(width.as_micros()).unwrap_or(u64::MAX);
        within.start + Duration::from_micros(self.below(micros.max(1)))
    }
}
