//! One sentence an event.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Class, Event, Kind, Trace};
use crate::time::SimTime;

/// A field of a node's view that an event changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The field.
    pub field: String,
    /// What it was, if it was known.
    pub before: Option<Value>,
    /// What it is now.
    pub now: Value,
}

/// Tells a run, event by event and in order: a delivery's sentence needs what was sent, a change needs what was before.
pub struct Narrator<'t> {
    trace: &'t Trace,
    messages: BTreeMap<u64, &'t Event>,
    operations: BTreeMap<u64, &'t str>,
    views: BTreeMap<u32, BTreeMap<&'t str, &'t Value>>,
    booted: Vec<u32>,
}

impl<'t> Narrator<'t> {
    /// A narrator at the start of `trace`.
    pub fn new(trace: &'t Trace) -> Self {
        Self {
            trace,
            messages: BTreeMap::new(),
            operations: BTreeMap::new(),
            views: BTreeMap::new(),
            booted: Vec::new(),
        }
    }

    /// The sentences of the whole trace, without the changes.
    pub fn sentences(trace: &Trace) -> Vec<String> {
        let mut narrator = Narrator::new(trace);
        trace
            .events
            .iter()
            .map(|event| narrator.tell(event).0)
            .collect()
    }

    /// The next event's sentence, and what it changed in the node's view.
    pub fn tell(&mut self, event: &'t Event) -> (String, Vec<Change>) {
        match (event.k, event.id) {
            (Kind::Send, Some(id)) => drop(self.messages.insert(id, event)),
            (Kind::Dup, Some(id)) => {
                if let Some(original) = event.of.and_then(|of| self.messages.get(&of).copied()) {
                    self.messages.insert(id, original);
                }
            }
            (Kind::Op, Some(id)) => drop(self.operations.insert(id, &event.m)),
            _ => {}
        }
        let sentence = self.sentence(event);
        (sentence, self.changes(event))
    }

    /// What a reader calls node `id`.
    pub fn name(&self, id: u32) -> String {
        self.trace
            .nodes
            .iter()
            .find(|lane| lane.id == id)
            .map_or_else(|| format!("node {id}"), |lane| lane.name.clone())
    }

    fn changes(&mut self, event: &'t Event) -> Vec<Change> {
        let view = self.views.entry(event.n).or_default();
        if event.k == Kind::Crash {
            view.clear();
        }
        event
            .s
            .iter()
            .map(|(field, now)| Change {
                field: field.clone(),
                before: view.insert(field, now).cloned(),
                now: now.clone(),
            })
            .collect()
    }

    fn sentence(&mut self, event: &Event) -> String {
        let who = capital(&self.name(event.n));
        let to = || {
            event
                .to
                .map_or_else(|| "nobody".to_owned(), |to| self.name(to))
        };
        let text = &event.m;
        match event.k {
            Kind::Send => match event.c {
                Some(Class::Request) => format!("{who} asks {}: “{text}”.", to()),
                Some(Class::Reply) => format!("{who} answers {}: “{text}”.", to()),
                Some(Class::Refusal) => format!("{who} refuses {}: “{text}”.", to()),
                Some(Class::Gossip) | None => format!("{who} tells {}: “{text}”.", to()),
            },
            Kind::Recv => match self.message(event.id) {
                Some(sent) => format!("{who} receives “{}” from {}.", sent.m, self.name(sent.n)),
                None => format!("{who} receives a message."),
            },
            Kind::Drop => match self.message(event.id) {
                Some(sent) => format!(
                    "The network loses “{}” from {} to {}.",
                    sent.m,
                    self.name(sent.n),
                    self.to(sent)
                ),
                None => format!("The network loses a message of {}.", self.name(event.n)),
            },
            Kind::Dup => match self.message(event.of) {
                Some(sent) => format!(
                    "The network copies “{}” from {} to {}: it will arrive once more.",
                    sent.m,
                    self.name(sent.n),
                    self.to(sent)
                ),
                None => format!("The network copies a message of {}.", self.name(event.n)),
            },
            Kind::Timer => format!("A timer of {} fires: {text}.", self.name(event.n)),
            Kind::Write => format!("{who} writes {text}; a crash could still lose it."),
            Kind::Sync => format!("{who} has {text} safely on disk."),
            Kind::Crash => format!(
                "{who} crashes{}",
                tail(text, "and loses what was not safely on disk")
            ),
            Kind::Up => self.start(event, &who),
            Kind::Pause => format!("{who} stands still{}", tail(text, "and does not notice")),
            Kind::Resume => format!("{who} goes on, as if no time had passed."),
            Kind::Part => format!("The link from {} to {} is cut.", self.name(event.n), to()),
            Kind::Heal => format!(
                "The link from {} to {} carries messages again.",
                self.name(event.n),
                to()
            ),
            Kind::Clock => format!("The clock of {}: {text}.", self.name(event.n)),
            Kind::Note => format!("{who} notes: “{text}”."),
            Kind::Op => format!("{who} is asked by its caller: “{text}”."),
            Kind::Ret => match event.id.and_then(|id| self.operations.get(&id)) {
                Some(asked) => format!("{who} answers its caller's “{asked}”: “{text}”."),
                None => format!("{who} answers its caller: “{text}”."),
            },
        }
    }

    fn start(&mut self, event: &Event, who: &str) -> String {
        if self.booted.contains(&event.n) {
            return format!("{who} starts again, with what its disk kept.");
        }
        self.booted.push(event.n);
        format!("{who} starts.")
    }

    fn message(&self, id: Option<u64>) -> Option<&'t Event> {
        id.and_then(|id| self.messages.get(&id).copied())
    }

    fn to(&self, sent: &Event) -> String {
        sent.to
            .map_or_else(|| "nobody".to_owned(), |to| self.name(to))
    }
}

fn tail(text: &str, otherwise: &str) -> String {
    if text.is_empty() {
        format!(" {otherwise}.")
    } else {
        format!(": {text}.")
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A time for people, always in milliseconds with three decimals: `0.000 ms`, `402.500 ms`, `12004.000 ms`.
pub fn clock_text(micros: u64) -> String {
    SimTime(micros).to_string()
}

/// A field's value for people: no quotes, a dash for nothing. Inside a structure a text stands for itself and everything
/// else has its field's name before it: `job · A0 · token 33`. An integer in a field called `until`, or `…_until`, is a
/// moment in microseconds of the node's own clock, by convention of the labs' views.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(value_text).collect::<Vec<_>>().join("; "),
        Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| part(name, value))
                .collect();
            fields.join(" · ")
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
    }
}

/// A field's name for people.
pub(super) fn field_name(name: &str) -> String {
    name.replace('_', " ")
}

fn part(name: &str, value: &Value) -> String {
    let text = match value {
        Value::String(text) => return text.clone(),
        Value::Array(items) if items.len() > 1 => format!("[{}]", value_text(value)),
        Value::Object(fields) if !fields.is_empty() => format!("({})", value_text(value)),
        _ => match value.as_u64() {
            Some(micros) if name.ends_with("until") => {
                format!("{} on its clock", clock_text(micros))
            }
            _ => value_text(value),
        },
    };
    format!("{} {text}", field_name(name))
}
