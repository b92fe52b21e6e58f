//! What the lock lab's graded tests share: who takes part, what they ask, how a trace shows it.

#![allow(dead_code, unused_imports)]

#[path = "invariants/mod.rs"]
mod invariants;

pub use invariants::*;

use dist_lock::{
    Cast, CastConfig, ClientConfig, FailoverConfig, LeaderConfig, Msg, Name, Op, RedlockConfig,
    Reply, Request, Ret, ServerConfig, SessionConfig, StorageConfig, StorageReply, StorageRequest,
    Timer, Value, View,
};
use node::Addr;
use sim::trace::Class;
use sim::{BandLabel, Label, Scenario, Show, ms};
use std::time::Duration;

/// The clients.
pub const A: Addr = Addr(1);
pub const B: Addr = Addr(2);
pub const C: Addr = Addr(3);
/// The lock server, the storage.
pub const SERVER: Addr = Addr(10);
pub const STORAGE: Addr = Addr(20);
/// Stage 4: two servers of which one leads, and their register.
pub const ONE: Addr = Addr(11);
pub const TWO: Addr = Addr(12);
pub const REGISTER: Addr = Addr(30);
/// Stage 4: Redlock's servers.
pub const FIVE: [Addr; 5] = [Addr(11), Addr(12), Addr(13), Addr(14), Addr(15)];

/// How long a grant lasts in these tests.
pub const TTL: Duration = ms(1_000);

/// The one lock that all want.
pub fn name() -> Name {
    Name::from("job")
}
pub fn lock() -> Op {
    lock_for(TTL)
}
pub fn lock_for(ttl: Duration) -> Op {
    let (name, wait) = (name(), None);
    Op::Lock { name, ttl, wait }
}
pub fn lock_waiting(wait: Duration) -> Op {
    let (name, ttl, wait) = (name(), TTL, Some(wait));
    Op::Lock { name, ttl, wait }
}
pub fn unlock() -> Op {
    Op::Unlock { name: name() }
}
pub fn act() -> Op {
    Op::Act { name: name() }
}
pub fn write(text: &str) -> Op {
    let (name, value) = (name(), Value::from(text));
    Op::Write { name, value }
}

/// Whether an operation was answered with a lock.
pub fn locked(answer: Option<&Ret>) -> bool {
    matches!(answer, Some(Ret::Locked { .. }))
}

/// A scenario of this lab without nodes.
pub fn scene(title: &str) -> Scenario<Cast> {
    Scenario::new("lock").titled(title).shown(show())
}

/// Stage 1: plain clients and one server.
pub fn plain(clients: &[Addr]) -> Scenario<Cast> {
    let mut scene = scene("plain clients and one lock server");
    for &client in clients {
        let cfg = CastConfig::Client(ClientConfig {
            identity: letter(client),
            server: SERVER,
            patience: ms(500),
        });
        scene = scene.node(client, format!("client {}", letter(client)), "client", cfg);
    }
    let server = CastConfig::Server(ServerConfig::default());
    scene.node(SERVER, "lock server", "server", server)
}

/// Stage 2: sessions and one server.
pub fn sessions(clients: &[Addr]) -> Scenario<Cast> {
    let server = CastConfig::Server(ServerConfig::default());
    with_sessions(
        scene("sessions and one lock server"),
        clients,
        &[SERVER],
        None,
    )
    .node(SERVER, "lock server", "server", server)
}

/// Stage 3: sessions, one server with tokens, and what the lock protects.
pub fn fenced(clients: &[Addr]) -> Scenario<Cast> {
    let server = CastConfig::Server(ServerConfig {
        fencing: true,
        ..ServerConfig::default()
    });
    let storage = CastConfig::Storage(StorageConfig { write_time: ms(5) });
    let title = scene("sessions, a lock server with tokens, and a storage");
    with_sessions(title, clients, &[SERVER], Some(STORAGE))
        .node(SERVER, "lock server", "server", server)
        .node(STORAGE, "storage", "storage", storage)
}

/// Stage 4: a primary that answers first and replicates afterwards.
pub fn failover(clients: &[Addr]) -> Scenario<Cast> {
    let pair = |peer, primary| CastConfig::Failover(FailoverConfig { peer, primary });
    let title = scene("a primary, and a replica that hears of each grant afterwards");
    with_sessions(title, clients, &[ONE, TWO], None)
        .node(ONE, "primary", "server", pair(TWO, true))
        .node(TWO, "replica", "server", pair(ONE, false))
}

/// Stage 4: Redlock over `servers`, which are silent for `silent_for` after each start.
pub fn redlock(clients: &[Addr], servers: &[Addr], silent_for: Duration) -> Scenario<Cast> {
    let mut scene = scene("Redlock: independent lock servers, of which a majority decides");
    for &client in clients {
        let cfg = CastConfig::Redlock(RedlockConfig {
            identity: letter(client),
            servers: servers.to_vec(),
            drift_ppm: DRIFT_PPM as u32,
            patience: ms(100),
        });
        scene = scene.node(client, format!("client {}", letter(client)), "client", cfg);
    }
    for (i, &server) in servers.iter().enumerate() {
        let cfg = CastConfig::Server(ServerConfig {
            silent_for,
            ..ServerConfig::default()
        });
        scene = scene.node(server, format!("lock server {}", i + 1), "server", cfg);
    }
    scene
}

/// Stage 4: two lock servers in front of a register that never fails.
pub fn registered(clients: &[Addr]) -> Scenario<Cast> {
    let leader = || {
        CastConfig::Leader(LeaderConfig {
            register: REGISTER,
            checkpoint_every: ms(100),
            retry_after: ms(30),
        })
    };
    let title = scene("two lock servers in front of a replicated register");
    with_sessions(title, clients, &[ONE, TWO], None)
        .node(ONE, "lock server 1", "server", leader())
        .node(TWO, "lock server 2", "server", leader())
        .node(REGISTER, "register", "register", CastConfig::Register)
}

fn with_sessions(
    mut scene: Scenario<Cast>,
    clients: &[Addr],
    servers: &[Addr],
    storage: Option<Addr>,
) -> Scenario<Cast> {
    for &client in clients {
        let cfg = CastConfig::Session(SessionConfig {
            identity: letter(client),
            servers: servers.to_vec(),
            storage,
            drift_ppm: DRIFT_PPM as u32,
            retry_after: ms(50),
            patience: ms(300),
        });
        scene = scene.node(client, format!("client {}", letter(client)), "session", cfg);
    }
    scene
}

/// What a reader calls a client: A, B, … .
pub fn letter(client: Addr) -> String {
    match u8::try_from(client.0) {
        Ok(n @ 1..=9) => char::from(b'A' + n - 1).to_string(),
        _ => format!("c{}", client.0),
    }
}

/// How traces show the lab.
pub fn show() -> Show<Cast> {
    Show {
        msg: |msg| match msg {
            Msg::Request(_, request) => label(request_text(request), Class::Request),
            Msg::Reply(_, reply) => match reply {
                Reply::Refused | Reply::Missing | Reply::NotLeader | Reply::Overloaded => {
                    label(format!("{reply:?}"), Class::Refusal)
                }
                Reply::Granted { token } if token.0 > 0 => {
                    label(format!("granted · token {token}"), Class::Reply)
                }
                Reply::Granted { .. } => label("granted", Class::Reply),
                other => label(format!("{other:?}"), Class::Reply),
            },
            Msg::ToStorage(_, StorageRequest::Open { token, .. }) => {
                label(format!("open · token {token}"), Class::Request)
            }
            Msg::ToStorage(_, StorageRequest::Write { token, value, .. }) => {
                label(format!("write {value} · token {token}"), Class::Request)
            }
            Msg::FromStorage(_, StorageReply::Done) => label("done", Class::Reply),
            Msg::FromStorage(_, StorageReply::Stale { newest }) => {
                label(format!("stale: token {newest} was here"), Class::Refusal)
            }
            Msg::Update(update) => match &update.lease {
                Some(lease) => label(format!("update: {} has it", lease.owner), Class::Gossip),
                None => label("update: free", Class::Gossip),
            },
            Msg::ToRegister(_, request) => label(format!("{request:?}"), Class::Request),
            Msg::FromRegister(_, reply) => label(format!("{reply:?}"), Class::Reply),
        },
        op: |op| match op {
            Op::Lock { name, .. } => format!("lock {name}"),
            Op::Unlock { name } => format!("unlock {name}"),
            Op::Act { name } => format!("act under {name}"),
            Op::Write { value, .. } => format!("write {value}"),
            Op::Lead => "lead".into(),
        },
        ret: |ret| match ret {
            Ret::Locked { token } if token.0 > 0 => format!("locked · token {token}"),
            Ret::Locked { .. } => "locked".into(),
            other => format!("{other:?}").to_lowercase(),
        },
        timer: |timer| match timer {
            Timer::Renew(_) => "time to renew".into(),
            Timer::NoAnswer(_) => "no answer".into(),
            Timer::Queue(_) => "look at the queue".into(),
            Timer::Device => "the device is ready".into(),
            Timer::Checkpoint => "checkpoint".into(),
            Timer::Ended(_) => "a lease has ended".into(),
        },
        bands,
        dull: |_| false,
    }
}

fn label(text: impl Into<String>, class: Class) -> Label {
    let text = text.into();
    Label { text, class }
}

fn request_text(request: &Request) -> String {
    match request {
        Request::Set { owner, ttl, .. } => match ttl {
            Some(ttl) => format!("set {owner} for {} ms", ttl.as_millis()),
            None => format!("set {owner}"),
        },
        Request::Get { .. } => "get".into(),
        Request::Delete { .. } => "delete".into(),
        Request::Expire { .. } => "expire".into(),
        Request::TimeLeft { .. } => "time left?".into(),
        Request::Acquire { owner, .. } => format!("acquire for {owner}"),
        Request::Renew { .. } => "renew".into(),
        Request::Release { .. } => "release".into(),
    }
}

fn bands(view: &View) -> Vec<BandLabel> {
    match view {
        View::Server(server) => server
            .leases
            .iter()
            .map(|lease| BandLabel {
                text: match lease.token.0 {
                    0 => format!("lease → {}", lease.owner),
                    token => format!("lease → {} · token {token}", lease.owner),
                },
                until: lease.until,
            })
            .collect(),
        View::Client(client) => client
            .held
            .iter()
            .map(|held| BandLabel {
                text: format!("holds {}", held.name),
                until: held.valid_until,
            })
            .collect(),
        View::Storage(_) | View::Register(_) => Vec::new(),
    }
}

/// For exploring: clients that neither ask again nor give up within the few ticks of a scope, and
/// clocks that do not drift.
pub fn patient(mut scene: Scenario<Cast>) -> Scenario<Cast> {
    let ever = ms(100_000);
    for place in &mut scene.places {
        let mut cfg = (*place.cfg).clone();
        match &mut cfg {
            CastConfig::Client(cfg) => cfg.patience = ever,
            CastConfig::Session(cfg) => {
                (cfg.retry_after, cfg.patience, cfg.drift_ppm) = (ever, ever, 0);
            }
            _ => {}
        }
        place.cfg = std::sync::Arc::new(cfg);
    }
    scene
}
