//! The session's plumbing: which handler leads to which task. Given.

use super::{Held, Phase, Session, SessionConfig, Writing};
use crate::message::{Msg, Op, Proof, Reply, Request, Ret, StorageReply, StorageRequest, Timer};
use crate::names::{Name, Owner, RequestId, Token, Value};
use crate::view::{ClientView, HeldView};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::BTreeMap;
use std::time::Duration;

impl Session {
    /// Sends one request to a lock server: to the next one, if this one left the last unanswered.
    pub(super) fn ask(&mut self, cx: &mut Ctx<'_, Self>, id: RequestId, request: Request) {
        let servers = &cx.cfg().servers;
        if self.silent {
            self.server += 1;
        }
        self.silent = true;
        cx.send(
            servers[self.server % servers.len()],
            Msg::Request(id, request),
        );
    }

    /// Asks the server to end the lease of `name`, again and again until it answers.
    pub(super) fn ask_release(&mut self, cx: &mut Ctx<'_, Self>, name: &Name) {
        let Some(lock) = self.locks.get_mut(name) else {
            return;
        };
        lock.asking = lock.next_id();
        lock.give_up_at = cx.now() + cx.cfg().patience;
        self.ask_again(cx, name);
    }

    /// Forgets the lock `name` and tells the server so, once: if that message is lost, the lease
    /// ends by itself.
    pub(super) fn give_back(&mut self, cx: &mut Ctx<'_, Self>, name: &Name) {
        let Some(mut lock) = self.locks.remove(name) else {
            return;
        };
        cx.cancel_timer(Timer::Renew(name.clone()));
        cx.cancel_timer(Timer::NoAnswer(lock.asking));
        let id = lock.next_id();
        let proof = Proof::Owner(lock.owner);
        let name = name.clone();
        self.ask(cx, id, Request::Release { name, proof });
    }

    /// (Re)sends the request whose answer the program waits for.
    fn ask_again(&mut self, cx: &mut Ctx<'_, Self>, name: &Name) {
        let now = cx.now();
        let Some(lock) = self.locks.get(name) else {
            return;
        };
        let request = match lock.phase {
            Phase::Asking(_) => Request::Acquire {
                name: name.clone(),
                owner: lock.owner.clone(),
                ttl: lock.ttl,
                wait: lock.wait.map(|wait| (lock.asked_at + wait) - now),
            },
            Phase::Releasing(_) => Request::Release {
                name: name.clone(),
                proof: Proof::Owner(lock.owner.clone()),
            },
            Phase::Confirming(_) => {
                let token = lock.token;
                return self.recheck(cx, name, token);
            }
            Phase::Held => return,
        };
        let id = lock.asking;
        self.ask(cx, id, request);
        cx.set_timer(Timer::NoAnswer(id), cx.cfg().retry_after);
    }

    fn lock(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        id: OpId,
        name: Name,
        ttl: Duration,
        wait: Option<Duration>,
    ) {
        let now = cx.now();
        if self.locks.contains_key(&name) && !self.lapsed(now, &name) {
            return cx.ret(id, Ret::Busy);
        }
        let op = id.number();
        let held = Held {
            owner: Owner::new(format!("{}{op}", cx.cfg().identity)),
            token: Token::NONE,
            ttl,
            wait,
            phase: Phase::Asking(id),
            asked_at: now,
            valid_until: now,
            renewals: BTreeMap::new(),
            opened: false,
            asking: RequestId { op, seq: 0 },
            give_up_at: now + wait.unwrap_or_default() + cx.cfg().patience,
            next_seq: 0,
        };
        self.locks.insert(name.clone(), held);
        self.ask_again(cx, &name);
    }

    /// Whether `name` was held and its deadline has passed; the program has not noticed yet.
    fn lapsed(&self, now: LocalTime, name: &Name) -> bool {
        let held = self.locks.get(name).is_some_and(|l| l.phase == Phase::Held);
        held && self.holds(now, name).is_none()
    }

    fn write(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, name: Name, value: Value) {
        let Some(storage) = cx.cfg().storage else {
            return cx.ret(id, Ret::NotHere);
        };
        let Some(lock) = self.holds(cx.now(), &name) else {
            return cx.ret(id, Ret::NotHeld);
        };
        let (token, owner, opened) = (lock.token, lock.owner.clone(), lock.opened);
        let request = RequestId {
            op: id.number(),
            seq: 0,
        };
        let writing = Writing {
            id,
            name,
            owner,
            value,
        };
        if opened {
            self.write_now(cx, request, writing);
        } else {
            let name = writing.name.clone();
            let open = StorageRequest::Open { name, token };
            cx.send(storage, Msg::ToStorage(request, open));
            cx.set_timer(Timer::NoAnswer(request), cx.cfg().patience);
            self.writes.insert(request, writing);
        }
    }

    fn write_now(&mut self, cx: &mut Ctx<'_, Self>, request: RequestId, writing: Writing) {
        let Some(storage) = cx.cfg().storage else {
            return;
        };
        let seq = 1;
        let request = RequestId { seq, ..request };
        if self.send_write(cx, request, storage, &writing.name, &writing.value) {
            cx.set_timer(Timer::NoAnswer(request), cx.cfg().patience);
            self.writes.insert(request, writing);
        } else {
            cx.ret(writing.id, Ret::NotHeld);
        }
    }

    fn storage_said(&mut self, cx: &mut Ctx<'_, Self>, id: RequestId, reply: StorageReply) {
        let Some(writing) = self.writes.remove(&id) else {
            return;
        };
        cx.cancel_timer(Timer::NoAnswer(id));
        match reply {
            StorageReply::Done if id.seq == 0 => match self.locks.get_mut(&writing.name) {
                Some(lock) if lock.owner == writing.owner => {
                    lock.opened = true;
                    self.write_now(cx, id, writing);
                }
                // It was asked for under a lock that is gone, whoever holds the next one.
                _ => cx.ret(writing.id, Ret::NotHeld),
            },
            StorageReply::Done => cx.ret(writing.id, Ret::Written),
            StorageReply::Stale { .. } => cx.ret(writing.id, Ret::Stale),
        }
    }

    fn server_said(&mut self, cx: &mut Ctx<'_, Self>, id: RequestId, reply: Reply) {
        let mut all = self.locks.iter();
        let Some((name, lock)) = all.find(|(_, lock)| lock.asking.op == id.op) else {
            return;
        };
        let (name, phase, waited) = (name.clone(), lock.phase, lock.wait.is_some());
        if reply == Reply::NotLeader {
            // Its `NoAnswer` timer, or the next renewal, asks another.
            self.silent = true;
            return;
        }
        if id == lock.asking {
            cx.cancel_timer(Timer::NoAnswer(id));
        }
        match (phase, reply) {
            (_, Reply::Granted { token }) if waited => self.recheck(cx, &name, token),
            (_, Reply::Granted { token }) => self.granted(cx, &name, token),
            (Phase::Asking(_), Reply::AskAgain) => self.ask_again(cx, &name),
            (Phase::Asking(op), _) if id == self.locks[&name].asking => {
                self.locks.remove(&name);
                cx.ret(op, Ret::Busy);
            }
            (Phase::Releasing(op), reply) if id == self.locks[&name].asking => {
                self.locks.remove(&name);
                let done = reply == Reply::Done;
                cx.ret(op, if done { Ret::Unlocked } else { Ret::NotHeld });
            }
            (Phase::Confirming(_), reply) => {
                cx.cancel_timer(Timer::NoAnswer(id));
                self.confirmed(cx, &name, id, reply == Reply::Done);
            }
            (_, reply) => self.renewed(cx, &name, id, reply == Reply::Done),
        }
    }

    fn no_answer(&mut self, cx: &mut Ctx<'_, Self>, id: RequestId) {
        if let Some(writing) = self.writes.remove(&id) {
            return cx.ret(writing.id, Ret::Unknown);
        }
        let now = cx.now();
        let mut all = self.locks.iter();
        let Some((name, lock)) = all.find(|(_, lock)| lock.asking.op == id.op) else {
            return;
        };
        let (name, phase) = (name.clone(), lock.phase);
        if now < lock.give_up_at {
            return self.ask_again(cx, &name);
        }
        match phase {
            Phase::Asking(op) | Phase::Confirming(op) => {
                self.give_back(cx, &name);
                cx.ret(op, Ret::Unknown);
            }
            Phase::Releasing(op) => {
                self.locks.remove(&name);
                cx.ret(op, Ret::Unknown);
            }
            Phase::Held => {}
        }
    }
}

impl Node for Session {
    type Config = SessionConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = ClientView;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Session {
            locks: BTreeMap::new(),
            writes: BTreeMap::new(),
            server: 0,
            silent: false,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, _from: Addr, msg: Msg) {
        match msg {
            Msg::Reply(id, reply) => {
                self.silent = false;
                self.server_said(cx, id, reply);
            }
            Msg::FromStorage(id, reply) => self.storage_said(cx, id, reply),
            _ => {}
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        match timer {
            Timer::Renew(name) => self.renew(cx, &name),
            Timer::NoAnswer(id) => self.no_answer(cx, id),
            _ => {}
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        match op {
            Op::Lock { name, ttl, wait } => self.lock(cx, id, name, ttl, wait),
            Op::Unlock { name } => self.unlock(cx, id, &name),
            Op::Act { name } => {
                let holds = self.holds(cx.now(), &name).is_some();
                cx.ret(id, if holds { Ret::Acted } else { Ret::NotHeld });
            }
            Op::Write { name, value } => self.write(cx, id, name, value),
            Op::Lead => cx.ret(id, Ret::NotHere),
        }
    }

    fn on_cancel(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        let waits = |phase| matches!(phase, Phase::Asking(op) | Phase::Confirming(op) if op == id);
        let mut all = self.locks.iter();
        if let Some((name, _)) = all.find(|(_, lock)| waits(lock.phase)) {
            let name = name.clone();
            self.give_back(cx, &name);
        }
    }

    fn view(&self, now: LocalTime) -> ClientView {
        let names = self.locks.keys();
        let held = names.filter_map(|name| {
            self.holds(now, name).map(|lock| HeldView {
                name: name.clone(),
                owner: lock.owner.clone(),
                token: lock.token,
                valid_until: Some(lock.valid_until),
            })
        });
        ClientView {
            held: held.collect(),
        }
    }
}
