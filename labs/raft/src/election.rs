//! Stage 1: terms, votes, timers (§5.1, §5.2, §5.4.1).

use crate::entry::Term;
use crate::message::{Msg, RequestVote, Vote};
use crate::raft::{Raft, Timer};
use crate::view::Role;
use node::{Addr, Ctx};

impl Raft {
    /// **Task 1.1** (§5.1): a message carried `term`. If that is later than the current one, enters
    /// it: with no vote given yet ([`Raft::set_term_and_vote`]), as a follower that knows no leader
    /// ([`Raft::become_follower`]).
    ///
    /// An earlier or equal term changes nothing.
    pub(crate) fn observe_term(&mut self, cx: &mut Ctx<'_, Self>, term: Term) {
        todo!("task 1.1")
    }

    /// **Task 1.2** (§5.2): starts [`Timer::Election`] anew, with a timeout drawn at random from
    /// `election_timeout` of the configuration.
    pub(crate) fn reset_election_timer(&self, cx: &mut Ctx<'_, Self>) {
        todo!("task 1.2")
    }

    /// **Task 1.3** (§5.2): begins an election: the next term, the own vote, a fresh timer, and a
    /// [`Msg::RequestVote`] to all other voters. `transfer` goes into it as it is. From here on this
    /// server is a [`Role::Candidate`] that knows no leader.
    ///
    /// Votes of earlier elections do not count. Ends with [`Raft::count_votes`]: a cluster of one
    /// has its quorum already.
    pub(crate) fn start_election(&mut self, cx: &mut Ctx<'_, Self>, transfer: bool) {
        todo!("task 1.3")
    }

    /// **Task 1.4** (§5.4.1): whether the candidate's log is at least as up-to-date as this
    /// server's: the later last term wins; of equal last terms, the longer log.
    pub(crate) fn is_up_to_date(&self, candidate: &RequestVote) -> bool {
        todo!("task 1.4")
    }

    /// **Task 1.5** (§5.2, §5.4.1): votes, or not, and answers `from` with a [`Msg::Vote`].
    ///
    /// The vote is granted if the request is of the current term (a later one was observed before
    /// this call), if this server has not voted for another in it, and if the candidate's log is up
    /// to date. A vote that is granted is set ([`Raft::set_term_and_vote`]) before the answer is
    /// sent, and starts the election timer anew; one that is not, does not.
    pub(crate) fn on_request_vote(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        from: Addr,
        request: RequestVote,
    ) {
        todo!("task 1.5")
    }

    /// **Task 1.6** (§5.2): notes a vote, if it belongs to this election: this server is a
    /// candidate, and the vote was granted in its current term. Then [`Raft::count_votes`].
    pub(crate) fn on_vote(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, vote: Vote) {
        todo!("task 1.6")
    }

    /// **Task 1.7** (§5.2): if a quorum of voters has voted for this candidate ([`Raft::has_quorum`]),
    /// it becomes leader ([`Raft::become_leader`]). Anyone but a candidate stays what it is.
    pub(crate) fn count_votes(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 1.7")
    }

    /// **Task 1.8** (§5.2): `from` leads the current term: it has sent a message of that term that
    /// only leaders send. Whoever stood for election follows it now; the election timer starts anew.
    pub(crate) fn accept_leader(&mut self, cx: &mut Ctx<'_, Self>, from: Addr) {
        todo!("task 1.8")
    }

    /// **Task 1.9** (§5.2): this candidate has won: it is the leader of the current term, and knows
    /// so. The votes are history. It has no election timer any more; in its place
    /// [`Timer::Heartbeat`] runs, with the configuration's `heartbeat`.
    ///
    /// Ends with [`Raft::begin_leading`], which sends the first heartbeats.
    pub(crate) fn become_leader(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 1.9")
    }

    /// **Task 1.10** (§5.1): this server is a follower now, of `leader`, if one is known. The term
    /// stays, and the votes are history.
    ///
    /// One that led stops to ([`Raft::stop_leading`], which sends clients on to the `leader_id` that
    /// is set by then), and needs an election timer again. For others
    /// the timer runs on: to hear of a term is not to hear of a leader.
    pub(crate) fn become_follower(&mut self, cx: &mut Ctx<'_, Self>, leader: Option<Addr>) {
        todo!("task 1.10")
    }
}
