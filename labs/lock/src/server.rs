//! The lock server: a [`LockTable`] that answers requests, of simulated clients as messages and of
//! the RESP front end as operations. Given, except for task 4.3 of stage 4 and task 5.4 of stage 5.

use crate::message::{Msg, Proof, Reply, Request, Timer, When};
use crate::names::{Name, Owner, RequestId, Token};
use crate::queue::{WaitQueue, Waiter};
use crate::table::{Lease, LockTable};
use crate::token::TokenSource;
use crate::view::ServerView;
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::time::Duration;

/// How a lock server is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerConfig {
    /// Whether grants carry fencing tokens (stage 3).
    pub fencing: bool,
    /// How long after its start a server answers nothing (stage 4: Redlock's delayed restart); at
    /// least the longest TTL that any client asks for. Zero is not at all.
    pub silent_for: Duration,
    /// How many may wait at once; more are refused with [`Reply::Overloaded`].
    pub max_waiters: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        ServerConfig {
            fencing: false,
            silent_for: Duration::ZERO,
            max_waiters: 10_000,
        }
    }
}

/// Whom to answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Caller {
    /// Another node, by message.
    Peer(Addr, RequestId),
    /// A client of this node.
    Client(OpId),
}

/// A lock server. Leases end lazily: only a lease that somebody waits for has a timer.
///
/// Its leases are in memory: a server that restarts has granted nothing, so for one TTL there may
/// be two holders. Only the counter behind the tokens survives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LockServer {
    pub(crate) table: LockTable,
    pub(crate) tokens: TokenSource,
    pub(crate) queue: WaitQueue,
}

impl LockServer {
    /// Carries out one request, in one step, and answers it (a waiting one later).
    pub fn serve(&mut self, cx: &mut Ctx<'_, Self>, caller: Caller, request: Request) {
        let name = request.name().clone();
        if let Some(reply) = self.apply(cx, caller, request) {
            self.answer(cx, caller, reply);
        }
        if self.queue.has(&name) {
            self.hand_over(cx, &name);
        }
    }

    /// The clock by which leases end.
    fn now(&self, cx: &Ctx<'_, Self>) -> LocalTime {
        cx.now()
    }

    /// The reply, or `None` for one who waits.
    fn apply(&mut self, cx: &mut Ctx<'_, Self>, caller: Caller, request: Request) -> Option<Reply> {
        let now = self.now(cx);
        self.table.sweep(now);
        let done = |yes| Some(if yes { Reply::Done } else { Reply::Missing });
        match request {
            Request::Set {
                name,
                owner,
                ttl,
                when,
            } => Some(self.set(cx, name, owner, ttl, when)),
            Request::Acquire {
                name,
                owner,
                ttl,
                wait,
            } => self.acquire(cx, caller, name, owner, ttl, wait),
            Request::Get { name } => {
                let lease = self.table.get(now, &name);
                Some(Reply::Value(lease.map(|l| l.owner.clone())))
            }
            Request::Delete { name } => done(self.table.delete(now, &name)),
            Request::Expire { name, ttl } => done(self.table.expire(now, &name, ttl)),
            Request::TimeLeft { name } => Some(Reply::TimeLeft(self.table.time_left(now, &name))),
            Request::Renew { name, proof, ttl } => done(self.table.renew(now, &name, &proof, ttl)),
            Request::Release { name, proof } => {
                let left = match &proof {
                    Proof::Owner(owner) => self.queue.leave(&name, |w| w.owner == *owner),
                    Proof::Token(_) => false,
                };
                done(self.table.release(now, &name, &proof) || left)
            }
        }
    }

    fn set(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        name: Name,
        owner: Owner,
        ttl: Option<Duration>,
        when: When,
    ) -> Reply {
        let now = self.now(cx);
        match when {
            When::IfAbsent => return self.grant(cx, &name, &owner, ttl),
            When::IfPresent if self.table.get(now, &name).is_none() => return Reply::Refused,
            When::IfPresent | When::Always => {}
        }
        let lease = Lease {
            owner,
            token: Token::NONE,
            until: ttl.map(|ttl| now + ttl),
        };
        self.table.set(name, lease);
        Reply::Granted { token: Token::NONE }
    }

    fn acquire(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        caller: Caller,
        name: Name,
        owner: Owner,
        ttl: Duration,
        wait: Option<Duration>,
    ) -> Option<Reply> {
        let now = self.now(cx);
        if let Some(lease) = self.table.get(now, &name)
            && lease.owner == owner
        {
            let token = lease.token;
            return Some(Reply::Granted { token });
        }
        let Some(wait) = wait else {
            return Some(self.grant(cx, &name, &owner, Some(ttl)));
        };
        if self.queue.len() >= self.cfg_max(cx) {
            return Some(Reply::Overloaded);
        }
        // Even a free lock is given by way of the queue: others may stand there already.
        let deadline = now + wait;
        let waiter = Waiter {
            caller,
            owner,
            ttl,
            deadline,
        };
        self.queue.join(&name, waiter);
        None
    }

    fn cfg_max(&self, cx: &Ctx<'_, Self>) -> usize {
        cx.cfg().max_waiters
    }

    /// Takes the lock if it is free, with a token if this server issues any.
    pub(crate) fn grant(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        name: &Name,
        owner: &Owner,
        ttl: Option<Duration>,
    ) -> Reply {
        let now = self.now(cx);
        if self.table.get(now, name).is_some() {
            return Reply::Refused;
        }
        let token = if cx.cfg().fencing {
            self.tokens.issue(cx)
        } else {
            Token::NONE
        };
        if self.table.set_if_absent(now, name, owner, token, ttl) {
            Reply::Granted { token }
        } else {
            Reply::Refused
        }
    }

    /// **Task 5.4** (one release, one grant): called after every step about `name` while somebody
    /// waits for it, and when a lease or a waiter's patience may have ended.
    ///
    /// Answers those who have lost patience ([`WaitQueue::impatient`]) with [`Reply::Refused`].
    /// If nothing lives under `name`, grants it ([`LockServer::grant`]) to the next in the queue
    /// and answers that one; nobody else hears anything. While somebody still waits, leaves
    /// [`Timer::Queue`] set for the moment at which the lease ends or the next waiter's patience
    /// does, whichever comes first; with nobody waiting, cancels it.
    pub(crate) fn hand_over(&mut self, cx: &mut Ctx<'_, Self>, name: &Name) {
        todo!("task 5.4")
    }

    fn answer(&self, cx: &mut Ctx<'_, Self>, caller: Caller, reply: Reply) {
        match caller {
            Caller::Peer(addr, id) => cx.send(addr, Msg::Reply(id, reply)),
            Caller::Client(id) => cx.ret(id, reply),
        }
    }

    /// Whether this server has been up long enough to answer.
    fn awake(&self, cx: &Ctx<'_, Self>) -> bool {
        cx.cfg().silent_for.is_zero() || Self::waited(cx.now(), cx.cfg().silent_for)
    }

    /// **Task 4.3** (what is lost at a restart?): whether a server whose monotonic clock shows
    /// `now` may answer requests, if it is to be silent for `silent_for` after each start.
    ///
    /// A server that has just started has forgotten which leases it granted in its earlier life.
    /// The clock starts anew at each boot ([`LocalTime`]); an earlier life cannot be told from
    /// none at all, so the rule is the same for every start. The moment at which exactly that
    /// time has passed is late enough.
    fn waited(now: LocalTime, silent_for: Duration) -> bool {
        todo!("task 4.3")
    }
}

impl Node for LockServer {
    type Config = ServerConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Request;
    type Ret = Reply;
    type View = ServerView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        LockServer {
            table: LockTable::default(),
            tokens: if cx.cfg().fencing {
                TokenSource::boot(cx)
            } else {
                TokenSource::default()
            },
            queue: WaitQueue::default(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        if let Msg::Request(id, request) = msg
            && self.awake(cx)
        {
            self.serve(cx, Caller::Peer(from, id), request);
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        if let Timer::Queue(name) = timer {
            self.hand_over(cx, &name);
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Request) {
        if self.awake(cx) {
            self.serve(cx, Caller::Client(id), op);
        } else {
            cx.ret(id, Reply::NotLeader);
        }
    }

    fn on_cancel(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        let caller = Caller::Client(id);
        if let Some(name) = self.queue.waits_for(caller) {
            self.queue.leave(&name, |w| w.caller == caller);
            self.hand_over(cx, &name);
        }
    }

    fn view(&self, now: LocalTime) -> ServerView {
        ServerView {
            leases: self.table.view(now),
            waiting: self.queue.view(),
            leads: true,
        }
    }
}
