//! What stages 4 to 6 share: servers of the store, its clients, and short ways to ask.

use super::{FIVE, HEARTBEAT, MOMENT, Server, beat, cluster, show};
use dist_raft::{
    ClientId, Config, Kv, KvConfig, KvOp, KvRet, KvView, Msg, Raft, Timer, Update, View, Write,
};
use node::{Addr, OpId};
use sim::{Ask, BandLabel, Checker, Label, Scenario, Script, Show, Turn, ms};
use std::sync::Arc;
use std::time::Duration;

/// A short way to write a script of stores.
pub type Shop<C> = Script<Kv, C>;

/// A cluster of stores with the usual timeouts.
pub fn stores(stage: u32, servers: &[Addr]) -> Scenario<Kv> {
    stores_of(servers, |_| kv(stage, servers))
}

/// What a store is set up with when `stage` is done; it takes no snapshots yet.
pub fn kv(stage: u32, servers: &[Addr]) -> KvConfig {
    KvConfig { raft: Config::of_stage(stage, servers.iter().copied()), compact_every: None }
}

/// The same with timers that fire only when a script says so.
pub fn stores_by_hand(stage: u32, servers: &[Addr]) -> Scenario<Kv> {
    let cfg = kv(stage, servers);
    stores_of(servers, |_| kv_by_hand(cfg.clone()))
}

/// Without a disk.
pub fn diskless(kv: KvConfig) -> KvConfig {
    let raft = Config { durable: false, ..kv.raft };
    KvConfig { raft, ..kv }
}

/// With timers that fire only when a script says so.
pub fn kv_by_hand(cfg: KvConfig) -> KvConfig {
    let raft =
        Config { election_timeout: ms(100_000)..ms(200_000), heartbeat: ms(30_000), ..cfg.raft };
    KvConfig { raft, ..cfg }
}

/// Stores, each set up by itself.
pub fn stores_of(servers: &[Addr], cfg: impl Fn(Addr) -> KvConfig) -> Scenario<Kv> {
    let title = format!("{} servers of the store", servers.len());
    let mut scene = Scenario::new("raft").titled(title).shown(show_stores());
    for addr in servers.iter().copied() {
        scene = scene.node(addr, format!("S{}", addr.0), "server", cfg(addr));
    }
    scene
}

/// Labels of a store.
pub fn show_stores() -> Show<Kv> {
    let Show { msg, timer, dull, .. } = show();
    Show { msg, op, ret, timer, bands: |view: &KvView| bands(&view.raft), dull }
}

fn bands(view: &View) -> Vec<BandLabel> {
    (show().bands)(view)
}

fn op(op: &KvOp) -> String {
    match op {
        KvOp::Read { key } => format!("read {key}"),
        KvOp::Write(write) => {
            let (who, seq) = (write.client.0, write.seq);
            let what = match &write.update {
                Update::Put { key, value } => format!("{key} = {value:?}"),
                Update::Append { key, text } => format!("{key} += {text:?}"),
                Update::Swap { key, from, to } => format!("{key}: {from:?} to {to:?}"),
                Update::Delete { key } => format!("delete {key}"),
            };
            format!("{what} (client {who}, write {seq})")
        }
        KvOp::Change(change) => format!("{change:?}"),
        KvOp::Transfer(to) => format!("hand over to S{}", to.0),
    }
}

fn ret(ret: &KvRet) -> String {
    match ret {
        KvRet::Done(Some(before)) => format!("done; before: {before:?}"),
        KvRet::Done(None) => "done".into(),
        KvRet::OldWrite => "an old write".into(),
        KvRet::Value(Some(value)) => format!("{value:?}"),
        KvRet::Value(None) => "nothing".into(),
        KvRet::NotLeader { hint: Some(hint) } => format!("ask S{}", hint.0),
        KvRet::NotLeader { hint: None } => "not the leader".into(),
        KvRet::Changed => "changed".into(),
        KvRet::Transferred => "handed over".into(),
        KvRet::Refused(why) => format!("refused: {why:?}"),
    }
}

/// The write `seq` of `client`.
pub fn write(client: u64, seq: u64, update: Update) -> Write {
    Write { client: ClientId(client), seq, update }
}
/// The value of `key` is now `value`.
pub fn put(key: &str, value: &str) -> Update {
    let (key, value) = (key.into(), value.into());
    Update::Put { key, value }
}
/// `text` behind the value of `key`.
pub fn add(key: &str, text: &str) -> Update {
    let (key, text) = (key.into(), text.into());
    Update::Append { key, text }
}
/// A read of `key`.
pub fn get(key: &str) -> KvOp {
    KvOp::Read { key: key.into() }
}
/// The answer to a write that was done.
pub fn done(before: Option<&str>) -> Option<KvRet> {
    Some(KvRet::Done(before.map(String::from)))
}
/// The answer to a read.
pub fn value(value: Option<&str>) -> Option<KvRet> {
    Some(KvRet::Value(value.map(String::from)))
}

/// A client asks `server` to append `text` to `x` as its write `seq`.
#[track_caller]
pub fn ask<C: Checker<Kv>>(
    w: &mut Shop<C>,
    server: Addr,
    client: u64,
    seq: u64,
    text: &str,
) -> OpId {
    w.op(server, KvOp::Write(write(client, seq, add("x", text))))
}

/// The same, and it is done in the end.
#[track_caller]
pub fn append_at<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr, client: u64, seq: u64, text: &str) {
    let id = ask(w, server, client, seq, text);
    settle(w, server, id);
    let answer = w.answer(id).cloned();
    w.expect(
        matches!(answer, Some(KvRet::Done(_))),
        format!("S{} appends {text:?}; it says {answer:?}", server.0),
    );
}

/// Lets `server` work until `id` is answered, at most for some heartbeats.
#[track_caller]
pub fn settle<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr, id: OpId) {
    w.run_for(MOMENT);
    for _ in 0..6 {
        if w.answer(id).is_some() || !w.timers(server).contains(&&HEARTBEAT) {
            return;
        }
        w.fire(server, &HEARTBEAT);
        w.run_for(MOMENT);
    }
}

/// What `server` says to a read of `x`, in the end.
#[track_caller]
pub fn look<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr) -> Option<KvRet> {
    let id = w.op(server, get("x"));
    settle(w, server, id);
    w.answer(id).cloned()
}

/// A read of `x` at `server` is answered so.
#[track_caller]
pub fn reads<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr, wanted: Option<&str>, why: &str) {
    let seen = look(w, server);
    w.expect_eq(seen, value(wanted), why);
}

/// The store's view of a server; an empty one if it shows none.
pub fn shop<C: Checker<Kv>>(w: &Shop<C>, server: Addr) -> KvView {
    w.view(server).unwrap_or_default()
}

/// The value of `x` in a server's state.
pub fn x<C: Checker<Kv>>(w: &Shop<C>, server: Addr) -> Option<String> {
    shop(w, server).store.get("x").cloned()
}

/// Delivers what waits on the links between `a` and `b`, both ways, as far as `lets` says; the rest
/// is lost. What comes of it is delivered, too.
#[track_caller]
pub fn pass<N: Server, C: Checker<N>>(
    w: &mut Script<N, C>,
    a: Addr,
    b: Addr,
    lets: impl Fn(&Msg) -> bool,
) {
    for _ in 0..60 {
        let between =
            |(from, to, _): &(Addr, Addr, &Msg)| (*from, *to) == (a, b) || (*from, *to) == (b, a);
        let Some((from, to, msg)) =
            w.waiting().into_iter().find(between).map(|(from, to, msg)| (from, to, msg.clone()))
        else {
            return;
        };
        if lets(&msg) {
            w.deliver(from, to, |m| *m == msg);
        } else {
            w.lose(from, to, |m| *m == msg);
        }
        w.run_for(ms(1));
    }
}

/// Both ways.
#[track_caller]
pub fn hold_between<N: Server, C: Checker<N>>(w: &mut Script<N, C>, a: Addr, b: Addr) {
    w.hold(a, b);
    w.hold(b, a);
}
/// Both ways.
#[track_caller]
pub fn cut_between<N: Server, C: Checker<N>>(w: &mut Script<N, C>, a: Addr, b: Addr) {
    w.cut_link(a, b);
    w.cut_link(b, a);
}
/// Both ways.
#[track_caller]
pub fn heal_between<N: Server, C: Checker<N>>(w: &mut Script<N, C>, a: Addr, b: Addr) {
    w.heal_link(a, b);
    w.heal_link(b, a);
}

/// Adds `clients` clients that read and write, each where it believes the leader to be, and who
/// ask a write again, of any server, until they know that it is done.
pub fn with_shoppers(mut scene: Scenario<Kv>, clients: u64, pause: Duration) -> Scenario<Kv> {
    let servers: Arc<[Addr]> = scene.places.iter().map(|p| p.addr).collect();
    for client in 0..clients {
        let servers = servers.clone();
        scene = scene.client(format!("client {client}"), move |turn: &Turn<'_, Kv>| {
            Some(shop_on(turn, client, &servers, pause))
        });
    }
    scene
}

fn shop_on(turn: &Turn<'_, Kv>, client: u64, servers: &[Addr], pause: Duration) -> Ask<Kv> {
    let longest = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
    let after = Duration::from_micros(1 + turn.draw.again(2).below(longest));
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
    let key = *turn.one_of(3, &["x", "y"]);
    let seq = last.map_or(1, |(write, _)| write.seq + 1);
    let text = format!("{client}.{seq} ");
    let update = match turn.draw.again(4).below(10) {
        0..5 => {
            let op = get(key);
            return Ask { node, op, after };
        }
        5 => put(key, &text),
        6 => Update::Swap { key: key.into(), from: None, to: text },
        7 => Update::Delete { key: key.into() },
        _ => add(key, &text),
    };
    let op = KvOp::Write(write_of(client, seq, update));
    Ask { node, op, after }
}

fn write_of(client: u64, seq: u64, update: Update) -> Write {
    write(client, seq, update)
}

/// Who is struck by aimed faults.
pub fn shop_leads(view: &KvView) -> bool {
    view.raft.leads()
}
