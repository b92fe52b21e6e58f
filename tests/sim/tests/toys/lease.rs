//! A server that lends one thing for a time, and clients that believe that they have it.

use node::{Addr, Ctx, LocalTime, Node, OpId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    Acquire { attempt: u8 },
    Granted { attempt: u8 },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Try;

pub struct Config {
    pub server: Addr,
    pub ttl: Duration,
    /// The bug: the client counts from the answer, not from its question.
    pub from_reply: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Lease {
    Server {
        owner: Addr,
        until: LocalTime,
    },
    Client {
        attempt: u8,
        sent: LocalTime,
        until: LocalTime,
    },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub holds: bool,
}

impl Node for Lease {
    type Config = Config;
    type Msg = Msg;
    type Timer = Try;
    type Op = ();
    type Ret = ();
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        if cx.me() == cx.cfg().server {
            let (owner, until) = (cx.me(), cx.now());
            return Lease::Server { owner, until };
        }
        cx.set_timer_within(Try, cx.cfg().ttl / 2..cx.cfg().ttl);
        let (attempt, sent, until) = (0, cx.now(), cx.now());
        Lease::Client {
            attempt,
            sent,
            until,
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, _: Try) {
        if let Lease::Client { attempt, sent, .. } = self {
            *attempt += 1;
            *sent = cx.now();
            cx.send(cx.cfg().server, Msg::Acquire { attempt: *attempt });
            cx.set_timer_within(Try, cx.cfg().ttl / 2..cx.cfg().ttl * 3 / 2);
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        let (now, ttl) = (cx.now(), cx.cfg().ttl);
        match (self, msg) {
            (Lease::Server { owner, until }, Msg::Acquire { attempt })
                if now >= *until || *owner == from =>
            {
                (*owner, *until) = (from, now + ttl);
                cx.send(from, Msg::Granted { attempt });
            }
            (
                Lease::Client {
                    attempt,
                    sent,
                    until,
                },
                Msg::Granted { attempt: of },
            ) if of == *attempt => {
                *until = if cx.cfg().from_reply { now } else { *sent } + ttl;
            }
            _ => {}
        }
    }

    fn on_op(&mut self, _: &mut Ctx<'_, Self>, _: OpId, (): ()) {}

    fn view(&self, now: LocalTime) -> View {
        View {
            holds: matches!(self, Lease::Client { until, .. } if now < *until),
        }
    }
}
