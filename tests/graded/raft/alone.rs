//! One server of the store by itself: messages in, answers out, and a clock that the test moves. It
//! has no disk.

use dist_raft::{Kv, KvConfig, KvOp, KvRet, KvView, Msg, Timer};
use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Moment, Output};
use node::{Addr, LocalTime, Node, OpId, WallTime};
use std::ops::Range;
use std::time::Duration;

/// A store whose network and clock are the test. Random draws come to the least value.
pub struct Alone {
    me: Addr,
    now: LocalTime,
    cfg: KvConfig,
    kv: Kv,
    asked: u64,
    /// What it sent, not taken yet.
    sent: Vec<(Addr, Msg)>,
    /// What it told its clients, with the number of the question.
    pub told: Vec<(u64, KvRet)>,
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

impl Alone {
    /// Boots `me` without a disk.
    pub fn boot(me: Addr, mut cfg: KvConfig) -> Alone {
        cfg.raft.durable = false;
        let now = LocalTime::from_micros(1_000_000);
        let mut out = Output::default();
        let kv = driver::boot(moment(me, now), &cfg, &mut NoDisk, &mut out);
        let (sent, told) = (Vec::new(), Vec::new());
        let mut alone = Alone {
            me,
            now,
            cfg,
            kv,
            asked: 0,
            sent,
            told,
        };
        alone.settle(out);
        alone
    }

    fn input(&mut self, input: Input<Msg, Timer, KvOp>) {
        let (mut out, at) = (Output::default(), moment(self.me, self.now));
        driver::step(&mut self.kv, at, &self.cfg, &mut NoDisk, input, &mut out);
        self.settle(out);
    }

    fn settle(&mut self, out: Output<Kv>) {
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
            self.input(Input::Message(self.me, msg));
        }
    }

    /// Its clock goes on.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now + time;
    }
    /// It handles a message and sends what is returned.
    pub fn hear(&mut self, from: Addr, msg: Msg) -> Vec<(Addr, Msg)> {
        self.sent.clear();
        self.input(Input::Message(from, msg));
        std::mem::take(&mut self.sent)
    }
    /// A timer fires.
    pub fn fire(&mut self, timer: Timer) -> Vec<(Addr, Msg)> {
        self.sent.clear();
        self.input(Input::Timer(timer));
        std::mem::take(&mut self.sent)
    }
    /// A client asks; tells the question's number and what is sent.
    pub fn ask(&mut self, op: KvOp) -> (u64, Vec<(Addr, Msg)>) {
        self.sent.clear();
        self.asked += 1;
        let id = OpId::external(self.asked);
        self.input(Input::Op(id, op));
        (id.number(), std::mem::take(&mut self.sent))
    }
    /// What it was told to `number`, so far.
    pub fn answer(&self, number: u64) -> Option<KvRet> {
        let mut told = self.told.iter().rev();
        told.find(|(n, _)| *n == number).map(|(_, ret)| ret.clone())
    }
    /// What it shows.
    pub fn view(&self) -> KvView {
        self.kv.view(self.now)
    }
}

fn moment(me: Addr, now: LocalTime) -> Moment {
    Moment {
        me,
        now,
        wall: WallTime::from_unix_micros(0),
    }
}
