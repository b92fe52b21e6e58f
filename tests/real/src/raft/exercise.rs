//! The table of faults: the same clients, the same faults and the same checker on etcd and on ours.

use super::client::block_on;
use super::cluster::{Cluster, Kind};
use super::history::{Clients, judge};
use crate::outcome::{Checked, Outcome};
use crate::servers::Build;
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long a fault lasts.
const FAULT: Duration = Duration::from_secs(4);
/// How long the clients go on before it and after it.
const AROUND: Duration = Duration::from_secs(2);
/// The longest wait for the next answer.
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
enum Fault {
    /// `SIGSTOP` of the leader, then `SIGCONT`.
    Stop,
    /// What the leader says does not arrive; it still hears the others.
    Mute,
    /// `kill -9` of the leader, then it is started again.
    Kill,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Fault::Stop => "the leader is stopped (SIGSTOP)",
            Fault::Mute => "the leader is not heard",
            Fault::Kill => "the leader is killed (kill -9)",
        }
    }

    fn set(self, cluster: &mut Cluster, leader: usize, on: bool) -> Result<(), Outcome> {
        match (self, on) {
            (Fault::Stop, true) => cluster.signal(leader, Signal::STOP),
            (Fault::Stop, false) => cluster.signal(leader, Signal::CONT),
            (Fault::Kill, true) => {
                cluster.kill(leader);
                Ok(())
            }
            (Fault::Kill, false) => cluster.up(leader),
            (Fault::Mute, on) => {
                if let Some(links) = &cluster.links {
                    links.mute(leader, on);
                }
                Ok(())
            }
        }
    }
}

/// The table for etcd and the reference.
pub fn reference() -> Checked {
    table(Kind::Ours(Build::Dev))
}

/// The table for etcd and the learner's Raft.
pub fn learner() -> Checked {
    // What is not written yet is told before anything else is waited for.
    Cluster::start(Kind::Yours)?;
    table(Kind::Yours)
}

/// Runs each fault on each cluster, and prints a row for each.
fn table(own: Kind) -> Checked {
    println!(
        "| fault | cluster | answered before | longest pause | answered in the fault | after | open | history |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut rows = 0;
    for fault in [Fault::Stop, Fault::Mute, Fault::Kill] {
        for kind in [Kind::Etcd, own] {
            row(fault, kind)?;
            rows += 1;
        }
    }
    Ok(format!("{rows} histories, all linearizable"))
}

fn row(fault: Fault, kind: Kind) -> Result<(), Outcome> {
    let mut cluster = match fault {
        Fault::Mute => Cluster::start_with_links(kind)?,
        _ => Cluster::start(kind)?,
    };
    let leader = cluster.leader()?;
    let (counts, pause, recorded) = block_on(async {
        let clients = Clients::start(&cluster, 3);
        tokio::time::sleep(AROUND).await;
        let before = clients.answered();
        fault.set(&mut cluster, leader, true)?;
        let pause = longest_pause(&clients, FAULT).await;
        let during = clients.answered() - before;
        fault.set(&mut cluster, leader, false)?;
        let after = clients.answered();
        let started = Instant::now();
        while clients.answered() < after + 20 && started.elapsed() < LIMIT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(AROUND).await;
        let after = clients.answered() - after;
        Ok(((before, during, after), pause, clients.stop().await))
    })?;
    let what = format!("{}, {}", fault.name(), kind.name());
    let (_, open) = judge(&what, recorded)?;
    let (before, during, after) = counts;
    println!(
        "| {} | {} | {before} | {:.1} s | {during} | {after} | {open} | linearizable |",
        fault.name(),
        kind.name(),
        pause.as_secs_f64(),
    );
    Ok(())
}

/// The longest time without an answer, within this time.
async fn longest_pause(clients: &Clients, within: Duration) -> Duration {
    let started = Instant::now();
    let (mut last, mut count, mut longest) = (started, clients.answered(), Duration::ZERO);
    while started.elapsed() < within {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = clients.answered();
        longest = longest.max(last.elapsed());
        if now > count {
            (last, count) = (Instant::now(), now);
        }
    }
    longest
}
