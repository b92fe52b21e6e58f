//! One history for each anomaly, right ones, and a comparison with trying every serial order.

use super::*;
use proptest::prelude::*;

type T = Txn<char, u32>;

fn a(key: char, value: u32) -> Mop<char, u32> {
    Mop::Append(key, value)
}
fn r(key: char, list: &[u32]) -> Mop<char, u32> {
    Mop::Read(key, list.to_vec())
}
/// A committed transaction that overlaps with all others.
fn t(mops: impl IntoIterator<Item = Mop<char, u32>>) -> T {
    Txn {
        mops: mops.into_iter().collect(),
        end: End::Committed,
        begun: 0,
        ended: Some(100),
    }
}
fn at(begun: u64, ended: u64, mops: impl IntoIterator<Item = Mop<char, u32>>) -> T {
    Txn {
        begun,
        ended: Some(ended),
        ..t(mops)
    }
}
fn ended(end: End, txn: T) -> T {
    Txn { end, ..txn }
}
fn names(txns: &[T]) -> Vec<Name> {
    anomalies(txns, false).into_iter().map(|a| a.name).collect()
}

#[test]
fn a_serial_history_is_good_at_every_level() {
    let txns = [
        at(0, 1, [a('x', 1), r('x', &[1])]),
        at(2, 3, [r('x', &[1]), a('x', 2), a('y', 3), r('x', &[1, 2])]),
        at(4, 5, [r('y', &[3]), r('x', &[1, 2]), r('z', &[])]),
    ];
    assert_eq!(check(&txns, Level::StrictSerializable), Ok(()));
    assert_eq!(anomalies(&txns, true), []);
}

#[test]
fn a_write_cycle_is_g0() {
    let txns = [
        t([a('x', 1), a('y', 1)]),
        t([a('x', 2), a('y', 2)]),
        t([r('x', &[1, 2])]),
        t([r('y', &[2, 1])]),
    ];
    assert!(names(&txns).contains(&Name::G0));
    assert!(check(&txns, Level::ReadUncommitted).is_err());
}

#[test]
fn what_an_aborted_transaction_wrote_is_g1a() {
    let txns = [
        ended(End::Aborted, t([a('x', 1)])),
        t([r('x', &[1]), a('x', 2)]),
    ];
    assert_eq!(names(&txns), [Name::G1a]);
    assert_eq!(check(&txns, Level::ReadUncommitted), Ok(()));
    assert!(check(&txns, Level::ReadCommitted).is_err());
}

#[test]
fn what_was_about_to_be_overwritten_is_g1b() {
    let txns = [t([a('x', 1), a('x', 2)]), t([r('x', &[1])])];
    assert!(names(&txns).contains(&Name::G1b));
}

#[test]
fn two_that_saw_each_other_are_g1c() {
    let txns = [t([a('x', 1), r('y', &[2])]), t([a('y', 2), r('x', &[1])])];
    assert_eq!(names(&txns), [Name::G1c]);
    let text = check(&txns, Level::ReadCommitted).unwrap_err().to_string();
    assert!(
        text.starts_with("G1c (circular information flow): T0 is read by T1 is read by T0"),
        "{text}"
    );
}

#[test]
fn a_lost_update_and_read_skew_are_g_single() {
    let lost = [
        t([a('x', 1)]),
        t([r('x', &[1]), a('x', 2)]),
        t([r('x', &[1]), a('x', 3)]),
        t([r('x', &[1, 2, 3])]),
    ];
    assert_eq!(names(&lost), [Name::GSingle]);
    let skew = [t([a('x', 1), a('y', 1)]), t([r('x', &[]), r('y', &[1])])];
    assert_eq!(names(&skew), [Name::GSingle]);
    assert_eq!(check(&skew, Level::ReadCommitted), Ok(()));
    assert!(check(&skew, Level::Snapshot).is_err());
}

#[test]
fn write_skew_is_g2_item_and_snapshot_isolation_allows_it() {
    let txns = [
        t([r('x', &[]), r('y', &[]), a('x', 1)]),
        t([r('x', &[]), r('y', &[]), a('y', 1)]),
    ];
    assert_eq!(names(&txns), [Name::G2Item]);
    assert_eq!(check(&txns, Level::Snapshot), Ok(()));
    let anomaly = check(&txns, Level::Serializable).unwrap_err();
    assert_eq!(anomaly.txns, [0, 1]);
}

#[test]
fn reads_that_contradict_each_other_and_values_from_nowhere_are_incompatible() {
    let writes = || [t([a('x', 1)]), t([a('x', 2)])];
    let reads = [t([r('x', &[1, 2])]), t([r('x', &[2])])];
    let txns: Vec<T> = writes().into_iter().chain(reads).collect();
    assert!(names(&txns).contains(&Name::Incompatible));
    assert_eq!(names(&[t([r('x', &[9])])]), [Name::Incompatible]);
    let twice: Vec<T> = writes()
        .into_iter()
        .chain([t([r('x', &[1, 2, 1])])])
        .collect();
    assert!(names(&twice).contains(&Name::Incompatible));
}

#[test]
fn a_transaction_sees_what_it_did_itself() {
    assert_eq!(names(&[t([a('x', 1), r('x', &[])])]), [Name::Internal]);
    let changed = [t([a('x', 1)]), t([r('x', &[]), r('x', &[1])])];
    assert_eq!(names(&changed), [Name::Internal]);
}

#[test]
fn an_unknown_end_counts_when_it_was_seen_and_not_otherwise() {
    let seen = [
        ended(End::Unknown, t([a('x', 1), a('y', 1)])),
        t([r('x', &[1])]),
        t([r('x', &[1]), r('y', &[])]),
    ];
    assert_eq!(names(&seen), [Name::GSingle]);
    let unseen = [
        ended(End::Unknown, t([a('x', 1), a('y', 1)])),
        t([r('x', &[]), r('y', &[])]),
    ];
    assert_eq!(names(&unseen), []);
}

#[test]
fn a_stale_read_breaks_only_the_strict_level() {
    let txns = [at(0, 1, [a('x', 1)]), at(2, 3, [r('x', &[])])];
    assert_eq!(check(&txns, Level::Serializable), Ok(()));
    let anomaly = check(&txns, Level::StrictSerializable).unwrap_err();
    assert_eq!((anomaly.name, anomaly.real_time), (Name::GSingle, true));
    let overlapping = [at(0, 2, [a('x', 1)]), at(2, 3, [r('x', &[])])];
    assert_eq!(check(&overlapping, Level::StrictSerializable), Ok(()));
}

#[test]
fn two_thousand_transactions_are_judged() {
    let mut lists = vec![Vec::new(); 10];
    let mut txns = Vec::new();
    for i in 0..2000_u32 {
        let key = |k: u32| char::from(b'a' + (k % 10) as u8);
        let (x, y) = (i * 7 % 10, i * 3 % 10);
        lists[x as usize].push(i);
        let mops = [a(key(x), i), r(key(y), &lists[y as usize])];
        txns.push(at(u64::from(10 * i), u64::from(10 * i + 35), mops));
        if lists[x as usize].len() > 20 {
            lists[x as usize].clear();
        }
    }
    // A cleared list is a store that lost its data: the reads contradict each other, at any size.
    let start = std::time::Instant::now();
    assert!(check(&txns, Level::StrictSerializable).is_err());
    println!("2000 transactions, a broken store: {:?}", start.elapsed());
    let whole: Vec<T> = txns.into_iter().take(150).collect();
    assert_eq!(check(&whole, Level::StrictSerializable), Ok(()));
}

/// Whether some serial order of the committed transactions explains every read, by trying them all. Those without a
/// known end may take part or not.
fn brute_force(txns: &[T], done: u32, lists: &[Vec<u32>; 2], real_time: bool) -> bool {
    let left = |i: usize| done & (1 << i) == 0;
    if (0..txns.len()).all(|i| !left(i) || txns[i].end != End::Committed) {
        return true;
    }
    (0..txns.len()).any(|i| {
        if !left(i) || txns[i].end == End::Aborted {
            return false;
        }
        let late = |j: usize| {
            left(j)
                && txns[j].end == End::Committed
                && txns[j].ended.is_some_and(|end| end < txns[i].begun)
        };
        if real_time && (0..txns.len()).any(late) {
            return false;
        }
        let mut lists = lists.clone();
        for mop in &txns[i].mops {
            match mop {
                Mop::Append(key, value) => lists[usize::from(*key == 'y')].push(*value),
                Mop::Read(key, list) => {
                    let right = lists[usize::from(*key == 'y')] == *list;
                    if txns[i].end == End::Committed && !right {
                        return false;
                    }
                }
            }
        }
        brute_force(txns, done | 1 << i, &lists, real_time)
    })
}

/// Transactions that a store with no isolation, or with little, might run: operations of all of them in any order,
/// reads that see the present or the past, some ends unknown.
fn store() -> impl Strategy<Value = Vec<T>> {
    let step = (0..4_usize, 0..5_u8, 0..2_u8, 0..8_usize);
    (
        proptest::collection::vec(step, 0..11),
        proptest::collection::vec(0..8_u8, 4),
    )
        .prop_map(|(steps, ends)| {
            let mut txns: Vec<T> = ends
                .iter()
                .map(|end| Txn {
                    mops: Vec::new(),
                    end: match end {
                        0 => End::Aborted,
                        1 => End::Unknown,
                        _ => End::Committed,
                    },
                    begun: u64::MAX,
                    ended: None,
                })
                .collect();
            let mut lists = [Vec::new(), Vec::new()];
            for (now, (i, kind, key, past)) in steps.into_iter().enumerate() {
                let name = if key == 0 { 'x' } else { 'y' };
                let list = &mut lists[usize::from(key)];
                let txn = &mut txns[i];
                txn.begun = txn.begun.min(now as u64 * 2);
                if txn.end == End::Committed {
                    txn.ended = Some(now as u64 * 2 + 1);
                }
                txn.mops.push(match kind {
                    0..2 => {
                        list.push(now as u32);
                        a(name, now as u32)
                    }
                    2 => r(name, &list[..list.len().saturating_sub(past)]),
                    _ => r(name, list),
                });
            }
            txns.retain(|txn| !txn.mops.is_empty());
            txns
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_trying_every_serial_order(txns in store()) {
        for (level, real_time) in [(Level::Serializable, false), (Level::StrictSerializable, true)] {
            let found = check(&txns, level);
            prop_assert_eq!(found.is_ok(), brute_force(&txns, 0, &Default::default(), real_time), "{:?}", found);
        }
    }
}
