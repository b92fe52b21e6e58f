//! One server by itself: messages in, messages out. For vectors of Figure 2.

use super::alone::moment;
use super::{ELECTION, HEARTBEAT, THREE};
use dist_raft::{Config, Index, Msg, Op, Raft, Ret, Timer, View};
use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Output, TimerChange};
use node::{Addr, LocalTime, Node, OpId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Time stands still.
const NOW: LocalTime = LocalTime::from_micros(1_000_000);

/// A server whose network is the test. Random draws come to the least value.
#[derive(Clone)]
pub struct One {
    me: Addr,
    cfg: Config,
    raft: Raft,
    /// Its disk.
    pub files: Files,
    /// What it sent, not taken yet.
    sent: Vec<(Addr, Msg)>,
    /// Whether the last handler started the election timer anew.
    pub timer_reset: bool,
    pending: BTreeSet<Timer>,
    asked: u64,
    answers: Vec<Ret>,
}

/// A disk on which everything is durable at once.
#[derive(Clone, Default)]
pub struct Files(pub BTreeMap<String, Arc<Vec<u8>>>);

impl Env for Files {
    fn read(&self, file: &str) -> Option<&[u8]> {
        self.0.get(file).map(|bytes| bytes.as_slice())
    }
    fn list(&self, prefix: &str) -> Vec<String> {
        let names = self.0.keys().filter(|name| name.starts_with(prefix));
        names.cloned().collect()
    }
    fn free_bytes(&self) -> u64 {
        u64::MAX
    }
    fn apply(&mut self, file: &FileName, op: &DiskOp) {
        let mut content = self.0.remove(&**file);
        op.apply(&mut content);
        if let Some(content) = content {
            self.0.insert(file.to_string(), content);
        }
    }
    fn choose(&mut self, _: u32) -> u32 {
        0
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        within.start
    }
}

impl One {
    /// Boots `me` with this configuration, and nothing on its disk.
    pub fn boot(me: Addr, cfg: Config) -> One {
        One::boot_from(me, cfg, Files::default())
    }
    /// Boots it with these files.
    pub fn boot_from(me: Addr, cfg: Config, mut files: Files) -> One {
        let mut out = Output::default();
        let raft = driver::boot(moment(me, NOW), &cfg, &mut files, &mut out);
        let mut one = One {
            me,
            cfg,
            raft,
            files,
            sent: Vec::new(),
            timer_reset: false,
            pending: BTreeSet::new(),
            asked: 0,
            answers: Vec::new(),
        };
        one.settle(out);
        one
    }

    fn input(&mut self, input: Input<Msg, Timer, Op>) {
        let (mut out, at) = (Output::default(), moment(self.me, NOW));
        driver::step(&mut self.raft, at, &self.cfg, &mut self.files, input, &mut out);
        self.settle(out);
    }

    fn settle(&mut self, out: Output<Raft>) {
        let anew = |change: &TimerChange<Timer>| matches!(change, TimerChange::Set(t, _) if *t == ELECTION);
        self.timer_reset = out.timers.iter().any(anew);
        for change in out.timers {
            match change {
                TimerChange::Set(timer, _) => self.pending.insert(timer),
                TimerChange::Cancel(timer) => self.pending.remove(&timer),
            };
        }
        let mut own = Vec::new();
        for effect in out.effects {
            match effect {
                Effect::Send { to, msg } if to == self.me => own.push(msg),
                Effect::Send { to, msg } => self.sent.push((to, msg)),
                Effect::Ret { ret, .. } => self.answers.push(ret),
                Effect::Disk { .. } | Effect::Sync { .. } | Effect::Note(_) => {}
            }
        }
        for msg in own {
            let reset = self.timer_reset;
            self.input(Input::Message(self.me, msg));
            self.timer_reset |= reset;
        }
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
        self.pending.remove(&timer);
        self.input(Input::Timer(timer));
        std::mem::take(&mut self.sent)
    }
    /// A client asks.
    pub fn ask(&mut self, op: Op) -> (Vec<Ret>, Vec<(Addr, Msg)>) {
        self.sent.clear();
        self.answers.clear();
        self.asked += 1;
        self.input(Input::Op(OpId::external(self.asked), op));
        let answers = std::mem::take(&mut self.answers);
        (answers, std::mem::take(&mut self.sent))
    }
    /// Whether a timer is pending.
    pub fn waits_for(&self, timer: Timer) -> bool {
        self.pending.contains(&timer)
    }
    /// What it shows.
    pub fn view(&self) -> View {
        self.raft.view(NOW)
    }
}
