//! What only the leader knows, or may do: how far a read must look, how long a lease lives, who the
//! members are. A member that does not lead asks the one that does, and asks again.

use super::super::api::MemberId;
use super::super::error::EtcdError;
use super::super::message::{Change, Msg, Query, Told};
use super::super::request::{Answer, Request};
use super::serve::Asker;
use super::turn::Turn;
use crate::Index;
use node::{LocalTime, OpId};
use std::collections::BTreeMap;
use std::time::Duration;

/// After so long a question without an answer is asked again.
const REPEAT: Duration = Duration::from_millis(500);

/// A read that waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Read {
    pub op: OpId,
    pub what: What,
    pub deadline: LocalTime,
}

/// What is read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum What {
    /// What the client asked for.
    Request(Box<Request>),
    /// The members, after a change of them.
    Members(Option<MemberId>),
}

/// What is done with the leader's answer.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Then {
    Reads(Vec<Read>),
    Client(OpId),
    Changed { op: OpId, change: Change },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Ask {
    query: Query,
    then: Then,
    deadline: LocalTime,
    sent: LocalTime,
    /// Whether it was sent more than once: then it may have been done already.
    again: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Asks {
    next: u64,
    open: BTreeMap<u64, Ask>,
    /// Reads that came after the last round was begun: they need a later one.
    reads: Vec<Read>,
    /// The question about the reads' index that is under way.
    round: Option<u64>,
    /// Reads that wait until this member has applied so much.
    behind: BTreeMap<Index, Vec<Read>>,
}

impl Asks {
    /// Requests that wait here.
    pub fn len(&self) -> usize {
        self.open.len() + self.reads.len() + self.behind.len()
    }

    /// Whether reads wait for a round that can begin.
    pub fn wants_round(&self) -> bool {
        self.round.is_none() && !self.reads.is_empty()
    }
}

impl Turn<'_, '_> {
    pub fn deadline(&self) -> LocalTime {
        self.cx.now() + self.cx.cfg().limits.request_timeout
    }

    /// Reads when this member knows all that was committed before now.
    pub fn read(&mut self, op: OpId, what: What) {
        let deadline = self.deadline();
        let read = Read { op, what, deadline };
        self.node.asks.reads.push(read);
        self.arm();
    }

    /// Begins a round for all reads that wait, if none is under way.
    pub fn ask_for_reads(&mut self) {
        if !self.node.asks.wants_round() {
            return;
        }
        let reads = std::mem::take(&mut self.node.asks.reads);
        let number = self.ask(Query::ReadIndex, Then::Reads(reads));
        if self.node.asks.open.contains_key(&number) {
            self.node.asks.round = Some(number);
        }
    }

    /// Asks for a client what the answer to is the leader's own.
    pub fn ask_leader(&mut self, op: OpId, query: Query) {
        self.ask(query, Then::Client(op));
    }

    pub fn ask_change(&mut self, op: OpId, change: Change) {
        self.ask(Query::Change(change), Then::Changed { op, change });
    }

    fn ask(&mut self, query: Query, then: Then) -> u64 {
        let number = self.node.asks.next;
        self.node.asks.next += 1;
        let ask = Ask {
            query,
            then,
            deadline: self.deadline(),
            sent: self.cx.now(),
            again: false,
        };
        self.node.asks.open.insert(number, ask);
        self.dispatch(number);
        number
    }

    fn dispatch(&mut self, number: u64) {
        let now = self.cx.now();
        let boot = self.node.boot;
        let Some(ask) = self.node.asks.open.get_mut(&number) else {
            return;
        };
        ask.sent = now;
        let query = ask.query.clone();
        if self.node.mine {
            self.serve(Asker::Me(number), query);
        } else if let Some(leader) = self.node.leader {
            let msg = Msg::Ask {
                boot,
                number,
                query,
            };
            self.cx.send(leader, msg);
        }
    }

    /// The leader has answered.
    pub fn told(&mut self, number: u64, told: Told) {
        // It is asked again by the clock, or when another leads.
        if told == Told::NotNow {
            return;
        }
        let Some(ask) = self.node.asks.open.remove(&number) else {
            return;
        };
        if self.node.asks.round == Some(number) {
            self.node.asks.round = None;
            self.arm();
        }
        match (ask.then, told) {
            (Then::Reads(reads), Told::ReadAt(index)) => self.reads_from(Index(index), reads),
            (Then::Client(op), Told::KeptAlive(ttl)) => {
                self.answer(op, Ok(Answer::KeptAlive(ttl)));
            }
            (Then::Client(op), Told::TimeToLive(life)) => {
                self.answer(op, Ok(Answer::TimeToLive(life)));
            }
            (Then::Client(op), Told::Done) => self.answer(op, Ok(Answer::Moved)),
            (Then::Changed { op, change }, told) => self.changed(op, change, told, ask.again),
            (Then::Client(op), Told::Refused(why)) => self.answer(op, Err(why.into())),
            // An answer to another question: the sender is not of this program.
            (Then::Client(op), _) => self.answer(op, Err(EtcdError::LeaderChanged)),
            (Then::Reads(reads), _) => self.node.asks.reads.extend(reads),
        }
    }

    fn reads_from(&mut self, index: Index, reads: Vec<Read>) {
        if index <= self.node.applied {
            for read in reads {
                self.do_read(read);
            }
        } else {
            self.node
                .asks
                .behind
                .entry(index)
                .or_default()
                .extend(reads);
        }
    }

    /// This member has applied everything up to here.
    pub fn reads_up_to(&mut self, index: Index) {
        while let Some(first) = self.node.asks.behind.first_entry() {
            if *first.key() > index {
                return;
            }
            for read in first.remove() {
                self.do_read(read);
            }
        }
    }

    fn do_read(&mut self, read: Read) {
        let answer = match read.what {
            What::Request(request) => self.local_read(&request),
            What::Members(about) => Ok(self.members(about)),
        };
        self.answer(read.op, answer);
    }

    /// Another leads: what the last one was asked may be lost.
    pub fn ask_all_again(&mut self) {
        let open: Vec<u64> = self.node.asks.open.keys().copied().collect();
        for number in open {
            self.ask_again(number);
        }
    }

    fn ask_again(&mut self, number: u64) {
        if let Some(ask) = self.node.asks.open.get_mut(&number) {
            ask.again = true;
            self.dispatch(number);
        }
    }

    /// Repeats questions without an answer, and gives up what has waited too long.
    pub fn look_after_asks(&mut self) {
        let now = self.cx.now();
        let mut late = Vec::new();
        let mut keep = |reads: &mut Vec<Read>| {
            reads.retain(|read| {
                let is_late = read.deadline <= now;
                if is_late {
                    late.push(read.op);
                }
                !is_late
            });
        };
        let asks = &mut self.node.asks;
        keep(&mut asks.reads);
        asks.behind.values_mut().for_each(&mut keep);
        asks.behind.retain(|_, reads| !reads.is_empty());
        let mut again = Vec::new();
        let mut gone = Vec::new();
        for (number, ask) in &mut asks.open {
            match &mut ask.then {
                Then::Reads(reads) => keep(reads),
                Then::Client(_) | Then::Changed { .. } => {}
            }
            let is_done = matches!(&ask.then, Then::Reads(reads) if reads.is_empty());
            let is_late = ask.deadline <= now && !matches!(ask.then, Then::Reads(_));
            if is_done || is_late {
                gone.push(*number);
            } else if now.since(ask.sent) >= REPEAT {
                again.push(*number);
            }
        }
        for number in gone {
            let ask = asks.open.remove(&number);
            if let Some(Then::Client(op) | Then::Changed { op, .. }) = ask.map(|ask| ask.then) {
                late.push(op);
            }
            if asks.round == Some(number) {
                asks.round = None;
            }
        }
        for op in late {
            self.answer(op, Err(EtcdError::Timeout));
        }
        for number in again {
            self.ask_again(number);
        }
        self.arm();
    }
}
