//! [`Outside`]: what the world around the nodes does. A hand does it; a search has its own ticks and its scope's links.

use crate::check::Checker;
use crate::script::Script;
use node::{Addr, Node};
use std::fmt;
use std::time::Duration;

/// What no node does, and no message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outside {
    /// True time passes, and nothing happens in it: what is due then fires when it is chosen.
    Wait(Duration),
    /// What is sent from here on in this direction is lost.
    Part(Addr, Addr),
    /// The direction carries messages again.
    Heal(Addr, Addr),
    /// All links of a node are cut, both ways.
    Isolate(Addr),
    /// All links of a node carry messages again.
    Rejoin(Addr),
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outside::Wait(time) => match time.as_micros() {
                us if us % 1000 == 0 => write!(f, "wait {}ms", us / 1000),
                us => write!(f, "wait {us}us"),
            },
            Outside::Part(from, to) => write!(f, "part {}>{}", from.0, to.0),
            Outside::Heal(from, to) => write!(f, "heal {}>{}", from.0, to.0),
            Outside::Isolate(node) => write!(f, "isolate {}", node.0),
            Outside::Rejoin(node) => write!(f, "rejoin {}", node.0),
        }
    }
}

impl Outside {
    /// Reads a word and what it is about.
    pub(super) fn parse(word: &str, about: &str) -> Option<Self> {
        let addr = |text: &str| text.parse().ok().map(Addr);
        let link = || {
            let (from, to) = about.split_once('>')?;
            Some((addr(from)?, addr(to)?))
        };
        Some(match word {
            "wait" => Outside::Wait(match about.strip_suffix("ms") {
                Some(ms) => Duration::from_millis(ms.parse().ok()?),
                None => Duration::from_micros(about.strip_suffix("us")?.parse().ok()?),
            }),
            "part" => link().map(|(from, to)| Outside::Part(from, to))?,
            "heal" => link().map(|(from, to)| Outside::Heal(from, to))?,
            "isolate" => Outside::Isolate(addr(about)?),
            "rejoin" => Outside::Rejoin(addr(about)?),
            _ => return None,
        })
    }

    /// The nodes that it names.
    pub(crate) fn nodes(self) -> Vec<Addr> {
        match self {
            Outside::Wait(_) => Vec::new(),
            Outside::Part(from, to) | Outside::Heal(from, to) => vec![from, to],
            Outside::Isolate(node) | Outside::Rejoin(node) => vec![node],
        }
    }
}

impl<N: Node, C: Checker<N>> Script<N, C> {
    /// Does it; time passes by itself.
    #[track_caller]
    pub(super) fn outside(&mut self, what: Outside) {
        match what {
            Outside::Wait(_) => {}
            Outside::Part(from, to) => self.cut_link(from, to),
            Outside::Heal(from, to) => self.heal_link(from, to),
            Outside::Isolate(node) => self.isolate(node),
            Outside::Rejoin(node) => {
                for other in self.world.core.net.addrs.clone() {
                    if other != node {
                        self.heal_link(node, other);
                        self.heal_link(other, node);
                    }
                }
            }
        }
    }
}
