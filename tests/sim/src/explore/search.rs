//! Breadth-first search, and the way back from a violation to its schedule.

use super::choice::Choice;
use super::draft::Draft;
use super::expand::{Broken, Explorer, Next, Pick};
use super::fasthash::Already;
use super::run::{Base, Job};
use super::state::{Ground, Pending, Rest, Seat, State};
use super::{BadPrefix, Budget, Counterexample, Explored, Scope, Verdict};
use crate::check::{Checker, Event, Step};
use crate::clock::Clock;
use crate::machine::Machine;
use crate::scenario::Scenario;
use crate::script::Snapshot;
use crate::time::SimTime;
use node::{LocalTime, Node};
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::ops::ControlFlow;
use std::rc::Rc;

/// One search.
pub(super) struct Search<N: Node, C> {
    pub(super) explorer: Explorer<N>,
    pub(super) root: State<N, C>,
    /// What led to the root, from the scope's prefix.
    prefix: Vec<Choice>,
    /// For each state that was reached: the state before it, and which of its successors it is.
    from: Vec<(u32, u32)>,
    seen: HashSet<u64, BuildHasherDefault<Already>>,
    clients: usize,
}

/// Where the search found a broken invariant.
struct Found {
    before: u32,
    /// `None` if it is broken at the end of all things.
    nth: Option<u32>,
    broken: Box<Broken>,
}

/// A step of a prefix, what comes of it, and what it breaks.
type Meant<N, C> = (Choice, State<N, C>, Option<Box<Broken>>);

const ROOT: u32 = 0;

impl<N: Node, C: Checker<N>> Search<N, C> {
    /// Begins where a script stands.
    pub(super) fn from_snapshot(scope: &Scope<N>, snapshot: Snapshot<N, C>) -> Self {
        let ground = Ground {
            scope: scope.clone(),
            addrs: snapshot.machines.iter().map(Machine::addr).collect(),
            start: snapshot.now.as_micros(),
            cut: snapshot.cut,
            calls: snapshot.calls,
            watches: snapshot.checker.watches_messages(),
            stops: snapshot.stops,
        };
        let now = ground.start;
        let mut seats = Vec::new();
        for (machine, clock) in snapshot.machines.into_iter().zip(snapshot.clocks) {
            let mut timers: Vec<_> = snapshot
                .timers
                .iter()
                .filter(|(addr, ..)| *addr == machine.addr())
                .map(|(_, timer, due)| Pending {
                    timer: timer.clone(),
                    due: scope.tick.map_or(LocalTime::default(), |_| *due),
                })
                .collect();
            timers.sort_unstable();
            seats.push(Rc::new(Seat::new(machine, clock, timers, now)));
        }
        let rest = Rest::new(scope.budget);
        let mut root = State::new(seats, Vec::new(), snapshot.checker, rest);
        for (from, to, msg) in snapshot.messages {
            let mut draft = Draft::new(&root, Base::of(&root));
            draft.send(&ground, from, &mut vec![(to, msg)]);
            root = draft.state();
        }
        Search::new(ground, root)
    }

    /// Begins where all nodes of `scenario` have just booted, in order, with least draws.
    pub(super) fn fresh(
        scope: &Scope<N>,
        scenario: &Scenario<N>,
        checker: C,
    ) -> Result<Self, Box<Broken>> {
        let ground = Ground {
            scope: scope.clone(),
            addrs: scenario.places.iter().map(|p| p.addr).collect(),
            start: 0,
            cut: Vec::new(),
            calls: Vec::new(),
            watches: checker.watches_messages(),
            stops: scenario.stops.clone(),
        };
        let seats = scenario.places.iter().map(|place| {
            let mut machine = Machine::new(place.addr, place.cfg.clone());
            machine.disk.set_capacity(place.disk);
            Rc::new(Seat::new(machine, Clock::default(), Vec::new(), 0))
        });
        let rest = Rest::new(Budget::NONE);
        let root = State::new(seats.collect(), Vec::new(), checker, rest);
        let mut search = Search::new(ground, root);
        for seat in 0..search.root.seats.len() {
            search.boot(seat)?;
        }
        search.root.rest = Rest::new(scope.budget);
        Ok(search)
    }

    fn new(ground: Ground<N>, root: State<N, C>) -> Self {
        Search {
            clients: ground.scope.clients.len(),
            explorer: Explorer::new(ground),
            root,
            prefix: Vec::new(),
            from: Vec::new(),
            seen: HashSet::default(),
        }
    }

    fn boot(&mut self, seat: usize) -> Result<(), Box<Broken>> {
        let (pick, job) = (
            Pick::Restart {
                seat,
                erased: false,
            },
            Job::Boot { erased: false },
        );
        let mut first = None;
        let base = Base::of(&self.root);
        let _ = self
            .explorer
            .run(&self.root, pick, seat, job, base, &mut |_, next| {
                first = Some((next.draft.state(), next.broken));
                ControlFlow::Break(())
            });
        let (state, broken) = first.expect("a boot has an outcome");
        self.root = state;
        broken.map_or(Ok(()), Err)
    }

    /// Follows the scope's prefix; a violation on the way is a counterexample already.
    fn follow_prefix(&mut self) -> Result<Option<Counterexample>, BadPrefix> {
        for text in self.explorer.ground.scope.prefix.clone() {
            let wanted: Choice = text.parse().map_err(|e| BadPrefix {
                step: text.clone(),
                why: format!("{e}"),
            })?;
            let (choice, state, broken) = self.find(&wanted).map_err(|why| BadPrefix {
                step: text.clone(),
                why,
            })?;
            self.prefix.push(choice);
            self.root = state;
            if let Some(broken) = broken {
                return Ok(Some(self.counterexample(Vec::new(), *broken)));
            }
        }
        Ok(None)
    }

    /// The one thing that can happen next and is meant by `wanted`.
    fn find(&mut self, wanted: &Choice) -> Result<Meant<N, C>, String> {
        let mut exact = None;
        let mut close = Vec::new();
        let mut possible = Vec::new();
        let root = &self.root;
        let _ = self.explorer.expand(root, &mut |ground, next| {
            let choice = ground.choice(root, next.pick, next.fate);
            if choice == *wanted {
                exact = Some((choice, next.draft.state(), next.broken));
                return ControlFlow::Break(());
            }
            if wanted.may_mean(&choice) {
                close.push((choice, next.draft.state(), next.broken));
            } else {
                possible.push(choice.to_string());
            }
            ControlFlow::Continue(())
        });
        if let Some(found) = exact {
            return Ok(found);
        }
        match close.len() {
            1 => Ok(close.remove(0)),
            0 => Err(format!(
                "that cannot happen here; what can: {}",
                possible.join(", ")
            )),
            _ => {
                let all: Vec<_> = close
                    .iter()
                    .map(|(choice, ..)| choice.to_string())
                    .collect();
                Err(format!("that may mean any of: {}", all.join(", ")))
            }
        }
    }

    /// The search itself.
    pub(super) fn run(mut self) -> Result<Explored, BadPrefix> {
        if let Some(found) = self.follow_prefix()? {
            return Ok(self.explored(0, Verdict::Violated(found)));
        }
        self.explorer.thrifty = true;
        let mut now = vec![(ROOT, self.root.copy())];
        self.from.push((ROOT, 0));
        let first = Draft::new(&self.root, Base::of(&self.root));
        self.seen.insert(first.fingerprint(self.clients));
        let mut depth = 0;
        while !now.is_empty() {
            let mut later = Vec::new();
            for (id, state) in now.drain(..) {
                if let Some(found) = self.level(id, &state, &mut later) {
                    let path = self.path(&found);
                    let counterexample = self.counterexample(path, *found.broken);
                    return Ok(self.explored(depth + 1, Verdict::Violated(counterexample)));
                }
                let limit = self.explorer.ground.scope.limit;
                if self.seen.len() > limit {
                    let why = format!("more than {limit} states, seen up to {depth} steps deep");
                    return Ok(self.explored(depth, Verdict::Unknown(why)));
                }
            }
            now = later;
            depth += usize::from(!now.is_empty());
        }
        Ok(self.explored(depth, Verdict::Exhausted))
    }

    /// Visits what follows one state; new states go to `later`.
    fn level(
        &mut self,
        id: u32,
        state: &State<N, C>,
        later: &mut Vec<(u32, State<N, C>)>,
    ) -> Option<Found> {
        let (seen, from, clients) = (&mut self.seen, &mut self.from, self.clients);
        let mut found = None;
        let mut nth = 0;
        let mut over = true;
        let _ = self.explorer.expand(state, &mut |_, next: Next<'_, N, C>| {
            over &= !next.pick.is_benign();
            if let Some(broken) = next.broken {
                let before = id;
                found = Some(Found {
                    before,
                    nth: Some(nth),
                    broken,
                });
                return ControlFlow::Break(());
            }
            if seen.insert(next.draft.fingerprint(clients)) {
                later.push((from.len() as u32, next.draft.state()));
                from.push((id, nth));
            }
            nth += 1;
            ControlFlow::Continue(())
        });
        if over && found.is_none() && self.explorer.ground.scope.at_end {
            found = self.at_end(state).map(|broken| Found {
                before: id,
                nth: None,
                broken,
            });
        }
        found
    }

    fn at_end(&self, state: &State<N, C>) -> Option<Box<Broken>> {
        let ground = &self.explorer.ground;
        let now = ground.now(&state.rest);
        let node = *ground.addrs.first()?;
        let window = super::state::Window {
            addrs: &ground.addrs,
            seats: &state.seats,
            stepped: None,
            now,
        };
        let step = Step::new(SimTime(now), node, Event::End, &window);
        let violation = state.checker.clone().at_end(&step).err()?;
        let node = violation.nodes.first().copied().unwrap_or(node);
        Some(Box::new(Broken {
            violation,
            node,
            panic: None,
        }))
    }

    /// The choices from the root to what was found.
    fn path(&mut self, found: &Found) -> Vec<Choice> {
        let mut steps: Vec<u32> = found.nth.into_iter().collect();
        let mut at = found.before;
        while at != ROOT {
            let (before, nth) = self.from[at as usize];
            steps.push(nth);
            at = before;
        }
        let mut state = self.root.copy();
        let mut path = Vec::new();
        for nth in steps.into_iter().rev() {
            let mut left = nth;
            let mut taken = None;
            let _ = self.explorer.expand(&state, &mut |ground, next| {
                if left == 0 {
                    taken = Some((
                        ground.choice(&state, next.pick, next.fate),
                        next.draft.state(),
                    ));
                    return ControlFlow::Break(());
                }
                left -= 1;
                ControlFlow::Continue(())
            });
            let (choice, next) = taken.expect("the same state has the same successors");
            path.push(choice);
            state = next;
        }
        path
    }

    fn counterexample(&self, path: Vec<Choice>, broken: Broken) -> Counterexample {
        let schedule = self.prefix.iter().cloned().chain(path).collect();
        Counterexample {
            violation: broken.violation,
            node: broken.node,
            panic: broken.panic,
            schedule,
        }
    }

    fn explored(&self, depth: usize, verdict: Verdict) -> Explored {
        Explored {
            states: self.seen.len(),
            steps: self.explorer.steps,
            depth,
            verdict,
        }
    }
}

/// A node that did not come through its first boot.
pub(super) fn at_boot(broken: Broken) -> Explored {
    Explored {
        states: 0,
        steps: 0,
        depth: 0,
        verdict: Verdict::Violated(Counterexample {
            violation: broken.violation,
            node: broken.node,
            panic: broken.panic,
            schedule: Vec::new(),
        }),
    }
}
