//! Terms, indexes, entries and memberships: what a log is made of. Given.

use node::Addr;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;

/// A term: Raft's logical clock (§5.1). 0 is before the first election.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Term(pub u64);

impl Term {
    /// The term after this one.
    pub fn next(self) -> Term {
        Term(self.0 + 1)
    }
}
impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}", self.0)
    }
}
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the log. The first entry has index 1; 0 is the place before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Index(pub u64);

impl Index {
    /// The index after this one.
    pub fn next(self) -> Index {
        Index(self.0 + 1)
    }
    /// The index before this one; 0 stays 0.
    pub fn prev(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}
impl Add<u64> for Index {
    type Output = Index;
    fn add(self, n: u64) -> Index {
        Index(self.0 + n)
    }
}
/// How far this index is behind another; 0 if it is before it.
impl Sub for Index {
    type Output = u64;
    fn sub(self, before: Index) -> u64 {
        self.0.saturating_sub(before.0)
    }
}
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bytes of one command. Raft does not look into them; copies share them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command(Arc<[u8]>);

impl Command {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
impl From<Vec<u8>> for Command {
    fn from(bytes: Vec<u8>) -> Self {
        Command(bytes.into())
    }
}
impl From<&str> for Command {
    fn from(text: &str) -> Self {
        Command(text.as_bytes().into())
    }
}
/// As text where it is text, else as hexadecimal digits; short, for traces.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 24;
        let shown = &self.0[..self.0.len().min(SHOWN)];
        if shown.iter().all(|b| b.is_ascii_graphic() || *b == b' ') {
            shown
                .iter()
                .try_for_each(|b| write!(f, "{}", char::from(*b)))?;
        } else {
            shown.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        }
        f.write_str(if self.0.len() > SHOWN { "…" } else { "" })
    }
}
impl Serialize for Command {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}
impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Command;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a command")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Command, E> {
                Ok(Command(bytes.into()))
            }
        }
        from.deserialize_bytes(Bytes)
    }
}

/// What an entry holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing: what a leader appends at the start of its term, so that it soon has an entry of its
    /// own term to commit (§8).
    Empty,
    /// A command of the state machine.
    Command(Command),
    /// The servers from here on (thesis §4.1). It takes effect when it is appended.
    Config(Membership),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Empty => f.write_str("no-op"),
            Payload::Command(command) => command.fmt(f),
            Payload::Config(membership) => membership.fmt(f),
        }
    }
}

/// One entry of the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader made it.
    pub term: Term,
    /// What it holds.
    pub payload: Payload,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}", self.payload, self.term)
    }
}

/// The servers of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Membership {
    /// Those that vote, and whose copies count for a commit.
    pub voters: BTreeSet<Addr>,
    /// Those that are sent the log and do neither (thesis §4.2.1).
    pub learners: BTreeSet<Addr>,
    /// Those that have left. An address is never taken back: who comes again under an old name may
    /// have forgotten what it promised.
    pub removed: BTreeSet<Addr>,
}

impl Membership {
    /// A cluster of voters.
    pub fn of(voters: impl IntoIterator<Item = Addr>) -> Self {
        Membership {
            voters: voters.into_iter().collect(),
            ..Membership::default()
        }
    }
    /// Voters and learners.
    pub fn servers(&self) -> impl Iterator<Item = Addr> + '_ {
        self.voters.iter().chain(&self.learners).copied()
    }
    /// True for a voter or a learner.
    pub fn has(&self, server: Addr) -> bool {
        self.voters.contains(&server) || self.learners.contains(&server)
    }
    /// True if those voters for which `yes` holds are more than half of all voters.
    pub fn is_quorum(&self, yes: impl Fn(Addr) -> bool) -> bool {
        self.voters.iter().filter(|v| yes(**v)).count() * 2 > self.voters.len()
    }
    /// The largest value that a quorum of voters has reached, if each has reached what `reached`
    /// says; the least value of all if there is no voter.
    pub fn reached_by_quorum<T: Ord + Default>(&self, reached: impl Fn(Addr) -> T) -> T {
        let mut all: Vec<T> = self.voters.iter().map(|v| reached(*v)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.into_iter()
            .nth(self.voters.len() / 2)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("servers")?;
        self.voters.iter().try_for_each(|v| write!(f, " {v}"))?;
        self.learners.iter().try_for_each(|l| write!(f, " ({l})"))
    }
}
