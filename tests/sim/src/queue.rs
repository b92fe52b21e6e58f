//! What is to happen, by true time; what is equal in time happens in the order of its planning.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One thing that is to happen. Small: the heap moves it about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    /// A message arrives: its place among the flights.
    Flight(u32),
    /// A timer may be due: its node's place and its own among the node's timers.
    Timer { seat: u16, entry: u16 },
    /// A time slot begins.
    Slot(u32),
    /// A planned fault strikes: its place in the plan.
    Strike(u32),
    /// A planned cut of links ends.
    Heal(u32),
    /// A node starts again, if it is still in that epoch.
    Restart { seat: u16, epoch: u16 },
    /// A node goes on.
    Resume { seat: u16, epoch: u16 },
    /// A slow sync ends.
    SyncDone { seat: u16, epoch: u16 },
    /// A disk has room again.
    Room(u16),
    /// A client decides on its next operation.
    Turn(u32),
    /// A client asks what it decided on.
    Ask(u32),
    /// A client gives up its call.
    GiveUp(u32),
    /// Faults and clients end.
    Quiet,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    at: u64,
    seq: u32,
    what: What,
}

impl Ord for Entry {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.seq).cmp(&(self.at, self.seq))
    }
}
impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    seq: u32,
}

impl Queue {
    #[inline]
    pub(crate) fn push(&mut self, at: u64, what: What) {
        self.seq += 1;
        let seq = self.seq;
        self.heap.push(Entry { at, seq, what });
    }
    /// The next thing at or before `until`.
    #[inline]
    pub(crate) fn pop_until(&mut self, until: u64) -> Option<(u64, What)> {
        if self.heap.peek()?.at > until {
            return None;
        }
        self.heap.pop().map(|e| (e.at, e.what))
    }
}

/// Values with stable places; free places are used again.
#[derive(Clone)]
pub(crate) struct Slab<T> {
    values: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab {
            values: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        if let Some(place) = self.free.pop() {
            self.values[place as usize] = Some(value);
            return place;
        }
        self.values.push(Some(value));
        (self.values.len() - 1) as u32
    }
    #[inline]
    pub(crate) fn take(&mut self, place: u32) -> Option<T> {
        let value = self.values[place as usize].take();
        if value.is_some() {
            self.free.push(place);
        }
        value
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.values.iter().flatten()
    }
}
