//! Our three members beside etcd's three, on one machine, each with its fsync.
//!
//! Pairs of runs, the one right after the other and in turns. A client asks, waits, asks again, at
//! its own connection; the connections are spread over the members, as a load balancer would.
//! Operations per second of wall time measure the machine with the clients on it; operations per
//! processor second of the servers (`/proc/PID/stat`) measure the servers.

use super::client::{Client, block_on};
use super::cluster::{Cluster, Kind};
use crate::bench::{processor_time, spread};
use crate::draw::Draw;
use crate::outcome::{Checked, Outcome, ensure, run_all};
use crate::servers::Build;
use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Bytes of a value, and of a key.
const VALUE: usize = 256;
/// Keys that are written and read.
const KEYS: u64 = 10_000;

struct Line {
    clients: usize,
    put: bool,
}

const LINES: [Line; 4] = [
    Line {
        clients: 1,
        put: true,
    },
    Line {
        clients: 64,
        put: true,
    },
    Line {
        clients: 1,
        put: false,
    },
    Line {
        clients: 64,
        put: false,
    },
];

/// Runs the comparison. With `quick`, two pairs of two seconds each.
pub fn run(quick: bool) -> ExitCode {
    println!("puts of {VALUE} bytes and linearizable gets; median (least to most) of the pairs\n");
    println!(
        "| | | etcd, op/s | ours, op/s | ours / etcd | etcd, op per CPU s | ours | ours / etcd | p50, p99 etcd | ours |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let check: fn() -> Checked = if quick {
        || all(2, Duration::from_secs(2))
    } else {
        || all(7, Duration::from_secs(5))
    };
    run_all([("bench", check)])
}

fn all(pairs: usize, time: Duration) -> Checked {
    let etcd = Cluster::start(Kind::Etcd)?;
    let ours = Cluster::start(Kind::Ours(Build::Release))?;
    for cluster in [&etcd, &ours] {
        measure(cluster, &LINES[1], Duration::from_secs(1))?;
    }
    for line in &LINES {
        compare(line, pairs, time, &etcd, &ours)?;
    }
    Ok(format!(
        "{} lines, {pairs} pairs of {time:?} each",
        LINES.len()
    ))
}

/// One run.
struct Run {
    per_second: f64,
    per_cpu_second: f64,
    p50: f64,
    p99: f64,
}

fn compare(
    line: &Line,
    pairs: usize,
    time: Duration,
    etcd: &Cluster,
    ours: &Cluster,
) -> Result<(), Outcome> {
    let (mut theirs, mut own) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        if pair % 2 == 0 {
            theirs.push(measure(etcd, line, time)?);
            own.push(measure(ours, line, time)?);
        } else {
            own.push(measure(ours, line, time)?);
            theirs.push(measure(etcd, line, time)?);
        }
    }
    let of = |runs: &[Run], f: fn(&Run) -> f64, digits| spread(runs.iter().map(f), digits);
    let ratio = |f: fn(&Run) -> f64| spread(own.iter().zip(&theirs).map(|(o, t)| f(o) / f(t)), 2);
    let middle = |runs: &[Run], f: fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(f).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let what = if line.put { "put" } else { "get" };
    let plural = if line.clients == 1 {
        "client"
    } else {
        "clients"
    };
    println!(
        "| {what} | {} {plural} | {} | {} | {} | {} | {} | {} | {:.1}, {:.1} ms | {:.1}, {:.1} ms |",
        line.clients,
        of(&theirs, |r| r.per_second, 0),
        of(&own, |r| r.per_second, 0),
        ratio(|r| r.per_second),
        of(&theirs, |r| r.per_cpu_second, 0),
        of(&own, |r| r.per_cpu_second, 0),
        ratio(|r| r.per_cpu_second),
        middle(&theirs, |r| r.p50),
        middle(&theirs, |r| r.p99),
        middle(&own, |r| r.p50),
        middle(&own, |r| r.p99),
    );
    Ok(())
}

fn cpu(cluster: &Cluster) -> Result<f64, Outcome> {
    let mut all = 0.0;
    for pid in cluster.pids() {
        let (user, kernel) = processor_time(pid)?;
        all += user + kernel;
    }
    Ok(all)
}

fn measure(cluster: &Cluster, line: &Line, time: Duration) -> Result<Run, Outcome> {
    let before = cpu(cluster)?;
    let started = Instant::now();
    let mut times = block_on(load(cluster, line, time))?;
    let wall = started.elapsed().as_secs_f64();
    let used = cpu(cluster)? - before;
    ensure(times.len() > 10 && used > 0.0, || {
        "too short to measure".into()
    })?;
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    Ok(Run {
        per_second: times.len() as f64 / wall,
        per_cpu_second: times.len() as f64 / used,
        p50: at(0.5),
        p99: at(0.99),
    })
}

/// The clients; answers how long each operation took, in milliseconds.
async fn load(cluster: &Cluster, line: &Line, time: Duration) -> Result<Vec<f64>, Outcome> {
    let stop = Rc::new(Cell::new(false));
    let times = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..line.clients {
        let port = cluster.members[number % cluster.members.len()].client;
        let mut client = Client::connect(port).await?;
        let (stop, times, put) = (Rc::clone(&stop), Rc::clone(&times), line.put);
        tasks.spawn_local(async move {
            let mut draw = Draw::new(number as u64);
            while !stop.get() {
                let key = format!("bench{:012}", draw.below(KEYS)).into_bytes();
                let asked = Instant::now();
                if put {
                    client.set(key, vec![b'v'; VALUE]).await?;
                } else {
                    client.get(&key).await?;
                }
                times
                    .borrow_mut()
                    .push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            Ok::<(), tonic::Status>(())
        });
    }
    tokio::time::sleep(time).await;
    stop.set(true);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(times.take())
}
