use super::changed;
use dist_raft::{Index, Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

/// **G-I4 LeaderCompleteness.** What was committed in a term is in the log of every leader of a
/// later term.
///
/// In which term an entry was committed is known from above only: no later than the least term of
/// the servers that knew of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LeaderCompleteness {
    /// By index: the entry's term, and the least term of a server that knew it to be committed.
    committed: BTreeMap<Index, (Term, Term)>,
    /// The leaders whose logs were compared with all of that.
    compared: BTreeMap<Addr, Term>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for LeaderCompleteness {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let Some(view) = changed(step) else {
            return Ok(());
        };
        let news = self.learn(view);
        if view.leads() {
            let before = self.compared.insert(step.node, view.current_term);
            if before != Some(view.current_term) {
                self.compare(step.node, view, Index(0))?;
            }
        }
        // An old leader commits while a new one is there already.
        if let Some(first) = news {
            let leads = |(_, view): &(Addr, &View)| view.leads();
            for (addr, view) in super::views(step).filter(leads) {
                self.compare(addr, view, first)?;
            }
        }
        Ok(())
    }
}

impl LeaderCompleteness {
    /// Notes what a server knows to be committed; tells the first index of which something is new.
    fn learn(&mut self, view: &View) -> Option<Index> {
        let mut news = None;
        for (index, entry) in view.entries() {
            if index > view.commit_index {
                break;
            }
            let first = (entry.term, view.current_term);
            let known = self.committed.entry(index).or_insert_with(|| {
                news = news.or(Some(index));
                first
            });
            if view.current_term < known.1 {
                known.1 = view.current_term;
                news = news.or(Some(index));
            }
        }
        news
    }

    fn compare(&self, leader: Addr, view: &View, first: Index) -> Result<(), Violation> {
        for (index, (term, since)) in self.committed.range(first..) {
            let held = *index < view.snapshot_index || view.term_at(*index) == Some(*term);
            if view.current_term > *since && !held {
                let message = format!(
                    "{leader} leads term {}, and entry {index} of term {term}, committed in term \
                     {since} at the latest, is not in its log",
                    view.current_term
                );
                return Err(Violation::new("G-I4 LeaderCompleteness", message).at([leader]));
            }
        }
        Ok(())
    }
}
