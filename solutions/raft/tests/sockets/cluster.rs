//! Members in this process, each on sockets of its own, and clients for them.

use dist_raft::etcd::net::{NetConfig, NetError, run};
use dist_raft::etcd::pb::etcdserverpb as pb;
use pb::cluster_client::ClusterClient;
use pb::kv_client::KvClient;
use pb::maintenance_client::MaintenanceClient;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Nothing in a test takes so long, unless it is wrong.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test on one thread.
pub fn local(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        timeout(PATIENCE, test).await.expect("ends in time");
    });
}

/// One member that runs.
pub struct Member {
    pub id: u64,
    /// Where clients reach it.
    pub client: u16,
    /// Where the others reach it.
    pub peer: u16,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Result<(), NetError>>,
}

impl Member {
    /// Asks it to stop; it goes on until it has done so.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// How it ended.
    pub async fn ended(self) -> Result<(), NetError> {
        self.ended.await.expect("a member does not panic")
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", self.client));
        let endpoint = endpoint.expect("is an address").tcp_nodelay(true);
        endpoint.connect().await.expect("connects")
    }

    pub async fn kv(&self) -> KvClient<Channel> {
        KvClient::new(self.channel().await).max_decoding_message_size(64 << 20)
    }

    pub async fn maintenance(&self) -> MaintenanceClient<Channel> {
        MaintenanceClient::new(self.channel().await)
    }

    pub async fn cluster(&self) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel().await)
    }

    pub async fn status(&self) -> pb::StatusResponse {
        let status = self.maintenance().await.status(pb::StatusRequest {}).await;
        status.expect("tells its status").into_inner()
    }
}

/// The two listeners of a member that is to be started.
pub struct Sockets {
    clients: TcpListener,
    members: TcpListener,
    pub client: u16,
    pub peer: u16,
}

impl Sockets {
    pub async fn bind() -> Sockets {
        let clients = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let members = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = |listener: &TcpListener| listener.local_addr().expect("has one").port();
        Sockets {
            client: port(&clients),
            peer: port(&members),
            clients,
            members,
        }
    }
}

/// Starts a member.
pub fn start(sockets: Sockets, config: NetConfig) -> Member {
    let (stop, stopped) = oneshot::channel::<()>();
    let Sockets {
        clients,
        members,
        client,
        peer,
    } = sockets;
    Member {
        id: u64::from(config.id),
        client,
        peer,
        stop: Some(stop),
        ended: tokio::task::spawn_local(run(clients, members, config, stopped)),
    }
}

/// A configuration whose elections are short, without a disk.
pub fn config(id: u32, peers: &BTreeMap<u32, String>) -> NetConfig {
    let mut config = NetConfig::new(id, peers.clone());
    config.election_timeout = Duration::from_millis(300);
    config.heartbeat = Duration::from_millis(30);
    config
}

/// Members 1 to `n`, as `change` wants them.
pub async fn members(n: u32, change: impl Fn(&mut NetConfig)) -> Vec<Member> {
    let mut sockets = Vec::new();
    let mut peers = BTreeMap::new();
    for id in 1..=n {
        let bound = Sockets::bind().await;
        peers.insert(id, format!("127.0.0.1:{}", bound.peer));
        sockets.push(bound);
    }
    let each = sockets.into_iter().zip(1..);
    each.map(|(sockets, id)| {
        let mut config = config(id, &peers);
        config.client_urls = vec![format!("http://127.0.0.1:{}", sockets.client)];
        change(&mut config);
        start(sockets, config)
    })
    .collect()
}

/// Puts, and asks again while there is no leader.
pub async fn settled(members: &[Member]) {
    for member in members {
        let mut kv = member.kv().await;
        while let Err(why) = kv.put(put("settled", "yes")).await {
            assert_eq!(why.code(), Code::Unavailable, "{why}");
        }
    }
}

/// Which of these leads, once they agree about it.
pub async fn leader(members: &[Member]) -> usize {
    loop {
        let mut said = Vec::new();
        for member in members {
            said.push(member.status().await.leader);
        }
        let at = members.iter().position(|member| member.id == said[0]);
        if let Some(at) = at.filter(|_| said.iter().all(|leader| *leader == said[0])) {
            return at;
        }
        tokio::task::yield_now().await;
    }
}

pub fn put(key: &str, value: impl Into<Vec<u8>>) -> pb::PutRequest {
    pb::PutRequest {
        key: key.into(),
        value: value.into(),
        ..pb::PutRequest::default()
    }
}

pub fn get(key: &str) -> pb::RangeRequest {
    pb::RangeRequest {
        key: key.into(),
        ..pb::RangeRequest::default()
    }
}

pub fn refused<T>(answer: Result<tonic::Response<T>, Status>, code: Code, text: &str) {
    let why = answer.err().expect("is refused");
    assert_eq!(why.code(), code, "{why}");
    assert!(why.message().contains(text), "{why}");
}

/// A folder in the system's place for temporary ones, removed with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let name = format!("workbook-raft-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("can be made");
        Folder(path)
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
