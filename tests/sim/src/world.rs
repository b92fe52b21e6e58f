//! [`World`]: nodes, network and true time, one event after the other. Random runs and scripts
//! both drive it.

use crate::call::Call;
use crate::chaos::Chaos;
use crate::check::{Checker, Event, Look, Step, Violation};
use crate::clients::Process;
use crate::fate::Fate;
use crate::net::Net;
use crate::panics::Panic;
use crate::queue::What;
use crate::record::Recorder;
use crate::scenario::Scenario;
use crate::seat::{Seat, Waiting};
use crate::swarm::Failure;
use crate::time::{SimTime, micros};
use node::driver::Output;
use node::{Addr, LocalTime, Node, OpId};
use std::cell::{Cell, OnceCell};
use std::sync::Arc;

/// All but the checkers.
pub(crate) struct Core<N: Node> {
    pub(crate) scenario: Arc<Scenario<N>>,
    pub(crate) seats: Vec<Seat<N>>,
    pub(crate) net: Net<N>,
    pub(crate) out: Output<N>,
    views: Vec<OnceCell<Option<N::View>>>,
    looked: Cell<bool>,
    pub(crate) handlers: u64,
    events_this_ms: u32,
    this_ms: u64,
    /// The handler that just ran was paused in its midst.
    pub(crate) stalled: bool,
    pub(crate) chaos: Chaos,
    pub(crate) clients: Vec<Process<N>>,
    /// The handler's panic, if that is the violation.
    pub(crate) panic: Option<Panic>,
    /// Where the violation was seen.
    pub(crate) failed_at: Option<Addr>,
}

impl<N: Node> Look<N> for Core<N> {
    fn addrs(&self) -> &[Addr] {
        &self.net.addrs
    }
    fn view(&self, addr: Addr) -> Option<&N::View> {
        let i = usize::from(self.net.place(addr)?);
        self.looked.set(true);
        let seat = &self.seats[i];
        let view = || seat.machine.view(seat.clock.local(self.net.now));
        self.views[i].get_or_init(view).as_ref()
    }
    fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime {
        match self.net.place(addr) {
            Some(i) => self.seats[usize::from(i)].clock.true_time(local),
            None => SimTime(self.net.now),
        }
    }
    fn local_time(&self, addr: Addr) -> LocalTime {
        match self.net.place(addr) {
            Some(i) => self.seats[usize::from(i)].clock.local(self.net.now),
            None => LocalTime::default(),
        }
    }
    fn calls(&self) -> &[Call<N::Op, N::Ret>] {
        &self.net.calls
    }
}

impl<N: Node> Core<N> {
    /// How many effects the handler that just ran asked for.
    pub(crate) fn effects(&self) -> usize {
        self.out.effects.len()
    }

    /// Forgets the views that were looked at: something has changed.
    #[inline]
    fn refresh(&mut self) {
        if self.looked.replace(false) {
            for view in &mut self.views {
                view.take();
            }
        }
    }
}

/// A core with its checkers.
pub(crate) struct World<N: Node, C> {
    pub(crate) core: Core<N>,
    pub(crate) checker: C,
}

impl<N: Node, C: Checker<N>> World<N, C> {
    /// A world before its nodes have booted. Without a seed it is a script's.
    pub(crate) fn new(
        scenario: Arc<Scenario<N>>,
        checker: C,
        seed: Option<u64>,
        fate: Fate,
    ) -> Self {
        let mut net = Net::new(&scenario, fate, seed.is_none());
        net.watched = checker.watches_messages().then(Vec::new);
        let seats: Vec<Seat<N>> = scenario
            .places
            .iter()
            .map(|p| Seat::new(p.addr, p.cfg.clone(), p.disk, seed))
            .collect();
        let views = seats.iter().map(|_| OnceCell::new()).collect();
        let core = Core {
            scenario,
            seats,
            net,
            out: Output::default(),
            views,
            looked: Cell::new(false),
            handlers: 0,
            events_this_ms: 0,
            this_ms: 0,
            stalled: false,
            chaos: Chaos::default(),
            clients: Vec::new(),
            panic: None,
            failed_at: None,
        };
        World { core, checker }
    }

    pub(crate) fn record(&mut self, seed: Option<u64>) {
        let recorder = Recorder::new(&self.core.scenario, seed);
        self.core.net.recorder = Some(Box::new(recorder));
    }

    pub(crate) fn recorder(&mut self) -> Option<&mut Recorder<N>> {
        self.core.net.recorder.as_deref_mut()
    }

    pub(crate) fn addr(&self, i: usize) -> Addr {
        self.core.net.addrs[i]
    }

    pub(crate) fn failed(&self) -> bool {
        self.core.net.violation.is_some()
    }

    pub(crate) fn fail(&mut self, at: Addr, violation: Violation) {
        self.core.net.fail(violation);
        self.core.failed_at.get_or_insert(at);
    }

    /// Why the run failed, if it did.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        let mut violation = self.core.net.violation.take()?;
        violation.message = self.core.scenario.with_names(&violation.message);
        let first = violation.nodes.first().copied();
        Some(Failure {
            violation,
            at: SimTime(self.core.net.now),
            node: self.core.failed_at.or(first).unwrap_or(Addr(0)),
            panic: self.core.panic.take(),
        })
    }

    /// Shows the world to the checkers after an event of node `i`, then each fresh answer.
    pub(crate) fn after(&mut self, i: usize, event: Event<'_, N>) {
        self.core.refresh();
        if self.core.net.recorder.is_some() {
            self.record_view(i);
        }
        self.look(i, event);
        if let Some(sent) = self.core.net.watched.as_mut().map(std::mem::take) {
            for (from, to, msg) in &sent {
                self.look(usize::from(*from), Event::Sent { to: *to, msg });
            }
        }
        if self.core.net.fresh.is_empty() {
            return;
        }
        for fresh in std::mem::take(&mut self.core.net.fresh) {
            let call = &self.core.net.calls[fresh.call];
            let (id, last) = (call.id, call.done && fresh.ret + 1 == call.rets.len());
            let ret = call.rets[fresh.ret].value.clone();
            let ret = &ret;
            self.look(i, Event::Ret { id, ret, last });
        }
    }

    fn look(&mut self, i: usize, event: Event<'_, N>) {
        if self.failed() {
            self.core.failed_at.get_or_insert(self.core.net.addrs[i]);
            return;
        }
        let addr = self.core.net.addrs[i];
        let step = Step::new(SimTime(self.core.net.now), addr, event, &self.core);
        let result = self.checker.after(&step);
        if let Err(violation) = result {
            self.fail(addr, violation);
        }
    }

    fn record_view(&mut self, i: usize) {
        let Core { seats, net, .. } = &mut self.core;
        let seat = &seats[i];
        let view = seat.machine.view(seat.clock.local(net.now));
        if let Some(recorder) = &mut net.recorder {
            recorder.saw(seat.machine.addr(), view.as_ref(), &seat.clock);
        }
    }

    /// Carries out the next event at or before `until`; false if there is none.
    pub(crate) fn advance(&mut self, until: u64) -> bool {
        let Some((at, what)) = self.core.net.queue.pop_until(until) else {
            return false;
        };
        self.core.net.now = at;
        self.guard(at);
        match what {
            What::Flight(place) => {
                if let Some(f) = self.core.net.flights.take(place) {
                    let i = usize::from(f.to);
                    if self.core.seats[i].is_ready() {
                        self.on_message(i, f);
                    } else {
                        self.hand(i, Waiting::Message(f));
                    }
                }
            }
            What::Timer { seat, entry } => {
                let i = usize::from(seat);
                let Core { seats, net, .. } = &mut self.core;
                let due = seats[i].timer_due(seat, entry, at, &mut net.queue);
                if let Some(timer) = due {
                    self.hand(i, Waiting::Timer(timer));
                }
            }
            other => self.plan_comes_up(other),
        }
        true
    }

    fn guard(&mut self, at: u64) {
        if at / 1000 != self.core.this_ms {
            self.core.this_ms = at / 1000;
            self.core.events_this_ms = 0;
        }
        self.core.events_this_ms += 1;
        let most = self.core.scenario.max_events_per_ms;
        if self.core.events_this_ms > most {
            let addr = self.addr(0);
            let text = format!(
                "more than {most} events within one millisecond: a send loop, in which messages or \
                 timers make ever more of each other"
            );
            self.fail(addr, Violation::new("the kit: no send loop", text));
        }
    }

    /// Lets a client ask; the call's number is its name. `client`: its place, and which of its
    /// operations this is.
    pub(crate) fn ask(
        &mut self,
        i: usize,
        op: N::Op,
        client: Option<(u32, u32)>,
        process: u64,
    ) -> OpId {
        let net = &mut self.core.net;
        let id = OpId::external(net.calls.len() as u64);
        net.order += 1;
        net.turns
            .push(client.map_or(net.turns.len() as u32, |(_, nth)| nth));
        net.calls.push(Call {
            id,
            process,
            client: client.map(|(client, _)| client),
            node: net.addrs[i],
            op,
            asked: SimTime(net.now),
            asked_order: net.order,
            rets: Vec::new(),
            done: false,
            gone: false,
        });
        self.hand(i, Waiting::Op(id));
        id
    }

    /// What the run looks like when it is over.
    pub(crate) fn end(&mut self) {
        self.core.refresh();
        if self.failed() || self.core.seats.is_empty() {
            return;
        }
        if self.core.scenario.must_answer && !self.core.net.scripted {
            let open = self
                .core
                .net
                .calls
                .iter()
                .find(|c| !c.done && !c.gone && c.rets.is_empty());
            if let Some(call) = open {
                let (node, op, asked) = (call.node, call.op.clone(), call.asked);
                let text = format!("{node} was asked {op:?} at {asked} and never answered");
                self.fail(
                    node,
                    Violation::new("the kit: every operation is answered", text).at([node]),
                );
                return;
            }
        }
        let addr = self.addr(0);
        let step = Step::new(SimTime(self.core.net.now), addr, Event::End, &self.core);
        let result = self.checker.at_end(&step);
        if let Err(violation) = result {
            self.fail(addr, violation);
        }
    }

    pub(crate) fn horizon(&self) -> u64 {
        micros(self.core.scenario.horizon)
    }
}
