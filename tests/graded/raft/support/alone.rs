//! One server by itself, of the store or of Raft alone: messages in, answers out, and a clock that
//! the test moves. It has no disk.

use super::{ELECTION, Server};
use dist_raft::{Msg, Timer};
use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Moment, Output, TimerChange};
use node::{Addr, LocalTime, OpId, WallTime};
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

/// A server whose network and clock are the test. Random draws come to the least value.
pub struct Alone<N: Server> {
    me: Addr,
    now: LocalTime,
    cfg: N::Config,
    node: N,
    asked: u64,
    pending: BTreeSet<Timer>,
    /// Whether the last input started the election timer anew.
    pub timer_reset: bool,
    /// What it sent, not taken yet.
    sent: Vec<(Addr, Msg)>,
    /// What it told its clients, with the number of the question.
    pub told: Vec<(u64, N::Ret)>,
}

struct NoDisk;

impl Env for NoDisk {
    fn read(&self, _: &str) -> Option<&[u8]> {
        None
    }
    fn list(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn free_bytes(&self) -> u64 {
        u64::MAX
    }
    fn apply(&mut self, _: &FileName, _: &DiskOp) {}
    fn choose(&mut self, _: u32) -> u32 {
        0
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        within.start
    }
}

impl<N: Server> Alone<N> {
    /// Boots `me` with this configuration, which must not ask for a disk.
    pub fn boot(me: Addr, cfg: N::Config) -> Self {
        let now = LocalTime::from_micros(1_000_000);
        let mut out = Output::default();
        let node = driver::boot(moment(me, now), &cfg, &mut NoDisk, &mut out);
        let mut alone = Alone {
            me,
            now,
            cfg,
            node,
            asked: 0,
            pending: BTreeSet::new(),
            timer_reset: false,
            sent: Vec::new(),
            told: Vec::new(),
        };
        alone.settle(out);
        alone
    }

    fn input(&mut self, input: Input<Msg, Timer, N::Op>) {
        self.timer_reset = false;
        self.sent.clear();
        self.step(input);
    }

    fn step(&mut self, input: Input<Msg, Timer, N::Op>) {
        let (mut out, at) = (Output::default(), moment(self.me, self.now));
        driver::step(&mut self.node, at, &self.cfg, &mut NoDisk, input, &mut out);
        self.settle(out);
    }

    fn settle(&mut self, out: Output<N>) {
        for change in out.timers {
            match change {
                TimerChange::Set(timer, _) => {
                    self.timer_reset |= timer == ELECTION;
                    self.pending.insert(timer);
                }
                TimerChange::Cancel(timer) => {
                    self.pending.remove(&timer);
                }
            }
        }
        let mut own = Vec::new();
        for effect in out.effects {
            match effect {
                Effect::Send { to, msg } if to == self.me => own.push(msg),
                Effect::Send { to, msg } => self.sent.push((to, msg)),
                Effect::Ret { id, ret, .. } => self.told.push((id.number(), ret)),
                Effect::Disk { .. } | Effect::Sync { .. } | Effect::Note(_) => {}
            }
        }
        for msg in own {
            self.step(Input::Message(self.me, msg));
        }
    }

    /// Its clock goes on.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }
    /// It handles a message and sends what is returned.
    pub fn hear(&mut self, from: Addr, msg: Msg) -> Vec<(Addr, Msg)> {
        self.input(Input::Message(from, msg));
        std::mem::take(&mut self.sent)
    }
    /// A timer fires.
    pub fn fire(&mut self, timer: Timer) -> Vec<(Addr, Msg)> {
        self.pending.remove(&timer);
        self.input(Input::Timer(timer));
        std::mem::take(&mut self.sent)
    }
    /// A client asks; tells the question's number and what is sent.
    pub fn ask(&mut self, op: N::Op) -> (u64, Vec<(Addr, Msg)>) {
        self.asked += 1;
        let id = OpId::external(self.asked);
        self.input(Input::Op(id, op));
        (id.number(), std::mem::take(&mut self.sent))
    }
    /// The client that asked `number` goes away.
    pub fn cancel(&mut self, number: u64) {
        self.input(Input::Cancel(OpId::external(number)));
    }
    /// What it was told to `number`, so far.
    pub fn answer(&self, number: u64) -> Option<N::Ret> {
        let mut told = self.told.iter().rev();
        told.find(|(n, _)| *n == number).map(|(_, ret)| ret.clone())
    }
    /// What it shows.
    pub fn view(&self) -> N::View {
        self.node.view(self.now)
    }
    /// Whether a timer is pending.
    pub fn waits_for(&self, timer: Timer) -> bool {
        self.pending.contains(&timer)
    }
}

pub(super) fn moment(me: Addr, now: LocalTime) -> Moment {
    Moment { me, now, wall: WallTime::from_unix_micros(0) }
}
