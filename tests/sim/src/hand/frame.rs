//! [`Frame`]: where a path leads, for a page.

use super::offer::{self, Offer};
use super::{FOLLOW, Scene, Walk};
use crate::erased::Erased;
use crate::explore::Choice;
use crate::explore::fasthash::fingerprint;
use crate::machine::Machine;
use crate::panics::Panic;
use crate::script::Script;
use crate::swarm::Failure;
use crate::trace::{Trace, figure};
use node::Node;
use serde::Serialize;
use serde_json::Value;

/// Where a path leads.
#[derive(Clone, Debug, Serialize)]
pub struct Frame {
    /// The scene's name.
    pub scene: String,
    /// What a reader sees above it.
    pub title: String,
    /// The steps that were taken; the last of them may be the one that broke something.
    pub path: Vec<String>,
    /// A sentence for each of them.
    pub said: Vec<String>,
    /// True time in microseconds.
    pub now: u64,
    /// Stands for the state: two paths with the same hash lead to the same nodes, disks, timers and messages.
    pub hash: String,
    /// In the scene's order.
    pub nodes: Vec<NodeSeen>,
    /// What can happen next; nothing if an invariant is broken.
    pub offers: Vec<Offer>,
    /// The invariant that the last step broke, the node's panic, or the task that is still to do.
    pub broken: Option<Broken>,
    /// The step of the wanted path that cannot be taken, if it does not end as it was wanted.
    pub parted: Option<Parted>,
    /// The invariants that are watched.
    pub watched: Vec<String>,
    /// What happened so far.
    pub trace: Trace,
    /// The same as the list that a page's player reads.
    pub figure: String,
}

/// What can be seen of a node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeSeen {
    /// Its address.
    pub id: u32,
    /// What a reader calls it.
    pub name: String,
    /// `up`, `down`, `paused`, `in the middle of a step`.
    pub state: String,
    /// Its view, if it shows one.
    pub view: Option<Value>,
    /// What it showed before the newest steps.
    pub before: Option<Value>,
}

/// What is wrong, and with whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The invariant's label and name.
    pub invariant: String,
    /// One sentence of what was seen.
    pub message: String,
    /// The task, if it is only still to do.
    pub todo: Option<String>,
    /// `file:line` of a panic.
    pub place: Option<String>,
}

/// Where a wanted path cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parted {
    /// How many steps could be taken.
    pub after: usize,
    /// The next one.
    pub step: String,
    /// Why it cannot.
    pub why: String,
}

/// What was seen at a path's end, while the world was still there.
pub(super) struct Seen {
    pub(super) now: u64,
    pub(super) hash: u64,
    states: Vec<&'static str>,
    views: Vec<Option<Value>>,
    pub(super) offers: Vec<Offer>,
}

/// What every node shows.
pub(super) fn views<N: Node>(w: &Script<N, Erased<N>>) -> Vec<Option<Value>> {
    let seats = &w.world.core.seats;
    let view = |addr| serde_json::to_value(w.view(addr)?).ok();
    seats.iter().map(|s| view(s.machine.addr())).collect()
}

impl Seen {
    pub(super) fn of<N: Node>(scene: &Scene<N>, w: &Script<N, Erased<N>>) -> Self {
        let (now, sight) = (w.snapshot(), w.sight());
        let micros = now.now.as_micros();
        let hash = fingerprint(&(&sight.nodes, &sight.messages, &now.cut, micros));
        Seen {
            now: micros,
            hash,
            states: now.machines.iter().map(state).collect(),
            views: views(w),
            offers: offer::offers(scene, w, &now),
        }
    }
}

fn state<N: Node>(machine: &Machine<N>) -> &'static str {
    match (machine.is_up(), machine.is_paused(), machine.is_mid_step()) {
        (false, _, _) => "down",
        (true, true, _) => "paused",
        (true, false, true) => "in the middle of a step",
        (true, false, false) => "up",
    }
}

pub(super) fn frame<N: Node>(scene: &Scene<N>, wanted: &[Choice], walk: Walk) -> Frame {
    let Walk {
        played,
        taken,
        mut said,
        seen,
        before,
        panic,
        refused,
    } = walk;
    let mut trace = played.trace;
    let failure = played.failure;
    let stuck = failure
        .as_ref()
        .is_some_and(|f| f.violation.invariant == FOLLOW)
        && panic.is_none();
    let broken = failure
        .as_ref()
        .filter(|_| !stuck)
        .map(|f| broken(f, panic.as_ref()));
    let why = match (&failure, refused) {
        (Some(f), _) if stuck => Some(f.violation.message.clone()),
        (None, refused) => refused,
        _ => None,
    };
    let parted = why.and_then(|why| {
        let step = wanted.get(taken)?.to_string();
        let after = taken;
        Some(Parted { after, step, why })
    });
    if stuck {
        trace.violation = None;
    }
    // The step that broke something was begun and not ended.
    let shown = wanted.len().min(taken + usize::from(broken.is_some()));
    said.truncate(shown);
    let (now, hash, mut offers) = match &seen {
        Some(seen) => (seen.now, seen.hash, seen.offers.clone()),
        None => (0, 0, Vec::new()),
    };
    if broken.is_some() {
        offers.clear();
    }
    Frame {
        scene: scene.name.to_owned(),
        title: scene.scenario.title.clone(),
        path: wanted[..shown].iter().map(Choice::to_string).collect(),
        said,
        now,
        hash: format!("{hash:016x}"),
        nodes: nodes(scene, seen.as_ref(), &before),
        offers,
        broken,
        parted,
        watched: scene.watched.iter().map(|w| (*w).to_owned()).collect(),
        figure: figure(&trace, "by-hand"),
        trace,
    }
}

/// A failure in a page's words; `panic` is one outside of a handler.
fn broken(failure: &Failure, panic: Option<&Panic>) -> Broken {
    let panic = panic.or(failure.panic.as_ref());
    let todo = panic.and_then(Panic::todo);
    let said = &failure.violation;
    Broken {
        invariant: match panic {
            Some(_) => "no panic".to_owned(),
            None => said.invariant.clone(),
        },
        message: panic.map_or_else(|| said.message.clone(), |p| p.message.clone()),
        todo: todo.map(str::to_owned),
        place: panic.and_then(|p| p.location.clone()),
    }
}

fn nodes<N: Node>(
    scene: &Scene<N>,
    seen: Option<&Seen>,
    before: &[Option<Value>],
) -> Vec<NodeSeen> {
    let place = |i: usize| {
        let place = &scene.places()[i];
        NodeSeen {
            id: place.addr.0,
            name: place.name.clone(),
            state: seen.map_or("not started", |s| s.states[i]).to_owned(),
            view: seen.and_then(|s| s.views[i].clone()),
            before: before.get(i).cloned().flatten(),
        }
    };
    (0..scene.places().len()).map(place).collect()
}
