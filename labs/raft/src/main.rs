//! `raft-server`: one member of a cluster that speaks a part of etcd's v3 API. Arguments only; see
//! `etcd/net.rs`.

use dist_raft::etcd::net::{NetConfig, run};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
One member of a cluster that speaks a part of etcd's v3 API.

usage: raft-server --id N --peers 1=HOST:PORT,2=HOST:PORT,… --data DIR
                   [--listen HOST:PORT] [--join] [--name NAME] [--advertise URL]
                   [--election-ms MS] [--heartbeat-ms MS] [--quota-mb MB] [--lease-reads]

  --id N              which of the members this is
  --peers 1=…,2=…     where this member reaches the others, and listens for them. There are no
                      passwords: whoever reaches these addresses may use them
  --data DIR          where this member keeps its log: what was answered is on disk
  --listen HOST:PORT  where clients are served (default 127.0.0.1:2379)
  --join              this member is added to a cluster that runs: first `etcdctl member add`,
                      which tells its id, then start it with all members in --peers
  --name NAME         what `member list` shows (default raft-N)
  --advertise URL     what clients are told to use (default http:// and --listen)
  --election-ms MS    an election begins when no leader was heard for so long, or for up to
                      twice as long (default 1000)
  --heartbeat-ms MS   how often a leader is heard (default 100)
  --quota-mb MB       how much the keys may take before writes are refused (default 2048)
  --lease-reads       a leader answers reads without asking the others while its lease holds;
                      right as long as all clocks run at nearly the same rate";

struct Arguments {
    config: NetConfig,
    listen: String,
}

#[derive(Default)]
struct Given {
    id: Option<u32>,
    peers: Option<BTreeMap<u32, String>>,
    data: Option<PathBuf>,
    listen: Option<String>,
    join: bool,
    name: Option<String>,
    advertise: Option<String>,
    election: Option<Duration>,
    heartbeat: Option<Duration>,
    quota: Option<u64>,
    lease_reads: bool,
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    let parsed = text.parse();
    parsed.map_err(|_| format!("{name} needs a number, not {text:?}"))
}

fn peers(text: &str) -> Result<BTreeMap<u32, String>, String> {
    let mut peers = BTreeMap::new();
    for part in text.split(',') {
        let form = || format!("--peers needs 1=HOST:PORT,2=HOST:PORT and so on, not {part:?}");
        let (id, socket) = part.split_once('=').ok_or_else(form)?;
        let id = id.parse().ok().filter(|id| *id > 0).ok_or_else(form)?;
        let (host, port) = socket.rsplit_once(':').ok_or_else(form)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(form());
        }
        if peers.insert(id, socket.to_string()).is_some() {
            return Err(format!("--peers names member {id} twice"));
        }
    }
    Ok(peers)
}

fn arguments() -> Result<Option<Arguments>, String> {
    let mut given = Given::default();
    let mut words = std::env::args_os().skip(1);
    while let Some(word) = words.next() {
        let name = word.to_string_lossy().into_owned();
        let mut value = || words.next().ok_or(format!("{name} needs a value"));
        let mut text = || {
            let text = value()?.into_string();
            text.map_err(|_| format!("{name} needs a text in UTF-8"))
        };
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--id" => given.id = Some(number(&name, &text()?)?),
            "--peers" => given.peers = Some(peers(&text()?)?),
            "--listen" => given.listen = Some(text()?),
            "--name" => given.name = Some(text()?),
            "--advertise" => given.advertise = Some(text()?),
            "--election-ms" => given.election = Some(millis(&name, &text()?)?),
            "--heartbeat-ms" => given.heartbeat = Some(millis(&name, &text()?)?),
            "--quota-mb" => given.quota = Some(number(&name, &text()?)?),
            "--data" => given.data = Some(value()?.into()),
            "--join" => given.join = true,
            "--lease-reads" => given.lease_reads = true,
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    given.check().map(Some)
}

fn millis(name: &str, text: &str) -> Result<Duration, String> {
    match number(name, text)? {
        0 => Err(format!("{name} needs at least 1")),
        millis => Ok(Duration::from_millis(millis)),
    }
}

impl Given {
    fn check(self) -> Result<Arguments, String> {
        let id = self
            .id
            .ok_or("--id is missing: which of the members is this?")?;
        let peers = self.peers.ok_or("--peers is missing")?;
        if !peers.contains_key(&id) {
            return Err(format!(
                "--peers does not name member {id}, which --id says this is"
            ));
        }
        if self.join && peers.len() < 2 {
            return Err("--join needs the members that are there in --peers".into());
        }
        let data = self
            .data
            .ok_or("--data is missing: a member without a disk forgets its votes")?;
        let listen = self.listen.unwrap_or_else(|| "127.0.0.1:2379".into());
        let mut config = NetConfig::new(id, peers);
        config.data = Some(data);
        config.join = self.join;
        config.lease_reads = self.lease_reads;
        config.name = self.name.unwrap_or(config.name);
        let url = self.advertise.unwrap_or_else(|| format!("http://{listen}"));
        config.client_urls = vec![url];
        config.election_timeout = self.election.unwrap_or(config.election_timeout);
        config.heartbeat = self.heartbeat.unwrap_or(config.heartbeat);
        if config.heartbeat * 2 > config.election_timeout {
            return Err("--heartbeat-ms must be at most half of --election-ms".into());
        }
        if let Some(quota) = self.quota {
            config.limits.quota = quota.saturating_mul(1 << 20);
        }
        Ok(Arguments { config, listen })
    }
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => match serve(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("raft-server: {why}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("raft-server: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

async fn listen(at: &str, what: &str, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|why| {
        format!("cannot listen for {what} on {at}: {why}; choose another address with {option}")
    })
}

#[tokio::main(flavor = "current_thread")]
async fn serve(arguments: Arguments) -> Result<(), String> {
    let Arguments { config, listen: at } = arguments;
    let clients = listen(&at, "clients", "--listen").await?;
    let members = listen(&config.peers[&config.id], "members", "--peers").await?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|why| why.to_string())?;
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    let id = config.id;
    println!("raft-server: member {id} listens for clients on {at}");
    let served = run(clients, members, config, stop).await;
    served.map_err(|why| why.to_string())
}
