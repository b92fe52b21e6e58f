//! A step as a sentence, in the words that traces use.

use super::Scene;
use crate::erased::Erased;
use crate::explore::{Act, BadSync, Choice, Outside};
use crate::machine::Plan;
use crate::script::Script;
use node::{Addr, Node};
use std::time::Duration;

/// The sentence of a step that is about to be taken.
pub(super) fn sentence<N: Node>(
    scene: &Scene<N>,
    w: &Script<N, Erased<N>>,
    choice: &Choice,
) -> String {
    let name = |node: &Addr| scene.name_of(*node);
    let show = &scene.scenario.show;
    let said = |from: &Addr, to: &Addr, msg: &str| {
        let all = w.waiting();
        let found = all
            .iter()
            .find(|(f, t, m)| (f, t) == (from, to) && format!("{m:?}") == *msg);
        found.map_or_else(|| msg.to_owned(), |(_, _, m)| (show.msg)(m).text)
    };
    let text = match &choice.act {
        Act::Deliver {
            from,
            to,
            msg,
            stays,
        } => {
            let more = if *stays {
                ", and a copy stays under way"
            } else {
                ""
            };
            let (to_name, from_name) = (name(to), name(from));
            format!(
                "{to_name} receives “{}” from {from_name}{more}",
                said(from, to, msg)
            )
        }
        Act::Lose { from, to, msg } => {
            let (to_name, from_name) = (name(to), name(from));
            let what = said(from, to, msg);
            format!("the network loses “{what}” from {from_name} to {to_name}")
        }
        Act::Fire { node, timer } => {
            let pending = w.timers(*node).into_iter();
            let found = pending.into_iter().find(|t| format!("{t:?}") == *timer);
            let text = found.map_or_else(|| timer.clone(), show.timer);
            format!("the timer “{text}” of {} fires", name(node))
        }
        Act::Ask { node, op, .. } => {
            let mut asks = scene.asks.iter().filter(|(n, _)| n == node);
            let found = asks.find(|(_, o)| format!("{o:?}").starts_with(op.as_str()));
            let text = found.map_or_else(|| op.clone(), |(_, o)| (show.op)(o));
            format!("a client asks {} to {text}", name(node))
        }
        other => quiet(scene, other),
    };
    text + &fate(choice)
}

/// What needs no look at the world.
fn quiet<N: Node>(scene: &Scene<N>, act: &Act) -> String {
    let name = |node: &Addr| scene.name_of(*node);
    match act {
        Act::Tick => format!("{} pass", time(scene.wait.unwrap_or_default())),
        Act::Cancel { client } => {
            let place = scene.places().get(*client);
            let whose = place.map_or_else(|| format!("client {client}"), |p| p.name.clone());
            format!("the client of {whose} goes away")
        }
        Act::Crash(node) => format!("{} crashes", name(node)),
        Act::Restart(node) => format!("{} starts again", name(node)),
        Act::Amnesia(node) => format!("{} starts again with an empty disk", name(node)),
        Act::Pause(node) => format!("{} is paused", name(node)),
        Act::Resume(node) => format!("{} goes on", name(node)),
        Act::FinishSync(node) => format!("the slow sync of {} ends", name(node)),
        Act::Outside(Outside::Wait(len)) => format!("{} pass", time(*len)),
        Act::Outside(Outside::Part(from, to)) => {
            format!("the link from {} to {} is cut", name(from), name(to))
        }
        Act::Outside(Outside::Heal(from, to)) => {
            let (from, to) = (name(from), name(to));
            format!("the link from {from} to {to} carries messages again")
        }
        Act::Outside(Outside::Isolate(node)) => format!("{} is cut off", name(node)),
        Act::Outside(Outside::Rejoin(node)) => format!("{} is connected again", name(node)),
        Act::Deliver { .. } | Act::Lose { .. } | Act::Fire { .. } | Act::Ask { .. } => {
            act.to_string()
        }
    }
}

fn fate(choice: &Choice) -> String {
    let mut text = match choice.fate.plan {
        Plan::All => String::new(),
        Plan::CutAt(k) => format!("; it crashes after {k} effects of its handler"),
        Plan::PauseAt(k) => format!("; it is paused after {k} effects of its handler"),
    };
    match choice.fate.sync {
        Some((_, BadSync::Slow)) => text += "; its sync is slow",
        Some((_, BadSync::Failed)) => text += "; its sync fails",
        None => {}
    }
    if !choice.fate.draws.is_empty() {
        text += "; its draws are chosen";
    }
    if !choice.fate.kept.is_empty() {
        text += "; its disk keeps what was not synced";
    }
    text
}

pub(super) fn time(time: Duration) -> String {
    match time.as_micros() {
        us if us % 1000 == 0 => format!("{} ms", us / 1000),
        us => format!("{}.{:03} ms", us / 1000, us % 1000),
    }
}
