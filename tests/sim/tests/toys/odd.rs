//! Two nodes that send a number to and fro, and do one odd thing.

#![allow(dead_code, missing_docs)] // Each test uses its own part of it.

use node::{Addr, Ctx, LocalTime, Node, OpId};
use serde::{Deserialize, Serialize};
use sim::{Ask, Scenario, ms};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// The odd thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Odd {
    Nothing,
    /// Each message makes two.
    SendLoop,
    /// One handler asks for very many effects.
    ManyEffects,
    /// No operation is answered.
    Mute,
    /// An operation is answered twice.
    AnswersTwice,
    /// An answer to an operation that nobody asked.
    AnswersNobody,
    /// Sends in the order of a HashMap.
    HashMapOrder,
    /// Sends a number from a static.
    Static,
    /// Sends to an address that does not exist.
    Stranger,
    /// A message that changes on the wire.
    LossyWire,
    /// The handler panics.
    Panics,
    /// The handler is still to do.
    Todo,
    /// The handler panics and nobody hears it.
    Swallows,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Number {
    pub n: u64,
    #[serde(skip)]
    pub hidden: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pair {
    sum: u64,
}

static CALLS: AtomicU64 = AtomicU64::new(0);

fn number(n: u64) -> Number {
    Number { n, hidden: 0 }
}

impl Node for Pair {
    type Config = Odd;
    type Msg = Number;
    type Timer = ();
    type Op = u64;
    type Ret = u64;
    type View = u64;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Pair { sum: 0 }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Number) {
        self.sum += msg.n;
        if *cx.cfg() == Odd::SendLoop {
            cx.send(from, msg.clone());
            cx.send(from, msg);
        }
    }

    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, (): ()) {}

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, n: u64) {
        let other = Addr(1 - cx.me().0);
        match *cx.cfg() {
            Odd::Mute => return,
            Odd::ManyEffects => (0..20_000).for_each(|n| cx.send(other, number(n))),
            Odd::AnswersTwice => cx.ret(id, 0),
            Odd::AnswersNobody => cx.ret(OpId::external(1_000), 0),
            Odd::HashMapOrder => {
                let map: HashMap<u64, ()> = (0..8).map(|k| (k, ())).collect();
                map.keys().for_each(|k| cx.send(other, number(*k)));
            }
            Odd::Static => cx.send(other, number(CALLS.fetch_add(1, Ordering::Relaxed))),
            Odd::Stranger => cx.send(Addr(7), number(n)),
            Odd::LossyWire => cx.send(other, Number { n, hidden: 5 }),
            Odd::Panics => panic!("the sum is {}", self.sum),
            Odd::Todo => todo!("task 1.1"),
            Odd::Swallows => {
                let _ = std::panic::catch_unwind(|| panic!("nobody hears this"));
            }
            Odd::Nothing | Odd::SendLoop => cx.send(other, number(n)),
        }
        cx.ret(id, n);
    }

    fn view(&self, _now: LocalTime) -> u64 {
        self.sum
    }
}

/// Two of them and a client.
pub fn scenario(odd: Odd) -> Scenario<Pair> {
    Scenario::new("toy")
        .titled("Two that are odd")
        .node(Addr(0), "left", "node", odd)
        .node(Addr(1), "right", "node", odd)
        .client("client", |turn| {
            (turn.nth < 5).then(|| Ask {
                node: Addr(0),
                op: 1 + turn.nth,
                after: ms(20),
            })
        })
        .lasting(ms(300), ms(100))
        .over_the_wire()
}
