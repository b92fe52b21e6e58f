//! Cuts of links in random runs and scripts.

use crate::check::{Checker, Event};
use crate::key::Draw;
use crate::queue::What;
use crate::trace::Kind;
use crate::world::World;
use node::Node;

impl<N: Node, C: Checker<N>> World<N, C> {
    /// Which links a drawn partition cuts: both ways, one way, or so that only one node reaches
    /// both halves.
    pub(crate) fn draw_cut(&self, draw: Draw) -> Vec<(u16, u16)> {
        let n = self.core.seats.len() as u16;
        if n < 2 {
            return Vec::new();
        }
        let way = draw.again(3).below(3);
        let bridge = draw.again(5).below(u64::from(n)) as u16;
        let bits = draw.again(4);
        let mut left = |i: u16| bits.again(i.into()).bits() & 1 == 1;
        let mut sides: Vec<bool> = (0..n).map(&mut left).collect();
        // Neither side is empty.
        let odd = draw.again(6).below(u64::from(n)) as usize;
        if sides.iter().all(|s| *s == sides[0]) {
            sides[odd] = !sides[odd];
        }
        let mut cut = Vec::new();
        for a in 0..n {
            for b in 0..n {
                let (from, to) = (sides[usize::from(a)], sides[usize::from(b)]);
                let spared = way == 2 && n > 2 && (a == bridge || b == bridge);
                if from != to && (way != 1 || from) && !spared {
                    cut.push((a, b));
                }
            }
        }
        cut
    }

    pub(crate) fn cut_for(&mut self, links: Vec<(u16, u16)>, time: u64) -> bool {
        if links.is_empty() {
            return false;
        }
        for (from, to) in &links {
            self.cut_link(*from, *to);
        }
        self.core.chaos.cuts.push(links);
        let n = self.core.chaos.cuts.len() - 1;
        let at = self.core.net.now + time;
        self.core.net.queue.push(at, What::Heal(n as u32));
        true
    }

    pub(crate) fn heal_cut(&mut self, n: usize) {
        for (from, to) in std::mem::take(&mut self.core.chaos.cuts[n]) {
            self.heal_link(from, to);
        }
    }

    pub(crate) fn cut_link(&mut self, from: u16, to: u16) {
        self.core.net.link(from, to).cuts += 1;
        if self.core.net.link(from, to).cuts == 1 {
            self.link_event(Kind::Part, from, to);
        }
    }

    pub(crate) fn heal_link(&mut self, from: u16, to: u16) {
        let cuts = &mut self.core.net.link(from, to).cuts;
        if *cuts > 0 {
            *cuts -= 1;
            if *cuts == 0 {
                self.link_event(Kind::Heal, from, to);
            }
        }
    }

    pub(crate) fn link_event(&mut self, kind: Kind, from: u16, to: u16) {
        let (a, b) = (self.addr(from.into()), self.addr(to.into()));
        let now = self.core.net.now;
        if let Some(recorder) = self.recorder() {
            recorder.link(kind, now, a, b);
        }
        self.after(from.into(), Event::Network);
    }
}
