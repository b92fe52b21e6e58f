//! Five nodes that tell each other what they know: heartbeats and answers, a timer that every
//! message moves. The shape of a consensus protocol's traffic without its decisions.

#![allow(dead_code, missing_docs)] // Each test uses its own part of it.

use node::{Addr, Ctx, LocalTime, Node, OpId};
use serde::{Deserialize, Serialize};
use sim::{Faults, Scenario, ms};
use std::time::Duration;

/// How many nodes there are.
pub const NODES: u32 = 5;
const PATIENCE: std::ops::Range<Duration> = ms(40)..ms(80);

/// Who there is, and how often a leader is heard.
#[derive(Clone)]
pub struct Config {
    pub all: Vec<Addr>,
    pub beat: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    Beat { term: u64, seq: u64, commit: u64 },
    Heard { term: u64, seq: u64, ok: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    Beat,
    Patience,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub term: u64,
    pub leads: bool,
    pub commit: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Beats {
    term: u64,
    leads: bool,
    seq: u64,
    heard: [u64; NODES as usize],
    commit: u64,
}

impl Node for Beats {
    type Config = Config;
    type Msg = Msg;
    type Timer = Timer;
    type Op = ();
    type Ret = ();
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        cx.set_timer_within(Timer::Patience, PATIENCE);
        Beats {
            term: 0,
            leads: false,
            seq: 0,
            heard: [0; NODES as usize],
            commit: 0,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Beat { term, seq, commit } if term >= self.term => {
                self.leads &= term == self.term;
                self.term = term;
                self.commit = self.commit.max(commit);
                cx.set_timer_within(Timer::Patience, PATIENCE);
                cx.send(
                    from,
                    Msg::Heard {
                        term,
                        seq,
                        ok: true,
                    },
                );
            }
            Msg::Beat { seq, .. } => {
                let term = self.term;
                cx.send(
                    from,
                    Msg::Heard {
                        term,
                        seq,
                        ok: false,
                    },
                );
            }
            Msg::Heard { term, seq, ok } if self.leads && ok && term == self.term => {
                let heard = &mut self.heard[from.0 as usize];
                *heard = seq.max(*heard);
                let mut sorted = self.heard;
                sorted.sort_unstable();
                self.commit = self.commit.max(sorted[NODES as usize / 2]);
            }
            Msg::Heard { term, .. } => {
                self.leads &= term <= self.term;
                self.term = self.term.max(term);
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        if timer == Timer::Patience && !self.leads {
            self.leads = true;
            self.term += 1;
            self.heard = [0; NODES as usize];
            cx.set_timer(Timer::Beat, Duration::ZERO);
        } else if timer == Timer::Beat && self.leads {
            self.seq += 1;
            self.heard[cx.me().0 as usize] = self.seq;
            let (term, seq, commit) = (self.term, self.seq, self.commit);
            cx.send_all(&cx.cfg().all, Msg::Beat { term, seq, commit });
            cx.set_timer(Timer::Beat, cx.cfg().beat);
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, _op: ()) {
        cx.ret(id, ());
    }

    fn view(&self, _now: LocalTime) -> View {
        View {
            term: self.term,
            leads: self.leads,
            commit: self.commit,
        }
    }
}

/// Five nodes with a beat every `beat`.
pub fn config(beat: Duration) -> Config {
    let all = (0..NODES).map(Addr).collect();
    Config { all, beat }
}

/// Five of them with 100 beats a second, with faults or without.
pub fn scenario(faults: bool) -> Scenario<Beats> {
    with_beat(faults, ms(10))
}

/// As [`scenario`], with another beat.
pub fn with_beat(faults: bool, beat: Duration) -> Scenario<Beats> {
    let cfg = config(beat);
    let mut scenario = Scenario::new("toy").titled("Heartbeats");
    for addr in &cfg.all {
        scenario = scenario.node(*addr, format!("node {addr}"), "node", cfg.clone());
    }
    if faults {
        scenario = scenario.with_faults(Faults::all());
    }
    scenario.lasting(ms(60_000), ms(0))
}
