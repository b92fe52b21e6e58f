//! One handler: what it does to Raft, and what Raft tells in turn, in order.

use super::super::command::decode;
use super::super::request::{Answer, Ret};
use super::super::store::Store;
use super::super::{command::Command, error::EtcdError};
use super::serve::Purpose;
use super::{EtcdNode, RAFT};
use crate::entry::Command as Bytes;
use crate::{Index, Raft, Term, op};
use node::{Addr, Ctx, Node, OpId};
use std::collections::VecDeque;

/// The inner operation that Raft answers for ever.
const WATCH: u64 = u64::MAX;

/// One step of a member.
pub(super) struct Turn<'t, 'c> {
    pub node: &'t mut EtcdNode,
    pub cx: &'t mut Ctx<'c, EtcdNode>,
    /// What Raft told and nobody has heard yet.
    inbox: VecDeque<node::Answer<op::Ret>>,
}

impl<'t, 'c> Turn<'t, 'c> {
    pub fn new(node: &'t mut EtcdNode, cx: &'t mut Ctx<'c, EtcdNode>) -> Self {
        Turn {
            node,
            cx,
            inbox: VecDeque::new(),
        }
    }

    /// Runs a handler of Raft. What it tells is heard later in this turn.
    pub fn raft(&mut self, run: impl FnOnce(&mut Raft, &mut Ctx<'_, Raft>)) {
        let raft = &mut self.node.raft;
        let answers = self.cx.scope(&RAFT, |cx| run(raft, cx));
        self.inbox.extend(answers);
    }

    pub fn watch_raft(&mut self) {
        self.raft(|raft, cx| raft.on_op(cx, OpId::inner(WATCH), op::Op::Watch));
    }

    /// Asks Raft for what it answers when it can.
    pub fn ask_raft(&mut self, op: op::Op, purpose: Purpose) {
        let id = self.next_inner();
        self.node.asked.insert(id, purpose);
        self.raft(|raft, cx| raft.on_op(cx, OpId::inner(id), op));
    }

    /// Asks Raft for what it answers at once.
    pub fn ask_raft_now(&mut self, op: op::Op) -> Option<op::Ret> {
        let id = OpId::inner(self.next_inner());
        self.raft(|raft, cx| raft.on_op(cx, id, op));
        let at = self.inbox.iter().position(|answer| answer.id == id)?;
        self.inbox.remove(at).map(|answer| answer.ret)
    }

    fn next_inner(&mut self) -> u64 {
        self.node.next_inner += 1;
        self.node.next_inner
    }

    /// Hears all that Raft told; every handler ends with it.
    pub fn finish(mut self) {
        while let Some(answer) = self.inbox.pop_front() {
            if answer.id == OpId::inner(WATCH) {
                self.hear(answer.ret);
            } else if let Some(purpose) = self.node.asked.remove(&answer.id.number()) {
                self.answered(purpose, answer.ret);
            }
        }
        self.tell_watchers();
        self.tell_cluster();
    }

    fn hear(&mut self, told: op::Ret) {
        match told {
            op::Ret::Committed { index, command, .. } => self.committed(index, command),
            op::Ret::Install { index, image, .. } => self.install(index, image.bytes()),
            op::Ret::Role { leader, term, mine } => self.role(leader, term, mine),
            _ => {}
        }
    }

    fn committed(&mut self, index: Index, command: Option<Bytes>) {
        self.node.applied = index;
        match command {
            Some(command) => self.apply(index, command.bytes()),
            // An entry of Raft's own: the members may be others now.
            None => self.node.cluster.dirty = true,
        }
        self.node.writes.under_way.remove(&index);
        self.reads_up_to(index);
        self.arm();
        self.compact_log();
    }

    fn apply(&mut self, index: Index, entry: &[u8]) {
        self.node.log_bytes += entry.len() as u64 + 64;
        // What the log holds was written by a member, and its checksum was right.
        let envelopes = decode(entry).unwrap_or_else(|| {
            panic!("entry {index} of the log is not of this server: is the data folder another program's?")
        });
        for envelope in envelopes {
            let own =
                envelope.origin == u64::from(self.cx.me().0) && envelope.boot == self.node.boot;
            for (_, command) in &envelope.commands {
                self.before(command);
            }
            let mut done = Vec::new();
            let node = &mut *self.node;
            node.store.apply(envelope, |sequence, answer, revision| {
                if own {
                    done.push((sequence, answer, revision));
                }
            });
            for (sequence, answer, revision) in done {
                self.written(sequence, answer, revision);
            }
        }
        self.leases_applied();
    }

    /// What else a command concerns, beside the store.
    fn before(&mut self, command: &Command) {
        match command {
            Command::LeaseGrant { id, .. } | Command::LeaseRevoke(id) => {
                self.node.lessor.touched.push(*id);
            }
            Command::SetMember(_) | Command::NameMember { .. } | Command::ForgetMember(_) => {
                self.node.cluster.dirty = true;
            }
            _ => {}
        }
    }

    fn install(&mut self, index: Index, image: &[u8]) {
        match Store::from_image(image) {
            Ok(store) => self.node.store = store,
            // The shell stops the node and shows this.
            Err(why) => panic!("{why}"),
        }
        self.node.applied = index;
        self.node.image_bytes = image.len() as u64;
        self.node.log_bytes = 0;
        self.node.cluster.dirty = true;
        self.installed_under_writes();
        self.reads_up_to(index);
        self.start_leases();
    }

    fn role(&mut self, leader: Option<Addr>, term: Term, mine: bool) {
        let node = &mut *self.node;
        let before = (node.leader, node.mine);
        (node.leader, node.term, node.mine) = (leader, term, mine);
        node.cluster.dirty = true;
        if before == (leader, mine) && !mine {
            return;
        }
        self.start_leases();
        self.send_all_again();
        self.ask_all_again();
        self.publish();
    }

    /// Writes the store as an image when the log behind the last one is long enough to pay for it.
    fn compact_log(&mut self) {
        let limits = &self.cx.cfg().limits;
        if self.node.log_bytes < limits.log_bytes.max(2 * self.node.image_bytes) {
            return;
        }
        let image = self.node.store.to_image();
        self.node.image_bytes = image.len() as u64;
        self.node.log_bytes = 0;
        let op = op::Op::Compact {
            index: self.node.applied,
            image: image.into(),
        };
        let _compacted = self.ask_raft_now(op);
    }

    /// Answers a client.
    pub fn answer(&mut self, id: OpId, answer: Result<Answer, EtcdError>) {
        let header = self.node.header(self.cx.me());
        let ret = match answer {
            Ok(answer) => Ret::Answer(header, Box::new(answer)),
            Err(why) => Ret::Failed(header, why),
        };
        self.cx.ret(id, ret);
    }
}
