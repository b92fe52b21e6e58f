//! What one run looked like: a readable record that the simulator writes, the terminal prints and the book's player
//! draws.
//!
//! The simulator fills a [`Trace`]; [`Trace::to_json`] is its file. The words are made here and nowhere else: the
//! terminal's replay, the list under a figure of the book and the player's caption all come from [`Narrator`], so that
//! they cannot disagree. [`figure`] turns a trace into the list that a page includes.
//!
//! Architecture invariant: a trace holds what the nodes' `View`s, messages and disks said, never a node's own state.

mod faults;
mod figure;
mod narrate;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use figure::{escape, figure};
pub use narrate::{Change, Narrator, clock_text, value_text};
pub use text::text;

/// The version of the format; a reader refuses another.
pub const VERSION: u32 = 1;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// [`VERSION`].
    pub v: u32,
    /// The lab's folder name, `lock`.
    pub lab: String,
    /// What a reader sees above the figure.
    pub title: String,
    /// The seed, `null` for a scripted or explored run.
    pub seed: Option<u64>,
    /// The faults that were left after shrinking, in the words that `--keep` takes.
    pub kept: Vec<String>,
    /// The lanes, from top to bottom.
    pub nodes: Vec<Lane>,
    /// The first broken invariant, if one was.
    pub violation: Option<Violation>,
    /// In the order in which they happened; `t` never decreases.
    pub events: Vec<Event>,
}

/// One node of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// What events call it.
    pub id: u32,
    /// What a reader calls it: `client A`.
    pub name: String,
    /// What it is: `server`, `session`, `storage`.
    pub role: String,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// True time in microseconds.
    pub t: u64,
    /// Its label and name: `D-I2 Fencing`.
    pub invariant: String,
    /// One sentence of what was seen.
    pub message: String,
    /// The nodes that it names.
    pub nodes: Vec<u32>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `n` sends message `id` with text `m` of class `c` to `to`.
    Send,
    /// `n` receives message `id`.
    Recv,
    /// The network loses message `id` of the sender `n`.
    Drop,
    /// The network copies message `of` of the sender `n`; the copy is message `id`.
    Dup,
    /// Timer `m` of `n` fires.
    Timer,
    /// `n` writes `m`, which is not durable yet.
    Write,
    /// What `n` wrote to `m` is durable.
    Sync,
    /// `n` loses all that was not durable.
    Crash,
    /// `n` starts, the first time or again.
    Up,
    /// `n` handles nothing from here on.
    Pause,
    /// `n` goes on.
    Resume,
    /// The link from `n` to `to` is cut, in that direction.
    Part,
    /// The link from `n` to `to` carries messages again.
    Heal,
    /// The clock of `n` does what `m` says.
    Clock,
    /// The node's own remark `m`.
    Note,
    /// A caller asks `n` for `m`; the operation is `id`.
    Op,
    /// `n` answers operation `id` with `m`.
    Ret,
}

/// What a message is to the one who gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It asks.
    Request,
    /// It answers.
    Reply,
    /// It says no.
    Refusal,
    /// It tells, unasked.
    Gossip,
}

/// One event. Fields that a kind does not have are left out of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub k: Kind,
    /// True time in microseconds.
    pub t: u64,
    /// The node where it happened.
    pub n: u32,
    /// The message or the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The message that this one is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// The other node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// A text for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub m: String,
    /// The class of a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<Class>,
    /// The fields of the node's `View` that changed; `null` is a field that has no value now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub s: BTreeMap<String, Value>,
    /// The bands that are open on the node's lane from here on, when that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<Vec<Band>>,
}

/// A stretch of time on a lane that means something to the lab, such as a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Its text: `lease → A · token 33`.
    pub l: String,
    /// When it ends by itself, in microseconds of true time.
    pub u: Option<u64>,
}

impl Event {
    /// An event with nothing but its kind, time and node.
    pub fn new(k: Kind, t: u64, n: u32) -> Self {
        Self {
            k,
            t,
            n,
            id: None,
            of: None,
            to: None,
            m: String::new(),
            c: None,
            s: BTreeMap::new(),
            b: None,
        }
    }
}

impl Trace {
    /// The file's text: one line an event, so that a change of a committed trace can be read as a diff.
    pub fn to_json(&self) -> String {
        let text = |part: Result<String, serde_json::Error>| part.expect("a trace is plain data");
        let head = Trace {
            events: Vec::new(),
            ..self.clone()
        };
        let head = text(serde_json::to_string(&head));
        let mut out = head
            .strip_suffix("]}")
            .expect("the events come last")
            .to_owned();
        for (i, event) in self.events.iter().enumerate() {
            out.push_str(if i == 0 { "\n" } else { ",\n" });
            out.push_str(&text(serde_json::to_string(event)));
        }
        out.push_str("\n]}\n");
        out
    }

    /// Reads what [`Trace::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, TraceError> {
        let trace: Self =
            serde_json::from_str(text).map_err(|error| TraceError::Json(error.to_string()))?;
        if trace.v != VERSION {
            return Err(TraceError::Version(trace.v));
        }
        Ok(trace)
    }
}

/// Why a text is not a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceError {
    /// It is not JSON of that shape.
    Json(String),
    /// It has another version of the format.
    Version(u32),
}

impl std::fmt::Display for TraceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Json(error) => write!(
                f,
                "this is not a trace: {error}; write it again with the command that made it"
            ),
            Self::Version(v) => write!(
                f,
                "this trace has version {v} and this workbook reads version {VERSION}: write it again with the \
                 command that made it"
            ),
        }
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod tests;
