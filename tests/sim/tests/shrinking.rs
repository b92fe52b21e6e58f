//! The shrinker reaches the few faults that a failure needs.

#[path = "toys/frail.rs"]
mod frail;
#[path = "toys/register.rs"]
mod register;

use frail::{A, B, Frail, scenario};
use sim::shrink::{Shrunk, shrink};
use sim::trace::Kind;
use sim::{
    Checker, Event, FaultKey, FaultKind, Faults, RunSpec, Scenario, Step, Strike, Violation, run,
};
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
    // Here these have the number of a tick or of a sync, and what takes a node down moves those.
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

/// Where a run of only this fault crashed: the sender and receiver of the message whose handler was
/// cut, and which of its link it was.
fn cut_in(
    scene: &Scenario<register::Register>,
    seed: u64,
    key: FaultKey,
) -> Option<(u32, u32, u64)> {
    let spec = RunSpec {
        seed,
        kept: Some(vec![key]),
        trace: true,
        hash: false,
    };
    let events = run(scene, (), &spec).trace.expect("it was wanted").events;
    let crash = events.iter().position(|e| e.k == Kind::Crash)?;
    let recv = events[..crash].iter().rfind(|e| e.k == Kind::Recv)?;
    let sent = |e: &&sim::trace::Event| e.k == Kind::Send;
    let of = events.iter().filter(sent).find(|e| e.id == recv.id)?;
    let same = |e: &&sim::trace::Event| e.n == of.n && e.to == of.to && e.id < of.id;
    let before = events.iter().filter(sent).filter(same).count();
    Some((of.n, of.to?, before as u64))
}

#[test]
fn a_cut_stays_with_its_message_when_all_other_faults_are_left_out() {
    let mut scene = register::scenario(register::Mistake::None).with_faults(Faults::all());
    scene.faults.cut = 0.02;
    let mut seen = 0;
    for seed in 0..40 {
        let spec = RunSpec {
            seed,
            ..RunSpec::default()
        };
        let faults = run(&scene, (), &spec).faults;
        let by_message = |k: &&FaultKey| k.kind == FaultKind::Cut && k.name.is_none();
        for key in faults.iter().filter(by_message) {
            // A copy has gone with the fault that made it.
            if let (Some(place), 0) = (cut_in(&scene, seed, *key), key.n & FaultKey::COPY) {
                assert_eq!(place, (key.a, key.b, key.n), "seed {seed}: {key}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "only {seen} cuts");
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
