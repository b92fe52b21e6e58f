use super::{changed, views};
use dist_raft::{Msg, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, SimTime, Step, Violation};
use std::time::Duration;

const NAME: &str = "G-I10 StableLeader";

/// **G-I10 StableLeader.** Some time after the last fault there is a leader, and it stays.
///
/// For runs whose faults end: `by` is their end and a bound. The time from then to the run's end is
/// how long the leader must last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct StableLeader {
    by: SimTime,
    leader: Option<(Term, Addr)>,
}

impl StableLeader {
    /// A leader is there at `by`, and leads from then on.
    pub fn by(by: Duration) -> Self {
        StableLeader { by: SimTime::default() + by, leader: None }
    }

    fn look<N: Node<View: AsRef<View>>>(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let leads = views(step).filter(|(_, view)| view.leads());
        let newest = leads.map(|(addr, view)| (view.current_term, addr)).max();
        let Some((term, addr)) = newest else {
            let message =
                format!("nobody leads, although nothing is broken long before {}", self.by);
            return Err(Violation::new(NAME, message));
        };
        let (t, first) = *self.leader.get_or_insert((term, addr));
        if (t, first) != (term, addr) {
            let message = format!(
                "{addr} leads term {term} in place of {first}, the leader of term {t}, although nothing is broken"
            );
            return Err(Violation::new(NAME, message).at([first, addr]));
        }
        Ok(())
    }
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for StableLeader {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        if step.now < self.by || changed(step).is_none() {
            return Ok(());
        }
        self.look(step)
    }

    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        debug_assert!(matches!(step.event, Event::End));
        self.look(step)
    }
}
