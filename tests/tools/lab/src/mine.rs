//! The learner's own tests, judged on the reference and on the bugs of the ✎ stages.
//!
//! They must pass on the reference. A bug is caught if they pass there and fail with it.

use crate::bugs::{self, Bug};
use crate::cargo;
use crate::error::Error;
use crate::evidence::One;
use crate::launcher::Limits;
use crate::manifest::{Lab, Stage};
use crate::points::Points;
use crate::progress::Progress;
use crate::scratch::Scratch;
use crate::skeleton::Sources;
use crate::testing;
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use crate::{screen, style};
use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

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
    let all = lab.stages.iter().map(|stage| {
        let asked = bugs.iter().filter(|bug| is_asked(bug, stage));
        asked.count()
    });
    let steps = Steps {
        of: 1 + all.sum::<usize>(),
        done: Cell::new(0),
    };
    let reference = Judge::new(workbook, lab, steps)?;
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
    steps: Steps,
}

/// Each compilation takes seconds, all of them minutes: a line tells which one it is, and what became of it.
struct Steps {
    of: usize,
    done: Cell<usize>,
}

impl Steps {
    fn take(
        &self,
        what: &str,
        work: impl FnOnce() -> Result<Outcome, Error>,
    ) -> Result<Outcome, Error> {
        let number = self.done.get() + 1;
        self.done.set(number);
        let start = Instant::now();
        // Standard output is the report's.
        let doing = format!("  {number} of {}  your tests on {what} … ", self.of);
        eprint!("{}", style::paint_error(style::Color::Dim, &doing));
        let outcome = work();
        let word = match &outcome {
            Ok(Outcome::AllPass { tests }) if number == 1 => format!("{tests} pass"),
            Ok(Outcome::AllPass { .. }) => "it survives".to_string(),
            Ok(Outcome::Fails { test, .. }) if number == 1 => format!("`{test}` fails"),
            Ok(Outcome::Fails { test, .. }) => format!("`{test}` catches it"),
            Ok(Outcome::NotBuilt(_)) => "not built".to_string(),
            Err(_) => "stopped".to_string(),
        };
        eprintln!("{word}, {:.1} s", start.elapsed().as_secs_f64());
        outcome
    }
}

/// How all of the learner's tests ended on one piece of code.
enum Outcome {
    AllPass { tests: usize },
    Fails { test: String, message: String },
    NotBuilt(String),
}

impl Judge {
    fn new(workbook: &Workbook, lab: &Lab, steps: Steps) -> Result<Judge, Error> {
        let scratch = Scratch::of(workbook, &lab.name)?;
        let own = workbook.lab_folder(&lab.name).join("tests/mine.rs");
        let reference = match own.is_file() {
            true => steps.take("the reference", || run(&scratch, scratch.reference()))?,
            false => Outcome::NotBuilt(format!(
                "labs/{}/tests/mine.rs is not there: write your tests into it",
                lab.name
            )),
        };
        Ok(Judge {
            scratch,
            reference,
            steps,
        })
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
        let mut result = TestResult::blank(&test_name(bug), &bug.invariant, max, verdict, message);
        if verdict == Verdict::Passed {
            result.points = max;
        }
        Ok(result)
    }

    fn try_bug(&self, bug: &Bug) -> Result<(Verdict, String), Error> {
        let mut sources = self.scratch.reference().clone();
        if let Err(why) = bug.patch.apply(&mut sources) {
            let message = format!("{} does not apply to the reference: {why}", bug.id);
            return Ok((Verdict::Unknown, message));
        }
        let outcome = self.steps.take(&bug.id, || run(&self.scratch, &sources))?;
        Ok(match outcome {
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
    for test in &names {
        let one = One {
            program,
            folder: &package.folder,
            lab: "mine",
            test,
        };
        let evidence = one.run(&Limits::default(), &NEVER, |_| ())?;
        let (verdict, message) = evidence.own_verdict();
        if verdict != Verdict::Passed {
            return Ok(Outcome::Fails {
                test: test.clone(),
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
