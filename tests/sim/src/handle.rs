//! One handler of one node: what it is called with, its effects, what becomes of its machine.

use crate::carrier::Carrier;
use crate::cause::Cause;
use crate::check::{Checker, Event, Violation};
use crate::machine::{Machine, Plan, Progress, Stop};
use crate::net::Flight;
use crate::panics::{self, Panic};
use crate::seat::Waiting;
use crate::trace::Kind;
use crate::world::{Core, World};
use node::driver::{Input, Output};
use node::{Node, OpId};
use std::hash::Hash;

impl<N: Node, C: Checker<N>> World<N, C> {
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
        seat.begin(&Cause::Boot);
        seat.clock.reset(now);
        seat.stopped = None;
        if std::mem::take(&mut seat.erased) {
            seat.machine.disk.erase();
        }
        let at = seat.moment(now);
        let result = seat.machine.boot(at, &mut seat.dice, out);
        let progress = self.settle(i, &Cause::Boot, result);
        self.after(i, Event::Boot);
        self.finish(i, progress);
    }

    /// A message has arrived (or waited for the node's resumption).
    pub(crate) fn on_message(&mut self, i: usize, flight: Flight<N::Msg>) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.recv(now, addr, flight.id);
        }
        self.core.net.delivered += 1;
        let (nth, msg) = (flight.nth, flight.msg);
        let kept = self.core.net.watched.is_some().then(|| msg.clone());
        let from = self.core.net.addrs[usize::from(flight.from)];
        let cause = Cause::Message { from: from.0, nth };
        let progress = self.step(i, &cause, Input::Message(from, msg));
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
        let progress = self.step(i, &Cause::Timer(&timer), Input::Timer(timer.clone()));
        self.after(i, Event::Timer(&timer));
        self.finish(i, progress);
    }

    /// The node is handed the call `id`.
    pub(crate) fn on_op(&mut self, i: usize, id: OpId) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        let place = id.number() as usize;
        let call = &self.core.net.calls[place];
        let (op, cause) = (
            call.op.clone(),
            Cause::Op(call.client, self.core.net.turns[place]),
        );
        if let Some(recorder) = self.recorder() {
            recorder.op(now, addr, id.number(), &op);
        }
        let progress = self.step(i, &cause, Input::Op(id, op.clone()));
        self.after(i, Event::Op { id, op: &op });
        self.finish(i, progress);
    }

    pub(crate) fn on_cancel(&mut self, i: usize, id: OpId) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            let text = format!("the client of operation {} goes away", id.number());
            recorder.begin_text(Kind::Note, now, addr, text);
        }
        let place = id.number() as usize;
        let client = self.core.net.calls[place].client;
        let cause = Cause::Cancel(client, self.core.net.turns[place]);
        let progress = self.step(i, &cause, Input::Cancel(id));
        self.after(i, Event::Cancel(id));
        self.finish(i, progress);
    }

    /// Hands `input` to a node, or lets it wait if the node is paused. A node that is down does not
    /// hear it.
    pub(crate) fn hand(&mut self, i: usize, input: Waiting<N>) {
        let seat = &mut self.core.seats[i];
        if seat.machine.is_paused() {
            seat.wait(input);
        } else if seat.machine.is_up() {
            self.take(i, input);
        } else if let Waiting::Message(flight) = input {
            self.core.net.lose(&flight);
        }
    }

    pub(crate) fn take(&mut self, i: usize, input: Waiting<N>) {
        match input {
            Waiting::Message(flight) => self.on_message(i, flight),
            Waiting::Timer(timer) => self.on_timer(i, timer),
            Waiting::Op(id) => self.on_op(i, id),
            Waiting::Cancel(id) => self.on_cancel(i, id),
        }
    }

    /// Handles what has waited, as long as the node is neither down nor paused again.
    pub(crate) fn catch_up(&mut self, i: usize) {
        while !self.failed() && self.core.seats[i].is_ready() {
            let Some(input) = self.core.seats[i].next_waiting() else {
                return;
            };
            self.take(i, input);
        }
    }

    pub(crate) fn step(
        &mut self,
        i: usize,
        cause: &Cause<'_, N::Timer>,
        input: Input<N::Msg, N::Timer, N::Op>,
    ) -> Progress {
        let Core {
            seats, out, net, ..
        } = &mut self.core;
        let seat = &mut seats[i];
        seat.begin(cause);
        let at = seat.moment(net.now);
        let result = seat.machine.handle(at, &mut seat.dice, input, out);
        self.settle(i, cause, result)
    }

    /// After a handler: its timers, then its effects.
    pub(crate) fn settle(
        &mut self,
        i: usize,
        cause: &Cause<'_, N::Timer>,
        result: Result<(), Panic>,
    ) -> Progress {
        self.core.handlers += 1;
        if let Err(panic) = result {
            self.core.out = Output::default();
            if self.core.scenario.is_stop(&panic) {
                panics::forgive(&panic);
                self.core.seats[i].stopped = Some(panic.message.clone());
                let progress = Progress::Stopped(Stop::Said(panic.message));
                self.fallen(i, &progress);
                return progress;
            }
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
            self.plan(i, cause)
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
        run: impl FnOnce(&mut Machine<N>, &mut Carrier<'_, N>) -> T,
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
            told_syncs: &mut seat.told_syncs,
            faults: &scenario.faults,
        };
        run(&mut seat.machine, &mut host)
    }

    pub(crate) fn panicked(&mut self, i: usize, panic: Panic) {
        let addr = self.addr(i);
        let place = panic.location.as_deref().unwrap_or("an unknown place");
        let text = format!("{addr} panicked at {place}: {}", panic.message);
        self.fail(addr, Violation::new("the kit: no panic", text).at([addr]));
        self.core.panic.get_or_insert(panic);
    }

    /// A machine that was cut, or that stopped itself, shows nothing from here on.
    pub(crate) fn fallen(&mut self, i: usize, progress: &Progress) {
        if matches!(progress, Progress::Cut | Progress::Stopped(_)) {
            let draw = self.mid_handler_draw(i).again(9);
            self.fall(i, draw);
        }
    }

    /// After the checkers have seen the handler: what became of the machine in it.
    pub(crate) fn finish(&mut self, i: usize, progress: Progress) {
        match progress {
            Progress::Done | Progress::Held => {}
            Progress::Cut => self.went_down(i, "between two effects of one handler"),
            Progress::Stopped(Stop::DiskFull(file)) => {
                self.went_down(i, &format!("at a write to {file}: the disk is full"));
            }
            Progress::Stopped(Stop::SyncFailed(file)) => {
                self.went_down(i, &format!("at the failed sync of {file}"));
            }
            Progress::Stopped(Stop::Said(why)) => {
                self.went_down(i, &format!("it stops itself and says: {why}"));
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
}
