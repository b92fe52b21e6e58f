//! The commands as a learner meets them: what they say, what they leave, how they end.

mod support;

use serde_json::Value;
use support::Copy;

/// A sum that is wrong for seed 12 and for nothing else.
const WRONG_FOR_12: (&str, &str) = (
    "add(total, *number))",
    "add(total, *number)) + u64::from(numbers.first() == Some(&12))",
);

fn flawed(name: &str) -> Copy {
    let copy = Copy::solved(name);
    copy.edit("labs/toy/src/lib.rs", WRONG_FOR_12.0, WRONG_FOR_12.1);
    copy
}

fn report(copy: &Copy, line: &str, code: i32) -> Value {
    let said = copy.lab(line);
    said.ends_with(code);
    serde_json::from_str(&said.out).unwrap()
}

#[test]
fn exit_codes_and_advice() {
    let copy = Copy::of_the_workbook("usage");
    let cases = [
        ("tset", 2, "there is no command `tset`; `cargo lab --help`"),
        ("test tyo", 2, "there is no lab `tyo`; ready: toy, nasty"),
        (
            "test later",
            2,
            "the lab `later` is in preparation; ready: toy",
        ),
        (
            "test toy 9",
            2,
            "no stage and no test `9`; `cargo lab list`",
        ),
        (
            "test toy 1 nothing",
            2,
            "has no test `nothing`; it has: two_and_two",
        ),
        ("test --seeds", 2, "`cargo lab --help`"),
        ("goto", 2, "`cargo lab goto lock 3`"),
        ("hint toy", 2, "`cargo lab hint lock 3`"),
        ("explore toy", 2, "has no scenes to explore"),
        ("list toy", 2, "takes no `toy`"),
        ("grade --format yaml", 2, "take text, json or junit"),
        ("grade --seed-key nowhere", 3, "cannot read nowhere"),
        ("replay", 2, "`cargo lab test` records one"),
        ("diff toy", 2, "cargo lab diff toy --yes"),
        ("real toy", 3, "tests/real is missing"),
        ("--help", 0, "cargo lab grade [LAB]"),
        ("list", 0, "0 of 3 stages done · 0/45 points"),
    ];
    for (line, code, text) in cases {
        copy.lab(line).ends_with(code).has(text);
    }
}

#[test]
fn a_broken_manifest_is_told_with_file_and_line() {
    let copy = Copy::of_the_workbook("manifest");
    copy.edit("tests/graded/toy/lab.toml", "number = 2", "number = 3");
    copy.lab("list")
        .ends_with(3)
        .has("toy/lab.toml:39: stage 3 stands where stage 2 is due");
}

#[test]
fn a_test_run_tells_verdicts_keeps_progress_and_a_failure_to_replay() {
    let copy = flawed("test_run");
    copy.lab("test toy 1")
        .ends_with(1)
        .has("toy 1   4 tests: 3 passed, 1 failed")
        .has("FAILED      the_order_does_not_matter")
        .has("seed 12, 1 faults left of 9 · cargo lab replay toy the_order_does_not_matter --seed 12 --keep \"drop:0>1#12\"");
    let regressions: Value = serde_json::from_str(&copy.read(".lab/regressions/toy.json")).unwrap();
    assert_eq!(regressions["entries"][0]["seed"], 12);
    copy.lab("list").has("0 of 3 stages done · 8/45 points");
    copy.lab("replay")
        .ends_with(1)
        .has("Add 2 → server")
        .has("BROKEN: T-I2 Order");
    copy.lab("replay toy the_order_does_not_matter --seed 3")
        .ends_with(0)
        .has("as it should be");
    copy.lab("test toy --seed 11").ends_with(0);
    copy.lab("list").has("8/45");
    copy.edit("labs/toy/src/lib.rs", WRONG_FOR_12.1, WRONG_FOR_12.0);
    copy.lab("test toy").ends_with(0);
    copy.lab("replay").ends_with(0).has("the failure is gone");
    // The whole lab passes; the learner's own tests are a matter of their own.
    copy.lab("list").has("2 of 3 stages done · 27/45 points");
    let results: Value = serde_json::from_str(&copy.read(".lab/results.json")).unwrap();
    assert_eq!(results["current"]["lab"], "toy");
    assert_eq!(
        results["labs"][0]["stages"][1]["tests"][0]["verdict"],
        "passed"
    );
}

#[test]
fn next_and_goto_move_the_current_stage() {
    let copy = Copy::solved("next");
    copy.lab("test").ends_with(0).has("toy 1");
    copy.lab("next")
        .ends_with(0)
        .has("now at toy 2: Largest · book/src/toy/2-own.md · labs/toy/src/lib.rs");
    copy.lab("test").ends_with(0).has("toy 2");
    copy.lab("goto toy 1").ends_with(0);
    copy.lab("next").ends_with(0).has("now at nasty 1");
    copy.lab("goto toy sum").ends_with(0).has("now at toy 1");
}

#[test]
fn code_that_does_not_compile_shows_the_compilers_words_and_one_hint() {
    let copy = Copy::solved("not_built");
    copy.lab("test toy 1").ends_with(0);
    copy.edit("labs/toy/src/lib.rs", "left + right", "left + wright");
    let said = copy.lab("test toy 1");
    said.ends_with(1)
        .has("toy 1   4 tests: 4 not built")
        .has("error[E0425]: cannot find value `wright` in this scope (labs/toy/src/lib.rs:");
    assert!(said.err.contains("12 +     left + right"), "{}", said.err);
    // What was reached before the edit still counts.
    copy.lab("list").has("10/45 points");
}

#[test]
fn a_lab_without_its_library_says_how_to_get_it_back() {
    let copy = Copy::of_the_workbook("no_lib");
    std::fs::remove_file(copy.path("labs/toy/src/lib.rs")).unwrap();
    copy.lab("test toy")
        .ends_with(3)
        .has("labs/toy/src/lib.rs is missing: `cargo lab reset toy`");
    let graded = report(&copy, "grade toy --format json", 1);
    assert_eq!(
        graded["labs"][0]["stages"][0]["tests"][0]["verdict"],
        "not_built"
    );
    copy.lab("reset toy").ends_with(0);
    copy.lab("test toy 1").ends_with(1).has("4 to do");
}

#[test]
fn hints_cost_what_they_say() {
    let copy = Copy::solved("hints");
    copy.lab("hint toy 1")
        .ends_with(0)
        .has("H1  Add them.")
        .has("H2 leaves 90 %");
    let second = report(&copy, "hint toy 1 --format json", 0);
    assert_eq!(second["level"], 2);
    assert_eq!(second["text"], "There is an operator for it.");
    assert_eq!(second["percent_left"], 90);
    copy.lab("hint toy 2").ends_with(0).has("H1  Look at each.");
    let graded = report(&copy, "grade toy --format json", 1);
    assert_eq!(graded["labs"][0]["stages"][0]["points"], 9);
    assert_eq!(graded["labs"][0]["stages"][0]["hints_used"], 2);
    assert_eq!(graded["labs"][0]["stages"][1]["hints_used"], 1);
    // The stage is done: its hints are reading, all of them, as often as one likes.
    for _ in 0..2 {
        copy.lab("hint toy 1")
            .ends_with(0)
            .has("H1  Add them.\n  H2  There is an operator for it.\n  H3  It is the plus sign.\n");
    }
    let all = report(&copy, "hint toy 1 --format json", 0);
    assert_eq!(
        (&all["level"], &all["hints_used"]),
        (&Value::from(3), &Value::from(2))
    );
    assert_eq!(all["hints"].as_array().unwrap().len(), 3);
    assert!(all["next_percent_left"].is_null());
    copy.lab("list").has("9 of 10 points");
}

#[test]
fn reset_gives_the_skeleton_back_and_keeps_the_work() {
    let copy = Copy::solved("reset");
    copy.edit("labs/toy/src/lib.rs", "left + right", "right + left");
    copy.write("labs/toy/src/own.rs", "// my own file\n");
    copy.lab("reset toy 2")
        .ends_with(0)
        .has("the tasks of toy 2 are `todo!` again")
        .has(".lab/backup/toy/");
    let text = copy.read("labs/toy/src/lib.rs");
    assert!(
        text.contains("right + left") && text.contains("todo!(\"task 2.1\")"),
        "{text}"
    );
    copy.lab("reset toy").ends_with(0);
    let fixture = include_str!("fixtures/workbook/labs/toy/src/lib.rs");
    assert_eq!(copy.read("labs/toy/src/lib.rs"), fixture);
    assert!(!copy.path("labs/toy/src/own.rs").exists());
    let kept: Vec<String> = std::fs::read_dir(copy.path(".lab/backup/toy"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .join("src/own.rs")
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(kept.len(), 2);
    assert!(
        kept.iter().all(|own| std::path::Path::new(own).is_file()),
        "{kept:?}"
    );
}

#[test]
fn diff_and_solution_show_the_reference_to_who_asks_twice() {
    let copy = Copy::solved("diff");
    copy.edit("labs/toy/src/lib.rs", "left + right", "right + left");
    copy.lab("diff toy --yes")
        .ends_with(0)
        .has("-    right + left\n+    left + right\n");
    copy.lab("solution toy").ends_with(2).has("--yes");
    copy.lab("solution toy --yes")
        .ends_with(0)
        .has("solutions/toy/src/lib.rs")
        .has("left + right");
    copy.lab("solution toy --yes --write")
        .ends_with(0)
        .has(".lab/backup");
    copy.lab("diff toy --yes").ends_with(0).has("are the same");
}

#[test]
fn own_tests_count_on_the_reference_and_on_each_bug() {
    let copy = Copy::solved("mine");
    copy.lab("test toy --mine")
        .ends_with(1)
        .has("to do       mine::T2   tests/mine.rs of the lab has no test yet");
    copy.write(
        "labs/toy/tests/mine.rs",
        "#[test]\nfn weak() { assert_eq!(toy::largest(&[1]), Some(1)); }\n",
    );
    copy.lab("test toy --mine")
        .ends_with(1)
        .has("1 of 2  your tests on the reference … 1 pass, ")
        .has("2 of 2  your tests on T2 … it survives, ")
        .has("FAILED      mine::T2")
        .has("T2 survives: your tests pass with it too");
    let strong = "#[test]\nfn strong() { assert_eq!(toy::largest(&[-1]), Some(-1)); }\n";
    copy.write("labs/toy/tests/mine.rs", strong);
    copy.lab("test toy --mine")
        .ends_with(0)
        .has("ok          mine::T2");
    let graded = report(&copy, "grade toy --format json", 0);
    assert_eq!(graded["points"], 30);
    let own = &graded["labs"][0]["stages"][1]["tests"][3];
    assert_eq!(
        (&own["name"], &own["points"]),
        (&Value::from("mine::T2"), &Value::from(3))
    );
    copy.write(
        "labs/toy/tests/mine.rs",
        &strong.replace("-1]), Some(-1)", "-1]), Some(-2)"),
    );
    copy.lab("test toy --mine")
        .ends_with(1)
        .has("your test `strong` fails on the reference, which is right");
    copy.write(
        "labs/toy/tests/mine.rs",
        "#[test]\nfn other() { toy::mine_only(); }\n",
    );
    copy.lab("test toy --mine")
        .ends_with(1)
        .has("not built   mine::T2")
        .has("error[E0425]: cannot find function `mine_only`");
}

#[test]
fn the_report_has_every_field_and_nothing_else_is_printed() {
    let copy = flawed("report");
    copy.write("seed.key", "correct horse battery staple\n");
    let said = copy.lab("grade toy --format json");
    said.ends_with(1);
    assert_eq!(said.out.lines().count(), 1, "{}", said.out);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["workbook"]["version"], "0.1.0");
    assert!(report["toolchain"].as_str().unwrap().starts_with("rustc "));
    assert_eq!(report["seed_key_id"], "public");
    assert_eq!(
        report["changed"],
        serde_json::json!(["tests/release.sha256"])
    );
    assert_eq!(
        (&report["points"], &report["max"]),
        (&Value::from(25), &Value::from(30))
    );
    let failed = &report["labs"][0]["stages"][0]["tests"][3];
    assert_eq!(failed["verdict"], "failed");
    assert_eq!(failed["seed"], 12);
    assert!(
        failed["seconds"].is_f64() && failed["replay"].is_string(),
        "{failed}"
    );
    let passed = &report["labs"][0]["stages"][0]["tests"][2];
    assert!(
        passed["seed"].is_null() && passed["replay"].is_null(),
        "{passed}"
    );
    // Seeds that no student has seen: 12 is not among them.
    let keyed = copy.lab("grade toy --format json --seed-key seed.key");
    let keyed: Value = serde_json::from_str(&keyed.out).unwrap();
    assert_ne!(keyed["seed_key_id"], "public");
    assert_eq!(keyed["points"], 27);
}

#[test]
fn junit_is_well_formed_and_counts_each_class() {
    let copy = flawed("junit");
    copy.edit(
        "labs/toy/src/lib.rs",
        "let mut best = None;",
        "todo!(\"task <2.1> & more\");\n    #[allow(unreachable_code)]\n    let mut best = None;",
    );
    let said = copy.lab("grade toy --format junit");
    said.ends_with(1)
        .has("<testsuites name=\"workbook\" tests=\"8\" failures=\"1\" errors=\"0\" skipped=\"4\">")
        .has("<testcase classname=\"toy.s1\" name=\"two_and_two_are_four\"")
        .has("<failure type=\"failed\" message=\"T-I2 Order: another order, another sum\">cargo lab replay toy")
        .has("<skipped message=\"T-I3: task &lt;2.1&gt; &amp; more\"/>");
    let opened = said.out.matches("<testcase ").count();
    assert_eq!(opened, said.out.matches("</testcase>").count() + 3);
}

#[test]
fn changes_since_the_release_are_listed_without_git() {
    let copy = Copy::solved("changed");
    copy.edit(
        "tests/graded/catalogue.toml",
        "status = \"ready\"\n\n[[lab]]\nname = \"later\"",
        "status = \"in preparation\"\n\n[[lab]]\nname = \"later\"",
    );
    copy.lab("check toy --write").ends_with(0);
    copy.lab("check --write");
    copy.edit("tests/graded/toy/s1_sum.rs", "two and two", "2 and 2");
    copy.write("tests/graded/toy/extra.rs", "\n");
    // A link is named, whatever it leads to, and followed into no folder.
    #[cfg(unix)]
    std::os::unix::fs::symlink(copy.path("labs"), copy.path("tests/graded/link")).unwrap();
    std::fs::remove_file(copy.path("tests/graded/toy/variants/fold.md")).unwrap();
    // Line ends are git's affair on some systems.
    let page = copy
        .read("tests/graded/toy/bugs/T1.md")
        .replace('\n', "\r\n");
    copy.write("tests/graded/toy/bugs/T1.md", &page);
    let graded = copy.lab("grade toy --format json");
    let report: Value = serde_json::from_str(&graded.out).unwrap();
    let mut wanted = vec![
        "tests/graded/toy/extra.rs",
        "tests/graded/toy/s1_sum.rs",
        "tests/graded/toy/variants/fold.md",
    ];
    if cfg!(unix) {
        wanted.insert(0, "tests/graded/link");
    }
    assert_eq!(report["changed"], serde_json::json!(wanted));
}

#[test]
fn what_the_code_prints_stands_under_the_failed_test_only() {
    let copy = flawed("printed");
    copy.edit(
        "labs/toy/src/lib.rs",
        "left + right",
        "{ println!(\"adding {left}\\nand {right}\"); left + right }",
    );
    let said = copy.lab("test toy 1");
    said.has("it printed (")
        .has("earlier lines left out")
        .has("| adding 0");
    let shown = said.out.matches("| adding").count();
    assert!(shown <= 200, "{shown}");
    let json = copy.lab("grade toy --format json");
    assert!(
        !json.out.contains("adding") && json.err.contains("| adding"),
        "{}",
        json.err
    );
}
