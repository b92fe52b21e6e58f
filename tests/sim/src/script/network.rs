//! What a script tells the network to do.

use super::Script;
use crate::check::Checker;
use crate::net::Flight;
use crate::seat::Waiting;
use crate::time::micros;
use node::{Addr, Node};
use std::time::Duration;

impl<N: Node, C: Checker<N>> Script<N, C> {
    fn take_waiting(
        &mut self,
        from: Addr,
        to: Addr,
        which: impl Fn(&N::Msg) -> bool,
    ) -> Option<Flight<N::Msg>> {
        let (from, to) = self.link(from, to);
        let waiting = &mut self.world.core.net.told(from, to).waiting;
        let at = waiting.iter().position(|f| which(&f.msg))?;
        waiting.remove(at)
    }
    /// Messages from `from` to `to` wait from here on.
    #[track_caller]
    pub fn hold(&mut self, from: Addr, to: Addr) {
        let (from, to) = self.link(from, to);
        self.world.core.net.told(from, to).hold = true;
    }
    /// All messages of all links wait from here on; [`Script::deliver`] them one by one.
    #[track_caller]
    pub fn hold_all(&mut self) {
        let n = self.world.core.seats.len() as u16;
        for from in 0..n {
            for to in 0..n {
                self.world.core.net.told(from, to).hold = true;
            }
        }
    }
    /// What waited from `from` to `to` leaves now, in the order in which it was sent, and the link
    /// is open again.
    #[track_caller]
    pub fn release(&mut self, from: Addr, to: Addr) {
        let (from, to) = self.link(from, to);
        self.world.core.net.release(from, to);
    }
    /// All that waits leaves now, and all links are open again.
    #[track_caller]
    pub fn release_all(&mut self) {
        let n = self.world.core.seats.len() as u16;
        for from in 0..n {
            for to in 0..n {
                self.world.core.net.release(from, to);
            }
        }
    }
    /// Messages that wait: sender, receiver, content, in the order in which they were sent.
    pub fn waiting(&self) -> Vec<(Addr, Addr, &N::Msg)> {
        let net = &self.world.core.net;
        let told = net.links.iter().filter_map(|l| l.told.as_deref());
        let mut all: Vec<_> = told.flat_map(|t| t.waiting.iter()).collect();
        all.sort_by_key(|f| f.id);
        let addr = |i: u16| net.addrs[usize::from(i)];
        all.into_iter()
            .map(|f| (addr(f.from), addr(f.to), &f.msg))
            .collect()
    }
    /// Delivers, now, the first waiting message from `from` to `to` that `which` accepts. Fails the
    /// test if there is none.
    #[track_caller]
    pub fn deliver(&mut self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) {
        let Some(flight) = self.take_waiting(from, to, which) else {
            self.fail(format!(
                "no message of that kind waits from {from} to {to}; what waits: {:?}",
                self.waiting()
            ));
        };
        let i = usize::from(flight.to);
        self.world.hand(i, Waiting::Message(flight));
        self.go_on();
    }
    /// Loses the first waiting message from `from` to `to` that `which` accepts.
    #[track_caller]
    pub fn lose(&mut self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) {
        let Some(flight) = self.take_waiting(from, to, which) else {
            self.fail(format!(
                "no message of that kind waits from {from} to {to}; what waits: {:?}",
                self.waiting()
            ));
        };
        self.world.core.net.lose(&flight);
    }
    /// Loses the next `n` messages sent from `from` to `to`.
    #[track_caller]
    pub fn drop_next(&mut self, from: Addr, to: Addr, n: usize) {
        let (from, to) = self.link(from, to);
        self.world.core.net.told(from, to).drop_next = n;
    }
    /// The next message sent from `from` to `to` arrives a second time, `later` after the first.
    #[track_caller]
    pub fn duplicate_next(&mut self, from: Addr, to: Addr, later: Duration) {
        let (from, to) = self.link(from, to);
        self.world.core.net.told(from, to).duplicate_next = Some(micros(later));
    }
    /// Messages sent from `from` to `to` from here on take so long.
    #[track_caller]
    pub fn delay(&mut self, from: Addr, to: Addr, delay: Duration) {
        let (from, to) = self.link(from, to);
        self.world.core.net.told(from, to).delay = Some(micros(delay));
    }
    /// What is sent from `from` to `to` is lost from here on.
    #[track_caller]
    pub fn cut_link(&mut self, from: Addr, to: Addr) {
        let (from, to) = self.link(from, to);
        if self.world.core.net.link(from, to).cuts == 0 {
            self.world.cut_link(from, to);
        }
        self.go_on();
    }
    /// The link from `from` to `to` carries messages again.
    #[track_caller]
    pub fn heal_link(&mut self, from: Addr, to: Addr) {
        let (from, to) = self.link(from, to);
        self.world.heal_link(from, to);
        self.go_on();
    }
    /// Cuts all links of `addr`, both ways.
    #[track_caller]
    pub fn isolate(&mut self, addr: Addr) {
        for other in self.world.core.net.addrs.clone() {
            if other != addr {
                self.cut_link(addr, other);
                self.cut_link(other, addr);
            }
        }
    }
    /// Cuts all links between the groups, both ways; a node in no group keeps its links.
    #[track_caller]
    pub fn partition(&mut self, groups: &[&[Addr]]) {
        for (i, group) in groups.iter().enumerate() {
            for other in groups.iter().skip(i + 1) {
                for (a, b) in group
                    .iter()
                    .flat_map(|a| other.iter().map(move |b| (*a, *b)))
                {
                    self.cut_link(a, b);
                    self.cut_link(b, a);
                }
            }
        }
    }
    /// All links carry messages again.
    #[track_caller]
    pub fn heal(&mut self) {
        let n = self.world.core.seats.len() as u16;
        for from in 0..n {
            for to in 0..n {
                self.world.heal_link(from, to);
            }
        }
        self.go_on();
    }
    /// How many messages from `from` to `to` that `which` accepts were sent so far.
    pub fn count_sent(&self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) -> usize {
        let (from, to) = (self.place(from), self.place(to));
        let link = &self.world.core.net.links[from * self.world.core.seats.len() + to];
        let log = link.told.as_deref().map_or(&[][..], |t| &t.log);
        log.iter().filter(|m| which(m)).count()
    }
}
