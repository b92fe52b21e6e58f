//! What the simulator says of code that runs away, answers nothing, or is not deterministic.

#[path = "toys/odd.rs"]
mod odd;

use node::Addr;
use odd::{Odd, scenario};
use sim::{Faults, grade, ms};
use std::panic::catch_unwind;

/// What a graded swarm over the odd nodes says; empty if it passes.
fn verdict(odd: Odd) -> String {
    let graded = catch_unwind(|| {
        grade("T-I1", |t| {
            let scene = scenario(odd).with_faults(Faults::network());
            t.swarm(&scene, ());
        });
    });
    match graded {
        Ok(()) => String::new(),
        Err(why) => why.downcast_ref::<String>().cloned().unwrap_or_default(),
    }
}

#[track_caller]
fn says(odd: Odd, wanted: &[&str]) {
    let text = verdict(odd);
    for words in wanted {
        assert!(
            text.contains(words),
            "{odd:?}: {words:?} is missing in: {text}"
        );
    }
}

#[test]
fn an_honest_pair_passes() {
    assert_eq!(verdict(Odd::Nothing), "");
}

#[test]
fn a_send_loop_is_called_one() {
    says(
        Odd::SendLoop,
        &["no send loop", "within one millisecond", "seed 0"],
    );
    says(
        Odd::ManyEffects,
        &[
            "no send loop",
            "one handler of left (n0) asks for 20001 effects",
        ],
    );
}

#[test]
fn an_operation_that_is_never_answered_is_named() {
    says(
        Odd::Mute,
        &["every operation is answered", "left (n0) was asked 1 at"],
    );
}

#[test]
fn answers_that_nobody_waits_for_are_named() {
    says(Odd::AnswersTwice, &["one last answer", "answers 1 twice"]);
    says(
        Odd::AnswersNobody,
        &["answers to questions", "which no client has asked"],
    );
}

#[test]
fn an_unknown_address_and_a_lossy_message_are_named() {
    says(Odd::Stranger, &["known addresses", "left (n0) sends to n7"]);
    says(
        Odd::LossyWire,
        &["survive the wire", "hidden: 5", "hidden: 0"],
    );
}

#[test]
fn a_node_that_is_not_deterministic_is_named_with_the_first_difference() {
    for odd in [Odd::HashMapOrder, Odd::Static] {
        says(
            odd,
            &[
                "determinism",
                "your node is not deterministic",
                "first run: Left asks right",
                "HashMap",
            ],
        );
    }
}

#[test]
fn a_panic_has_its_seed_and_place_and_a_task_its_name() {
    says(
        Odd::Panics,
        &[
            "the sum is 0",
            "toys/odd.rs:",
            "replay: cargo lab replay toy",
        ],
    );
    says(Odd::Todo, &["task 1.1"]);
    says(Odd::Swallows, &["nobody hears this", "toys/odd.rs:"]);
}

#[test]
fn a_test_that_checks_nothing_does_not_pass() {
    let graded = catch_unwind(|| grade("T-I1", |_| {}));
    let why = graded.expect_err("it must not pass");
    let text = why.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("without a single check"), "{text}");
}

#[test]
fn a_script_ends_at_its_first_wrong_expectation() {
    let graded = catch_unwind(|| {
        grade("T-I2 Sums", |t| {
            t.script(&scenario(Odd::Nothing), (), |w| {
                w.op(Addr(0), 3);
                w.run_for(ms(10));
                w.expect_eq(w.view(Addr(1)), Some(4), "the sum on the right");
                unreachable!("the script has ended");
            });
        });
    });
    let why = graded.expect_err("it must not pass");
    let text = why.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(
        text.contains("T-I2 Sums: the sum on the right: seen Some(3), wanted Some(4)"),
        "{text}"
    );
    assert!(text.contains("tests/guards.rs:"), "{text}");
}

#[test]
fn a_node_is_told_by_its_name_and_once_by_its_number() {
    let scene = scenario(Odd::Nothing);
    for (text, wanted) in [
        ("n0 and n1 and n0", "left (n0) and right (n1) and left"),
        ("n10, n1.", "n10, right (n1)."),
        ("in0 of _n1: [n1]", "in0 of _n1: [right (n1)]"),
        ("left (n0)", "left (n0)"),
    ] {
        assert_eq!(scene.with_names(text), wanted);
    }
}
