use super::changed;
use dist_raft::{Entry, Index, Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// **G-I2 LeaderAppendOnly.** A leader changes and drops nothing in its log; it only adds to it
/// (and may drop what its snapshot holds).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LeaderAppendOnly {
    /// Of each leader: its term, where its log begins, and the log.
    logs: BTreeMap<Addr, (Term, Index, Vec<Entry>)>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for LeaderAppendOnly {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        if matches!(step.event, Event::Crash) {
            self.logs.remove(&step.node);
        }
        let Some(view) = changed(step) else {
            return Ok(());
        };
        if !view.leads() {
            self.logs.remove(&step.node);
            return Ok(());
        }
        let (term, start) = (view.current_term, view.snapshot_index);
        match self.logs.get_mut(&step.node) {
            Some((t, begins, log)) if *t == term && *begins == start => {
                if !view.log.starts_with(log) {
                    return Err(changes(step.node, term, first_change(log, &view.log, start)));
                }
                log.extend_from_slice(&view.log[log.len()..]);
            }
            Some((t, begins, log)) if *t == term && *begins < start => {
                let gone = usize::try_from(start - *begins).unwrap_or(usize::MAX);
                // Nothing is left of it if more was added, and put into the snapshot, out of sight.
                let rest = log.get(gone..).unwrap_or_default();
                if !view.log.starts_with(rest) {
                    return Err(changes(step.node, term, first_change(rest, &view.log, start)));
                }
                self.logs.insert(step.node, (term, start, view.log.clone()));
            }
            _ => {
                self.logs.insert(step.node, (term, start, view.log.clone()));
            }
        }
        Ok(())
    }
}

fn first_change(old: &[Entry], new: &[Entry], start: Index) -> Index {
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    start + same as u64 + 1
}

fn changes(leader: Addr, term: Term, index: Index) -> Violation {
    let message = format!(
        "{leader} leads term {term} and has changed or dropped entry {index} of its own log"
    );
    Violation::new("G-I2 LeaderAppendOnly", message).at([leader])
}
