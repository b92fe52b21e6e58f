//! [`Mvcc`]: every key at every revision that is not compacted.
//!
//! Two maps hold the same versions: by key, for reads, and by revision, for watches. A version is
//! written once; a compaction takes versions away and changes none.

use super::super::api::{Bytes, Event, KeyRange, KeyValue, LeaseId, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// A key's state since `revision`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Version {
    pub revision: Revision,
    /// Its place among the changes of that revision.
    pub sub: u32,
    pub create: Revision,
    pub version: i64,
    pub lease: LeaseId,
    /// `None`: deleted.
    pub value: Option<Bytes>,
}

/// What one version takes in memory beside its bytes; only an estimate.
const OVERHEAD: u64 = 96;

impl Version {
    fn size(&self, key: &[u8]) -> u64 {
        let value = self.value.as_ref().map_or(0, |value| value.len());
        (key.len() + value) as u64 + OVERHEAD
    }

    fn key_value(&self, key: &Bytes) -> KeyValue {
        KeyValue {
            key: Arc::clone(key),
            create_revision: self.create,
            mod_revision: self.revision,
            version: self.version,
            value: self.value.clone().unwrap_or_default(),
            lease: self.lease,
        }
    }
}

/// The multi-version map. A new store is at revision 1, as etcd's is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Mvcc {
    pub revision: Revision,
    /// Reads below it are refused.
    pub compacted: Revision,
    /// A key's versions, oldest first.
    keys: BTreeMap<Bytes, Vec<Version>>,
    /// Which keys a revision changed; see [`Version::sub`]. From `compacted` on.
    changes: BTreeMap<(Revision, u32), Bytes>,
    /// How many changes the revision after `revision` has so far.
    open: u32,
    size: u64,
}

impl Mvcc {
    pub fn new() -> Self {
        Mvcc {
            revision: 1,
            compacted: 0,
            keys: BTreeMap::new(),
            changes: BTreeMap::new(),
            open: 0,
            size: 0,
        }
    }

    /// About how many bytes of memory it takes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The revision that reads inside the step see: with its own changes.
    pub fn reading(&self) -> Revision {
        self.revision + Revision::from(self.open > 0)
    }

    /// Ends the step: its changes, if there are any, become one revision.
    pub fn close(&mut self) {
        self.revision = self.reading();
        self.open = 0;
    }

    /// The key now.
    pub fn get(&self, key: &[u8]) -> Option<KeyValue> {
        let (key, versions) = self.keys.get_key_value(key)?;
        let last = versions.last().filter(|last| last.value.is_some())?;
        Some(last.key_value(key))
    }

    /// The keys of a range as of `at`, in order.
    pub fn range(&self, keys: &KeyRange, at: Revision) -> impl Iterator<Item = Found<'_>> {
        self.histories(keys).filter_map(move |(key, versions)| {
            let until = versions.partition_point(|version| version.revision <= at);
            let version = versions[..until].last()?;
            version.value.is_some().then_some(Found { key, version })
        })
    }

    fn histories(&self, keys: &KeyRange) -> impl Iterator<Item = (&Bytes, &Vec<Version>)> {
        let to = if keys.is_one() {
            Bound::Included(keys.key.as_slice())
        } else if keys.is_open() {
            Bound::Unbounded
        } else {
            Bound::Excluded(keys.end.as_slice())
        };
        // An end that is not behind the start is an empty range; BTreeMap would panic.
        let empty = matches!(to, Bound::Excluded(end) if end <= keys.key.as_slice());
        let from = Bound::Included(keys.key.as_slice());
        let found = (!empty).then(|| self.keys.range::<[u8], _>((from, to)));
        found.into_iter().flatten()
    }

    /// Sets a key in the revision that is being made; answers the lease that it had.
    pub fn put(&mut self, key: &[u8], value: Bytes, lease: LeaseId) -> LeaseId {
        let last = self.keys.get(key).and_then(|versions| versions.last());
        let before = last.filter(|last| last.value.is_some());
        let revision = self.revision + 1;
        let version = Version {
            revision,
            sub: self.open,
            create: before.map_or(revision, |before| before.create),
            version: before.map_or(0, |before| before.version) + 1,
            lease,
            value: Some(value),
        };
        let had = before.map_or(0, |before| before.lease);
        self.add(key, version);
        had
    }

    /// Deletes a key in the revision that is being made; answers its lease, or `None` if there is
    /// no such key.
    pub fn delete(&mut self, key: &[u8]) -> Option<LeaseId> {
        let last = self.keys.get(key)?.last()?;
        last.value.as_ref()?;
        let had = last.lease;
        let version = Version {
            revision: self.revision + 1,
            sub: self.open,
            create: 0,
            version: 0,
            lease: 0,
            value: None,
        };
        self.add(key, version);
        Some(had)
    }

    fn add(&mut self, key: &[u8], version: Version) {
        self.open += 1;
        self.insert(key, version);
    }

    /// Adds a key's newest version; image.rs puts them back with it.
    pub fn insert(&mut self, key: &[u8], version: Version) {
        self.size += version.size(key);
        let key = match self.keys.get_key_value(key) {
            Some((key, _)) => Arc::clone(key),
            None => Bytes::from(key),
        };
        if version.revision >= self.compacted {
            let at = (version.revision, version.sub);
            self.changes.insert(at, Arc::clone(&key));
        }
        self.keys.entry(key).or_default().push(version);
    }

    /// Forgets what nobody can read any more: versions older than the last one at `at`. A deletion
    /// at `at` itself stays until the next compaction, for watches that begin there.
    pub fn compact(&mut self, at: Revision) {
        let mut changes = std::mem::take(&mut self.changes);
        let mut kept = changes.split_off(&(at + 1, 0));
        let touched: BTreeSet<Bytes> = changes.values().cloned().collect();
        self.compacted = at;
        for key in touched {
            self.compact_key(&key, at);
        }
        for (place, key) in changes.split_off(&(at, 0)) {
            if self.version(&key, place).is_some() {
                kept.insert(place, key);
            }
        }
        self.changes = kept;
    }

    fn version(&self, key: &[u8], place: (Revision, u32)) -> Option<&Version> {
        let versions = self.keys.get(key)?;
        let at = versions.binary_search_by_key(&place, |v| (v.revision, v.sub));
        at.ok().map(|at| &versions[at])
    }

    fn compact_key(&mut self, key: &Bytes, at: Revision) {
        let Some(versions) = self.keys.get_mut(key) else {
            return;
        };
        let until = versions.partition_point(|version| version.revision <= at);
        let Some(last) = until.checked_sub(1) else {
            return;
        };
        let stays = versions[last].value.is_some() || versions[last].revision == at;
        for gone in versions.drain(..if stays { last } else { until }) {
            self.size -= gone.size(key);
        }
        if versions.is_empty() {
            self.keys.remove(key);
        }
    }

    /// The changes of the keys in a range, from revision `from` on: those of the next `limit`
    /// revisions that have any. Answers them with the revision from which to go on.
    pub fn events(
        &self,
        keys: &KeyRange,
        from: Revision,
        limit: usize,
        prev_kv: bool,
    ) -> (Vec<Event>, Revision) {
        let mut events = Vec::new();
        let mut seen = 0;
        let mut last = 0;
        for (place, key) in self.changes.range((from, 0)..) {
            if !keys.contains(key) {
                continue;
            }
            if place.0 != last {
                if seen == limit {
                    return (events, place.0);
                }
                seen += 1;
                last = place.0;
            }
            events.extend(self.event(key, *place, prev_kv));
        }
        (events, self.revision + 1)
    }

    fn event(&self, key: &Bytes, place: (Revision, u32), prev_kv: bool) -> Option<Event> {
        let version = self.version(key, place)?;
        // What was there before is readable only above the compaction.
        let asked = prev_kv && place.0 > self.compacted;
        let versions = self.keys.get(key).filter(|_| asked);
        let before = versions.and_then(|versions| {
            let until = versions.partition_point(|version| version.revision < place.0);
            versions[..until].last()
        });
        Some(Event {
            deleted: version.value.is_none(),
            kv: version.key_value(key),
            prev_kv: before
                .filter(|before| before.value.is_some())
                .map(|before| before.key_value(key)),
        })
    }

    /// All versions, by key and age, for the image and the hash.
    pub fn versions(&self) -> impl Iterator<Item = (&Bytes, &Version)> {
        let each = |(key, versions)| std::iter::repeat(key).zip::<&Vec<Version>>(versions);
        self.keys.iter().flat_map(each)
    }

    /// A checksum of everything that can be read at `at`, and of how it came about.
    pub fn hash(&self, at: Revision) -> u32 {
        let mut hash = crc32fast::Hasher::new();
        for (key, version) in self.versions().filter(|(_, v)| v.revision <= at) {
            hash.update(&(key.len() as u64).to_le_bytes());
            hash.update(key);
            for number in [
                version.revision,
                i64::from(version.sub),
                version.create,
                version.version,
                version.lease,
                version
                    .value
                    .as_ref()
                    .map_or(-1, |value| value.len() as i64),
            ] {
                hash.update(&number.to_le_bytes());
            }
            hash.update(version.value.as_deref().unwrap_or_default());
        }
        hash.finalize()
    }
}

/// A key that a range has.
#[derive(Clone, Copy)]
pub(super) struct Found<'s> {
    pub key: &'s Bytes,
    pub version: &'s Version,
}

impl Found<'_> {
    pub fn key_value(self) -> KeyValue {
        self.version.key_value(self.key)
    }
}
