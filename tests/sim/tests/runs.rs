//! The simulator as a whole, on a small register.

#[path = "toys/register.rs"]
mod register;

use register::{Add, Mistake, RELAY, SERVER, Sums, scenario};
use sim::{Faults, RunSpec, grade, ms, run};

#[test]
fn a_run_without_faults_is_green() {
    let outcome = run(
        &scenario(Mistake::None),
        Sums::default(),
        &RunSpec::default(),
    );
    assert_eq!(outcome.failure, None);
    assert!(outcome.answers == 40, "{}", outcome.answers);
}

#[test]
fn a_script_is_graded() {
    grade("T-I1", |t| {
        t.script(&scenario(Mistake::None), Sums::default(), |w| {
            w.hold(RELAY, SERVER);
            let id = w.op(RELAY, Add(1));
            w.run_for(ms(10));
            w.expect_eq(w.answer(id).copied(), None, "nothing has arrived yet");
            w.crash(SERVER);
            w.release(RELAY, SERVER);
            w.run_for(ms(10));
            w.restart(SERVER);
            w.run_for(ms(50));
            w.expect_eq(w.answer(id).copied(), Some(1), "the relay asks again");
        });
    });
}

#[test]
fn a_swarm_is_graded() {
    grade("T-I1", |t| {
        let scenario = scenario(Mistake::None)
            .with_faults(Faults::network())
            .over_the_wire();
        t.swarm(&scenario, Sums::default());
    });
}
