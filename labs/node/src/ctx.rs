//! [`Ctx`]: everything that a handler may do.

use crate::driver::{Effect, Env, Moment, Output, TimerChange};
use crate::{Addr, Answer, DiskRef, LocalTime, Node, OpId, Role, WallTime};
use std::fmt::Display;
use std::ops::Range;
use std::time::Duration;

/// A handler's only way to the outside. It collects an ordered list of effects; the driver carries
/// them out, in that order, when the handler has returned.
pub struct Ctx<'a, N: Node> {
    at: Moment,
    cfg: &'a N::Config,
    /// Prefix of this node's files: empty, or the role's directory when the node is an inner one.
    dir: String,
    env: &'a mut dyn Env,
    out: &'a mut Output<N>,
}

impl<'a, N: Node> Ctx<'a, N> {
    /// Made by drivers, see [`crate::driver::step`].
    pub(crate) fn new(
        at: Moment,
        cfg: &'a N::Config,
        env: &'a mut dyn Env,
        out: &'a mut Output<N>,
    ) -> Self {
        Ctx {
            at,
            cfg,
            dir: String::new(),
            env,
            out,
        }
    }

    /// This node's own address.
    pub fn me(&self) -> Addr {
        self.at.me
    }

    /// This node's configuration. It outlives borrows of `self`, so
    /// `for p in &cx.cfg().peers { cx.send(*p, …) }` compiles.
    pub fn cfg(&self) -> &'a N::Config {
        self.cfg
    }

    /// The monotonic clock: for *how long*. It may drift and starts anew at each boot.
    pub fn now(&self) -> LocalTime {
        self.at.now
    }

    /// The wall clock: for *what date*. It may step in either direction.
    pub fn wall(&self) -> WallTime {
        self.at.wall
    }

    /// Sends a message. It may be lost, late, doubled, or overtake another.
    pub fn send(&mut self, to: Addr, msg: N::Msg) {
        self.out.effects.push(Effect::Send { to, msg });
    }

    /// Sends the same message to each of `to`, in order, except to this node itself.
    pub fn send_all<'p>(&mut self, to: impl IntoIterator<Item = &'p Addr>, msg: N::Msg) {
        for addr in to {
            if *addr != self.at.me {
                self.send(*addr, msg.clone());
            }
        }
    }

    /// Starts a timer, or starts it anew: the pending instance is gone, even if it was due. It fires
    /// `after` this long on the node's own clock.
    pub fn set_timer(&mut self, timer: N::Timer, after: Duration) {
        self.out.timers.push(TimerChange::Set(timer, after));
    }

    /// Starts a timer that fires at a random moment in `within`.
    pub fn set_timer_within(&mut self, timer: N::Timer, within: Range<Duration>) {
        let after = self.env.within(within);
        self.set_timer(timer, after);
    }

    /// Stops a timer if it is pending: once this handler has ended it does not fire any more, not
    /// even if it has been due for long because the node stood still.
    pub fn cancel_timer(&mut self, timer: N::Timer) {
        self.out.timers.push(TimerChange::Cancel(timer));
    }

    /// A random number below `n`; 0 if `n` is 0. With [`Ctx::set_timer_within`] the only
    /// randomness there is.
    pub fn choose(&mut self, n: u32) -> u32 {
        if n <= 1 { 0 } else { self.env.choose(n) }
    }

    /// Answers the operation `id`, for the last time.
    pub fn ret(&mut self, id: OpId, ret: N::Ret) {
        self.push_ret(id, ret, true);
    }

    /// Answers the operation `id`; more answers may follow (a watch answers many times).
    pub fn ret_more(&mut self, id: OpId, ret: N::Ret) {
        self.push_ret(id, ret, false);
    }

    fn push_ret(&mut self, id: OpId, ret: N::Ret, last: bool) {
        self.out.effects.push(Effect::Ret { id, ret, last });
    }

    /// This node's files.
    pub fn disk(&mut self) -> DiskRef<'_, N> {
        DiskRef {
            dir: &self.dir,
            env: self.env,
            effects: &mut self.out.effects,
        }
    }

    /// Leaves a mark in the trace; it changes nothing else.
    pub fn note(&mut self, text: impl Display) {
        self.out.effects.push(Effect::Note(text.to_string()));
    }

    /// Runs a handler of an inner node. Its effects become this node's, in order; its answers come
    /// back here, to be acted on after those effects.
    #[must_use = "an inner node's answers are lost unless they are handled"]
    pub fn scope<I: Node>(
        &mut self,
        role: &Role<N, I>,
        run: impl FnOnce(&mut Ctx<'_, I>),
    ) -> Vec<Answer<I::Ret>> {
        let cfg = (role.cfg)(self.cfg);
        self.scope_with(cfg, role.dir, role.msg, role.timer, run).1
    }

    /// Boots an inner node. An operation that it answers at boot is an error of that node.
    pub fn scope_boot<I: Node>(&mut self, role: &Role<N, I>) -> I {
        let cfg = (role.cfg)(self.cfg);
        self.scope_with(cfg, role.dir, role.msg, role.timer, |cx| I::boot(cx))
            .0
    }

    /// As [`Ctx::scope`], for inner nodes that are told apart by a key: `msg` and `timer` may
    /// capture it, `dir` should contain it. Returns what `run` returns, and the answers.
    pub fn scope_with<I: Node, T>(
        &mut self,
        cfg: &I::Config,
        dir: &str,
        msg: impl Fn(I::Msg) -> N::Msg,
        timer: impl Fn(I::Timer) -> N::Timer,
        run: impl FnOnce(&mut Ctx<'_, I>) -> T,
    ) -> (T, Vec<Answer<I::Ret>>) {
        let mut inner_out = Output::default();
        let mut inner = Ctx {
            at: self.at,
            cfg,
            dir: format!("{}{dir}", self.dir),
            env: self.env,
            out: &mut inner_out,
        };
        let value = run(&mut inner);
        let mut answers = Vec::new();
        for effect in inner_out.effects {
            let effect = match effect {
                Effect::Send { to, msg: m } => Effect::Send { to, msg: msg(m) },
                Effect::Ret { id, ret, last } => {
                    answers.push(Answer { id, ret, last });
                    continue;
                }
                Effect::Disk { file, op, fits } => Effect::Disk { file, op, fits },
                Effect::Sync { file } => Effect::Sync { file },
                Effect::Note(text) => Effect::Note(text),
            };
            self.out.effects.push(effect);
        }
        for change in inner_out.timers {
            self.out.timers.push(match change {
                TimerChange::Set(t, after) => TimerChange::Set(timer(t), after),
                TimerChange::Cancel(t) => TimerChange::Cancel(timer(t)),
            });
        }
        (value, answers)
    }
}
