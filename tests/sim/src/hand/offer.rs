//! What can happen next.

use super::{Scene, words};
use crate::erased::Erased;
use crate::explore::{Act, Choice, Fate, Outside};
use crate::machine::Machine;
use crate::script::{Script, Snapshot};
use crate::trace::Class;
use node::{Addr, Node};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What an offer is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// A message that is under way.
    Message,
    /// A timer that is pending.
    Timer,
    /// What a client may ask.
    Ask,
    /// A client that waits for its answer.
    Call,
    /// A node and its links.
    Node,
    /// Time.
    Time,
}

/// One thing that something can be done about: a card.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Offer {
    /// What it is about.
    pub topic: Topic,
    /// The node where something would happen; 0 for time.
    pub node: u32,
    /// A message's sender.
    pub from: Option<u32>,
    /// What a reader sees.
    pub text: String,
    /// A message's class.
    pub class: Option<Class>,
    /// So many of them: equal messages on one link are one card.
    pub count: usize,
    /// A timer: in how many microseconds it is due; negative if it is late. Absent where time does not count.
    pub due: Option<i64>,
    /// Why less can be done about it than about others of its kind.
    pub remark: Option<String>,
    /// What can be done.
    pub deeds: Vec<Deed>,
}

/// One thing to do about it: a button.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Deed {
    /// The button's word.
    pub word: String,
    /// The steps that it appends to the path, in the words of [`Choice`].
    pub steps: Vec<String>,
    /// Whether a handler runs in its last step, to which a fate may be added: ` | cut 1`.
    pub handler: bool,
}

fn deed(word: &str, acts: impl IntoIterator<Item = Act>) -> Deed {
    let acts: Vec<Act> = acts.into_iter().collect();
    let handler = acts.last().is_some_and(|act| {
        matches!(
            act,
            Act::Deliver { .. } | Act::Fire { .. } | Act::Ask { .. } | Act::Restart(_)
        )
    });
    Deed {
        word: word.to_owned(),
        steps: acts.iter().map(Act::to_string).collect(),
        handler,
    }
}

fn offer(topic: Topic, node: Addr, text: String) -> Offer {
    Offer {
        topic,
        node: node.0,
        from: None,
        text,
        class: None,
        count: 1,
        due: None,
        remark: None,
        deeds: Vec::new(),
    }
}

/// All that can happen next: messages in the order of their sending, timers in that of their firing, then the rest.
pub(super) fn offers<N: Node>(
    scene: &Scene<N>,
    w: &Script<N, Erased<N>>,
    now: &Snapshot<N, Erased<N>>,
) -> Vec<Offer> {
    let mut all = messages(scene, w, now);
    all.extend(timers(scene, w, now));
    all.extend(asks(scene, now));
    all.extend(calls(scene, now));
    all.extend(now.machines.iter().map(|m| node(scene, now, m)));
    if let Some(wait) = scene.wait {
        let mut time = offer(Topic::Time, Addr(0), "time".to_owned());
        for len in [wait, wait * 10] {
            let act = Act::Outside(Outside::Wait(len));
            let word = format!("Let {} pass", words::time(len));
            time.deeds.push(deed(&word, [act]));
        }
        all.push(time);
    }
    all
}

fn machine<N: Node, C>(now: &Snapshot<N, C>, node: Addr) -> Option<&Machine<N>> {
    now.machines.iter().find(|m| m.addr() == node)
}

fn is_ready<N: Node, C>(now: &Snapshot<N, C>, node: Addr) -> bool {
    machine(now, node).is_some_and(|m| m.is_up() && !m.is_paused())
}

fn messages<N: Node>(
    scene: &Scene<N>,
    w: &Script<N, Erased<N>>,
    now: &Snapshot<N, Erased<N>>,
) -> Vec<Offer> {
    let mut found: Vec<Offer> = Vec::new();
    let mut places: BTreeMap<(Addr, Addr, String), usize> = BTreeMap::new();
    for (from, to, msg) in w.waiting() {
        let key = (from, to, format!("{msg:?}"));
        if let Some(place) = places.get(&key) {
            found[*place].count += 1;
            continue;
        }
        let label = (scene.scenario.show.msg)(msg);
        let mut card = offer(Topic::Message, to, label.text);
        card.from = Some(from.0);
        card.class = Some(label.class);
        let deliver = |stays| Act::Deliver {
            from,
            to,
            msg: key.2.clone(),
            stays,
        };
        if is_ready(now, to) {
            card.deeds.push(deed("Deliver", [deliver(false)]));
            card.deeds
                .push(deed("Deliver, keep a copy", [deliver(true)]));
        } else {
            let up = machine(now, to).is_some_and(Machine::is_up);
            let state = if up { "paused" } else { "down" };
            card.remark = Some(format!("its receiver is {state}"));
        }
        let msg = key.2.clone();
        card.deeds.push(deed("Drop", [Act::Lose { from, to, msg }]));
        places.insert(key, found.len());
        found.push(card);
    }
    found
}

fn timers<N: Node>(
    scene: &Scene<N>,
    w: &Script<N, Erased<N>>,
    now: &Snapshot<N, Erased<N>>,
) -> Vec<Offer> {
    let ready = now
        .timers
        .iter()
        .filter(|(node, _, _)| is_ready(now, *node));
    let mut found: Vec<Offer> = ready
        .map(|(node, timer, local)| {
            let text = (scene.scenario.show.timer)(timer);
            let mut card = offer(Topic::Timer, *node, text);
            let fire = Act::Fire {
                node: *node,
                timer: format!("{timer:?}"),
            };
            let at = w.true_time(*node, *local).as_micros() as i64;
            let due = at - now.now.as_micros() as i64;
            card.due = scene.wait.map(|_| due);
            card.deeds.push(match card.due {
                Some(due) if due > 0 => {
                    let wait = Outside::Wait(Duration::from_micros(due.unsigned_abs()));
                    deed("Wait, then fire", [Act::Outside(wait), fire])
                }
                _ => deed("Fire", [fire]),
            });
            card
        })
        .collect();
    found.sort_by_key(|card| card.due);
    found
}

fn asks<N: Node>(scene: &Scene<N>, now: &Snapshot<N, Erased<N>>) -> Vec<Offer> {
    let may = scene.asks.iter().filter(|(node, _)| is_ready(now, *node));
    may.map(|(node, op)| {
        let mut card = offer(Topic::Ask, *node, (scene.scenario.show.op)(op));
        let ask = Act::Ask {
            client: scene.place(*node).unwrap_or_default(),
            node: *node,
            op: format!("{op:?}"),
        };
        card.deeds.push(deed("Ask", [ask]));
        card
    })
    .collect()
}

/// The last call of each node's client, if it waits.
fn calls<N: Node>(scene: &Scene<N>, now: &Snapshot<N, Erased<N>>) -> Vec<Offer> {
    let mut found = Vec::new();
    for (client, place) in scene.places().iter().enumerate() {
        let last = now.calls.iter().rev().find(|c| c.node == place.addr);
        let Some(call) = last.filter(|c| !c.done && !c.gone && is_ready(now, c.node)) else {
            continue;
        };
        let mut card = offer(Topic::Call, place.addr, (scene.scenario.show.op)(&call.op));
        card.deeds
            .push(deed("The client goes away", [Act::Cancel { client }]));
        found.push(card);
    }
    found
}

fn node<N: Node>(scene: &Scene<N>, now: &Snapshot<N, Erased<N>>, machine: &Machine<N>) -> Offer {
    let addr = machine.addr();
    let mut card = offer(Topic::Node, addr, scene.name_of(addr));
    let mut may = |word: &str, act: Act| card.deeds.push(deed(word, [act]));
    if machine.is_up() {
        may("Crash", Act::Crash(addr));
        match machine.is_paused() {
            true => may("Resume", Act::Resume(addr)),
            false => may("Pause", Act::Pause(addr)),
        }
        if machine.is_syncing() {
            may("Let the sync end", Act::FinishSync(addr));
        }
    } else {
        may("Restart", Act::Restart(addr));
        may("Restart with an empty disk", Act::Amnesia(addr));
    }
    let touches = |link: &&(Addr, Addr)| link.0 == addr || link.1 == addr;
    let (cut, links) = (
        now.cut.iter().filter(touches).count(),
        2 * (now.machines.len() - 1),
    );
    if cut < links {
        may("Cut off", Act::Outside(Outside::Isolate(addr)));
    }
    if cut > 0 {
        may("Connect again", Act::Outside(Outside::Rejoin(addr)));
    }
    let unsynced: Vec<_> = machine.disk.pending().collect();
    if machine.is_up() && !unsynced.is_empty() {
        let whole = |(name, ops): &(&node::driver::FileName, &[node::driver::DiskOp])| {
            let whole = ops.len();
            ((*name).clone(), crate::disk::Kept { whole, torn: 0 })
        };
        let choice = Choice {
            act: Act::Crash(addr),
            fate: Fate {
                kept: unsynced.iter().map(whole).collect(),
                ..Fate::default()
            },
        };
        card.deeds.push(Deed {
            word: "Crash, unsynced writes kept".to_owned(),
            steps: vec![choice.to_string()],
            handler: false,
        });
    }
    card
}
