//! One history checker for Redis and for our server: concurrent clients take, release, overwrite,
//! delete and read a few locks; what they were told must be linearizable. Some connections are
//! dropped in the middle of a question: those operations have no answer.

use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::resp::Client;
use crate::servers::{self, Build, Folder, Process};
use lock_solution::wire::Frame;
use sim::history::{History, Instant, Operation, Told};
use sim::linear::{self, Model, Verdict};
use std::time::Instant as Clock;

const CLIENTS: u32 = 6;
const OPERATIONS: u64 = 400;
const KEYS: u64 = 3;
/// One question in so many is not waited for.
const LOST: u64 = 40;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ask {
    /// `SET key owner NX`.
    Take,
    /// Compare and delete, by script.
    Release,
    /// `SET key owner`.
    Put,
    /// `DEL key`.
    Delete,
    /// `GET key`.
    Get,
}

/// What, which key, in whose name.
type Op = (Ask, u64, u64);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Ret {
    Yes(bool),
    Value(Option<u64>),
}

type Recorded = Vec<Operation<Op, Ret>>;

/// A lock table without time: each key has an owner or none.
struct Table;

impl Model for Table {
    type Op = Op;
    type Ret = Ret;
    type Key = u64;
    type State = Option<u64>;

    fn key(&self, op: &Op) -> u64 {
        op.1
    }
    fn start(&self, _: &u64) -> Option<u64> {
        None
    }
    fn apply(&self, state: &Option<u64>, op: &Op, ret: Option<&Ret>) -> Option<Option<u64>> {
        let (ask, _, owner) = op;
        let (after, told) = match ask {
            Ask::Take if state.is_none() => (Some(*owner), Ret::Yes(true)),
            Ask::Take => (*state, Ret::Yes(false)),
            Ask::Release if *state == Some(*owner) => (None, Ret::Yes(true)),
            Ask::Release => (*state, Ret::Yes(false)),
            Ask::Put => (Some(*owner), Ret::Yes(true)),
            Ask::Delete => (None, Ret::Yes(state.is_some())),
            Ask::Get => (*state, Ret::Value(*state)),
        };
        ret.is_none_or(|ret| *ret == told).then_some(after)
    }
}

/// Redis, our server in memory, our server on disk: each must pass; a spoilt history must not.
pub fn linearizable() -> Checked {
    let folder = Folder::new()?;
    let mut said = Vec::new();
    for (name, server) in [
        ("ours", servers::ours(Build::Dev, None)?),
        (
            "ours --data",
            servers::ours(Build::Dev, Some(folder.path()))?,
        ),
        ("Redis", servers::redis(false)?),
    ] {
        let recorded = record(&server)?;
        let answered = recorded.iter().filter(|op| op.returned.is_some()).count();
        let open = recorded.len() - answered;
        spoilt_is_found(recorded.clone())?;
        let verdict = linear::check(&Table, &History::from_times(recorded), linear::STEPS);
        ensure(verdict.passed(), || format!("{name}: {verdict}"))?;
        said.push(format!(
            "{name}: {answered} operations and {open} open ones"
        ));
    }
    Ok(format!("linearizable: {}", said.join(", ")))
}

/// A value that nobody wrote, in one answer, must be found, or the check says nothing.
fn spoilt_is_found(mut recorded: Recorded) -> Result<(), Outcome> {
    let reads = recorded.iter_mut().filter_map(|op| op.returned.as_mut());
    let mut values = reads.filter(|told| matches!(told.ret, Ret::Value(_)));
    let Some(told) = values.nth(20) else {
        return fail("the history has too few reads");
    };
    told.ret = Ret::Value(Some(u64::MAX));
    let verdict = linear::check(&Table, &History::from_times(recorded), linear::STEPS);
    let found = matches!(verdict, Verdict::NotLinearizable(_));
    ensure(found, || {
        format!("a spoilt history was not found: {verdict}")
    })
}

fn record(server: &Process) -> Result<Recorded, Outcome> {
    let clock = Clock::now();
    let address = server.address();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let address = address.clone();
            std::thread::spawn(move || client(number, &address, clock))
        })
        .collect();
    let mut all = Vec::new();
    for client in clients {
        match client.join() {
            Ok(recorded) => all.extend(recorded?),
            Err(_) => return fail("a client panicked"),
        }
    }
    Ok(all)
}

fn client(number: u32, address: &str, clock: Clock) -> std::io::Result<Recorded> {
    let mut draw = crate::draw::Draw::new(u64::from(number));
    let mut connection = Client::connect(address)?;
    let mut recorded = Vec::new();
    let mut held = [0; KEYS as usize];
    for i in 0..OPERATIONS {
        let id = u64::from(number) * OPERATIONS + i;
        let key = draw.below(KEYS);
        let (ask, owner) = match draw.below(10) {
            0..=3 => (Ask::Take, id),
            4..=6 => (Ask::Release, held[key as usize]),
            7 => (Ask::Put, id),
            8 if draw.below(2) == 0 => (Ask::Delete, id),
            _ => (Ask::Get, id),
        };
        let micros = || clock.elapsed().as_micros() as u64;
        let moment = |at| Instant { place: 0, at };
        let mut operation = Operation {
            id,
            client: number,
            op: (ask, key, owner),
            invoked: moment(micros()),
            returned: None,
            more: Vec::new(),
        };
        connection.send(&command(ask, key, owner))?;
        if draw.below(LOST) == 0 {
            connection = Client::connect(address)?;
            recorded.push(operation);
            continue;
        }
        let ret = ret(ask, &connection.reply()?);
        let when = moment(micros());
        if matches!(ask, Ask::Take | Ask::Put) && ret == Ret::Yes(true) {
            held[key as usize] = owner;
        }
        operation.returned = Some(Told { when, ret });
        recorded.push(operation);
    }
    Ok(recorded)
}

fn command(ask: Ask, key: u64, owner: u64) -> Vec<String> {
    let release = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
    let (key, owner) = (format!("k{key}"), owner.to_string());
    let words: &[&str] = match ask {
        Ask::Take => &["SET", &key, &owner, "NX"],
        Ask::Release => &["EVAL", release, "1", &key, &owner],
        Ask::Put => &["SET", &key, &owner],
        Ask::Delete => &["DEL", &key],
        Ask::Get => &["GET", &key],
    };
    words.iter().map(ToString::to_string).collect()
}

fn ret(ask: Ask, frame: &Frame) -> Ret {
    match (ask, frame) {
        (Ask::Get, Frame::Bulk(text)) => Ret::Value(Some(
            String::from_utf8_lossy(text).parse().unwrap_or(u64::MAX),
        )),
        (Ask::Get, _) => Ret::Value(None),
        (_, frame) => Ret::Yes(matches!(frame, Frame::Integer(1) | Frame::Simple(_))),
    }
}
