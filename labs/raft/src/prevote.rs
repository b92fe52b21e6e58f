//! Stage 6: a leader that works is left alone, and one that does not steps down (thesis §4.2.3,
//! §6.2, §9.6).

use crate::message::{Msg, RequestVote, Vote};
use crate::raft::{Raft, Timer};
use crate::view::Role;
use node::{Addr, Ctx};

impl Raft {
    /// **Task 6.3** (thesis §4.2.3): whether a leader was heard ([`Raft::last_heard`]) less than the
    /// least election timeout ago. A leader hears itself.
    pub(crate) fn hears_leader(&self, cx: &Ctx<'_, Self>) -> bool {
        todo!("task 6.3")
    }

    /// **Task 6.4** (thesis §9.6): asks all other voters whether they would vote for this server in
    /// the next term ([`Msg::PreVote`]): a [`Role::PreCandidate`] that knows no leader, with its own
    /// consent and a fresh election timer. The term stays as it is, and nothing is saved.
    ///
    /// Ends with [`Raft::count_pre_votes`].
    pub(crate) fn start_pre_vote(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 6.4")
    }

    /// **Task 6.5** (thesis §9.6): answers whether this server would vote for `from`: the request's
    /// term is later than the current one, the log is up to date, and no leader is heard
    /// ([`Raft::hears_leader`]). It changes nothing here: no term, no vote, no timer.
    ///
    /// A consent carries the request's term. A refusal carries the current one: the asker may be
    /// behind, and must hear of it, or it would ask for ever.
    pub(crate) fn on_pre_vote(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, request: RequestVote) {
        todo!("task 6.5")
    }

    /// **Task 6.6** (thesis §9.6): notes a consent, if it is one to the election that this
    /// pre-candidate asks about: in the term after the current one. Then [`Raft::count_pre_votes`].
    ///
    /// (A refusal with a later term was observed before this call.)
    pub(crate) fn on_pre_voted(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, vote: Vote) {
        todo!("task 6.6")
    }

    /// A pre-candidate that would win stands for election. Given.
    pub(crate) fn count_pre_votes(&mut self, cx: &mut Ctx<'_, Self>) {
        if self.role == Role::PreCandidate && self.has_quorum() {
            self.start_election(cx, false);
        }
    }

    /// **Task 6.7** (thesis §6.2): an election timeout of a leader is over. If a quorum of voters has
    /// not answered in it (`active`), the leader steps down: others may have elected a new one, and
    /// clients wait here in vain. Otherwise the next one begins ([`Timer::Quorum`], the least
    /// election timeout), with nobody but the leader itself active.
    pub(crate) fn quorum_timeout(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 6.7")
    }
}
