//! Five nodes that send heartbeats, in our simulator and in turmoil: the same core, the same delays, the same bytes.

use crate::beats::{Beats, Config, Msg, NODES, Timer, config, with_beat};
use crate::clock::{row, timed};
use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Moment, Output, TimerChange};
use node::{Addr, LocalTime, WallTime};
use sim::RunSpec;
use sim::key::mix;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use turmoil::net::UdpSocket;

const UNIT: &str = "messages/CPU s";
const ROUNDS: usize = 5;

pub fn run() {
    let (often, dense) = (Duration::from_millis(10), Duration::from_millis(1));
    row("simulator", UNIT, many(|| ours(false, false, often)));
    row(
        "simulator, encoding",
        UNIT,
        many(|| ours(false, true, often)),
    );
    row("simulator, faults", UNIT, many(|| ours(true, false, often)));
    beside("100 beats a second", often);
    // turmoil looks at every host once a millisecond, whether there is something to do or not: it gains from traffic.
    beside("1000 beats a second", dense);
}

/// Both with encoding; ours with every fault, turmoil with 2 % of its messages lost.
fn beside(traffic: &str, beat: Duration) {
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(rate(|| ours(true, true, beat)));
        two.push(rate(|| turmoil_run(0.02, beat)));
    }
    let one = row(
        &format!("simulator, faults, encoding, {traffic}"),
        UNIT,
        one,
    );
    let two = row(&format!("turmoil, losses, encoding, {traffic}"), UNIT, two);
    println!("{:<52} {:>12.1} times", "simulator / turmoil", one / two);
}

fn many(mut work: impl FnMut() -> u64) -> Vec<f64> {
    (0..ROUNDS).map(|_| rate(&mut work)).collect()
}

fn rate(work: impl FnOnce() -> u64) -> f64 {
    let (count, seconds) = timed(work);
    count as f64 / seconds
}

/// Messages delivered in ten runs of a virtual minute.
fn ours(faults: bool, wire: bool, beat: Duration) -> u64 {
    let mut scene = with_beat(faults, beat);
    scene.wire = wire;
    (0..10).map(|seed| one_run(&scene, seed)).sum()
}

fn one_run(scene: &sim::Scenario<Beats>, seed: u64) -> u64 {
    let spec = RunSpec {
        seed,
        ..RunSpec::default()
    };
    let outcome = sim::run(scene, (), &spec);
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    outcome.delivered
}

fn turmoil_run(lost: f64, beat: Duration) -> u64 {
    let virtual_seconds = 60;
    let delivered = Arc::new(AtomicU64::new(0));
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(1)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(5))
        .simulation_duration(Duration::from_secs(virtual_seconds + 1));
    builder.fail_rate(lost).repair_rate(1.0);
    let mut sim = builder.build();
    for me in 0..NODES {
        let delivered = delivered.clone();
        sim.host(name(me), move || host(me, config(beat), delivered.clone()));
    }
    sim.client("clock", async move {
        tokio::time::sleep(Duration::from_secs(virtual_seconds)).await;
        Ok(())
    });
    sim.run().expect("turmoil runs to its end");
    delivered.load(Ordering::Relaxed)
}

fn name(node: u32) -> String {
    format!("node{node}")
}

/// A node's randomness; it has no disk.
struct Dice(u64);

impl Env for Dice {
    fn read(&self, _file: &str) -> Option<&[u8]> {
        None
    }
    fn list(&self, _prefix: &str) -> Vec<String> {
        Vec::new()
    }
    fn free_bytes(&self) -> u64 {
        u64::MAX
    }
    fn apply(&mut self, _file: &FileName, _op: &DiskOp) {}
    fn choose(&mut self, n: u32) -> u32 {
        self.0 = mix(self.0.wrapping_add(1));
        (self.0 % u64::from(n)) as u32
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        let span = within.end.saturating_sub(within.start).as_micros() as u32;
        within.start + Duration::from_micros(self.choose(span.max(1)).into())
    }
}

struct Host {
    me: Addr,
    sockets: Vec<SocketAddr>,
    dice: Dice,
    out: Output<Beats>,
    timers: BTreeMap<Timer, tokio::time::Instant>,
    started: tokio::time::Instant,
}

impl Host {
    fn moment(&self) -> Moment {
        let elapsed = self.started.elapsed().as_micros() as u64;
        Moment {
            me: self.me,
            now: LocalTime::from_micros(elapsed),
            wall: WallTime::from_unix_micros(elapsed as i64),
        }
    }

    async fn carry_out(&mut self, socket: &UdpSocket) -> std::io::Result<()> {
        let now = tokio::time::Instant::now();
        for change in self.out.timers.drain(..) {
            match change {
                TimerChange::Set(timer, after) => drop(self.timers.insert(timer, now + after)),
                TimerChange::Cancel(timer) => drop(self.timers.remove(&timer)),
            }
        }
        for effect in self.out.effects.drain(..) {
            if let Effect::Send { to, msg } = effect {
                let bytes = postcard::to_stdvec(&msg).map_err(std::io::Error::other)?;
                socket.send_to(&bytes, self.sockets[to.0 as usize]).await?;
            }
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<(Timer, tokio::time::Instant)> {
        let next = self.timers.iter().min_by_key(|(_, at)| **at)?;
        Some((*next.0, *next.1))
    }
}

async fn host(me: u32, cfg: Config, delivered: Arc<AtomicU64>) -> Result<(), Box<dyn Error>> {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), 9000)).await?;
    let mut host = Host {
        me: Addr(me),
        sockets: (0..NODES)
            .map(|n| SocketAddr::new(turmoil::lookup(name(n)), 9000))
            .collect(),
        dice: Dice(u64::from(me)),
        out: Output::default(),
        timers: BTreeMap::new(),
        started: tokio::time::Instant::now(),
    };
    let at = host.moment();
    let mut node: Beats = driver::boot(at, &cfg, &mut host.dice, &mut host.out);
    host.carry_out(&socket).await?;
    let mut buffer = [0; 256];
    loop {
        let next = host.next_timer();
        let due = next.map_or_else(|| host.started + Duration::from_secs(1 << 20), |(_, at)| at);
        let input = tokio::select! {
            biased;
            got = socket.recv_from(&mut buffer) => {
                let (len, from) = got?;
                let msg: Msg = postcard::from_bytes(&buffer[..len])?;
                delivered.fetch_add(1, Ordering::Relaxed);
                let place = host.sockets.iter().position(|s| s.ip() == from.ip());
                Input::Message(Addr(place.unwrap_or(0) as u32), msg)
            }
            () = tokio::time::sleep_until(due) => {
                let Some((timer, _)) = next else { continue };
                host.timers.remove(&timer);
                Input::Timer(timer)
            }
        };
        let at = host.moment();
        driver::step(&mut node, at, &cfg, &mut host.dice, input, &mut host.out);
        host.carry_out(&socket).await?;
    }
}
