use super::{acknowledged, changed, sent};
use dist_raft::{Index, Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

/// **G-I6 MatchIndex.** A leader's match index of a follower is never above what that follower has
/// acknowledged to it *in this term*. It may fall.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct MatchIndex {
    /// By follower and leader: the latest term with an acknowledgement, and how far it reached.
    acknowledged: BTreeMap<(Addr, Addr), (Term, Index)>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for MatchIndex {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        if let Some((leader, msg)) = sent(step)
            && let Some(ack) = acknowledged(msg)
        {
            let best = self.acknowledged.entry((step.node, leader)).or_default();
            *best = ack.max(*best);
        }
        let Some(view) = changed(step).filter(|view| view.leads()) else {
            return Ok(());
        };
        let leader = step.node;
        for (server, index) in view.match_index.iter().copied() {
            let most = match self.acknowledged.get(&(server, leader)) {
                _ if server == leader => view.last_index(),
                Some((term, index)) if *term == view.current_term => *index,
                _ => Index(0),
            };
            if index > most {
                let message = format!(
                    "{leader}, the leader of term {}, believes that {server} has its log up to \
                     {index}; acknowledged in this term is {most}",
                    view.current_term
                );
                return Err(Violation::new("G-I6 MatchIndex", message).at([leader, server]));
            }
        }
        Ok(())
    }
}
