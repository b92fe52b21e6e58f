//! [`Branches`]: a handler's randomness, all of it: the handler runs again for each way in which its draws can fall.

use super::choice::Drawn;
use crate::machine::Dice;
use std::ops::Range;
use std::time::Duration;

struct Draw {
    value: Drawn,
    chosen: u32,
    of: u32,
}

/// See the module.
pub(super) struct Branches {
    /// In tick mode.
    tick: Option<Duration>,
    draws: Vec<Draw>,
    at: usize,
}

impl Branches {
    pub(super) fn new(tick: Option<Duration>) -> Self {
        Branches {
            tick,
            draws: Vec::new(),
            at: 0,
        }
    }

    /// Before each run of the handler.
    pub(super) fn rewind(&mut self) {
        self.at = 0;
    }

    /// Goes on to the next way; false if there is none.
    pub(super) fn advance(&mut self) -> bool {
        while let Some(last) = self.draws.last_mut() {
            last.chosen += 1;
            if last.chosen < last.of {
                return true;
            }
            self.draws.pop();
        }
        false
    }

    /// How they fell, without least values at the end.
    pub(super) fn drawn(&self) -> Vec<Drawn> {
        let len = self
            .draws
            .iter()
            .rposition(|d| d.chosen > 0)
            .map_or(0, |i| i + 1);
        self.draws[..len].iter().map(|d| d.value).collect()
    }

    fn draw(&mut self, of: u32, value: impl FnOnce(u32) -> Drawn) -> Drawn {
        if self.at == self.draws.len() {
            let value = Drawn::Number(0);
            self.draws.push(Draw {
                value,
                chosen: 0,
                of,
            });
        }
        let draw = &mut self.draws[self.at];
        self.at += 1;
        draw.value = value(draw.chosen);
        draw.value
    }
}

impl Dice for Branches {
    fn choose(&mut self, n: u32) -> u32 {
        match self.draw(n, Drawn::Number) {
            Drawn::Number(n) => n,
            Drawn::Time(_) => 0,
        }
    }

    fn within(&mut self, within: Range<Duration>) -> Duration {
        // Untimed, any timer may fire at any moment whatever was drawn.
        let Some(tick) = self.tick else {
            return within.start;
        };
        let span = within.end.saturating_sub(within.start).as_micros();
        let ways = span.div_ceil(tick.as_micros().max(1)).max(1) as u32;
        match self.draw(ways, |i| Drawn::Time(within.start + tick * i)) {
            Drawn::Time(time) => time,
            Drawn::Number(_) => within.start,
        }
    }
}
