//! The explorer against the simulator: a random path of the one, followed step by step by the other.

use super::choice::Choice;
use super::fasthash::fingerprint;
use super::scope::Scope;
use super::search::Search;
use super::state::State;
use crate::check::Checker;
use crate::key::Draw;
use crate::machine::Machine;
use crate::scenario::Scenario;
use crate::script::Script;
use node::{LocalTime, Node};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What can be seen of a world after a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    /// For each node what it shows, its pending timers, and a fingerprint of it, its disk and its held effects.
    pub nodes: Vec<(String, Vec<String>, u64)>,
    /// The kinds of messages under way: sender, receiver, content.
    pub messages: BTreeSet<String>,
}

impl Sight {
    fn node<N: Node>(
        machine: &Machine<N>,
        now: LocalTime,
        timers: impl Iterator<Item = N::Timer>,
    ) -> (String, Vec<String>, u64) {
        let mut timers: Vec<String> = timers.map(|t| format!("{t:?}")).collect();
        timers.sort();
        let view = format!("{:?}", machine.view(now));
        (view, timers, fingerprint(machine))
    }
}

/// A random path of at most `len` steps, and what is to be seen after each. A path ends where nothing more can happen,
/// or where an invariant is broken.
pub fn wander<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    scope: &Scope<N>,
    seed: u64,
    len: usize,
) -> Vec<(Choice, Sight)> {
    let Ok(mut search) = Search::fresh(scope, scenario, checker) else {
        return Vec::new();
    };
    let mut state = search.root.copy();
    let mut path = Vec::new();
    for step in 0..len as u64 {
        let mut ways = 0;
        let _ = search.explorer.expand(&state, &mut |_, _| {
            ways += 1;
            ControlFlow::Continue(())
        });
        let mut left = Draw::new(seed, step).below(ways);
        let mut taken = None;
        let _ = search.explorer.expand(&state, &mut |ground, next| {
            if left == 0 {
                let choice = ground.choice(&state, next.pick, next.fate);
                let now = ground.now(&next.draft.rest);
                taken = Some((choice, next.draft.state(), now, next.broken.is_some()));
                return ControlFlow::Break(());
            }
            left -= 1;
            ControlFlow::Continue(())
        });
        let Some((choice, next, now, broken)) = taken else {
            break;
        };
        if broken {
            break;
        }
        state = next;
        path.push((choice, seen(&state, now)));
    }
    path
}

fn seen<N: Node, C>(state: &State<N, C>, now: u64) -> Sight {
    let node = |seat: &super::state::Seat<N>| {
        let timers = seat.timers.iter().map(|p| p.timer.clone());
        Sight::node(&seat.machine, seat.clock.local(now), timers)
    };
    Sight {
        nodes: state.seats.iter().map(|seat| node(seat)).collect(),
        messages: state
            .net
            .iter()
            .map(|p| {
                let to = state.seats[p.to].machine.addr();
                format!("{}>{to} {:?}", p.from, p.msg)
            })
            .collect(),
    }
}

impl<N: Node, C: Checker<N>> Script<N, C> {
    /// What can be seen now; messages that wait count as under way.
    pub fn sight(&self) -> Sight {
        let now = self.now().as_micros();
        let seats = self.world.core.seats.iter();
        Sight {
            nodes: seats
                .map(|seat| {
                    let active = seat.timers.iter().filter(|p| p.active);
                    let timers = active.map(|p| p.timer.clone());
                    Sight::node(&seat.machine, seat.clock.local(now), timers)
                })
                .collect(),
            messages: self
                .waiting()
                .iter()
                .map(|(from, to, msg)| format!("{from}>{to} {msg:?}"))
                .collect(),
        }
    }
}
