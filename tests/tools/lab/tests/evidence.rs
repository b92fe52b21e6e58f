//! Each trick gets its verdict by name, and the other tests of the same stage keep theirs.

mod support;

use serde_json::Value;
use std::sync::OnceLock;
use support::Copy;

/// The nasty lab, graded once for all tests of this file.
fn report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| {
        let said = Copy::of_the_workbook("evidence").lab("grade nasty --format json");
        said.ends_with(1);
        serde_json::from_str(&said.out).unwrap()
    })
}

fn test(name: &str) -> &'static Value {
    let tests = report()["labs"][0]["stages"][0]["tests"]
        .as_array()
        .unwrap();
    tests.iter().find(|test| test["name"] == name).unwrap()
}

#[track_caller]
fn verdict(name: &str, expected: &str, message: &str) {
    let test = test(name);
    assert_eq!(test["verdict"], expected, "{test}");
    let said = test["message"].as_str().unwrap();
    assert!(said.contains(message), "{test}");
}

#[test]
fn honest_code_passes_among_all_the_tricks() {
    verdict("honest_code", "passed", "");
    assert_eq!(test("honest_code")["points"], 1);
    assert_eq!(report()["points"], 1);
    assert_eq!(report()["max"], 15);
}

#[test]
fn an_exit_from_a_function_is_an_early_exit() {
    verdict(
        "exit_in_a_function",
        "early_exit",
        "something called `exit`",
    );
}

#[test]
fn an_exit_from_a_thread_is_an_early_exit() {
    verdict("exit_in_a_thread", "early_exit", "something called `exit`");
}

#[test]
fn an_exit_from_a_drop_is_an_early_exit() {
    verdict("exit_in_a_drop", "early_exit", "something called `exit`");
}

#[test]
fn an_exit_from_a_panic_hook_is_an_early_exit() {
    verdict(
        "exit_in_a_panic_hook",
        "early_exit",
        "something called `exit`",
    );
}

#[test]
fn an_exit_with_a_code_is_an_early_exit() {
    verdict("exit_with_a_code", "early_exit", "exit code 3");
}

#[test]
fn a_panic_swallowed_by_the_code_under_test_still_counts() {
    verdict("a_swallowed_panic", "panicked", "a check inside");
}

#[test]
fn forged_lines_of_output_are_read_by_nobody() {
    verdict("forged_output", "early_exit", "something called `exit`");
}

#[test]
fn a_hang_is_a_timeout() {
    verdict("a_hang", "timeout", "never ends");
}

#[test]
fn a_deadlock_is_a_timeout() {
    verdict("a_deadlock", "timeout", "not finished after 5 s");
}

#[test]
fn an_abort_is_a_crash() {
    verdict("an_abort", "crashed", "signal 6 (abort)");
}

#[test]
fn a_stack_overflow_is_a_crash_that_says_so() {
    verdict("a_stack_overflow", "crashed", "the stack overflowed");
}

#[cfg(target_os = "linux")]
#[test]
fn runaway_memory_is_a_matter_of_resources() {
    verdict("runaway_memory", "resource", "more memory");
}

#[test]
fn runaway_output_is_a_matter_of_resources() {
    verdict("runaway_output", "resource", "printed more");
}

#[test]
fn a_check_that_does_not_hold_is_a_failure() {
    verdict("a_failed_check", "failed", "all is well");
}

#[test]
fn every_limit_is_held_on_linux_and_otherwise_named() {
    let held = cfg!(target_os = "linux");
    assert_eq!(report()["limits"]["memory"], held);
    assert_eq!(report()["limits"]["wall"], true);
}
