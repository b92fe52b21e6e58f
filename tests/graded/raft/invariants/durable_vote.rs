use super::{acknowledged, changed, handled, leaders_term, sent};
use dist_raft::{Index, Msg, RequestVote, Term, View, Vote};
use node::{Addr, Node};
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

const NAME: &str = "G-I7 DurableVote";

/// **G-I7 DurableVote.** A server promises nothing that it does not keep over a restart: it gives
/// one vote in a term, and what it has acknowledged to a leader is in its log.
///
/// A vote is given by a message: the answer, or the request of a candidate, which votes for itself.
/// An acknowledged entry may go only when a leader of a later term has spoken.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DurableVote {
    /// Each server's last vote.
    votes: BTreeMap<Addr, (Term, Addr)>,
    /// What each server has acknowledged, or counts of itself as a leader: in which term, up to
    /// which entry, and that entry's term.
    kept: BTreeMap<Addr, (Term, Index, Term)>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for DurableVote {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let addr = step.node;
        if let Some(term) = handled(step).and_then(|(_, msg)| leaders_term(msg)) {
            self.kept.retain(|a, (in_term, _, _)| *a != addr || *in_term >= term);
        }
        if let Some((to, msg)) = sent(step) {
            match msg {
                Msg::Vote(Vote { term, vote_granted: true }) => self.voted(addr, *term, to)?,
                Msg::RequestVote(RequestVote { term, .. }) => self.voted(addr, *term, addr)?,
                _ => {}
            }
            if let Some((term, index)) = acknowledged(msg) {
                self.acknowledged(step, term, index);
            }
        }
        let Some(view) = changed(step) else {
            return Ok(());
        };
        self.stands_to(addr, view)?;
        if view.leads() {
            let own = view.match_index.iter().find(|(server, _)| *server == addr);
            if let Some((_, index)) = own
                && let Some(term) = view.term_at(*index)
            {
                self.keep(addr, view.current_term, *index, term);
            }
        }
        Ok(())
    }
}

impl DurableVote {
    fn voted(&mut self, voter: Addr, term: Term, candidate: Addr) -> Result<(), Violation> {
        let (last, whom) = *self.votes.entry(voter).or_insert((term, candidate));
        if term < last || (term == last && whom != candidate) {
            let message = format!(
                "{voter} votes for {candidate} in term {term}, and voted for {whom} in term {last} before"
            );
            return Err(Violation::new(NAME, message).at([voter]));
        }
        self.votes.insert(voter, (term, candidate));
        Ok(())
    }

    /// Which entry was acknowledged is read from a log that has it: the server's own, or that of
    /// the leader if the server is not to be seen just now.
    fn acknowledged<N>(&mut self, step: &Step<'_, N>, term: Term, index: Index)
    where
        N: Node<Msg = Msg, View: AsRef<View>>,
    {
        let own = step.stepped().map(AsRef::as_ref);
        let mut others = super::views(step).map(|(_, view)| view);
        let leader = || others.find(|v| v.leads() && v.current_term == term);
        let log = own
            .filter(|v| v.current_term == term)
            .or_else(leader)
            .and_then(|v: &View| v.term_at(index));
        if let Some(of) = log {
            self.keep(step.node, term, index, of);
        }
    }

    fn keep(&mut self, addr: Addr, term: Term, index: Index, of: Term) {
        let kept = self.kept.entry(addr).or_insert((term, index, of));
        if (kept.0, kept.1) < (term, index) {
            *kept = (term, index, of);
        }
    }

    fn stands_to(&self, addr: Addr, view: &View) -> Result<(), Violation> {
        if let Some((term, whom)) = self.votes.get(&addr)
            && view.current_term == *term
            && view.voted_for != Some(*whom)
        {
            let message =
                format!("{addr} has voted for {whom} in term {term}, and no longer knows it");
            return Err(Violation::new(NAME, message).at([addr]));
        }
        if let Some((term, index, of)) = self.kept.get(&addr)
            && *index >= view.snapshot_index
            && view.term_at(*index) != Some(*of)
        {
            let message = format!(
                "{addr} has acknowledged entry {index} to the leader of term {term}, and no longer has it"
            );
            return Err(Violation::new(NAME, message).at([addr]));
        }
        Ok(())
    }
}
