//! Stage 4, third variant: a lock server that keeps every grant in a replicated register.

use crate::message::{Msg, Op, Proof, Reply, Request, Ret, Timer};
use crate::names::{Name, Owner, RequestId, Token};
use crate::replica::{Record, RegisterReply, RegisterRequest, Version};
use crate::view::{LeaseView, ServerView};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a leader is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaderConfig {
    /// The register.
    pub register: Addr,
    /// How often it writes down how much of each lease is left.
    pub checkpoint_every: Duration,
    /// After so long without an answer the register is asked again.
    pub retry_after: Duration,
}

/// What a leader knows of one record.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Known {
    /// The version that it read or wrote last.
    pub version: Version,
    /// What stands there; `None` is free.
    pub record: Option<Record>,
    /// When the lease in `record` ends, on this leader's clock.
    pub ends: LocalTime,
    /// Requests that came while this record was being written.
    waiting: Vec<(Addr, RequestId, Request)>,
    writing: bool,
}

impl Known {
    /// The lease that lives at the moment `now`.
    pub fn lease(&self, now: LocalTime) -> Option<&Record> {
        self.record.as_ref().filter(|_| now < self.ends)
    }
}

/// What happens when a write to the register is done.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Then {
    /// A client is answered.
    Answer(Addr, RequestId, Reply),
    /// Nothing.
    Nothing,
}

/// A write to the register under way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Writing {
    name: Name,
    expect: Version,
    record: Option<Record>,
    ends: LocalTime,
    then: Then,
}

/// One of several lock servers in front of one register. [`Op::Lead`] makes it the leader; one
/// that no longer leads learns it from the register, which refuses its next write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Leader {
    /// The number of the operation that made it the leader.
    term: Option<u64>,
    /// Whether it has read the register since.
    ready: bool,
    next_seq: u32,
    known: BTreeMap<Name, Known>,
    writes: BTreeMap<RequestId, Writing>,
}

impl Leader {
    /// **Task 4.4** (grant by compare-and-set): decides on a client's `request`. No write of this
    /// name is under way.
    ///
    /// - [`Request::Acquire`]: [`Reply::Refused`] if a lease of another owner lives
    ///   ([`Known::lease`]); [`Reply::Granted`] with the same token if it is the asker's own. If
    ///   none lives, the register is written ([`Leader::write`]) with a new [`Record`] whose
    ///   token is the number of the *next* version, so that tokens only grow.
    /// - [`Request::Renew`] and [`Request::Release`] by [`Proof::Owner`]: [`Reply::Missing`] if no
    ///   lease of that owner lives; otherwise the register is written, with the whole TTL left or
    ///   with nothing.
    /// - anything else: [`Reply::Refused`].
    ///
    /// `ends` of a written lease is its TTL from now. A yes that changes the register goes
    /// out with [`Then::Answer`], when the write is done: before that it could still get lost. What
    /// changes nothing is answered at once ([`Leader::answer`]).
    fn decide(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, id: RequestId, request: Request) {
        todo!("task 4.4")
    }

    /// **Task 4.5** (neither for ever nor too short): a new leader has read all `records`.
    ///
    /// What an earlier leader knew of its clock is lost; what it wrote down is how much was left.
    /// Keeps each record in `self.known` with its version. A lease ends, on this leader's clock,
    /// when as much time has passed from now as the register says was left: it cannot end early,
    /// since it was written before now; and it is not begun anew. Sets [`Timer::Ended`] of each
    /// lease for that moment.
    fn take_over(&mut self, cx: &mut Ctx<'_, Self>, records: Vec<(Name, Version, Option<Record>)>) {
        todo!("task 4.5")
    }

    /// **Task 4.6** (another was faster): the register has refused `write`, since the record has a
    /// newer `version` than the one that this leader knew.
    ///
    /// So another server leads, and whatever this one believed about any record may be old: what
    /// it wanted was decided on what is no longer true. It does not try again. Tells the client
    /// that waits for this write, if one does, [`Reply::NotLeader`], and steps down
    /// ([`Leader::step_down`]).
    fn refused(&mut self, cx: &mut Ctx<'_, Self>, write: Writing, _version: Version) {
        todo!("task 4.6")
    }

    /// Puts `record` under `name` if the register still has the version that this leader knows.
    fn write(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        name: Name,
        record: Option<Record>,
        ends: LocalTime,
        then: Then,
    ) {
        let known = self.known.entry(name.clone()).or_default();
        known.writing = true;
        let write = Writing {
            name,
            expect: known.version,
            record,
            ends,
            then,
        };
        let id = self.next_id();
        self.writes.insert(id, write);
        self.send_write(cx, id);
    }

    fn send_write(&self, cx: &mut Ctx<'_, Self>, id: RequestId) {
        let Some(write) = self.writes.get(&id) else {
            return;
        };
        let request = RegisterRequest::CompareAndSet {
            name: write.name.clone(),
            expect: write.expect,
            record: write.record.clone(),
        };
        cx.send(cx.cfg().register, Msg::ToRegister(id, request));
        cx.set_timer(Timer::NoAnswer(id), cx.cfg().retry_after);
    }

    fn written(&mut self, cx: &mut Ctx<'_, Self>, write: Writing, version: Version) {
        let known = self.known.entry(write.name.clone()).or_default();
        known.version = version;
        known.record = write.record;
        known.ends = write.ends;
        known.writing = false;
        let waiting = std::mem::take(&mut known.waiting);
        let ended = Timer::Ended(write.name);
        if known.record.is_some() {
            cx.set_timer(ended, write.ends - cx.now());
        } else {
            cx.cancel_timer(ended);
        }
        if let Then::Answer(from, id, reply) = write.then {
            self.answer(cx, from, id, reply);
        }
        for (from, id, request) in waiting {
            self.asked(cx, from, id, request);
        }
    }

    /// A client asks; while the record is being written it waits.
    fn asked(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, id: RequestId, request: Request) {
        let known = self.known.entry(request.name().clone()).or_default();
        if known.writing {
            known.waiting.push((from, id, request));
        } else {
            self.decide(cx, from, id, request);
        }
    }

    /// The lease under `name` has ended: frees it, if the register still has what we know.
    fn ended(&mut self, cx: &mut Ctx<'_, Self>, name: Name) {
        let now = cx.now();
        let Some(known) = self.known.get(&name) else {
            return;
        };
        if known.writing || known.record.is_none() {
            return;
        }
        if now < known.ends {
            cx.set_timer(Timer::Ended(name), known.ends - now);
        } else {
            self.write(cx, name, None, now, Then::Nothing);
        }
    }

    /// Writes down how much of each lease is left.
    fn checkpoint(&mut self, cx: &mut Ctx<'_, Self>) {
        let now = cx.now();
        let mut due = Vec::new();
        for (name, known) in &self.known {
            if let Some(lease) = known.lease(now).filter(|_| !known.writing) {
                let left = known.ends - now;
                let mut record = lease.clone();
                record.left = left;
                due.push((name.clone(), known.ends, record));
            }
        }
        for (name, ends, record) in due {
            self.write(cx, name, Some(record), ends, Then::Nothing);
        }
        cx.set_timer(Timer::Checkpoint, cx.cfg().checkpoint_every);
    }

    fn answer(&self, cx: &mut Ctx<'_, Self>, to: Addr, id: RequestId, reply: Reply) {
        cx.send(to, Msg::Reply(id, reply));
    }

    fn step_down(&mut self, cx: &mut Ctx<'_, Self>) {
        for (name, known) in std::mem::take(&mut self.known) {
            cx.cancel_timer(Timer::Ended(name));
            for (from, id, _) in known.waiting {
                self.answer(cx, from, id, Reply::NotLeader);
            }
        }
        for id in std::mem::take(&mut self.writes).into_keys() {
            cx.cancel_timer(Timer::NoAnswer(id));
        }
        cx.cancel_timer(Timer::Checkpoint);
        self.term = None;
        self.ready = false;
    }

    fn next_id(&mut self) -> RequestId {
        self.next_seq += 1;
        RequestId {
            op: self.term.unwrap_or_default(),
            seq: self.next_seq,
        }
    }

    fn read_all(&mut self, cx: &mut Ctx<'_, Self>) {
        let id = self.next_id();
        cx.send(
            cx.cfg().register,
            Msg::ToRegister(id, RegisterRequest::ReadAll),
        );
        cx.set_timer(Timer::NoAnswer(id), cx.cfg().retry_after);
    }

    fn register_said(&mut self, cx: &mut Ctx<'_, Self>, id: RequestId, reply: RegisterReply) {
        if Some(id.op) != self.term {
            return;
        }
        cx.cancel_timer(Timer::NoAnswer(id));
        if let RegisterReply::All(records) = reply {
            if !self.ready {
                self.ready = true;
                self.take_over(cx, records);
                cx.set_timer(Timer::Checkpoint, cx.cfg().checkpoint_every);
            }
            return;
        }
        let Some(write) = self.writes.remove(&id) else {
            return;
        };
        match reply {
            RegisterReply::Written { version } => self.written(cx, write, version),
            RegisterReply::Conflict { version, .. } => self.refused(cx, write, version),
            RegisterReply::All(_) => {}
        }
    }
}

fn is_of(lease: &Record, proof: &Proof) -> bool {
    match proof {
        Proof::Owner(owner) => lease.owner == *owner,
        Proof::Token(token) => lease.token == *token,
    }
}

impl Node for Leader {
    type Config = LeaderConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = ServerView;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Leader {
            term: None,
            ready: false,
            next_seq: 0,
            known: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Request(id, request) if self.ready => self.asked(cx, from, id, request),
            Msg::Request(id, _) => self.answer(cx, from, id, Reply::NotLeader),
            Msg::FromRegister(id, reply) => self.register_said(cx, id, reply),
            _ => {}
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        match timer {
            Timer::Ended(name) => self.ended(cx, name),
            Timer::Checkpoint => self.checkpoint(cx),
            Timer::NoAnswer(id) if self.writes.contains_key(&id) => self.send_write(cx, id),
            Timer::NoAnswer(_) if !self.ready => self.read_all(cx),
            _ => {}
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        if op != Op::Lead {
            return cx.ret(id, Ret::NotHere);
        }
        self.step_down(cx);
        self.term = Some(id.number());
        self.read_all(cx);
        cx.ret(id, Ret::Leading);
    }

    fn view(&self, now: LocalTime) -> ServerView {
        let mut leases = Vec::new();
        for (name, known) in &self.known {
            if let Some(lease) = known.lease(now) {
                let owner: &Owner = &lease.owner;
                leases.push(LeaseView {
                    name: name.clone(),
                    owner: owner.clone(),
                    token: lease.token,
                    until: Some(known.ends),
                });
            }
        }
        ServerView {
            leases,
            waiting: Vec::new(),
            leads: self.ready,
        }
    }
}
