//! The order of versions that the reads of a history show, and what single reads show to be wrong.

use super::cycle::{Edge, Graph};
use super::{Anomaly, End, Mop, Name, Txn};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Who appended a value, and whether it was that transaction's last append to the key.
#[derive(Clone, Copy)]
struct Writer {
    txn: usize,
    last: bool,
}

pub(super) struct Versions<K, V> {
    writers: BTreeMap<(K, V), Writer>,
    /// For each key the longest list that a read showed.
    order: BTreeMap<K, Vec<V>>,
    /// Committed, or unknown and seen.
    counts: Vec<bool>,
}

impl<K: Ord + Clone + Debug, V: Ord + Clone + Debug> Versions<K, V> {
    pub(super) fn read(txns: &[Txn<K, V>], found: &mut Vec<Anomaly>) -> Self {
        let mut writers = BTreeMap::new();
        for (i, txn) in txns.iter().enumerate() {
            let mut last = BTreeSet::new();
            for mop in txn.mops.iter().rev() {
                if let Mop::Append(key, value) = mop {
                    let last = last.insert(key);
                    let writer = Writer { txn: i, last };
                    let before = writers.insert((key.clone(), value.clone()), writer);
                    assert!(
                        before.is_none(),
                        "{value:?} is appended to {key:?} twice: the checker needs a workload with values of its own \
                         for every append"
                    );
                }
            }
        }
        let mut versions = Versions {
            writers,
            order: BTreeMap::new(),
            counts: txns.iter().map(|t| t.end == End::Committed).collect(),
        };
        for (i, txn) in txns.iter().enumerate() {
            if txn.end == End::Committed {
                versions.one_txn(i, txn, found);
            }
        }
        versions
    }

    /// Replays one transaction against itself, and takes its reads of others' writes into the order.
    fn one_txn(&mut self, i: usize, txn: &Txn<K, V>, found: &mut Vec<Anomaly>) {
        // What the transaction must see from now on: the list it read, and what it appended itself.
        let mut seen: BTreeMap<&K, Vec<V>> = BTreeMap::new();
        let mut own: BTreeMap<&K, Vec<V>> = BTreeMap::new();
        for mop in &txn.mops {
            let (key, list) = match mop {
                Mop::Append(key, value) => {
                    match seen.get_mut(key) {
                        Some(list) => list.push(value.clone()),
                        None => own.entry(key).or_default().push(value.clone()),
                    }
                    continue;
                }
                Mop::Read(key, list) => (key, list),
            };
            let right = match seen.get(key) {
                Some(expected) => expected == list,
                None => own.get(key).is_none_or(|tail| list.ends_with(tail)),
            };
            if !right {
                let text = format!(
                    "T{i} read {list:?} at {key:?}, which is not what it had read and written there before"
                );
                found.push(anomaly(Name::Internal, vec![i], text));
                return;
            }
            if !seen.contains_key(key) {
                let tail = own.get(key).map_or(0, Vec::len);
                self.one_read(i, key, &list[..list.len() - tail], found);
                seen.insert(key, list.clone());
            }
        }
    }

    /// A first read of a key: what other transactions left there.
    fn one_read(&mut self, i: usize, key: &K, list: &[V], found: &mut Vec<Anomaly>) {
        for value in list {
            let Some(writer) = self.writers.get(&(key.clone(), value.clone())) else {
                let text = format!("T{i} read {value:?} at {key:?}, which nobody appended");
                found.push(anomaly(Name::Incompatible, vec![i], text));
                continue;
            };
            self.counts[writer.txn] = true;
        }
        let distinct: BTreeSet<_> = list.iter().collect();
        if distinct.len() < list.len() {
            let text = format!("T{i} read {list:?} at {key:?}: a value is there twice");
            found.push(anomaly(Name::Incompatible, vec![i], text));
            return;
        }
        let longest = self.order.entry(key.clone()).or_default();
        let (short, long) = match longest.len() < list.len() {
            true => (&longest[..], list),
            false => (list, &longest[..]),
        };
        if !long.starts_with(short) {
            let text = format!("T{i} read {list:?} at {key:?}, another transaction {longest:?}");
            found.push(anomaly(Name::Incompatible, vec![i], text));
        } else if longest.len() < list.len() {
            *longest = list.to_vec();
        }
    }

    /// The dependencies, and the aborted and intermediate reads on the way.
    pub(super) fn graph(mut self, txns: &[Txn<K, V>], found: &mut Vec<Anomaly>) -> Graph {
        for (i, txn) in txns.iter().enumerate() {
            if txn.end == End::Aborted {
                self.counts[i] = false;
            }
        }
        let mut graph = Graph::new(self.counts.clone());
        let unseen = self.unseen();
        self.write_edges(&unseen, &mut graph);
        for (i, txn) in txns.iter().enumerate() {
            if txn.end == End::Committed {
                self.read_edges(i, txn, &unseen, &mut graph, found);
            }
        }
        graph
    }

    /// For each key the transactions whose appends are committed, and in no read: they come after all that is.
    fn unseen(&self) -> BTreeMap<&K, BTreeSet<usize>> {
        let seen: BTreeSet<(&K, &V)> = self
            .order
            .iter()
            .flat_map(|(key, list)| list.iter().map(move |value| (key, value)))
            .collect();
        let mut unseen: BTreeMap<&K, BTreeSet<usize>> = BTreeMap::new();
        for ((key, value), writer) in &self.writers {
            if self.counts[writer.txn] && !seen.contains(&(key, value)) {
                unseen.entry(key).or_default().insert(writer.txn);
            }
        }
        unseen
    }

    fn writer(&self, key: &K, value: &V) -> Option<Writer> {
        self.writers.get(&(key.clone(), value.clone())).copied()
    }

    fn write_edges(&self, unseen: &BTreeMap<&K, BTreeSet<usize>>, graph: &mut Graph) {
        for (key, list) in &self.order {
            let writers: Vec<usize> = list
                .iter()
                .filter_map(|v| self.writer(key, v))
                .map(|w| w.txn)
                .collect();
            for pair in writers.windows(2) {
                graph.add(pair[0], pair[1], Edge::Ww);
            }
            for &later in unseen.get(key).into_iter().flatten() {
                if let Some(&last) = writers.last() {
                    graph.add(last, later, Edge::Ww);
                }
            }
        }
    }

    fn read_edges(
        &self,
        i: usize,
        txn: &Txn<K, V>,
        unseen: &BTreeMap<&K, BTreeSet<usize>>,
        graph: &mut Graph,
        found: &mut Vec<Anomaly>,
    ) {
        let mut done = BTreeSet::new();
        let mut appended = BTreeMap::<&K, usize>::new();
        for mop in &txn.mops {
            let (key, list) = match mop {
                Mop::Append(key, _) => {
                    *appended.entry(key).or_default() += 1;
                    continue;
                }
                Mop::Read(key, list) => (key, list),
            };
            if !done.insert(key) {
                continue;
            }
            let own = appended.get(key).copied().unwrap_or(0).min(list.len());
            let list = &list[..list.len() - own];
            self.bad_writers(i, key, list, graph.counts(), found);
            if let Some(writer) = list.last().and_then(|value| self.writer(key, value)) {
                graph.add(writer.txn, i, Edge::Wr);
                if !writer.last && writer.txn != i {
                    let text = format!(
                        "T{i} read {list:?} at {key:?}, where T{} went on to append more",
                        writer.txn
                    );
                    found.push(anomaly(Name::G1b, vec![i, writer.txn], text));
                }
            }
            let order = self.order.get(key).map_or(&[][..], Vec::as_slice);
            match order.get(list.len()) {
                Some(next) => {
                    if let Some(writer) = self.writer(key, next) {
                        graph.add(i, writer.txn, Edge::Rw);
                    }
                }
                None => {
                    for &later in unseen.get(key).into_iter().flatten() {
                        graph.add(i, later, Edge::Rw);
                    }
                }
            }
        }
    }

    /// The aborted reads among one read's values.
    fn bad_writers(
        &self,
        i: usize,
        key: &K,
        list: &[V],
        counts: &[bool],
        found: &mut Vec<Anomaly>,
    ) {
        for value in list {
            if let Some(writer) = self.writer(key, value)
                && !counts[writer.txn]
            {
                let text = format!(
                    "T{i} read {value:?} at {key:?}, which the aborted T{} had appended",
                    writer.txn
                );
                found.push(anomaly(Name::G1a, vec![i, writer.txn], text));
            }
        }
    }
}

fn anomaly(name: Name, txns: Vec<usize>, text: String) -> Anomaly {
    Anomaly {
        name,
        real_time: false,
        txns,
        text,
    }
}
