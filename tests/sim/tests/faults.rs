//! Every fault of the alphabet breaks its own belief of a toy, and no other fault does.

#[path = "toys/beliefs.rs"]
mod beliefs;
#[path = "toys/frail.rs"]
mod frail;

use beliefs::{Aspect, Belief};
use frail::{Frail, scenario};
use sim::{FaultKind, Faults, RunSpec, ms, run};

/// Seeds for a fault that must break a belief, and for one that must not.
const SEEDS: u64 = 30;
const HARMLESS_SEEDS: u64 = 12;

/// Every belief, and the kinds of faults that break it, each alone.
const TABLE: &[(Aspect, &[FaultKind])] = {
    use Aspect as B;
    use FaultKind as F;
    &[
        (B::NoneLost, &[F::Drop]),
        (B::NoneTwice, &[F::Duplicate]),
        (B::InOrder, &[F::Late]),
        (B::Heard, &[F::Partition]),
        (B::BothWays, &[F::Partition]),
        (B::NoBridge, &[F::Partition]),
        // Whatever takes the machine down while a write is pending.
        (B::Written, &[F::Crash, F::Cut, F::Amnesia, F::BadSync]),
        (B::WholeRecords, &[F::Crash, F::Cut, F::BadSync]),
        (B::WholeHandlers, &[F::Cut]),
        (B::DiskStays, &[F::Amnesia]),
        (B::DateGoesOn, &[F::Step]),
        (B::ClocksAgree, &[F::Drift]),
        (B::TimersInTime, &[F::Pause, F::Stall]),
        (B::AtOnce, &[F::Stall]),
        (B::SyncsAreFast, &[F::SlowSync, F::Stall]),
        // Only a restart can test it, and a crash alone leaves it true: here crashes always happen.
        (B::Synced, &[F::BadSync, F::Amnesia]),
        (B::Room, &[F::FullDisk]),
        (B::ClientsWait, &[F::Cancel]),
    ]
};

fn faults(kind: Option<FaultKind>, aspect: Aspect) -> Faults<Frail> {
    let mut faults = Faults::none();
    faults.max_down = 1;
    faults.down_for = ms(10)..ms(100);
    faults.pause_for = ms(40)..ms(150);
    faults.late_by = ms(100)..ms(200);
    if aspect == Aspect::Synced {
        faults.crash = 0.05;
    }
    let Some(kind) = kind else { return faults };
    match kind {
        FaultKind::Drop => faults.drop = 0.02,
        FaultKind::Duplicate => faults.duplicate = 0.02,
        FaultKind::Late => faults.late = 0.02,
        FaultKind::Partition => faults.partition = 0.2,
        FaultKind::Crash => faults.crash = 0.05,
        FaultKind::Cut => faults.cut = 0.05,
        FaultKind::Amnesia => faults.amnesia = 0.05,
        FaultKind::Step => faults.wall_step = 0.05,
        FaultKind::Drift => faults.drift = 1.0,
        FaultKind::Pause => faults.pause = 0.05,
        FaultKind::Stall => faults.stall = 0.05,
        FaultKind::SlowSync => faults.slow_sync = 0.1,
        FaultKind::BadSync => faults.bad_sync = 0.05,
        FaultKind::FullDisk => faults.full_disk = 0.1,
        FaultKind::Cancel => faults.cancel = 0.2,
        FaultKind::Aimed | FaultKind::Skip => {}
    }
    faults
}

/// The first seed that breaks the belief when only faults of this kind happen.
fn broken_by(kind: Option<FaultKind>, aspect: Aspect, seeds: u64) -> Option<u64> {
    let mut scene = scenario(aspect == Aspect::Synced).with_faults(faults(kind, aspect));
    if kind == Some(FaultKind::Cancel) {
        // A client can only go away while its answer is under way.
        scene.faults.slow_sync = 1.0;
    }
    let failed = |seed: &u64| {
        let spec = RunSpec {
            seed: *seed,
            ..RunSpec::default()
        };
        let failure = run(&scene, Belief::of(aspect), &spec).failure;
        if let Some(failure) = &failure {
            assert_eq!(
                failure.violation.invariant,
                format!("{aspect:?}"),
                "{failure:?}"
            );
        }
        failure.is_some()
    };
    (0..seeds).find(failed)
}

#[test]
fn each_fault_breaks_its_own_belief_and_no_other() {
    let mut wrong = Vec::new();
    for (aspect, breakers) in TABLE {
        if let Some(seed) = broken_by(None, *aspect, HARMLESS_SEEDS) {
            wrong.push(format!("{aspect:?} breaks without a fault, seed {seed}"));
        }
        for kind in FaultKind::ALL {
            // Slow syncs are what gives a client the time to go away.
            if *kind == FaultKind::Cancel && *aspect == Aspect::SyncsAreFast {
                continue;
            }
            let breaks = breakers.contains(kind);
            let seeds = if breaks { SEEDS } else { HARMLESS_SEEDS };
            let hit = broken_by(Some(*kind), *aspect, seeds);
            if hit.is_some() != breaks {
                wrong.push(format!("{aspect:?} under {kind:?}: broken by seed {hit:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
