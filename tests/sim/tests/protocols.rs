//! A toy election and a toy two-phase commit under random faults: the right ones stay right, and the
//! swarm's rate on two famous mistakes is printed. The explorer catches those every time
//! (`explorer.rs`); this says how seldom luck would.

#![allow(dead_code)] // The toys are the explorer's tests' as well.

#[path = "toys/commit.rs"]
mod commit;
#[path = "toys/election.rs"]
mod election;
#[path = "toys/lease.rs"]
mod lease;
#[path = "toys/stage.rs"]
mod stage;

use election::Bug;
use node::Node;
use sim::{Ask, Checker, Faults, RunSpec, Scenario, Strike, ms, run};
use stage::{OneLeader, OneOutcome, committers, voters};

/// Every fault that a disk which keeps its word survives.
fn troubles<N: Node>() -> Faults<N> {
    Faults {
        crash: 0.05,
        cut: 0.05,
        pause: 0.05,
        stall: 0.05,
        slow_sync: 0.2,
        bad_sync: 0.01,
        full_disk: 0.01,
        down_for: ms(1)..ms(200),
        pause_for: ms(1)..ms(400),
        ..Faults::network()
    }
}

fn election(bug: Bug) -> Scenario<election::Raft> {
    voters(bug)
        .with_faults(troubles())
        .lasting(ms(3_000), ms(500))
}

fn commit(sends_first: bool) -> Scenario<commit::Process> {
    let scene = committers(sends_first);
    let coordinator = scene.places[0].addr;
    scene
        .client("client", move |turn| {
            (turn.nth == 0).then(|| Ask {
                node: coordinator,
                op: (),
                after: ms(50),
            })
        })
        .with_faults(troubles())
        .lasting(ms(1_000), ms(500))
}

/// How many of the seeds fail.
fn hits<N: Node, C: Checker<N>>(scene: &Scenario<N>, checker: &C, seeds: u64) -> u64 {
    let failing = |seed: &u64| {
        let spec = RunSpec {
            seed: *seed,
            ..RunSpec::default()
        };
        let failure = run(scene, checker.clone(), &spec).failure;
        if let Some(failure) = &failure {
            let named = failure.violation.invariant.clone();
            assert!(!named.starts_with("the kit"), "{failure:?}");
        }
        failure.is_some()
    };
    (0..seeds).filter(failing).count() as u64
}

#[test]
fn a_right_election_stays_right() {
    assert_eq!(hits(&election(Bug::None), &OneLeader::default(), 300), 0);
    let mut aimed = election(Bug::None);
    for with in [
        Strike::Cut,
        Strike::Stall,
        Strike::SlowSync,
        Strike::Crash,
        Strike::Isolate,
    ] {
        let candidate = |v: &election::View| v.role != election::Role::Follower;
        aimed.faults = aimed.faults.aim("at candidates", candidate, with, 0.2);
    }
    assert_eq!(hits(&aimed, &OneLeader::default(), 300), 0);
}

#[test]
fn a_right_commit_stays_right() {
    assert_eq!(hits(&commit(false), &OneOutcome::default(), 600), 0);
}

#[test]
fn the_swarm_finds_a_forgotten_vote_now_and_then() {
    let unsynced = hits(&election(Bug::NoSync), &OneLeader::default(), 1_000);
    let early = hits(&election(Bug::VoteBeforeSync), &OneLeader::default(), 1_000);
    println!("a vote that was not synced: {unsynced} of 1000 seeds");
    println!("a vote sent before its sync: {early} of 1000 seeds");
    assert!(unsynced > 0, "the swarm has lost its teeth");
}

#[test]
fn the_swarm_finds_a_decision_that_was_sent_before_it_was_logged() {
    let hits = hits(&commit(true), &OneOutcome::default(), 1_000);
    println!("a decision sent before it was logged: {hits} of 1000 seeds");
    assert!(hits > 0, "the swarm has lost its teeth");
}
