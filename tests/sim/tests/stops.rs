//! A node that stops itself on purpose is no violation; links that keep order keep it; a swarm in which nothing
//! succeeds does not pass.

#[path = "toys/frail.rs"]
mod frail;
#[path = "toys/odd.rs"]
mod odd;
#[path = "toys/register.rs"]
mod register;

use odd::Odd;
use register::{Add, Mistake, RELAY, SERVER};
use sim::explore::{Budget, Scope, explore};
use sim::{Checker, Event, Faults, RunSpec, Step, Violation, grade, ms, run};
use std::panic::catch_unwind;

fn says(graded: impl FnOnce() + std::panic::UnwindSafe) -> String {
    match catch_unwind(graded) {
        Ok(()) => String::new(),
        Err(why) => why.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[test]
fn a_node_may_stop_itself_if_the_scenario_says_so() {
    let stop = |text: &'static str| {
        says(move || {
            grade("T-I1", |t| {
                t.script(&odd::scenario(Odd::Panics).stops_on(text), (), |w| {
                    let id = w.op(node::Addr(0), 1);
                    let said = w.stopped(node::Addr(0)).unwrap_or_default();
                    w.expect_eq(said.as_str(), "the sum is 0", "it said why");
                    w.expect_eq(w.view(node::Addr(0)), None, "it is down");
                    w.expect_eq(w.answer(id).copied(), None, "and answers nobody");
                    w.run_for(ms(3_000));
                    w.expect_eq(w.view(node::Addr(0)), None, "and stays down");
                    w.restart(node::Addr(0));
                    let said = w.stopped(node::Addr(0));
                    w.expect_eq(said, None, "until it is started");
                    w.expect_eq(w.view(node::Addr(0)), Some(0), "and is up again");
                });
            });
        })
    };
    assert_eq!(stop("the sum is"), "");
    let other = stop("broken disk");
    assert!(other.contains("no panic: left (n0) panicked at"), "{other}");
}

#[test]
fn a_random_run_and_the_explorer_take_a_stop_for_a_crash() {
    let scene = odd::scenario(Odd::Panics).stops_on("the sum is");
    let outcome = run(&scene, (), &RunSpec::default());
    assert_eq!((outcome.failure, outcome.answers), (None, 0));
    let scope = Scope::new().client([(node::Addr(0), 1)]).budget(Budget {
        crashes: 1,
        ..Budget::NONE
    });
    let seen = explore(&scene, (), &scope).expect("there is no prefix");
    assert!(seen.passed(), "{seen}");
    let seen = explore(&odd::scenario(Odd::Panics), (), &scope).expect("there is no prefix");
    assert!(seen.counterexample().is_some(), "{seen}");
}

#[test]
fn a_node_stops_at_a_file_that_was_damaged_while_it_was_down() {
    grade("T-I1", |t| {
        let scene = register::scenario(Mistake::None).stops_on("broken disk");
        t.script(&scene, (), |w| {
            w.op(RELAY, Add(3));
            w.run_for(ms(50));
            let good = w.file(SERVER, "sum").expect("it was written");
            w.crash(SERVER);
            w.damage(SERVER, "sum", |bytes| bytes.push(0));
            w.restart(SERVER);
            let said = w.stopped(SERVER).unwrap_or_default();
            w.expect(said.contains("behind the value in file \"sum\""), said);
            w.damage(SERVER, "sum", |bytes| bytes.truncate(good.len()));
            w.restart(SERVER);
            w.expect_eq(w.stopped(SERVER), None, "it was restored from a copy");
        });
    });
}

/// Messages of one link arrive in the order of their sending, copies behind their originals.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct InOrder(std::collections::BTreeMap<(node::Addr, node::Addr), u64>);

impl Checker<frail::Frail> for InOrder {
    fn after(&mut self, step: &Step<'_, frail::Frail>) -> Result<(), Violation> {
        if let Event::Message {
            from,
            msg: Some(frail::Msg::Part { n, part }),
        } = step.event
        {
            let now = n * 10 + *part as u64;
            let last = self.0.insert((from, step.node), now);
            if last.is_some_and(|last| last > now) {
                return Err(Violation::new("InOrder", "one has overtaken another"));
            }
        }
        Ok(())
    }
    fn watches_messages(&self) -> bool {
        true
    }
}

#[test]
fn links_that_keep_order_keep_it_under_every_fault_of_a_network() {
    let overtaken = |scene: &sim::Scenario<frail::Frail>| {
        let fails = |seed: &u64| {
            let spec = RunSpec {
                seed: *seed,
                ..RunSpec::default()
            };
            run(scene, InOrder::default(), &spec).failure.is_some()
        };
        (0..20).filter(fails).count()
    };
    let scene = frail::scenario(false)
        .with_delay(ms(1)..ms(30))
        .with_faults(Faults::network());
    assert!(overtaken(&scene) > 10);
    assert_eq!(overtaken(&scene.fifo()), 0);
}

#[test]
fn a_swarm_in_which_nothing_succeeds_does_not_pass() {
    let graded = |odd, share| {
        says(move || {
            grade("T-I1", |t| {
                let scene = odd::scenario(odd).may_stay_unanswered();
                t.swarm(&scene.must_succeed(share, |sum| *sum > 0), ());
            });
        })
    };
    assert_eq!(graded(Odd::Nothing, 1.0), "");
    let mute = graded(Odd::Mute, 0.0);
    assert!(mute.contains("got no answer at all"), "{mute}");
    let picky = says(|| {
        grade("T-I1", |t| {
            let scene = odd::scenario(Odd::Nothing);
            t.swarm(&scene.must_succeed(0.5, |sum| *sum > 3), ());
        });
    });
    assert!(
        picky.contains("400 of 1000 operations succeeded"),
        "{picky}"
    );
}
