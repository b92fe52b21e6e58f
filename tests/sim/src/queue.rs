//! What is to happen, by true time; what is equal in time happens in the order of its planning.

use std::cmp::Reverse;
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

impl What {
    /// Four bits of kind, 28 of places: an entry of the heap is then 16 bytes.
    #[inline]
    fn pack(self) -> u32 {
        let pair = |kind: u32, seat: u16, low: u16| {
            debug_assert!(seat < 1 << 12, "at most 4096 nodes");
            kind << 28 | u32::from(seat) << 16 | u32::from(low)
        };
        match self {
            What::Flight(place) => place,
            What::Timer { seat, entry } => pair(1, seat, entry),
            What::Slot(n) => 2 << 28 | n,
            What::Strike(n) => 3 << 28 | n,
            What::Heal(n) => 4 << 28 | n,
            What::Restart { seat, epoch } => pair(5, seat, epoch),
            What::Resume { seat, epoch } => pair(6, seat, epoch),
            What::SyncDone { seat, epoch } => pair(7, seat, epoch),
            What::Room(seat) => pair(8, seat, 0),
            What::Turn(n) => 9 << 28 | n,
            What::Ask(n) => 10 << 28 | n,
            What::GiveUp(n) => 11 << 28 | n,
            What::Quiet => 12 << 28,
        }
    }

    #[inline]
    fn unpack(word: u32) -> Self {
        let n = word & 0x0fff_ffff;
        let (seat, low) = ((n >> 16) as u16, n as u16);
        match word >> 28 {
            0 => What::Flight(n),
            1 => What::Timer { seat, entry: low },
            2 => What::Slot(n),
            3 => What::Strike(n),
            4 => What::Heal(n),
            5 => What::Restart { seat, epoch: low },
            6 => What::Resume { seat, epoch: low },
            7 => What::SyncDone { seat, epoch: low },
            8 => What::Room(seat),
            9 => What::Turn(n),
            10 => What::Ask(n),
            11 => What::GiveUp(n),
            _ => What::Quiet,
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct Queue {
    /// Time, number of the planning, packed [`What`]: from high bits to low.
    heap: BinaryHeap<Reverse<u128>>,
    seq: u32,
}

impl Queue {
    #[inline]
    pub(crate) fn push(&mut self, at: u64, what: What) {
        self.seq += 1;
        let low = u64::from(self.seq) << 32 | u64::from(what.pack());
        self.heap
            .push(Reverse(u128::from(at) << 64 | u128::from(low)));
    }
    /// The next thing at or before `until`.
    #[inline]
    pub(crate) fn pop_until(&mut self, until: u64) -> Option<(u64, What)> {
        let next = self.heap.peek()?.0;
        let at = (next >> 64) as u64;
        if at > until {
            return None;
        }
        self.heap.pop();
        Some((at, What::unpack(next as u32)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_back_as_it_was_planned() {
        let all = [
            What::Flight(0x0fff_fffe),
            What::Timer {
                seat: 4095,
                entry: 65_535,
            },
            What::Slot(7),
            What::Strike(8),
            What::Heal(9),
            What::Restart {
                seat: 3,
                epoch: 65_535,
            },
            What::Resume { seat: 3, epoch: 1 },
            What::SyncDone { seat: 0, epoch: 2 },
            What::Room(5),
            What::Turn(1),
            What::Ask(2),
            What::GiveUp(3),
            What::Quiet,
        ];
        let mut queue = Queue::default();
        for what in all {
            queue.push(5, what);
        }
        for what in all {
            assert_eq!(queue.pop_until(5), Some((5, what)));
        }
        queue.push(6, What::Quiet);
        assert_eq!(queue.pop_until(5), None);
    }
}
