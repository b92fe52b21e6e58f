//! [`Script`]: a schedule written by hand: the test says what the network and the machines do.

mod machines;
mod network;

use crate::call::Call;
use crate::check::{Checker, Violation};
use crate::clock::Clock;
use crate::erased::Erased;
use crate::fate::Fate;
use crate::machine::Machine;
use crate::panics;
use crate::scenario::Scenario;
use crate::seat::{Seat, Waiting};
use crate::swarm::Failure;
use crate::time::{SimTime, micros};
use crate::trace::Trace;
use crate::world::World;
use node::{Addr, LocalTime, Node, OpId};
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A world that does what a test tells it to.
///
/// Nothing is random here: every message takes the scenario's shortest delay, clocks do not drift,
/// `set_timer_within` takes the start of its range and `choose` takes 0, unless the script says
/// otherwise. The checkers run after every event; a violation ends the script at once.
pub struct Script<N: Node, C: Checker<N>> {
    pub(crate) world: World<N, Erased<N>>,
    checker: PhantomData<fn() -> C>,
    label: String,
    pub(crate) checks: u64,
    failed_in: Option<String>,
    pub(crate) unknown: Option<String>,
}

/// What a script's end unwinds with; [`Script::play`] catches it.
struct Ended;

/// What came of a script.
pub struct Played<T> {
    /// What the schedule returned; `None` if it failed.
    pub value: Option<T>,
    /// How many of its expectations and events were looked at.
    pub checks: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// `file:line` of the verb in which it failed.
    pub location: Option<String>,
    /// Why it is not known whether it failed: a search in it gave up.
    pub unknown: Option<String>,
    /// What happened.
    pub trace: Trace,
}

/// All that a state of a run is made of: where an exploration may begin.
pub struct Snapshot<N: Node, C> {
    /// True time.
    pub now: SimTime,
    /// In the scenario's order.
    pub machines: Vec<Machine<N>>,
    /// Each node's clocks, in the scenario's order.
    pub(crate) clocks: Vec<Clock>,
    /// Pending timers and when they are due on their node's clock.
    pub timers: Vec<(Addr, N::Timer, LocalTime)>,
    /// Messages under way or held: sender, receiver, content.
    pub messages: Vec<(Addr, Addr, N::Msg)>,
    /// Links that are cut, in that direction.
    pub cut: Vec<(Addr, Addr)>,
    /// The calls so far.
    pub calls: Vec<Call<N::Op, N::Ret>>,
    /// What a node says that stops itself on purpose.
    pub(crate) stops: Vec<&'static str>,
    /// The checkers with their memory.
    pub checker: C,
}

impl<N: Node, C: Checker<N>> Script<N, C> {
    /// Boots the scenario's nodes and plays a schedule. A failed expectation names the invariant
    /// `label`.
    pub fn play<T>(
        scenario: &Scenario<N>,
        checker: C,
        label: &str,
        schedule: impl FnOnce(&mut Self) -> T,
    ) -> Played<T> {
        let fate = Fate {
            calm: true,
            ..Fate::default()
        };
        let mut world = World::new(Arc::new(scenario.clone()), Erased::new(checker), None, fate);
        world.record(None);
        let mut script = Script {
            world,
            checker: PhantomData,
            label: label.to_string(),
            checks: 0,
            failed_in: None,
            unknown: None,
        };
        let played = panics::caught(|| {
            script.world.boot_all();
            script.go_on();
            let value = schedule(&mut script);
            script.world.end();
            script.go_on();
            value
        });
        script.conclude(played)
    }

    fn conclude<T>(mut self, played: Result<T, panics::Panic>) -> Played<T> {
        if let Err(panic) = &played
            && !self.world.failed()
            && self.unknown.is_none()
        {
            // The schedule itself panicked, perhaps in a helper of the learner's.
            let place = panic.location.as_deref().unwrap_or("an unknown place");
            let text = format!("the test panicked at {place}: {}", panic.message);
            let addr = self.world.addr(0);
            self.world
                .fail(addr, Violation::new(self.label.clone(), text));
            self.world.core.panic = Some(panic.clone());
            self.failed_in = panic.location.clone();
        }
        let failure = self.world.take_failure();
        let recorder = self.world.core.net.recorder.take();
        let violation = failure.as_ref().map(|f| (f.at.as_micros(), &f.violation));
        let trace = recorder.map(|r| r.finish(violation, Vec::new()));
        Played {
            value: if failure.is_none() { played.ok() } else { None },
            checks: self.checks + self.world.core.handlers,
            failure,
            location: self.failed_in,
            unknown: self.unknown,
            trace: trace.expect("a script is always recorded"),
        }
    }

    /// Ends the script if an invariant is broken.
    #[track_caller]
    pub(crate) fn go_on(&mut self) {
        if self.world.failed() {
            let place = Location::caller();
            let place = format!("{}:{}", place.file(), place.line());
            self.failed_in.get_or_insert(place);
            resume_unwind(Box::new(Ended));
        }
    }

    /// Ends the script without a verdict.
    #[track_caller]
    pub(crate) fn give_up(&mut self, why: String) -> ! {
        let place = Location::caller();
        self.failed_in
            .get_or_insert(format!("{}:{}", place.file(), place.line()));
        self.unknown.get_or_insert(why);
        resume_unwind(Box::new(Ended))
    }

    #[track_caller]
    pub(crate) fn fail(&mut self, text: String) -> ! {
        let addr = self.world.addr(0);
        let violation = Violation::new(self.label.clone(), text);
        self.world.fail(addr, violation);
        self.go_on();
        unreachable!("the script has failed")
    }

    #[track_caller]
    pub(crate) fn place(&self, addr: Addr) -> usize {
        let place = self.world.core.net.place(addr);
        place.map_or_else(|| panic!("{addr} is no node of this scenario"), usize::from)
    }

    #[track_caller]
    fn link(&self, from: Addr, to: Addr) -> (u16, u16) {
        (self.place(from) as u16, self.place(to) as u16)
    }

    #[track_caller]
    fn seat(&mut self, addr: Addr) -> &mut Seat<N> {
        let i = self.place(addr);
        &mut self.world.core.seats[i]
    }

    #[track_caller]
    fn up(&mut self, addr: Addr) -> usize {
        let i = self.place(addr);
        if !self.world.core.seats[i].machine.is_up() {
            self.fail(format!("{addr} is down; it should be up here"));
        }
        i
    }

    /// A client asks the node; the operation's effects leave at once. Returns its name.
    #[track_caller]
    pub fn op(&mut self, node: Addr, op: N::Op) -> OpId {
        let i = self.up(node);
        let process = self.world.core.net.calls.len() as u64;
        let id = self.world.ask(i, op, None, process);
        self.go_on();
        id
    }
    /// The client of `id` goes away.
    #[track_caller]
    pub fn cancel(&mut self, id: OpId) {
        self.world.give_up(id.number() as usize);
        self.go_on();
    }
    /// The last answer to `id`, if it came.
    pub fn answer(&self, id: OpId) -> Option<&N::Ret> {
        self.world
            .core
            .net
            .calls
            .get(id.number() as usize)?
            .answer()
    }
    /// All answers to `id` so far.
    pub fn answers(&self, id: OpId) -> Vec<&N::Ret> {
        let call = self.world.core.net.calls.get(id.number() as usize);
        call.map_or_else(Vec::new, |c| c.rets.iter().map(|r| &r.value).collect())
    }
    /// Lets true time pass.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) {
        let until = self.world.core.net.now + micros(time);
        while self.world.advance(until) {
            self.go_on();
        }
        self.world.core.net.now = until;
    }
    /// Lets time pass until `done`, at most for `limit`; tells whether it came to that.
    #[track_caller]
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let until = self.world.core.net.now + micros(limit);
        while !done(self) {
            if !self.world.advance(until) {
                self.world.core.net.now = until;
                return done(self);
            }
            self.go_on();
        }
        true
    }
    /// Fires a pending timer of the node now, before it is due. Fails the test if it is not
    /// pending.
    #[track_caller]
    pub fn fire(&mut self, addr: Addr, timer: &N::Timer) {
        let i = self.up(addr);
        let timers = &mut self.world.core.seats[i].timers;
        let Some(pending) = timers.iter_mut().find(|p| p.active && p.timer == *timer) else {
            self.fail(format!(
                "{addr} has no timer {timer:?} pending; it should have one here"
            ));
        };
        pending.active = false;
        self.world.hand(i, Waiting::Timer(timer.clone()));
        self.go_on();
    }
    /// The node's pending timers.
    pub fn timers(&self, addr: Addr) -> Vec<&N::Timer> {
        let timers = self.world.core.seats[self.place(addr)].timers.iter();
        timers.filter(|p| p.active).map(|p| &p.timer).collect()
    }
    /// The node's view now; `None` if it is down or in the middle of a step.
    pub fn view(&self, addr: Addr) -> Option<N::View> {
        let seat = &self.world.core.seats[self.place(addr)];
        seat.machine.view(seat.clock.local(self.world.core.net.now))
    }
    /// True time.
    pub fn now(&self) -> SimTime {
        SimTime(self.world.core.net.now)
    }
    /// When, in true time, the node's clock shows `local`.
    pub fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime {
        let seat = &self.world.core.seats[self.place(addr)];
        seat.clock.true_time(local)
    }
    /// All calls so far.
    pub fn history(&self) -> &[Call<N::Op, N::Ret>] {
        &self.world.core.net.calls
    }
    /// Counts as a check; ends the script as a failure if it does not hold.
    #[track_caller]
    pub fn expect(&mut self, holds: bool, message: impl Display) {
        self.checks += 1;
        if !holds {
            self.fail(message.to_string());
        }
    }
    /// As [`Script::expect`] for two values that must be equal: `seen` and `wanted`.
    #[track_caller]
    pub fn expect_eq<T: PartialEq + Debug>(&mut self, seen: T, wanted: T, message: impl Display) {
        self.checks += 1;
        if seen != wanted {
            self.fail(format!("{message}: seen {seen:?}, wanted {wanted:?}"));
        }
    }
    /// The state now: where an exploration may begin.
    pub fn snapshot(&self) -> Snapshot<N, Erased<N>> {
        let core = &self.world.core;
        let addr = |i: u16| core.net.addrs[usize::from(i)];
        let mut flights: Vec<_> = core.net.flights.iter().collect();
        let told = core.net.links.iter().filter_map(|l| l.told.as_deref());
        flights.extend(told.flat_map(|t| t.waiting.iter()));
        flights.sort_by_key(|f| f.id);
        let n = core.seats.len() as u16;
        let links = (0..n).flat_map(|a| (0..n).map(move |b| (a, b)));
        let is_cut = |(a, b): &(u16, u16)| core.net.is_cut(*a, *b);
        let timers = core.seats.iter().flat_map(|s| {
            let active = s.timers.iter().filter(|p| p.active);
            let late = s.waiting.iter().filter_map(|w| match w {
                Waiting::Timer(timer) => Some((timer, s.clock.local(core.net.now))),
                _ => None,
            });
            let all = active.map(|p| (&p.timer, p.due)).chain(late);
            all.map(|(timer, due)| (s.machine.addr(), timer.clone(), due))
        });
        // What has arrived at a node that is paused is for the explorer still under way.
        let arrived = core.seats.iter().flat_map(|s| {
            let to = s.machine.addr();
            s.waiting.iter().filter_map(move |w| match w {
                Waiting::Message(f) => Some((addr(f.from), to, f.msg.clone())),
                _ => None,
            })
        });
        Snapshot {
            now: self.now(),
            machines: core.seats.iter().map(|s| s.machine.clone()).collect(),
            clocks: core.seats.iter().map(|s| s.clock).collect(),
            timers: timers.collect(),
            messages: flights
                .iter()
                .map(|f| (addr(f.from), addr(f.to), f.msg.clone()))
                .chain(arrived)
                .collect(),
            cut: links
                .filter(is_cut)
                .map(|(a, b)| (addr(a), addr(b)))
                .collect(),
            calls: core.net.calls.clone(),
            stops: core.scenario.stops.clone(),
            checker: self.world.checker.clone(),
        }
    }
}
