//! Stage 1: the plainest client: it locks and unlocks, one command each, and never doubts.

use crate::message::{Msg, Op, Proof, Reply, Request, Ret, Timer, When};
use crate::names::{Name, Owner, RequestId, Token};
use crate::view::{ClientView, HeldView};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a plain client is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientConfig {
    /// First part of the owner values that it makes up; no two clients share it.
    pub identity: String,
    /// The lock server.
    pub server: Addr,
    /// After so long without an answer it tells its program [`Ret::Unknown`].
    pub patience: Duration,
}

/// What a request under way is for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Call {
    id: OpId,
    name: Name,
    owner: Owner,
    asks: Asks,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Asks {
    Lock,
    Unlock,
}

/// A lock client that holds a lock until it unlocks, whatever the clock says.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Client {
    held: BTreeMap<Name, Owner>,
    calls: BTreeMap<RequestId, Call>,
}

impl Client {
    /// **Task 1.5** (one command to lock): the one request that takes the lock `name` for `owner`.
    ///
    /// It must be a single raw command ([`Request::Set`]) that the server carries out in one step:
    /// whether the lock is free, who has it and when it ends. If this client dies after any
    /// message, the lock must still become free.
    fn lock_request(name: &Name, owner: &Owner, ttl: Duration) -> Request {
        todo!("task 1.5")
    }

    /// **Task 1.6** (one command to unlock): the one request that gives `name` back.
    ///
    /// It may arrive late, when the lease of `owner` has long ended and another owner holds the
    /// lock: then it must change nothing. So the server has to compare, in the same step.
    fn unlock_request(name: &Name, owner: &Owner) -> Request {
        todo!("task 1.6")
    }

    fn ask(&mut self, cx: &mut Ctx<'_, Self>, call: Call, request: Request) {
        let id = RequestId {
            op: call.id.number(),
            seq: 0,
        };
        cx.send(cx.cfg().server, Msg::Request(id, request));
        cx.set_timer(Timer::NoAnswer(id), cx.cfg().patience);
        self.calls.insert(id, call);
    }

    fn heard(&mut self, cx: &mut Ctx<'_, Self>, call: Call, reply: Reply) {
        let ret = match (&call.asks, reply) {
            (Asks::Lock, Reply::Granted { token }) => {
                self.held.insert(call.name.clone(), call.owner.clone());
                Ret::Locked { token }
            }
            (Asks::Lock, _) => Ret::Busy,
            (Asks::Unlock, Reply::Done) => Ret::Unlocked,
            (Asks::Unlock, _) => Ret::NotHeld,
        };
        cx.ret(call.id, ret);
    }
}

impl Node for Client {
    type Config = ClientConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = ClientView;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Client {
            held: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, _from: Addr, msg: Msg) {
        if let Msg::Reply(id, reply) = msg
            && let Some(call) = self.calls.remove(&id)
        {
            cx.cancel_timer(Timer::NoAnswer(id));
            self.heard(cx, call, reply);
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        if let Timer::NoAnswer(id) = timer
            && let Some(call) = self.calls.remove(&id)
        {
            cx.ret(call.id, Ret::Unknown);
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        match op {
            Op::Lock { name, .. } if self.held.contains_key(&name) => cx.ret(id, Ret::Busy),
            Op::Lock { name, ttl, .. } => {
                let owner = Owner::new(format!("{}{}", cx.cfg().identity, id.number()));
                let request = Self::lock_request(&name, &owner, ttl);
                let asks = Asks::Lock;
                let call = Call {
                    id,
                    name,
                    owner,
                    asks,
                };
                self.ask(cx, call, request);
            }
            Op::Unlock { name } => match self.held.remove(&name) {
                Some(owner) => {
                    let request = Self::unlock_request(&name, &owner);
                    let asks = Asks::Unlock;
                    let call = Call {
                        id,
                        name,
                        owner,
                        asks,
                    };
                    self.ask(cx, call, request);
                }
                None => cx.ret(id, Ret::NotHeld),
            },
            Op::Act { name } if self.held.contains_key(&name) => cx.ret(id, Ret::Acted),
            Op::Act { .. } => cx.ret(id, Ret::NotHeld),
            Op::Write { .. } | Op::Lead => cx.ret(id, Ret::NotHere),
        }
    }

    fn view(&self, _now: LocalTime) -> ClientView {
        let held = self.held.iter().map(|(name, owner)| HeldView {
            name: name.clone(),
            owner: owner.clone(),
            token: Token::NONE,
            valid_until: None,
        });
        ClientView {
            held: held.collect(),
        }
    }
}
