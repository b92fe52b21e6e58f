//! The search for an order of the operations of one key.

use super::{Model, Stuck};
use crate::explore::fasthash::Fast;
use crate::history::Operation;
use std::collections::HashSet;

/// What became of one key's search.
pub(super) struct Found {
    pub steps: u64,
    /// `None` if there is an order.
    pub stuck: Option<Stuck>,
    /// True if everything was tried.
    pub exhausted: bool,
}

/// A place in the list of questions and answers of the answered operations, still to be placed. Two ends make the
/// taking out and putting back of an operation free of special cases.
type At = usize;
const HEAD: At = 0;

/// Where the search looks for the next operation to place.
#[derive(Clone, Copy)]
enum Cursor {
    /// Among the answered operations, here in the list.
    Answered(At),
    /// Among those without an answer: the next one, and the place before which it must have been asked.
    Lost(usize, u64),
}

struct Placed<S> {
    operation: usize,
    before: S,
    /// Where to go on if this was wrong.
    resume: Cursor,
}

pub(super) struct Search<'a, M: Model> {
    model: &'a M,
    /// The answered ones in the order of their questions, then the others in the order of theirs.
    operations: Vec<&'a Operation<M::Op, M::Ret>>,
    answered: usize,
    /// For each list element: its operation, and whether it is the answer.
    events: Vec<(usize, bool)>,
    next: Vec<At>,
    prev: Vec<At>,
    /// For each answered operation: the elements of its question and its answer.
    elements: Vec<(At, At)>,
    set: Set,
    state: M::State,
    path: Vec<Placed<M::State>>,
    placed: usize,
    tried: HashSet<(Box<[u64]>, M::State), Fast>,
    /// The most that was placed, and which answer could not be reached then, in which state.
    best: Option<(usize, usize, M::State)>,
}

impl<'a, M: Model> Search<'a, M> {
    pub(super) fn new(
        model: &'a M,
        start: M::State,
        operations: &[&'a Operation<M::Op, M::Ret>],
    ) -> Self {
        let (mut sorted, lost): (Vec<&'a Operation<_, _>>, Vec<_>) =
            operations.iter().partition(|o| o.returned.is_some());
        let answered = sorted.len();
        sorted.extend(lost);
        let mut order: Vec<(u64, usize, bool)> = Vec::with_capacity(2 * answered);
        for (i, operation) in sorted[..answered].iter().enumerate() {
            order.push((operation.invoked.place, i, false));
            order.push((operation.end(), i, true));
        }
        order.sort_unstable();
        let len = order.len() + 2;
        let mut elements = vec![(0, 0); answered];
        let mut events = vec![(usize::MAX, true)];
        for (at, &(_, i, answer)) in order.iter().enumerate() {
            events.push((i, answer));
            match answer {
                false => elements[i].0 = at + 1,
                true => elements[i].1 = at + 1,
            }
        }
        Search {
            model,
            set: Set::new(answered, sorted.len() - answered),
            operations: sorted,
            answered,
            events,
            next: (1..=len).collect(),
            prev: (0..len).map(|i| i.saturating_sub(1)).collect(),
            elements,
            state: start,
            path: Vec::with_capacity(answered),
            placed: 0,
            tried: HashSet::default(),
            best: None,
        }
    }

    pub(super) fn run(mut self, budget: u64) -> Found {
        let mut steps = 0;
        let mut cursor = Cursor::Answered(self.next[HEAD]);
        while self.placed < self.answered {
            let Some((operation, resume)) = self.candidate(&mut cursor) else {
                match self.path.pop() {
                    Some(last) => cursor = self.take_back(last),
                    None => return self.found(steps, true),
                }
                continue;
            };
            if steps == budget {
                self.remember();
                return self.found(steps, false);
            }
            steps += 1;
            cursor = match self.place(operation, resume) {
                true => Cursor::Answered(self.next[HEAD]),
                false => resume,
            };
        }
        Found {
            steps,
            stuck: None,
            exhausted: true,
        }
    }

    /// The next operation that may come now, and where to look after it.
    fn candidate(&mut self, cursor: &mut Cursor) -> Option<(usize, Cursor)> {
        if let Cursor::Answered(at) = *cursor {
            let (operation, answer) = self.events[at];
            if !answer {
                return Some((operation, Cursor::Answered(self.next[at])));
            }
            // Nothing that was asked behind this answer may come before it.
            self.remember();
            let first = self.answered;
            *cursor = Cursor::Lost(first, self.operations[operation].end());
        }
        let Cursor::Lost(mut i, limit) = *cursor else {
            unreachable!("set just above")
        };
        while i < self.operations.len() && self.operations[i].invoked.place < limit {
            if !self.set.contains(i) {
                return Some((i, Cursor::Lost(i + 1, limit)));
            }
            i += 1;
        }
        None
    }

    /// Places `operation` if its answer is right here and this has not been tried.
    fn place(&mut self, operation: usize, resume: Cursor) -> bool {
        let asked = self.operations[operation];
        let Some(after) = self.model.apply(&self.state, &asked.op, asked.ret()) else {
            return false;
        };
        let lost = operation >= self.answered;
        if lost && after == self.state {
            return false; // Whatever works with it works without it.
        }
        self.set.insert(operation);
        if !self.tried.insert((self.set.key(), after.clone())) {
            self.set.remove(operation);
            return false;
        }
        if !lost {
            self.placed += 1;
            let (question, answer) = self.elements[operation];
            self.unlink(question);
            self.unlink(answer);
        }
        let before = std::mem::replace(&mut self.state, after);
        self.path.push(Placed {
            operation,
            before,
            resume,
        });
        true
    }

    fn take_back(&mut self, last: Placed<M::State>) -> Cursor {
        self.state = last.before;
        self.set.remove(last.operation);
        if last.operation < self.answered {
            self.placed -= 1;
            let (question, answer) = self.elements[last.operation];
            // In the opposite order, or an element is linked to one that is out.
            self.relink(answer);
            self.relink(question);
        }
        last.resume
    }

    fn unlink(&mut self, at: At) {
        let (before, after) = (self.prev[at], self.next[at]);
        self.next[before] = after;
        self.prev[after] = before;
    }

    fn relink(&mut self, at: At) {
        let (before, after) = (self.prev[at], self.next[at]);
        self.next[before] = at;
        self.prev[after] = at;
    }

    /// Keeps how far this came, if no other attempt came farther.
    fn remember(&mut self) {
        if self
            .best
            .as_ref()
            .is_some_and(|(placed, ..)| *placed >= self.placed)
        {
            return;
        }
        let mut at = self.next[HEAD];
        while !self.events[at].1 {
            at = self.next[at];
        }
        self.best = Some((self.placed, self.events[at].0, self.state.clone()));
    }

    fn found(self, steps: u64, exhausted: bool) -> Found {
        let (placed, operation, state) = self.best.expect("an operation was left");
        let asked = self.operations[operation];
        let text = format!(
            "operation {} of client {}, {:?} → {:?}, meets the state {:?}",
            asked.id,
            asked.client,
            asked.op,
            asked.ret().expect("it was answered"),
            state
        );
        let stuck = Stuck {
            key: String::new(),
            operation: asked.id,
            placed,
            of: self.answered,
            steps,
            text,
        };
        Found {
            steps,
            stuck: Some(stuck),
            exhausted,
        }
    }
}

/// The set of operations that are placed.
///
/// Most of the early ones are, and none of the late ones: a key holds only the words between, so that it is one or two
/// words long however long the history is.
struct Set {
    answered: Vec<u64>,
    lost: Vec<u64>,
    first_lost: usize,
    /// No word before this one has a gap.
    low: usize,
    /// No word behind this one has a member.
    high: usize,
}

impl Set {
    fn new(answered: usize, lost: usize) -> Self {
        Set {
            answered: vec![0; answered.div_ceil(64).max(1)],
            lost: vec![0; lost.div_ceil(64)],
            first_lost: answered,
            low: 0,
            high: 0,
        }
    }

    fn word(&mut self, operation: usize) -> (&mut u64, u64) {
        match operation.checked_sub(self.first_lost) {
            Some(i) => (&mut self.lost[i / 64], 1 << (i % 64)),
            None => (&mut self.answered[operation / 64], 1 << (operation % 64)),
        }
    }

    fn contains(&mut self, operation: usize) -> bool {
        let (word, bit) = self.word(operation);
        *word & bit != 0
    }

    fn insert(&mut self, operation: usize) {
        let (word, bit) = self.word(operation);
        *word |= bit;
        if operation < self.first_lost {
            self.high = self.high.max(operation / 64);
            while self.low < self.high && self.answered[self.low] == u64::MAX {
                self.low += 1;
            }
        }
    }

    fn remove(&mut self, operation: usize) {
        let (word, bit) = self.word(operation);
        *word &= !bit;
        if operation < self.first_lost {
            self.low = self.low.min(operation / 64);
            while self.high > self.low && self.answered[self.high] == 0 {
                self.high -= 1;
            }
        }
    }

    fn key(&self) -> Box<[u64]> {
        let window = &self.answered[self.low..=self.high];
        let mut key = Vec::with_capacity(1 + self.lost.len() + window.len());
        key.push(self.low as u64);
        key.extend_from_slice(&self.lost);
        key.extend_from_slice(window);
        key.into_boxed_slice()
    }
}
