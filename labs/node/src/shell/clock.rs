//! Pending timers, and the task that fires them.

use super::Shell;
use crate::Node;
use crate::driver::{Input, TimerChange};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Timers that fire in one go before other tasks get a turn.
const MAX_IN_A_ROW: usize = 256;

/// One instance of each timer value at most, ordered by when it is due.
pub(super) struct Timers<T> {
    due: BTreeMap<(Instant, u64), T>,
    by_value: BTreeMap<T, (Instant, u64)>,
    /// Tells apart timers that are due together: first set, first fired.
    next: u64,
}

impl<T: Clone + Ord> Timers<T> {
    pub fn new() -> Self {
        Timers {
            due: BTreeMap::new(),
            by_value: BTreeMap::new(),
            next: 0,
        }
    }

    /// Carries out a handler's changes, in order. True if another timer is now the first.
    pub fn change(&mut self, now: Instant, changes: &mut Vec<TimerChange<T>>) -> bool {
        if changes.is_empty() {
            return false;
        }
        let first = self.first();
        for change in changes.drain(..) {
            match change {
                TimerChange::Set(timer, after) => {
                    self.remove(&timer);
                    // Longer than tokio can count is longer than anybody waits.
                    let Some(at) = now.checked_add(after) else {
                        continue;
                    };
                    self.due.insert((at, self.next), timer.clone());
                    self.by_value.insert(timer, (at, self.next));
                    self.next += 1;
                }
                TimerChange::Cancel(timer) => self.remove(&timer),
            }
        }
        self.first() != first
    }

    fn remove(&mut self, timer: &T) {
        if let Some(at) = self.by_value.remove(timer) {
            self.due.remove(&at);
        }
    }

    pub fn first(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop_due(&mut self, now: Instant) -> Option<T> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let timer = entry.remove();
        self.by_value.remove(&timer);
        Some(timer)
    }
}

/// Fires timers, and brings the node the messages that it sent to itself.
pub(super) async fn run<N: Node>(shell: Shell<N>) {
    loop {
        for _ in 0..MAX_IN_A_ROW {
            let input = {
                let mut machine = shell.inner.machine.borrow_mut();
                if machine.failed.is_some() {
                    return;
                }
                match machine.timers.pop_due(Instant::now()) {
                    Some(timer) => Some(Input::Timer(timer)),
                    None => machine.pop_later(),
                }
            };
            let Some(input) = input else { break };
            shell.input(input);
        }
        let (first, more) = {
            let machine = shell.inner.machine.borrow();
            (machine.timers.first(), machine.has_later())
        };
        if more || first.is_some_and(|at| at <= Instant::now()) {
            tokio::task::yield_now().await;
            continue;
        }
        match first {
            Some(at) => {
                tokio::select! {
                    biased;
                    () = shell.inner.clock.notified() => {}
                    () = tokio::time::sleep_until(at) => {}
                }
            }
            None => shell.inner.clock.notified().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_timer_that_is_due_can_still_be_stopped_and_set_anew() {
        let set = |timer, millis| TimerChange::Set(timer, Duration::from_millis(millis));
        let (start, mut timers) = (Instant::now(), Timers::new());
        timers.change(start, &mut vec![set('a', 1), set('b', 2), set('c', 3)]);
        // A handler took long, and everything has come due meanwhile.
        let late = start + Duration::from_millis(9);
        assert_eq!(timers.pop_due(late), Some('a'));
        timers.change(late, &mut vec![TimerChange::Cancel('b'), set('c', 5)]);
        assert_eq!(timers.pop_due(late), None);
        assert_eq!(timers.pop_due(late + Duration::from_millis(5)), Some('c'));
    }
}
