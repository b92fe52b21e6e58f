//! [`Kv`]: a replicated key-value store: a state machine around a [`Raft`] (stages 4 and 5).

use crate::config::Config;
use crate::entry::{Command, Index, Term};
use crate::kv_op::{KvOp, KvRet, KvView, Update, Write};
use crate::message::Msg;
use crate::op::{Op, Ret};
use crate::raft::{Raft, Timer};
use crate::sessions::{Known, Sessions};
use node::{Addr, Answer, Ctx, LocalTime, Node, OpId, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a server of the store is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KvConfig {
    /// Its Raft.
    pub raft: Config,
    /// From stage 5: a snapshot is taken when so many entries were applied since the last one;
    /// `None`: never.
    pub compact_every: Option<u64>,
}

/// The state machine: what all servers have in common after the same entries. This is what a
/// snapshot's image holds.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The last index that is in it.
    pub applied: Index,
    /// The values.
    pub store: BTreeMap<String, String>,
    /// Which writes of which clients are in it.
    pub sessions: Sessions,
}

/// A client of this server that waits for its write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WaitingWrite {
    /// The operation.
    pub id: OpId,
    /// The term of the entry that holds the write.
    pub term: Term,
}

/// A client of this server that waits for its read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PendingRead {
    /// The operation.
    pub id: OpId,
    /// The key.
    pub key: String,
    /// A state with this index in it is new enough; `None`: the leader does not know yet.
    pub at: Option<Index>,
}

/// One server of the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Kv {
    /// The log.
    pub(crate) raft: Raft,
    /// What the log has made so far.
    pub(crate) state: State,
    /// Writes that this server has accepted, by the index of their entry.
    pub(crate) writes: BTreeMap<Index, WaitingWrite>,
    /// Reads, by the number under which Raft was asked.
    pub(crate) reads: BTreeMap<u64, PendingRead>,
    /// Writes that Raft has not taken yet, changes of servers and handovers, by the number under which Raft was asked.
    errands: BTreeMap<u64, OpId>,
    /// The next number to ask Raft under.
    next: u64,
    /// The last index in the last snapshot.
    compacted: Index,
}

/// How the store carries its Raft: messages and timers are the same, files lie in `raft/`.
const RAFT: Role<Kv, Raft> = Role {
    dir: "raft/",
    cfg: |cfg| &cfg.raft,
    msg: |msg| msg,
    timer: |timer| timer,
};

/// The number of the operation that hears of commits.
const WATCH: u64 = 0;

impl State {
    /// **Task 4.2** (§8, thesis §6.3): an entry is committed: applies its write, or finds that it was
    /// applied before ([`Sessions::look_up`]). Returns what the client is to be told.
    ///
    /// A new one changes the store (`State::update`) and is remembered with its answer
    /// ([`Sessions::record`]): both in this one step. One that was done changes nothing and is
    /// answered as it was then.
    pub fn apply(&mut self, write: Write) -> KvRet {
        todo!("task 4.2")
    }

    /// Changes the store; returns the value from before. Given.
    fn update(&mut self, update: Update) -> Option<String> {
        match update {
            Update::Put { key, value } => self.store.insert(key, value),
            Update::Append { key, text } => {
                let before = self.store.get(&key).cloned();
                self.store.entry(key).or_default().push_str(&text);
                before
            }
            Update::Swap { key, from, to } => {
                let before = self.store.get(&key).cloned();
                if before == from {
                    self.store.insert(key, to);
                }
                before
            }
            Update::Delete { key } => self.store.remove(&key),
        }
    }

    /// **Task 5.6** (§7): the image of this state, for a snapshot: everything that a server needs to
    /// go on behind `applied`, [`encode`]d.
    pub fn image(&self) -> Command {
        todo!("task 5.6")
    }

    /// **Task 5.7** (§7): the state of an image, in place of this one ([`decode`]).
    pub fn restore(&mut self, image: &Command) {
        todo!("task 5.7")
    }
}

impl Kv {
    /// **Task 4.3** (§5.3, §8): Raft tells that the entry at `index` is committed: applies its write,
    /// if it holds one ([`State::apply`]), notes in `applied` that the entry is in the state now, and
    /// answers the client that waits for this index here, if one does.
    ///
    /// It may be another client's entry that stands there now, if this server lost its leadership in
    /// between: its term tells. Then it is not known what became of the write:
    /// [`KvRet::NotLeader`] without a hint.
    pub(crate) fn committed(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        index: Index,
        term: Term,
        write: Option<Write>,
    ) {
        todo!("task 4.3")
    }

    /// **Task 4.6** (thesis §6.4): answers with [`KvRet::Value`] the reads that can be: those whose
    /// index is known (`at`) and in the state.
    pub(crate) fn answer_reads(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 4.6")
    }

    /// Runs one step of Raft and acts on what it tells. Given.
    fn raft(&mut self, cx: &mut Ctx<'_, Self>, run: impl FnOnce(&mut Raft, &mut Ctx<'_, Raft>)) {
        for answer in cx.scope(&RAFT, |cx| run(&mut self.raft, cx)) {
            self.hear(cx, answer);
        }
        if !self.reads.is_empty() {
            self.answer_reads(cx);
        }
        let applied = self.state.applied;
        if cx
            .cfg()
            .compact_every
            .is_some_and(|every| applied - self.compacted >= every)
        {
            self.compacted = applied;
            let image = self.state.image();
            let index = applied;
            let id = OpId::inner(self.number());
            let op = Op::Compact { index, image };
            for answer in cx.scope(&RAFT, |cx| self.raft.on_op(cx, id, op)) {
                self.hear(cx, answer);
            }
        }
    }

    /// Raft tells something. Given.
    fn hear(&mut self, cx: &mut Ctx<'_, Self>, answer: Answer<Ret>) {
        let number = answer.id.number();
        match answer.ret {
            Ret::Committed {
                index,
                term,
                command,
            } => self.committed(cx, index, term, command.as_ref().map(decode)),
            Ret::Install { index, image, .. } => {
                self.state.restore(&image);
                self.compacted = index;
                let later = self.writes.split_off(&index.next());
                self.drop_writes(cx, None);
                self.writes = later;
            }
            Ret::Role {
                mine: false,
                leader,
                ..
            } => self.drop_writes(cx, leader),
            Ret::Role { .. } | Ret::Compacted => {}
            Ret::Accepted { index, term } => {
                if let Some(id) = self.errands.remove(&number) {
                    self.writes.insert(index, WaitingWrite { id, term });
                }
            }
            Ret::ReadAt { index } => {
                if let Some(read) = self.reads.get_mut(&number) {
                    read.at = Some(index);
                }
            }
            Ret::NotLeader { hint } => self.answer(cx, number, KvRet::NotLeader { hint }),
            Ret::Changed { .. } => self.answer(cx, number, KvRet::Changed),
            Ret::Transferred => self.answer(cx, number, KvRet::Transferred),
            Ret::Refused(why) => self.answer(cx, number, KvRet::Refused(why)),
        }
    }

    fn answer(&mut self, cx: &mut Ctx<'_, Self>, number: u64, ret: KvRet) {
        let read = self.reads.remove(&number).map(|read| read.id);
        if let Some(id) = read.or_else(|| self.errands.remove(&number)) {
            cx.ret(id, ret);
        }
    }

    /// Nobody here can know what becomes of these.
    fn drop_writes(&mut self, cx: &mut Ctx<'_, Self>, hint: Option<Addr>) {
        for (_, waiting) in std::mem::take(&mut self.writes) {
            cx.ret(waiting.id, KvRet::NotLeader { hint });
        }
    }

    /// Remembers whom to answer.
    fn errand(&mut self, number: u64, id: OpId, op: Op) -> Op {
        self.errands.insert(number, id);
        op
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Node for Kv {
    type Config = KvConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = KvOp;
    type Ret = KvRet;
    type View = KvView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let mut kv = Kv {
            raft: cx.scope_boot(&RAFT),
            state: State::default(),
            writes: BTreeMap::new(),
            reads: BTreeMap::new(),
            errands: BTreeMap::new(),
            next: WATCH,
            compacted: Index(0),
        };
        kv.raft(cx, |raft, cx| raft.on_op(cx, OpId::inner(WATCH), Op::Watch));
        kv
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        self.raft(cx, |raft, cx| raft.on_message(cx, from, msg));
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        self.raft(cx, |raft, cx| raft.on_timer(cx, timer));
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: KvOp) {
        let number = self.number();
        let op = match op {
            KvOp::Read { key } => {
                let at = None;
                self.reads.insert(number, PendingRead { id, key, at });
                Op::Read
            }
            KvOp::Write(write) => self.errand(number, id, Op::Propose(encode(&write))),
            KvOp::Change(change) => self.errand(number, id, Op::Change(change)),
            KvOp::Transfer(to) => self.errand(number, id, Op::Transfer(to)),
        };
        self.raft(cx, |raft, cx| raft.on_op(cx, OpId::inner(number), op));
    }

    fn on_cancel(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        self.writes.retain(|_, waiting| waiting.id != id);
        let reads = self.reads.iter().filter(|(_, read)| read.id == id);
        let mut numbers: Vec<u64> = reads.map(|(number, _)| *number).collect();
        let errands = self.errands.iter().filter(|(_, errand)| **errand == id);
        numbers.extend(errands.map(|(number, _)| *number));
        for number in numbers {
            self.reads.remove(&number);
            self.errands.remove(&number);
            self.raft(cx, |raft, cx| raft.on_cancel(cx, OpId::inner(number)));
        }
    }

    fn view(&self, now: LocalTime) -> KvView {
        KvView {
            raft: self.raft.view(now),
            applied: self.state.applied,
            store: self.state.store.clone(),
            sessions: self.state.sessions.view(),
        }
    }
}

/// The bytes of a write or of a state.
pub fn encode(value: &impl Serialize) -> Command {
    // Fails only for types that postcard cannot hold (a sequence of unknown length).
    let bytes = postcard::to_stdvec(value).expect("these values have a postcard encoding");
    Command::from(bytes)
}

/// What [`encode`] encoded.
///
/// # Panics
/// If it is something else: the log of this cluster was written by another program.
pub fn decode<T: for<'de> Deserialize<'de>>(bytes: &Command) -> T {
    postcard::from_bytes(bytes.bytes()).unwrap_or_else(|why| {
        panic!("an entry of the log is not one of this store ({why}): start the server with the data of its own cluster")
    })
}
