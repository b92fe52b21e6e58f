//! [`State`]: one world of the explorer, cheap to copy and to hash.
//!
//! What a step does not touch is shared with the state before it, and its hash is kept beside it.

use super::fasthash::FastHasher;
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
    /// Of all but the timers and what it shows.
    pub(super) core: u64,
    pub(super) hash: u64,
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
        clock.hash(&mut hasher);
        let core = hasher.finish();
        timers.hash(&mut hasher);
        Seat {
            core,
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

    pub(super) fn hash_into(&self, hasher: &mut FastHasher, clients: usize) {
        self.left.hash(hasher);
        hasher.write_u64(u64::from(self.tick) << 32 | u64::from(self.asked));
        if clients > 0 {
            hasher.write_u64(self.done);
            self.clients[..clients].hash(hasher);
        }
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
    /// The sums of the seats' and messages' hashes: a step changes a sum by what it changed.
    pub(super) seats_sum: u64,
    pub(super) net_sum: u64,
}

impl<N: Node, C> State<N, C> {
    pub(super) fn new(
        seats: Vec<Rc<Seat<N>>>,
        net: Vec<Rc<Packet<N::Msg>>>,
        checker: C,
        rest: Rest,
    ) -> Self {
        let sum = |hashes: &mut dyn Iterator<Item = u64>| hashes.fold(0, u64::wrapping_add);
        State {
            seats_sum: sum(&mut seats.iter().map(|seat| seat.hash)),
            net_sum: sum(&mut net.iter().map(|packet| packet.hash)),
            seats,
            net,
            checker,
            rest,
        }
    }
}

impl<N: Node, C: Clone> State<N, C> {
    pub(super) fn copy(&self) -> Self {
        let (seats, net) = (self.seats.clone(), self.net.clone());
        State::new(seats, net, self.checker.clone(), self.rest)
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
    /// What a node says that stops itself on purpose.
    pub(super) stops: Vec<&'static str>,
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
    /// The one that has just stepped, in place of that in `seats`.
    pub(super) stepped: Option<(usize, &'a Seat<N>)>,
    pub(super) now: u64,
}

impl<N: Node> Window<'_, N> {
    fn seat(&self, addr: Addr) -> Option<&Seat<N>> {
        let place = self.addrs.iter().position(|a| *a == addr)?;
        match self.stepped {
            Some((stepped, seat)) if stepped == place => Some(seat),
            _ => Some(&self.seats[place]),
        }
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
