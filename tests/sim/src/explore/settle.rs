//! After a node's step: the world with its new machine, and what the checkers say to it.

use super::choice::{BadSync, Fate};
use super::draft::{Draft, is_plain};
use super::expand::{Broken, Explorer, Pick, Visit};
use super::run::{Job, Move};
use super::state::{Pending, Rest, Seat};
use crate::check::{Checker, Event, Step, Violation};
use crate::machine::{Machine, Plan};
use crate::time::SimTime;
use node::driver::{Input, TimerChange};
use node::{LocalTime, Node};
use std::ops::ControlFlow;

impl<N: Node> Explorer<N> {
    /// Puts the machine back into the world, with what it sent and answered, and asks the checkers.
    pub(super) fn settle<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        machine: Machine<N>,
        changes: &[TimerChange<N::Timer>],
        fate: &Fate,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        self.steps += 1;
        let mut rest = step.base.rest;
        pay(&mut rest, fate);
        let up = machine.is_up();
        let timers = match up {
            true => {
                let before = &step.state.seats[step.seat].timers;
                let mut timers = Vec::with_capacity(before.len() + changes.len());
                timers.extend_from_slice(before);
                if let Pick::Fire { timer, .. } = step.pick {
                    timers.remove(timer);
                }
                let ticks = self.ground.scope.tick.is_some();
                let now = ticks.then(|| step.clock.local(step.now));
                changed_timers(timers, changes, now)
            }
            false => Vec::new(),
        };
        let mut draft = Draft::new(step.state, step.base);
        draft.rest = rest;
        let seat = Seat::new(machine, step.clock, timers, step.now);
        draft.step(step.seat, seat);
        let node = self.ground.addrs[step.seat];
        let result = self
            .ground
            .known(node, &self.sends)
            .and_then(|()| self.tell(step, &mut draft, fate));
        let broken = result.err().map(|violation| Broken {
            violation,
            node,
            panic: None,
        });
        if self.thrifty && broken.is_none() && self.is_idle(step, &draft, fate) {
            return ControlFlow::Continue(());
        }
        draft.send(&self.ground, node, &mut self.sends);
        self.offer(step, fate, draft, broken, visit)
    }

    /// True for a step after which nothing is different but that a message is gone, or a timer that nobody has to wait
    /// for. All that can happen after it can happen without it, so no violation is missed and no shortest one grows.
    fn is_idle<C: Checker<N>>(
        &self,
        step: &Move<'_, N, C>,
        after: &Draft<'_, N, C>,
        fate: &Fate,
    ) -> bool {
        let scope = &self.ground.scope;
        let optional = match step.pick {
            Pick::Deliver { .. } => !scope.prompt,
            Pick::Fire { .. } => scope.tick.is_none(),
            _ => false,
        };
        let Some((old, new)) = after.both() else {
            return false;
        };
        optional
            && !scope.at_end
            && self.sends.is_empty()
            && self.rets.is_empty()
            && is_plain(fate)
            && new.core == old.core
            && new.timers.iter().all(|timer| old.timers.contains(timer))
            && (new.timers.len() == old.timers.len() || matches!(step.pick, Pick::Fire { .. }))
            && *after.checker() == step.state.checker
    }

    /// Shows the checkers what happened, in the simulator's order.
    fn tell<C: Checker<N>>(
        &self,
        step: &Move<'_, N, C>,
        draft: &mut Draft<'_, N, C>,
        fate: &Fate,
    ) -> Result<(), Violation> {
        let ground = &self.ground;
        let node = ground.addrs[step.seat];
        let (mut checker, mut rest) = (step.state.checker.clone(), draft.rest);
        let window = draft.window(ground, step.now);
        let up = draft.both().is_some_and(|(_, seat)| seat.machine.is_up());
        let stalled = up && matches!(fate.plan, Plan::PauseAt(_));
        let mut look = |event| checker.after(&Step::new(SimTime(step.now), node, event, &window));
        match &step.job {
            Job::Boot { .. } => look(Event::Boot)?,
            Job::Input(Input::Message(from, msg)) => {
                let msg = ground.watches.then_some(msg);
                look(Event::Message { from: *from, msg })?;
            }
            Job::Input(Input::Timer(timer)) => look(Event::Timer(timer))?,
            Job::Input(Input::Op(id, op)) => look(Event::Op { id: *id, op })?,
            Job::Input(Input::Cancel(id)) => look(Event::Cancel(*id))?,
            Job::Pause => look(Event::Pause)?,
            Job::Resume | Job::FinishSync => look(Event::Resume)?,
            Job::Crash => {}
        }
        if ground.watches {
            for (to, msg) in &self.sends {
                look(Event::Sent { to: *to, msg })?;
            }
        }
        for (id, ret, last) in &self.rets {
            if ground.answered(&mut rest, node, *id, *last)? {
                look(Event::Ret {
                    id: *id,
                    ret,
                    last: *last,
                })?;
            }
        }
        if !up {
            look(Event::Crash)?;
            ground.hang_up(&mut rest, node);
        }
        if stalled {
            look(Event::Pause)?;
        }
        draft.looked(checker);
        draft.rest = rest;
        Ok(())
    }
}

/// Takes from the budget what a handler's fate costs.
fn pay(rest: &mut Rest, fate: &Fate) {
    match fate.plan {
        Plan::All => {}
        Plan::CutAt(_) => rest.left.cuts -= 1,
        Plan::PauseAt(_) => rest.left.pauses -= 1,
    }
    match fate.sync {
        None => {}
        Some((_, BadSync::Slow)) => rest.left.slow_syncs -= 1,
        Some((_, BadSync::Failed)) => rest.left.failed_syncs -= 1,
    }
}

/// The pending timers after a handler's changes.
fn changed_timers<T: Ord + Clone>(
    mut timers: Vec<Pending<T>>,
    changes: &[TimerChange<T>],
    now: Option<LocalTime>,
) -> Vec<Pending<T>> {
    for change in changes {
        let (TimerChange::Set(timer, _) | TimerChange::Cancel(timer)) = change;
        timers.retain(|p| p.timer != *timer);
        if let TimerChange::Set(timer, after) = change {
            let due = now.map_or(LocalTime::default(), |now| now + *after);
            let timer = timer.clone();
            timers.push(Pending { timer, due });
        }
    }
    timers.sort_unstable();
    timers
}
