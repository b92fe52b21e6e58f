//! `cargo lab check`: for authors and CI. Skeletons are derived and red, references green, bugs killed, links whole.

mod anchors;
mod further;
mod kills;
mod links;
mod traces;

use crate::args::Args;
use crate::error::Error;
use crate::manifest::{self, Lab, Stage};
use crate::skeleton;
use crate::testing::{self, Settings, Side};
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use crate::{release, style};
use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Every check of every lab, or of one; true if nothing is wrong.
pub fn check(workbook: &Workbook, args: &Args) -> Result<bool, Error> {
    args.at_most(1)?;
    // A lab takes minutes; the first of these takes an hour, the others a second.
    match args.word(0) {
        Some("further") => return further::check(workbook),
        Some("links") => return links::check(workbook),
        Some("release") => return check_release(workbook, args.write),
        _ => {}
    }
    let only = args.word(0).map(|name| workbook.lab(name)).transpose()?;
    let mut good = true;
    for lab in &workbook.labs {
        if only.is_none_or(|only| only.name == lab.name) {
            let start = Instant::now();
            let lab_good = check_lab(workbook, lab, args)?;
            let text = format!(
                "{}: all of it, {:.0} s",
                lab.name,
                start.elapsed().as_secs_f64()
            );
            good &= say(lab_good, "lab", &text);
        }
    }
    if only.is_none() {
        good &= links::check(workbook)?;
        good &= check_release(workbook, args.write)?;
    }
    Ok(good)
}

fn check_lab(workbook: &Workbook, lab: &Lab, args: &Args) -> Result<bool, Error> {
    // What cannot be read is told before anything is built.
    let pages = kills::read(workbook, lab)?;
    let mut good = check_points(workbook, lab) & check_tasks(workbook, lab)?;
    let in_sync = check_skeleton(workbook, lab, args.write)?;
    good &= in_sync;
    if in_sync {
        good &= check_red(workbook, lab)?;
    }
    let green = check_green(workbook, lab)?;
    good &= green;
    if green {
        good &= kills::check(workbook, lab, &pages, args)?;
    }
    Ok(good)
}

/// One line: what was looked at, and how it is.
pub fn say(good: bool, what: &str, text: &str) -> bool {
    let word = match good {
        true => style::paint(style::Color::Green, "ok    "),
        false => style::paint(style::Color::Red, "FAILED"),
    };
    style::put(&format!("{word}  {what:<10} {text}\n"));
    good
}

fn check_points(workbook: &Workbook, lab: &Lab) -> bool {
    let file = workbook.graded_folder(&lab.name).join("lab.toml");
    match manifest::check_points(&file) {
        Ok(()) => say(
            true,
            "points",
            &format!("{}: {} points", lab.name, lab.points()),
        ),
        Err(error) => say(false, "points", &error.to_string()),
    }
}

/// `lab.toml` names exactly the tasks that the reference has.
fn check_tasks(workbook: &Workbook, lab: &Lab) -> Result<bool, Error> {
    let mut there = BTreeSet::new();
    for text in skeleton::derive(&workbook.solution_folder(&lab.name))?.values() {
        // A derived file has well-formed tasks.
        there.extend(
            skeleton::tasks(text)
                .unwrap_or_default()
                .into_iter()
                .map(|task| task.label),
        );
    }
    let named: BTreeSet<String> = lab
        .stages
        .iter()
        .flat_map(|stage| stage.tasks.iter().cloned())
        .collect();
    let differing: Vec<String> = there.symmetric_difference(&named).cloned().collect();
    let text = match differing.is_empty() {
        true => format!(
            "{}: {} tasks, each named in lab.toml",
            lab.name,
            there.len()
        ),
        false => format!(
            "{}: lab.toml and the reference disagree about {}",
            lab.name,
            differing.join(", ")
        ),
    };
    Ok(say(differing.is_empty(), "tasks", &text))
}

fn check_skeleton(workbook: &Workbook, lab: &Lab, write: bool) -> Result<bool, Error> {
    let derived = skeleton::derive(&workbook.solution_folder(&lab.name))?;
    let folder = workbook.lab_folder(&lab.name);
    if write {
        skeleton::lay(&folder, &derived)?;
    }
    let here = match folder.join("src").is_dir() {
        true => skeleton::read_sources(&folder)?,
        false => skeleton::Sources::new(),
    };
    let differing: Vec<String> = derived
        .keys()
        .chain(here.keys().filter(|path| !derived.contains_key(*path)))
        .filter(|path| derived.get(*path) != here.get(*path))
        .map(|path| format!("labs/{}/{}", lab.name, path.display()))
        .collect();
    let text = match differing.is_empty() {
        true => format!(
            "{}: {} files as derived from the reference",
            lab.name,
            here.len()
        ),
        false => format!(
            "{}: {} differ; `cargo lab check --write` derives them anew",
            lab.name,
            differing.join(", ")
        ),
    };
    Ok(say(differing.is_empty(), "skeleton", &text))
}

/// No test may pass before the learner has written a line.
fn check_red(workbook: &Workbook, lab: &Lab) -> Result<bool, Error> {
    let results = run(workbook, lab, Side::Learner)?;
    let all: Vec<&TestResult> = results.iter().flat_map(|stage| &stage.tests).collect();
    let bad = |test: &&TestResult| matches!(test.verdict, Verdict::Passed | Verdict::NotBuilt);
    let untouched: Vec<&TestResult> = all.iter().copied().filter(bad).collect();
    let todo = all
        .iter()
        .filter(|test| test.verdict == Verdict::Todo)
        .count();
    let text = match untouched.is_empty() {
        true => format!(
            "{}: {} tests, none passes untouched ({todo} to do)",
            lab.name,
            all.len()
        ),
        false => format!("{}: on the skeleton {}", lab.name, ends(&untouched)),
    };
    Ok(say(untouched.is_empty(), "red", &text))
}

fn check_green(workbook: &Workbook, lab: &Lab) -> Result<bool, Error> {
    let results = run(workbook, lab, Side::Reference)?;
    let all: Vec<&TestResult> = results.iter().flat_map(|stage| &stage.tests).collect();
    let failed: Vec<&TestResult> = all
        .iter()
        .copied()
        .filter(|test| test.verdict != Verdict::Passed)
        .collect();
    let seconds: f64 = all.iter().map(|test| test.seconds).sum();
    let text = match failed.is_empty() {
        true => format!(
            "{}: {} tests pass on the reference ({seconds:.1} s)",
            lab.name,
            all.len()
        ),
        false => format!("{}: on the reference {}", lab.name, ends(&failed)),
    };
    Ok(say(failed.is_empty(), "green", &text))
}

fn run(workbook: &Workbook, lab: &Lab, side: Side) -> Result<Vec<StageResult>, Error> {
    let package = testing::package(workbook, &lab.name, side);
    let stages: Vec<&Stage> = lab.stages.iter().collect();
    let never = AtomicBool::new(false);
    let settings = Settings::default();
    let (results, _) = testing::run_stages(&package, lab, &stages, &settings, &never, |_| ())?;
    Ok(results)
}

/// "a: passed; b: not_built (…)".
fn ends(tests: &[&TestResult]) -> String {
    let each: Vec<String> = tests
        .iter()
        .map(|test| format!("{}: {} {}", test.name, test.verdict.name(), test.message))
        .collect();
    each.join("; ")
}

fn check_release(workbook: &Workbook, write: bool) -> Result<bool, Error> {
    if write {
        release::write(workbook)?;
    }
    let changed = release::changed(workbook)?;
    let text = match changed.is_empty() {
        true => "the list of released files is up to date".to_string(),
        false => format!(
            "{} files differ from tests/release.sha256 ({}); `cargo lab check --write` writes it anew",
            changed.len(),
            changed
                .iter()
                .take(3)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    Ok(say(changed.is_empty(), "release", &text))
}

/// A page's text, for the checks that read the book.
fn read_page(path: &std::path::Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file("read", path))
}
