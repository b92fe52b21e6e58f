//! The explorer and the simulator drive the same machines: whatever path the one takes, the other can follow, and the
//! same is to be seen after every step.

#[path = "toys/commit.rs"]
mod commit;
#[path = "toys/election.rs"]
mod election;
#[path = "toys/lease.rs"]
mod lease;
#[path = "toys/stage.rs"]
mod stage;

use election::Bug;
use node::{Addr, Node};
use sim::explore::{Budget, Choice, Scope, wander};
use sim::{Checker, Scenario, Script, ms};
use stage::{OneHolder, OneLeader, OneOutcome, committers, lenders, voters};

/// The simulator follows random paths of the explorer, and what is to be seen is the same after every step.
fn same_in_both<N: Node, C: Checker<N>>(scenario: &Scenario<N>, checker: C, scope: &Scope<N>) {
    let mut steps = 0;
    for seed in 0..300 {
        let path = wander(scenario, checker.clone(), scope, seed, 40);
        let schedule: Vec<Choice> = path.iter().map(|(choice, _)| choice.clone()).collect();
        let text: Vec<String> = schedule.iter().map(Choice::to_string).collect();
        let played = Script::play(scenario, checker.clone(), "label", |w| {
            let mut nth = 0;
            w.follow(scope, &schedule, |w| {
                let (here, there) = (&path[nth].1, w.sight());
                nth += 1;
                let text = text[..nth].join("\n");
                assert_eq!(
                    here.nodes, there.nodes,
                    "explorer, simulator, seed {seed}:\n{text}"
                );
                let more: Vec<_> = here.messages.difference(&there.messages).collect();
                assert!(
                    more.is_empty(),
                    "only the explorer has {more:?}, seed {seed}:\n{text}"
                );
            });
            nth
        });
        let failure = played.failure.map(|f| f.violation.message);
        assert_eq!(failure, None, "seed {seed}");
        steps += played.value.expect("no failure");
    }
    assert!(steps > 3000, "only {steps} steps were compared");
}

const ALL: Budget = Budget {
    drops: 3,
    duplicates: 3,
    fires: 9,
    crashes: 3,
    cuts: 3,
    amnesias: 1,
    pauses: 3,
    slow_syncs: 3,
    failed_syncs: 2,
    cancels: 1,
    late: 9,
};

#[test]
fn explorer_and_simulator_agree_on_an_election() {
    let scope = Scope::new()
        .budget(Budget {
            amnesias: 0,
            failed_syncs: 0,
            ..ALL
        })
        .torn();
    same_in_both(&voters(Bug::None), OneLeader::default(), &scope);
    same_in_both(&voters(Bug::None), (), &Scope::new().budget(ALL).torn());
    let ticks = Scope::new().ticks(ms(50), 12).budget(ALL).torn();
    same_in_both(&voters(Bug::NoSync), (), &ticks);
}

#[test]
fn explorer_and_simulator_agree_on_a_commit() {
    let ask = (Addr(0), ());
    let scope = Scope::new()
        .budget(ALL)
        .torn()
        .client([ask, ask])
        .client([ask]);
    same_in_both(&committers(true), (), &scope);
    let scope = scope.ticks(ms(50), 20).prompt();
    same_in_both(&committers(false), OneOutcome::default(), &scope);
}

#[test]
fn explorer_and_simulator_agree_on_leases() {
    let scope = Scope::new().ticks(ms(100), 30).budget(ALL);
    same_in_both(&lenders(true), (), &scope);
    same_in_both(&lenders(false), OneHolder, &scope.prompt());
}
