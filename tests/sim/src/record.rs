//! [`Recorder`]: writes down what happened, for people. Slow, so it runs on replay only.

use crate::check::Violation;
use crate::clock::Clock;
use crate::scenario::{Scenario, Show};
use crate::trace::{self, Band, Event, Kind, Lane, Trace, clock_text};
use node::driver::{DiskOp, FileName};
use node::{Addr, Node};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

struct Line {
    event: Event,
    /// Events of one handler share it.
    group: u64,
}

pub(crate) struct Recorder<N: Node> {
    show: Show<N>,
    head: Trace,
    lines: Vec<Line>,
    group: u64,
    /// Where this handler's first event stands.
    first: usize,
    views: BTreeMap<Addr, Map<String, Value>>,
    bands: BTreeMap<Addr, Vec<Band>>,
    dull: BTreeSet<u64>,
    /// Added to every time: a schedule of the explorer has many steps at one moment, and a reader
    /// wants them one after another.
    pub(crate) shift: u64,
}

impl<N: Node> Recorder<N> {
    pub(crate) fn new(scenario: &Scenario<N>, seed: Option<u64>) -> Self {
        let lane = |p: &crate::scenario::Place<N>| Lane {
            id: p.addr.0,
            name: p.name.clone(),
            role: p.role.clone(),
        };
        Recorder {
            show: scenario.show,
            head: Trace {
                v: trace::VERSION,
                lab: scenario.lab.to_string(),
                title: scenario.title.clone(),
                seed,
                kept: Vec::new(),
                nodes: scenario.places.iter().map(lane).collect(),
                violation: None,
                events: Vec::new(),
            },
            lines: Vec::new(),
            group: 0,
            first: 0,
            views: BTreeMap::new(),
            bands: BTreeMap::new(),
            dull: BTreeSet::new(),
            shift: 0,
        }
    }

    fn push(&mut self, k: Kind, t: u64, n: Addr) -> &mut Event {
        self.lines.push(Line {
            event: Event::new(k, t + self.shift, n.0),
            group: self.group,
        });
        let last = self.lines.len() - 1;
        &mut self.lines[last].event
    }

    /// The event that begins a group: what a handler was called with, or a fault.
    pub(crate) fn begin(&mut self, k: Kind, t: u64, n: Addr) -> &mut Event {
        self.group += 1;
        self.first = self.lines.len();
        self.push(k, t, n)
    }

    pub(crate) fn begin_text(&mut self, k: Kind, t: u64, n: Addr, text: impl Into<String>) {
        self.begin(k, t, n).m = text.into();
    }

    pub(crate) fn send(&mut self, t: u64, n: Addr, to: Addr, id: u64, msg: &N::Msg) {
        let label = (self.show.msg)(msg);
        if (self.show.dull)(msg) {
            self.dull.insert(id);
        }
        let event = self.push(Kind::Send, t, n);
        event.id = Some(id);
        event.to = Some(to.0);
        event.m = label.text;
        event.c = Some(label.class);
    }

    pub(crate) fn dup(&mut self, t: u64, n: Addr, of: u64, id: u64) {
        if self.dull.contains(&of) {
            self.dull.insert(id);
        }
        let event = self.push(Kind::Dup, t, n);
        event.id = Some(id);
        event.of = Some(of);
    }

    pub(crate) fn lost(&mut self, t: u64, n: Addr, id: u64) {
        self.push(Kind::Drop, t, n).id = Some(id);
    }

    pub(crate) fn recv(&mut self, t: u64, n: Addr, id: u64) {
        self.begin(Kind::Recv, t, n).id = Some(id);
    }

    pub(crate) fn timer(&mut self, t: u64, n: Addr, timer: &N::Timer) {
        let text = (self.show.timer)(timer);
        self.begin_text(Kind::Timer, t, n, text);
    }

    pub(crate) fn op(&mut self, t: u64, n: Addr, id: u64, op: &N::Op) {
        let text = (self.show.op)(op);
        let event = self.begin(Kind::Op, t, n);
        event.id = Some(id);
        event.m = text;
    }

    pub(crate) fn ret(&mut self, t: u64, n: Addr, id: u64, ret: &N::Ret) {
        let text = (self.show.ret)(ret);
        let event = self.push(Kind::Ret, t, n);
        event.id = Some(id);
        event.m = text;
    }

    pub(crate) fn wrote(&mut self, t: u64, n: Addr, file: &FileName, op: &DiskOp) {
        let text = match op {
            DiskOp::Append(bytes) => format!("{} bytes at the end of {file}", bytes.len()),
            DiskOp::Replace(bytes) => format!("{file} anew ({} bytes)", bytes.len()),
            DiskOp::Truncate(len) => format!("{file} cut down to {len} bytes"),
            DiskOp::Remove => format!("{file} away"),
        };
        self.push(Kind::Write, t, n).m = text;
    }

    pub(crate) fn synced(&mut self, t: u64, n: Addr, file: &FileName) {
        self.push(Kind::Sync, t, n).m = file.to_string();
    }

    pub(crate) fn note(&mut self, t: u64, n: Addr, text: String) {
        self.push(Kind::Note, t, n).m = text;
    }

    pub(crate) fn link(&mut self, k: Kind, t: u64, from: Addr, to: Addr) {
        self.begin(k, t, from).to = Some(to.0);
    }

    /// What the node shows after this group's first event.
    pub(crate) fn saw(&mut self, n: Addr, view: Option<&N::View>, clock: &Clock) {
        let Some(line) = self.lines.get_mut(self.first) else {
            return;
        };
        if line.event.k == Kind::Crash {
            self.views.remove(&n);
            if self.bands.remove(&n).is_some_and(|b| !b.is_empty()) {
                line.event.b = Some(Vec::new());
            }
            return;
        }
        let Some(view) = view else { return };
        let fields = match serde_json::to_value(view) {
            Ok(Value::Object(fields)) => fields,
            Ok(value) => Map::from_iter([("view".to_string(), value)]),
            Err(_) => return,
        };
        let before = self.views.entry(n).or_default();
        for (field, value) in &fields {
            if before.get(field) != Some(value) {
                line.event.s.insert(field.clone(), value.clone());
            }
        }
        for field in before.keys().filter(|f| !fields.contains_key(*f)) {
            line.event.s.insert(field.clone(), Value::Null);
        }
        *before = fields;
        let bands: Vec<Band> = (self.show.bands)(view)
            .into_iter()
            .map(|b| Band {
                l: b.text,
                u: b.until.map(|u| clock.true_time(u).as_micros()),
            })
            .collect();
        let open = self.bands.entry(n).or_default();
        if *open != bands {
            line.event.b = Some(bands.clone());
            *open = bands;
        }
    }

    /// The finished trace, without heartbeats that changed nothing, and with timers that led to nothing folded.
    pub(crate) fn finish(
        mut self,
        violation: Option<(u64, &Violation)>,
        kept: Vec<String>,
    ) -> Trace {
        self.head.violation = violation.map(|(t, v)| trace::Violation {
            t: t + self.shift,
            invariant: v.invariant.clone(),
            message: v.message.clone(),
            nodes: v.nodes.iter().map(|a| a.0).collect(),
        });
        self.head.kept = kept;
        let hidden = self.hidden();
        let shown: Vec<Line> = self
            .lines
            .into_iter()
            .filter(|l| {
                l.event
                    .id
                    .is_none_or(|id| is_call(l.event.k) || !hidden.contains(&id))
            })
            .collect();
        self.head.events = fold(shown);
        self.head
    }

    /// Dull messages whose receipt changed nothing and made nobody do anything worth a line.
    fn hidden(&self) -> BTreeSet<u64> {
        let mut hidden = self.dull.clone();
        // Latest first: a receipt that only led to hidden messages may be hidden itself.
        let mut busy: BTreeSet<u64> = BTreeSet::new();
        for line in self.lines.iter().rev() {
            let event = &line.event;
            let shown_id = event
                .id
                .is_none_or(|id| is_call(event.k) || !hidden.contains(&id));
            let changes = !event.s.is_empty() || event.b.is_some();
            match (event.k, event.id) {
                (Kind::Recv, Some(id)) if changes || busy.contains(&line.group) => {
                    hidden.remove(&id);
                }
                (Kind::Recv, _) => {}
                _ if shown_id => {
                    busy.insert(line.group);
                }
                _ => {}
            }
        }
        hidden
    }
}

/// Every timer is shown, for it may be the cause of what comes next. Of those in a row on one node that led to nothing,
/// the last one stands for all: it is the nearest to what comes next.
fn fold(lines: Vec<Line>) -> Vec<Event> {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for line in &lines {
        *sizes.entry(line.group).or_default() += 1;
    }
    // Backwards: for each node and timer, where its last firing stands, how many it is, and the first one's time.
    let mut idle: BTreeMap<(u32, String), (usize, u32, u64)> = BTreeMap::new();
    let mut events: Vec<Event> = Vec::with_capacity(lines.len());
    let tell = |events: &mut Vec<Event>, (at, count, since): (usize, u32, u64)| {
        if count > 1 {
            let since = clock_text(since);
            events[at].m += &format!(" ({count} times since {since}, and nothing came of it)");
        }
    };
    for line in lines.into_iter().rev() {
        let event = line.event;
        let bare = event.s.is_empty() && event.b.is_none() && sizes[&line.group] == 1;
        if event.k == Kind::Timer && bare {
            let key = (event.n, event.m.clone());
            if let Some((_, count, since)) = idle.get_mut(&key) {
                (*count, *since) = (*count + 1, event.t);
                continue;
            }
            idle.insert(key, (events.len(), 1, event.t));
        } else {
            let over = idle.extract_if(.., |(n, _), _| *n == event.n);
            for (_, folded) in over.collect::<Vec<_>>() {
                tell(&mut events, folded);
            }
        }
        events.push(event);
    }
    for folded in idle.into_values() {
        tell(&mut events, folded);
    }
    events.reverse();
    events
}

/// Operations have numbers of their own.
fn is_call(k: Kind) -> bool {
    matches!(k, Kind::Op | Kind::Ret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_timers_that_led_to_nothing_the_last_is_shown_with_their_number() {
        let line = |k, t, n, m: &str, group| {
            let mut event = Event::new(k, t, n);
            event.m = m.to_string();
            Line { event, group }
        };
        let timer = |t, n, m, group| line(Kind::Timer, t, n, m, group);
        let events = fold(vec![
            timer(1_000, 1, "beat", 1),
            timer(2_000, 1, "look", 2),
            timer(3_000, 1, "beat", 3),
            timer(3_500, 2, "beat", 4),
            timer(4_000, 1, "beat", 5),
            timer(5_000, 1, "beat", 6),
            line(Kind::Note, 5_000, 1, "tired", 6),
            timer(6_000, 1, "beat", 7),
        ]);
        let seen: Vec<_> = events.iter().map(|e| (e.t, e.n, e.m.as_str())).collect();
        let wanted = [
            (2_000, 1, "look"),
            (3_500, 2, "beat"),
            (
                4_000,
                1,
                "beat (3 times since 1.000 ms, and nothing came of it)",
            ),
            (5_000, 1, "beat"),
            (5_000, 1, "tired"),
            (6_000, 1, "beat"),
        ];
        assert_eq!(seen, wanted);
    }
}
