//! [`State`]: one world of the explorer, cheap to copy and to hash.
//!
//! What a step does not touch is shared with the state before it, and its hash is kept beside it.

use super::fasthash::{FastHasher, fingerprint};
use super::scope::{Budget, MAX_CLIENTS, Scope};
use crate::call::Call;
use crate::check::{Look, Violation};
use crate::clock::Clock;
use crate::machine::Machine;
use crate::time::{SimTime, micros};
use node::driver::Moment;
use node::{Addr, LocalTime, Node, OpId};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// A message under way.
pub(super) struct Packet<M> {
    pub(super) hash: u64,
    pub(super) from: Addr,
    pub(super) to: usize,
    pub(super) msg: M,
}

/// A timer and when it is due; in untimed mode always at 0.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pending<T> {
    pub(super) timer: T,
    pub(super) due: LocalTime,
}

/// One node with all that belongs to it.
pub(super) struct Seat<N: Node> {
    pub(super) machine: Machine<N>,
    pub(super) clock: Clock,
    /// Sorted.
    pub(super) timers: Vec<Pending<N::Timer>>,
    pub(super) view: Option<N::View>,
    hash: u64,
}

impl<N: Node> Seat<N> {
    /// `now` is true time.
    pub(super) fn new(
        machine: Machine<N>,
        clock: Clock,
        timers: Vec<Pending<N::Timer>>,
        now: u64,
    ) -> Self {
        let mut hasher = FastHasher::default();
        machine.hash(&mut hasher);
        timers.hash(&mut hasher);
        clock.hash(&mut hasher);
        Seat {
            view: machine.view(clock.local(now)),
            machine,
            clock,
            timers,
            hash: hasher.finish(),
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.machine.is_up() && !self.machine.is_paused()
    }

    pub(super) fn moment(&self, now: u64) -> Moment {
        Moment {
            me: self.machine.addr(),
            now: self.clock.local(now),
            wall: self.clock.wall(now),
        }
    }
}

/// Where a client of the scope stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct ClientState {
    /// Operations asked.
    pub(super) asked: u8,
    /// The number of the one without an answer, counted from 1; 0 if there is none.
    open: u8,
}

impl ClientState {
    /// The number of its operation without an answer.
    pub(super) fn open(self) -> Option<u8> {
        self.open.checked_sub(1)
    }
}

/// The small things of a state.
#[derive(Clone, Copy)]
pub(super) struct Rest {
    pub(super) left: Budget,
    pub(super) tick: u32,
    /// Operations asked since the start, by all clients.
    pub(super) asked: u8,
    /// Those of them that had their last answer, as bits.
    pub(super) done: u64,
    pub(super) clients: [ClientState; MAX_CLIENTS],
}

impl Rest {
    pub(super) fn new(left: Budget) -> Self {
        Rest {
            left,
            tick: 0,
            asked: 0,
            done: 0,
            clients: Default::default(),
        }
    }

    /// A client asks its next operation.
    pub(super) fn ask(&mut self, client: usize) {
        self.asked += 1;
        let mine = &mut self.clients[client];
        mine.asked += 1;
        mine.open = self.asked;
    }

    /// A client does not wait any more.
    pub(super) fn hang_up(&mut self, client: usize) {
        self.clients[client].open = 0;
    }
}

pub(super) struct State<N: Node, C> {
    pub(super) seats: Vec<Rc<Seat<N>>>,
    /// Sorted by hash.
    pub(super) net: Vec<Rc<Packet<N::Msg>>>,
    pub(super) checker: C,
    pub(super) rest: Rest,
}

impl<N: Node, C: Hash> State<N, C> {
    /// What stands for the state in the set of those seen.
    pub(super) fn fingerprint(&self, clients: usize) -> u64 {
        let mut hasher = FastHasher::default();
        for seat in &self.seats {
            hasher.write_u64(seat.hash);
        }
        for packet in &self.net {
            hasher.write_u64(packet.hash);
        }
        hasher.write_usize(self.net.len());
        self.checker.hash(&mut hasher);
        self.rest.left.hash(&mut hasher);
        hasher.write_u64(u64::from(self.rest.tick) << 32 | u64::from(self.rest.asked));
        hasher.write_u64(self.rest.done);
        self.rest.clients[..clients].hash(&mut hasher);
        hasher.finish()
    }
}

/// What does not change from state to state.
pub(super) struct Ground<N: Node> {
    pub(super) scope: Scope<N>,
    pub(super) addrs: Vec<Addr>,
    /// True time at the start, in microseconds.
    pub(super) start: u64,
    /// Links that carry nothing.
    pub(super) cut: Vec<(Addr, Addr)>,
    /// The calls of the script that came before.
    pub(super) calls: Vec<Call<N::Op, N::Ret>>,
    /// Whether the checker watches messages.
    pub(super) watches: bool,
}

impl<N: Node> Ground<N> {
    pub(super) fn now(&self, rest: &Rest) -> u64 {
        let tick = self.scope.tick.map_or(0, |tick| micros(tick.len));
        self.start + u64::from(rest.tick) * tick
    }

    pub(super) fn place(&self, addr: Addr) -> Option<usize> {
        self.addrs.iter().position(|a| *a == addr)
    }
}

/// What checkers see of a state.
pub(super) struct Window<'a, N: Node> {
    pub(super) addrs: &'a [Addr],
    pub(super) seats: &'a [Rc<Seat<N>>],
    pub(super) now: u64,
}

impl<N: Node> Window<'_, N> {
    fn seat(&self, addr: Addr) -> Option<&Seat<N>> {
        let place = self.addrs.iter().position(|a| *a == addr)?;
        Some(&self.seats[place])
    }
}

impl<N: Node> Look<N> for Window<'_, N> {
    fn addrs(&self) -> &[Addr] {
        self.addrs
    }
    fn view(&self, addr: Addr) -> Option<&N::View> {
        self.seat(addr)?.view.as_ref()
    }
    fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime {
        self.seat(addr)
            .map_or(SimTime(self.now), |seat| seat.clock.true_time(local))
    }
    fn local_time(&self, addr: Addr) -> LocalTime {
        self.seat(addr)
            .map_or(LocalTime::default(), |seat| seat.clock.local(self.now))
    }
    fn calls(&self) -> &[Call<N::Op, N::Ret>] {
        &[]
    }
}

impl<N: Node> Ground<N> {
    /// Puts messages under way.
    pub(super) fn send<C>(
        &self,
        state: &mut State<N, C>,
        from: Addr,
        sends: &[(Addr, N::Msg)],
    ) -> Result<(), Violation> {
        for (addr, msg) in sends {
            let Some(to) = self.place(*addr) else {
                let text = format!(
                    "{from} sends to {addr}, and there is no such node: check its address book"
                );
                return Err(Violation::new("the kit: known addresses", text).at([from]));
            };
            if self.cut.contains(&(from, *addr)) {
                continue;
            }
            let hash = fingerprint(&(from, addr, msg));
            match state.net.binary_search_by_key(&hash, |p| p.hash) {
                Ok(_) if !self.scope.bag => {}
                Ok(at) | Err(at) => {
                    let msg = msg.clone();
                    let packet = Packet {
                        hash,
                        from,
                        to,
                        msg,
                    };
                    state.net.insert(at, Rc::new(packet));
                }
            }
        }
        Ok(())
    }

    /// An operation is answered. Whether anybody hears it.
    pub(super) fn answered(
        &self,
        rest: &mut Rest,
        node: Addr,
        id: OpId,
        last: bool,
    ) -> Result<bool, Violation> {
        let before = self.calls.len() as u64;
        let number = id.number();
        if let Some(call) = self.calls.get(number as usize) {
            return Ok(!call.done && !call.gone);
        }
        let asked = number
            .checked_sub(before)
            .and_then(|n| u8::try_from(n).ok());
        let known = asked.filter(|n| *n < rest.asked && id == OpId::external(number));
        let Some(asked) = known else {
            let text = format!("{node} answers {id:?}, which no client has asked");
            return Err(Violation::new("the kit: answers to questions", text).at([node]));
        };
        let bit = 1_u64 << asked;
        if rest.done & bit != 0 {
            let text = format!("{node} gives operation {number} a last answer twice");
            return Err(Violation::new("the kit: one last answer", text).at([node]));
        }
        let Some(client) = rest.clients.iter_mut().find(|c| c.open() == Some(asked)) else {
            return Ok(false);
        };
        if last {
            client.open = 0;
            rest.done |= bit;
        }
        Ok(true)
    }

    /// A node has crashed: nobody waits for its answers any more.
    pub(super) fn hang_up(&self, rest: &mut Rest, node: Addr) {
        for (client, asks) in rest.clients.iter_mut().zip(&self.scope.clients) {
            let asked = usize::from(client.asked).checked_sub(1);
            if asked.is_some_and(|i| asks[i].0 == node) {
                client.open = 0;
            }
        }
    }
}
