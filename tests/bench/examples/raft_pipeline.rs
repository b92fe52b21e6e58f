//! The benchmark question of the Raft lab: batches, messages under way, and the disk.
//!
//! Three servers of the store, a thread each, over loopback; 64 clients put values of 256 bytes, each
//! one at a time. The servers' files lie beside this program, so it measures the disk that the
//! workbook is built on. Of three runs each figure is the middle one.
//!
//! The reference's core runs on the kit's sockets and files; with `--features mine` the learner's.
//! `--write` puts the tables into the book. Ends with 1 if batches give less than five times the
//! single file.

mod shared;

#[cfg(not(feature = "mine"))]
use dist_raft as measured;
#[cfg(feature = "mine")]
use mine_raft as measured;

use measured::{ClientId, Config, Kv, KvConfig, KvOp, KvRet, Update, Write};
use node::Addr;
use node::shell::{Shell, ShellConfig};
use shared::{Findings, Table};
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::LocalSet;

const SERVERS: [Addr; 3] = [Addr(1), Addr(2), Addr(3)];
const LEADER: Addr = SERVERS[0];
const CLIENTS: u64 = 64;
const VALUE_BYTES: usize = 256;
const BATCHES: [usize; 3] = [1, 8, 64];
const UNDER_WAY: [usize; 3] = [1, 4, 16];
const RUNS: usize = 3;
const WARM_UP: Duration = Duration::from_millis(300);
const MEASURED: Duration = Duration::from_millis(1_000);
/// What batches and group commit must give over one entry in one message at a time.
const WANTED: f64 = 5.0;

type Done<T> = Result<T, Box<dyn Error>>;

#[derive(Clone, Copy)]
struct Setup {
    batch: usize,
    under_way: usize,
    disk: bool,
    clients: u64,
}

/// One run: operations a second, and how long they took.
#[derive(Clone, Copy, Default)]
struct Run {
    per_second: f64,
    median: Duration,
    p99: Duration,
}

impl Run {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: f64| {
            let place = (times.len() as f64 * share) as usize;
            times.get(place).copied().unwrap_or_default()
        };
        Run {
            per_second: times.len() as f64 / MEASURED.as_secs_f64(),
            median: at(0.5),
            p99: at(0.99),
        }
    }
}

/// The first server stands long before the others do, so it leads.
fn config(me: Addr, setup: Setup) -> KvConfig {
    let patience = Duration::from_millis(if me == LEADER { 300 } else { 3_000 });
    let raft = Config {
        election_timeout: patience..patience + Duration::from_millis(10),
        max_entries: setup.batch,
        max_inflight: setup.under_way,
        ..Config::new(SERVERS)
    };
    let compact_every = None;
    KvConfig {
        raft,
        compact_every,
    }
}

/// Boots a server; its folder is new.
fn boot(me: Addr, setup: Setup, sockets: &[String], dir: &Path) -> Done<Shell<Kv>> {
    let mut shell = ShellConfig::new(me);
    if setup.disk {
        shell.data = Some(dir.join(me.0.to_string()));
    }
    let others = SERVERS.iter().zip(sockets).filter(|(addr, _)| **addr != me);
    shell.peers = others.map(|(addr, at)| (*addr, at.clone())).collect();
    Ok(Shell::boot(shell, Arc::new(config(me, setup)))?)
}

/// Runs `work` with a server on this thread.
fn on_this_thread<T>(
    (me, setup): (Addr, Setup),
    listener: TcpListener,
    (sockets, dir): (&[String], &Path),
    work: impl AsyncFnOnce(&Shell<Kv>) -> Done<T>,
) -> Done<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let shell = boot(me, setup, sockets, dir)?;
        let listening = shell.clone();
        let max_frame = ShellConfig::new(me).max_frame;
        tokio::task::spawn_local(async move { listening.listen(listener, max_frame).await });
        let done = work(&shell).await;
        shell.shutdown().await?;
        done
    })
}

/// A client: one write after the other, until the end; the times of those that began after the
/// warm-up.
async fn client(
    shell: Shell<Kv>,
    name: u64,
    times: Rc<RefCell<Vec<Duration>>>,
    on: Rc<Cell<bool>>,
) {
    let start = Instant::now();
    let window = WARM_UP..WARM_UP + MEASURED;
    for seq in 1.. {
        let begun = Instant::now();
        if begun - start >= window.end {
            return;
        }
        let update = Update::Put {
            key: format!("key {name}"),
            value: "v".repeat(VALUE_BYTES),
        };
        let client = ClientId(name);
        let write = Write {
            client,
            seq,
            update,
        };
        if !matches!(shell.call(KvOp::Write(write)).await, Ok(KvRet::Done(_))) {
            return on.set(false);
        }
        if window.contains(&(begun - start)) {
            times.borrow_mut().push(begun.elapsed());
        }
    }
}

/// Waits for the leader, lets the clients write, and takes their times.
async fn load(shell: &Shell<Kv>, setup: Setup) -> Done<Run> {
    while !shell.view().raft.leads() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (times, on) = (Rc::default(), Rc::new(Cell::new(true)));
    let clients: Vec<_> = (0..setup.clients)
        .map(|name| client(shell.clone(), name, Rc::clone(&times), Rc::clone(&on)))
        .map(tokio::task::spawn_local)
        .collect();
    for client in clients {
        client.await?;
    }
    if !on.get() {
        return Err("the leader fell: this machine is too busy to measure on; try again".into());
    }
    let times = times.take();
    Ok(Run::of(times))
}

fn run(setup: Setup, dir: &Path) -> Done<Run> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    let mut listeners = Vec::new();
    let mut sockets = Vec::new();
    for _ in SERVERS {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        sockets.push(listener.local_addr()?.to_string());
        listeners.push(listener);
    }
    let (stop, stopped) = watch::channel(());
    let mut places = SERVERS.into_iter().zip(listeners);
    let Some((leader, listener)) = places.next() else {
        return Err("no server".into());
    };
    let run = std::thread::scope(|threads| {
        for (me, listener) in places {
            let (sockets, mut stopped) = (&sockets, stopped.clone());
            threads.spawn(move || {
                let wait = async |_: &Shell<Kv>| {
                    // Ends with an error when the sender is gone: that is the signal.
                    let _ = stopped.changed().await;
                    Ok(())
                };
                let served = on_this_thread((me, setup), listener, (sockets, dir), wait);
                if let Err(why) = served {
                    eprintln!("server {}: {why}", me.0);
                }
            });
        }
        let work = async |shell: &Shell<Kv>| load(shell, setup).await;
        let run = on_this_thread((leader, setup), listener, (&sockets, dir), work);
        drop(stop);
        run
    })?;
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    Ok(run)
}

/// The run in the middle.
fn middle(setup: Setup, dir: &Path) -> Done<Run> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(run(setup, dir)?);
    }
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    Ok(runs[RUNS / 2])
}

/// How long this disk takes to make 4 KiB durable, in the middle.
fn sync_time(dir: &Path) -> Done<Duration> {
    fs::create_dir_all(dir)?;
    let mut file = File::create(dir.join("probe"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[1; 4096])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    fs::remove_dir_all(dir)?;
    Ok(Run::of(times).median)
}

fn in_ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

/// What one write takes when nothing else is under way.
fn alone(dir: &Path) -> Done<()> {
    let sync = sync_time(dir)?;
    let one = |disk| Setup {
        batch: 1,
        under_way: 1,
        disk,
        clients: 1,
    };
    let (without, with) = (middle(one(false), dir)?, middle(one(true), dir)?);
    println!("a sync of 4 KiB: {} ms", in_ms(sync));
    println!(
        "one client, no disk: {} ms, that is the way to a follower and back, and the processor",
        in_ms(without.median)
    );
    println!(
        "one client, fsync on: {} ms; the sum of the two above is {} ms\n",
        in_ms(with.median),
        in_ms(sync + without.median)
    );
    Ok(())
}

/// Writes a second, and the middle and the 99th percentile of their times.
fn cells(run: Run) -> [String; 3] {
    let rate = format!("{:.0}", run.per_second);
    [rate, in_ms(run.median), in_ms(run.p99)]
}

fn measure(found: &mut Findings) -> Done<()> {
    let dir: PathBuf = std::env::current_exe()?.with_extension("data");
    alone(&dir)?;
    let mut chart = Table::new(&["batch × under way", "writes a second"]);
    let mut all = Table::new(&[
        "batch × under way",
        "fsync on: writes/s",
        "median, ms",
        "99 %, ms",
        "fsync off: writes/s",
        "median, ms",
        "99 %, ms",
    ]);
    let mut on = Vec::new();
    for batch in BATCHES {
        for under_way in UNDER_WAY {
            let clients = CLIENTS;
            let with = |disk| Setup {
                batch,
                under_way,
                disk,
                clients,
            };
            let (synced, unsynced) = (middle(with(true), &dir)?, middle(with(false), &dir)?);
            let x = format!("{batch} × {under_way}");
            let [a, b] = [synced, unsynced].map(cells);
            chart.row(&[&x, &a[0]]);
            all.row(&[&x, &a[0], &a[1], &a[2], &b[0], &b[1], &b[2]]);
            on.push(synced.per_second);
        }
    }
    let (single, best) = (on[0], on.iter().copied().fold(0.0, f64::max));
    found.holds(
        best >= WANTED * single,
        format!("with fsync on, {best:.0} writes a second is less than {WANTED} times {single:.0}"),
    );
    found.table("raft-pipeline", chart);
    found.table("raft-pipeline-all", all);
    Ok(())
}

fn main() -> ExitCode {
    let mut found = Findings::default();
    if let Err(why) = measure(&mut found) {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    found.conclude()
}
