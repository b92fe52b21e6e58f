//! Good, bad and undecidable histories, and a comparison with trying every order.

use super::*;
use crate::history::{Instant, Told};
use proptest::prelude::*;

/// A map from small keys to small numbers, 0 at first.
struct Kv;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Get(u8),
    Put(u8, u8),
    /// Key, expected, new.
    Cas(u8, u8, u8),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ret {
    Value(u8),
    Done(bool),
}

impl Model for Kv {
    type Op = Op;
    type Ret = Ret;
    type Key = u8;
    type State = u8;

    fn key(&self, op: &Op) -> u8 {
        match op {
            Op::Get(key) | Op::Put(key, _) | Op::Cas(key, ..) => *key,
        }
    }
    fn start(&self, _key: &u8) -> u8 {
        0
    }
    fn apply(&self, state: &u8, op: &Op, ret: Option<&Ret>) -> Option<u8> {
        let (after, right) = match *op {
            Op::Get(_) => (*state, Ret::Value(*state)),
            Op::Put(_, value) => (value, Ret::Done(true)),
            Op::Cas(_, old, new) if *state == old => (new, Ret::Done(true)),
            Op::Cas(..) => (*state, Ret::Done(false)),
        };
        ret.is_none_or(|ret| *ret == right).then_some(after)
    }
}

type Row = (u64, Option<u64>, Op, Option<Ret>);

/// A history from (asked, answered, operation, answer).
fn history(rows: impl IntoIterator<Item = Row>) -> History<Op, Ret> {
    let moment = |at| Instant { place: 0, at };
    History::from_times(
        rows.into_iter()
            .enumerate()
            .map(|(i, (from, to, op, ret))| Operation {
                id: i as u64,
                client: i as u32,
                op,
                invoked: moment(from),
                returned: to.zip(ret).map(|(to, ret)| Told {
                    when: moment(to),
                    ret,
                }),
                more: Vec::new(),
            }),
    )
}

fn put(from: u64, to: u64, value: u8) -> Row {
    (from, Some(to), Op::Put(0, value), Some(Ret::Done(true)))
}
fn get(from: u64, to: u64, value: u8) -> Row {
    (from, Some(to), Op::Get(0), Some(Ret::Value(value)))
}
fn judge(rows: impl IntoIterator<Item = Row>) -> Verdict {
    check(&Kv, &history(rows), STEPS)
}

#[test]
fn overlapping_reads_may_see_either_value() {
    assert!(judge([put(0, 1, 1), put(2, 9, 2), get(3, 8, 2), get(4, 8, 1)]).passed());
    assert!(judge([]).passed());
}

#[test]
fn a_stale_read_is_named() {
    let verdict = judge([put(0, 1, 1), put(2, 3, 2), get(4, 5, 1)]);
    let Verdict::NotLinearizable(at) = &verdict else {
        panic!("{verdict}")
    };
    assert_eq!((at.operation, at.placed, at.of), (2, 2, 3));
    assert!(
        verdict.to_string().contains("Get(0) → Value(1)"),
        "{verdict}"
    );
}

#[test]
fn a_value_may_not_go_back() {
    let verdict = judge([put(0, 1, 1), put(2, 9, 2), get(3, 4, 2), get(5, 6, 1)]);
    assert!(matches!(verdict, Verdict::NotLinearizable(_)));
}

#[test]
fn an_unanswered_write_may_happen_late_or_never_but_not_before_it_was_asked() {
    let lost = |from| (from, None, Op::Put(0, 7), None);
    assert!(judge([lost(0), put(1, 2, 1), get(3, 4, 1)]).passed());
    assert!(judge([lost(0), put(1, 2, 1), get(3, 4, 1), get(5, 6, 7)]).passed());
    assert!(!judge([lost(0), get(1, 2, 7), put(3, 4, 1), get(5, 6, 7)]).passed());
    assert!(!judge([get(1, 2, 7), lost(3)]).passed());
}

#[test]
fn a_dropped_unanswered_write_would_accuse_a_right_store() {
    let rows = [(0, None, Op::Put(0, 7), None), get(1, 2, 7)];
    assert!(judge(rows).passed());
    assert!(!judge(rows[1..].to_vec()).passed());
}

/// Many writes at once, and a read of what nobody wrote: all orders have to be tried.
fn undecidable() -> History<Op, Ret> {
    let swaps = (0..40).map(|i| (i, Some(1000), Op::Cas(0, i as u8, 99), None));
    let writes = (0..24).map(|i| put(0, 1000, i as u8 + 1));
    history(writes.chain(swaps).chain([get(0, 1000, 200)]))
}

#[test]
fn a_budget_that_runs_out_is_unknown_and_no_pass() {
    let verdict = check(&Kv, &undecidable(), 100_000);
    let Verdict::Unknown(at) = &verdict else {
        panic!("{verdict}")
    };
    assert!(!verdict.passed());
    assert_eq!(at.steps, 100_000);
    assert!(
        verdict.to_string().contains("24 of 25 answered operations"),
        "{verdict}"
    );
}

#[test]
fn keys_do_not_disturb_each_other_and_the_bad_one_is_named() {
    let on = |key, row: Row| match row {
        (from, to, Op::Put(_, v), ret) => (from, to, Op::Put(key, v), ret),
        (from, to, _, ret) => (from, to, Op::Get(key), ret),
    };
    let rows = (0..10).flat_map(|key| [on(key, put(0, 1, key)), on(key, get(2, 3, key))]);
    assert!(judge(rows.clone()).passed());
    let verdict = judge(rows.chain([on(3, get(5, 6, 4))]));
    let Verdict::NotLinearizable(at) = verdict else {
        panic!("{verdict}")
    };
    assert_eq!(at.key, "3");
}

/// What a right store tells `clients` clients that never wait: each operation takes place at a moment within its
/// interval. A few answers are lost.
fn long(operations: u64, keys: u64, clients: u64, lost_every: u64) -> Vec<Row> {
    let mut state = vec![0_u8; keys as usize];
    let mut rows = Vec::new();
    for i in 0..operations {
        let dice = crate::explore::fasthash::fingerprint(&i);
        let key = dice % keys;
        let value = (dice >> 8) as u8;
        let (op, ret) = match (dice >> 20) % 3 {
            0 => (Op::Get(key as u8), Ret::Value(state[key as usize])),
            1 => {
                state[key as usize] = value;
                (Op::Put(key as u8, value), Ret::Done(true))
            }
            _ => {
                let old = state[key as usize];
                state[key as usize] = value;
                (Op::Cas(key as u8, old, value), Ret::Done(true))
            }
        };
        let (before, after) = (
            (dice >> 32) % (8 * clients / 2),
            (dice >> 44) % (8 * clients / 2),
        );
        let moment = 1000 + i * 8;
        let answered = lost_every == 0 || i % lost_every != 0;
        rows.push((
            moment - before.min(1000),
            answered.then_some(moment + after),
            op,
            answered.then_some(ret),
        ));
    }
    rows
}

#[test]
fn ten_thousand_operations_are_judged() {
    for (clients, lost) in [(10, 0), (25, 0), (10, 100)] {
        let history = history(long(10_000, 10, clients, lost));
        let start = std::time::Instant::now();
        let verdict = check(&Kv, &history, STEPS);
        println!(
            "{clients} clients, one of {lost} lost: {verdict} in {:?}",
            start.elapsed()
        );
        assert!(verdict.passed(), "{verdict}");
    }
}

/// Whether some order of all answered and some unanswered operations is right, by trying them all.
fn brute_force(rows: &[Row], done: u32, state: u8) -> bool {
    let left = |i: &usize| done & (1 << i) == 0;
    let open = |i: &usize| rows[*i].3.is_none();
    if (0..rows.len()).filter(left).all(|i| open(&i)) {
        return true;
    }
    (0..rows.len()).filter(left).any(|i| {
        let (asked, _, op, ret) = rows[i];
        let after_another = (0..rows.len())
            .filter(left)
            .any(|j| !open(&j) && rows[j].1.expect("answered") < asked);
        !after_another
            && Kv
                .apply(&state, &op, ret.as_ref())
                .is_some_and(|after| brute_force(rows, done | 1 << i, after))
    })
}

fn row() -> impl Strategy<Value = Row> {
    let op = prop_oneof![
        Just(Op::Get(0)),
        (0..3_u8).prop_map(|v| Op::Put(0, v)),
        (0..3_u8, 0..3_u8).prop_map(|(a, b)| Op::Cas(0, a, b)),
    ];
    (0..12_u64, 0..6_u64, op, 0..3_u8, 0..5_u8).prop_map(|(from, long, op, answer, lost)| {
        let ret = match op {
            Op::Get(_) => Ret::Value(answer),
            Op::Put(..) => Ret::Done(true),
            Op::Cas(..) => Ret::Done(answer > 0),
        };
        let answered = lost > 0;
        (
            from,
            answered.then_some(from + long),
            op,
            answered.then_some(ret),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_trying_every_order(rows in proptest::collection::vec(row(), 0..7)) {
        prop_assert_eq!(judge(rows.clone()).passed(), brute_force(&rows, 0, 0));
    }
}
