//! [`Choice`]: one step of a schedule, as text that people read and programs replay.

use super::Outside;
use crate::disk::Kept;
use crate::machine::Plan;
use node::Addr;
use node::driver::FileName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// What happens next. Messages, timers and operations are named by their `Debug` text, or its beginning.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    /// A message arrives. If it `stays`, it arrives once more later: a duplicate.
    Deliver {
        /// Its sender.
        from: Addr,
        /// Its receiver.
        to: Addr,
        /// What it says.
        msg: String,
        /// Whether the network keeps a copy.
        stays: bool,
    },
    /// The network loses a message.
    Lose {
        /// Its sender.
        from: Addr,
        /// Its receiver.
        to: Addr,
        /// What it says.
        msg: String,
    },
    /// A timer fires.
    Fire {
        /// The node.
        node: Addr,
        /// The timer.
        timer: String,
    },
    /// A tick passes.
    Tick,
    /// A client of the scope asks its next operation.
    Ask {
        /// The client's place in the scope.
        client: usize,
        /// The node that it asks.
        node: Addr,
        /// What it asks.
        op: String,
    },
    /// A client goes away.
    Cancel {
        /// The client's place in the scope.
        client: usize,
    },
    /// A node crashes between two handlers.
    Crash(Addr),
    /// A node starts again.
    Restart(Addr),
    /// A node starts again with an empty disk.
    Amnesia(Addr),
    /// A node is paused between two handlers.
    Pause(Addr),
    /// A paused node goes on.
    Resume(Addr),
    /// A slow sync ends.
    FinishSync(Addr),
    /// Something around the nodes happens.
    Outside(Outside),
}

/// What a handler draws.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Drawn {
    /// From `choose`.
    Number(u32),
    /// From `set_timer_within`.
    Time(Duration),
}

/// What becomes of one of a handler's syncs, if it is not durable at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BadSync {
    /// It takes until a `finish`.
    Slow,
    /// It fails.
    Failed,
}

/// How a handler, or what follows a resume, goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fate {
    /// What it draws; least values where the list ends.
    pub draws: Vec<Drawn>,
    /// How far its effects are carried out.
    pub plan: Plan,
    /// Which of its syncs goes wrong, counted from 0, and how.
    pub sync: Option<(usize, BadSync)>,
    /// What the disk keeps of unsynced writes, if the node crashes: nothing of files that are not named.
    pub kept: Vec<(FileName, Kept)>,
}

/// One step of a schedule: `deliver 1>2 Vote { term: 1 } | cut 2 | keep log=1+3`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Choice {
    /// What happens.
    pub act: Act,
    /// How it goes.
    pub fate: Fate,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Deliver {
                from,
                to,
                msg,
                stays,
            } => {
                let word = if *stays { "copy" } else { "deliver" };
                write!(f, "{word} {}>{} {msg}", from.0, to.0)
            }
            Act::Lose { from, to, msg } => write!(f, "lose {}>{} {msg}", from.0, to.0),
            Act::Fire { node, timer } => write!(f, "fire {} {timer}", node.0),
            Act::Tick => f.write_str("tick"),
            Act::Ask { client, node, op } => write!(f, "ask {client}@{} {op}", node.0),
            Act::Cancel { client } => write!(f, "cancel {client}"),
            Act::Crash(node) => write!(f, "crash {}", node.0),
            Act::Restart(node) => write!(f, "restart {}", node.0),
            Act::Amnesia(node) => write!(f, "amnesia {}", node.0),
            Act::Pause(node) => write!(f, "pause {}", node.0),
            Act::Resume(node) => write!(f, "resume {}", node.0),
            Act::FinishSync(node) => write!(f, "finish {}", node.0),
            Act::Outside(what) => write!(f, "{what}"),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.act)?;
        if !self.fate.draws.is_empty() {
            f.write_str(" | draw")?;
            for draw in &self.fate.draws {
                match draw {
                    Drawn::Number(n) => write!(f, " {n}")?,
                    Drawn::Time(time) => write!(f, " {}us", time.as_micros())?,
                }
            }
        }
        match self.fate.plan {
            Plan::All => {}
            Plan::CutAt(k) => write!(f, " | cut {k}")?,
            Plan::PauseAt(k) => write!(f, " | stall {k}")?,
        }
        match self.fate.sync {
            None => {}
            Some((i, BadSync::Slow)) => write!(f, " | slow {i}")?,
            Some((i, BadSync::Failed)) => write!(f, " | badsync {i}")?,
        }
        if !self.fate.kept.is_empty() {
            f.write_str(" | keep")?;
            for (file, kept) in &self.fate.kept {
                write!(f, " {file}={}", kept.whole)?;
                if kept.torn > 0 {
                    write!(f, "+{}", kept.torn)?;
                }
            }
        }
        Ok(())
    }
}

impl Choice {
    /// True if this, perhaps with a text cut short, can stand for `whole`.
    pub(super) fn may_mean(&self, whole: &Choice) -> bool {
        let begins = |a: &String, b: &String| b.starts_with(a.as_str());
        self.fate == whole.fate
            && match (&self.act, &whole.act) {
                (
                    Act::Deliver {
                        from,
                        to,
                        msg,
                        stays,
                    },
                    Act::Deliver {
                        from: f,
                        to: t,
                        msg: m,
                        stays: s,
                    },
                ) => (from, to, stays) == (f, t, s) && begins(msg, m),
                (
                    Act::Lose { from, to, msg },
                    Act::Lose {
                        from: f,
                        to: t,
                        msg: m,
                    },
                ) => (from, to) == (f, t) && begins(msg, m),
                (Act::Fire { node, timer }, Act::Fire { node: n, timer: t }) => {
                    node == n && begins(timer, t)
                }
                (
                    Act::Ask { client, node, op },
                    Act::Ask {
                        client: c,
                        node: n,
                        op: o,
                    },
                ) => (client, node) == (c, n) && begins(op, o),
                (a, b) => a == b,
            }
    }
}

/// A text that is not a choice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAChoice(pub String);

impl fmt::Display for NotAChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no step of a schedule; steps look like `deliver 1>2 Vote | cut 2`, `fire 1 Election`, `ask 0@1 \
             Lock`, `tick`, `crash 1 | keep log=1`, `restart 1`",
            self.0
        )
    }
}

impl std::error::Error for NotAChoice {}

impl FromStr for Choice {
    type Err = NotAChoice;
    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        parse(text).ok_or_else(|| NotAChoice(text.to_owned()))
    }
}

fn addr(text: &str) -> Option<Addr> {
    text.parse().ok().map(Addr)
}

fn parse(text: &str) -> Option<Choice> {
    let (act, fate) = split(text);
    let (word, rest) = act.split_once(' ').unwrap_or((act, ""));
    let (place, what) = rest.split_once(' ').unwrap_or((rest, ""));
    let what = what.to_owned();
    let link = || {
        let (from, to) = place.split_once('>')?;
        Some((addr(from)?, addr(to)?))
    };
    let act = match word {
        "deliver" | "copy" => {
            let ((from, to), msg, stays) = (link()?, what, word == "copy");
            Act::Deliver {
                from,
                to,
                msg,
                stays,
            }
        }
        "lose" => {
            let (from, to) = link()?;
            Act::Lose {
                from,
                to,
                msg: what,
            }
        }
        "fire" => Act::Fire {
            node: addr(place)?,
            timer: what,
        },
        "tick" => Act::Tick,
        "ask" => {
            let (client, node) = place.split_once('@')?;
            Act::Ask {
                client: client.parse().ok()?,
                node: addr(node)?,
                op: what,
            }
        }
        "cancel" => Act::Cancel {
            client: place.parse().ok()?,
        },
        "crash" => Act::Crash(addr(place)?),
        "restart" => Act::Restart(addr(place)?),
        "amnesia" => Act::Amnesia(addr(place)?),
        "pause" => Act::Pause(addr(place)?),
        "resume" => Act::Resume(addr(place)?),
        "finish" => Act::FinishSync(addr(place)?),
        _ => Act::Outside(Outside::parse(word, place)?),
    };
    let fate = fate.into_iter().try_fold(Fate::default(), fate_part)?;
    Some(Choice { act, fate })
}

/// Parts the act from the parts of its fate. A message's own text may hold a `|`: only known words end it.
fn split(text: &str) -> (&str, Vec<&str>) {
    let mut act = text.trim();
    let mut parts = Vec::new();
    while let Some((before, part)) = act.rsplit_once(" | ") {
        let word = part.split(' ').next().unwrap_or("");
        if !["draw", "cut", "stall", "slow", "badsync", "keep"].contains(&word) {
            break;
        }
        parts.push(part);
        act = before;
    }
    (act, parts)
}

fn fate_part(mut fate: Fate, part: &str) -> Option<Fate> {
    let (word, rest) = part.split_once(' ')?;
    match word {
        "draw" => {
            for text in rest.split(' ') {
                fate.draws.push(match text.strip_suffix("us") {
                    Some(us) => Drawn::Time(Duration::from_micros(us.parse().ok()?)),
                    None => Drawn::Number(text.parse().ok()?),
                });
            }
        }
        "cut" => fate.plan = Plan::CutAt(rest.parse().ok()?),
        "stall" => fate.plan = Plan::PauseAt(rest.parse().ok()?),
        "slow" => fate.sync = Some((rest.parse().ok()?, BadSync::Slow)),
        "badsync" => fate.sync = Some((rest.parse().ok()?, BadSync::Failed)),
        _ => {
            for text in rest.split(' ') {
                let (file, kept) = text.rsplit_once('=')?;
                let (whole, torn) = kept.split_once('+').unwrap_or((kept, "0"));
                let kept = Kept {
                    whole: whole.parse().ok()?,
                    torn: torn.parse().ok()?,
                };
                fate.kept.push((Arc::from(file), kept));
            }
        }
    }
    Some(fate)
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_its_text() {
        for text in [
            "deliver 1>2 Vote { term: 1 }",
            "copy 1>2 Vote { term: 1 } | cut 2 | keep log=1+3 vote=1",
            "deliver 0>1 Text(\"a | b\") | draw 2 150000us 0 | stall 0",
            "lose 1>2 Vote",
            "fire 3 Election | slow 0",
            "fire 3 Election | badsync 1 | keep log=2",
            "tick",
            "ask 0@2 Lock(\"a\")",
            "cancel 4",
            "crash 1 | keep log=0+7",
            "restart 1 | draw 1",
            "amnesia 1",
            "pause 1",
            "resume 1 | slow 1",
            "finish 1",
            "wait 1500us",
            "rejoin 1",
        ] {
            let choice: Choice = text.parse().unwrap();
            assert_eq!(choice.to_string(), text);
            let json = serde_json::to_string(&choice).unwrap();
            assert_eq!(serde_json::from_str::<Choice>(&json).unwrap(), choice);
        }
        for text in ["", "deliver 1 Vote", "jump 3", "crash x", "tick | cut x"] {
            let error = text.parse::<Choice>().unwrap_err();
            assert!(error.to_string().contains("is no step"), "{error}");
        }
    }
}
