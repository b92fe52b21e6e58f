//! Three members as processes, ours or etcd's.

use super::ctl::Ctl;
use super::proxy::Links;
use crate::outcome::{Outcome, ensure, fail};
use crate::servers::{Build, Folder, built, built_with, free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How to get etcd.
pub const GET_ETCD: &str =
    "install it: `apt-get install etcd-server etcd-client`, `brew install etcd`";

/// How many members.
pub const MEMBERS: usize = 3;

/// Whose members.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Our `raft-server`, over the reference.
    Ours(Build),
    /// The same server over the learner's Raft.
    Yours,
    /// Debian's etcd.
    Etcd,
}

impl Kind {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ours(_) => "ours",
            Kind::Yours => "yours",
            Kind::Etcd => "etcd",
        }
    }
}

/// One member.
pub struct Member {
    /// Its process, while it runs.
    child: Option<Child>,
    /// Where clients reach it.
    pub client: u16,
    /// Where it listens for the others.
    pub peer: u16,
    words: Vec<String>,
    log: PathBuf,
}

/// Three members, killed when this is dropped.
pub struct Cluster {
    /// Whose.
    pub kind: Kind,
    program: PathBuf,
    /// The members; the first is member 1.
    pub members: Vec<Member>,
    /// The links between them, if they can be cut.
    pub links: Option<Links>,
    folder: Folder,
}

impl Cluster {
    /// Starts three members with empty folders, and waits until they have a leader.
    pub fn start(kind: Kind) -> Result<Cluster, Outcome> {
        Cluster::build(kind, false)
    }

    /// As [`Cluster::start`], with links that can be cut.
    pub fn start_with_links(kind: Kind) -> Result<Cluster, Outcome> {
        Cluster::build(kind, true)
    }

    fn build(kind: Kind, with_links: bool) -> Result<Cluster, Outcome> {
        let program = match kind {
            Kind::Ours(build) => built("raft-solution", "raft-server", build)?,
            Kind::Yours => built_with("raft-lab", "raft-server-lab", "server", Build::Dev)?,
            Kind::Etcd => "etcd".into(),
        };
        let folder = Folder::new()?;
        let mut ports = Vec::new();
        for _ in 0..MEMBERS {
            ports.push((free_port()?, free_port()?));
        }
        let peers: Vec<u16> = ports.iter().map(|(_, peer)| *peer).collect();
        let links = with_links.then(|| Links::open(kind, &peers)).transpose()?;
        let mut members = Vec::new();
        for (at, (client, peer)) in ports.iter().enumerate() {
            let seen = match &links {
                Some(links) => links.seen_by(at),
                None => peers.clone(),
            };
            let data = folder.path().join(format!("member{}", at + 1));
            let words = match kind {
                Kind::Ours(_) | Kind::Yours => ours(at, &seen, *client, &data),
                Kind::Etcd => etcd(at, &seen, *client, *peer, &data),
            };
            members.push(Member {
                child: None,
                client: *client,
                peer: *peer,
                words,
                log: folder.path().join(format!("log{}", at + 1)),
            });
        }
        let mut cluster = Cluster {
            kind,
            program,
            members,
            links,
            folder,
        };
        for at in 0..MEMBERS {
            cluster.up(at)?;
        }
        cluster.wait_for_leader()?;
        Ok(cluster)
    }

    /// The folder of a member's files.
    pub fn data(&self, at: usize) -> PathBuf {
        self.folder.path().join(format!("member{}", at + 1))
    }

    /// All that a member has printed.
    pub fn log(&self, at: usize) -> String {
        std::fs::read_to_string(&self.members[at].log).unwrap_or_default()
    }

    /// Starts a member.
    pub fn up(&mut self, at: usize) -> Result<(), Outcome> {
        let member = &mut self.members[at];
        let log = File::options()
            .create(true)
            .append(true)
            .open(&member.log)?;
        let child = Command::new(&self.program)
            .args(&member.words)
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .spawn();
        match child {
            Ok(child) => member.child = Some(child),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                return Err(Outcome::not_run("etcd", GET_ETCD));
            }
            Err(why) => return fail(format!("a member does not start: {why}")),
        }
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self, at: usize) {
        if let Some(mut child) = self.members[at].child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until a member that should end has ended; true if it said that all was well.
    pub fn ended(&mut self, at: usize, within: Duration) -> Result<bool, Outcome> {
        let until = Instant::now() + within;
        let Some(child) = &mut self.members[at].child else {
            return fail("that member does not run");
        };
        while Instant::now() < until {
            if let Some(status) = child.try_wait()? {
                self.members[at].child = None;
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        fail(format!("member {} did not end within {within:?}", at + 1))
    }

    /// Sends a member a signal.
    pub fn signal(&self, at: usize, signal: Signal) -> Result<(), Outcome> {
        let pid = self.members[at].child.as_ref().map(Child::id);
        let pid = pid.and_then(|pid| Pid::from_raw(pid as i32));
        match pid {
            Some(pid) => Ok(kill_process(pid, signal)?),
            None => fail("that member does not run"),
        }
    }

    /// The process ids of the members that run.
    pub fn pids(&self) -> Vec<u32> {
        let running = self.members.iter().filter_map(|m| m.child.as_ref());
        running.map(Child::id).collect()
    }

    /// The clients' addresses, as `etcdctl --endpoints` takes them.
    pub fn endpoints(&self) -> String {
        let each = self.members.iter();
        let each = each.map(|member| format!("127.0.0.1:{}", member.client));
        each.collect::<Vec<_>>().join(",")
    }

    /// Waits until the cluster does a write.
    pub fn wait_for_leader(&mut self) -> Result<(), Outcome> {
        for at in 0..self.members.len() {
            let until = Instant::now() + Duration::from_secs(20);
            let port = self.members[at].client;
            while self.members[at].child.is_some()
                && TcpStream::connect(("127.0.0.1", port)).is_err()
            {
                self.still_runs(at)?;
                ensure(Instant::now() < until, || {
                    "a member does not listen within 20 s".into()
                })?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let ctl = Ctl::of(&self.endpoints());
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            for at in 0..self.members.len() {
                self.still_runs(at)?;
            }
            let said = ctl.run(&["put", "is-there-a-leader", "yes"])?;
            if said.ok {
                ctl.run(&["del", "is-there-a-leader"])?;
                return Ok(());
            }
            ensure(Instant::now() < until, || {
                format!("no leader within 30 s: {}", said.text)
            })?;
        }
    }

    /// A member that ended by itself has said why.
    fn still_runs(&mut self, at: usize) -> Result<(), Outcome> {
        let Some(child) = &mut self.members[at].child else {
            return Ok(());
        };
        let Some(status) = child.try_wait()? else {
            return Ok(());
        };
        let said = self.log(at);
        // Its own word, if there is one; a panic's trace would stand before it.
        let own = said.lines().rfind(|line| line.starts_with("raft-server: "));
        let last = own.or(said.lines().last()).unwrap_or("nothing");
        let todo = match said.contains("not yet implemented: task") {
            true => {
                "\n         that task is still to be written: `cargo lab test raft` shows where you are"
            }
            false => "",
        };
        fail(format!(
            "member {} ended by itself ({status}); the last that it said:\n         {last}{todo}",
            at + 1,
        ))
    }

    /// Which member leads; the answer may be old when it is here.
    pub fn leader(&self) -> Result<usize, Outcome> {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            for (at, member) in self.members.iter().enumerate() {
                if member.child.is_none() {
                    continue;
                }
                let ctl = Ctl::of(&format!("127.0.0.1:{}", member.client));
                let said = ctl.run(&["endpoint", "status"])?;
                let leads = said.text.split(", ").nth(4) == Some("true");
                if said.ok && leads {
                    return Ok(at);
                }
            }
        }
        fail("nobody leads within 20 s")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for at in 0..self.members.len() {
            self.kill(at);
        }
    }
}

fn ours(at: usize, seen: &[u16], client: u16, data: &std::path::Path) -> Vec<String> {
    let peers = seen.iter().enumerate();
    let peers: Vec<String> = peers
        .map(|(at, port)| format!("{}=127.0.0.1:{port}", at + 1))
        .collect();
    let words = [
        "--id".into(),
        (at + 1).to_string(),
        "--peers".into(),
        peers.join(","),
        "--listen".into(),
        format!("127.0.0.1:{client}"),
        "--data".into(),
        data.display().to_string(),
    ];
    words.into()
}

fn etcd(at: usize, seen: &[u16], client: u16, peer: u16, data: &std::path::Path) -> Vec<String> {
    let first = seen.iter().enumerate();
    let first: Vec<String> = first
        .map(|(at, port)| format!("m{}=http://127.0.0.1:{port}", at + 1))
        .collect();
    let client = format!("http://127.0.0.1:{client}");
    let words = [
        "--name".into(),
        format!("m{}", at + 1),
        "--data-dir".into(),
        data.display().to_string(),
        "--listen-client-urls".into(),
        client.clone(),
        "--advertise-client-urls".into(),
        client,
        "--listen-peer-urls".into(),
        format!("http://127.0.0.1:{peer}"),
        "--initial-advertise-peer-urls".into(),
        format!("http://127.0.0.1:{}", seen[at]),
        "--initial-cluster".into(),
        first.join(","),
        "--logger".into(),
        "zap".into(),
        "--log-level".into(),
        "error".into(),
    ];
    words.into()
}
