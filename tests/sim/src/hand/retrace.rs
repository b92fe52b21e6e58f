//! A recorded run as a path: what happened in it, as far as a hand can do it.

use super::offer::{Offer, Topic};
use super::{Hand, Scene};
use crate::explore::{Act, Choice, Outside};
use crate::trace::{Event, Kind, Narrator, Trace};
use node::{Addr, Node};
use std::collections::BTreeMap;
use std::time::Duration;

/// A step of a recorded run comes at most so much later by hand: each millisecond of delay would be a step of its own.
const NEAR_MICROS: u64 = 5_000;
/// No path that a person follows is longer.
const MOST_STEPS: usize = 300;

/// Follows `trace` in the scene that fits it best. Returns the scene's place among `scenes`, the path, and what was left
/// out of it; `None` if no scene has the run's nodes.
///
/// The path is not the run: delays of a few milliseconds, clocks, and faults inside handlers are left out. It ends where
/// the code that is here breaks an invariant.
pub fn retrace<N: Node>(
    scenes: &[Scene<N>],
    trace: &Trace,
) -> Option<(usize, Vec<Choice>, Vec<String>)> {
    let has_nodes = |scene: &Scene<N>| {
        let same = |lane: &crate::trace::Lane| {
            let mut places = scene.places().iter();
            places.any(|p| p.addr.0 == lane.id && p.role == lane.role)
        };
        trace.nodes.iter().all(same)
    };
    let fits = |scene: &Scene<N>| (scene.scenario.title != trace.title, scene.places().len());
    let may = scenes.iter().enumerate().filter(|(_, s)| has_nodes(s));
    let (at, scene) = may.min_by_key(|(_, scene)| fits(scene))?;
    let mut follower = Follower {
        hand: Hand::new(scene),
        left_out: Vec::new(),
        sent: BTreeMap::new(),
    };
    let sentences = Narrator::sentences(trace);
    for (i, event) in trace.events.iter().enumerate() {
        if follower.hand.path.len() >= MOST_STEPS {
            let rest = trace.events.len() - i;
            let text = format!("the last {rest} events: a path by hand has {MOST_STEPS} steps");
            follower.left_out.push(text);
            break;
        }
        let left = follower.left_out.len();
        let goes_on = follower.event(event, &trace.events[i + 1..]);
        if let Some(text) = follower.left_out.get_mut(left) {
            text.clone_from(&sentences[i]);
        }
        if !goes_on {
            break;
        }
    }
    Some((at, follower.hand.path, follower.left_out))
}

struct Follower<'s, 't, N: Node> {
    hand: Hand<'s, N>,
    /// Sentences; whoever called fills in the last.
    left_out: Vec<String>,
    /// By number; a copy is its original.
    sent: BTreeMap<u64, (u64, &'t Event)>,
}

impl<'t, N: Node> Follower<'_, 't, N> {
    /// False once an invariant is broken: nothing comes after that.
    fn event(&mut self, event: &'t Event, rest: &[Event]) -> bool {
        match (event.k, event.id) {
            (Kind::Send, Some(id)) => drop(self.sent.insert(id, (id, event))),
            (Kind::Dup, Some(id)) => {
                if let Some(original) = event.of.and_then(|of| self.sent.get(&of).copied()) {
                    self.sent.insert(id, original);
                }
            }
            (Kind::Write | Kind::Sync | Kind::Note | Kind::Ret | Kind::Send | Kind::Dup, _) => {}
            _ => return self.step(event, rest),
        }
        true
    }

    fn step(&mut self, event: &Event, rest: &[Event]) -> bool {
        let Some(mut seen) = self.hand.walk(0).seen else {
            return false;
        };
        if event.t > seen.now + NEAR_MICROS && event.k != Kind::Timer {
            let wait = Outside::Wait(Duration::from_micros(event.t - seen.now));
            self.push(Act::Outside(wait));
            match self.hand.walk(0).seen {
                Some(later) => seen = later,
                None => return false,
            }
        }
        let steps = match event.k {
            Kind::Part => vec![self.link(event, Outside::Part)],
            Kind::Heal => vec![self.link(event, Outside::Heal)],
            _ => self.among(&seen.offers, event, rest),
        };
        if steps.is_empty() && !is_silent(event) {
            self.left_out.push(String::new());
        }
        let parsed = steps.iter().filter_map(|step| step.parse().ok());
        self.hand.path.extend(parsed);
        steps.is_empty() || !self.is_broken()
    }

    fn is_broken(&self) -> bool {
        self.hand.walk(0).played.failure.is_some()
    }

    fn push(&mut self, act: Act) {
        let fate = crate::explore::Fate::default();
        self.hand.path.push(Choice { act, fate });
    }

    fn link(&self, event: &Event, how: fn(Addr, Addr) -> Outside) -> String {
        how(Addr(event.n), Addr(event.to.unwrap_or_default())).to_string()
    }

    /// The offer that the event takes up, and its steps.
    fn among(&self, offers: &[Offer], event: &Event, rest: &[Event]) -> Vec<String> {
        let (topic, words): (_, &[&str]) = match event.k {
            Kind::Recv => (Topic::Message, &["Deliver"]),
            Kind::Drop => (Topic::Message, &["Drop"]),
            Kind::Timer => (Topic::Timer, &["Fire", "Wait, then fire"]),
            Kind::Op => (Topic::Ask, &["Ask"]),
            Kind::Crash => (Topic::Node, &["Crash"]),
            Kind::Up => (Topic::Node, &["Restart"]),
            Kind::Pause => (Topic::Node, &["Pause"]),
            Kind::Resume => (Topic::Node, &["Resume"]),
            _ => return Vec::new(),
        };
        let sent = event.id.and_then(|id| self.sent.get(&id));
        let (from, text) = match (topic, sent) {
            (Topic::Message, Some((_, sent))) => (Some(sent.n), &sent.m),
            (Topic::Message, None) => return Vec::new(),
            _ => (None, &event.m),
        };
        let node = match sent {
            Some((_, sent)) if topic == Topic::Message => sent.to,
            _ => Some(event.n),
        };
        let same = |o: &&Offer| (o.topic, o.from, Some(o.node)) == (topic, from, node);
        let mine = || offers.iter().filter(same);
        let exact = mine().find(|o| topic == Topic::Node || o.text == *text);
        // `write first` for `write x`.
        let first = |text: &str| text.split(' ').next().map(str::to_owned);
        let found = exact.or_else(|| mine().find(|o| first(&o.text) == first(text)));
        let again = |id: &Option<u64>| id.and_then(|id| self.sent.get(&id)).map(|s| s.0);
        let comes_again = event.k == Kind::Recv
            && rest
                .iter()
                .any(|e| e.k == Kind::Recv && again(&e.id) == sent.map(|s| s.0));
        let deeds = found.map_or(&[][..], |o| &o.deeds);
        let wanted = |word: &str| deeds.iter().find(|d| d.word == word);
        let deed = if comes_again {
            wanted("Deliver, keep a copy")
        } else {
            words.iter().find_map(|word| wanted(word))
        };
        deed.map(|d| d.steps.clone()).unwrap_or_default()
    }
}

/// What happens by itself, or has happened already: the first start, a message lost on a cut link.
fn is_silent(event: &Event) -> bool {
    matches!(event.k, Kind::Up | Kind::Drop)
}
