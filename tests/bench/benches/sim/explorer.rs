//! States per second of the explorer, and of stateright on the same toy: an election among three, with persisted votes.
//!
//! The scopes are equal but not the states: ours hold two images of each disk, a checker's memory and the budget;
//! stateright's hold the actors, what they saved, messages and timers.

#[path = "../../../sim/tests/toys/election.rs"]
mod election;

use crate::clock::{row, timed};
use election::{Bug, Config, Raft, Role};
use node::Addr;
use sim::explore::{Budget, Scope, explore};
use sim::{Checker, Scenario, Step, Violation};
use stateright::actor::{Actor, ActorModel, Id, Network, Out, model_peers, model_timeout};
use stateright::{Checker as _, Expectation, Model as _};
use std::borrow::Cow;
use std::collections::BTreeSet;

const ROUNDS: usize = 5;
const FIRES: u8 = 3;

/// No two leaders in one term at one time: what stateright's property sees, too.
#[derive(Clone, PartialEq, Eq, Hash)]
struct OneLeaderNow;

impl Checker<Raft> for OneLeaderNow {
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        let leaders = step.views().filter(|(_, v)| v.role == Role::Leader);
        let mut terms: Vec<u64> = leaders.map(|(_, v)| v.term).collect();
        terms.sort_unstable();
        match terms.windows(2).any(|w| w[0] == w[1]) {
            true => Err(Violation::new("Election safety", "two leaders in one term")),
            false => Ok(()),
        }
    }
}

fn ours(budget: Budget) -> (usize, u64) {
    let peers: Vec<Addr> = (0..3).map(Addr).collect();
    let scenario = peers.iter().fold(Scenario::new("toy"), |s, addr| {
        let peers = peers.clone();
        s.node(
            *addr,
            "voter",
            "voter",
            Config {
                peers,
                bug: Bug::None,
            },
        )
    });
    let scope = Scope::new().budget(budget).limit(5_000_000);
    let seen = explore(&scenario, OneLeaderNow, &scope).expect("no prefix");
    assert!(seen.passed(), "{seen}");
    (seen.states, seen.steps)
}

struct Voter {
    peers: Vec<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    saved: Saved,
    role: u8,
    votes: BTreeSet<Id>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Saved {
    term: u64,
    vote: Option<Id>,
    /// How often its timer fired, to bound the scope.
    fires: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Msg {
    RequestVote { term: u64 },
    Vote { term: u64 },
}

const FOLLOWER: u8 = 0;
const CANDIDATE: u8 = 1;
const LEADER: u8 = 2;

impl Voter {
    fn count(&self, state: &mut State, from: Id, o: &mut Out<Self>) {
        state.votes.insert(from);
        if 2 * state.votes.len() > self.peers.len() + 1 {
            state.role = LEADER;
            o.cancel_timer(());
        }
    }
}

impl Actor for Voter {
    type Msg = Msg;
    type Timer = ();
    type State = State;
    type Storage = Saved;
    type Random = ();

    fn on_start(&self, _: Id, storage: &Option<Saved>, o: &mut Out<Self>) -> State {
        o.set_timer((), model_timeout());
        State {
            saved: storage.clone().unwrap_or_default(),
            role: FOLLOWER,
            votes: BTreeSet::new(),
        }
    }

    fn on_timeout(&self, id: Id, state: &mut Cow<State>, _: &(), o: &mut Out<Self>) {
        let state = state.to_mut();
        state.saved.term += 1;
        state.saved.vote = Some(id);
        state.saved.fires += 1;
        state.role = CANDIDATE;
        state.votes.clear();
        o.save(state.saved.clone());
        o.set_timer((), model_timeout());
        let term = state.saved.term;
        o.broadcast(&self.peers, &Msg::RequestVote { term });
        self.count(state, id, o);
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, src: Id, msg: Msg, o: &mut Out<Self>) {
        let (Msg::RequestVote { term } | Msg::Vote { term }) = msg;
        if term < state.saved.term {
            return;
        }
        let state = state.to_mut();
        if term > state.saved.term {
            (state.saved.term, state.saved.vote) = (term, None);
            state.role = FOLLOWER;
            state.votes.clear();
        }
        match msg {
            Msg::RequestVote { .. } if state.saved.vote.is_none_or(|to| to == src) => {
                state.saved.vote = Some(src);
                o.save(state.saved.clone());
                o.send(src, Msg::Vote { term });
                o.set_timer((), model_timeout());
            }
            Msg::Vote { .. } if state.role == CANDIDATE => self.count(state, src, o),
            _ => {}
        }
    }
}

fn theirs() -> (usize, u64) {
    let model = (0..3)
        .fold(ActorModel::new((), ()), |model, i| {
            model.actor(Voter {
                peers: model_peers(i, 3),
            })
        })
        .init_network(Network::new_unordered_nonduplicating([]))
        .within_boundary(|(), state| {
            let fires: u8 = state.actor_states.iter().map(|s| s.saved.fires).sum();
            fires <= FIRES
        })
        .property(Expectation::Always, "one leader a term", |_, state| {
            let leaders = state.actor_states.iter().filter(|s| s.role == LEADER);
            let mut terms: Vec<u64> = leaders.map(|s| s.saved.term).collect();
            terms.sort_unstable();
            terms.windows(2).all(|w| w[0] != w[1])
        });
    let checker = model.checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    (checker.unique_state_count(), checker.state_count() as u64)
}

pub fn run() {
    let budget = Budget {
        fires: FIRES,
        ..Budget::NONE
    };
    let (mut mine, mut peer) = (Vec::new(), Vec::new());
    let mut sizes = ((0, 0), (0, 0));
    for _ in 0..ROUNDS {
        let (size, seconds) = timed(|| ours(budget));
        sizes.0 = size;
        mine.push(size.0 as f64 / seconds / 1000.0);
        let (size, seconds) = timed(theirs);
        sizes.1 = size;
        peer.push(size.0 as f64 / seconds / 1000.0);
    }
    let unit = "thousand states a CPU second";
    println!(
        "election of 3, {FIRES} timer fires; different states and steps: ours {:?}, stateright {:?}",
        sizes.0, sizes.1
    );
    let mine = row("explorer", unit, mine);
    let peer = row("stateright 0.31, one thread", unit, peer);
    println!("{:<52} {:>12.2} times stateright", "", mine / peer);
    let budget = Budget {
        crashes: 1,
        ..budget
    };
    let rates = (0..ROUNDS).map(|_| {
        let (size, seconds) = timed(|| ours(budget));
        size.0 as f64 / seconds / 1000.0
    });
    row("explorer, with a crash", unit, rates.collect());
    let budget = Budget {
        crashes: 0,
        cuts: 1,
        ..budget
    };
    let rates = (0..ROUNDS).map(|_| {
        let (size, seconds) = timed(|| ours(budget));
        size.0 as f64 / seconds / 1000.0
    });
    row("explorer, with a cut", unit, rates.collect());
}
