//! All that can happen next in a state.

use super::choice::Fate;
use super::draft::Draft;
use super::run::{Base, Job};
use super::state::{Ground, Pending, Seat, State};
use crate::check::{Checker, Violation};
use crate::panics::Panic;
use node::driver::{Effect, Input, Output};
use node::{Addr, Node, OpId};
use std::ops::ControlFlow;

/// What happens next, by its place in a state. [`Explorer::choice`] has the words.
#[derive(Clone, Copy)]
pub(super) enum Pick {
    Deliver { packet: usize, stays: bool },
    Lose { packet: usize },
    Fire { seat: usize, timer: usize },
    Tick,
    Ask { client: usize },
    Cancel { client: usize },
    Crash { seat: usize },
    Restart { seat: usize, erased: bool },
    Pause { seat: usize },
    Resume { seat: usize },
    FinishSync { seat: usize },
}

impl Pick {
    /// True for what would go on without any trouble.
    pub(super) fn is_benign(self) -> bool {
        match self {
            Pick::Deliver { stays, .. } => !stays,
            Pick::Restart { erased, .. } => !erased,
            Pick::Fire { .. }
            | Pick::Tick
            | Pick::Ask { .. }
            | Pick::Resume { .. }
            | Pick::FinishSync { .. } => true,
            Pick::Lose { .. } | Pick::Cancel { .. } | Pick::Crash { .. } | Pick::Pause { .. } => {
                false
            }
        }
    }
}

/// A broken invariant, and where it was seen.
#[derive(Clone)]
pub(super) struct Broken {
    pub(super) violation: Violation,
    pub(super) node: Addr,
    pub(super) panic: Option<Panic>,
}

/// One thing that can happen, and what comes of it.
pub(super) struct Next<'a, N: Node, C> {
    pub(super) pick: Pick,
    pub(super) fate: &'a Fate,
    pub(super) draft: Draft<'a, N, C>,
    pub(super) broken: Option<Box<Broken>>,
}

/// Is told what can happen, one after another, until it breaks off. Not a type parameter: the explorer is compiled
/// with every learner's crate, and once is enough.
pub(super) type Visit<'v, N, C> = dyn FnMut(&Ground<N>, Next<'_, N, C>) -> ControlFlow<()> + 'v;

pub(super) struct Explorer<N: Node> {
    pub(super) ground: Ground<N>,
    pub(super) out: Output<N>,
    /// Room for the next handler's effects.
    pub(super) spare: Vec<Effect<N::Msg, N::Ret>>,
    pub(super) sends: Vec<(Addr, N::Msg)>,
    pub(super) rets: Vec<(OpId, N::Ret, bool)>,
    /// Handlers run and faults done so far.
    pub(super) steps: u64,
    /// Leaves out steps that change nothing: see [`Explorer::is_idle`].
    pub(super) thrifty: bool,
}

impl<N: Node> Explorer<N> {
    pub(super) fn new(ground: Ground<N>) -> Self {
        Explorer {
            ground,
            out: Output::default(),
            spare: Vec::new(),
            sends: Vec::new(),
            rets: Vec::new(),
            steps: 0,
            thrifty: false,
        }
    }

    /// Visits all that can happen next, always in the same order.
    pub(super) fn expand<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        for packet in 0..state.net.len() {
            self.packet(state, packet, visit)?;
        }
        for client in 0..self.ground.scope.clients.len() {
            self.client(state, client, visit)?;
        }
        for seat in 0..state.seats.len() {
            self.timers(state, seat, visit)?;
        }
        self.tick(state, visit)?;
        for seat in 0..state.seats.len() {
            self.trouble(state, seat, visit)?;
        }
        ControlFlow::Continue(())
    }

    fn packet<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        packet: usize,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let flight = state.net[packet].clone();
        let without = Base {
            gone: Some(packet),
            rest: state.rest,
        };
        if state.seats[flight.to].is_ready() {
            let input = || Job::Input(Input::Message(flight.from, flight.msg.clone()));
            let pick = |stays| Pick::Deliver { packet, stays };
            self.run(state, pick(false), flight.to, input(), without, visit)?;
            if state.rest.left.duplicates > 0 {
                let mut base = Base::of(state);
                base.rest.left.duplicates -= 1;
                self.run(state, pick(true), flight.to, input(), base, visit)?;
            }
        }
        if state.rest.left.drops > 0 {
            let mut base = without;
            base.rest.left.drops -= 1;
            self.quiet(state, Pick::Lose { packet }, base, visit)?;
        }
        ControlFlow::Continue(())
    }

    fn client<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        client: usize,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let at = state.rest.clients[client];
        let asks = &self.ground.scope.clients[client];
        let number = |id: u8| OpId::external(self.ground.calls.len() as u64 + u64::from(id));
        let mut base = Base::of(state);
        if let Some(open) = at.open() {
            let (addr, _) = asks[usize::from(at.asked) - 1];
            let seat = self.ground.place(addr).expect("a client asks known nodes");
            if state.rest.left.cancels == 0 || !state.seats[seat].is_ready() {
                return ControlFlow::Continue(());
            }
            base.rest.hang_up(client);
            base.rest.left.cancels -= 1;
            let job = Job::Input(Input::Cancel(number(open)));
            return self.run(state, Pick::Cancel { client }, seat, job, base, visit);
        }
        let Some((addr, op)) = asks.get(usize::from(at.asked)).cloned() else {
            return ControlFlow::Continue(());
        };
        let seat = self.ground.place(addr).expect("a client asks known nodes");
        if !state.seats[seat].is_ready() {
            return ControlFlow::Continue(());
        }
        base.rest.ask(client);
        let job = Job::Input(Input::Op(number(state.rest.asked), op));
        self.run(state, Pick::Ask { client }, seat, job, base, visit)
    }

    fn timers<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        seat: usize,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let at = &state.seats[seat];
        if !at.is_ready() {
            return ControlFlow::Continue(());
        }
        for (timer, pending) in at.timers.iter().enumerate() {
            if !self.may_fire(state, at, pending) {
                continue;
            }
            let mut base = Base::of(state);
            if self.ground.scope.tick.is_none() {
                base.rest.left.fires -= 1;
            }
            let job = Job::Input(Input::Timer(pending.timer.clone()));
            self.run(state, Pick::Fire { seat, timer }, seat, job, base, visit)?;
        }
        ControlFlow::Continue(())
    }

    fn may_fire<C>(
        &self,
        state: &State<N, C>,
        seat: &Seat<N>,
        pending: &Pending<N::Timer>,
    ) -> bool {
        match self.ground.scope.tick {
            Some(_) => pending.due <= seat.clock.local(self.ground.now(&state.rest)),
            None => {
                let addr = seat.machine.addr();
                state.rest.left.fires > 0 && (self.ground.scope.may_fire)(addr, &pending.timer)
            }
        }
    }

    /// Time passes: not while a timer of a running node is due, and not over a message that has to arrive first.
    fn tick<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let Some(tick) = self.ground.scope.tick else {
            return ControlFlow::Continue(());
        };
        let due = state.seats.iter().any(|seat| {
            seat.is_ready() && seat.timers.iter().any(|t| self.may_fire(state, seat, t))
        });
        if state.rest.tick >= tick.bound || due {
            return ControlFlow::Continue(());
        }
        let mut base = Base::of(state);
        if self.ground.scope.prompt {
            let waiting = state.net.iter().filter(|p| state.seats[p.to].is_ready());
            match u8::try_from(waiting.count())
                .ok()
                .and_then(|n| state.rest.left.late.checked_sub(n))
            {
                Some(left) => base.rest.left.late = left,
                None => return ControlFlow::Continue(()),
            }
        }
        base.rest.tick += 1;
        self.quiet(state, Pick::Tick, base, visit)
    }

    fn trouble<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        seat: usize,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        let machine = &state.seats[seat].machine;
        let left = state.rest.left;
        let mut base = Base::of(state);
        if !machine.is_up() {
            let pick = |erased| Pick::Restart { seat, erased };
            self.run(
                state,
                pick(false),
                seat,
                Job::Boot { erased: false },
                Base::of(state),
                visit,
            )?;
            if left.amnesias > 0 {
                base.rest.left.amnesias -= 1;
                self.run(
                    state,
                    pick(true),
                    seat,
                    Job::Boot { erased: true },
                    base,
                    visit,
                )?;
            }
            return ControlFlow::Continue(());
        }
        if machine.is_paused() {
            self.run(
                state,
                Pick::Resume { seat },
                seat,
                Job::Resume,
                Base::of(state),
                visit,
            )?;
        }
        if machine.is_syncing() {
            let pick = Pick::FinishSync { seat };
            self.run(state, pick, seat, Job::FinishSync, Base::of(state), visit)?;
        }
        if left.pauses > 0 && !machine.is_paused() && self.ground.scope.tick.is_some() {
            let mut base = Base::of(state);
            base.rest.left.pauses -= 1;
            self.run(state, Pick::Pause { seat }, seat, Job::Pause, base, visit)?;
        }
        if left.crashes > 0 {
            base.rest.left.crashes -= 1;
            self.run(state, Pick::Crash { seat }, seat, Job::Crash, base, visit)?;
        }
        ControlFlow::Continue(())
    }

    /// What happens to no node: a message is lost, time passes.
    fn quiet<C: Checker<N>>(
        &mut self,
        state: &State<N, C>,
        pick: Pick,
        base: Base,
        visit: &mut Visit<'_, N, C>,
    ) -> ControlFlow<()> {
        self.steps += 1;
        let now = self.ground.now(&base.rest);
        let mut draft = Draft::new(state, base);
        if matches!(pick, Pick::Tick) {
            draft.pass_time(now);
        }
        let fate = &Fate::default();
        visit(
            &self.ground,
            Next {
                pick,
                fate,
                draft,
                broken: None,
            },
        )
    }
}
