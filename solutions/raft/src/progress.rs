//! What a leader knows of each server, and what it sends to it: batches, several under way at a
//! time (thesis §10.2). Given.

use crate::entry::{Entry, Index, Payload};
use crate::message::{AppendEntries, Msg};
use crate::raft::Raft;
use crate::snapshot::Sending;
use crate::view::Role;
use node::{Addr, Ctx};
use std::collections::VecDeque;

/// How a follower is served.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Pace {
    /// It is not known where its log and the leader's part: one request at a time.
    Probe {
        /// One with entries is under way.
        waiting: bool,
    },
    /// It follows: requests are sent without waiting for answers, up to a bound.
    Stream,
    /// It needs entries that are only in the snapshot.
    Snapshot(Sending),
}

/// What a leader knows of one server, itself included.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Progress {
    /// Index of the next entry to send.
    pub next_index: Index,
    /// Highest index up to which its log is known to equal the leader's, durably.
    pub match_index: Index,
    /// The highest round that it answered.
    pub round: u64,
    /// Whether it answered since the leader last looked (stage 6).
    pub active: bool,
    pace: Pace,
    /// Last indexes of the requests with entries that are under way.
    inflight: VecDeque<Index>,
    /// The commit index that it was last sent.
    sent_commit: Index,
}

impl Progress {
    /// What a new leader knows: nothing. It tries the end of its own log first.
    pub fn new(next_index: Index) -> Self {
        Progress {
            next_index,
            match_index: Index(0),
            round: 0,
            active: false,
            pace: Pace::Probe { waiting: false },
            inflight: VecDeque::new(),
            sent_commit: Index(0),
        }
    }

    /// It answered a request of this term and this round.
    pub fn answered(&mut self, round: u64) {
        self.round = self.round.max(round);
        self.active = true;
    }

    /// Everything up to `index` has arrived there, whatever was sent: the window moves.
    pub fn arrived(&mut self, index: Index) {
        while self.inflight.front().is_some_and(|last| *last <= index) {
            self.inflight.pop_front();
        }
        self.next_index = self.next_index.max(index.next());
        match &self.pace {
            Pace::Snapshot(sending) if index < sending.snapshot.index => {}
            Pace::Probe { .. } | Pace::Snapshot(_) => self.pace = Pace::Stream,
            Pace::Stream => {}
        }
    }

    /// It has nothing that matches at `rejected`: goes on at `next`.
    pub fn back_up(&mut self, rejected: Index, next: Index) {
        let old_news = match self.pace {
            Pace::Probe { .. } => rejected != self.next_index.prev(),
            Pace::Stream => false,
            Pace::Snapshot(_) => true,
        };
        // Below the match it has everything: the answer was overtaken.
        if old_news || rejected <= self.match_index {
            return;
        }
        self.next_index = next.min(rejected).max(self.match_index.next());
        self.pace = Pace::Probe { waiting: false };
        self.inflight.clear();
    }

    /// The snapshot that is being sent.
    pub(crate) fn sending(&mut self) -> Option<&mut Sending> {
        match &mut self.pace {
            Pace::Snapshot(sending) => Some(sending),
            Pace::Probe { .. } | Pace::Stream => None,
        }
    }

    fn may_send(&self, max_inflight: usize) -> bool {
        match self.pace {
            Pace::Probe { waiting } => !waiting,
            Pace::Stream => self.inflight.len() < max_inflight.max(1),
            Pace::Snapshot(_) => false,
        }
    }

    fn sent(&mut self, last: Index) {
        match &mut self.pace {
            Pace::Probe { waiting } => *waiting = true,
            Pace::Stream => {
                self.next_index = last.next();
                self.inflight.push_back(last);
            }
            Pace::Snapshot(_) => {}
        }
    }
}

impl Raft {
    /// Sends all others what they lack, as far as their windows allow.
    pub(crate) fn replicate(&mut self, cx: &mut Ctx<'_, Self>) {
        for to in self.others(cx.me()) {
            self.send_entries(cx, to);
        }
    }

    /// Begins a round: says to all others that this server leads. Their answers carry the round's
    /// number, so they prove that it led after this moment.
    pub(crate) fn begin_round(&mut self, cx: &mut Ctx<'_, Self>) {
        self.count_round(cx);
        for to in self.others(cx.me()) {
            self.send_heartbeat(cx, to);
        }
        self.round_answered(cx);
    }

    /// The next round begins with what is sent from here on.
    pub(crate) fn count_round(&mut self, cx: &Ctx<'_, Self>) {
        self.round += 1;
        if cx.cfg().lease {
            self.lease.began(self.round, cx.now());
        }
        if let Some(own) = self.progress.get_mut(&cx.me()) {
            own.answered(self.round);
        }
    }

    /// A follower has answered in this term; `before` is the commit index before that.
    pub(crate) fn heard_follower(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, before: Index) {
        if self.commit_index > before {
            self.committed(cx);
        }
        if self.role == Role::Leader {
            self.send_entries(cx, from);
            self.tell_commit(cx, from);
            if self.handover.is_some() {
                self.continue_transfer(cx);
            }
            self.round_answered(cx);
        }
    }

    /// The leader's own log is durable up to `index`.
    pub(crate) fn own_copy_counts(&mut self, cx: &mut Ctx<'_, Self>, index: Index) {
        let before = self.commit_index;
        if let Some(own) = self.progress.get_mut(&cx.me()) {
            own.match_index = own.match_index.max(index);
        }
        self.advance_commit();
        if self.commit_index > before {
            self.committed(cx);
        }
        if self.role == Role::Leader {
            self.round_answered(cx);
        }
    }

    /// The leader's commit index has risen.
    fn committed(&mut self, cx: &mut Ctx<'_, Self>) {
        for to in self.others(cx.me()) {
            // Whoever is sent entries anyway hears of it with them.
            self.send_entries(cx, to);
            if self.membership().has(to) {
                self.tell_commit(cx, to);
            } else {
                // It leaves with this commit: nobody will tell it later.
                self.send_heartbeat(cx, to);
            }
        }
        self.finish_change(cx);
    }

    /// Tells `to` how far the log is committed, if that is news to it: a client may wait there. To
    /// one that has yet to answer it is told after the answer, so many risings make one message.
    fn tell_commit(&mut self, cx: &mut Ctx<'_, Self>, to: Addr) {
        let commit = self.commit_index;
        let waits = |p: &Progress| p.inflight.is_empty() && p.pace == Pace::Stream;
        let news = |p: &Progress| waits(p) && p.sent_commit < commit;
        if self.progress.get(&to).is_some_and(news) {
            self.send_heartbeat(cx, to);
        }
    }

    fn others(&self, me: Addr) -> Vec<Addr> {
        self.progress.keys().copied().filter(|s| *s != me).collect()
    }

    /// Sends `to` the entries that it lacks, in as many requests as its window allows.
    fn send_entries(&mut self, cx: &mut Ctx<'_, Self>, to: Addr) {
        let cfg = cx.cfg();
        while let Some(progress) = self.progress.get(&to) {
            let next = progress.next_index;
            if next > self.log.last_index() || !progress.may_send(cfg.max_inflight) {
                return;
            }
            if self.log.term_at(next.prev()).is_none() {
                return self.start_snapshot(cx, to);
            }
            let entries = batch(self.log.from(next), cfg.max_entries, cfg.max_bytes);
            let last = next.prev() + entries.len() as u64;
            self.send_append(cx, to, entries);
            if let Some(progress) = self.progress.get_mut(&to) {
                progress.sent(last);
            }
        }
    }

    /// Says to `to` that this server leads, by a request without entries.
    fn send_heartbeat(&mut self, cx: &mut Ctx<'_, Self>, to: Addr) {
        let lacks = |p: &Progress| self.log.term_at(p.next_index.prev()).is_none();
        let waits = |p: &Progress| matches!(p.pace, Pace::Snapshot(_));
        if self
            .progress
            .get(&to)
            .is_some_and(|p| lacks(p) && !waits(p))
        {
            self.start_snapshot(cx, to);
        }
        self.send_append(cx, to, Vec::new());
    }

    /// The pieces of snapshots that are under way are sent once more: they, or their answers, may
    /// have been lost.
    pub(crate) fn repeat_chunks(&mut self, cx: &mut Ctx<'_, Self>) {
        for to in self.others(cx.me()) {
            self.send_chunk(cx, to);
        }
    }

    fn send_append(&mut self, cx: &mut Ctx<'_, Self>, to: Addr, entries: Vec<Entry>) {
        let Some(progress) = self.progress.get_mut(&to) else {
            return;
        };
        let prev_log_index = progress.next_index.prev();
        progress.sent_commit = self.commit_index;
        // Who needs a snapshot is asked about the place before the first entry: it has that.
        let known = self
            .log
            .term_at(prev_log_index)
            .filter(|_| progress.sending().is_none());
        let (prev_log_index, prev_log_term) = match known {
            Some(term) => (prev_log_index, term),
            None => Default::default(),
        };
        let request = AppendEntries {
            term: self.current_term,
            prev_log_index,
            prev_log_term,
            entries,
            leader_commit: self.commit_index,
            round: self.round,
        };
        cx.send(to, Msg::AppendEntries(request));
    }

    /// `to` needs entries that are in the snapshot only.
    fn start_snapshot(&mut self, cx: &mut Ctx<'_, Self>, to: Addr) {
        let (Some(progress), Some(snapshot)) = (self.progress.get_mut(&to), &self.snapshot) else {
            return;
        };
        progress.inflight.clear();
        progress.pace = Pace::Snapshot(Sending::new(snapshot.clone()));
        self.send_chunk(cx, to);
    }
}

/// The first of `entries`, as many as fit into one message; one at least.
fn batch(entries: &[Entry], max_entries: usize, max_bytes: usize) -> Vec<Entry> {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let first = bytes == 0;
        bytes += 16;
        if let Payload::Command(command) = &entry.payload {
            bytes += command.bytes().len();
        }
        first || bytes <= max_bytes
    };
    entries
        .iter()
        .take(max_entries.max(1))
        .take_while(fits)
        .cloned()
        .collect()
}
