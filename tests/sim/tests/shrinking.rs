//! The shrinker reaches the few faults that a failure needs.

#[path = "toys/frail.rs"]
mod frail;

use frail::{A, B, Frail, scenario};
use sim::shrink::{Shrunk, shrink};
use sim::{Checker, Event, FaultKind, Faults, RunSpec, Step, Strike, Violation, run};
use std::sync::Arc;

/// Broken when so many of these have happened, whatever else has.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Count {
    crashes_of_b: u32,
    pauses_of_a: u32,
    wanted: (u32, u32),
}

impl Checker<Frail> for Count {
    fn after(&mut self, step: &Step<'_, Frail>) -> Result<(), Violation> {
        match step.event {
            Event::Crash if step.node == B => self.crashes_of_b += 1,
            Event::Pause if step.node == A => self.pauses_of_a += 1,
            _ => {}
        }
        let (crashes, pauses) = self.wanted;
        if self.crashes_of_b >= crashes && self.pauses_of_a >= pauses {
            return Err(Violation::new("Count", "enough"));
        }
        // A second invariant, easier to break: shrinking must not slide to it.
        if self.pauses_of_a > pauses + 2 {
            return Err(Violation::new("Other", "too many pauses"));
        }
        Ok(())
    }
}

fn shrunk(wanted: (u32, u32), seed: u64) -> Option<Shrunk> {
    let mut faults = Faults::all();
    (faults.crash, faults.pause) = (0.08, 0.08);
    // These have the number of their handler or sync, and others may have to stay to keep it.
    (faults.cut, faults.stall, faults.bad_sync) = (0.0, 0.0, 0.0);
    let scene = Arc::new(scenario(false).with_faults(faults));
    let count = Count {
        wanted,
        ..Count::default()
    };
    let spec = RunSpec {
        seed,
        ..RunSpec::default()
    };
    let outcome = run(&scene, count.clone(), &spec);
    if outcome.failure.as_ref()?.violation.invariant != "Count" {
        return None;
    }
    shrink(&scene, &count, seed, &outcome)
}

#[test]
fn shrinking_reaches_the_known_minimum() {
    let mut seen = 0;
    for seed in 0..60 {
        let Some(shrunk) = shrunk((2, 1), seed) else {
            continue;
        };
        seen += 1;
        let skips = shrunk.kept.iter().filter(|k| k.kind == FaultKind::Skip);
        let faults = shrunk.kept.len() - skips.count();
        assert!(shrunk.of > faults, "{shrunk:?}");
        assert_eq!(faults, 3, "seed {seed}: {shrunk:?}");
        assert_eq!(shrunk.failure.violation.invariant, "Count");
        let pauses = |kind| matches!(kind, FaultKind::Pause | FaultKind::Stall);
        let on_a = shrunk.kept.iter().filter(|k| k.a == A.0 && pauses(k.kind));
        assert_eq!(on_a.count(), 1, "{shrunk:?}");
        assert!(shrunk.replays <= 300, "{} replays", shrunk.replays);
    }
    assert!(seen >= 10, "only {seen} seeds failed");
}

#[test]
fn a_failure_that_needs_no_fault_keeps_none() {
    let shrunk = shrunk((0, 0), 1).expect("it fails at once");
    assert_eq!(shrunk.kept, []);
}

#[test]
fn a_replay_with_all_faults_kept_is_the_same_run() {
    for seed in 0..20 {
        let scene = scenario(false).with_faults(Faults::all());
        let spec = RunSpec {
            seed,
            hash: true,
            ..RunSpec::default()
        };
        let first = run(&scene, (), &spec);
        let spec = RunSpec {
            kept: Some(first.faults.clone()),
            ..spec
        };
        let second = run(&scene, (), &spec);
        assert_eq!(first.hash, second.hash, "seed {seed}");
        assert_eq!(first.faults, second.faults, "seed {seed}");
    }
}

#[test]
fn leaving_one_fault_out_does_not_deal_the_others_anew() {
    let scene = scenario(false).with_faults(Faults::network());
    let all = run(&scene, (), &RunSpec::default()).faults;
    for left_out in all.iter().step_by(10) {
        let kept: Vec<_> = all.iter().copied().filter(|k| k != left_out).collect();
        let spec = RunSpec {
            kept: Some(kept.clone()),
            ..RunSpec::default()
        };
        let mut again = run(&scene, (), &spec).faults;
        let mut kept = kept;
        again.sort_unstable();
        kept.sort_unstable();
        assert_eq!(again, kept, "without {left_out}");
    }
}

#[test]
fn an_aimed_fault_finds_its_role() {
    // The role: who has just been asked something that is not synced yet.
    let hits = |faults: Faults<Frail>| {
        let scene = scenario(false).with_faults(faults);
        (0..20)
            .flat_map(|seed| {
                let spec = RunSpec {
                    seed,
                    ..RunSpec::default()
                };
                run(&scene, (), &spec).faults
            })
            .count()
    };
    let nobody = Faults::none().aim("crash nobody", |_| false, Strike::Crash, 0.5);
    let anybody = Faults::none().aim(
        "crash the logger",
        |v: &frail::View| v.logged.is_some(),
        Strike::Crash,
        0.5,
    );
    assert_eq!(hits(nobody), 0);
    let crashed = hits(anybody);
    assert!(crashed > 40, "{crashed} strikes");
}
