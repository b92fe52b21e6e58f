//! Stage 5: who waits for what, first come, first served.

use crate::names::{Name, Owner};
use crate::server::Caller;
use crate::view::WaiterView;
use node::LocalTime;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// One that waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Waiter {
    /// Whom to answer.
    pub caller: Caller,
    /// In whose name it asked.
    pub owner: Owner,
    /// How long its grant is to last.
    pub ttl: Duration,
    /// From this moment on it no longer waits.
    pub deadline: LocalTime,
}

/// The queues of a server, one for each name that is waited for.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct WaitQueue {
    queues: BTreeMap<Name, VecDeque<Waiter>>,
}

impl WaitQueue {
    /// Whether anyone waits for `name`, patient or not.
    pub fn has(&self, name: &Name) -> bool {
        self.queues.contains_key(name)
    }

    /// How many wait, for all names.
    pub fn len(&self) -> usize {
        self.queues.values().map(VecDeque::len).sum()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// **Task 5.1** (keep your place): puts `waiter` at the end of the queue for `name`.
    ///
    /// An owner that waits there already (it asks again, because it has heard nothing) keeps its
    /// place and its deadline; only its `caller` is replaced, so that the answer goes to the
    /// latest request.
    pub fn join(&mut self, name: &Name, waiter: Waiter) {
        todo!("task 5.1")
    }

    /// **Task 5.2** (who is next?): takes out the first in the queue for `name` whose deadline
    /// is after `now`; those who are passed over stay, for [`WaitQueue::impatient`].
    ///
    /// Leave no empty queue behind ([`WaitQueue::has`] looks only at whether there is one).
    pub fn next(&mut self, now: LocalTime, name: &Name) -> Option<Waiter> {
        todo!("task 5.2")
    }

    /// **Task 5.3** (patience ends): takes out all those waiting for `name` whose deadline is not
    /// after `now`, in the order of the queue. Leave no empty queue behind.
    pub fn impatient(&mut self, now: LocalTime, name: &Name) -> Vec<Waiter> {
        todo!("task 5.3")
    }

    /// Takes out the one that `is_it` names: it has gone away. Returns whether there was one.
    pub fn leave(&mut self, name: &Name, is_it: impl Fn(&Waiter) -> bool) -> bool {
        let Some(queue) = self.queues.get_mut(name) else {
            return false;
        };
        let before = queue.len();
        queue.retain(|w| !is_it(w));
        let left = queue.len() < before;
        if queue.is_empty() {
            self.queues.remove(name);
        }
        left
    }

    /// For what `caller` waits.
    pub fn waits_for(&self, caller: Caller) -> Option<Name> {
        let mut all = self.queues.iter();
        all.find(|(_, queue)| queue.iter().any(|w| w.caller == caller))
            .map(|(name, _)| name.clone())
    }

    /// When the first of those waiting for `name` loses patience.
    pub fn first_deadline(&self, name: &Name) -> Option<LocalTime> {
        self.queues.get(name)?.iter().map(|w| w.deadline).min()
    }

    /// Who waits, for checkers and traces.
    pub fn view(&self) -> Vec<WaiterView> {
        let mut all = Vec::new();
        for (name, queue) in &self.queues {
            all.extend(queue.iter().map(|w| WaiterView {
                name: name.clone(),
                owner: w.owner.clone(),
            }));
        }
        all
    }
}
