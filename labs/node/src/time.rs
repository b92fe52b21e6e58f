//! Two clocks, kept apart by the type system: one for *how long*, one for *what date*.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of one node's monotonic clock, in microseconds since that node's boot.
///
/// It never steps back, it may run a little fast or slow (drift), and each boot starts it anew:
/// a reading means nothing on another node or after a restart, so it cannot be serialised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime(u64);

impl LocalTime {
    /// The reading `micros` microseconds after boot. Drivers make these; a core adds to [`crate::Ctx::now`].
    pub const fn from_micros(micros: u64) -> Self {
        LocalTime(micros)
    }
    /// Microseconds since boot.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: LocalTime) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for LocalTime {
    type Output = LocalTime;
    fn add(self, after: Duration) -> LocalTime {
        LocalTime(self.0.saturating_add(micros(after)))
    }
}
impl Sub<LocalTime> for LocalTime {
    type Output = Duration;
    fn sub(self, earlier: LocalTime) -> Duration {
        self.since(earlier)
    }
}
impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whose clock: there are others, and a reader compares.
        write!(f, "{}.{:03} ms (own clock)", self.0 / 1000, self.0 % 1000)
    }
}

/// A reading of one node's wall clock, in microseconds since 1970 (UTC). It may step in either
/// direction at any moment: an operator or NTP sets it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct WallTime(i64);

impl WallTime {
    /// The date `micros` microseconds after the Unix epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        WallTime(micros)
    }
    /// Microseconds since the Unix epoch.
    pub const fn as_unix_micros(self) -> i64 {
        self.0
    }
}

/// A duration in whole microseconds; longer ones than `u64` holds are held at its end.
pub(crate) fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}
