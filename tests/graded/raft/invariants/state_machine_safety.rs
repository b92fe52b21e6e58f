use super::changed;
use dist_raft::{Command, Entry, Index, Msg, Payload, Raft, Ret, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

const NAME: &str = "G-I5 StateMachineSafety";

/// **G-I5 StateMachineSafety.** What one server takes for committed at an index, every server takes
/// for committed there, and for ever. A server that knows an entry to be committed has it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct StateMachineSafety {
    /// By index, from 1 on. A hole is what was only ever seen in snapshots.
    committed: Vec<Option<Entry>>,
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for StateMachineSafety {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let Some(view) = changed(step) else {
            return Ok(());
        };
        let (addr, commit) = (step.node, view.commit_index);
        if commit > view.last_index() {
            let message = format!(
                "{addr} knows entry {commit} to be committed, and its log ends at {}",
                view.last_index()
            );
            return Err(Violation::new(NAME, message).at([addr]));
        }
        if view.last_applied > commit.max(view.snapshot_index) {
            let message = format!(
                "{addr} has applied entry {}, and knows of none committed behind {commit}",
                view.last_applied
            );
            return Err(Violation::new(NAME, message).at([addr]));
        }
        let upto = usize::try_from(commit.0).unwrap_or(usize::MAX);
        if self.committed.len() < upto {
            self.committed.resize(upto, None);
        }
        for (index, entry) in view.entries().take_while(|(index, _)| *index <= commit) {
            let place = &mut self.committed[index.0 as usize - 1];
            let first = place.get_or_insert_with(|| entry.clone());
            if first != entry {
                let message = format!(
                    "{addr} takes {entry:?} for entry {index}, where {first:?} was committed"
                );
                return Err(Violation::new(NAME, message).at([addr]));
            }
        }
        Ok(())
    }
}

/// **G-I5**, of what the state machines are told: each index once in one boot, in order from the
/// snapshot on, and everywhere the same. For a [`Raft`] alone, whose clients are told.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Told {
    entries: BTreeMap<Index, (Term, Option<Command>)>,
    /// The last index that the state machine at each server was told of.
    last: BTreeMap<Addr, Index>,
}

impl Checker<Raft> for Told {
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        match step.event {
            Event::Op { op: dist_raft::Op::Watch, .. } | Event::Crash => {
                self.last.remove(&step.node);
                Ok(())
            }
            Event::Ret { ret: Ret::Install { index, .. }, .. } => {
                self.last.insert(step.node, *index);
                Ok(())
            }
            Event::Ret { ret: Ret::Committed { index, term, command }, .. } => {
                self.told(step, *index, (*term, command.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl Told {
    fn told(
        &mut self,
        step: &Step<'_, Raft>,
        index: Index,
        entry: (Term, Option<Command>),
    ) -> Result<(), Violation> {
        let addr = step.node;
        let last = self.last.insert(addr, index).unwrap_or_default();
        if index != last.next() {
            let message =
                format!("{addr} tells its state machine of entry {index} after entry {last}");
            return Err(Violation::new(NAME, message).at([addr]));
        }
        let first = self.entries.entry(index).or_insert_with(|| entry.clone());
        if *first != entry {
            let message = format!(
                "{addr} tells its state machine of {:?} of term {} at {index}, where {:?} of term {} \
                 was told before",
                entry.1, entry.0, first.1, first.0
            );
            return Err(Violation::new(NAME, message).at([addr]));
        }
        let held = step.stepped().and_then(|view| view.entry(index));
        let command = held.map(|entry| match &entry.payload {
            Payload::Command(command) => Some(command),
            Payload::Empty | Payload::Config(_) => None,
        });
        if command.is_some_and(|held| held != entry.1.as_ref()) {
            let message = format!(
                "{addr} tells its state machine of {:?} at {index}, and has another entry there",
                entry.1
            );
            return Err(Violation::new(NAME, message).at([addr]));
        }
        Ok(())
    }
}
