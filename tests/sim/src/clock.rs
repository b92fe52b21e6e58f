//! One node's clocks against true time.

use crate::time::SimTime;
use node::{LocalTime, WallTime};

/// 2026-01-01, in microseconds since 1970: where every run's wall clocks begin.
const EPOCH: i64 = 1_767_225_600_000_000;
const MILLION: i64 = 1_000_000;

/// A monotonic clock that runs `ppm` fast since the true time `from`, and a wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Clock {
    from: u64,
    shown: u64,
    ppm: i32,
    wall_offset: i64,
}

impl Clock {
    #[cfg(test)]
    pub(crate) fn with_ppm(ppm: i32) -> Self {
        Clock {
            ppm,
            ..Clock::default()
        }
    }

    /// A boot: the monotonic clock starts anew.
    pub(crate) fn reset(&mut self, now: u64) {
        self.from = now;
        self.shown = 0;
    }

    pub(crate) fn set_ppm(&mut self, now: u64, ppm: i32) {
        self.shown = self.local(now).as_micros();
        self.from = now;
        self.ppm = ppm;
    }

    pub(crate) fn step_wall(&mut self, by: i64) {
        self.wall_offset = self.wall_offset.saturating_add(by);
    }

    #[inline]
    pub(crate) fn local(&self, now: u64) -> LocalTime {
        let elapsed = now.saturating_sub(self.from);
        if self.ppm == 0 {
            return LocalTime::from_micros(self.shown + elapsed);
        }
        let gain = (elapsed as i64)
            .saturating_mul(i64::from(self.ppm))
            .div_euclid(MILLION);
        LocalTime::from_micros((self.shown + elapsed).saturating_add_signed(gain))
    }

    pub(crate) fn wall(&self, now: u64) -> WallTime {
        WallTime::from_unix_micros(
            EPOCH
                .saturating_add(now as i64)
                .saturating_add(self.wall_offset),
        )
    }

    /// The first true time at which the clock shows `local`, or when it showed it.
    #[inline]
    pub(crate) fn true_time(&self, local: LocalTime) -> SimTime {
        let ahead = local.as_micros() as i64 - self.shown as i64;
        if self.ppm == 0 {
            return SimTime(self.from.saturating_add_signed(ahead));
        }
        let rate = MILLION + i64::from(self.ppm);
        let scaled = i128::from(ahead) * i128::from(MILLION);
        let rate = i128::from(rate);
        let whole = scaled.div_euclid(rate) + i128::from(scaled.rem_euclid(rate) != 0);
        SimTime(self.from.saturating_add_signed(whole as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_due_at_the_first_moment_its_clock_shows() {
        for ppm in [-50_000, -9_999, -1, 0, 1, 777, 10_000] {
            let mut clock = Clock::with_ppm(ppm);
            clock.reset(1_234);
            for local in [0, 1, 999, 10_007, 123_456_789] {
                let local = LocalTime::from_micros(local);
                let at = clock.true_time(local).as_micros();
                assert!(clock.local(at) >= local, "{ppm} {local:?}");
                if at > 1_234 {
                    assert!(clock.local(at - 1) < local, "{ppm} {local:?}");
                }
            }
        }
    }
}
