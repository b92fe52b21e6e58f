//! [`Log`]: the entries behind the snapshot, in memory. Given.

use crate::entry::{Entry, Index, Term};

/// The log. What the snapshot holds is no longer here, but index and term of its last entry are:
/// the entry behind it is checked against them (§7).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Log {
    snapshot_index: Index,
    snapshot_term: Term,
    entries: Vec<Entry>,
}

impl Log {
    /// A log behind a snapshot whose last entry is this one; both 0 without a snapshot.
    pub fn behind(snapshot_index: Index, snapshot_term: Term) -> Self {
        Log {
            snapshot_index,
            snapshot_term,
            entries: Vec::new(),
        }
    }
    /// The last index in the snapshot; 0 without one.
    pub fn snapshot_index(&self) -> Index {
        self.snapshot_index
    }
    /// The term of that entry.
    pub fn snapshot_term(&self) -> Term {
        self.snapshot_term
    }
    /// The first index that is here, if there is any entry.
    pub fn first_index(&self) -> Index {
        self.snapshot_index.next()
    }
    /// The index of the last entry; the snapshot's if there is none behind it.
    pub fn last_index(&self) -> Index {
        self.snapshot_index + self.entries.len() as u64
    }
    /// The term of the last entry.
    pub fn last_term(&self) -> Term {
        self.entries.last().map_or(self.snapshot_term, |e| e.term)
    }
    /// All entries that are here.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    /// The entry at `index`; `None` if it is not here.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.get(self.place(index)?)
    }
    /// The term of the entry at `index`. Known for the snapshot's last entry too, and 0 at index 0;
    /// `None` before and behind.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.snapshot_index {
            return Some(self.snapshot_term);
        }
        self.entry(index).map(|e| e.term)
    }
    /// The entries from `first` on; none if that is behind the end or before the log's first.
    pub fn from(&self, first: Index) -> &[Entry] {
        let place = self.place(first);
        place
            .and_then(|at| self.entries.get(at..))
            .unwrap_or_default()
    }
    /// Adds an entry at the end and tells its index.
    pub fn push(&mut self, entry: Entry) -> Index {
        self.entries.push(entry);
        self.last_index()
    }
    /// Puts an entry at `index`: what stood there goes, and all behind it.
    ///
    /// # Panics
    /// If that leaves a gap.
    pub fn put(&mut self, index: Index, entry: Entry) {
        self.truncate(index);
        let next = self.last_index().next();
        assert!(
            index == next,
            "the log ends at entry {}, and entry {index} is to follow: the log is not whole; restore \
             it from a copy",
            next.prev()
        );
        self.push(entry);
    }
    /// Drops the entry at `first` and all behind it.
    pub fn truncate(&mut self, first: Index) {
        if let Some(at) = self.place(first) {
            self.entries.truncate(at);
        }
    }
    /// Drops the entries up to `index`, whose term is `term`: they are in a snapshot now. What
    /// stands behind it stays.
    pub fn compact(&mut self, index: Index, term: Term) {
        let gone = (index - self.snapshot_index).min(self.entries.len() as u64);
        self.entries.drain(..gone as usize);
        self.snapshot_index = index;
        self.snapshot_term = term;
    }

    fn place(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.snapshot_index.0 + 1)?).ok()
    }
}
