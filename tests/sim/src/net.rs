//! [`Net`]: all of the world that a node's effects can reach: links, messages under way, calls,
//! the queue of what is to happen, the faults of this run.

use crate::call::{Call, Ret};
use crate::cause::COPY;
use crate::check::Violation;
use crate::digest::Digest;
use crate::fate::Fate;
use crate::fault::Faults;
use crate::key::Draw;
use crate::queue::{Queue, Slab, What};
use crate::record::Recorder;
use crate::scenario::Scenario;
use crate::seat::MESSAGE;
use crate::time::{SimTime, micros};
use node::{Addr, Node, OpId};
use std::collections::VecDeque;
use std::hash::Hash;

/// A message under way.
#[derive(Clone)]
pub(crate) struct Flight<M> {
    pub(crate) from: u16,
    pub(crate) to: u16,
    /// Which message of its link, with [`crate::cause::COPY`] if it is the network's copy.
    pub(crate) nth: u32,
    /// The trace's number.
    pub(crate) id: u64,
    pub(crate) msg: M,
}

/// One direction between two nodes.
#[derive(Clone)]
pub(crate) struct Link<M> {
    base: u64,
    sent: u64,
    /// How many cuts lie on it.
    pub(crate) cuts: u32,
    /// Scripts only; boxed because random runs have none of it.
    pub(crate) told: Option<Box<Told<M>>>,
}

/// What a script told a link to do.
#[derive(Clone)]
pub(crate) struct Told<M> {
    pub(crate) hold: bool,
    pub(crate) drop_next: usize,
    pub(crate) duplicate_next: Option<u64>,
    pub(crate) delay: Option<u64>,
    pub(crate) waiting: VecDeque<Flight<M>>,
    pub(crate) log: Vec<M>,
}

impl<M> Default for Told<M> {
    fn default() -> Self {
        Told {
            hold: false,
            drop_next: 0,
            duplicate_next: None,
            delay: None,
            waiting: VecDeque::new(),
            log: Vec::new(),
        }
    }
}

/// The rates of a link's faults, as thresholds for 21 bits each.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rates {
    pub(crate) drop: u64,
    pub(crate) duplicate: u64,
    pub(crate) late: u64,
    any: bool,
}

impl Rates {
    fn of<N: Node>(faults: &Faults<N>) -> Self {
        let threshold = |rate: f64| (rate * (1u64 << 21) as f64) as u64;
        Rates {
            drop: threshold(faults.drop),
            duplicate: threshold(faults.duplicate),
            late: threshold(faults.late),
            any: faults.drop + faults.duplicate + faults.late > 0.0,
        }
    }
}

/// An answer that checkers have not seen yet.
pub(crate) struct FreshRet {
    pub(crate) call: usize,
    pub(crate) ret: usize,
}

pub(crate) struct Net<N: Node> {
    pub(crate) now: u64,
    pub(crate) queue: Queue,
    pub(crate) flights: Slab<Flight<N::Msg>>,
    pub(crate) links: Vec<Link<N::Msg>>,
    places: Vec<u16>,
    pub(crate) addrs: Vec<Addr>,
    pub(crate) calls: Vec<Call<N::Op, N::Ret>>,
    /// For each call, which of its client's it is.
    pub(crate) turns: Vec<u32>,
    pub(crate) order: u64,
    pub(crate) fresh: Vec<FreshRet>,
    /// Messages that a checker wants to see.
    pub(crate) watched: Option<Vec<(u16, Addr, N::Msg)>>,
    pub(crate) fate: Fate,
    pub(crate) rates: Rates,
    pub(crate) delay_from: u64,
    delay_span: u64,
    pub(crate) late_from: u64,
    pub(crate) late_span: u64,
    wire: bool,
    /// If links keep order: for each, when its last message arrives.
    pub(crate) fifo: Option<Vec<u64>>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Option<Digest>,
    pub(crate) recorder: Option<Box<Recorder<N>>>,
    pub(crate) violation: Option<Violation>,
    pub(crate) scripted: bool,
    pub(crate) next_id: u64,
    pub(crate) delivered: u64,
    pub(crate) answers: u64,
}

/// `NONE` in the table of places.
const NOBODY: u16 = u16::MAX;

impl<N: Node> Net<N> {
    pub(crate) fn new(scenario: &Scenario<N>, fate: Fate, scripted: bool) -> Self {
        let addrs: Vec<Addr> = scenario.places.iter().map(|p| p.addr).collect();
        let top = addrs.iter().map(|a| a.0 as usize).max().unwrap_or(0);
        let mut places = vec![NOBODY; top + 1];
        for (i, addr) in addrs.iter().enumerate() {
            assert!(
                places[addr.0 as usize] == NOBODY,
                "two nodes of the scenario have the address {addr}: give each its own"
            );
            places[addr.0 as usize] = i as u16;
        }
        let mut links = Vec::with_capacity(addrs.len() * addrs.len());
        for from in &addrs {
            for to in &addrs {
                links.push(Link {
                    base: Draw::key(MESSAGE, from.0, to.0, 0),
                    sent: 0,
                    cuts: 0,
                    told: None,
                });
            }
        }
        let count = links.len();
        let span = |r: &std::ops::Range<std::time::Duration>| {
            let from = micros(r.start);
            (from, micros(r.end).saturating_sub(from).max(1))
        };
        let (delay_from, delay_span) = span(&scenario.delay);
        let (late_from, late_span) = span(&scenario.faults.late_by);
        Net {
            now: 0,
            queue: Queue::default(),
            flights: Slab::default(),
            links,
            places,
            addrs,
            calls: Vec::new(),
            turns: Vec::new(),
            order: 0,
            fresh: Vec::new(),
            watched: None,
            fate,
            rates: Rates::of(&scenario.faults),
            delay_from,
            delay_span,
            late_from,
            late_span,
            wire: scenario.wire,
            fifo: scenario.fifo.then(|| vec![0; count]),
            bytes: Vec::new(),
            digest: None,
            recorder: None,
            violation: None,
            scripted,
            next_id: 0,
            delivered: 0,
            answers: 0,
        }
    }

    #[inline]
    pub(crate) fn place(&self, addr: Addr) -> Option<u16> {
        let place = *self.places.get(addr.0 as usize)?;
        (place != NOBODY).then_some(place)
    }

    pub(crate) fn link(&mut self, from: u16, to: u16) -> &mut Link<N::Msg> {
        let n = self.addrs.len();
        &mut self.links[usize::from(from) * n + usize::from(to)]
    }

    pub(crate) fn told(&mut self, from: u16, to: u16) -> &mut Told<N::Msg> {
        self.link(from, to).told.get_or_insert_default()
    }

    pub(crate) fn fail(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    pub(crate) fn send(&mut self, from: u16, to_addr: Addr, msg: N::Msg) {
        let Some(to) = self.place(to_addr) else {
            let me = self.addrs[usize::from(from)];
            let text = format!(
                "{me} sends to {to_addr}, and there is no such node: check its address book"
            );
            self.fail(Violation::new("the kit: known addresses", text).at([me]));
            return;
        };
        let msg = if self.wire {
            self.cross(from, msg)
        } else {
            msg
        };
        if let Some(digest) = &mut self.digest {
            digest.add(u64::from(from) << 16 | u64::from(to));
            msg.hash(digest);
        }
        if let Some(watched) = &mut self.watched {
            watched.push((from, to_addr, msg.clone()));
        }
        self.next_id += 1;
        let id = self.next_id;
        let link = self.link(from, to);
        let (nth, cut) = (link.sent, link.cuts > 0);
        let key = link.base.wrapping_add(nth);
        link.sent += 1;
        let flight = Flight {
            from,
            to,
            nth: nth as u32 & !COPY,
            id,
            msg,
        };
        if let Some(recorder) = &mut self.recorder {
            let (a, b) = (self.addrs[usize::from(from)], to_addr);
            recorder.send(self.now, a, b, flight.id, &flight.msg);
        }
        if self.scripted {
            return self.route_told(flight);
        }
        if cut {
            return self.lose(&flight);
        }
        let draw = Draw::new(self.fate.seed, key);
        let delay = self.delay_from + draw.again(1).below(self.delay_span);
        if self.rates.any && !self.fate.calm && from != to {
            return self.route_faulty(flight, nth, draw, delay);
        }
        self.put(flight, delay);
    }

    pub(crate) fn answer(&mut self, from: u16, id: OpId, value: N::Ret, last: bool) {
        let me = self.addrs[usize::from(from)];
        let number = usize::try_from(id.number()).unwrap_or(usize::MAX);
        let inner = id == OpId::inner(id.number());
        let known = self.calls.get(number).filter(|c| c.node == me && !inner);
        let Some(call) = known else {
            let text = format!("{me} answers {value:?} to {id:?}, which no client has asked");
            return self.fail(Violation::new("the kit: answers to questions", text).at([me]));
        };
        if call.gone {
            return; // Nobody is there to hear it.
        }
        if call.done {
            let text = format!(
                "{me} answers {:?} twice; the second time: {value:?}",
                call.op
            );
            return self.fail(Violation::new("the kit: one last answer", text).at([me]));
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.ret(self.now, me, id.number(), &value);
        }
        if let Some(digest) = &mut self.digest {
            digest.add(id.number() << 1 | u64::from(last));
            value.hash(digest);
        }
        self.order += 1;
        self.answers += 1;
        let call = &mut self.calls[number];
        call.rets.push(Ret {
            value,
            at: SimTime(self.now),
            order: self.order,
        });
        call.done = last;
        self.fresh.push(FreshRet {
            call: number,
            ret: call.rets.len() - 1,
        });
        if last && let Some(client) = call.client {
            self.queue.push(self.now, What::Turn(client));
        }
    }
}
