//! Stage 2: AppendEntries, both sides, and the commit rule (§5.3, §5.4.2).

use crate::entry::{Entry, Index, Payload, Term};
use crate::message::{AppendEntries, AppendResult, Appended, Conflict, Msg};
use crate::raft::Raft;
use crate::view::Role;
use node::{Addr, Ctx};

/// A follower's side.
impl Raft {
    /// **Task 2.1** (§5.3): the consistency check: whether this log has an entry at
    /// `prev_log_index` with `prev_log_term`.
    ///
    /// Every log has the place before its first entry: index 0, term 0. What lies before the end of
    /// the snapshot was committed, so it is equal on all servers.
    pub(crate) fn matches(&self, prev_log_index: Index, prev_log_term: Term) -> bool {
        todo!("task 2.1")
    }

    /// **Task 2.2** (§5.3): stores `entries`, of which the first belongs at `first`, behind an entry
    /// that matched. Returns the index of the first entry that was not there before; `None` if all
    /// were.
    ///
    /// An entry that conflicts with a new one (same index, other term) goes, and all behind it
    /// ([`Raft::truncate_log`]); one that is there already stays, *and so does what follows it*: a
    /// request that was long under way may be shorter than the log. Entries that the snapshot holds
    /// are passed over.
    pub(crate) fn store(&mut self, first: Index, entries: Vec<Entry>) -> Option<Index> {
        todo!("task 2.2")
    }

    /// **Task 2.3** (§5.3, last part): what to tell a leader whose `prev_log_index` has another term
    /// here, or nothing: the term there and the first index of that term in this log; or, if this
    /// log ends before, no term and the index behind the last entry.
    ///
    /// The first index may be taken as that of the first entry behind the snapshot, if the term
    /// reaches back that far.
    pub(crate) fn conflict_at(&self, prev_log_index: Index) -> Conflict {
        todo!("task 2.3")
    }

    /// **Task 2.4** (§5.3): a leader's request: answers it with [`Msg::Appended`], always, under the
    /// request's round.
    ///
    /// One of an earlier term comes from a leader that was replaced: [`AppendResult::OldTerm`], and
    /// nothing else happens. Otherwise its sender leads ([`Raft::hear_leader`]): check the request
    /// ([`Raft::matches`]; if it does not, [`Raft::conflict_at`]), store its entries ([`Raft::store`])
    /// and, from the first new one on, [`Raft::persist`] them before you answer.
    ///
    /// A match proves that the logs are equal up to `prev_log_index` + number of entries, and no
    /// further: behind that there may be entries that no leader will ever commit. So that is what
    /// is acknowledged, and the commit index becomes at most that and `leader_commit`. It never falls.
    pub(crate) fn on_append_entries(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        from: Addr,
        request: AppendEntries,
    ) {
        todo!("task 2.4")
    }

    /// A message that only the leader of the current term sends. Given.
    pub(crate) fn hear_leader(&mut self, cx: &mut Ctx<'_, Self>, from: Addr) {
        if cx.cfg().pre_vote || cx.cfg().check_quorum {
            self.last_heard = Some(cx.now());
        }
        self.accept_leader(cx, from);
    }

    /// Makes new entries, from `first` on, durable, if there is a disk: what is sent after this call
    /// leaves after that. Given.
    pub(crate) fn persist(&self, cx: &mut Ctx<'_, Self>, first: Index) {
        if cx.cfg().durable {
            self.save_entries(cx, first);
        }
    }
}

/// A leader's side.
impl Raft {
    /// **Task 2.5** (§5.3, last part): where the leader goes on after a follower's conflict: the next
    /// index to send to it. At most `conflict.prev_log_index`, or it would ask the same again.
    ///
    /// If this log has an entry of the follower's term before `prev_log_index`, the index behind the
    /// last of those; otherwise the follower's `first_index`: its whole term is skipped at once.
    pub(crate) fn next_after(&self, conflict: Conflict) -> Index {
        todo!("task 2.5")
    }

    /// **Task 2.6** (§5.3): a follower has answered. What does the answer belong to? Only one of the
    /// current term, to a server that leads it, counts, and [`AppendResult::OldTerm`] never does: it
    /// is about a request from before this server led. From a server without a mark in
    /// [`Raft::progress`] (it has left) nothing is heard.
    ///
    /// Whoever answers was reached in this round: [`crate::Progress::answered`]. A match moves its
    /// `match_index`, which only ever grows within a term, because answers overtake each other; then
    /// [`crate::Progress::arrived`] and [`Raft::advance_commit`]. After a conflict the leader goes on
    /// at [`Raft::next_after`]: [`crate::Progress::back_up`].
    ///
    /// Ends with [`Raft::heard_follower`], which sends what comes next; it is told the commit index
    /// from before.
    pub(crate) fn on_appended(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, answer: Appended) {
        todo!("task 2.6")
    }

    /// **Task 2.7** (§5.3, §5.4.2): moves the leader's commit index to the last entry that a quorum
    /// of voters has, if that entry is *of the current term*. Earlier entries are committed with it;
    /// counted by themselves they could still be overwritten (Figure 8).
    ///
    /// Use [`crate::Membership::reached_by_quorum`] and [`Raft::match_index`].
    pub(crate) fn advance_commit(&mut self) {
        todo!("task 2.7")
    }

    /// Appends an entry of the current term, and sees to it that all get it. Given.
    pub(crate) fn append_as_leader(&mut self, cx: &mut Ctx<'_, Self>, payload: Payload) -> Index {
        let term = self.current_term;
        let index = self.push_entry(Entry { term, payload });
        if cx.cfg().durable {
            self.replicate_and_save(cx, index);
        } else {
            self.replicate(cx);
            self.count_own_copy(cx);
        }
        index
    }

    /// The leader's own copy counts, too, once it is durable. Given.
    pub(crate) fn count_own_copy(&mut self, cx: &mut Ctx<'_, Self>) {
        let (term, index) = (self.current_term, self.log.last_index());
        if cx.cfg().durable {
            cx.send(cx.me(), Msg::Persisted { term, index });
        } else {
            self.own_copy_counts(cx, index);
        }
    }
}
