//! The explorer finds what is planted, by the shortest way, and says when it has seen all.

#[path = "toys/commit.rs"]
mod commit;
#[path = "toys/election.rs"]
mod election;
#[path = "toys/jugs.rs"]
mod jugs;
#[path = "toys/lease.rs"]
mod lease;
#[path = "toys/stage.rs"]
mod stage;

use election::Bug;
use jugs::{Jugs, NeverFour};
use node::{Addr, Node};
use sim::explore::{Budget, Choice, Counterexample, Explored, Scope, Verdict, explore, replay};
use sim::{Checker, Scenario, Script, ms};
use stage::{OneHolder, OneLeader, OneOutcome, committers, lenders, voters};

fn pourers() -> Scenario<Jugs> {
    Scenario::new("toy").node(Addr(0), "jugs", "jugs", ())
}

fn found(seen: &Explored) -> &Counterexample {
    seen.counterexample().unwrap_or_else(|| panic!("{seen}"))
}

/// The simulator breaks the same invariant with the same words, at the schedule's last step.
fn replays<N: Node, C: Checker<N>>(
    scenario: &Scenario<N>,
    checker: C,
    scope: &Scope<N>,
    found: &Counterexample,
) {
    let (last, before) = found
        .schedule
        .split_last()
        .expect("a violation takes a step");
    let whole = replay(scenario, checker.clone(), scope, &found.schedule);
    let failure = whole.failure.expect("the schedule replays");
    let mut wanted = found.violation.clone();
    wanted.message = scenario.with_names(&wanted.message);
    assert_eq!(failure.violation, wanted);
    let seen = whole.trace.violation.expect("the trace shows it");
    assert_eq!(seen.invariant, found.violation.invariant);
    assert!(whole.trace.events.windows(2).all(|w| w[0].t <= w[1].t));
    assert!(whole.trace.events.last().is_some_and(|e| e.t <= seen.t));
    let part = replay(scenario, checker, scope, before);
    assert_eq!(part.failure, None, "it needs its last step, {last}");
}

#[test]
fn the_shortest_of_many_ways_is_found() {
    let budget = Budget {
        fires: 12,
        ..Budget::NONE
    };
    let scope = Scope::new().budget(budget).client([(Addr(0), ())]);
    let seen = explore(&pourers(), NeverFour, &scope).unwrap();
    let found = found(&seen);
    let words: Vec<String> = found.schedule.iter().map(Choice::to_string).collect();
    assert_eq!(
        words,
        [
            "fire 0 FillBig",
            "fire 0 BigToSmall",
            "fire 0 EmptySmall",
            "fire 0 BigToSmall",
            "fire 0 FillBig",
            "fire 0 BigToSmall",
            "ask 0@0 ()",
        ]
    );
    replays(&pourers(), NeverFour, &scope, found);
}

#[test]
fn a_scope_without_a_violation_is_exhausted_and_says_so() {
    let budget = Budget {
        fires: 5,
        ..Budget::NONE
    };
    let scope = Scope::new().budget(budget).client([(Addr(0), ())]);
    let seen = explore(&pourers(), NeverFour, &scope).unwrap();
    assert_eq!(seen.verdict, Verdict::Exhausted);
    assert_eq!(seen.depth, 6);
    assert!(seen.to_string().starts_with("all "), "{seen}");
}

#[test]
fn a_search_that_gives_up_is_unknown_and_no_pass() {
    let budget = Budget {
        fires: 5,
        ..Budget::NONE
    };
    let scope = Scope::new()
        .budget(budget)
        .client([(Addr(0), ())])
        .limit(20);
    let seen = explore(&pourers(), NeverFour, &scope).unwrap();
    assert!(matches!(seen.verdict, Verdict::Unknown(_)) && !seen.passed());
    assert!(seen.to_string().contains("more than 20 states"), "{seen}");
}

#[test]
fn a_prefix_of_choices_makes_a_scope_smaller() {
    let choices = [
        "fire 0 FillBig",
        "fire 0 BigTo",
        "fire 0 EmptyS",
        "fire 0 BigTo",
    ];
    let scope = |fires, choices: &[&'static str]| {
        let scope = Scope::new().budget(Budget {
            fires,
            ..Budget::NONE
        });
        scope.client([(Addr(0), ())]).after(choices.iter().copied())
    };
    let seen = explore(&pourers(), NeverFour, &scope(6, &choices)).unwrap();
    assert_eq!(found(&seen).schedule.len(), 7);
    assert!(seen.states < 40, "{}", seen.states);
    replays(&pourers(), NeverFour, &scope(6, &choices), found(&seen));
    let wrong = explore(&pourers(), NeverFour, &scope(6, &["fire 0 Drink"])).unwrap_err();
    assert!(
        wrong
            .to_string()
            .contains("what can: ask 0@0 (), fire 0 FillSmall"),
        "{wrong}"
    );
    let vague = explore(&pourers(), NeverFour, &scope(6, &["fire 0 Fill"])).unwrap_err();
    assert!(
        vague
            .to_string()
            .contains("any of: fire 0 FillSmall, fire 0 FillBig"),
        "{vague}"
    );
}

#[test]
fn an_exploration_may_start_where_a_script_stands() {
    let scope = Scope::new()
        .budget(Budget {
            fires: 2,
            ..Budget::NONE
        })
        .client([(Addr(0), ())]);
    let played = Script::play(&pourers(), NeverFour, "label", |w| {
        for pour in [
            jugs::Pour::FillBig,
            jugs::Pour::BigToSmall,
            jugs::Pour::EmptySmall,
        ] {
            w.fire(Addr(0), &pour);
        }
        let seen = w.explore(&scope);
        assert!(seen.passed());
        w.fire(Addr(0), &jugs::Pour::BigToSmall);
        w.explore(&scope);
    });
    let failure = played.failure.expect("two more pourings and a look");
    assert_eq!(failure.violation.invariant, "Never four");
    // The trace has both: what the script did and what the search found.
    assert_eq!(
        played
            .trace
            .events
            .iter()
            .filter(|e| e.m.contains("Big"))
            .count(),
        5
    );
}

#[test]
fn a_lease_counted_from_the_reply_is_caught_in_ticks() {
    let budget = Budget {
        late: 2,
        ..Budget::NONE
    };
    let scope = Scope::new().ticks(ms(100), 5).prompt().budget(budget);
    let seen = explore(&lenders(true), OneHolder, &scope).unwrap();
    replays(&lenders(true), OneHolder, &scope, found(&seen));
    let seen = explore(&lenders(false), OneHolder, &scope).unwrap();
    println!("{seen}");
    assert!(seen.passed(), "{seen}");
}

#[test]
fn prompt_messages_make_fewer_states_and_hide_what_needs_a_late_one() {
    let scope = |late| {
        let budget = Budget {
            late,
            ..Budget::NONE
        };
        Scope::new().ticks(ms(100), 5).prompt().budget(budget)
    };
    let seen = explore(&lenders(true), OneHolder, &scope(0)).unwrap();
    assert!(seen.passed(), "{seen}");
    let seen = explore(&lenders(true), OneHolder, &scope(1)).unwrap();
    replays(&lenders(true), OneHolder, &scope(1), found(&seen));
}

#[test]
fn a_vote_that_was_not_synced_is_caught_in_eight_steps() {
    let budget = Budget {
        fires: 2,
        crashes: 1,
        ..Budget::NONE
    };
    let scope = Scope::new().budget(budget);
    let seen = explore(&voters(Bug::NoSync), OneLeader::default(), &scope).unwrap();
    assert_eq!(found(&seen).schedule.len(), 8, "{seen}");
    replays(
        &voters(Bug::NoSync),
        OneLeader::default(),
        &scope,
        found(&seen),
    );
}

#[test]
fn a_vote_sent_before_its_sync_is_caught_in_seven_steps() {
    let budget = Budget {
        fires: 2,
        cuts: 1,
        ..Budget::NONE
    };
    let scope = Scope::new().budget(budget);
    let seen = explore(&voters(Bug::VoteBeforeSync), OneLeader::default(), &scope).unwrap();
    assert_eq!(found(&seen).schedule.len(), 7, "{seen}");
    replays(
        &voters(Bug::VoteBeforeSync),
        OneLeader::default(),
        &scope,
        found(&seen),
    );
}

/// One of each trouble at a time.
fn troubles(base: Budget) -> Vec<Budget> {
    vec![
        Budget { crashes: 1, ..base },
        Budget { cuts: 1, ..base },
        Budget { pauses: 1, ..base },
        Budget {
            slow_syncs: 1,
            ..base
        },
        Budget {
            failed_syncs: 1,
            ..base
        },
        Budget {
            duplicates: 1,
            ..base
        },
    ]
}

#[test]
fn a_right_election_is_right_with_every_trouble() {
    for budget in troubles(Budget {
        fires: 2,
        ..Budget::NONE
    }) {
        let scope = Scope::new().budget(budget).torn();
        let seen = explore(&voters(Bug::None), OneLeader::default(), &scope).unwrap();
        println!("{budget:?}: {seen}");
        assert!(seen.passed(), "{seen}");
    }
}

#[test]
fn a_decision_sent_before_it_was_logged_is_caught() {
    let scope = Scope::new().client([(Addr(0), ())]);
    let scope = scope.budget(Budget {
        fires: 1,
        cuts: 1,
        ..Budget::NONE
    });
    let seen = explore(&committers(true), OneOutcome::default(), &scope).unwrap();
    println!("{seen}");
    assert!(found(&seen).schedule.len() <= 9, "{seen}");
    replays(
        &committers(true),
        OneOutcome::default(),
        &scope,
        found(&seen),
    );
}

#[test]
fn a_right_commit_is_right_with_every_trouble() {
    for budget in troubles(Budget {
        fires: 2,
        ..Budget::NONE
    }) {
        let scope = Scope::new().client([(Addr(0), ())]).budget(budget).torn();
        let seen = explore(&committers(false), OneOutcome::default(), &scope).unwrap();
        println!("{budget:?}: {seen}");
        assert!(seen.passed(), "{seen}");
    }
}

#[test]
fn what_waits_for_a_paused_node_is_known_to_the_explorer() {
    let scope = Scope::new().budget(Budget {
        fires: 1,
        ..Budget::NONE
    });
    let votes = |bug| {
        Script::play(&voters(bug), OneLeader::default(), "label", |w| {
            w.hold_all();
            w.fire(Addr(1), &election::Election);
            w.deliver(Addr(1), Addr(3), |_| true);
            w.deliver(Addr(3), Addr(1), |_| true);
            w.crash(Addr(3));
            w.restart(Addr(3));
            w.pause(Addr(3));
            w.fire(Addr(2), &election::Election);
            // It arrives, and waits.
            w.deliver(Addr(2), Addr(3), |_| true);
            w.explore(&scope).states
        })
    };
    assert!(votes(Bug::None).value.is_some_and(|states| states > 1));
    let failure = votes(Bug::NoSync)
        .failure
        .expect("a second vote in one term");
    assert_eq!(failure.violation.invariant, "Election safety");
}

#[test]
fn a_graded_exploration_passes_only_when_it_has_seen_all() {
    let graded = |fires, limit| {
        let budget = Budget {
            fires,
            ..Budget::NONE
        };
        let scope = Scope::new()
            .budget(budget)
            .limit(limit)
            .client([(Addr(0), ())]);
        let result = std::panic::catch_unwind(|| {
            sim::grade("Never four", |t| t.explore(&pourers(), NeverFour, &scope));
        });
        result.map_err(|why| why.downcast_ref::<String>().cloned().unwrap_or_default())
    };
    assert_eq!(graded(3, 1000), Ok(()));
    let unknown = graded(3, 5).unwrap_err();
    assert!(unknown.contains("which is no pass"), "{unknown}");
    let broken = graded(6, 1000).unwrap_err();
    assert!(
        broken.contains("Never four: four litres are there"),
        "{broken}"
    );
}
