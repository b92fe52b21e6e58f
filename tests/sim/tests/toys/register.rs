//! A register on a server, and a relay in front of it: the smallest thing with a disk, a timer, a
//! message and an operation. Its configuration plants one mistake at a time.

#![allow(dead_code, missing_docs)] // Each test uses its own part of it.

use node::{Addr, Ctx, LocalTime, Node, OpId, load, save};
use serde::{Deserialize, Serialize};
use sim::{Checker, Event, Scenario, Step, Violation, ms};
use std::collections::BTreeMap;

/// The server.
pub const SERVER: Addr = Addr(0);
/// The relay, which clients ask.
pub const RELAY: Addr = Addr(1);

/// The mistake that is planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mistake {
    /// None: this one is right.
    #[default]
    None,
    /// The server answers before its write is durable.
    AnswerBeforeSync,
    /// The server never syncs.
    NoSync,
    /// The relay does not ask again when no answer comes.
    NoRetry,
    /// The server counts a request that comes twice twice.
    CountTwice,
}

#[derive(Clone, Default)]
pub struct Config {
    pub mistake: Mistake,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    Add { nonce: u64, by: u32 },
    Added { nonce: u64, sum: u32 },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Retry(pub u64);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Add(pub u32);

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub sum: Option<u32>,
    pub open: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Register {
    mistake: u8,
    /// The sum, and what each request came to.
    sum: u32,
    seen: BTreeMap<u64, u32>,
    open: BTreeMap<u64, (OpId, u32)>,
    boot: u64,
    next: u64,
    is_server: bool,
}

impl Node for Register {
    type Config = Config;
    type Msg = Msg;
    type Timer = Retry;
    type Op = Add;
    type Ret = u32;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let (sum, seen) = load(&cx.disk(), "sum").unwrap_or_default();
        let boot: u64 = load(&cx.disk(), "boots").unwrap_or(0) + 1;
        save(&mut cx.disk(), "boots", &boot);
        cx.disk().sync("boots");
        Register {
            mistake: cx.cfg().mistake as u8,
            sum,
            seen,
            open: BTreeMap::new(),
            boot,
            next: 0,
            is_server: cx.me() == SERVER,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Add { nonce, by } => {
                let mistake = cx.cfg().mistake;
                let old = self
                    .seen
                    .get(&nonce)
                    .filter(|_| mistake != Mistake::CountTwice);
                let sum = old.copied().unwrap_or(self.sum + by);
                if old.is_none() {
                    self.sum = sum;
                    self.seen.insert(nonce, sum);
                    save(&mut cx.disk(), "sum", &(self.sum, &self.seen));
                }
                if mistake == Mistake::AnswerBeforeSync {
                    cx.send(from, Msg::Added { nonce, sum });
                    cx.disk().sync("sum");
                } else {
                    if mistake != Mistake::NoSync {
                        cx.disk().sync("sum");
                    }
                    cx.send(from, Msg::Added { nonce, sum });
                }
            }
            Msg::Added { nonce, sum } => {
                if let Some((id, _)) = self.open.remove(&nonce) {
                    cx.cancel_timer(Retry(nonce));
                    cx.ret(id, sum);
                }
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, Retry(nonce): Retry) {
        if let Some((_, by)) = self.open.get(&nonce) {
            cx.send(SERVER, Msg::Add { nonce, by: *by });
            cx.set_timer(Retry(nonce), ms(30));
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, Add(by): Add) {
        self.next += 1;
        let nonce = self.boot << 32 | self.next;
        self.open.insert(nonce, (id, by));
        cx.send(SERVER, Msg::Add { nonce, by });
        if cx.cfg().mistake != Mistake::NoRetry {
            cx.set_timer_within(Retry(nonce), ms(20)..ms(40));
        }
    }

    fn view(&self, _now: LocalTime) -> View {
        View {
            sum: self.is_server.then_some(self.sum),
            open: self.open.len(),
        }
    }
}

/// What clients were told only grows, by exactly what they added.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Sums {
    last: u32,
}

impl Checker<Register> for Sums {
    fn after(&mut self, step: &Step<'_, Register>) -> Result<(), Violation> {
        if let Event::Ret { ret, .. } = step.event {
            if *ret != self.last + 1 {
                let text = format!("the sum is {ret} after {}", self.last);
                return Err(Violation::new("Sums", text).at([step.node]));
            }
            self.last = *ret;
        }
        Ok(())
    }
}

/// One client that adds 1 again and again.
pub fn scenario(mistake: Mistake) -> Scenario<Register> {
    Scenario::new("toy")
        .titled("A register behind a relay")
        .node(SERVER, "server", "server", Config { mistake })
        .node(RELAY, "relay", "relay", Config { mistake })
        .client("client", |turn| {
            (turn.nth < 40).then(|| sim::Ask {
                node: RELAY,
                op: Add(1),
                after: ms(turn.draw.below(50)),
            })
        })
        .lasting(ms(2_000), ms(1_000))
}
