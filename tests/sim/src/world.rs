//! [`World`]: nodes, network and true time, one event after the other. Random runs and scripts
//! both drive it.

use crate::call::Call;
use crate::carrier::Carrier;
use crate::chaos::Chaos;
use crate::check::{Checker, Event, Look, Step, Violation};
use crate::clients::Process;
use crate::fate::Fate;
use crate::machine::{Plan, Progress, Stop};
use crate::net::Net;
use crate::panics::Panic;
use crate::queue::What;
use crate::record::Recorder;
use crate::scenario::Scenario;
use crate::seat::{Seat, Waiting};
use crate::swarm::Failure;
use crate::time::{SimTime, micros};
use crate::trace::Kind;
use node::driver::{Input, Output};
use node::{Addr, LocalTime, Node, OpId};
use std::cell::{Cell, OnceCell};
use std::hash::Hash;
use std::sync::Arc;

/// All but the checkers.
pub(crate) struct Core<N: Node> {
    pub(crate) scenario: Arc<Scenario<N>>,
    pub(crate) seats: Vec<Seat<N>>,
    pub(crate) net: Net<N>,
    out: Output<N>,
    views: Vec<OnceCell<Option<N::View>>>,
    looked: Cell<bool>,
    pub(crate) handlers: u64,
    events_this_ms: u32,
    this_ms: u64,
    /// The handler that just ran was paused in its midst.
    stalled: bool,
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
        let violation = self.core.net.violation.take()?;
        let first = violation.nodes.first().copied();
        Some(Failure {
            violation,
            at: SimTime(self.core.net.now),
            node: self.core.failed_at.or(first).unwrap_or(Addr(0)),
            panic: self.core.panic.take(),
        })
    }

    /// Boots every node, in the scenario's order.
    pub(crate) fn boot_all(&mut self) {
        for i in 0..self.core.seats.len() {
            if !self.failed() {
                self.boot(i);
            }
        }
    }

    /// Starts a node that is down.
    pub(crate) fn boot(&mut self, i: usize) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin(Kind::Up, now, addr);
        }
        let Core { seats, out, .. } = &mut self.core;
        let seat = &mut seats[i];
        seat.clock.reset(now);
        if std::mem::take(&mut seat.erased) {
            seat.machine.disk.erase();
        }
        let at = seat.moment(now);
        let result = seat.machine.boot(at, &mut seat.dice, out);
        let progress = self.settle(i, result);
        self.after(i, Event::Boot);
        self.finish(i, progress);
    }

    /// A message has arrived (or waited for the node's resumption).
    pub(crate) fn on_message(&mut self, i: usize, from: u16, id: u64, msg: N::Msg) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.recv(now, addr, id);
        }
        self.core.net.delivered += 1;
        let kept = self.core.net.watched.is_some().then(|| msg.clone());
        let from = self.core.net.addrs[usize::from(from)];
        let progress = self.step(i, Input::Message(from, msg));
        let msg = kept.as_ref();
        self.after(i, Event::Message { from, msg });
        self.finish(i, progress);
    }

    pub(crate) fn on_timer(&mut self, i: usize, timer: N::Timer) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(digest) = &mut self.core.net.digest {
            digest.add(u64::from(addr.0));
            timer.hash(digest);
        }
        if let Some(recorder) = self.recorder() {
            recorder.timer(now, addr, &timer);
        }
        let progress = self.step(i, Input::Timer(timer.clone()));
        self.after(i, Event::Timer(&timer));
        self.finish(i, progress);
    }

    /// The node is handed the call `id`.
    pub(crate) fn on_op(&mut self, i: usize, id: OpId) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        let op = self.core.net.calls[id.number() as usize].op.clone();
        if let Some(recorder) = self.recorder() {
            recorder.op(now, addr, id.number(), &op);
        }
        let progress = self.step(i, Input::Op(id, op.clone()));
        self.after(i, Event::Op { id, op: &op });
        self.finish(i, progress);
    }

    pub(crate) fn on_cancel(&mut self, i: usize, id: OpId) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            let text = format!("the client of operation {} goes away", id.number());
            recorder.begin_text(Kind::Note, now, addr, text);
        }
        let progress = self.step(i, Input::Cancel(id));
        self.after(i, Event::Cancel(id));
        self.finish(i, progress);
    }

    /// Hands `input` to a node, or lets it wait if the node is paused. A node that is down does not
    /// hear it.
    pub(crate) fn hand(&mut self, i: usize, input: Waiting<N>) {
        let seat = &mut self.core.seats[i];
        if seat.machine.is_paused() {
            seat.waiting.push_back(input);
        } else if seat.machine.is_up() {
            self.take(i, input);
        } else if let Waiting::Message { from, id, msg } = input {
            let to = i as u16;
            let flight = crate::net::Flight { from, to, id, msg };
            self.core.net.lose(&flight);
        }
    }

    fn take(&mut self, i: usize, input: Waiting<N>) {
        match input {
            Waiting::Message { from, id, msg } => self.on_message(i, from, id, msg),
            Waiting::Timer(timer) => self.on_timer(i, timer),
            Waiting::Op(id) => self.on_op(i, id),
            Waiting::Cancel(id) => self.on_cancel(i, id),
        }
    }

    /// Handles what has waited, as long as the node is neither down nor paused again.
    pub(crate) fn catch_up(&mut self, i: usize) {
        while !self.failed() && self.core.seats[i].is_ready() {
            let Some(input) = self.core.seats[i].waiting.pop_front() else {
                return;
            };
            self.take(i, input);
        }
    }

    fn step(&mut self, i: usize, input: Input<N::Msg, N::Timer, N::Op>) -> Progress {
        let Core {
            seats, out, net, ..
        } = &mut self.core;
        let seat = &mut seats[i];
        seat.handlers += 1;
        let at = seat.moment(net.now);
        let result = seat.machine.handle(at, &mut seat.dice, input, out);
        self.settle(i, result)
    }

    /// After a handler: its timers, then its effects.
    fn settle(&mut self, i: usize, result: Result<(), Panic>) -> Progress {
        self.core.handlers += 1;
        if let Err(panic) = result {
            self.core.out = Output::default();
            self.panicked(i, panic);
            return Progress::Done;
        }
        if self.core.out.effects.len() > self.core.scenario.max_effects {
            let (addr, n) = (self.addr(i), self.core.out.effects.len());
            let text = format!("one handler of {addr} asks for {n} effects: a send loop?");
            self.fail(
                addr,
                Violation::new("the kit: no send loop", text).at([addr]),
            );
        }
        let plan = if self.core.out.effects.is_empty() {
            Plan::All
        } else {
            self.plan(i)
        };
        let (place, now) = (i as u16, self.core.net.now);
        let Core {
            seats, out, net, ..
        } = &mut self.core;
        if !out.timers.is_empty() {
            seats[i].change_timers(place, now, &mut out.timers, &mut net.queue);
        }
        if out.effects.is_empty() {
            return Progress::Done;
        }
        let mut effects = std::mem::take(&mut out.effects);
        let progress = self.with_host(i, |machine, host| {
            machine.carry_out(&mut effects, plan, host)
        });
        effects.clear();
        self.core.out.effects = effects;
        self.core.stalled = matches!(plan, Plan::PauseAt(_));
        self.fallen(i, &progress);
        progress
    }

    /// Lets a node's machine carry out effects.
    pub(crate) fn with_host<T>(
        &mut self,
        i: usize,
        run: impl FnOnce(&mut crate::machine::Machine<N>, &mut Carrier<'_, N>) -> T,
    ) -> T {
        let Core {
            seats,
            net,
            scenario,
            ..
        } = &mut self.core;
        let seat = &mut seats[i];
        let mut host = Carrier {
            net,
            from: i as u16,
            epoch: seat.epoch,
            syncs: &mut seat.syncs,
            slow_next: &mut seat.slow_next,
            fail_next: &mut seat.fail_next_sync,
            faults: &scenario.faults,
        };
        run(&mut seat.machine, &mut host)
    }

    fn panicked(&mut self, i: usize, panic: Panic) {
        let addr = self.addr(i);
        let place = panic.location.as_deref().unwrap_or("an unknown place");
        let text = format!("{addr} panicked at {place}: {}", panic.message);
        self.fail(addr, Violation::new("the kit: no panic", text).at([addr]));
        self.core.panic.get_or_insert(panic);
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

    /// A machine that was cut, or that stopped itself, shows nothing from here on.
    fn fallen(&mut self, i: usize, progress: &Progress) {
        if matches!(progress, Progress::Cut | Progress::Stopped(_)) {
            let draw = self.mid_handler_draw(i).again(9);
            self.fall(i, draw);
        }
    }

    /// After the checkers have seen the handler: what became of the machine in it.
    fn finish(&mut self, i: usize, progress: Progress) {
        match progress {
            Progress::Done | Progress::Held => {}
            Progress::Cut => self.went_down(i, "between two effects of one handler"),
            Progress::Stopped(Stop::DiskFull(file)) => {
                self.went_down(i, &format!("at a write to {file}: the disk is full"));
            }
            Progress::Stopped(Stop::SyncFailed(file)) => {
                self.went_down(i, &format!("at the failed sync of {file}"));
            }
        }
        if std::mem::take(&mut self.core.stalled) {
            self.stalled(i);
        }
    }

    /// The machine went on: what it held left, and perhaps it stopped at it.
    pub(crate) fn went_on(&mut self, i: usize, progress: Progress) {
        self.fallen(i, &progress);
        self.after(i, Event::Resume);
        self.finish(i, progress);
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
                    let (from, id, msg) = (f.from, f.id, f.msg);
                    let i = usize::from(f.to);
                    if self.core.seats[i].is_ready() {
                        self.on_message(i, from, id, msg);
                    } else {
                        self.hand(i, Waiting::Message { from, id, msg });
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

    /// Lets a client ask; the call's number is its name.
    pub(crate) fn ask(&mut self, i: usize, op: N::Op, client: Option<u32>, process: u64) -> OpId {
        let net = &mut self.core.net;
        let id = OpId::external(net.calls.len() as u64);
        net.order += 1;
        net.calls.push(Call {
            id,
            process,
            client,
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
