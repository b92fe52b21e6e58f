//! `cargo lab check`: what is right is called right, and each thing that can be wrong is found by name.

mod support;

use support::Copy;

/// Leaves only what belongs to no lab: links and the release.
fn no_lab_is_ready(copy: &Copy) {
    let catalogue = "tests/graded/catalogue.toml";
    let text = copy.read(catalogue);
    copy.write(catalogue, &text.replace("\"ready\"", "\"in preparation\""));
}

fn toy(name: &str) -> Copy {
    Copy::of_the_workbook(name)
}

#[test]
fn a_right_lab_is_told_with_its_kill_table() {
    let said = toy("check_right").lab("check toy");
    said.ends_with(0)
        .has("skeleton   toy: 1 files as derived")
        .has("red        toy: 7 tests, none passes untouched (7 to do)")
        .has("green      toy: 7 tests pass on the reference")
        .has("T1 killed by a_three_in_front_changes_nothing (T-I2, scripted; swarm 1/2000)")
        .has("T2 killed by a_negative_largest_is_found (T-I4, scripted; no swarm)")
        .has("variant    fold: another right solution passes every stage");
}

#[test]
fn a_skeleton_that_drifted_is_found_and_written_anew() {
    let copy = toy("check_drift");
    copy.edit(
        "solutions/toy/src/lib.rs",
        "\"given\"\n",
        "\"given anew\"\n",
    );
    let drifted = copy.lab("check toy");
    drifted
        .ends_with(1)
        .has("labs/toy/src/lib.rs differ")
        .has("check --write");
    copy.lab("check toy --write").ends_with(0);
    let skeleton = copy.read("labs/toy/src/lib.rs");
    assert!(skeleton.contains("given anew") && skeleton.contains("todo!(\"task 2.1\")"));
    assert!(!skeleton.contains("fold"));
}

#[test]
fn a_test_that_passes_untouched_is_found() {
    let copy = toy("check_untouched");
    let from = "t.check(toy::sum(&[]) == 0, \"nothing\")";
    copy.edit(
        "tests/graded/toy/s1_sum.rs",
        from,
        "t.check(true, \"nothing\")",
    );
    copy.lab("check toy")
        .ends_with(1)
        .has("on the skeleton a_sum_of_nothing_is_zero: passed");
}

#[test]
fn a_reference_that_fails_is_found() {
    let copy = toy("check_reference");
    copy.edit(
        "solutions/toy/src/lib.rs",
        "left + right",
        "left + right + 1",
    );
    copy.lab("check toy")
        .ends_with(1)
        .has("on the reference two_and_two_are_four: failed");
}

/// A page beside T2, which differs from it in `from`.
fn like_t2(copy: &Copy, id: &str, from: &str, to: &str) {
    let page = copy
        .read("tests/graded/toy/bugs/T2.md")
        .replace("id: T2", &format!("id: {id}"));
    assert!(page.contains(from));
    copy.write(
        &format!("tests/graded/toy/bugs/{id}.md"),
        &page.replace(from, to),
    );
}

#[test]
fn each_way_in_which_a_bug_does_not_count_has_its_name() {
    let copy = toy("check_bugs");
    // T1 is found by seed 3 only, and this is no longer a schedule that finds it every time.
    copy.edit(
        "tests/graded/toy/s1_sum.rs",
        "toy::sum(&[3, 1])",
        "toy::sum(&[1, 3])",
    );
    like_t2(&copy, "T3", "invariant: T-I4", "invariant: T-I3");
    let line = "best.max(Some(*number)).max(Some(0));";
    like_t2(&copy, "T4", line, "Some(*number);");
    like_t2(
        &copy,
        "T5",
        "-        best = best.max(",
        "-        best = max(",
    );
    like_t2(&copy, "T6", ".max(Some(0))", ".max(Some(\"\"))");
    copy.lab("check toy")
        .ends_with(1)
        .has("T1 SURVIVED (swarm 1/2000)")
        .has("T2 killed by a_negative_largest_is_found (T-I4, scripted; no swarm)")
        .has("T3 SURVIVED (a_negative_largest_is_found fails, but names T-I4 instead of T-I3)")
        .has("T4 TOO COARSE: the_largest_is_found fails without a fault")
        .has("T5 DOES NOT APPLY: src/lib.rs has no line `best = max(Some(*number));`")
        .has("T6 DOES NOT APPLY: error[E0308]: mismatched types (solutions/toy/src/lib.rs:");
}

#[test]
fn a_page_without_its_front_matter_is_told_with_its_line() {
    let copy = toy("check_front");
    copy.edit("tests/graded/toy/bugs/T2.md", "stage: 2", "stage: 7");
    copy.lab("check toy")
        .ends_with(3)
        .has("T2.md:3: the lab has no stage `7`");
}

#[test]
fn a_diff_of_many_lines_is_no_bug() {
    let copy = toy("check_long");
    let line = "+        best = best.max(Some(*number)).max(Some(0));\n";
    copy.edit("tests/graded/toy/bugs/T2.md", line, &line.repeat(16));
    copy.lab("check toy")
        .ends_with(3)
        .has("16 changed lines: a bug has at most 15");
}

#[test]
fn links_and_snippets_that_lead_nowhere_are_told_with_their_line() {
    let copy = toy("check_links");
    no_lab_is_ready(&copy);
    copy.lab("check links")
        .ends_with(0)
        .has("links      8 links and snippets in 3 pages");
    copy.lab("check").ends_with(1).has("tests/release.sha256");
    copy.lab("check --write").ends_with(0);
    copy.write(
        "book/src/toy/README.md",
        "# Toy\n[a](1-sum.md#sums-and-more) [b](gone.md) `[c](code.md)` [d](https://example.org)\n\
         {{#include ../../../solutions/toy/src/lib.rs:gone}}\n```rust\n[e](code.md)\n```\n",
    );
    copy.write("book/src/toy/2-lost.md", "# Lost\n");
    copy.lab("check links")
        .ends_with(1)
        .has("book/src/toy/README.md:2: links to gone.md, which is not there")
        .has("book/src/toy/README.md:3: includes ../../../solutions/toy/src/lib.rs:gone")
        .has("book/src/toy/2-lost.md is not in SUMMARY.md");
    let said = copy.lab("check links");
    assert!(!said.out.contains("code.md"), "{}", said.out);
}

#[test]
fn a_release_list_gone_stale_is_found() {
    let copy = toy("check_release");
    no_lab_is_ready(&copy);
    copy.lab("check --write").ends_with(0);
    copy.edit("tests/graded/toy/s1_sum.rs", "two and two", "2 and 2");
    copy.lab("check release")
        .ends_with(1)
        .has("release    1 files differ from tests/release.sha256 (tests/graded/toy/s1_sum.rs)");
}
