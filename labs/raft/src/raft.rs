//! [`Raft`]: the state of the paper's Figure 2, and the way of each input to its function. Given.

use crate::config::Config;
use crate::entry::{Command, Entry, Index, Membership, Payload, Term};
use crate::lease::Lease;
use crate::log::Log;
use crate::membership::{History, PendingChange};
use crate::message::Msg;
use crate::op::{Op, Ret};
use crate::progress::Progress;
use crate::read_index::WaitingRead;
use crate::snapshot::{Incoming, Snapshot};
use crate::transfer::Handover;
use crate::view::{Role, View};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// A timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// No leader was heard for an election timeout.
    Election,
    /// A leader says again that it leads.
    Heartbeat,
    /// A leader looks whether a quorum still answers.
    Quorum,
    /// A leader gives up on handing over.
    Transfer,
}

/// One server. Its fields are those of Figure 2, then what later sections add.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Raft {
    /// Latest term that this server has seen. Change it by [`Raft::set_term_and_vote`] only.
    pub(crate) current_term: Term,
    /// Candidate that got this server's vote in the current term.
    pub(crate) voted_for: Option<Addr>,
    /// The entries behind the snapshot.
    pub(crate) log: Log,
    /// Index of the last entry known to be committed.
    pub(crate) commit_index: Index,
    /// Index of the last entry that the state machine was told of.
    pub(crate) last_applied: Index,
    /// Of a leader, `nextIndex` and `matchIndex` and more, for each server, itself included. Empty
    /// on others.
    pub(crate) progress: BTreeMap<Addr, Progress>,

    /// What this server is now (§5.1).
    pub(crate) role: Role,
    /// Who leads in the current term, as far as is known.
    pub(crate) leader_id: Option<Addr>,
    /// Of a candidate: who voted for it in this election. Of a pre-candidate: who would.
    pub(crate) votes: BTreeSet<Addr>,
    /// The memberships in the snapshot and in the log.
    pub(crate) history: History,
    /// The snapshot that the log stands behind (§7).
    pub(crate) snapshot: Option<Snapshot>,
    /// The pieces of a leader's snapshot that came so far.
    pub(crate) incoming: Option<Incoming>,

    /// Of a leader: the number of the last round that it began, see [`Raft::begin_round`].
    pub(crate) round: u64,
    /// Of a leader: reads that wait for a round.
    pub(crate) reads: Vec<WaitingRead>,
    /// Of a leader: the change of servers that is to be committed.
    pub(crate) change: Option<PendingChange>,
    /// Of a leader: to whom it is handing over.
    pub(crate) handover: Option<Handover>,
    /// Of a leader: until when it may answer reads alone.
    pub(crate) lease: Lease,
    /// When a leader was last heard (stage 6).
    pub(crate) last_heard: Option<LocalTime>,

    /// Bytes of a torn record that the last boot dropped from the log's file.
    pub(crate) dropped_bytes: u64,
    /// The state machine's [`Op::Watch`].
    pub(crate) watch: Option<OpId>,
    /// What it was last told about the role.
    pub(crate) told: (Option<Addr>, Term, bool),
}

/// What can be asked and changed by all parts.
impl Raft {
    /// Sets the term and the vote in it, and makes both durable: effects after this call happen
    /// after that. Whoever promises something by a message calls this before it sends.
    pub(crate) fn set_term_and_vote(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        term: Term,
        vote: Option<Addr>,
    ) {
        self.current_term = term;
        self.voted_for = vote;
        if cx.cfg().durable {
            self.save_vote(cx);
        }
    }

    /// The servers, by the latest entry that says so, committed or not (thesis §4.1).
    pub(crate) fn membership(&self) -> &Membership {
        self.history.latest()
    }

    /// Adds an entry at the end of the log, in memory; tells its index.
    pub(crate) fn push_entry(&mut self, entry: Entry) -> Index {
        let index = self.log.last_index().next();
        if let Payload::Config(membership) = &entry.payload {
            self.history.push(index, membership.clone());
        }
        self.log.push(entry)
    }

    /// Drops the entry at `first` and all behind it, in memory.
    pub(crate) fn truncate_log(&mut self, first: Index) {
        self.log.truncate(first);
        self.history.truncate(first);
    }

    /// True if the entry at the commit index is of the current term: then this leader knows of
    /// everything that was ever committed (§8).
    pub(crate) fn has_committed_in_term(&self) -> bool {
        self.log.term_at(self.commit_index) == Some(self.current_term)
    }

    /// True if a quorum of voters is among [`Raft::votes`].
    pub(crate) fn has_quorum(&self) -> bool {
        self.membership()
            .is_quorum(|voter| self.votes.contains(&voter))
    }

    /// The leader's own mark and those of all followers; a leader has one for each server.
    pub(crate) fn match_index(&self, server: Addr) -> Index {
        self.progress
            .get(&server)
            .map_or(Index(0), |p| p.match_index)
    }

    /// What a leader leaves behind when it is one no more: timers, marks, and clients that wait.
    pub(crate) fn stop_leading(&mut self, cx: &mut Ctx<'_, Self>) {
        for timer in [Timer::Heartbeat, Timer::Quorum, Timer::Transfer] {
            cx.cancel_timer(timer);
        }
        self.progress.clear();
        self.lease = Lease::default();
        let hint = self.leader_id;
        for read in std::mem::take(&mut self.reads) {
            cx.ret(read.id, Ret::NotLeader { hint });
        }
        if let Some(change) = self.change.take() {
            cx.ret(change.id, Ret::NotLeader { hint });
        }
        if let Some(Handover { id, term, .. }) = self.handover.take() {
            let over = self.current_term > term;
            let ret = if over {
                Ret::Transferred
            } else {
                Ret::NotLeader { hint }
            };
            cx.ret(id, ret);
        }
    }

    /// What a new leader starts with, once it is one: marks for all servers, a first round of
    /// heartbeats, and from stage 4 on an entry of its own term.
    pub(crate) fn begin_leading(&mut self, cx: &mut Ctx<'_, Self>) {
        self.incoming = None;
        if cx.cfg().check_quorum {
            cx.set_timer(Timer::Quorum, cx.cfg().election_timeout.start);
        }
        let next = self.log.last_index().next();
        let mut servers: BTreeSet<Addr> = self.membership().servers().collect();
        servers.insert(cx.me());
        let all = servers.into_iter().map(|s| (s, Progress::new(next)));
        self.progress = all.collect();
        if cx.cfg().no_op {
            // It goes to all others, so it says as well that this server leads.
            self.count_round(cx);
            self.append_as_leader(cx, Payload::Empty);
            return;
        }
        self.begin_round(cx);
        if cx.cfg().replication {
            self.count_own_copy(cx);
        }
    }

    fn propose(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, command: Command) {
        if self.role != Role::Leader || self.handover.is_some() || !cx.cfg().replication {
            let hint = self.handover.as_ref().map(|h| h.to).or(self.leader_id);
            return cx.ret(id, Ret::NotLeader { hint });
        }
        let term = self.current_term;
        let index = self.log.last_index().next();
        cx.ret(id, Ret::Accepted { index, term });
        self.append_as_leader(cx, Payload::Command(command));
    }

    /// Whether a message of a later term makes this server enter that term (§5.1). Of a pre-vote
    /// it does not: its sender has not entered it either.
    fn heeds_term(&self, cx: &Ctx<'_, Self>, msg: &Msg) -> bool {
        match msg {
            Msg::PreVote(_) => false,
            Msg::PreVoted(m) => !m.vote_granted,
            // Nobody is made to leave a leader that is alive (thesis §4.2.3).
            Msg::RequestVote(m) => m.transfer || !self.refuses_votes(cx),
            _ => true,
        }
    }

    /// True while this server keeps to a leader that it has just heard (stage 6).
    fn refuses_votes(&self, cx: &Ctx<'_, Self>) -> bool {
        cx.cfg().check_quorum && self.hears_leader(cx)
    }

    fn take(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        if self.heeds_term(cx, &msg) {
            self.observe_term(cx, msg.term());
        } else if matches!(msg, Msg::RequestVote(_)) {
            return;
        }
        match msg {
            Msg::RequestVote(m) => self.on_request_vote(cx, from, m),
            Msg::Vote(m) => self.on_vote(cx, from, m),
            Msg::PreVote(m) => self.on_pre_vote(cx, from, m),
            Msg::PreVoted(m) => self.on_pre_voted(cx, from, m),
            // In stage 1 nothing but the leader's name is in it.
            Msg::AppendEntries(m) if !cx.cfg().replication => {
                if m.term == self.current_term {
                    self.hear_leader(cx, from);
                }
            }
            Msg::Appended(_) if !cx.cfg().replication => {}
            Msg::AppendEntries(m) => self.on_append_entries(cx, from, m),
            Msg::Appended(m) => self.on_appended(cx, from, m),
            Msg::InstallSnapshot(m) => self.take_install_snapshot(cx, from, m),
            Msg::SnapshotTaken(m) => self.on_snapshot_taken(cx, from, m),
            Msg::TimeoutNow { term } => self.on_timeout_now(cx, from, term),
            Msg::Persisted { term, index } if from == cx.me() => {
                self.on_persisted(cx, term, index);
            }
            Msg::Persisted { .. } => {}
        }
    }

    /// No leader was heard for an election timeout.
    fn election_timeout(&mut self, cx: &mut Ctx<'_, Self>) {
        let cfg = cx.cfg();
        // A timer that came due while the process stood still fires although a leader was heard
        // since: a lease counts on it that this server does not stand then.
        let heard = (cfg.pre_vote || cfg.check_quorum) && self.hears_leader(cx);
        if self.role == Role::Leader {
        } else if heard || !self.may_stand(cx.me()) {
            self.reset_election_timer(cx);
        } else if cfg.pre_vote {
            self.start_pre_vote(cx);
        } else {
            self.start_election(cx, false);
        }
    }
}

impl Node for Raft {
    type Config = Config;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let cfg = cx.cfg();
        let mut raft = Raft {
            current_term: Term(0),
            voted_for: None,
            log: Log::default(),
            commit_index: Index(0),
            last_applied: Index(0),
            progress: BTreeMap::new(),
            role: Role::Follower,
            leader_id: None,
            votes: BTreeSet::new(),
            history: History::new(cfg.initial.clone()),
            snapshot: None,
            incoming: None,
            round: 0,
            reads: Vec::new(),
            change: None,
            handover: None,
            lease: Lease::default(),
            last_heard: None,
            dropped_bytes: 0,
            watch: None,
            told: (None, Term(0), false),
        };
        if cfg.durable {
            raft.boot_from_disk(cx);
        }
        if raft.current_term == Term(0) && !cfg.initial_log.is_empty() {
            for entry in &cfg.initial_log {
                raft.push_entry(entry.clone());
            }
            raft.set_term_and_vote(cx, raft.log.last_term(), None);
            raft.persist(cx, Index(1));
        }
        if cfg.check_quorum && raft.current_term > Term(0) {
            // Before the crash this server may have answered a leader that counts on it still.
            raft.last_heard = Some(cx.now());
        }
        raft.reset_election_timer(cx);
        raft
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        self.take(cx, from, msg);
        self.settle(cx);
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        match timer {
            Timer::Election => self.election_timeout(cx),
            // A timer that was cancelled may have come due before.
            _ if self.role != Role::Leader => {}
            Timer::Heartbeat => {
                cx.set_timer(Timer::Heartbeat, cx.cfg().heartbeat);
                self.begin_round(cx);
                self.repeat_chunks(cx);
            }
            Timer::Quorum => self.quorum_timeout(cx),
            Timer::Transfer => self.transfer_timeout(cx),
        }
        self.settle(cx);
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        match op {
            Op::Watch => {
                self.watch = Some(id);
                self.last_applied = Index(0);
                self.told = (None, Term(0), false);
                self.tell_snapshot(cx);
            }
            Op::Propose(command) => self.propose(cx, id, command),
            Op::Read => self.read(cx, id),
            Op::Compact { index, image } => {
                if index > self.log.snapshot_index() && index <= self.last_applied {
                    self.compact(cx, index, image);
                }
                cx.ret(id, Ret::Compacted);
            }
            Op::Change(change) => self.change_servers(cx, id, change),
            Op::Transfer(to) => self.transfer(cx, id, to),
        }
        self.settle(cx);
    }

    fn on_cancel(&mut self, _cx: &mut Ctx<'_, Self>, id: OpId) {
        self.reads.retain(|read| read.id != id);
        self.change.take_if(|change| change.id == id);
        if self.watch == Some(id) {
            self.watch = None;
        }
    }

    fn view(&self, now: LocalTime) -> View {
        let progress = self.progress.iter();
        View {
            role: self.role,
            current_term: self.current_term,
            voted_for: self.voted_for,
            leader_id: self.leader_id,
            commit_index: self.commit_index,
            last_applied: self.last_applied,
            snapshot_index: self.log.snapshot_index(),
            snapshot_term: self.log.snapshot_term(),
            log: self.log.entries().to_vec(),
            match_index: progress.map(|(s, p)| (*s, p.match_index)).collect(),
            membership: self.membership().clone(),
            membership_index: self.history.latest_index(),
            lease_until: self.lease.until(now),
            dropped_bytes: self.dropped_bytes,
        }
    }
}
