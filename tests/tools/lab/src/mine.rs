//! The learner's own tests, judged on the reference and on the bugs of the ✎ stages.
//!
//! They must pass on the reference. A bug is caught if they pass there and fail with it.

use crate::bugs::{self, Bug};
use crate::cargo;
use crate::error::Error;
use crate::manifest::{Lab, Stage};
use crate::points::Points;
use crate::progress::Progress;
use crate::scratch::Scratch;
use crate::skeleton::Sources;
use crate::testing;
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use crate::{screen, style};
use std::sync::atomic::AtomicBool;

static NEVER: AtomicBool = AtomicBool::new(false);

/// What each bug of a ✎ stage is worth.
pub fn shares(stage: &Stage, bugs: usize) -> Vec<Points> {
    stage
        .own_points()
        .split(&vec![Points::from_thousandths(1); bugs])
}

/// The names of the tests that stand for the bugs of a ✎ stage. A page that cannot be read has none here; `grade` and
/// `check` say what is wrong with it.
pub fn names(workbook: &Workbook, lab: &Lab, stage: &Stage) -> Vec<String> {
    if !stage.own_tests {
        return Vec::new();
    }
    let bugs = bugs::read_bugs(&workbook.graded_folder(&lab.name), lab).unwrap_or_default();
    let asked = bugs.iter().filter(|bug| is_asked(bug, stage));
    asked.map(test_name).collect()
}

fn is_asked(bug: &Bug, stage: &Stage) -> bool {
    stage.own_tests && bug.mine && bug.stage == stage.number()
}

fn test_name(bug: &Bug) -> String {
    format!("mine::{}", bug.id)
}

/// Adds the bugs of each ✎ stage to its result.
pub fn grade(workbook: &Workbook, lab: &Lab, results: &mut [StageResult]) -> Result<(), Error> {
    if !lab.stages.iter().any(|stage| stage.own_tests) {
        return Ok(());
    }
    let bugs = bugs::read_bugs(&workbook.graded_folder(&lab.name), lab)?;
    let reference = Judge::new(workbook, lab)?;
    for stage in lab.stages.iter().filter(|stage| stage.own_tests) {
        let Some(result) = results.iter_mut().find(|r| r.stage == stage.number()) else {
            continue;
        };
        let asked: Vec<&Bug> = bugs.iter().filter(|bug| is_asked(bug, stage)).collect();
        for (bug, max) in asked.iter().zip(shares(stage, asked.len())) {
            let test = reference.judge(bug, max)?;
            result.points = result.points + test.points;
            result.max = result.max + test.max;
            result.tests.push(test);
        }
    }
    Ok(())
}

/// What the learner's tests said of the reference, and the place to try the bugs in.
struct Judge {
    scratch: Scratch,
    reference: Outcome,
}

/// How all of the learner's tests ended on one piece of code.
enum Outcome {
    AllPass { tests: usize },
    Fails { test: String, message: String },
    NotBuilt(String),
}

impl Judge {
    fn new(workbook: &Workbook, lab: &Lab) -> Result<Judge, Error> {
        let scratch = Scratch::of(workbook, &lab.name)?;
        let own = workbook.lab_folder(&lab.name).join("tests/mine.rs");
        let reference = match own.is_file() {
            true => run(&scratch, scratch.reference())?,
            false => Outcome::NotBuilt(format!(
                "labs/{}/tests/mine.rs is not there: write your tests into it",
                lab.name
            )),
        };
        Ok(Judge { scratch, reference })
    }

    fn judge(&self, bug: &Bug, max: Points) -> Result<TestResult, Error> {
        let (verdict, message) = match &self.reference {
            Outcome::NotBuilt(why) => (Verdict::NotBuilt, why.clone()),
            Outcome::Fails { test, message } => (
                Verdict::Failed,
                format!("your test `{test}` fails on the reference, which is right: {message}"),
            ),
            Outcome::AllPass { tests: 0 } => (
                Verdict::Todo,
                "tests/mine.rs of the lab has no test yet".to_string(),
            ),
            Outcome::AllPass { .. } => self.try_bug(bug)?,
        };
        Ok(TestResult {
            name: test_name(bug),
            invariant: bug.invariant.clone(),
            points: match verdict {
                Verdict::Passed => max,
                _ => Points::default(),
            },
            max,
            verdict,
            seed: None,
            replay: None,
            seconds: 0.0,
            message,
            checks: 0,
            kept: Vec::new(),
            faults: None,
            location: None,
            output: String::new(),
            hits: None,
            kit: None,
        })
    }

    fn try_bug(&self, bug: &Bug) -> Result<(Verdict, String), Error> {
        let mut sources = self.scratch.reference().clone();
        if let Err(why) = bug.patch.apply(&mut sources) {
            let message = format!("{} does not apply to the reference: {why}", bug.id);
            return Ok((Verdict::Unknown, message));
        }
        Ok(match run(&self.scratch, &sources)? {
            Outcome::AllPass { .. } => (
                Verdict::Failed,
                format!(
                    "{} survives: your tests pass with it too. {}",
                    bug.id, bug.title
                ),
            ),
            Outcome::Fails { test, .. } => {
                (Verdict::Passed, format!("your test `{test}` catches it"))
            }
            Outcome::NotBuilt(why) => (Verdict::NotBuilt, why),
        })
    }
}

fn run(scratch: &Scratch, sources: &Sources) -> Result<Outcome, Error> {
    let package = scratch.lay(sources)?;
    let built = cargo::build_tests(&package, &["mine".to_string()], &NEVER)?;
    let Some(program) = built.programs.get("mine") else {
        return Ok(Outcome::NotBuilt(built.first_error()));
    };
    let names = testing::names(program, &package.folder, &NEVER)?;
    for name in &names {
        let (verdict, message) = testing::run_own(&package, program, name)?;
        if verdict != Verdict::Passed {
            return Ok(Outcome::Fails {
                test: name.clone(),
                message,
            });
        }
    }
    Ok(Outcome::AllPass { tests: names.len() })
}

/// `cargo lab test LAB --mine`; true if every bug is caught.
pub fn command(workbook: &Workbook, lab: &Lab) -> Result<bool, Error> {
    let own: Vec<&Stage> = lab.stages.iter().filter(|stage| stage.own_tests).collect();
    if own.is_empty() {
        return Err(Error::Usage(format!(
            "the lab `{}` asks for no tests of your own",
            lab.name
        )));
    }
    let mut results: Vec<StageResult> = own
        .iter()
        .map(|stage| StageResult {
            stage: stage.number(),
            title: stage.title.clone(),
            points: Points::default(),
            max: Points::default(),
            hints_used: 0,
            tests: Vec::new(),
        })
        .collect();
    let note = "building your tests against the reference, then against each bug";
    eprintln!("{}", style::paint_error(style::Color::Dim, note));
    grade(workbook, lab, &mut results)?;
    let _ = Progress::update(workbook, |progress| {
        for result in &results {
            progress.record(&lab.name, result);
        }
    })?;
    for result in &results {
        style::put(&screen::stage(&lab.name, result));
    }
    Ok(results.iter().all(StageResult::is_green))
}
