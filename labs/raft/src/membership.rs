//! Stage 6: the servers change, one at a time (thesis ch. 4).

use crate::entry::{Index, Membership, Payload};
use crate::op::{Change, Refusal, Ret};
use crate::progress::Progress;
use crate::raft::Raft;
use crate::view::Role;
use node::{Addr, Ctx, OpId};

/// The memberships that the snapshot and the log hold, by index. Given.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History {
    /// In order; the first is the snapshot's, or the cluster's first one at index 0.
    all: Vec<(Index, Membership)>,
}

impl History {
    /// A cluster's first membership.
    pub fn new(initial: Membership) -> Self {
        History {
            all: vec![(Index(0), initial)],
        }
    }
    /// The one in force: the last that is in the log, committed or not.
    pub fn latest(&self) -> &Membership {
        &self.all[self.all.len() - 1].1
    }
    /// Where that one stands.
    pub fn latest_index(&self) -> Index {
        self.all[self.all.len() - 1].0
    }
    /// The one before it, if it is still known.
    pub fn previous(&self) -> Option<&Membership> {
        let before = self.all.len().checked_sub(2)?;
        Some(&self.all[before].1)
    }
    /// The one that was in force at `index`.
    pub fn at(&self, index: Index) -> &Membership {
        let until = self.all.iter().take_while(|(i, _)| *i <= index).count();
        &self.all[until.max(1) - 1].1
    }
    /// An entry with a membership was appended.
    pub fn push(&mut self, index: Index, membership: Membership) {
        self.all.push((index, membership));
    }
    /// The entries from `first` on are gone.
    pub fn truncate(&mut self, first: Index) {
        let kept = self.all.iter().take_while(|(i, _)| *i < first).count();
        self.all.truncate(kept.max(1));
    }
    /// The entries up to `index` are in a snapshot.
    pub fn compact(&mut self, index: Index) {
        let until = self.all.iter().take_while(|(i, _)| *i <= index).count();
        self.all.drain(..until.max(1) - 1);
    }
    /// The log is empty, behind a snapshot with this membership.
    pub fn behind(&mut self, index: Index, membership: Membership) {
        self.all = vec![(index, membership)];
    }
}

/// A change that is to be committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PendingChange {
    /// Who asked.
    pub id: OpId,
    /// Where it stands in the log.
    pub index: Index,
}

impl Raft {
    /// **Task 6.1** (thesis §4.1, and its correction of 2015): the servers after `change`, or why it
    /// may not begin now.
    ///
    /// The change before it must be committed, or two could be under way whose quorums do not meet
    /// ([`Refusal::ChangePending`]). And this leader must have committed an entry of its own term
    /// ([`Refusal::NoCommitInTerm`]): until then it may lack a change that an earlier leader
    /// committed, or another may hold one that it does not know of.
    ///
    /// | | a voter | a learner | neither |
    /// |---|---|---|---|
    /// | `AddVoter` | `AlreadyThere` | a voter now | a voter now |
    /// | `AddLearner` | `AlreadyThere` | `AlreadyThere` | a learner now |
    /// | `Promote` | `AlreadyThere` | a voter now | `NotThere` |
    /// | `Remove` | removed | removed | `NotThere` |
    ///
    /// A server that was removed never comes back under its address ([`Refusal::WasRemoved`]): it may
    /// have lost its disk, and with it what it promised. A learner is promoted when it has at least
    /// nine tenths of what is committed ([`Refusal::NotCaughtUp`], [`Raft::match_index`]); the last voter is not removed
    /// ([`Refusal::LastVoter`]).
    pub(crate) fn check_change(&self, change: Change) -> Result<Membership, Refusal> {
        todo!("task 6.1")
    }

    /// **Task 6.2** (thesis §4.2.2): a leader that is no voter any more goes on until the entry that
    /// says so is committed; then it steps down ([`Raft::become_follower`]). Called when the commit
    /// index has risen.
    pub(crate) fn leave_if_removed(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 6.2")
    }

    /// Whether this server may stand for election: if it votes, or if the entry that took its vote
    /// away is perhaps not committed: then the others may still need it (thesis §4.2.2). Given.
    pub(crate) fn may_stand(&self, me: Addr) -> bool {
        let votes = |membership: &Membership| membership.voters.contains(&me);
        let uncertain = self.history.latest_index() > self.commit_index;
        votes(self.membership()) || uncertain && self.history.previous().is_some_and(votes)
    }

    /// A change is asked for. Given.
    pub(crate) fn change_servers(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, change: Change) {
        if self.role != Role::Leader || self.handover.is_some() {
            let hint = self.handover.as_ref().map(|h| h.to).or(self.leader_id);
            return cx.ret(id, Ret::NotLeader { hint });
        }
        let membership = match self.check_change(change) {
            Ok(membership) => membership,
            Err(why) => return cx.ret(id, Ret::Refused(why)),
        };
        let next = self.log.last_index().next();
        for server in membership.servers() {
            self.progress
                .entry(server)
                .or_insert_with(|| Progress::new(next));
        }
        let index = next;
        self.change = Some(PendingChange { id, index });
        self.append_as_leader(cx, Payload::Config(membership));
    }

    /// The commit index has risen: is a change done? Given.
    pub(crate) fn finish_change(&mut self, cx: &mut Ctx<'_, Self>) {
        if self.history.latest_index() > self.commit_index {
            return;
        }
        if let Some(PendingChange { id, index }) = self.change.take() {
            let membership = self.membership().clone();
            cx.ret(id, Ret::Changed { index, membership });
        }
        let membership = self.history.latest();
        let me = cx.me();
        // Who was removed has been sent the entry, and this commit index.
        self.progress
            .retain(|server, _| *server == me || membership.has(*server));
        if !membership.voters.contains(&me) {
            self.leave_if_removed(cx);
        }
    }
}
