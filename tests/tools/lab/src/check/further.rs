//! Further wrong solutions, in one file of a lab: each must be killed, and not by a lucky seed.

use super::say;
use crate::cargo::Package;
use crate::error::Error;
use crate::manifest::{Lab, Stage};
use crate::patch::Patch;
use crate::scratch::Scratch;
use crate::style;
use crate::testing::{self, Filter, Settings};
use crate::verdict::{TestResult, Verdict};
use crate::workbook::Workbook;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

static NEVER: AtomicBool = AtomicBool::new(false);

struct Further {
    id: String,
    stage: u32,
    title: String,
    patch: Patch,
}

/// Every lab that has a `further.md`; true if all are killed.
pub fn check(workbook: &Workbook) -> Result<bool, Error> {
    let mut good = true;
    for lab in &workbook.labs {
        let file = workbook.graded_folder(&lab.name).join("further.md");
        if file.is_file() {
            good &= check_lab(workbook, lab, &file)?;
        }
    }
    Ok(good)
}

fn check_lab(workbook: &Workbook, lab: &Lab, file: &Path) -> Result<bool, Error> {
    let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
    let all = parse(&text, lab).map_err(|(line, message)| Error::Manifest {
        file: file.to_path_buf(),
        line,
        message,
    })?;
    let scratch = Scratch::of(workbook, &lab.name)?;
    let mut alive = Vec::new();
    for wrong in &all {
        let killer = try_to_kill(&scratch, lab, wrong)?;
        let how = match &killer {
            Ok(test) => format!("killed by {} ({})", test.name, test.invariant),
            Err(why) => format!("SURVIVED ({why})"),
        };
        style::put(&format!("{} {how}: {}\n", wrong.id, wrong.title));
        if killer.is_err() {
            alive.push(wrong.id.as_str());
        }
    }
    let text = match alive.is_empty() {
        true => format!(
            "{}: {} further wrong solutions, all killed",
            lab.name,
            all.len()
        ),
        false => format!("{}: {} survive", lab.name, alive.join(", ")),
    };
    Ok(say(alive.is_empty(), "further", &text))
}

/// The first test that fails, scripts and explorations before vectors; or why there is none.
fn try_to_kill(
    scratch: &Scratch,
    lab: &Lab,
    wrong: &Further,
) -> Result<Result<TestResult, String>, Error> {
    let mut sources = scratch.reference().clone();
    if let Err(why) = wrong.patch.apply(&mut sources) {
        return Ok(Err(format!("does not apply: {why}")));
    }
    let package: Package = scratch.lay(&sources)?;
    let upto = |s: &&Stage| s.number() <= wrong.stage;
    let stages: Vec<&Stage> = lab.stages.iter().filter(upto).collect();
    let built = testing::build(&package, &stages, &NEVER)?;
    if built.programs.len() < stages.len() {
        return Ok(Err(built.first_error()));
    }
    for filter in [Filter::Deterministic, Filter::Unit] {
        let settings = Settings {
            filter,
            ..Settings::default()
        };
        let results =
            testing::run_built(&package, lab, &stages, &built, &settings, &NEVER, |_| ())?;
        // Its own stage first.
        let tests = results.into_iter().rev().flat_map(|stage| stage.tests);
        if let Some(test) = tests.into_iter().find(|t| t.verdict != Verdict::Passed) {
            return Ok(Ok(test));
        }
    }
    Ok(Err("every vector, script and exploration passes".into()))
}

/// `## E1 (stage 1): title`, then one block of a diff.
fn parse(text: &str, lab: &Lab) -> Result<Vec<Further>, (usize, String)> {
    let mut all = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(head) = line.strip_prefix("## ") else {
            continue;
        };
        let parts = head
            .split_once(" (stage ")
            .and_then(|(id, rest)| Some((id, rest.split_once("): ")?)));
        let Some((id, (stage, title))) = parts else {
            return Err((at + 1, "`## ID (stage N): title` is due".into()));
        };
        let number = stage.parse().ok().filter(|n| lab.stage(*n).is_some());
        let Some(stage) = number else {
            return Err((at + 1, format!("the lab has no stage `{stage}`")));
        };
        let diff: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .skip_while(|line| *line != "```diff")
            .skip(1)
            .take_while(|line| *line != "```")
            .collect();
        let patch = Patch::parse(
            &(diff.join("\n") + "\n"),
            &format!("solutions/{}", lab.name),
        )
        .map_err(|(line, message)| (at + 3 + line, message))?;
        all.push(Further {
            id: id.to_string(),
            stage,
            title: title.to_string(),
            patch,
        });
    }
    Ok(all)
}
