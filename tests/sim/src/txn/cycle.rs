//! Dependencies between transactions, and the shortest cycle of each kind.

use super::{Anomaly, Name, Txn};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

/// Why one transaction comes before another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Edge {
    /// The other's version follows its version.
    Ww,
    /// The other read its version.
    Wr,
    /// The other's version follows the version that it read: an anti-dependency.
    Rw,
    /// It had ended before the other began.
    Rt,
}

const WW: u8 = 1 << Edge::Ww as u8;
const WR: u8 = 1 << Edge::Wr as u8;
const RW: u8 = 1 << Edge::Rw as u8;
const RT: u8 = 1 << Edge::Rt as u8;

#[derive(Clone)]
pub(super) struct Graph {
    counts: Vec<bool>,
    /// For each transaction: those after it, with the set of reasons.
    after: Vec<BTreeMap<usize, u8>>,
}

impl Graph {
    /// Among transactions of which those count.
    pub(super) fn new(counts: Vec<bool>) -> Self {
        let after = vec![BTreeMap::new(); counts.len()];
        Graph { counts, after }
    }

    pub(super) fn counts(&self) -> &[bool] {
        &self.counts
    }

    pub(super) fn add(&mut self, from: usize, to: usize, edge: Edge) {
        if from != to && self.counts[from] && self.counts[to] {
            *self.after[from].entry(to).or_default() |= 1 << edge as u8;
        }
    }

    /// With an edge from each transaction to those that began after it had ended. Edges that follow from others are
    /// left out, or there would be a square of them.
    pub(super) fn with_real_time<K, V>(mut self, txns: &[Txn<K, V>]) -> Self {
        // An end at the same moment as a beginning overlaps with it: beginnings first.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (i, txn) in txns.iter().enumerate().filter(|(i, _)| self.counts[*i]) {
            events.push((txn.begun, false, i));
            if let Some(end) = txn.ended {
                events.push((end, true, i));
            }
        }
        events.sort_unstable();
        let mut latest: Vec<usize> = Vec::new();
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); txns.len()];
        for (_, ended, i) in events {
            if ended {
                latest.retain(|earlier| !before[i].contains(earlier));
                latest.push(i);
            } else {
                for &earlier in &latest {
                    self.add(earlier, i, Edge::Rt);
                }
                before[i] = latest.clone();
            }
        }
        self
    }

    /// The shortest cycle of the first kind that each knot of dependencies has; with `real_time` those that have an edge
    /// of real time. A cycle of a weaker kind explains its knot: what follows it would be that cycle with detours.
    pub(super) fn anomalies<K: Debug, V: Debug>(
        &self,
        txns: &[Txn<K, V>],
        real_time: bool,
        found: &mut Vec<Anomaly>,
    ) {
        let time = if real_time { RT } else { 0 };
        for knot in self.knots(WW | WR | RW | time, |_| true) {
            let within: BTreeSet<usize> = knot.into_iter().collect();
            for kind in [Name::G0, Name::G1c, Name::GSingle, Name::G2Item] {
                let mask = match kind {
                    Name::G0 => WW,
                    Name::G1c => WW | WR,
                    _ => WW | WR | RW,
                } | time;
                let right = |walk: &Walk| {
                    (walk.time == real_time)
                        && match kind {
                            Name::G0 => true,
                            Name::G1c => walk.wr,
                            Name::GSingle => walk.rw == 1,
                            _ => walk.rw >= 2,
                        }
                };
                if let Some(steps) = self.shortest(&within, mask, right) {
                    found.push(anomaly(kind, real_time, &steps, txns));
                    break;
                }
            }
        }
    }

    fn edges(&self, from: usize, mask: u8) -> impl Iterator<Item = (usize, Edge)> {
        self.after[from].iter().flat_map(move |(&to, &reasons)| {
            [Edge::Ww, Edge::Wr, Edge::Rw, Edge::Rt]
                .into_iter()
                .filter(move |edge| reasons & mask & (1 << *edge as u8) != 0)
                .map(move |edge| (to, edge))
        })
    }

    /// The strongly connected components with more than one member (Kosaraju's algorithm, without recursion).
    fn knots(&self, mask: u8, within: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
        let n = self.after.len();
        let next = |from: usize| -> Vec<usize> {
            self.edges(from, mask)
                .map(|(to, _)| to)
                .filter(|to| within(*to))
                .collect()
        };
        let mut before = vec![Vec::new(); n];
        for from in (0..n).filter(|i| within(*i)) {
            for to in next(from) {
                before[to].push(from);
            }
        }
        let mut finished = Vec::new();
        let mut seen = vec![false; n];
        for root in (0..n).filter(|i| within(*i)) {
            if !std::mem::replace(&mut seen[root], true) {
                depth_first(root, &next, &mut seen, &mut finished);
            }
        }
        let mut seen = vec![false; n];
        let mut knots = Vec::new();
        for &root in finished.iter().rev() {
            if !std::mem::replace(&mut seen[root], true) {
                let mut knot = Vec::new();
                depth_first(root, &|i| before[i].clone(), &mut seen, &mut knot);
                if knot.len() > 1 {
                    knots.push(knot);
                }
            }
        }
        knots
    }

    /// The shortest closed walk over edges of `mask` for which `right` holds.
    fn shortest(
        &self,
        within: &BTreeSet<usize>,
        mask: u8,
        right: impl Fn(&Walk) -> bool,
    ) -> Option<Vec<(usize, Edge)>> {
        let mut best: Option<Vec<(usize, Edge)>> = None;
        let knots = self.knots(mask, |i| within.contains(&i));
        let starts: BTreeSet<usize> = knots.into_iter().flatten().collect();
        for start in starts {
            let longest = best.as_ref().map_or(usize::MAX, |b| b.len() - 1);
            let found = self.walk_home(start, within, mask, longest, &right);
            best = found.or(best);
        }
        best
    }

    /// Breadth-first from `start` back to it, in at most `longest` steps.
    fn walk_home(
        &self,
        start: usize,
        within: &BTreeSet<usize>,
        mask: u8,
        longest: usize,
        right: impl Fn(&Walk) -> bool,
    ) -> Option<Vec<(usize, Edge)>> {
        let first = Walk {
            at: start,
            rw: 0,
            wr: false,
            time: false,
        };
        let mut came: BTreeMap<Walk, (Walk, Edge)> = BTreeMap::new();
        let mut queue = VecDeque::from([(first, 0)]);
        while let Some((walk, len)) = queue.pop_front() {
            if len == longest {
                return None;
            }
            for (to, edge) in self.edges(walk.at, mask) {
                if !within.contains(&to) {
                    continue;
                }
                let mut after = walk.step(edge);
                after.at = to;
                if to == start && right(&after) {
                    let mut steps = vec![(walk.at, edge)];
                    let mut at = walk;
                    while let Some((from, edge)) = came.get(&at) {
                        steps.push((from.at, *edge));
                        at = *from;
                    }
                    steps.reverse();
                    return Some(steps);
                }
                if after != first && !came.contains_key(&after) {
                    came.insert(after, (walk, edge));
                    queue.push_back((after, len + 1));
                }
            }
        }
        None
    }
}

/// Where a walk is, and what it met.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Walk {
    at: usize,
    /// 2 stands for more, too.
    rw: u8,
    wr: bool,
    time: bool,
}

impl Walk {
    fn step(mut self, edge: Edge) -> Self {
        match edge {
            Edge::Ww => {}
            Edge::Wr => self.wr = true,
            Edge::Rw => self.rw = (self.rw + 1).min(2),
            Edge::Rt => self.time = true,
        }
        self
    }
}

fn depth_first(
    root: usize,
    next: &impl Fn(usize) -> Vec<usize>,
    seen: &mut [bool],
    finished: &mut Vec<usize>,
) {
    let mut stack = vec![(root, next(root))];
    while let Some((at, left)) = stack.last_mut() {
        match left.pop() {
            Some(to) if !std::mem::replace(&mut seen[to], true) => stack.push((to, next(to))),
            Some(_) => {}
            None => {
                finished.push(*at);
                stack.pop();
            }
        }
    }
}

fn anomaly<K: Debug, V: Debug>(
    name: Name,
    real_time: bool,
    steps: &[(usize, Edge)],
    txns: &[Txn<K, V>],
) -> Anomaly {
    let mut text = String::new();
    for (txn, edge) in steps {
        let edge = match edge {
            Edge::Ww => "is overwritten by",
            Edge::Wr => "is read by",
            Edge::Rw => "did not see",
            Edge::Rt => "had ended before",
        };
        text.push_str(&format!("T{txn} {edge} "));
    }
    text.push_str(&format!("T{}", steps[0].0));
    for (txn, _) in steps {
        text.push_str(&format!("; T{txn} = {:?}", txns[*txn].mops));
    }
    Anomaly {
        name,
        real_time,
        txns: steps.iter().map(|(txn, _)| *txn).collect(),
        text,
    }
}
