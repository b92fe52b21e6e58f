//! Stage 4, second variant: Redlock, a client that asks several independent servers.

use crate::message::{Msg, Op, Proof, Reply, Request, Ret, Timer};
use crate::names::{Name, Owner, RequestId, Token};
use crate::session::deadline;
use crate::view::{ClientView, HeldView};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a Redlock client is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RedlockConfig {
    /// First part of the owner values that it makes up; no two clients share it.
    pub identity: String,
    /// The servers, an odd number. They know nothing of each other.
    pub servers: Vec<Addr>,
    /// How far any clock's rate is off, at most, in parts per million.
    pub drift_ppm: u32,
    /// After so long it counts the servers that have not answered as lost.
    pub patience: Duration,
}

/// One attempt to take a lock on a majority.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Attempt {
    /// What it locks.
    pub name: Name,
    /// The value that it puts under the name on every server.
    pub owner: Owner,
    /// How long each server's grant lasts.
    pub ttl: Duration,
    /// When the requests were sent.
    pub sent: LocalTime,
    /// The servers that have granted it.
    pub granted: BTreeSet<Addr>,
    /// The servers that have refused it.
    pub refused: BTreeSet<Addr>,
    /// The operation that is to be answered; `None` when it was.
    pub asked_by: Option<OpId>,
    /// Set when a majority has granted it: until when it may be believed.
    pub valid_until: Option<LocalTime>,
}

/// A Redlock client. It does not renew.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Redlock {
    attempts: BTreeMap<u64, Attempt>,
}

impl Redlock {
    /// **Task 4.2** (a majority, in time): `server` has answered the attempt `number`; `granted`
    /// says how.
    ///
    /// Writes the answer down in [`Attempt::granted`] or [`Attempt::refused`] (a server may answer
    /// twice: count servers, not answers). Does no more once the operation has been answered. When
    /// more than half of *all* servers have granted it and the deadline that follows from
    /// [`Attempt::sent`] ([`deadline`]) is still ahead, the lock is held: keeps the deadline in
    /// [`Attempt::valid_until`] and answers [`Ret::Locked`] with [`Token::NONE`]. When the
    /// deadline has passed, or so many have refused that no majority is left, gives up
    /// ([`Redlock::give_up`]) with [`Ret::Busy`].
    fn tally(&mut self, cx: &mut Ctx<'_, Self>, number: u64, server: Addr, granted: bool) {
        let now = cx.now();
        let servers = cx.cfg().servers.len();
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        if granted {
            attempt.granted.insert(server);
        } else {
            attempt.refused.insert(server);
        }
        let Some(id) = attempt.asked_by else {
            return;
        };
        let valid_until = deadline(attempt.sent, attempt.ttl, cx.cfg().drift_ppm);
        let majority = servers / 2 + 1;
        if now >= valid_until || attempt.refused.len() > servers - majority {
            self.give_up(cx, number, Ret::Busy);
        } else if attempt.granted.len() >= majority {
            attempt.valid_until = Some(valid_until);
            attempt.asked_by = None;
            let token = Token::NONE;
            cx.ret(id, Ret::Locked { token });
        }
    }

    /// Answers the attempt's operation, if it was not, and releases the lock on every server, also
    /// on those that have not answered: their grant may be under way.
    fn give_up(&mut self, cx: &mut Ctx<'_, Self>, number: u64, ret: Ret) {
        let Some(attempt) = self.attempts.remove(&number) else {
            return;
        };
        if let Some(id) = attempt.asked_by {
            cx.ret(id, ret);
        }
        let id = RequestId { op: number, seq: 1 };
        let release = Request::Release {
            name: attempt.name,
            proof: Proof::Owner(attempt.owner),
        };
        cx.send_all(&cx.cfg().servers, Msg::Request(id, release));
    }

    fn lock(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, name: Name, ttl: Duration) {
        let number = id.number();
        let owner = Owner::new(format!("{}{number}", cx.cfg().identity));
        let attempt = Attempt {
            name: name.clone(),
            owner: owner.clone(),
            ttl,
            sent: cx.now(),
            granted: BTreeSet::new(),
            refused: BTreeSet::new(),
            asked_by: Some(id),
            valid_until: None,
        };
        self.attempts.insert(number, attempt);
        let request = RequestId { op: number, seq: 0 };
        let acquire = Request::Acquire {
            name,
            owner,
            ttl,
            wait: None,
        };
        cx.send_all(&cx.cfg().servers, Msg::Request(request, acquire));
        cx.set_timer(Timer::NoAnswer(request), cx.cfg().patience);
    }

    /// The attempt that holds `name` at the moment `now`.
    fn holds(&self, now: LocalTime, name: &Name) -> Option<u64> {
        let mut all = self.attempts.iter();
        all.find(|(_, a)| a.name == *name && a.valid_until.is_some_and(|until| now < until))
            .map(|(number, _)| *number)
    }
}

impl Node for Redlock {
    type Config = RedlockConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = ClientView;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Redlock {
            attempts: BTreeMap::new(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Reply(RequestId { op, seq: 0 }, Reply::Granted { .. }) => {
                self.tally(cx, op, from, true);
            }
            Msg::Reply(RequestId { op, seq: 0 }, _) => self.tally(cx, op, from, false),
            _ => {}
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        if let Timer::NoAnswer(RequestId { op, .. }) = timer
            && self.attempts.get(&op).is_some_and(|a| a.asked_by.is_some())
        {
            self.give_up(cx, op, Ret::Busy);
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        let now = cx.now();
        // Forget what has run out.
        self.attempts
            .retain(|_, a| a.valid_until.is_none_or(|until| now < until));
        match op {
            Op::Lock { name, .. } if self.holds(now, &name).is_some() => cx.ret(id, Ret::Busy),
            Op::Lock { name, ttl, .. } => self.lock(cx, id, name, ttl),
            Op::Unlock { name } => match self.holds(now, &name) {
                Some(number) => {
                    self.give_up(cx, number, Ret::Busy);
                    cx.ret(id, Ret::Unlocked);
                }
                None => cx.ret(id, Ret::NotHeld),
            },
            Op::Act { name } => {
                let holds = self.holds(now, &name).is_some();
                cx.ret(id, if holds { Ret::Acted } else { Ret::NotHeld });
            }
            Op::Write { .. } | Op::Lead => cx.ret(id, Ret::NotHere),
        }
    }

    fn view(&self, now: LocalTime) -> ClientView {
        let held = self.attempts.values().filter_map(|a| {
            let valid_until = a.valid_until.filter(|until| now < *until)?;
            Some(HeldView {
                name: a.name.clone(),
                owner: a.owner.clone(),
                token: Token::NONE,
                valid_until: Some(valid_until),
            })
        });
        ClientView {
            held: held.collect(),
        }
    }
}
