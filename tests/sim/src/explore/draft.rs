//! [`Draft`]: what a step makes of a state, before it is known whether that state is new. Three of four are not.

use super::choice::Fate;
use super::fasthash::{FastHasher, fingerprint};
use super::run::Base;
use super::state::{Ground, Packet, Rest, Seat, State, Window};
use crate::check::Violation;
use node::{Addr, Node};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

pub(super) struct Draft<'a, N: Node, C> {
    before: &'a State<N, C>,
    /// The node that stepped.
    stepped: Option<(usize, Seat<N>)>,
    /// All nodes, if time has passed.
    passed: Option<Vec<Rc<Seat<N>>>>,
    /// The message that is no longer under way.
    gone: Option<usize>,
    /// Those that are now, and were not before.
    sent: Vec<Packet<N::Msg>>,
    /// If a checker has looked.
    looked: Option<C>,
    pub(super) rest: Rest,
}

impl<'a, N: Node, C: Clone + Hash> Draft<'a, N, C> {
    pub(super) fn new(before: &'a State<N, C>, base: Base) -> Self {
        Draft {
            before,
            stepped: None,
            passed: None,
            gone: base.gone,
            sent: Vec::new(),
            looked: None,
            rest: base.rest,
        }
    }

    /// The checkers have looked at it.
    pub(super) fn looked(&mut self, checker: C) {
        self.looked = Some(checker);
    }

    pub(super) fn checker(&self) -> &C {
        self.looked.as_ref().unwrap_or(&self.before.checker)
    }

    /// A node has stepped.
    pub(super) fn step(&mut self, place: usize, seat: Seat<N>) {
        self.stepped = Some((place, seat));
    }

    /// Time has passed: what a node shows may depend on it.
    pub(super) fn pass_time(&mut self, now: u64) {
        let anew = |seat: &Rc<Seat<N>>| {
            let timers = seat.timers.clone();
            Rc::new(Seat::new(seat.machine.clone(), seat.clock, timers, now))
        };
        self.passed = Some(self.before.seats.iter().map(anew).collect());
    }

    /// The node that stepped, before and after.
    pub(super) fn both(&self) -> Option<(&Seat<N>, &Seat<N>)> {
        let (place, seat) = self.stepped.as_ref()?;
        Some((&self.before.seats[*place], seat))
    }

    /// A node sends messages; links that are cut take them and carry nothing.
    pub(super) fn send(&mut self, ground: &Ground<N>, from: Addr, sends: &mut Vec<(Addr, N::Msg)>) {
        for (addr, msg) in sends.drain(..) {
            let Some(to) = ground.place(addr) else {
                continue;
            };
            let hash = fingerprint(&(from, addr, &msg));
            if ground.cut.contains(&(from, addr)) || (!ground.scope.bag && self.flies(hash)) {
                continue;
            }
            self.sent.push(Packet {
                hash,
                from,
                to,
                msg,
            });
        }
    }

    fn flies(&self, hash: u64) -> bool {
        let before = self.before.net.binary_search_by_key(&hash, |p| p.hash);
        before.is_ok_and(|at| Some(at) != self.gone) || self.sent.iter().any(|p| p.hash == hash)
    }

    pub(super) fn window<'w>(&'w self, ground: &'w Ground<N>, now: u64) -> Window<'w, N> {
        Window {
            addrs: &ground.addrs,
            seats: &self.before.seats,
            stepped: self.stepped.as_ref().map(|(place, seat)| (*place, seat)),
            now,
        }
    }

    /// What stands for the state in the set of those seen.
    pub(super) fn fingerprint(&self, clients: usize) -> u64 {
        let mut seats = self.before.seats_sum;
        if let Some((old, new)) = self.both() {
            seats = seats.wrapping_sub(old.hash).wrapping_add(new.hash);
        }
        let mut net = self.before.net_sum;
        if let Some(gone) = self.gone {
            net = net.wrapping_sub(self.before.net[gone].hash);
        }
        for packet in &self.sent {
            net = net.wrapping_add(packet.hash);
        }
        let mut hasher = FastHasher::default();
        hasher.write_u64(seats);
        hasher.write_u64(net);
        self.checker().hash(&mut hasher);
        self.rest.hash_into(&mut hasher, clients);
        hasher.finish()
    }

    /// The state itself.
    pub(super) fn state(self) -> State<N, C> {
        let before = self.before;
        let mut net = Vec::with_capacity(before.net.len() + self.sent.len());
        let gone = self.gone.unwrap_or(before.net.len());
        net.extend_from_slice(&before.net[..gone]);
        net.extend_from_slice(before.net.get(gone + 1..).unwrap_or_default());
        if !self.sent.is_empty() {
            net.extend(self.sent.into_iter().map(Rc::new));
            net.sort_unstable_by_key(|p| p.hash);
        }
        let mut seats = self.passed.unwrap_or_else(|| before.seats.clone());
        if let Some((place, seat)) = self.stepped {
            seats[place] = Rc::new(seat);
        }
        let checker = self.looked.unwrap_or_else(|| before.checker.clone());
        State::new(seats, net, checker, self.rest)
    }
}

impl<N: Node> Ground<N> {
    /// All messages go to nodes that there are, or this is broken.
    pub(super) fn known(&self, from: Addr, sends: &[(Addr, N::Msg)]) -> Result<(), Violation> {
        match sends.iter().find(|(to, _)| self.place(*to).is_none()) {
            None => Ok(()),
            Some((to, _)) => {
                let text = format!(
                    "{from} sends to {to}, and there is no such node: check its address book"
                );
                Err(Violation::new("the kit: known addresses", text).at([from]))
            }
        }
    }
}

/// A step whose effects go as they should.
pub(super) fn is_plain(fate: &Fate) -> bool {
    fate.plan == crate::machine::Plan::All && fate.sync.is_none()
}
