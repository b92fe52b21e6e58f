//! The store against a naive model.

mod draw;
mod model;

use dist_raft::etcd::api::*;
use dist_raft::etcd::command::{Command, Envelope};
use dist_raft::etcd::store::Store;
use draw::{command, keys, range};
use model::Model;
use proptest::prelude::*;

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
