//! A schedule of the explorer, played in the simulator: the same machines, another driver, and a trace.

use super::choice::{Act, BadSync, Choice, Drawn};
use super::{Explored, Outside, Scope, Verdict, explore_from};
use crate::check::Checker;
use crate::machine::{Plan, SyncFate};
use crate::queue::What;
use crate::scenario::Scenario;
use crate::script::{Played, Script};
use crate::seat::Waiting;
use crate::time::micros;
use node::{Addr, Node};

/// In untimed schedules all happens at one moment; a trace shows the steps so far apart.
const STEP_MICROS: u64 = 1000;

/// Plays a schedule from the moment when all nodes of `scenario` have booted. A broken invariant is the result's
/// `failure`, and what happened its `trace`.
pub fn replay<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    scope: &Scope<N>,
    schedule: &[Choice],
) -> Played<()> {
    Script::play(scenario, checker, "the schedule can be followed", |w| {
        w.follow(scope, schedule, |_| ());
    })
}

/// The time that passes in a step; `None` if it is a step of another kind.
fn passes<N: Node>(scope: &Scope<N>, act: &Act) -> Option<u64> {
    match act {
        Act::Tick => Some(scope.tick.map_or(0, |tick| micros(tick.len))),
        Act::Outside(Outside::Wait(time)) => Some(micros(*time)),
        _ => None,
    }
}

/// How long after its moment the `nth` step of it is shown: the steps of one moment lie apart, and before the next.
fn shift<N: Node>(scope: &Scope<N>, left: &[Choice], nth: u64) -> u64 {
    let now = left.iter().position(|c| passes(scope, &c.act).is_some());
    let until = now.and_then(|i| passes(scope, &left[i].act));
    let share = |len: u64| len / (now.unwrap_or(left.len()) as u64 + nth + 1);
    match (scope.tick, until) {
        (Some(tick), until) => share(until.unwrap_or(micros(tick.len))) * nth,
        (None, Some(until)) => share(until).min(STEP_MICROS) * nth,
        (None, None) => STEP_MICROS * nth,
    }
}

impl<N: Node, C: Checker<N>> Script<N, C> {
    /// Tries every order of events in `scope` from here on; the script stays where it is. A counterexample is printed
    /// and ends the script as a failure; so does a search that gave up, which is no pass.
    #[track_caller]
    pub fn explore(&mut self, scope: &Scope<N>) -> Explored {
        if let Some(schedule) = self.told_schedule() {
            self.follow(scope, &schedule, |_| ());
            self.fail("the schedule of LAB_SCHEDULE breaks no invariant".to_owned());
        }
        let seen = match explore_from(self.snapshot(), scope) {
            Ok(seen) => seen,
            Err(why) => self.fail(why.to_string()),
        };
        match &seen.verdict {
            Verdict::Exhausted => seen,
            Verdict::Unknown(_) => self.give_up(seen.to_string()),
            Verdict::Violated(found) => {
                let places = self.world.core.scenario.places.iter();
                let nodes: Vec<_> = places
                    .map(|p| format!("{} is {}", p.addr.0, p.name))
                    .collect();
                println!("{found}\nin which {}", nodes.join(", "));
                self.follow(scope, &found.schedule, |_| ());
                self.world.end();
                self.go_on();
                let text = format!(
                    "a kit's error: the explorer found this, and the simulator does not: {found}"
                );
                self.fail(text)
            }
        }
    }

    fn told_schedule(&mut self) -> Option<Vec<Choice>> {
        let path = std::env::var_os("LAB_SCHEDULE")?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(why) => self.fail(format!("the schedule {path:?} cannot be read: {why}")),
        };
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        match lines.map(str::parse).collect() {
            Ok(schedule) => Some(schedule),
            Err(why) => self.fail(format!("{path:?}: {why}")),
        }
    }

    /// Plays a schedule. `scope` must be the one that it was found in; `after` is called after every step.
    #[track_caller]
    pub fn follow(&mut self, scope: &Scope<N>, schedule: &[Choice], mut after: impl FnMut(&Self)) {
        self.catch_messages();
        let mut clients = vec![(0, None); scope.clients.len()];
        let mut left = schedule;
        let mut nth = 0;
        while let [choice, rest @ ..] = left {
            nth += 1;
            if let Some(recorder) = self.world.recorder() {
                recorder.shift = shift(scope, left, nth);
            }
            match passes(scope, &choice.act) {
                // Nothing happens in it: what is due fires in steps of its own.
                Some(len) => {
                    self.world.core.net.now += len;
                    nth = 0;
                }
                None => self.step(scope, choice, &mut clients),
            }
            self.go_on();
            after(self);
            left = rest;
        }
    }

    /// From here on every message waits until it is delivered by name.
    fn catch_messages(&mut self) {
        self.hold_all();
        let net = &mut self.world.core.net;
        let mut others = Vec::new();
        while let Some((at, what)) = net.queue.pop_until(u64::MAX) {
            let What::Flight(place) = what else {
                others.push((at, what));
                continue;
            };
            if let Some(flight) = net.flights.take(place) {
                net.told(flight.from, flight.to).waiting.push_back(flight);
            }
        }
        for (at, what) in others {
            net.queue.push(at, what);
        }
        for link in &mut net.links {
            if let Some(told) = &mut link.told {
                (told.drop_next, told.duplicate_next) = (0, None);
                told.waiting.make_contiguous().sort_by_key(|f| f.id);
            }
        }
        for i in 0..self.world.core.seats.len() {
            for waiting in self.world.core.seats[i].take_waiting() {
                match waiting {
                    Waiting::Message(flight) => {
                        let told = self.world.core.net.told(flight.from, flight.to);
                        told.waiting.push_back(flight);
                    }
                    Waiting::Timer(timer) => {
                        let (now, seat) = (self.world.core.net.now, &mut self.world.core.seats[i]);
                        let (due, known) = (seat.clock.local(now), &mut seat.timers);
                        match known.iter_mut().find(|p| p.timer == timer) {
                            Some(pending) => (pending.active, pending.due) = (true, due),
                            None => self.fail(format!("{timer:?} was never set")),
                        }
                    }
                    // The explorer knows the calls of its own clients only: this one is handled on resume.
                    other => self.world.core.seats[i].wait(other),
                }
            }
        }
    }

    #[track_caller]
    fn step(
        &mut self,
        scope: &Scope<N>,
        choice: &Choice,
        clients: &mut [(usize, Option<node::OpId>)],
    ) {
        if let Some(node) = self.steps_at(choice, scope, clients) {
            self.tell_fate(node, choice);
        }
        match &choice.act {
            Act::Deliver {
                from,
                to,
                msg,
                stays,
            } => {
                if *stays {
                    self.double(*from, *to, msg);
                }
                self.deliver(*from, *to, |m| format!("{m:?}") == *msg);
            }
            Act::Lose { from, to, msg } => self.lose(*from, *to, |m| format!("{m:?}") == *msg),
            Act::Fire { node, timer } => {
                let pending = self.timers(*node).into_iter();
                let timer = pending.into_iter().find(|t| format!("{t:?}") == *timer);
                match timer.cloned() {
                    Some(timer) => self.fire(*node, &timer),
                    None => self.fail(format!("`{choice}`: no such timer is pending")),
                }
            }
            Act::Tick => {}
            Act::Outside(what) => self.outside(*what),
            Act::Ask { client, .. } => {
                let asks = scope.clients.get(*client).zip(clients.get_mut(*client));
                match asks.and_then(|(asks, (asked, open))| Some((asks.get(*asked)?, asked, open)))
                {
                    Some(((node, op), asked, open)) => {
                        *asked += 1;
                        *open = Some(self.op(*node, op.clone()));
                    }
                    None => self.fail(format!("`{choice}`: the scope has no such operation")),
                }
            }
            Act::Cancel { client } => match clients.get(*client).and_then(|c| c.1) {
                Some(id) => self.cancel(id),
                None => self.fail(format!("`{choice}`: that client has asked nothing")),
            },
            Act::Crash(node) => {
                let kept = choice.fate.kept.clone();
                self.crash_keeping(*node, |file| {
                    let of = kept.iter().find(|(name, _)| **name == *file);
                    of.map_or(crate::disk::Kept::SYNCED, |(_, kept)| *kept)
                });
            }
            Act::Restart(node) => self.restart(*node),
            Act::Amnesia(node) => self.restart_with_amnesia(*node),
            Act::Pause(node) => self.pause(*node),
            Act::Resume(node) => self.resume(*node),
            Act::FinishSync(node) => self.finish_sync(*node),
        }
    }

    /// The node whose handler runs in this step, or whose held effects leave.
    fn steps_at(
        &self,
        choice: &Choice,
        scope: &Scope<N>,
        clients: &[(usize, Option<node::OpId>)],
    ) -> Option<Addr> {
        match &choice.act {
            Act::Deliver { to, .. } => Some(*to),
            Act::Ask { node, .. } | Act::Fire { node, .. } => Some(*node),
            Act::Cancel { client } => {
                let asked = clients.get(*client)?.0.checked_sub(1)?;
                Some(scope.clients.get(*client)?.get(asked)?.0)
            }
            Act::Restart(node) | Act::Amnesia(node) | Act::Resume(node) | Act::FinishSync(node) => {
                Some(*node)
            }
            Act::Lose { .. } | Act::Tick | Act::Crash(_) | Act::Pause(_) | Act::Outside(_) => None,
        }
    }

    /// Sets up how the next handler of `node` goes.
    fn tell_fate(&mut self, node: Addr, choice: &Choice) {
        let i = self.place(node);
        let seat = &mut self.world.core.seats[i];
        seat.dice.told_choice.clear();
        seat.dice.told_within.clear();
        for draw in &choice.fate.draws {
            match draw {
                Drawn::Number(n) => seat.dice.told_choice.push_back(*n),
                Drawn::Time(time) => seat.dice.told_within.push_back(*time),
            }
        }
        let plan = choice.fate.plan;
        seat.armed = (plan != Plan::All).then_some(plan);
        seat.told_syncs.clear();
        if let Some((nth, bad)) = choice.fate.sync {
            seat.told_syncs.extend(vec![SyncFate::Durable; nth]);
            seat.told_syncs.push_back(match bad {
                BadSync::Slow => SyncFate::Slow,
                BadSync::Failed => SyncFate::Failed,
            });
        }
        seat.told_kept.clone_from(&choice.fate.kept);
    }

    /// The network makes a copy of a message that waits.
    fn double(&mut self, from: Addr, to: Addr, msg: &str) {
        let (a, b) = (self.place(from) as u16, self.place(to) as u16);
        let net = &mut self.world.core.net;
        let waiting = &net.told(a, b).waiting;
        let found = waiting.iter().find(|f| format!("{:?}", f.msg) == msg);
        if let Some(flight) = found.cloned() {
            let copy = net.copy(&flight);
            net.told(a, b).waiting.push_back(copy);
        }
    }
}
