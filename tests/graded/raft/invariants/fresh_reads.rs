use super::views;
use dist_raft::{Index, Op, Raft, Ret};
use node::{Addr, OpId};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// **G-I8**, of the places at which reads look, for a [`Raft`] alone: a read looks no earlier than
/// at the last entry that anybody knew to be committed when it was asked. Small enough for the
/// explorer, which keeps no history.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct FreshReads {
    committed: Index,
    /// What was committed when a read was asked.
    asked: BTreeMap<OpId, (Addr, Index)>,
}

impl Checker<Raft> for FreshReads {
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        match step.event {
            Event::Ret { id, ret, .. } => {
                let asked = self.asked.remove(&id);
                let (Some((_, committed)), Ret::ReadAt { index }) = (asked, ret) else {
                    return Ok(());
                };
                if *index < committed {
                    let message = format!(
                        "{} lets a read look at entry {index}; when it was asked, entry {committed} was committed",
                        step.node
                    );
                    return Err(Violation::new("G-I8 FreshReads", message).at([step.node]));
                }
                return Ok(());
            }
            // The step in which it is asked may commit something itself: that counts not.
            Event::Op { id, op: Op::Read } => {
                self.asked.insert(id, (step.node, self.committed));
            }
            Event::Crash => self.asked.retain(|_, (addr, _)| *addr != step.node),
            _ => {}
        }
        let newest = views(step).map(|(_, view)| view.commit_index).max();
        self.committed = self.committed.max(newest.unwrap_or_default());
        Ok(())
    }
}
