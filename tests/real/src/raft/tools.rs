//! `etcdctl` side by side: the same commands to both clusters must say the same, once numbers that
//! differ from cluster to cluster are taken out.

use super::cluster::{Cluster, Kind};
use super::ctl::Ctl;
use super::kill::equal;
use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::servers::Build;
use std::io::Read;
use std::process::Child;
use std::time::{Duration, Instant};

/// One line: a command as its words, or a transaction's input behind `txn`.
const COMMANDS: [&[&str]; 52] = [
    &["put", "foo", "bar"],
    &["put", "foo", "bar2", "--prev-kv"],
    &["get", "foo", "-w", "json"],
    &["get", "foo", "--rev=2", "-w", "json"],
    &["put", "k1", "v1"],
    &["put", "k2", "v2"],
    &["put", "k3", "v3"],
    &["get", "k", "--prefix"],
    &["get", "k1", "k3"],
    &["get", "k2", "--from-key", "--keys-only"],
    &["get", "k", "--prefix", "--limit", "2", "-w", "json"],
    &[
        "get",
        "k",
        "--prefix",
        "--order=DESCEND",
        "--sort-by=MODIFY",
    ],
    &["get", "k", "--prefix", "--order=ASCEND", "--sort-by=VALUE"],
    &["get", "", "--prefix", "-w", "json"],
    &["get", "nothere"],
    &["get", "foo", "--rev=9999"],
    &["get", "foo", "--consistency=s"],
    &["txn"],
    &["txn"],
    &["put", ""],
    &["del", "k1"],
    &["del", "k", "--prefix", "--prev-kv"],
    &["del", "nothere"],
    &["put", "foo", "--ignore-value"],
    &["put", "newkey", "--ignore-value"],
    &["put", "x", "y", "--lease=1234abcd"],
    &["lease", "list"],
    &["lease", "revoke", "1234abcd"],
    &["lease", "timetolive", "1234abcd"],
    &["lease", "keep-alive", "--once", "1234abcd"],
    &["lease", "grant", "100"],
    &["lease", "grant", "9999999999"],
    &["lock", "a-lock", "echo", "locked"],
    &["elect", "-l", "nobody"],
    &["put", "c1", "1"],
    &["put", "c1", "2"],
    &["put", "c1", "3"],
    &["compaction", "5"],
    &["compaction", "5"],
    &["compaction", "99999"],
    &["get", "foo", "--rev=3"],
    &["watch", "foo", "--rev=2"],
    &["get", "foo", "--rev=6", "-w", "json"],
    &["alarm", "list"],
    &["member", "remove", "abcdef0123456789"],
    &["member", "promote", "abcdef0123456789"],
    &["member", "add", "n4", "--peer-urls=notaurl"],
    &["put", "z", "\u{fffd}ü"],
    &["get", "z", "-w", "json"],
    &["get", "z", "z", "--keys-only"],
    &["get", "a", "--from-key", "--limit", "1"],
    &["put", "last", "one"],
];

const TXNS: [&str; 2] = [
    "value(\"foo\") = \"bar2\"\nversion(\"k1\") > \"0\"\n\nput foo txned\nget foo\n\nput foo failed\nget k1\n\n",
    "mod(\"foo\") < \"3\"\n\nput foo a\n\nput foo b --prev-kv\ndel k2\nget k --prefix\n\n",
];

/// Takes out what differs from cluster to cluster: ids, terms, log lines, ports.
fn plain(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("{\"level\"")) {
        let mut line = line.to_string();
        for name in ["cluster_id", "member_id", "raft_term"] {
            let marker = format!("\"{name}\":");
            if let Some(at) = line.find(&marker) {
                let end = line[at + marker.len()..].find([',', '}']);
                let end = at + marker.len() + end.unwrap_or(0);
                line.replace_range(at + marker.len()..end, "N");
            }
        }
        let words = line.split(' ').map(|word| {
            let hex = word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit());
            if hex { "ID" } else { word }
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}

fn script(ctl: &Ctl) -> Result<Vec<String>, Outcome> {
    let mut said = Vec::new();
    let mut txns = TXNS.iter();
    for words in COMMANDS {
        let answer = match words[0] {
            "txn" => ctl.run_with(words, txns.next().copied().unwrap_or_default())?,
            // These go on until they are stopped.
            "elect" | "watch" => {
                let child = ctl.begin(words)?;
                let text = after(child, Duration::from_millis(700))?;
                said.push(format!("{}: {}", words.join(" "), plain(&text)));
                continue;
            }
            _ => ctl.run(words)?,
        };
        let well = if answer.ok { "" } else { " (failed)" };
        said.push(format!(
            "{}{well}: {}",
            words.join(" "),
            plain(&answer.text)
        ));
    }
    Ok(said)
}

/// What a command that goes on has printed when it is stopped.
fn after(mut child: Child, time: Duration) -> Result<String, Outcome> {
    std::thread::sleep(time);
    let _ = child.kill();
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Every command says the same of both; then what goes on: watches, locks, elections.
pub fn side_by_side() -> Checked {
    let etcd = Cluster::start(Kind::Etcd)?;
    let ours = Cluster::start(Kind::Ours(Build::Dev))?;
    let theirs = script(&Ctl::of(&etcd.endpoints()))?;
    let own = script(&Ctl::of(&ours.endpoints()))?;
    for (theirs, own) in theirs.iter().zip(&own) {
        ensure(theirs == own, || {
            format!("etcd: {theirs}\n         ours: {own}")
        })?;
    }
    for cluster in [&etcd, &ours] {
        watch(cluster)?;
        lock(cluster)?;
        status(cluster)?;
    }
    refused(&ours)?;
    Ok(format!(
        "{} commands say the same of ours and of etcd; watch, lock, elect, status, health, hashkv",
        COMMANDS.len()
    ))
}

fn wait_for(child: &mut Child, text: &str) -> Result<String, Outcome> {
    let Some(stdout) = child.stdout.as_mut() else {
        return fail("a command has no output");
    };
    let until = Instant::now() + Duration::from_secs(10);
    let mut seen = Vec::new();
    let mut byte = [0];
    while Instant::now() < until {
        if stdout.read(&mut byte)? == 0 {
            break;
        }
        seen.push(byte[0]);
        if seen.ends_with(text.as_bytes()) {
            return Ok(String::from_utf8_lossy(&seen).into_owned());
        }
    }
    let seen = String::from_utf8_lossy(&seen);
    fail(format!("waited for {text:?} and saw {seen:?}"))
}

fn watch(cluster: &Cluster) -> Result<(), Outcome> {
    let ctl = Ctl::of(&cluster.endpoints());
    ctl.run(&["put", "w/a", "0"])?;
    // From a revision that has passed, so that nothing depends on when the watch stands.
    let mut child = ctl.begin(&["watch", "w/", "--prefix", "--prev-kv", "--rev=1000000"])?;
    let _ = child.kill();
    let _ = child.wait();
    let said = ctl.run(&["get", "w/a", "-w", "json"])?;
    let revision = said
        .text
        .split("\"mod_revision\":")
        .nth(1)
        .unwrap_or_default();
    let revision: String = revision.chars().take_while(char::is_ascii_digit).collect();
    let from = format!("--rev={revision}");
    let mut child = ctl.begin(&["watch", "w/", "--prefix", "--prev-kv", &from])?;
    let before = wait_for(&mut child, "w/a\n0\n")?;
    for words in [["put", "w/a", "1"], ["put", "w/b", "2"]] {
        ctl.run(&words)?;
    }
    ctl.run(&["del", "w/a"])?;
    let seen = before + &wait_for(&mut child, "DELETE\nw/a\n1\nw/a\n\n")?;
    let _ = child.kill();
    let _ = child.wait();
    let expected = "PUT\nw/a\n0\nPUT\nw/a\n0\nw/a\n1\nPUT\nw/b\n2\nDELETE\nw/a\n1\nw/a\n\n";
    ensure(seen == expected, || {
        format!(
            "{}: a watch saw {seen:?}, not {expected:?}",
            cluster.kind.name()
        )
    })
}

/// One holds a lock, another waits for it and gets it when the first is gone; the same for an
/// election.
fn lock(cluster: &Cluster) -> Result<(), Outcome> {
    let ctl = Ctl::of(&cluster.endpoints());
    for words in [
        &["lock", "job", "--ttl=2"][..],
        &["elect", "post", "me"][..],
    ] {
        let mut first = ctl.begin(words)?;
        wait_for(&mut first, "\n")?;
        let mut second = ctl.begin(words)?;
        std::thread::sleep(Duration::from_millis(300));
        ensure(second.try_wait()?.is_none(), || {
            "a waiter does not wait".into()
        })?;
        // Not asked to stop, so that it cannot give back what it holds: its lease must end.
        let _ = first.kill();
        let _ = first.wait();
        if words[0] == "elect" {
            // Its lease has a minute; the keys of the first are taken away by hand.
            let said = ctl.run(&[
                "get",
                "post",
                "--prefix",
                "--keys-only",
                "--sort-by=CREATE",
                "--limit=1",
            ])?;
            ctl.run(&["del", said.text.trim()])?;
        }
        wait_for(&mut second, "\n")?;
        let _ = second.kill();
        let _ = second.wait();
    }
    Ok(())
}

fn status(cluster: &Cluster) -> Result<(), Outcome> {
    let ctl = Ctl::of(&cluster.endpoints());
    let said = ctl.run(&["endpoint", "status"])?;
    let lines: Vec<Vec<&str>> = said.text.lines().map(|l| l.split(", ").collect()).collect();
    let leaders = lines
        .iter()
        .filter(|line| line.get(4) == Some(&"true"))
        .count();
    ensure(lines.len() == 3 && leaders == 1, || {
        format!("endpoint status: {}", said.text)
    })?;
    let said = ctl.run(&["endpoint", "health"])?;
    let healthy = said.text.matches("is healthy").count();
    ensure(said.ok && healthy == 3, || {
        format!("endpoint health: {}", said.text)
    })?;
    let said = ctl.run(&["member", "list"])?;
    let started = said.text.matches("started").count();
    ensure(said.ok && started == 3, || {
        format!("member list: {}", said.text)
    })?;
    equal(cluster)
}

/// What we do not do is answered with a sentence.
fn refused(ours: &Cluster) -> Result<(), Outcome> {
    let ctl = Ctl::of(&ours.endpoints());
    for words in [["user", "list"], ["auth", "enable"], ["role", "list"]] {
        let said = ctl.run(&words)?;
        let sentence = "raft-server does not do";
        ensure(!said.ok && said.text.contains(sentence), || {
            format!("{}: {}", words.join(" "), said.text)
        })?;
    }
    Ok(())
}

/// Every command goes on working while one member after the other is killed and started again.
pub fn while_one_is_down() -> Checked {
    let mut cluster = Cluster::start(Kind::Ours(Build::Dev))?;
    let ctl = Ctl::of(&cluster.endpoints());
    let mut done = 0;
    for round in 0..3 {
        let victim = if round == 0 { cluster.leader()? } else { round };
        cluster.kill(victim);
        for n in 0..5 {
            let key = format!("down{round}.{n}");
            let lease = ctl.run(&["lease", "grant", "60"])?;
            ensure(lease.ok, || format!("lease grant: {}", lease.text))?;
            let lease = lease.text.split(' ').nth(1).unwrap_or_default().to_string();
            let lease = format!("--lease={lease}");
            for words in [
                &["put", &key, "v", &lease][..],
                &["get", &key],
                &["lock", "down", "true"],
                &["del", &key],
                &["member", "list"],
            ] {
                let said = ctl.run(words)?;
                ensure(said.ok, || {
                    format!(
                        "member {} is down, {}: {}",
                        victim + 1,
                        words.join(" "),
                        said.text
                    )
                })?;
                done += 1;
            }
        }
        cluster.up(victim)?;
        cluster.wait_for_leader()?;
    }
    equal(&cluster)?;
    Ok(format!(
        "{done} commands while one of three was down; then all equal"
    ))
}
