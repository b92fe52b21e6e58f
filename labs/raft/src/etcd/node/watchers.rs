//! Who is told of which change.

use super::super::api::{Event, KeyRange, Revision};
use super::super::request::{Ret, WatchSpec};
use super::turn::Turn;
use node::OpId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Watchers {
    open: BTreeMap<OpId, WatchSpec>,
    /// Of those, the ones of a single key, by that key: most watches are such, and a change then
    /// costs no look at all the others.
    of_one: BTreeMap<Vec<u8>, BTreeSet<OpId>>,
    of_many: BTreeSet<OpId>,
    /// All open watches have been told everything up to here.
    pub told: Revision,
}

impl Watchers {
    fn add(&mut self, id: OpId, spec: WatchSpec) {
        if spec.keys.is_one() {
            let of_key = self.of_one.entry(spec.keys.key.clone()).or_default();
            of_key.insert(id);
        } else {
            self.of_many.insert(id);
        }
        self.open.insert(id, spec);
    }

    /// Nobody listens any more.
    pub fn close(&mut self, id: OpId) {
        let Some(spec) = self.open.remove(&id) else {
            return;
        };
        self.of_many.remove(&id);
        if let Some(of_key) = self.of_one.get_mut(&spec.keys.key) {
            of_key.remove(&id);
            if of_key.is_empty() {
                self.of_one.remove(&spec.keys.key);
            }
        }
    }

    /// The watches that a change is for.
    fn of(&self, event: &Event) -> impl Iterator<Item = (OpId, &WatchSpec)> {
        let key = &*event.kv.key;
        let of_key = self.of_one.get(key).into_iter().flatten();
        of_key
            .chain(&self.of_many)
            .filter_map(|id| Some((*id, self.open.get(id)?)))
            .filter(move |(_, spec)| spec.keys.contains(key) && event.kv.mod_revision >= spec.from)
    }
}

impl Turn<'_, '_> {
    /// Opens a watch: tells what it missed, then what comes.
    pub fn watch(&mut self, id: OpId, mut spec: WatchSpec) {
        let header = self.node.header(self.cx.me());
        let store = &self.node.store;
        if spec.from <= 0 {
            spec.from = store.revision() + 1;
        }
        self.cx.ret_more(id, Ret::Watching(header));
        if spec.from < store.compacted() {
            return self.cx.ret(id, Ret::Compacted(header, store.compacted()));
        }
        if spec.from <= store.revision() {
            let limit = self.cx.cfg().limits.events_at_once;
            let (events, next) = store.events(&spec.keys, spec.from, limit, spec.prev_kv);
            let behind = next <= store.revision();
            let ret = Ret::Events {
                header,
                resume: behind.then_some(next),
                events,
            };
            if behind {
                return self.cx.ret(id, ret);
            }
            self.cx.ret_more(id, ret);
        }
        self.node.watchers.add(id, spec);
    }

    /// Tells open watches what is new in the store.
    pub fn tell_watchers(&mut self) {
        let now = self.node.store.revision();
        let from = std::mem::replace(&mut self.node.watchers.told, now) + 1;
        if from > now || self.node.watchers.open.is_empty() {
            return;
        }
        if from < self.node.store.compacted() {
            return self.end_watches();
        }
        let header = self.node.header(self.cx.me());
        let store = &self.node.store;
        let watchers = &self.node.watchers;
        let prev_kv = watchers.open.values().any(|spec| spec.prev_kv);
        let (events, _) = store.events(&KeyRange::all(), from, usize::MAX, prev_kv);
        let mut told: BTreeMap<OpId, Vec<Event>> = BTreeMap::new();
        for event in &events {
            for (id, spec) in watchers.of(event) {
                let mut event = event.clone();
                event.prev_kv = event.prev_kv.filter(|_| spec.prev_kv);
                told.entry(id).or_default().push(event);
            }
        }
        for (id, events) in told {
            let ret = Ret::Events {
                header,
                events,
                resume: None,
            };
            self.cx.ret_more(id, ret);
        }
    }

    /// A snapshot leapt over changes that nobody can read any more.
    fn end_watches(&mut self) {
        let header = self.node.header(self.cx.me());
        let compacted = self.node.store.compacted();
        for id in std::mem::take(&mut self.node.watchers.open).into_keys() {
            self.cx.ret(id, Ret::Compacted(header, compacted));
        }
        self.node.watchers = Watchers {
            told: self.node.watchers.told,
            ..Watchers::default()
        };
    }
}
