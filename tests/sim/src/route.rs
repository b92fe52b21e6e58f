//! The way of one message: lost, late, doubled, held by a script, encoded and decoded.

use crate::cause::COPY;
use crate::check::Violation;
use crate::fate::Fate;
use crate::key::{Draw, FaultKey, FaultKind};
use crate::net::{Flight, Net};
use crate::queue::What;
use node::Node;

impl<N: Node> Net<N> {
    #[inline]
    pub(crate) fn put(&mut self, flight: Flight<N::Msg>, delay: u64) {
        let mut at = self.now + delay;
        if let Some(last) = &mut self.fifo {
            let link = usize::from(flight.from) * self.addrs.len() + usize::from(flight.to);
            at = at.max(last[link]);
            last[link] = at;
        }
        let place = self.flights.insert(flight);
        self.queue.push(at, What::Flight(place));
    }

    pub(crate) fn route_faulty(
        &mut self,
        flight: Flight<N::Msg>,
        nth: u64,
        draw: Draw,
        mut delay: u64,
    ) {
        const MASK: u64 = (1 << 21) - 1;
        let bits = draw.bits();
        let (a, b) = (
            self.addrs[usize::from(flight.from)].0,
            self.addrs[usize::from(flight.to)].0,
        );
        let strikes = |net: &mut Fate, kind, hit: bool| {
            let key = FaultKey::link(kind, a, b, nth);
            let hit = hit && net.admits(key);
            if hit {
                net.note(key);
            }
            hit
        };
        if strikes(
            &mut self.fate,
            FaultKind::Drop,
            bits & MASK < self.rates.drop,
        ) {
            return self.lose(&flight);
        }
        let late = self.fifo.is_none() && (bits >> 42) & MASK < self.rates.late;
        if strikes(&mut self.fate, FaultKind::Late, late) {
            delay += self.late_from + draw.again(2).below(self.late_span);
        }
        let double = (bits >> 21) & MASK < self.rates.duplicate;
        if strikes(&mut self.fate, FaultKind::Duplicate, double) {
            let later = delay + self.late_from + draw.again(3).below(self.late_span);
            let copy = self.copy(&flight);
            if self.fifo.is_some() {
                self.put(flight, delay);
                return self.put(copy, delay);
            }
            self.put(copy, later);
        }
        self.put(flight, delay);
    }

    pub(crate) fn copy(&mut self, flight: &Flight<N::Msg>) -> Flight<N::Msg> {
        self.next_id += 1;
        if let Some(recorder) = &mut self.recorder {
            let from = self.addrs[usize::from(flight.from)];
            recorder.dup(self.now, from, flight.id, self.next_id);
        }
        Flight {
            id: self.next_id,
            nth: flight.nth | COPY,
            ..flight.clone()
        }
    }

    pub(crate) fn lose(&mut self, flight: &Flight<N::Msg>) {
        if let Some(recorder) = &mut self.recorder {
            let from = self.addrs[usize::from(flight.from)];
            recorder.lost(self.now, from, flight.id);
        }
    }

    /// In a script, a link does what it was told.
    pub(crate) fn route_told(&mut self, flight: Flight<N::Msg>) {
        let (from, to, mut delay) = (flight.from, flight.to, self.delay_from);
        let cut = self.link(from, to).cuts > 0;
        let told = self.told(from, to);
        told.log.push(flight.msg.clone());
        delay = told.delay.unwrap_or(delay);
        if told.drop_next > 0 || cut {
            told.drop_next = told.drop_next.saturating_sub(1);
            return self.lose(&flight);
        }
        let (double, hold) = (told.duplicate_next.take(), told.hold);
        if let Some(later) = double {
            let copy = self.copy(&flight);
            self.put(copy, delay + later);
        }
        if hold {
            self.told(from, to).waiting.push_back(flight);
        } else {
            self.put(flight, delay);
        }
    }

    /// What waited on a link leaves, in order, and the link is open again.
    pub(crate) fn release(&mut self, from: u16, to: u16) {
        let delay = self.delay_from;
        let told = self.told(from, to);
        told.hold = false;
        let delay = told.delay.unwrap_or(delay);
        for flight in std::mem::take(&mut told.waiting) {
            self.put(flight, delay);
        }
    }

    pub(crate) fn is_cut(&self, from: u16, to: u16) -> bool {
        let n = self.addrs.len();
        self.links[usize::from(from) * n + usize::from(to)].cuts > 0
    }

    /// Encodes and decodes a message: what comes out must be what went in.
    pub(crate) fn cross(&mut self, from: u16, msg: N::Msg) -> N::Msg {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let result = match postcard::to_extend(&msg, bytes) {
            Ok(full) => {
                bytes = full;
                postcard::from_bytes::<N::Msg>(&bytes)
            }
            Err(why) => {
                bytes = Vec::new();
                Err(why)
            }
        };
        self.bytes = bytes;
        let me = self.addrs[usize::from(from)];
        let text = match result {
            Ok(read) if read == msg => return read,
            Ok(read) => format!("{me} sends {msg:?}, and {read:?} comes out of its bytes"),
            Err(why) => format!("{me} sends {msg:?}, which does not survive its encoding: {why}"),
        };
        self.fail(Violation::new("the kit: messages survive the wire", text).at([me]));
        msg
    }
}
