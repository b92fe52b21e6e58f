//! One step of one node: each way in which its handler can draw, and each way in which its effects can go.

use super::choice::{BadSync, Fate};
use super::dice::Branches;
use super::draft::Draft;
use super::expand::{Broken, Explorer, Next, Pick, Visit};
use super::keep::ways_to_keep;
use super::state::{Rest, State};
use crate::check::{Checker, Violation};
use crate::clock::Clock;
use crate::disk::Kept;
use crate::machine::{Host, Machine, Plan, Progress, SyncFate};
use crate::panics::{self, Panic};
use crate::scenario::stops;
use node::driver::{Effect, FileName, Input, TimerChange};
use node::{Addr, Node, OpId};
use std::ops::ControlFlow;

/// What one node is to do.
pub(super) enum Job<N: Node> {
    Boot { erased: bool },
    Input(Input<N::Msg, N::Timer, N::Op>),
    Pause,
    Resume,
    FinishSync,
    Crash,
}

/// What a step changes beside its node: it is paid for, and perhaps a message arrives.
#[derive(Clone, Copy)]
pub(super) struct Base {
    /// This message is no longer under way.
    pub(super) gone: Option<usize>,
    pub(super) rest: Rest,
}

impl Base {
    pub(super) fn of<N: Node, C>(state: &State<N, C>) -> Self {
        Base {
            gone: None,
            rest: state.rest,
        }
    }
}

/// One step under way.
pub(super) struct Move<'a, N: Node, C> {
    pub(super) state: &'a State<N, C>,
    pub(super) pick: Pick,
    pub(super) seat: usize,
    pub(super) job: Job<N>,
    pub(super) base: Base,
    pub(super) now: u64,
    pub(super) clock: Clock,
}

/// A machine after its handler, and how its effects are to go.
struct Ran<'a, N: Node> {
    machine: Machine<N>,
    effects: Vec<Effect<N::Msg, N::Ret>>,
    timers: &'a [TimerChange<N::Timer>],
}

struct Sink<'a, N: Node> {
    sends: &'a mut Vec<(Addr, N::Msg)>,
    rets: &'a mut Vec<(OpId, N::Ret, bool)>,
    syncs: usize,
    bad: Option<(usize, BadSync)>,
}

impl<N: Node> Host<N> for Sink<'_, N> {
    fn sync_fate(&mut self, _file: &FileName) -> SyncFate {
        let nth = self.syncs;
        self.syncs += 1;
        match self.bad {
            Some((i, BadSync::Slow)) if i == nth => SyncFate::Slow,
            Some((i, BadSync::Failed)) if i == nth => SyncFate::Failed,
            _ => SyncFate::Durable,
        }
    }
    fn send(&mut self, to: Addr, msg: N::Msg) {
        self.sends.push((to, msg));
    }
    fn ret(&mut self, id: OpId, ret: N::Ret, last: bool) {
        self.rets.push((id, ret, last));
    }
}

impl<N: Node> Explorer<N> {
    pub(super) fn run<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        pick: Pick,
        seat: usize,
        job: Job<N>,
        base: Base,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let now = self.ground.now(&state.rest);
        let mut clock = state.seats[seat].clock;
        if let Job::Boot { .. } = job {
            clock.reset(now);
        }
        let step = Move {
            state,
            pick,
            seat,
            job,
            base,
            now,
            clock,
        };
        let mut dice = Branches::new(self.ground.scope.tick.map(|tick| tick.len));
        loop {
            dice.rewind();
            self.once(&step, &mut dice, visit)?;
            if !dice.advance() {
                return ControlFlow::Continue(());
            }
        }
    }

    /// One way of drawing, and all ways of carrying out what the handler asks for.
    fn once<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        dice: &mut Branches,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let seat = &step.state.seats[step.seat];
        let mut machine = seat.machine.clone();
        let mut out = std::mem::take(&mut self.out);
        out.effects = std::mem::take(&mut self.spare);
        out.timers.clear();
        let mut at = seat.moment(step.now);
        let result = match &step.job {
            Job::Boot { erased } => {
                if *erased {
                    machine.disk.erase();
                }
                at.now = step.clock.local(step.now);
                machine.boot(at, dice, &mut out)
            }
            Job::Input(input) => machine.handle(at, dice, input.clone(), &mut out),
            Job::Pause | Job::Resume | Job::FinishSync | Job::Crash => Ok(()),
        };
        let mut fate = Fate {
            draws: dice.drawn(),
            ..Fate::default()
        };
        let flow = match result {
            Err(panic) if stops(&self.ground.stops, &panic) => {
                panics::forgive(&panic);
                out.effects.clear();
                self.fall(step, &machine, &[], &mut fate, visit)
            }
            Err(panic) => {
                out.effects.clear();
                self.panicked(step, &fate, panic, visit)
            }
            Ok(()) => {
                let ran = Ran {
                    machine,
                    effects: std::mem::take(&mut out.effects),
                    timers: &out.timers,
                };
                self.ways(step, ran, &mut fate, visit)
            }
        };
        self.out = out;
        flow
    }

    fn panicked<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        fate: &Fate,
        panic: Panic,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let node = self.ground.addrs[step.seat];
        let place = panic.location.as_deref().unwrap_or("an unknown place");
        let text = format!("{node} panicked at {place}: {}", panic.message);
        let violation = Violation::new("the kit: no panic", text);
        let draft = Draft::new(step.state, step.base);
        let broken = Broken {
            violation: violation.at([node]),
            node,
            panic: Some(panic),
        };
        self.offer(step, fate, draft, Some(broken), visit)
    }

    /// One successor of the state goes to the search.
    pub(super) fn offer<C: Checker<N>>(
        &self,
        step: &Move<'_, N, C>,
        fate: &Fate,
        draft: Draft<'_, N, C>,
        broken: Option<Broken>,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let next = Next {
            pick: step.pick,
            fate,
            draft,
            broken: broken.map(Box::new),
        };
        visit(&self.ground, next)
    }

    /// Whole, cut, stalled, with a slow or a failed sync: as far as the budget goes.
    fn ways<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        ran: Ran<'_, N>,
        fate: &mut Fate,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let left = step.base.rest.left;
        if left.cuts + left.pauses + left.slow_syncs + left.failed_syncs == 0 {
            return self.carry(step, ran, fate, visit);
        }
        // While a sync is under way, effects wait behind it, and all cuts of the list are one crash.
        let waits = ran.machine.is_syncing();
        let held = ran.machine.held().filter(is_sync).count();
        let own = ran.effects.iter().filter(is_sync).count();
        let syncs = match step.job {
            Job::FinishSync => held.saturating_sub(1),
            Job::Resume if !waits => held,
            Job::Boot { .. } | Job::Input(_) if !waits => own,
            _ => 0,
        };
        let effects = match waits {
            true => ran.effects.len().min(1),
            false => ran.effects.len(),
        };
        let trouble = |on: u8, n: usize| if on > 0 { n } else { 0 };
        let again = Ran {
            machine: ran.machine.clone(),
            effects: ran.effects.clone(),
            timers: ran.timers,
        };
        self.carry(step, ran, fate, visit)?;
        for k in 0..trouble(left.cuts, effects) {
            fate.plan = Plan::CutAt(k);
            self.carry(step, again.copy(), fate, visit)?;
        }
        for k in 0..trouble(left.pauses, effects) {
            fate.plan = Plan::PauseAt(k);
            self.carry(step, again.copy(), fate, visit)?;
        }
        fate.plan = Plan::All;
        for i in 0..trouble(left.slow_syncs, syncs) {
            fate.sync = Some((i, BadSync::Slow));
            self.carry(step, again.copy(), fate, visit)?;
        }
        for i in 0..trouble(left.failed_syncs, syncs) {
            fate.sync = Some((i, BadSync::Failed));
            self.carry(step, again.copy(), fate, visit)?;
        }
        fate.sync = None;
        ControlFlow::Continue(())
    }

    /// Carries the effects out, and crashes a machine that came to its end there.
    fn carry<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        ran: Ran<'_, N>,
        fate: &mut Fate,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        self.sends.clear();
        self.rets.clear();
        let (mut machine, mut effects) = (ran.machine, ran.effects);
        let mut sink = Sink {
            sends: &mut self.sends,
            rets: &mut self.rets,
            syncs: 0,
            bad: fate.sync,
        };
        let progress = match step.job {
            Job::Boot { .. } | Job::Input(_) => {
                machine.carry_out(&mut effects, fate.plan, &mut sink)
            }
            Job::Resume => machine.resume(&mut sink),
            Job::FinishSync => machine.finish_sync(&mut sink),
            Job::Crash => Progress::Cut,
            Job::Pause => {
                machine.pause();
                Progress::Done
            }
        };
        effects.clear();
        self.spare = effects;
        if let Progress::Done | Progress::Held = progress {
            return self.settle(step, machine, ran.timers, fate, visit);
        }
        self.fall(step, &machine, ran.timers, fate, visit)
    }

    /// Crashes the machine, in each way in which its disk can keep what is not durable.
    fn fall<C: Checker<N>>(
        &mut self,
        step: &Move<'_, N, C>,
        machine: &Machine<N>,
        timers: &[TimerChange<N::Timer>],
        fate: &mut Fate,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        for kept in ways_to_keep(&machine.disk, self.ground.scope.torn) {
            let mut machine = machine.clone();
            machine.crash(|file, _| {
                let of = kept.iter().find(|(name, _)| name == file);
                of.map_or(Kept::SYNCED, |(_, kept)| *kept)
            });
            fate.kept = kept;
            self.settle(step, machine, timers, fate, visit)?;
        }
        fate.kept = Vec::new();
        ControlFlow::Continue(())
    }
}

impl<N: Node> Ran<'_, N> {
    fn copy(&self) -> Self {
        Ran {
            machine: self.machine.clone(),
            effects: self.effects.clone(),
            timers: self.timers,
        }
    }
}

fn is_sync<M, R>(effect: &&Effect<M, R>) -> bool {
    matches!(effect, Effect::Sync { .. })
}
