//! Are transactions isolated: a checker of list-append histories.
//!
//! **Idea.** Every write appends a value that nobody else appends to a list, so a read shows who wrote before it and in
//! which order. From the reads follow the order of versions, from that the dependencies between transactions, and a
//! cycle of dependencies is an anomaly with a name. The names and their meaning are Adya's (1999); reading them off
//! lists is the idea of Kingsbury and Alvaro's Elle (2020).
//!
//! **What is exact.** If every transaction that is known to have committed is here, a history without anomalies is
//! serializable, and one with anomalies is not. [`Level`] says which anomalies a weaker promise allows.
//!
//! **Where to look.** [`check`] judges; `txn/versions.rs` reads version orders and finds the anomalies of single reads,
//! `txn/cycle.rs` finds cycles.

mod cycle;
mod versions;

use std::fmt::{self, Debug};

/// One operation of a transaction, with what it showed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Mop<K, V> {
    /// Adds a value at the end of the list at a key. No other append of the history has this key and value.
    Append(K, V),
    /// The list that it saw. An absent key is an empty list.
    Read(K, Vec<V>),
}

/// How a transaction ended, as far as its client knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// It was told: committed.
    Committed,
    /// It was told: aborted. Nobody may ever see what it wrote.
    Aborted,
    /// It was told nothing. It counts as committed if somebody saw what it wrote.
    Unknown,
}

/// One transaction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Txn<K, V> {
    /// In the order in which they happened.
    pub mops: Vec<Mop<K, V>>,
    /// How it ended.
    pub end: End,
    /// Its first moment, in any unit that orders the moments of one history ([`crate::history::Instant::place`]).
    pub begun: u64,
    /// The moment of its answer; `None` without one.
    pub ended: Option<u64>,
}

/// What can go wrong, weakest promise first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// The reads of a key contradict each other, or a value is there twice, or nobody wrote it: no order of versions
    /// explains them.
    Incompatible,
    /// A transaction does not see its own writes, or sees a key change between two reads without writing it.
    Internal,
    /// Write cycle: two transactions overwrite each other.
    G0,
    /// Aborted read: a value of an aborted transaction was seen.
    G1a,
    /// Intermediate read: a value was seen that its transaction later wrote over.
    G1b,
    /// Circular information flow: each of some transactions saw, or overwrote, another's writes.
    G1c,
    /// A cycle with one anti-dependency: lost update and read skew are such.
    GSingle,
    /// A cycle with several anti-dependencies, between items: write skew is one.
    G2Item,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Name::Incompatible => "incompatible order",
            Name::Internal => "internal inconsistency",
            Name::G0 => "G0 (write cycle)",
            Name::G1a => "G1a (aborted read)",
            Name::G1b => "G1b (intermediate read)",
            Name::G1c => "G1c (circular information flow)",
            Name::GSingle => "G-single (read skew or lost update)",
            Name::G2Item => "G2-item (write skew)",
        })
    }
}

/// What a system promises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// PL-1: no G0.
    ReadUncommitted,
    /// PL-2: no G1 either.
    ReadCommitted,
    /// No G-single either, but write skew (G2-item) may happen: all that snapshot isolation promises *and can be
    /// told from dependencies alone*.
    Snapshot,
    /// PL-2.99: nothing of all this.
    Serializable,
    /// Serializable, in an order that agrees with real time.
    StrictSerializable,
}

impl Level {
    /// Whether a system of this level may never show `name`.
    pub fn forbids(self, name: Name) -> bool {
        match name {
            Name::Incompatible | Name::Internal | Name::G0 => true,
            Name::G1a | Name::G1b | Name::G1c => self >= Level::ReadCommitted,
            Name::GSingle => self >= Level::Snapshot,
            Name::G2Item => self >= Level::Serializable,
        }
    }
}

/// One anomaly of a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anomaly {
    /// Its name.
    pub name: Name,
    /// True if it is a cycle only because one transaction had ended before another began.
    pub real_time: bool,
    /// The transactions, by their place in the history; a cycle in its order.
    pub txns: Vec<usize>,
    /// What was seen.
    pub text: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let real_time = if self.real_time {
            " against real time"
        } else {
            ""
        };
        write!(f, "{}{real_time}: {}", self.name, self.text)
    }
}

/// The first anomaly that a level forbids, if there is one. Real time counts for [`Level::StrictSerializable`] alone.
pub fn check<K: Ord + Clone + Debug, V: Ord + Clone + Debug>(
    txns: &[Txn<K, V>],
    level: Level,
) -> Result<(), Anomaly> {
    let found = anomalies(txns, level == Level::StrictSerializable);
    match found.into_iter().find(|a| level.forbids(a.name)) {
        Some(anomaly) => Err(anomaly),
        None => Ok(()),
    }
}

/// All anomalies: each one of single reads, and for each kind of cycle a shortest one of each knot of dependencies.
pub fn anomalies<K: Ord + Clone + Debug, V: Ord + Clone + Debug>(
    txns: &[Txn<K, V>],
    real_time: bool,
) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let graph = versions::Versions::read(txns, &mut found).graph(txns, &mut found);
    graph.anomalies(txns, false, &mut found);
    if real_time {
        graph.with_real_time(txns).anomalies(txns, true, &mut found);
    }
    found.sort_by_key(|a| (a.real_time, a.name));
    found
}

#[cfg(test)]
mod tests;
