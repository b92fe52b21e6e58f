//! [`Fate`]: which faults happen in one run.

use crate::key::{Draw, FaultKey};
use crate::time::micros;
use std::ops::Range;
use std::time::Duration;

/// Which faults happen in this run, and which did.
#[derive(Clone, Default)]
pub(crate) struct Fate {
    pub(crate) seed: u64,
    /// Sorted. `None`: all that the seed has.
    pub(crate) kept: Option<Vec<FaultKey>>,
    pub(crate) happened: Vec<FaultKey>,
    /// True when no fault may happen any more, and always in a script.
    pub(crate) calm: bool,
}

impl Fate {
    pub(crate) fn admits(&self, key: FaultKey) -> bool {
        match &self.kept {
            None => true,
            Some(kept) => kept.binary_search(&key).is_ok(),
        }
    }
    /// True if the seed has this fault and it is kept; the caller notes it when it happens.
    pub(crate) fn has(&self, key: FaultKey, rate: f64) -> bool {
        rate > 0.0 && !self.calm && key.draw(self.seed).chance(rate) && self.admits(key)
    }
    pub(crate) fn note(&mut self, key: FaultKey) {
        self.happened.push(key);
    }
}

/// A duration in `range`, in microseconds.
pub(crate) fn draw_within(draw: Draw, range: &Range<Duration>) -> u64 {
    let from = micros(range.start);
    from + draw.below(micros(range.end).saturating_sub(from).max(1))
}
