//! Commands on their way into the log.
//!
//! A member numbers its commands and repeats them until it sees them applied, to whoever leads; the
//! store does each number once. A command is given up when its time is over: `floor` then tells all
//! members, in the log, that it must not be done any more.

use super::super::api::{MemberId, Revision};
use super::super::command::{Command, Envelope, encode};
use super::super::error::EtcdError;
use super::super::message::{Msg, Timer};
use super::super::request::{Answer, Ret};
use super::super::store::Done;
use super::turn::Turn;
use crate::{Index, op};
use node::{LocalTime, OpId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// After so long a command that was sent to the leader is sent again.
const REPEAT: Duration = Duration::from_secs(1);
/// Commands in one message or entry.
const MAX_COMMANDS: usize = 4096;
/// Envelopes of others that wait for a leader's next entry; what is more is dropped, and its sender
/// repeats it.
const MAX_GATHERED: usize = 4096;

/// Who waits for a command.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Waits {
    /// A client, for the answer.
    Client(OpId),
    /// A client, for a member that gets its id by this command.
    NewMember { op: OpId, learner: bool },
    /// A client, for the members after this command.
    Members { op: OpId, about: Option<MemberId> },
    /// This member itself.
    Nobody,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Write {
    waits: Waits,
    command: Command,
    deadline: LocalTime,
    sent: LocalTime,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Writes {
    next: u64,
    pending: BTreeMap<u64, Write>,
    /// Those of them that are to be sent.
    unsent: BTreeSet<u64>,
    /// About how many bytes they take.
    bytes: usize,
    /// Of a leader: what others ask for.
    gathered: VecDeque<Envelope>,
    /// Of a leader: its entries that are not committed.
    pub under_way: BTreeSet<Index>,
    /// Whether [`Timer::Flush`] is set.
    pub armed: bool,
}

impl Writes {
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// About how many bytes of commands wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn take(&mut self, number: u64) -> Option<Write> {
        self.unsent.remove(&number);
        let write = self.pending.remove(&number)?;
        self.bytes -= size(&write.command);
        Some(write)
    }

    /// Adds to an entry what others ask for, as much as goes together: an entry must fit into a
    /// frame between members.
    fn add_gathered(&mut self, envelopes: &mut Vec<Envelope>, most: usize) {
        let mut bytes: usize = envelopes.iter().map(envelope_size).sum();
        while bytes < most {
            let Some(envelope) = self.gathered.pop_front() else {
                return;
            };
            bytes += envelope_size(&envelope);
            envelopes.push(envelope);
        }
    }
}

impl Turn<'_, '_> {
    /// Puts a command on its way.
    pub fn write(&mut self, waits: Waits, command: Command) {
        let now = self.cx.now();
        let writes = &mut self.node.writes;
        let number = writes.next;
        writes.next += 1;
        let write = Write {
            waits,
            command,
            deadline: now + self.cx.cfg().limits.request_timeout,
            sent: now,
        };
        writes.bytes += size(&write.command);
        writes.pending.insert(number, write);
        writes.unsent.insert(number);
        self.arm();
    }

    /// Has [`Turn::flush`] run when the other inputs of this moment have been taken, if there is
    /// something to send.
    pub fn arm(&mut self) {
        let writes = &mut self.node.writes;
        let some = !writes.unsent.is_empty() || !writes.gathered.is_empty();
        if !writes.armed && (some || self.node.asks.wants_round()) {
            writes.armed = true;
            self.cx.set_timer(Timer::Flush, Duration::ZERO);
        }
    }

    /// Another member asks this leader to put commands into the log.
    pub fn gather(&mut self, envelope: Envelope) {
        if self.node.mine && self.node.writes.gathered.len() < MAX_GATHERED {
            self.node.writes.gathered.push_back(envelope);
            self.arm();
        }
    }

    /// Sends what is to be sent.
    pub fn flush(&mut self) {
        if self.node.mine {
            self.propose();
        } else if let Some(leader) = self.node.leader {
            while let Some(envelope) = self.next_envelope() {
                self.cx.send(leader, Msg::Propose(envelope));
            }
        }
    }

    fn propose(&mut self) {
        let room = self.cx.cfg().limits.max_entries;
        while self.node.writes.under_way.len() < room {
            let mut envelopes: Vec<Envelope> = self.next_envelope().into_iter().collect();
            let own = envelopes.len();
            let most = self.cx.cfg().limits.max_batch;
            self.node.writes.add_gathered(&mut envelopes, most);
            if envelopes.is_empty() {
                return;
            }
            let entry = encode(&envelopes).into();
            match self.ask_raft_now(op::Op::Propose(entry)) {
                Some(op::Ret::Accepted { index, .. }) => {
                    self.node.writes.under_way.insert(index);
                }
                _ => {
                    // Handing over, or just deposed: what is ours waits for the next tick or leader,
                    // what is others' is repeated by them.
                    let ours = envelopes.into_iter().take(own).flat_map(|e| e.commands);
                    self.node
                        .writes
                        .unsent
                        .extend(ours.map(|(number, _)| number));
                    return;
                }
            }
        }
    }

    /// The next of this member's own commands, as many as go together.
    fn next_envelope(&mut self) -> Option<Envelope> {
        let now = self.cx.now();
        let writes = &mut self.node.writes;
        let mut commands = Vec::new();
        let mut bytes = 0;
        while bytes < self.cx.cfg().limits.max_batch && commands.len() < MAX_COMMANDS {
            let Some(number) = writes.unsent.pop_first() else {
                break;
            };
            let Some(write) = writes.pending.get_mut(&number) else {
                continue;
            };
            write.sent = now;
            bytes += size(&write.command);
            commands.push((number, write.command.clone()));
        }
        if commands.is_empty() {
            return None;
        }
        let oldest = writes.pending.first_key_value();
        Some(Envelope {
            origin: MemberId::from(self.cx.me().0),
            boot: self.node.boot,
            floor: oldest.map_or(writes.next, |(number, _)| *number),
            commands,
        })
    }

    /// One of this member's commands has been applied.
    pub fn written(&mut self, number: u64, answer: Result<Done, EtcdError>, revision: Revision) {
        let Some(write) = self.node.writes.take(number) else {
            return;
        };
        match (write.waits, answer) {
            (Waits::Nobody, _) => {}
            (Waits::Client(op), answer) => {
                let answer = answer.map(|done| match (done, write.command) {
                    (Done::Granted(ttl), Command::LeaseGrant { id, .. }) => {
                        Answer::Granted { id, ttl }
                    }
                    (done, _) => Answer::Done(done),
                });
                let mut header = self.node.header(self.cx.me());
                header.revision = revision;
                let ret = match answer {
                    Ok(answer) => Ret::Answer(header, Box::new(answer)),
                    Err(why) => Ret::Failed(header, why),
                };
                self.cx.ret(op, ret);
            }
            (Waits::NewMember { op, learner }, Ok(Done::Named(id))) => {
                self.add_named(op, id, learner);
            }
            (Waits::Members { op, about }, Ok(_)) => self.answer_members(op, about),
            (Waits::NewMember { op, .. }, Ok(_)) => self.answer(op, Err(EtcdError::Timeout)),
            (Waits::NewMember { op, .. } | Waits::Members { op, .. }, Err(why)) => {
                self.answer(op, Err(why));
            }
        }
    }

    /// A snapshot may hold commands that this member waits for: done, but nobody knows the answer.
    pub fn installed_under_writes(&mut self) {
        let me = MemberId::from(self.cx.me().0);
        let node = &mut *self.node;
        let done = |number: &u64| node.store.is_done(me, node.boot, *number);
        let done: Vec<u64> = node.writes.pending.keys().copied().filter(done).collect();
        for number in done {
            self.give_up(number);
        }
    }

    /// Another leader, or another term: what was sent may be lost.
    pub fn send_all_again(&mut self) {
        let writes = &mut self.node.writes;
        writes.under_way.clear();
        writes.gathered.clear();
        writes.unsent.extend(writes.pending.keys());
        self.arm();
    }

    /// Repeats what was not seen in the log for a while, and gives up what nobody waits for so long.
    pub fn look_after_writes(&mut self) {
        let now = self.cx.now();
        let mine = self.node.mine;
        let writes = &mut self.node.writes;
        let late = |write: &&Write| write.deadline <= now;
        let late = writes.pending.iter().filter(|(_, write)| late(write));
        let late: Vec<u64> = late.map(|(number, _)| *number).collect();
        for (number, write) in &writes.pending {
            // What a leader has proposed stands in its log: it is committed, or the leader falls.
            if !mine && now.since(write.sent) >= REPEAT {
                writes.unsent.insert(*number);
            }
        }
        for number in late {
            self.give_up(number);
        }
        self.arm();
    }

    fn give_up(&mut self, number: u64) {
        let Some(write) = self.node.writes.take(number) else {
            return;
        };
        match write.waits {
            Waits::Client(op) | Waits::NewMember { op, .. } | Waits::Members { op, .. } => {
                self.answer(op, Err(EtcdError::Timeout));
            }
            Waits::Nobody => {
                if matches!(write.command, Command::SetMember(_) | Command::Found(_)) {
                    self.node.published = false;
                    self.publish();
                }
            }
        }
    }
}

fn envelope_size(envelope: &Envelope) -> usize {
    envelope
        .commands
        .iter()
        .map(|(_, command)| size(command))
        .sum()
}

/// About how many bytes a command takes in the log.
fn size(command: &Command) -> usize {
    64 + match command {
        Command::Put(put) => put.key.len() + put.value.len(),
        Command::Txn(txn) => postcard::experimental::serialized_size(txn).unwrap_or(0),
        _ => 0,
    }
}
