use super::{changed, leaders_term, sent};
use dist_raft::{Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

/// **G-I1 ElectionSafety.** A term has one leader at most, ever: whoever shows that it leads, or
/// sends what only a leader sends.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ElectionSafety {
    leaders: BTreeMap<Term, Addr>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for ElectionSafety {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let shown = changed(step).filter(|view| view.leads());
        let term = shown.map(|view| view.current_term);
        let term = term.or_else(|| sent(step).and_then(|(_, msg)| leaders_term(msg)));
        let Some(term) = term else { return Ok(()) };
        let leader = *self.leaders.entry(term).or_insert(step.node);
        if leader == step.node {
            return Ok(());
        }
        let message = format!("{} leads term {term}, and {leader} led it before", step.node);
        Err(Violation::new("G-I1 ElectionSafety", message).at([leader, step.node]))
    }
}
