use super::{changed, sent};
use dist_raft::{Index, Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// **G-I6 Monotonic.** The term of a server never falls; its commit index and what it has applied
/// never fall *within one boot*.
///
/// Over a restart, the term that counts is the one that the server has spoken of: until then
/// nobody can know that it had entered it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Monotonic {
    /// The latest term in each server's messages.
    spoken: BTreeMap<Addr, Term>,
    /// What each running server last showed: term, commit index, applied.
    shown: BTreeMap<Addr, (Term, Index, Index)>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for Monotonic {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        if matches!(step.event, Event::Crash | Event::Boot) {
            self.shown.remove(&step.node);
        }
        if let Some((_, msg)) = sent(step) {
            // These two carry a term that nobody has entered yet.
            if !matches!(msg, Msg::PreVote(_) | Msg::PreVoted(_)) {
                let term = self.spoken.entry(step.node).or_default();
                *term = msg.term().max(*term);
            }
        }
        let Some(view) = changed(step) else {
            return Ok(());
        };
        let addr = step.node;
        let (term, commit, applied) = self.shown.get(&addr).copied().unwrap_or_default();
        let spoken = self.spoken.get(&addr).copied().unwrap_or_default();
        let what = if view.current_term < term.max(spoken) {
            format!(
                "{addr} is in term {}, and was in term {} before",
                view.current_term,
                term.max(spoken)
            )
        } else if view.commit_index < commit {
            let now = view.commit_index;
            format!("{addr} has commit index {now}, and had {commit} before, without a restart")
        } else if view.last_applied < applied && !watches_anew(step) {
            let now = view.last_applied;
            format!(
                "{addr} has applied up to {now}, and had up to {applied} before, without a restart"
            )
        } else {
            let now = (view.current_term, view.commit_index, view.last_applied);
            self.shown.insert(addr, now);
            return Ok(());
        };
        Err(Violation::new("G-I6 Monotonic", what).at([addr]))
    }
}

/// A new watch is told everything from the beginning.
fn watches_anew<N: Node>(step: &Step<'_, N>) -> bool {
    matches!(step.event, Event::Op { .. } | Event::Cancel(_))
}
