//! Learners, promotion, removal, another leader, a copy: `etcdctl` as an operator uses it.

use super::cluster::{Cluster, Kind};
use super::ctl::{Ctl, Said};
use super::kill::equal;
use crate::outcome::{Checked, Outcome, ensure};
use crate::servers::{Build, Folder, built, free_port};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A fourth member; killed when it is dropped.
struct Fourth {
    child: Child,
    client: u16,
}

impl Drop for Fourth {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn well(what: &str, said: Said) -> Result<String, Outcome> {
    ensure(said.ok, || format!("{what}: {}", said.text))?;
    Ok(said.text)
}

/// Asks until it says what it should: a learner needs a moment to catch up.
fn until(ctl: &Ctl, words: &[&str], text: &str) -> Result<(), Outcome> {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let said = ctl.run(words)?;
        if said.text.contains(text) {
            return Ok(());
        }
        ensure(Instant::now() < limit, || {
            format!("{}: {} and not {text:?}", words.join(" "), said.text)
        })?;
    }
}

/// All of it on three of ours and a fourth.
pub fn come_and_go() -> Checked {
    let cluster = Cluster::start(Kind::Ours(Build::Dev))?;
    let ctl = Ctl::of(&cluster.endpoints());
    let folder = Folder::new()?;
    for n in 0..20 {
        well("put", ctl.run(&["put", &format!("m{n}"), "v"])?)?;
    }
    let peer = free_port()?;
    let url = format!("--peer-urls=http://127.0.0.1:{peer}");
    let said = well(
        "add",
        ctl.run(&["member", "add", "fourth", "--learner", &url])?,
    )?;
    ensure(said.contains("added to cluster"), || said.clone())?;
    let second = ctl.run(&["member", "add", "fifth", "--learner", &url])?;
    ensure(!second.ok, || "two members at one address".into())?;
    let fourth = start_fourth(&cluster, peer, &folder)?;
    let own = Ctl::of(&format!("127.0.0.1:{}", fourth.client));
    until(&own, &["endpoint", "status"], "true")?;
    until(&own, &["get", "m7", "--consistency=s"], "v")?;
    let said = own.run(&["get", "m7"])?;
    ensure(said.text.contains("rpc not supported for learner"), || {
        said.text.clone()
    })?;
    until(&ctl, &["member", "promote", "4"], "promoted in cluster")?;
    well("get at the fourth", own.run(&["get", "m7"])?)?;
    let said = ctl.run(&["member", "promote", "4"])?;
    ensure(said.text.contains("can only promote a learner"), || {
        said.text.clone()
    })?;
    let before = cluster.leader()?;
    let to = (before + 1) % 3 + 1;
    well("move-leader", ctl.run(&["move-leader", &to.to_string()])?)?;
    ensure(cluster.leader()? == to - 1, || {
        "the leadership did not move".into()
    })?;
    well("remove", ctl.run(&["member", "remove", "4"])?)?;
    let said = well("list", ctl.run(&["member", "list"])?)?;
    ensure(said.lines().count() == 3, || said.clone())?;
    drop(fourth);
    let said = ctl.run(&["member", "add", "again", &url])?;
    // Its old id is not given again.
    let said = well("add again", said)?;
    ensure(said.contains(" 5 added"), || said.clone())?;
    well("remove", ctl.run(&["member", "remove", "5"])?)?;
    equal(&cluster)?;
    copy(&cluster, &folder)?;
    Ok("added as a learner, caught up, promoted, leadership moved, removed, ids used once, a copy saved".into())
}

fn start_fourth(cluster: &Cluster, peer: u16, folder: &Folder) -> Result<Fourth, Outcome> {
    let client = free_port()?;
    let peers = cluster.members.iter().enumerate();
    let mut peers: Vec<String> = peers
        .map(|(at, member)| format!("{}=127.0.0.1:{}", at + 1, member.peer))
        .collect();
    peers.push(format!("4=127.0.0.1:{peer}"));
    let child = Command::new(built("raft-solution", "raft-server", Build::Dev)?)
        .args(["--id", "4", "--join", "--peers", &peers.join(",")])
        .args(["--listen", &format!("127.0.0.1:{client}")])
        .arg("--data")
        .arg(folder.path().join("fourth"))
        .stdout(Stdio::null())
        .spawn()?;
    Ok(Fourth { child, client })
}

/// `snapshot save` looks for the checksum itself.
fn copy(cluster: &Cluster, folder: &Folder) -> Result<(), Outcome> {
    let one = Ctl::of(&format!("127.0.0.1:{}", cluster.members[0].client));
    let path = folder.path().join("copy");
    let path = path.display().to_string();
    let said = well("snapshot save", one.run(&["snapshot", "save", &path])?)?;
    let len = std::fs::metadata(&path)?.len();
    // Whole pages and a SHA-256.
    ensure(said.contains("saved") && len % 512 == 32, || {
        format!("{said}, {len} bytes")
    })
}
