//! What clients asked and what they were told: the raw material of [`crate::linear`] and [`crate::txn`].
//!
//! A history is complete or worthless. An operation without an answer may have happened, may yet happen, or may never
//! happen, so it stays in the history with a return at infinity; a checker that dropped it would accept a value that
//! nobody is known to have written.
//!
//! Order counts, not only time: two events may fall on one microsecond of the simulator, and still one came first. So
//! each event carries its place in the order in which it was recorded.

use crate::call::Call;
use std::collections::BTreeMap;

/// A moment in a history.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant {
    /// The place in the order of all events. Of two events the one with the smaller place came first.
    pub place: u64,
    /// True time in microseconds, for people.
    pub at: u64,
}

/// Something that a client was told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Told<R> {
    /// When.
    pub when: Instant,
    /// What.
    pub ret: R,
}

/// One operation of a client.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Operation<O, R> {
    /// The number under which it was recorded.
    pub id: u64,
    /// Who asked: a node's address, a client's number, a connection.
    pub client: u32,
    /// What was asked.
    pub op: O,
    /// When it was asked.
    pub invoked: Instant,
    /// The answer that ended it; `None` while it is open, and for ever if the answer was lost.
    pub returned: Option<Told<R>>,
    /// The answers before that one: a watch is told many times.
    pub more: Vec<Told<R>>,
}

impl<O, R> Operation<O, R> {
    /// The place of its end in the order of events: infinity for an operation without an answer.
    pub fn end(&self) -> u64 {
        self.returned
            .as_ref()
            .map_or(u64::MAX, |told| told.when.place)
    }

    /// The final answer.
    pub fn ret(&self) -> Option<&R> {
        self.returned.as_ref().map(|told| &told.ret)
    }
}

/// All operations of a run, in the order in which they were asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History<O, R> {
    operations: Vec<Operation<O, R>>,
    index: BTreeMap<u64, usize>,
    next: u64,
}

impl<O, R> Default for History<O, R> {
    fn default() -> Self {
        History {
            operations: Vec::new(),
            index: BTreeMap::new(),
            next: 0,
        }
    }
}

/// A client that was told something about an operation that is not open. The kit's users see it as a violation: a node
/// answered twice, or answered what nobody had asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadAnswer {
    /// Nobody asked operation so-and-so.
    NeverAsked(u64),
    /// It had its final answer already.
    AnsweredTwice(u64),
}

impl std::fmt::Display for BadAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BadAnswer::NeverAsked(id) => {
                write!(
                    f,
                    "operation {id} was answered, but nobody asked it: call `cx.ret` with the id of `on_op`"
                )
            }
            BadAnswer::AnsweredTwice(id) => write!(
                f,
                "operation {id} was answered twice: `cx.ret` ends an operation, `cx.ret_more` does not"
            ),
        }
    }
}

impl std::error::Error for BadAnswer {}

impl<O, R> History<O, R> {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    fn instant(&mut self, at: u64) -> Instant {
        let place = self.next;
        self.next += 1;
        Instant { place, at }
    }

    /// Client `client` asks for `op` at `at` microseconds of true time. `id` is the operation's own number.
    ///
    /// # Panics
    /// If `id` is in the history already.
    pub fn invoke(&mut self, at: u64, client: u32, id: u64, op: O) {
        let invoked = self.instant(at);
        let before = self.index.insert(id, self.operations.len());
        assert!(
            before.is_none(),
            "operation {id} is in the history already: give each its own id"
        );
        self.operations.push(Operation {
            id,
            client,
            op,
            invoked,
            returned: None,
            more: Vec::new(),
        });
    }

    /// The client of `id` is told `ret`; `last` ends the operation.
    pub fn told(&mut self, at: u64, id: u64, ret: R, last: bool) -> Result<(), BadAnswer> {
        let when = self.instant(at);
        let index = *self.index.get(&id).ok_or(BadAnswer::NeverAsked(id))?;
        let operation = &mut self.operations[index];
        if operation.returned.is_some() {
            return Err(BadAnswer::AnsweredTwice(id));
        }
        let told = Told { when, ret };
        if last {
            operation.returned = Some(told);
        } else {
            operation.more.push(told);
        }
        Ok(())
    }

    /// A history from operations that were recorded apart, by threads of a client of a real system say. Only `at` of
    /// their instants is used; where times are equal, what may have overlapped is taken to have overlapped.
    ///
    /// # Panics
    /// If two operations have the same id.
    pub fn from_times(operations: impl IntoIterator<Item = Operation<O, R>>) -> Self {
        let mut operations: Vec<_> = operations.into_iter().collect();
        // (time, answers after questions, operation): an answer and a question of one moment overlap.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (i, operation) in operations.iter().enumerate() {
            events.push((operation.invoked.at, false, i));
            if let Some(told) = &operation.returned {
                events.push((told.when.at, true, i));
            }
        }
        events.sort_unstable();
        for (place, &(_, answer, i)) in events.iter().enumerate() {
            let operation = &mut operations[i];
            match (&mut operation.returned, answer) {
                (Some(told), true) => told.when.place = place as u64,
                _ => operation.invoked.place = place as u64,
            }
        }
        operations.sort_by_key(|operation| operation.invoked.place);
        let mut index = BTreeMap::new();
        for (i, operation) in operations.iter().enumerate() {
            let before = index.insert(operation.id, i);
            assert!(
                before.is_none(),
                "two operations have the id {}: give each its own",
                operation.id
            );
        }
        History {
            operations,
            index,
            next: events.len() as u64,
        }
    }

    /// The calls of a simulated run.
    pub fn of_calls(calls: &[Call<O, R>]) -> Self
    where
        O: Clone,
        R: Clone,
    {
        let mut history = History::new();
        for call in calls {
            let mut told: Vec<_> = call
                .rets
                .iter()
                .map(|ret| Told {
                    when: Instant {
                        place: ret.order,
                        at: ret.at.as_micros(),
                    },
                    ret: ret.value.clone(),
                })
                .collect();
            let returned = if call.done { told.pop() } else { None };
            let invoked = Instant {
                place: call.asked_order,
                at: call.asked.as_micros(),
            };
            let id = call.id.number();
            history.index.insert(id, history.operations.len());
            let last = returned.as_ref().map_or(invoked, |told| told.when);
            history.next = history.next.max(last.place + 1);
            history.operations.push(Operation {
                id,
                client: call.process as u32,
                op: call.op.clone(),
                invoked,
                returned,
                more: told,
            });
        }
        history
    }

    /// All operations, in the order in which they were asked.
    pub fn operations(&self) -> &[Operation<O, R>] {
        &self.operations
    }

    /// One operation.
    pub fn get(&self, id: u64) -> Option<&Operation<O, R>> {
        self.index.get(&id).map(|&i| &self.operations[i])
    }

    /// The operations that nobody answered.
    pub fn unanswered(&self) -> impl Iterator<Item = &Operation<O, R>> {
        self.operations
            .iter()
            .filter(|operation| operation.returned.is_none())
    }

    /// Takes back each final answer for which `tells_nothing` holds, "timed out" for example: the operation may have
    /// happened or not, so for a checker it is as good as unanswered.
    pub fn forget_answers(&mut self, tells_nothing: impl Fn(&R) -> bool) {
        for operation in &mut self.operations {
            if operation.ret().is_some_and(&tells_nothing) {
                operation.returned = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unanswered_operation_stays_and_ends_at_infinity() {
        let mut history = History::new();
        history.invoke(5, 1, 10, "write");
        history.invoke(5, 2, 11, "read");
        history.told(5, 11, "old", true).unwrap();
        assert_eq!(history.operations().len(), 2);
        assert_eq!(history.get(10).unwrap().end(), u64::MAX);
        assert_eq!(history.unanswered().count(), 1);
        assert!(history.get(10).unwrap().invoked < history.get(11).unwrap().invoked);
    }

    #[test]
    fn a_second_answer_and_an_answer_to_nobody_are_errors() {
        let mut history = History::new();
        history.invoke(0, 1, 1, "watch");
        assert_eq!(history.told(1, 1, 7, false), Ok(()));
        assert_eq!(history.told(2, 1, 8, true), Ok(()));
        assert_eq!(
            history.told(3, 1, 9, true),
            Err(BadAnswer::AnsweredTwice(1))
        );
        assert_eq!(history.told(3, 2, 9, true), Err(BadAnswer::NeverAsked(2)));
        assert_eq!(history.get(1).unwrap().more.len(), 1);
    }

    #[test]
    fn equal_times_overlap_when_logs_are_merged() {
        let timed = |id, from, to| Operation {
            id,
            client: id as u32,
            op: (),
            invoked: Instant { place: 0, at: from },
            returned: Some(Told {
                when: Instant { place: 0, at: to },
                ret: (),
            }),
            more: Vec::new(),
        };
        let history = History::from_times([timed(1, 3, 5), timed(2, 5, 6), timed(3, 6, 6)]);
        let [a, b, c] = history.operations() else {
            panic!("three operations")
        };
        assert!(b.invoked.place < a.end(), "asked when the other returned");
        assert!(a.end() < c.invoked.place);
    }
}
