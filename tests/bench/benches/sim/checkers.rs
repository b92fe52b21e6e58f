//! How long histories take to judge, ours and other crates' on the same histories: a map of ten registers, ten clients.

use crate::clock::{row, timed};
use sim::history::{History, Instant, Operation, Told};
use sim::key::Draw;
use sim::linear::{self, Model, STEPS};
use sim::txn::{self, End, Level, Mop, Txn};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use todc_utils::{Action, History as Actions, Specification, WGLChecker};

const ROUNDS: usize = 9;
const KEYS: u64 = 10;
const CLIENTS: u64 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Read(u8),
    Write(u8, u8),
}

/// A whole operation: who, when, what, and what was read.
#[derive(Clone, Copy)]
struct Row {
    client: u64,
    from: u64,
    to: u64,
    op: Op,
    read: u8,
}

/// What a right store tells clients of which each waits for its answers: every operation takes place within its time.
fn rows(count: u64) -> Vec<Row> {
    let mut state = [0; KEYS as usize];
    (0..count)
        .map(|i| {
            let draw = Draw::new(7, i);
            let key = draw.below(KEYS) as u8;
            let value = draw.again(1).below(250) as u8;
            let at = 100 * i + 10_000;
            let before = 100 * draw.again(2).below(CLIENTS / 2);
            let after = 100 * draw.again(3).below(CLIENTS / 2) + 50;
            let op = match draw.again(4).below(2) {
                0 => Op::Read(key),
                _ => {
                    state[usize::from(key)] = value;
                    Op::Write(key, value)
                }
            };
            Row {
                client: i % CLIENTS,
                from: at - before,
                to: at + after,
                op,
                read: state[usize::from(key)],
            }
        })
        .collect()
}

struct Registers;

impl Model for Registers {
    type Op = Op;
    type Ret = u8;
    type Key = u8;
    type State = u8;
    fn key(&self, op: &Op) -> u8 {
        match op {
            Op::Read(key) | Op::Write(key, _) => *key,
        }
    }
    fn start(&self, _: &u8) -> u8 {
        0
    }
    fn apply(&self, state: &u8, op: &Op, ret: Option<&u8>) -> Option<u8> {
        match op {
            Op::Read(_) => ret.is_none_or(|ret| ret == state).then_some(*state),
            Op::Write(_, value) => Some(*value),
        }
    }
}

fn history(rows: &[Row]) -> History<Op, u8> {
    let moment = |at| Instant { place: 0, at };
    History::from_times(rows.iter().enumerate().map(|(i, row)| Operation {
        id: i as u64,
        client: row.client as u32,
        op: row.op,
        invoked: moment(row.from),
        returned: Some(Told {
            when: moment(row.to),
            ret: row.read,
        }),
        more: Vec::new(),
    }))
}

/// Questions and answers of one key in the order of time, as other checkers want them.
fn events(rows: &[Row], key: u8) -> Vec<(u64, bool, Row)> {
    let of_key = rows.iter().filter(|row| Registers.key(&row.op) == key);
    let mut events: Vec<_> = of_key
        .flat_map(|row| [(row.from, false, *row), (row.to, true, *row)])
        .collect();
    events.sort_by_key(|(at, answer, _)| (*at, *answer));
    events
}

struct Register;

impl Specification for Register {
    type State = u8;
    /// A value that is written, or the value that is read once it is known.
    type Operation = (bool, Option<u8>);
    fn init() -> u8 {
        0
    }
    fn apply((write, value): &(bool, Option<u8>), state: &u8) -> (bool, u8) {
        match (write, value) {
            (true, Some(value)) => (true, *value),
            _ => (*value == Some(*state), *state),
        }
    }
}

/// It does not part a history by key: it is given one key after another. Each process has one operation at a time, so
/// an operation is a process of its own.
fn todc(rows: &[Row]) -> Vec<Actions<(bool, Option<u8>)>> {
    let of_key = |key| {
        let events = events(rows, key);
        let mut names = Vec::new();
        let mut actions = Vec::new();
        for (_, answer, row) in events {
            let name = (row.from, row.to, row.client);
            let process = names.iter().position(|n| *n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            let (write, value) = match row.op {
                Op::Write(_, value) => (true, Some(value)),
                Op::Read(_) => (false, answer.then_some(row.read)),
            };
            let action = match answer {
                false => Action::Call((write, value)),
                true => Action::Response((write, value)),
            };
            actions.push((process, action));
        }
        Actions::from_actions(actions)
    };
    (0..KEYS as u8).map(of_key).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Cell(u8);

impl SequentialSpec for Cell {
    type Op = Option<u8>;
    type Ret = Option<u8>;
    fn invoke(&mut self, op: &Option<u8>) -> Option<u8> {
        match op {
            Some(value) => {
                self.0 = *value;
                None
            }
            None => Some(self.0),
        }
    }
}

/// How many operations of one key stateright's tester judges within about a second.
fn stateright_reaches() -> u64 {
    let mut reached = 0;
    for count in [50, 100, 150, 200, 250, 300, 400, 600, 800] {
        let rows = rows(count);
        let mut tester = LinearizabilityTester::new(Cell(0));
        for (_, answer, row) in events(&rows, 0) {
            let thread = (row.from, row.to);
            let told = match row.op {
                Op::Write(..) => None,
                Op::Read(_) => Some(row.read),
            };
            let asked = match row.op {
                Op::Write(_, value) => Some(value),
                Op::Read(_) => None,
            };
            let step = match answer {
                false => tester.on_invoke(thread, asked).map(|_| ()),
                true => tester.on_return(thread, told).map(|_| ()),
            };
            step.expect("each operation is a thread of its own");
        }
        let (good, seconds) = timed(|| tester.is_consistent());
        assert!(good);
        if seconds > 1.0 {
            break;
        }
        reached = tester.len() as u64;
    }
    reached
}

/// A right store of lists, and one transaction at a time.
fn transactions(count: u32) -> Vec<Txn<u32, u32>> {
    let mut lists = vec![Vec::new(); count as usize / 20 + 10];
    (0..count)
        .map(|i| {
            // Keys are used for a while and then left, or lists grow without end.
            let key =
                |which| (i / 200 * 10 + Draw::new(which, u64::from(i)).below(10) as u32) as usize;
            let (x, y) = (key(1), key(2));
            lists[x].push(i);
            let mops = vec![
                Mop::Append(x as u32, i),
                Mop::Read(y as u32, lists[y].clone()),
            ];
            let at = u64::from(i) * 10;
            Txn {
                mops,
                end: End::Committed,
                begun: at,
                ended: Some(at + 35),
            }
        })
        .collect()
}

pub fn run() {
    let rows = rows(10_000);
    let ours = history(&rows);
    let (mut mine, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (verdict, seconds) = timed(|| linear::check(&Registers, &ours, STEPS));
        assert!(verdict.passed(), "{verdict}");
        mine.push(seconds * 1000.0);
        let histories = todc(&rows);
        let (good, seconds) = timed(|| {
            let mut histories = histories.into_iter();
            histories.all(WGLChecker::<Register>::is_linearizable)
        });
        assert!(good);
        peer.push(seconds * 1000.0);
    }
    println!("10,000 operations on {KEYS} keys");
    let mine = row("linear::check", "ms", mine);
    let peer = row("todc-utils 0.1, key by key", "ms", peer);
    println!("{:<52} {:>12.1} times faster", "", peer / mine);
    println!(
        "stateright 0.31's tester judges {} operations of one key within a second",
        stateright_reaches()
    );
    let txns = transactions(10_000);
    for level in [Level::Serializable, Level::StrictSerializable] {
        let times = (0..ROUNDS).map(|_| {
            let (verdict, seconds) = timed(|| txn::check(&txns, level));
            assert!(verdict.is_ok());
            seconds * 1000.0
        });
        row(
            &format!("txn::check, 10,000 transactions, {level:?}"),
            "ms",
            times.collect(),
        );
    }
}
