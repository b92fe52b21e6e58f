//! Whole clusters of members in the simulator, with all faults: Raft's invariants, members that are
//! equal at equal revisions, and clients whose history is linearizable.

use crate::checkers::{Safety, Settled};
use dist_raft::etcd::api::*;
use dist_raft::etcd::config::{EtcdConfig, Limits};
use dist_raft::etcd::node::{EtcdNode, EtcdView};
use dist_raft::etcd::request::{Answer, Op, Request, Ret};
use dist_raft::etcd::store::Done;
use node::Addr;
use sim::history::History;
use sim::linear::{self, Model};
use sim::{Ask, Checker, Faults, Scenario, Step, Strike, Turn, Violation, grade, ms};
use std::collections::BTreeMap;

const MEMBERS: [Addr; 3] = [Addr(1), Addr(2), Addr(3)];

/// A member whose images are frequent and small, and whose patience is short.
fn config(me: Addr) -> EtcdConfig {
    let member = |addr: &Addr| Member {
        id: addr.0.into(),
        name: format!("m{addr}"),
        peer_urls: vec![format!("http://127.0.0.1:{}", 1000 + addr.0)],
        ..Member::default()
    };
    let mut raft = dist_raft::Config::new(MEMBERS);
    raft.lease = false;
    raft.chunk_bytes = 64;
    EtcdConfig {
        raft,
        me: member(&me),
        first: MEMBERS.iter().map(member).collect(),
        limits: Limits {
            request_timeout: ms(600),
            log_bytes: 1_500,
            ..Limits::default()
        },
    }
}

/// Three clients that put, read, delete and compare-and-set two keys at any member.
fn cluster() -> Scenario<EtcdNode> {
    let mut scene = Scenario::new("raft").titled("members");
    for addr in MEMBERS {
        let name = format!("member {}", addr.0);
        scene = scene.node(addr, name, "server", config(addr));
    }
    for client in 0..3u64 {
        scene = scene.client(
            format!("client {client}"),
            move |turn: &Turn<'_, EtcdNode>| {
                Some(Ask {
                    node: *turn.one_of(1, &MEMBERS),
                    op: Op::Ask(Box::new(next(turn, client))),
                    after: ms(turn.draw.again(2).below(25)),
                })
            },
        );
    }
    scene.over_the_wire()
}

fn next(turn: &Turn<'_, EtcdNode>, client: u64) -> Request {
    let key = turn.one_of(3, &["x", "y"]).as_bytes().to_vec();
    let value = format!("{client}.{}", turn.nth).into_bytes();
    let put = Put {
        key: key.clone(),
        value,
        prev_kv: true,
        ..Put::default()
    };
    match turn.draw.again(4).below(10) {
        0..4 => Request::Range(Range {
            keys: KeyRange::one(key),
            ..Range::default()
        }),
        4..8 => Request::Put(put),
        8 => Request::DeleteRange(DeleteRange {
            keys: KeyRange::one(key),
            prev_kv: true,
        }),
        // Made if it is not there.
        _ => Request::Txn(Txn {
            compare: vec![Compare {
                keys: KeyRange::one(key),
                comparison: Comparison::Equal,
                target: Target::Create(0),
            }],
            success: vec![TxnOp::Put(put)],
            failure: Vec::new(),
        }),
    }
}

fn faults() -> Faults<EtcdNode> {
    let leads = |view: &EtcdView| view.raft.leads();
    Faults::all()
        .aim("crash the leader", leads, Strike::Crash, 0.02)
        .aim("cut the leader", leads, Strike::Cut, 0.02)
        .aim("isolate the leader", leads, Strike::Isolate, 0.02)
        .aim("stall the leader", leads, Strike::Stall, 0.02)
}

/// Members at the same revision hold the same.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Equal {
    hashes: BTreeMap<i64, u32>,
}

impl Checker<EtcdNode> for Equal {
    fn after(&mut self, step: &Step<'_, EtcdNode>) -> Result<(), Violation> {
        let Some(view) = step.stepped() else {
            return Ok(());
        };
        let hash = *self.hashes.entry(view.revision).or_insert(view.hash);
        if hash != view.hash {
            let text = format!("two contents at revision {}", view.revision);
            return Err(Violation::new("G-I5 StateMachineSafety", text).at([step.node]));
        }
        Ok(())
    }
}

/// What a key is: its value, and how often it was put since it was made. A put that is done twice
/// shows in the count.
type State = Option<(Vec<u8>, i64)>;

/// One key.
struct OneKey;

#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    State(State),
    /// Of a compare-and-set: whether it was done.
    Made(bool),
}

impl Model for OneKey {
    type Op = Request;
    type Ret = Seen;
    type Key = Vec<u8>;
    type State = State;

    fn key(&self, op: &Request) -> Vec<u8> {
        match op {
            Request::Range(range) => range.keys.key.clone(),
            Request::Put(put) => put.key.clone(),
            Request::DeleteRange(delete) => delete.keys.key.clone(),
            Request::Txn(txn) => txn.compare[0].keys.key.clone(),
            _ => Vec::new(),
        }
    }

    fn start(&self, _: &Vec<u8>) -> State {
        None
    }

    fn apply(&self, state: &State, op: &Request, seen: Option<&Seen>) -> Option<State> {
        let put = |put: &Put| {
            let times = state.as_ref().map_or(0, |(_, times)| *times);
            Some((put.value.clone(), times + 1))
        };
        let (after, told) = match op {
            Request::Put(request) => (put(request), Seen::State(state.clone())),
            Request::DeleteRange(_) => (None, Seen::State(state.clone())),
            Request::Txn(txn) => match (state, &txn.success[..]) {
                (None, [TxnOp::Put(request)]) => (put(request), Seen::Made(true)),
                _ => (state.clone(), Seen::Made(false)),
            },
            _ => (state.clone(), Seen::State(state.clone())),
        };
        seen.is_none_or(|seen| *seen == told).then_some(after)
    }
}

fn seen(answer: &Answer) -> Option<Seen> {
    let state = |kv: Option<&KeyValue>| Seen::State(kv.map(|kv| (kv.value.to_vec(), kv.version)));
    Some(match answer {
        Answer::Range(found) => state(found.kvs.first()),
        Answer::Done(Done::Put(before)) => state(before.as_ref()),
        Answer::Done(Done::DeleteRange(gone)) => state(gone.prev_kvs.first()),
        Answer::Done(Done::Txn(done)) => Seen::Made(done.succeeded),
        _ => return None,
    })
}

/// The clients' history is linearizable; an answer that something failed says nothing.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Linearizable;

impl Checker<EtcdNode> for Linearizable {
    fn after(&mut self, _: &Step<'_, EtcdNode>) -> Result<(), Violation> {
        Ok(())
    }

    fn at_end(&mut self, step: &Step<'_, EtcdNode>) -> Result<(), Violation> {
        let mut events = Vec::new();
        for (id, call) in step.calls().iter().enumerate() {
            let Op::Ask(request) = &call.op else { continue };
            let id = id as u64;
            let asked = call.asked.as_micros();
            events.push((call.asked_order, asked, id, Err(request)));
            let answer = match call.rets.last().map(|ret| (ret, &ret.value)) {
                Some((ret, Ret::Answer(_, answer))) => seen(answer).map(|seen| (ret, seen)),
                _ => None,
            };
            if let Some((ret, seen)) = answer {
                events.push((ret.order, ret.at.as_micros(), id, Ok(seen)));
            }
        }
        events.sort_by_key(|event| event.0);
        let mut history = History::new();
        for (_, at, id, what) in events {
            match what {
                Err(request) => history.invoke(at, 0, id, (**request).clone()),
                Ok(seen) => history.told(at, id, seen, true).expect("it was asked"),
            }
        }
        match linear::check(&OneKey, &history, linear::STEPS) {
            linear::Verdict::Linearizable { .. } => Ok(()),
            other => Err(Violation::new("G-I8 Linearizable", other.to_string())),
        }
    }
}

#[test]
fn members_agree_and_clients_see_one_store() {
    grade("G-I8", |t| {
        let scene = cluster().with_faults(faults());
        let checks = (Safety::default(), Settled, Equal::default(), Linearizable);
        t.swarm(&scene, checks);
    });
}
