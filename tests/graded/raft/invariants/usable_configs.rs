use super::{changed, sent};
use dist_raft::{Membership, Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// **G-I11 UsableConfigs.** Any two usable configurations have quorums that meet: when a server leads
/// a term, no leader of an earlier term has a configuration, the latest in its log, of which a quorum
/// has not heard of a later term. Such two could commit different entries at one index.
///
/// The term of a server is what it has shown, or said in a message.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct UsableConfigs {
    terms: BTreeMap<Addr, Term>,
    /// Who leads, as it last showed.
    leaders: BTreeMap<Addr, (Term, Membership)>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for UsableConfigs {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let addr = step.node;
        if let Some((_, msg)) = sent(step)
            // These two carry a term that nobody has entered yet.
            && !matches!(msg, Msg::PreVote(_) | Msg::PreVoted(_))
        {
            self.heard(addr, msg.term());
        }
        if matches!(step.event, Event::Crash) {
            self.leaders.remove(&addr);
        }
        let Some(view) = changed(step) else {
            return Ok(());
        };
        self.heard(addr, view.current_term);
        if view.leads() {
            let now = (view.current_term, view.membership.clone());
            if self.leaders.get(&addr) == Some(&now) {
                return Ok(());
            }
            self.leaders.insert(addr, now);
        } else if self.leaders.remove(&addr).is_none() {
            return Ok(());
        }
        self.compare()
    }
}

impl UsableConfigs {
    fn heard(&mut self, addr: Addr, term: Term) {
        let known = self.terms.entry(addr).or_default();
        *known = term.max(*known);
    }

    fn compare(&self) -> Result<(), Violation> {
        let newest = self.leaders.iter().max_by_key(|(_, (term, _))| *term);
        let Some((leader, (newest, config))) = newest else {
            return Ok(());
        };
        for (old, (term, of_old)) in &self.leaders {
            let follows = |v: Addr| self.terms.get(&v).copied().unwrap_or_default() <= *term;
            if term < newest && of_old.is_quorum(follows) {
                let message = format!(
                    "{leader} leads term {newest} with {config:?}, and {old}, of term {term} with {of_old:?}, can \
                     still reach a quorum of its own"
                );
                return Err(Violation::new("G-I11 UsableConfigs", message).at([*leader, *old]));
            }
        }
        Ok(())
    }
}
