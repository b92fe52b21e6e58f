//! The store against a naive model: a list of whole maps, one for each revision.

use dist_raft::etcd::api::*;
use dist_raft::etcd::command::{Command, Envelope};
use dist_raft::etcd::error::EtcdError;
use dist_raft::etcd::store::{Done, Store};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Map = BTreeMap<Vec<u8>, KeyValue>;

/// Every revision's whole content; index 0 is revision 1.
#[derive(Clone)]
struct Model {
    history: Vec<Map>,
    compacted: Revision,
    leases: BTreeMap<LeaseId, i64>,
}

impl Model {
    fn new() -> Self {
        Model {
            history: vec![Map::new()],
            compacted: 0,
            leases: BTreeMap::new(),
        }
    }

    fn revision(&self) -> Revision {
        self.history.len() as Revision
    }

    fn now(&self) -> &Map {
        self.history.last().expect("there is a first revision")
    }

    fn run(&mut self, command: &Command) -> Result<Done, EtcdError> {
        let mut map = self.now().clone();
        let mut changed = 0;
        let done = match command {
            Command::Put(put) => {
                self.check(put, &map)?;
                Done::Put(self.put(put, &mut map, &mut changed))
            }
            Command::DeleteRange(delete) => {
                Done::DeleteRange(Self::delete(delete, &mut map, &mut changed))
            }
            Command::Txn(txn) => {
                let before = self.clone();
                before.check_txn(txn)?;
                Done::Txn(self.txn(txn, &mut map, &mut changed))
            }
            Command::Compact(at) if *at > self.revision() => return Err(EtcdError::FutureRevision),
            Command::Compact(at) if *at <= self.compacted => return Err(EtcdError::Compacted),
            Command::Compact(at) => {
                self.compacted = *at;
                Done::Done
            }
            Command::LeaseGrant { id, ttl } => {
                if self.leases.contains_key(id) {
                    return Err(EtcdError::LeaseExists);
                }
                self.leases.insert(*id, (*ttl).max(2));
                Done::Granted((*ttl).max(2))
            }
            Command::LeaseRevoke(id) => {
                self.leases.remove(id).ok_or(EtcdError::LeaseNotFound)?;
                let held = map.values().filter(|kv| kv.lease == *id).count();
                changed += held;
                map.retain(|_, kv| kv.lease != *id);
                Done::Done
            }
            _ => Done::Done,
        };
        if changed > 0 {
            self.history.push(map);
        }
        Ok(done)
    }

    fn check(&self, put: &Put, map: &Map) -> Result<(), EtcdError> {
        if put.lease != 0 && !self.leases.contains_key(&put.lease) {
            return Err(EtcdError::LeaseNotFound);
        }
        if (put.ignore_value || put.ignore_lease) && !map.contains_key(&put.key) {
            return Err(EtcdError::KeyNotFound);
        }
        Ok(())
    }

    fn put(&self, put: &Put, map: &mut Map, changed: &mut usize) -> Option<KeyValue> {
        *changed += 1;
        let before = map.get(&put.key).cloned();
        let next = self.revision() + 1;
        let mut kv = KeyValue {
            key: put.key.as_slice().into(),
            create_revision: before.as_ref().map_or(next, |b| b.create_revision),
            mod_revision: next,
            version: before.as_ref().map_or(0, |b| b.version) + 1,
            value: put.value.as_slice().into(),
            lease: put.lease,
        };
        if put.ignore_value {
            kv.value = before.as_ref().map(|b| b.value.clone()).unwrap_or_default();
        }
        if put.ignore_lease {
            kv.lease = before.as_ref().map_or(0, |b| b.lease);
        }
        map.insert(put.key.clone(), kv);
        before.filter(|_| put.prev_kv)
    }

    fn delete(delete: &DeleteRange, map: &mut Map, changed: &mut usize) -> Deleted {
        let within = |kv: &&KeyValue| delete.keys.contains(&kv.key);
        let gone: Vec<_> = map.values().filter(within).cloned().collect();
        *changed += gone.len();
        map.retain(|key, _| !delete.keys.contains(key));
        Deleted {
            count: gone.len() as i64,
            prev_kvs: if delete.prev_kv { gone } else { Vec::new() },
        }
    }

    fn branch<'t>(&self, txn: &'t Txn) -> (bool, &'t [TxnOp]) {
        let holds = |compare: &Compare| {
            let kvs: Vec<_> = self.now().values().collect();
            let mut kvs: Vec<KeyValue> = kvs
                .into_iter()
                .filter(|kv| compare.keys.contains(&kv.key))
                .cloned()
                .collect();
            if kvs.is_empty() {
                if matches!(compare.target, Target::Value(_)) {
                    return false;
                }
                kvs.push(KeyValue::default());
            }
            kvs.iter().all(|kv| {
                let order = match &compare.target {
                    Target::Version(n) => kv.version.cmp(n),
                    Target::Create(n) => kv.create_revision.cmp(n),
                    Target::Mod(n) => kv.mod_revision.cmp(n),
                    Target::Lease(n) => kv.lease.cmp(n),
                    Target::Value(v) => kv.value.to_vec().cmp(v),
                };
                match compare.comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::Less => order.is_lt(),
                    Comparison::NotEqual => order.is_ne(),
                }
            })
        };
        if txn.compare.iter().all(holds) {
            (true, &txn.success)
        } else {
            (false, &txn.failure)
        }
    }

    fn check_txn(&self, txn: &Txn) -> Result<(), EtcdError> {
        for op in self.branch(txn).1 {
            match op {
                TxnOp::Range(range) => self.check_revision(range.revision)?,
                TxnOp::Put(put) => self.check(put, self.now())?,
                TxnOp::DeleteRange(_) => {}
                TxnOp::Txn(inner) => self.check_txn(inner)?,
            }
        }
        Ok(())
    }

    fn txn(&self, txn: &Txn, map: &mut Map, changed: &mut usize) -> TxnDone {
        let (succeeded, ops) = self.branch(txn);
        let mut done = TxnDone {
            succeeded,
            ..TxnDone::default()
        };
        for op in ops {
            let answer = match op {
                TxnOp::Range(range) => {
                    let map = match range.revision {
                        0 => &*map,
                        at if at > self.revision() => &*map,
                        at => &self.history[at as usize - 1],
                    };
                    TxnAnswer::Range(Self::read(range, map))
                }
                TxnOp::Put(put) => TxnAnswer::Put(self.put(put, map, changed)),
                TxnOp::DeleteRange(delete) => {
                    TxnAnswer::DeleteRange(Self::delete(delete, map, changed))
                }
                TxnOp::Txn(inner) => TxnAnswer::Txn(self.txn(inner, map, changed)),
            };
            done.answers.push(answer);
            let open = Revision::from(*changed > 0);
            done.revisions.push(self.revision() + open);
        }
        done
    }

    fn check_revision(&self, at: Revision) -> Result<(), EtcdError> {
        match at {
            at if at > self.revision() => Err(EtcdError::FutureRevision),
            at if at > 0 && at < self.compacted => Err(EtcdError::Compacted),
            _ => Ok(()),
        }
    }

    fn range(&self, range: &Range) -> Result<Ranged, EtcdError> {
        self.check_revision(range.revision)?;
        Ok(match range.revision {
            at if at > 0 => Self::read(range, &self.history[at as usize - 1]),
            _ => Self::read(range, self.now()),
        })
    }

    fn read(range: &Range, map: &Map) -> Ranged {
        let within = |kv: &&KeyValue| range.keys.contains(&kv.key);
        let mut kvs: Vec<KeyValue> = map.values().filter(within).cloned().collect();
        let count = kvs.len() as i64;
        if range.count_only {
            kvs.clear();
        }
        let min = |bound: i64, n: i64| bound == 0 || n >= bound;
        let max = |bound: i64, n: i64| bound == 0 || n <= bound;
        kvs.retain(|kv| {
            min(range.min_mod_revision, kv.mod_revision)
                && max(range.max_mod_revision, kv.mod_revision)
                && min(range.min_create_revision, kv.create_revision)
                && max(range.max_create_revision, kv.create_revision)
        });
        // Stable either way, so that keys which are equal in the target stay in one order.
        let by = |a: &KeyValue, b: &KeyValue| match range.sort_target {
            SortTarget::Key => a.key.cmp(&b.key),
            SortTarget::Version => a.version.cmp(&b.version),
            SortTarget::Create => a.create_revision.cmp(&b.create_revision),
            SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
            SortTarget::Value => a.value.cmp(&b.value),
        };
        if range.sort_order == SortOrder::Descend {
            kvs.sort_by(|a, b| by(b, a));
        } else {
            kvs.sort_by(by);
        }
        let limit = if range.limit == 0 {
            kvs.len()
        } else {
            range.limit as usize
        };
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        if range.keys_only {
            for kv in &mut kvs {
                kv.value = Bytes::default();
            }
        }
        Ranged { kvs, more, count }
    }

    /// The changes between neighbouring revisions.
    fn events(&self, keys: &KeyRange, from: Revision) -> Vec<(bool, KeyValue, Option<KeyValue>)> {
        let mut events = Vec::new();
        for at in from.max(2)..=self.revision() {
            let (before, after) = (
                &self.history[at as usize - 2],
                &self.history[at as usize - 1],
            );
            for (key, kv) in after {
                if keys.contains(key) && kv.mod_revision == at {
                    events.push((false, kv.clone(), before.get(key).cloned()));
                }
            }
            for (key, kv) in before {
                if keys.contains(key) && !after.contains_key(key) {
                    let gone = KeyValue {
                        key: key.as_slice().into(),
                        mod_revision: at,
                        ..KeyValue::default()
                    };
                    events.push((true, gone, Some(kv.clone())));
                }
            }
        }
        events
    }
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec!["a", "aa", "ab", "b", "c\u{ff}"]).prop_map(|k| k.as_bytes().to_vec())
}

fn keys() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        4 => key().prop_map(KeyRange::one),
        1 => key().prop_map(KeyRange::prefix),
        1 => (key(), key()).prop_map(|(key, end)| KeyRange { key, end }),
        1 => key().prop_map(|key| KeyRange { key, end: vec![0] }),
        1 => Just(KeyRange::all()),
    ]
}

fn lease() -> impl Strategy<Value = LeaseId> {
    prop_oneof![3 => Just(0i64), 1 => 1..4i64]
}

fn put() -> impl Strategy<Value = Put> {
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (key(), "[xyz]{0,2}", lease(), flags).prop_map(|(key, value, lease, flags)| Put {
        key,
        value: if flags.1 {
            Vec::new()
        } else {
            value.into_bytes()
        },
        lease: if flags.2 { 0 } else { lease },
        prev_kv: flags.0,
        ignore_value: flags.1,
        ignore_lease: flags.2,
    })
}

fn range() -> impl Strategy<Value = Range> {
    let order = prop::sample::select(vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend]);
    let target = prop::sample::select(vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::Create,
        SortTarget::Mod,
        SortTarget::Value,
    ]);
    let bound = || prop_oneof![3 => Just(0i64), 1 => 1..12i64];
    let bounds = (bound(), bound(), bound(), bound());
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    (keys(), 0..4i64, bound(), order, target, bounds, flags).prop_map(
        |(keys, limit, revision, sort_order, sort_target, bounds, flags)| Range {
            keys,
            limit,
            revision,
            sort_order,
            sort_target,
            serializable: false,
            keys_only: flags.0,
            count_only: flags.1,
            min_mod_revision: bounds.0,
            max_mod_revision: bounds.1,
            min_create_revision: bounds.2,
            max_create_revision: bounds.3,
        },
    )
}

fn delete() -> impl Strategy<Value = DeleteRange> {
    (keys(), any::<bool>()).prop_map(|(keys, prev_kv)| DeleteRange { keys, prev_kv })
}

fn compare() -> impl Strategy<Value = Compare> {
    let comparison = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::Greater,
        Comparison::Less,
        Comparison::NotEqual,
    ]);
    let target = prop_oneof![
        (0..4i64).prop_map(Target::Version),
        (0..10i64).prop_map(Target::Create),
        (0..10i64).prop_map(Target::Mod),
        "[xyz]{0,2}".prop_map(|v| Target::Value(v.into_bytes())),
        lease().prop_map(Target::Lease),
    ];
    (keys(), comparison, target).prop_map(|(keys, comparison, target)| Compare {
        keys,
        comparison,
        target,
    })
}

fn txn() -> impl Strategy<Value = Txn> {
    let leaf = prop_oneof![
        3 => put().prop_map(TxnOp::Put),
        2 => range().prop_map(TxnOp::Range),
        1 => delete().prop_map(TxnOp::DeleteRange),
    ];
    let nested = leaf.prop_recursive(2, 8, 3, |inner| {
        let ops = || prop::collection::vec(inner.clone(), 0..3);
        let compare = prop::collection::vec(compare(), 0..2);
        (compare, ops(), ops()).prop_map(|(compare, success, failure)| {
            TxnOp::Txn(Txn {
                compare,
                success,
                failure,
            })
        })
    });
    let ops = || prop::collection::vec(nested.clone(), 0..4);
    (prop::collection::vec(compare(), 0..3), ops(), ops()).prop_map(
        |(compare, success, failure)| Txn {
            compare,
            success,
            failure,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => put().prop_map(Command::Put),
        3 => delete().prop_map(Command::DeleteRange),
        4 => txn().prop_map(Command::Txn),
        1 => (0..20i64).prop_map(Command::Compact),
        2 => (1..4i64, 0..5i64).prop_map(|(id, ttl)| Command::LeaseGrant { id, ttl }),
        1 => (1..4i64).prop_map(Command::LeaseRevoke),
    ]
}

/// A nested transaction may set a key that a later sibling deletes: both changes are told to
/// watches, but the maps of neighbouring revisions do not show them.
fn touches_twice(txn: &Txn) -> bool {
    fn collect<'t>(txn: &'t Txn, puts: &mut Vec<&'t [u8]>, deletes: &mut Vec<&'t KeyRange>) {
        for op in txn.success.iter().chain(&txn.failure) {
            match op {
                TxnOp::Put(put) => puts.push(&put.key),
                TxnOp::DeleteRange(delete) => deletes.push(&delete.keys),
                TxnOp::Txn(inner) => collect(inner, puts, deletes),
                TxnOp::Range(_) => {}
            }
        }
    }
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    collect(txn, &mut puts, &mut deletes);
    puts.iter()
        .any(|key| deletes.iter().any(|keys| keys.contains(key)))
}

/// What a store that was put together from its own image answers is compared with too.
fn restored(store: &Store) -> Store {
    Store::from_image(&store.to_copy()).expect("its own image")
}

fn agree(store: &Store, model: &Model, range: &Range, keys: &KeyRange, from: Revision) {
    assert_eq!(store.revision(), model.revision());
    assert_eq!(store.range(range), model.range(range));
    let from = from.clamp(model.compacted.max(1), model.revision() + 1);
    let (events, next) = store.events(keys, from, usize::MAX, true);
    let mut told: Vec<_> = events
        .into_iter()
        .map(|event| (event.deleted, event.kv, event.prev_kv))
        .collect();
    let mut expected = model.events(keys, from);
    for (_, kv, before) in &mut expected {
        if kv.mod_revision <= model.compacted {
            *before = None;
        }
    }
    told.sort_by_key(|(deleted, kv, _)| (kv.mod_revision, *deleted, kv.key.clone()));
    expected.sort_by_key(|(deleted, kv, _)| (kv.mod_revision, *deleted, kv.key.clone()));
    assert_eq!(told, expected);
    assert_eq!(next, model.revision() + 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_a_list_of_maps_does(
        steps in prop::collection::vec((command(), range(), keys(), 0..20i64), 1..40)
    ) {
        let mut store = Store::new();
        let mut model = Model::new();
        for (command, range, keys, from) in steps {
            // What the services refuse before the log never comes here.
            if let Command::Txn(txn) = &command
                && (dist_raft::etcd::store::check_txn(txn).is_err() || touches_twice(txn))
            {
                continue;
            }
            let expected = model.run(&command);
            prop_assert_eq!(store.run(command), expected);
            agree(&store, &model, &range, &keys, from);
        }
        let again = restored(&store);
        prop_assert_eq!(&again, &store);
        prop_assert_eq!(again.hash(0), store.hash(0));
    }

    #[test]
    fn a_broken_image_is_refused(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut store = Store::new();
        for n in 0..20u8 {
            let put = Put { key: vec![n % 5 + 1], value: vec![n; 9], ..Put::default() };
            store.run(Command::Put(put)).expect("a put");
        }
        let good = store.to_image();
        let mut flipped = good.clone();
        flipped[at.index(good.len())] ^= 1 << bit;
        prop_assert!(Store::from_image(&flipped).is_err());
        prop_assert!(Store::from_image(&good[..at.index(good.len())]).is_err());
    }

    /// The log may hold a command twice, or late, and an earlier boot's among them.
    #[test]
    fn a_command_is_done_once(deliveries in prop::collection::vec((0..2u64, 0..12u64), 1..60)) {
        let mut store = Store::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut last_boot = 0;
        for (boot, sequence) in deliveries {
            let put = Put { key: vec![1], ..Put::default() };
            let envelope = Envelope {
                origin: 7,
                boot: boot + 1,
                floor: 0,
                commands: vec![(sequence, Command::Put(put))],
            };
            let mut done = false;
            store.apply(envelope, |number, answer, _| {
                assert_eq!(number, sequence);
                done = answer.is_ok();
            });
            let old = boot < last_boot;
            last_boot = last_boot.max(boot);
            prop_assert_eq!(done, !old && seen.insert((boot, sequence)));
            prop_assert!(store.is_done(7, boot + 1, sequence));
        }
        prop_assert_eq!(store.revision(), 1 + seen.len() as i64);
    }
}

#[test]
fn what_nobody_waits_for_any_more_is_not_done() {
    let mut store = Store::new();
    let put = || {
        Command::Put(Put {
            key: vec![1],
            ..Put::default()
        })
    };
    let envelope = |floor, sequence| Envelope {
        origin: 1,
        boot: 1,
        floor,
        commands: vec![(sequence, put())],
    };
    store.apply(envelope(0, 0), |_, _, _| {});
    store.apply(envelope(5, 5), |_, _, _| {});
    // 3 was given up by its member: its client has been told that the outcome is unknown.
    store.apply(envelope(0, 3), |_, _, _| panic!("it must not be done"));
    assert_eq!(store.revision(), 3);
    assert!(store.is_done(1, 1, 3) && !store.is_done(1, 1, 6));
}

#[test]
fn a_prefix_of_the_last_byte_is_open() {
    assert!(KeyRange::prefix([0xff, 0xff]).contains(&[0xff, 0xff, 1]));
    assert!(!KeyRange::prefix([0xff, 0xff]).contains(&[0xff, 0xfe]));
    assert!(KeyRange::prefix([1, 0xff]).contains(&[1, 0xff, 9]));
    assert!(!KeyRange::prefix([1, 0xff]).contains(&[2]));
    assert!(KeyRange::prefix(*b"").contains(b"x"));
}
