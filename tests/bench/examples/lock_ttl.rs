//! The benchmark question of the lock lab: what a TTL costs, and what it is good for.
//!
//! The reference session and server run in the simulator; with `--features mine` the learner's.
//! `--write` puts the tables into the book, `--check` compares them. Ends with 1 if a figure is
//! outside its band.

mod shared;

#[cfg(not(feature = "mine"))]
use dist_lock as measured;
#[cfg(feature = "mine")]
use mine as measured;

use measured::{
    Cast, CastConfig, Msg, Name, Op, Request, ServerConfig, SessionConfig, View, deadline,
};
use node::{Addr, LocalTime};
use shared::{Findings, Table};
use sim::key::Draw;
use sim::{Scenario, Script, ms};
use std::process::ExitCode;
use std::time::Duration;

const SERVER: Addr = Addr(0);
const A: Addr = Addr(1);
const B: Addr = Addr(2);
const TTLS_MS: [u64; 7] = [500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000];
const DRIFT_PPM: u32 = 10_000;
/// One way of a message.
const DELAY: Duration = ms(1);
const CRASHES: u64 = 1_000;
const PAUSES: u64 = 4_000;
/// One pause in ten seconds.
const PAUSES_PER_DAY: f64 = 8_640.0;

fn scenario() -> Scenario<Cast> {
    let session = |identity: &str| {
        CastConfig::Session(SessionConfig {
            identity: identity.to_string(),
            servers: vec![SERVER],
            storage: None,
            drift_ppm: DRIFT_PPM,
            retry_after: ms(100),
            patience: ms(1_000),
        })
    };
    let server = CastConfig::Server(ServerConfig::default());
    Scenario::new("lock")
        .node(SERVER, "server", "server", server)
        .node(A, "A", "session", session("A"))
        .node(B, "B", "session", session("B"))
        .with_delay(DELAY..DELAY + DELAY)
}

/// Plays one schedule, without checkers: what is measured here was judged elsewhere.
fn play<T>(schedule: impl FnOnce(&mut Script<Cast, ()>) -> T) -> T {
    let played = Script::play(&scenario(), (), "lock_ttl", schedule);
    match played.value {
        Some(value) => value,
        None => panic!("the schedule failed: {:?}", played.failure),
    }
}

fn job() -> Name {
    Name::from("job")
}

fn lock(ttl: Duration, wait: Option<Duration>) -> Op {
    let name = job();
    Op::Lock { name, ttl, wait }
}

/// A number from 0 up to, but not, 1.
fn uniform(draw: Draw) -> f64 {
    (draw.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A holds the lock and has renewed it some times; `draw` says how far it is from the last one.
fn held_for_a_while(w: &mut Script<Cast, ()>, ttl: Duration, draw: Draw) {
    w.op(A, lock(ttl, None));
    w.run_for(ttl + (ttl / 3).mul_f64(uniform(draw)));
}

/// How many renewals a second a holder sends.
fn renewals_per_second(ttl: Duration) -> f64 {
    let span = ttl * 100;
    let renewal = |m: &Msg| matches!(m, Msg::Request(_, Request::Renew { .. }));
    play(|w| {
        w.op(A, lock(ttl, None));
        w.run_for(ttl);
        let before = w.count_sent(A, SERVER, renewal);
        w.run_for(span);
        let sent = w.count_sent(A, SERVER, renewal) - before;
        sent as f64 / span.as_secs_f64()
    })
}

/// How long after its holder's crash the lock goes to the next one, who waits in the queue.
fn free_after(ttl: Duration, draw: Draw) -> Duration {
    play(|w| {
        held_for_a_while(w, ttl, draw);
        w.crash(A);
        let crashed = w.now();
        w.op(B, lock(ttl, Some(ttl * 2)));
        let granted = w.run_until(ttl * 2, |w| match w.view(SERVER) {
            Some(View::Server(server)) => server
                .leases
                .iter()
                .any(|lease| lease.owner.as_bytes().starts_with(b"B")),
            _ => false,
        });
        assert!(granted, "the lock of a dead holder was never free");
        w.now() - crashed
    })
}

/// Whether a pause of `pause` costs a live holder its lock.
fn lost_by_pause(ttl: Duration, pause: Duration, draw: Draw) -> bool {
    play(|w| {
        held_for_a_while(w, ttl, draw);
        w.pause(A);
        w.run_for(pause);
        w.resume(A);
        w.run_for(DELAY * 4);
        match w.view(A) {
            Some(View::Client(client)) => client.held.is_empty(),
            _ => true,
        }
    })
}

/// How long pauses are. Of both, 99.9 % are shorter than 800 ms.
#[derive(Clone, Copy)]
enum Tail {
    /// Exponential: half are shorter than 80 ms.
    Thin,
    /// Pareto: half are shorter than 8 ms.
    Fat,
}

const P999_S: f64 = 0.8;
const FAT_MEDIAN_S: f64 = 0.008;

impl Tail {
    /// The part of all pauses that last longer than `seconds`.
    fn longer(self, seconds: f64) -> f64 {
        match self {
            Tail::Thin => (-seconds * 1000_f64.ln() / P999_S).exp(),
            Tail::Fat => {
                let part = 0.5 * (FAT_MEDIAN_S / seconds).powf(Self::fat_exponent());
                part.min(1.0)
            }
        }
    }

    /// The pause, in seconds, that is exceeded by this part of all.
    fn exceeded_by(self, part: f64) -> f64 {
        match self {
            Tail::Thin => -part.ln() * P999_S / 1000_f64.ln(),
            Tail::Fat => FAT_MEDIAN_S * (0.5 / part).powf(1.0 / Self::fat_exponent()),
        }
    }

    fn fat_exponent() -> f64 {
        500_f64.ln() / (P999_S / FAT_MEDIAN_S).ln()
    }
}

/// How long after the sending of a renewal its holder believes, in seconds.
fn belief(ttl: Duration) -> f64 {
    let start = LocalTime::default();
    (deadline(start, ttl, DRIFT_PPM) - start).as_secs_f64()
}

/// False expiries per pause, by the formula: the mean over the time since the last renewal.
fn expected_losses(ttl: Duration, tail: Tail) -> f64 {
    let (steps, third) = (10_000, ttl.as_secs_f64() / 3.0);
    let middles = (0..steps).map(|i| third * (f64::from(i) + 0.5) / f64::from(steps));
    let sum: f64 = middles.map(|phi| tail.longer(belief(ttl) - phi)).sum();
    sum / f64::from(steps)
}

/// False expiries per pause, counted. A pause that is too short to do harm at any moment need not
/// be played: only longer ones are drawn, and their share of all pauses is put back at the end.
fn counted_losses(ttl: Duration, tail: Tail, seed: u64) -> f64 {
    let harmless = belief(ttl) - ttl.as_secs_f64() / 3.0;
    let share = tail.longer(harmless);
    let lost = (0..PAUSES).filter(|n| {
        let draw = Draw::new(seed, *n);
        let pause = tail.exceeded_by(share * (1.0 - uniform(draw.again(1))));
        // A century is as good as any longer pause.
        let pause = Duration::from_secs_f64(pause.min(3e9));
        lost_by_pause(ttl, pause, draw)
    });
    share * lost.count() as f64 / PAUSES as f64
}

fn main() -> ExitCode {
    let mut found = Findings::default();
    costs(&mut found);
    pauses(&mut found);
    found.conclude()
}

/// Traffic and the time that a dead holder's lock is unusable.
fn costs(found: &mut Findings) {
    let mut renewals = Table::new(&["TTL in seconds", "3/TTL", "counted"]);
    let mut unusable = Table::new(&["TTL in seconds", "shortest", "mean", "longest", "5/6·TTL"]);
    for ttl_ms in TTLS_MS {
        let ttl = ms(ttl_ms);
        let seconds = ttl.as_secs_f64();
        let rate = renewals_per_second(ttl);
        let free: Vec<f64> = (0..CRASHES)
            .map(|n| free_after(ttl, Draw::new(ttl_ms, n)).as_secs_f64())
            .collect();
        let shortest = free.iter().copied().fold(f64::INFINITY, f64::min);
        let longest = free.iter().copied().fold(0.0, f64::max);
        let mean = free.iter().sum::<f64>() / CRASHES as f64;
        let (at_least, at_most) = (seconds * 2.0 / 3.0, seconds + DELAY.as_secs_f64());
        found.near(
            format!("renewals at TTL {seconds} s"),
            rate,
            3.0 / seconds,
            0.03,
        );
        found.near(
            format!("mean at TTL {seconds} s"),
            mean,
            seconds * 5.0 / 6.0,
            0.03,
        );
        found.holds(
            at_least < shortest && longest <= at_most,
            format!("TTL {seconds} s: free after {shortest} to {longest} s"),
        );
        renewals.row(&[
            &seconds,
            &format!("{:.3}", 3.0 / seconds),
            &format!("{rate:.3}"),
        ]);
        unusable.row(&[
            &seconds,
            &format!("{shortest:.3}"),
            &format!("{mean:.3}"),
            &format!("{longest:.3}"),
            &format!("{:.3}", seconds * 5.0 / 6.0),
        ]);
    }
    found.table("lock-renewals", renewals);
    found.table("lock-unusable", unusable);
}

/// How often a live holder loses its lock.
fn pauses(found: &mut Findings) {
    let mut table = Table::new(&[
        "TTL in seconds",
        "thin tail, computed",
        "thin tail, counted",
        "fat tail, computed",
        "fat tail, counted",
    ]);
    for ttl_ms in TTLS_MS {
        let ttl = ms(ttl_ms);
        let mut cells = vec![ttl.as_secs_f64().to_string()];
        for (tail, name) in [(Tail::Thin, "thin"), (Tail::Fat, "fat")] {
            let expected = expected_losses(ttl, tail) * PAUSES_PER_DAY;
            if expected < 1e-9 {
                cells.extend(["never".to_string(), "never".to_string()]);
                continue;
            }
            let counted = counted_losses(ttl, tail, ttl_ms) * PAUSES_PER_DAY;
            let what = format!("losses a day at TTL {ttl_ms} ms, {name} tail");
            found.near(what, counted, expected, 0.1);
            cells.extend([short(expected), short(counted)]);
        }
        let cells: Vec<&dyn std::fmt::Display> = cells.iter().map(|c| c as _).collect();
        table.row(&cells);
    }
    found.table("lock-pauses", table);
}

/// Two digits that mean something.
fn short(number: f64) -> String {
    if number < 0.1 {
        format!("{number:.3}")
    } else if number < 10.0 {
        format!("{number:.2}")
    } else {
        format!("{number:.0}")
    }
}
