//! Election timeouts, as in §9.3 and Figure 16 of the Raft paper: how long nobody leads after a
//! leader's crash.
//!
//! Five servers, of which the leader is dead and two lack an entry, so that they cannot win. All
//! timers began with its last heartbeat; it crashed at a random moment of the heartbeat interval
//! after that. A message takes 2 to 5 ms. Measured is the time from the crash until another server
//! hears the new leader.
//!
//! The reference's election runs in the simulator; with `--features mine` the learner's. `--write`
//! puts the tables into the book, `--check` compares them. Ends with 1 if a figure is outside its
//! band.

mod shared;

#[cfg(not(feature = "mine"))]
use dist_raft as measured;
#[cfg(feature = "mine")]
use mine_raft as measured;

use measured::{Config, Entry, Payload, Raft, Term, View};
use node::Addr;
use shared::{Findings, Table};
use sim::key::Draw;
use sim::{Checker, Faults, RunSpec, Scenario, Step, Violation, ms, run};
use std::process::ExitCode;
use std::time::Duration;

const TRIALS: u64 = 1_000;
/// Without randomness each trial takes long.
const FEW_TRIALS: u64 = 100;
/// No trial is followed for longer.
const CUT: Duration = ms(20_000);

/// Ends a run as soon as a follower has heard a leader.
#[derive(Clone, PartialEq, Eq, Hash)]
struct UntilLed;

impl Checker<Raft> for UntilLed {
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        let follows = |view: &View| view.leader_id.is_some() && !view.leads();
        match step.stepped().is_some_and(follows) {
            true => Err(Violation::new("led", "a follower has heard a leader")),
            false => Ok(()),
        }
    }
}

/// Times without a leader in milliseconds, in order; one that was cut is infinite.
struct Times(Vec<f64>);

impl Times {
    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
    fn mean(&self) -> f64 {
        let cut = CUT.as_secs_f64() * 1e3;
        self.0.iter().map(|t| t.min(cut)).sum::<f64>() / self.0.len() as f64
    }
    fn worst(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
    /// The share of trials that took longer.
    fn over(&self, limit: f64) -> f64 {
        self.0.iter().filter(|t| **t > limit).count() as f64 / self.0.len() as f64
    }
}

/// Five servers; four of them have timeouts of this range.
fn scenario(from: Duration, to: Duration, slow_disk: bool) -> Scenario<Raft> {
    let voters = [1, 2, 3, 4, 5].map(Addr);
    let entry = Entry {
        term: Term(1),
        payload: Payload::Empty,
    };
    let mut scene = Scenario::new("raft")
        .with_delay(ms(2)..ms(5))
        .with_drift_ppm(0)
        .lasting(CUT, ms(0));
    // The dead leader stands here as a server that never asks and always refuses: for the others
    // the two are the same.
    let dead = ms(1_000_000);
    for (i, server) in voters.iter().enumerate() {
        let cfg = Config {
            election_timeout: if i == 4 { dead..dead } else { from..to },
            heartbeat: from / 2,
            durable: slow_disk,
            initial_log: vec![entry.clone(); [2, 2, 1, 1, 3][i]],
            ..Config::of_stage(1, voters)
        };
        scene = scene.node(*server, format!("S{}", server.0), "server", cfg);
    }
    if slow_disk {
        scene = scene.with_faults(Faults {
            slow_sync: 1.0,
            slow_for: ms(5)..ms(9),
            ..Faults::none()
        });
    }
    scene
}

fn measure(from: Duration, to: Duration, slow_disk: bool) -> Times {
    let scene = scenario(from, to, slow_disk);
    let trials = if from == to { FEW_TRIALS } else { TRIALS };
    let times = (0..trials).map(|seed| {
        let spec = RunSpec {
            seed,
            ..RunSpec::default()
        };
        let interval = (from / 2).as_micros() as u64;
        let crash = Draw::new(seed, Draw::key(200, 0, 0, 0)).below(interval);
        match run(&scene, UntilLed, &spec).failure {
            Some(found) if found.violation.invariant == "led" => {
                (found.at.as_micros().saturating_sub(crash)) as f64 / 1e3
            }
            Some(found) => panic!("the election failed: {}", found.violation.message),
            None => f64::INFINITY,
        }
    });
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    Times(times)
}

fn shown(ms: f64) -> String {
    match ms.is_finite() {
        true => format!("{ms:.0}"),
        false => format!("{:.0}", CUT.as_secs_f64() * 1e3),
    }
}

fn rows(name: &'static str, first: &str, ranges: &[(u64, u64, u64)], found: &mut Findings) {
    let mut table = Table::new(&[first, "median", "mean", "worst", "median, disk of 5–9 ms"]);
    for (x, from, to) in ranges {
        let times = measure(ms(*from), ms(*to), false);
        let slow = measure(ms(*from), ms(*to), true);
        let cells = [times.median(), times.mean(), times.worst(), slow.median()].map(shown);
        table.row(&[x, &cells[0], &cells[1], &cells[2], &cells[3]]);
        let long = format!("{:.0} %", times.over(10_000.0) * 100.0);
        println!("{from}–{to} ms: over 10 s in {long} of the trials");
        band((*from, *to), &times, found);
    }
    found.table(name, table);
}

/// What the curriculum's table allows.
fn band(range: (u64, u64), times: &Times, found: &mut Findings) {
    let within = |value: f64, band: std::ops::Range<f64>| band.contains(&value);
    let (holds, what) = match range {
        (150, 150) => (times.over(10_000.0) >= 0.8, "at least 80 % over 10 s"),
        (150, 155) => (
            within(times.median(), 200.0..450.0),
            "a median of 200 to 450 ms",
        ),
        (150, 200) => (times.worst() < 900.0, "a worst below 900 ms"),
        (12, 24) => (within(times.mean(), 25.0..50.0), "a mean of 25 to 50 ms"),
        _ => return,
    };
    let seen = [times.median(), times.mean(), times.worst()].map(shown);
    found.holds(
        holds,
        format!("{range:?} should have {what}; median, mean, worst: {seen:?}"),
    );
}

fn main() -> ExitCode {
    let mut found = Findings::default();
    let widths = [0, 1, 5, 10, 25, 50, 100, 150].map(|w| (w, 150, 150 + w));
    rows("raft-elections-width", "width", &widths, &mut found);
    let scales = [12, 25, 50, 100, 150].map(|from| (from, from, 2 * from));
    rows("raft-elections-scale", "from", &scales, &mut found);
    found.conclude()
}
