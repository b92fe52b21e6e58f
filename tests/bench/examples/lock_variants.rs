//! How often each replicated variant of the lock lab's stage 4 lets two in: the scenarios of its
//! graded tests, over more seeds.

mod shared;

// Formatted with the tests that it belongs to.
#[rustfmt::skip]
#[path = "../../graded/lock/support.rs"]
mod support;

use dist_lock::{Cast, Op, Ret, View};
use node::Addr;
use shared::{Findings, Table};
use sim::{Ask, FaultKind, Faults, RunSpec, Scenario, Strike, Turn, ms, run};
use std::process::ExitCode;
use std::time::Duration;
use support::*;

const RUNS: u64 = 2_000;

/// Locks and holds for a while, acts, unlocks now and then.
fn contends(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let last = turn.last_answer();
        let had = locked(last) || last == Some(&Ret::Acted);
        let op = match turn.draw.below(4) {
            _ if !had => lock(),
            0 => unlock(),
            _ => act(),
        };
        let longest = if had { 900_000 } else { 150_000 };
        let after = Duration::from_micros(1 + turn.draw.again(1).below(longest));
        Some(Ask { node, op, after })
    })
}

/// Three clients that all want the lock, and these faults, on `servers` where they strike a node.
fn in_trouble(
    mut scene: Scenario<Cast>,
    mut faults: Faults<Cast>,
    servers: &[Addr],
) -> Scenario<Cast> {
    for client in [A, B, C] {
        scene = contends(scene, client);
    }
    for kind in [
        FaultKind::Crash,
        FaultKind::Cut,
        FaultKind::Pause,
        FaultKind::Stall,
    ] {
        faults = faults.only(kind, servers);
    }
    scene
        .with_faults(faults)
        .lasting(ms(6_000), ms(1_500))
        .may_stay_unanswered()
}

/// The watcher asks the primary whether it leads; without an answer it promotes the replica.
fn asynchronous() -> Scenario<Cast> {
    let scene = failover(&[A, B, C])
        .client("watcher", |turn: &Turn<'_, Cast>| {
            let silent = turn.nth > 0 && turn.last_answer().is_none();
            Some(Ask {
                node: if silent { TWO } else { ONE },
                op: Op::Lead,
                after: ms(100),
            })
        })
        .patience(ms(100));
    let mut faults = Faults::none().aim(
        "crash the primary",
        |view| matches!(view, View::Server(s) if s.leads && s.leases.is_empty()),
        Strike::Cut,
        0.05,
    );
    faults.down_for = ms(20_000)..ms(20_001);
    faults.max_down = 1;
    in_trouble(scene, faults, &[ONE, TWO])
}

/// Servers that restart with nothing, on a network that loses messages.
fn restarting(silent_for: Duration) -> Scenario<Cast> {
    let mut faults = Faults::network();
    (faults.drop, faults.crash, faults.drift) = (0.15, 0.06, 1.0);
    faults.down_for = ms(10)..ms(100);
    in_trouble(redlock(&[A, B, C], &FIVE, silent_for), faults, &FIVE)
}

/// Leaders that change, crash and stand still, in front of a register that does not.
fn on_a_register() -> Scenario<Cast> {
    let scene = registered(&[A, B, C]).client("watcher", |turn: &Turn<'_, Cast>| {
        let node = *turn.one_of(1, &[ONE, TWO]);
        let after = ms(1 + turn.draw.below(900));
        let op = Op::Lead;
        Some(Ask { node, op, after })
    });
    let mut faults = Faults::network();
    (faults.drift, faults.crash, faults.cut) = (1.0, 0.02, 0.005);
    (faults.pause, faults.stall, faults.late) = (0.04, 0.01, 0.1);
    faults.pause_for = ms(100)..ms(2_000);
    in_trouble(scene, faults, &[ONE, TWO])
}

/// How many runs had two holders; how often a lock was granted in all of them.
fn count(found: &mut Findings, scene: &Scenario<Cast>) -> (u64, u64) {
    let (mut two_holders, mut granted) = (0, 0);
    for seed in 0..RUNS {
        let spec = RunSpec {
            seed,
            ..RunSpec::default()
        };
        let outcome = run(scene, OneHolder, &spec);
        let locks = outcome.calls.iter().filter(|call| locked(call.answer()));
        granted += locks.count() as u64;
        if let Some(failure) = outcome.failure {
            let expected = failure.violation.invariant.starts_with("D-I1");
            found.holds(expected, format!("seed {seed}: {failure:?}"));
            two_holders += 1;
        }
    }
    (two_holders, granted)
}

fn main() -> ExitCode {
    let mut found = Findings::default();
    let mut table = Table::new(&[
        "variant",
        "runs",
        "of them with two holders",
        "grants in all",
    ]);
    for (variant, scene, safe) in [
        ("(a) asynchronous failover", asynchronous(), false),
        (
            "(b) Redlock, restarts answer at once",
            restarting(Duration::ZERO),
            false,
        ),
        (
            "(b) Redlock, restarts are silent for a TTL",
            restarting(TTL),
            true,
        ),
        ("(c) leader and register", on_a_register(), true),
    ] {
        let (two_holders, granted) = count(&mut found, &scene);
        found.holds(
            safe == (two_holders == 0),
            format!("{variant}: {two_holders} of {RUNS} runs had two holders"),
        );
        table.row(&[&variant, &RUNS, &two_holders, &granted]);
    }
    found.table("lock-variants", table);
    found.conclude()
}
