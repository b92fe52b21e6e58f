//! What the lock lab's graded tests share: who takes part, what they ask, how a trace shows it.

#![allow(dead_code, unused_imports)]

#[path = "invariants/mod.rs"]
mod invariants;
#[path = "support/labels.rs"]
mod labels;
#[path = "support/replicas.rs"]
pub mod replicas;
#[path = "support/runs.rs"]
mod runs;
#[path = "support/steps.rs"]
mod steps;
#[path = "support/storage.rs"]
pub mod storage;
#[path = "support/waiting.rs"]
pub mod waiting;

pub use invariants::*;
pub use runs::*;
pub use steps::*;

use dist_lock::{
    Cast, CastConfig, ClientConfig, FailoverConfig, LeaderConfig, Name, Op, RedlockConfig,
    ServerConfig, SessionConfig, StorageConfig, Value,
};
use labels::show;
use node::Addr;
use sim::{Scenario, ms};
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
    with_sessions(scene("sessions and one lock server"), clients, &[SERVER], None).node(
        SERVER,
        "lock server",
        "server",
        server,
    )
}

/// Stage 3: sessions, one server with tokens, and what the lock protects.
pub fn fenced(clients: &[Addr]) -> Scenario<Cast> {
    let server = CastConfig::Server(ServerConfig { fencing: true, ..ServerConfig::default() });
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
        let cfg = CastConfig::Server(ServerConfig { silent_for, ..ServerConfig::default() });
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
