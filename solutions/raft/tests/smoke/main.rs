//! Smoke tests of the reference: swarms with all faults.

mod checkers;

use checkers::{Linearizable, Safety, Settled};
use dist_raft::{
    Change, ClientId, Config, Kv, KvConfig, KvOp, KvRet, KvView, Op, Raft, Update, View, Write,
};
use node::Addr;
use sim::{Ask, Faults, Scenario, Strike, Turn, grade, ms};

const SERVERS: [Addr; 5] = [Addr(1), Addr(2), Addr(3), Addr(4), Addr(5)];

fn rafts(n: usize, cfg: Config) -> Scenario<Raft> {
    let mut scene = Scenario::new("raft").titled("servers");
    for server in &SERVERS[..n] {
        scene = scene.node(
            *server,
            format!("server {}", server.0),
            "server",
            cfg.clone(),
        );
    }
    scene = scene.client("proposer", move |turn: &Turn<'_, Raft>| {
        Some(Ask {
            node: *turn.one_of(1, &SERVERS[..n]),
            op: Op::Propose(format!("c{}", turn.nth).as_str().into()),
            after: ms(turn.draw.again(2).below(20)),
        })
    });
    scene
}

fn faults<N: node::Node>(leads: fn(&N::View) -> bool) -> Faults<N> {
    Faults::all()
        .aim("crash the leader", leads, Strike::Crash, 0.02)
        .aim("cut the leader", leads, Strike::Cut, 0.02)
        .aim("isolate the leader", leads, Strike::Isolate, 0.02)
        .aim("stall the leader", leads, Strike::Stall, 0.02)
}

fn leads(view: &View) -> bool {
    view.leads()
}

fn kv_leads(view: &KvView) -> bool {
    view.raft.leads()
}

#[test]
fn stage_1_elects() {
    grade("smoke", |t| {
        let cfg = Config::of_stage(1, SERVERS);
        let scene = rafts(5, cfg).with_faults(Faults {
            pause: 0.02,
            ..Faults::network()
        });
        t.swarm(&scene, (Safety::default(), Settled));
    });
}

#[test]
fn stage_2_replicates() {
    grade("smoke", |t| {
        let cfg = Config::of_stage(2, SERVERS[..3].iter().copied());
        let faults = Faults {
            pause: 0.02,
            ..Faults::network()
        }
        .aim("isolate the leader", leads, Strike::Isolate, 0.04);
        t.swarm(&rafts(3, cfg).with_faults(faults), Safety::default());
    });
}

#[test]
fn stage_3_survives() {
    grade("smoke", |t| {
        let cfg = Config::of_stage(3, SERVERS);
        t.swarm(&rafts(5, cfg).with_faults(faults(leads)), Safety::default());
    });
}

fn kvs(n: usize, cfg: KvConfig) -> Scenario<Kv> {
    let mut scene = Scenario::new("raft").titled("a store");
    for server in &SERVERS[..n] {
        scene = scene.node(
            *server,
            format!("server {}", server.0),
            "server",
            cfg.clone(),
        );
    }
    for client in 0..3u64 {
        scene = scene.client(format!("client {client}"), move |turn: &Turn<'_, Kv>| {
            Some(next(turn, client, &SERVERS[..n]))
        });
    }
    scene.patience(ms(400)).over_the_wire()
}

/// Reads and writes to whoever is thought to lead; a write that is not known to be done again.
fn next(turn: &Turn<'_, Kv>, client: u64, servers: &[Addr]) -> Ask<Kv> {
    let after = ms(turn.draw.again(2).below(30));
    let node = match turn.past().next().map(|past| (past.node, past.answer())) {
        Some((_, Some(KvRet::NotLeader { hint: Some(hint) }))) => *hint,
        Some((node, Some(KvRet::Done(_) | KvRet::Value(_)))) => node,
        _ => *turn.one_of(1, servers),
    };
    let last = turn.past().find_map(|past| match &past.op {
        KvOp::Write(write) => Some((write, matches!(past.answer(), Some(KvRet::Done(_))))),
        _ => None,
    });
    if let Some((write, false)) = last {
        let op = KvOp::Write(write.clone());
        return Ask { node, op, after };
    }
    let key = turn.one_of(3, &["x", "y"]).to_string();
    let seq = last.map_or(1, |(write, _)| write.seq + 1);
    let text = format!("{client}.{seq} ");
    let update = match turn.draw.again(4).below(8) {
        0..5 => {
            let op = KvOp::Read { key };
            return Ask { node, op, after };
        }
        5 => Update::Put { key, value: text },
        _ => Update::Append { key, text },
    };
    let client = ClientId(client);
    let op = KvOp::Write(Write {
        client,
        seq,
        update,
    });
    Ask { node, op, after }
}

fn swarm_of_stores(stage: u32, compact_every: Option<u64>, n: usize) {
    grade("smoke", |t| {
        let raft = Config {
            chunk_bytes: 16,
            ..Config::of_stage(stage, SERVERS[..n].iter().copied())
        };
        let cfg = KvConfig {
            raft,
            compact_every,
        };
        let scene = kvs(n, cfg).with_faults(faults(kv_leads));
        t.swarm(&scene, (Safety::default(), Settled, Linearizable));
    });
}

#[test]
fn stage_4_serves() {
    swarm_of_stores(4, None, 3);
}

#[test]
fn stage_5_compacts() {
    swarm_of_stores(5, Some(5), 3);
}

#[test]
fn stage_6_is_stable() {
    swarm_of_stores(6, Some(20), 5);
}

const SPARE: [Addr; 2] = [Addr(6), Addr(7)];

/// Five servers and two spare ones, an operator who changes them, and whatever may fail.
fn changing() -> Scenario<Kv> {
    let cfg = |voters: &[Addr]| KvConfig {
        raft: Config {
            chunk_bytes: 32,
            ..Config::new(voters.iter().copied())
        },
        compact_every: Some(15),
    };
    let mut scene = kvs(5, cfg(&SERVERS));
    for spare in SPARE {
        scene = scene.node(spare, format!("spare {}", spare.0), "server", cfg(&[]));
    }
    scene = scene.client("operator", |turn: &Turn<'_, Kv>| {
        let hint = |past: &sim::Call<KvOp, KvRet>| match past.answer() {
            Some(KvRet::NotLeader { hint }) => *hint,
            _ => None,
        };
        let node = turn.past().next().and_then(hint);
        let node = node.unwrap_or(*turn.one_of(1, &SERVERS));
        let (old, new) = (*turn.one_of(2, &SERVERS), *turn.one_of(3, &SPARE));
        let op = match turn.draw.again(4).below(12) {
            0..3 => KvOp::Change(Change::AddLearner(new)),
            3..6 => KvOp::Change(Change::Promote(new)),
            6 => KvOp::Change(Change::AddVoter(new)),
            7 => KvOp::Change(Change::Remove(old)),
            8 => KvOp::Change(Change::Remove(new)),
            _ => KvOp::Transfer(old),
        };
        let after = ms(turn.draw.again(5).below(150));
        Some(Ask { node, op, after })
    });
    scene.patience(ms(400))
}

#[test]
fn servers_change() {
    grade("smoke", |t| {
        let scene = changing().with_faults(faults(kv_leads));
        t.swarm(&scene, (Safety::default(), Settled, Linearizable));
    });
}
