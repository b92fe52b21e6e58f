use super::changed;
use dist_raft::{Entry, Index, Msg, Payload, Term, View};
use node::{Addr, Node};
use sim::{Checker, Step, Violation};

/// **G-I3 LogMatching.** Two logs that hold an entry with the same index and term are equal up to
/// there.
///
/// An index and a term name one entry for ever, and one entry before it; with that for every
/// index, all before it is equal as well.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LogMatching {
    /// By index, from 1 on: every entry that any log ever held there.
    seen: Vec<Vec<Seen>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Seen {
    term: Term,
    payload: Payload,
    /// The term of the entry before it.
    behind: Term,
    /// Who showed it first.
    by: Addr,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for LogMatching {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let Some(view) = changed(step) else {
            return Ok(());
        };
        let mut behind = view.snapshot_term;
        for (index, entry) in view.entries() {
            self.see(step.node, index, entry, behind)?;
            behind = entry.term;
        }
        Ok(())
    }
}

impl LogMatching {
    fn see(
        &mut self,
        by: Addr,
        index: Index,
        entry: &Entry,
        behind: Term,
    ) -> Result<(), Violation> {
        let place = usize::try_from(index.0 - 1).unwrap_or(usize::MAX);
        if self.seen.len() <= place {
            self.seen.resize_with(place + 1, Vec::new);
        }
        let here = &mut self.seen[place];
        let Some(old) = here.iter().rev().find(|s| s.term == entry.term) else {
            here.push(Seen { term: entry.term, payload: entry.payload.clone(), behind, by });
            // The memory says what was seen, not in which order.
            here.sort_by_key(|s| s.term);
            return Ok(());
        };
        let what = if old.payload != entry.payload {
            format!("{:?}, and at {} {:?}", entry.payload, old.by, old.payload)
        } else if old.behind != behind {
            let (new, old_term) = (behind, old.behind);
            format!("an entry of term {new} before it, and at {} one of term {old_term}", old.by)
        } else {
            return Ok(());
        };
        let term = entry.term;
        let message = format!("entry {index} of term {term} is at {by} {what}");
        Err(Violation::new("G-I3 LogMatching", message).at([old.by, by]))
    }
}
