//! What the environment asks of a graded test, and what the test reports: each case in a process
//! of its own, as the runner does it.

#[path = "toys/odd.rs"]
mod odd;
#[path = "toys/register.rs"]
mod register;

use register::{Mistake, Sums};
use serde_json::Value;
use sim::{FaultKind, Faults, grade};
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Graded tests that the cases below run. Alone they are no tests of the kit.
mod inner {
    use super::*;

    fn swarm(mistake: Mistake) {
        grade("T-I1 Sums", |t| {
            let mut faults = Faults::network();
            faults.cut = 0.02;
            // Only the server: a relay that crashes forgets whom it asked for.
            let faults = faults.only(FaultKind::Cut, &[register::SERVER]);
            let scene = register::scenario(mistake).with_faults(faults);
            t.swarm(&scene, Sums::default());
        });
    }

    #[test]
    #[ignore = "run by the cases below"]
    fn right() {
        swarm(Mistake::None);
    }
    #[test]
    #[ignore = "run by the cases below"]
    fn wrong() {
        swarm(Mistake::CountTwice);
    }
    #[test]
    #[ignore = "run by the cases below"]
    fn early() {
        swarm(Mistake::AnswerBeforeSync);
    }
    #[test]
    #[ignore = "run by the cases below"]
    fn to_do() {
        grade("T-I1", |t| t.swarm(&odd::scenario(odd::Odd::Todo), ()));
    }
    #[test]
    #[ignore = "run by the cases below"]
    fn swallowed() {
        grade("T-I1", |t| t.swarm(&odd::scenario(odd::Odd::Swallows), ()));
    }
}

/// Runs one inner test as the runner does and returns its record; `Null` if there is none.
fn report(test: &str, settings: &[(&str, &str)]) -> Value {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let case: String = settings
        .iter()
        .map(|(k, v)| format!("-{k}-{}", v.len()))
        .collect();
    let path = folder.join(format!("report-{test}{case}-{}", std::process::id()));
    fs::write(&path, "the nonce\n").expect("the report's file");
    let exe = env::current_exe().expect("this test's own program");
    let status = Command::new(exe)
        .args([
            "--exact",
            &format!("inner::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .arg("--test-threads=1")
        .env("LAB_REPORT", &path)
        .env("LAB_TEST", test)
        .envs(settings.iter().copied())
        .output()
        .expect("it starts")
        .status;
    let text = fs::read_to_string(&path).unwrap_or_default();
    let record: Value = serde_json::from_str(&text).unwrap_or_default();
    assert_eq!(status.success(), record["outcome"] == "passed", "{record}");
    if record != Value::Null {
        assert_eq!(
            (&record["nonce"], &record["test"]),
            (&"the nonce".into(), &test.into())
        );
    }
    fs::remove_file(&path).expect("the report's file");
    record
}

#[test]
fn a_right_solution_is_reported_as_passed_with_its_checks() {
    let record = report("right", &[("LAB_SEEDS", "30")]);
    assert_eq!(record["outcome"], "passed");
    assert!(record["checks"].as_u64() > Some(1_000), "{record}");
    assert_eq!(record["seed"], Value::Null);
}

#[test]
fn a_failure_is_shrunk_and_its_replay_line_fails_in_the_same_way() {
    let record = report("wrong", &[]);
    assert_eq!(
        (&record["outcome"], &record["invariant"]),
        (&"failed".into(), &"Sums".into())
    );
    let seed = record["seed"].to_string();
    let kept: Vec<&str> = record["kept"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let faults = kept.iter().filter(|k| !k.starts_with("skip:"));
    assert_eq!(faults.count(), 1, "one copy is enough: {record}");
    let keep = kept.join(",");
    let line = format!("cargo lab replay toy wrong --seed {seed} --keep \"{keep}\"");
    assert_eq!(record["replay"], line.as_str());
    let trace =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{}", std::process::id()));
    let path = trace.to_str().expect("a path in UTF-8");
    let again = report(
        "wrong",
        &[
            ("LAB_SEED", &seed),
            ("LAB_KEEP", &keep),
            ("LAB_TRACE", path),
        ],
    );
    assert_eq!(again["message"], record["message"]);
    let text = fs::read_to_string(&trace).expect("the trace was written");
    fs::remove_file(&trace).expect("the trace was written");
    let trace = sim::trace::Trace::from_json(&text).expect("it reads");
    assert_eq!(trace.violation.expect("it failed").invariant, "Sums");
    assert_eq!(trace.kept, kept);
}

#[test]
fn another_key_has_other_seeds_and_counting_goes_on_after_a_failure() {
    let key = ("LAB_SEED_KEY", "00000000deadbeef01234567");
    let (one, two) = (report("wrong", &[]), report("wrong", &[key]));
    assert_eq!(
        (&one["outcome"], &two["outcome"]),
        (&"failed".into(), &"failed".into())
    );
    assert_ne!(one["seed"], two["seed"]);
    let counted = report("early", &[("LAB_COUNT", "1"), ("LAB_SEEDS", "60")]);
    assert_eq!(counted["runs"], 60);
    let hits = counted["hits"].as_u64().expect("a count");
    assert!((1..60).contains(&hits), "{counted}");
}

#[test]
fn a_task_to_do_and_a_swallowed_panic_have_their_verdicts() {
    let record = report("to_do", &[]);
    assert_eq!(
        (&record["outcome"], &record["message"]),
        (&"todo".into(), &"task 1.1".into())
    );
    let record = report("swallowed", &[]);
    assert_eq!(record["outcome"], "panicked");
}

#[test]
fn a_setting_that_does_not_read_is_said() {
    let record = report("right", &[("LAB_KEEP", "drop:nonsense"), ("LAB_SEED", "1")]);
    assert_eq!(record, Value::Null);
}
