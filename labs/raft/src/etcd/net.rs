//! The server on its sockets: one for clients, one for the other members.
//!
//! **How it works.** One thread. gRPC connections, the node, its timers and its peers' connections
//! take turns on it; only the disk has a thread of its own. What clients send in one turn reaches
//! the node together ([`Bridge`]).
//!
//! **Bounds.** Connections, requests under way on one connection, the size of a message, jobs for
//! the node, requests that wait in it, bytes of keys ([`Limits`]), messages
//! that wait for a peer, answers that wait for a client.
//!
//! | file | what is there |
//! |---|---|
//! | `net.rs` | [`run`]: start, serve, stop |
//! | `net/incoming.rs` | clients' connections, as many as may be |

mod incoming;

use super::api::{Member, MemberId};
use super::bridge::{Bridge, bridge};
use super::config::{EtcdConfig, Limits};
use super::node::EtcdNode;
use super::pb::etcdserverpb::{
    cluster_server::ClusterServer, kv_server::KvServer, lease_server::LeaseServer,
    maintenance_server::MaintenanceServer, watch_server::WatchServer,
};
use super::pb::{v3electionpb::election_server::ElectionServer, v3lockpb::lock_server::LockServer};
use super::request::{Cluster, Op, Request, Ret};
use super::services::{MAX_REQUEST, Service, refused::Refused};
use node::Addr;
use node::shell::{Asked, Shell, ShellConfig, ShellError};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::Server;

/// How a member is run.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// Its id.
    pub id: u32,
    /// What clients and other members call it.
    pub name: String,
    /// The members of the cluster's first start, this one among them, by id: `host:port` for
    /// Raft's messages. Of a member that joins: those that are there, and itself.
    pub peers: BTreeMap<u32, String>,
    /// Whether it joins a cluster that was started without it.
    pub join: bool,
    /// Where clients reach it, as it tells them: `http://host:port`.
    pub client_urls: Vec<String>,
    /// The folder of its files; `None` keeps everything in memory, for tests.
    pub data: Option<PathBuf>,
    /// An election begins after so long without a leader; drawn between this and its double.
    pub election_timeout: Duration,
    /// How often a leader says that it leads.
    pub heartbeat: Duration,
    /// Whether a leader answers reads on its lease, without asking the others: faster, and right
    /// only while clocks run at the same rate.
    pub lease_reads: bool,
    /// Clients' connections at one time.
    pub max_clients: usize,
    /// Bounds of the node.
    pub limits: Limits,
}

impl NetConfig {
    /// A member of a new cluster, with etcd's timing.
    pub fn new(id: u32, peers: BTreeMap<u32, String>) -> Self {
        NetConfig {
            id,
            name: format!("raft-{id}"),
            peers,
            join: false,
            client_urls: Vec::new(),
            data: None,
            election_timeout: Duration::from_millis(1000),
            heartbeat: Duration::from_millis(100),
            lease_reads: false,
            max_clients: 10_000,
            limits: Limits::default(),
        }
    }

    fn node(&self) -> EtcdConfig {
        let voters = self.peers.keys().copied().filter(|_| !self.join);
        let mut raft = crate::Config::new(voters.map(Addr));
        raft.election_timeout = self.election_timeout..self.election_timeout * 2;
        raft.heartbeat = self.heartbeat;
        raft.lease = self.lease_reads;
        let member = |(id, socket): (&u32, &String)| Member {
            id: MemberId::from(*id),
            peer_urls: vec![format!("http://{socket}")],
            ..Member::default()
        };
        let first: Vec<Member> = self.peers.iter().map(member).collect();
        let me = first.iter().find(|m| m.id == MemberId::from(self.id));
        EtcdConfig {
            raft,
            me: Member {
                id: MemberId::from(self.id),
                name: self.name.clone(),
                client_urls: self.client_urls.clone(),
                ..me.cloned().unwrap_or_default()
            },
            first,
            limits: self.limits.clone(),
        }
    }
}

/// Why a server ended, other than by being asked to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NetError {
    /// The node could not start, or had to stop.
    Node(ShellError),
    /// This member was removed from the cluster.
    Removed,
    /// Clients can no longer be served.
    Clients(String),
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::Node(why) => why.fmt(f),
            NetError::Removed => f.write_str(
                "this member has been removed from the cluster for good; to bring the machine back, \
                 run `etcdctl member add`, and start it with the new id, --join and an empty folder",
            ),
            NetError::Clients(why) => write!(f, "clients can no longer be served: {why}"),
        }
    }
}
impl std::error::Error for NetError {}

impl From<ShellError> for NetError {
    fn from(why: ShellError) -> Self {
        NetError::Node(why)
    }
}

/// How long a stop waits for clients that are being answered.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a leader that stops waits for another to take over.
const HAND_OVER: Duration = Duration::from_secs(1);
/// Requests under way on one connection.
const MAX_STREAMS: u32 = 4096;

/// Serves clients on one listener and the other members on the other, until `shutdown` is ready;
/// then hands over leadership and finishes what was begun.
pub async fn run(
    clients: TcpListener,
    members: TcpListener,
    config: NetConfig,
    shutdown: impl Future,
) -> Result<(), NetError> {
    LocalSet::new()
        .run_until(serve(clients, members, config, shutdown))
        .await
}

async fn serve(
    clients: TcpListener,
    members: TcpListener,
    config: NetConfig,
    shutdown: impl Future,
) -> Result<(), NetError> {
    let mut shell_config = ShellConfig::new(Addr(config.id));
    shell_config.data = config.data.clone();
    let sockets = config.peers.iter();
    shell_config.peers = sockets.map(|(id, at)| (Addr(*id), at.clone())).collect();
    let max_frame = shell_config.max_frame;
    let shell: Shell<EtcdNode> = Shell::boot(shell_config, Arc::new(config.node()))?;

    let torn = shell.view().raft.dropped_bytes;
    if torn > 0 {
        eprintln!(
            "raft-server: the log ended in a torn record of {torn} bytes, which nobody was told of: \
             it has been cut off"
        );
    }

    let (bridge, jobs) = bridge();
    let (leader, leads) = watch::channel(0);
    let (close, closing) = watch::channel(false);
    tokio::task::spawn_local(jobs.run(shell.clone()));
    let listening = shell.clone();
    tokio::task::spawn_local(async move { listening.listen(members, max_frame).await });

    let service = Service::new(bridge.clone(), leads, closing);
    let mut grpc = tokio::spawn(serve_clients(clients, service, config.max_clients));
    let ended = tokio::select! {
        biased;
        why = shell.stopped() => Err(why.into()),
        () = follow(&shell, &config.peers, &leader) => Err(NetError::Removed),
        ended = &mut grpc => Err(NetError::Clients(match ended {
            Ok(()) => "the listener is gone".into(),
            Err(why) => why.to_string(),
        })),
        _ = shutdown => Ok(()),
    };
    if ended.is_ok() {
        hand_over(&bridge, config.id, &leader).await;
    }
    // Streams end now; requests under way are answered.
    let _nobody = close.send(true);
    let _late = timeout(LAST_WORDS, &mut grpc).await;
    grpc.abort();
    let stopped = shell.shutdown().await;
    ended.and(stopped.map_err(NetError::from))
}

async fn serve_clients(listener: TcpListener, service: Service, max_clients: usize) {
    let size = MAX_REQUEST + (512 << 10);
    let closing = service.clone();
    let routes = Routes::new(KvServer::new(service.clone()).max_decoding_message_size(size))
        .add_service(WatchServer::new(service.clone()))
        .add_service(LeaseServer::new(service.clone()))
        .add_service(ClusterServer::new(service.clone()))
        .add_service(MaintenanceServer::new(service.clone()))
        .add_service(LockServer::new(service.clone()))
        .add_service(ElectionServer::new(service))
        .into_axum_router()
        .route_service("/etcdserverpb.Maintenance/Defragment", Refused)
        .route_service("/etcdserverpb.Maintenance/Downgrade", Refused)
        .route_service("/etcdserverpb.Maintenance/Hash", Refused)
        .route_service("/etcdserverpb.KV/RangeStream", Refused)
        .fallback_service(Refused);
    let served = Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .tcp_nodelay(true)
        .add_routes(Routes::from(routes))
        .serve_with_incoming_shutdown(incoming::connections(listener, max_clients), async move {
            closing.closed().await
        });
    // It ends when it is asked to; its own error would be one of the listener.
    let _ended = served.await;
}

/// Reaches the members as they come and go: at the addresses that this one was started with, or
/// else at those that they have told. Ends when this one was removed.
async fn follow(
    shell: &Shell<EtcdNode>,
    given: &BTreeMap<u32, String>,
    leader: &watch::Sender<u64>,
) {
    let mut reached: Vec<Addr> = Vec::new();
    let Ok(Asked::Waits(mut answers)) = shell.ask(Op::Cluster) else {
        return std::future::pending().await;
    };
    while let Ok(Some(ret)) = answers.next().await {
        let Ret::Cluster(cluster) = ret else { continue };
        let Cluster {
            peers,
            removed,
            leader: leads,
        } = cluster;
        if removed {
            return;
        }
        leader.send_replace(leads);
        let sockets = peers.iter().filter_map(|member| {
            let id = u32::try_from(member.id).ok()?;
            let told = member
                .peer_urls
                .first()
                .and_then(|url| url.strip_prefix("http://"));
            Some((Addr(id), given.get(&id).map(String::as_str).or(told)?))
        });
        let sockets: BTreeMap<Addr, &str> = sockets.collect();
        for gone in reached.iter().filter(|addr| !sockets.contains_key(addr)) {
            shell.reach(*gone, None);
        }
        for (addr, socket) in &sockets {
            shell.reach(*addr, Some(socket));
        }
        reached = sockets.into_keys().collect();
    }
    // The node has stopped: that is told elsewhere.
    std::future::pending().await
}

/// A leader that stops hands over, so that the others need not miss it first.
async fn hand_over(bridge: &Bridge, id: u32, leader: &watch::Sender<u64>) {
    let me = MemberId::from(id);
    if *leader.borrow() != me {
        return;
    }
    let list = Request::MemberList { serializable: true };
    let Ok((_, super::request::Answer::Members { all, .. })) = bridge.ask(list).await else {
        return;
    };
    let mut others = all.iter().filter(|m| m.id != me && !m.is_learner);
    if let Some(next) = others.next() {
        let moved = bridge.ask(Request::MoveLeader(next.id));
        let _late = timeout(HAND_OVER, moved).await;
    }
}
