//! Random commands over a few keys, so that they meet.

use dist_raft::etcd::api::*;
use dist_raft::etcd::command::Command;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec!["a", "aa", "ab", "b", "c\u{ff}"]).prop_map(|k| k.as_bytes().to_vec())
}

pub fn keys() -> impl Strategy<Value = KeyRange> {
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

pub fn range() -> impl Strategy<Value = Range> {
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

pub fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => put().prop_map(Command::Put),
        3 => delete().prop_map(Command::DeleteRange),
        4 => txn().prop_map(Command::Txn),
        1 => (0..20i64).prop_map(Command::Compact),
        2 => (1..4i64, 0..5i64).prop_map(|(id, ttl)| Command::LeaseGrant { id, ttl }),
        1 => (1..4i64).prop_map(Command::LeaseRevoke),
    ]
}
