//! `cargo lab replay`: one run again, with every event told.

use crate::args::Args;
use crate::error::Error;
use crate::explore;
use crate::manifest::{Lab, Stage};
use crate::regressions::{self, Failure};
use crate::style::{self, Color, paint};
use crate::test_command::{self, Selection};
use crate::testing::{self, Filter, Settings, Side};
use crate::trace;
use crate::verdict::{TestResult, Verdict};
use crate::workbook::Workbook;
use crate::{book, screen};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// True if the run is as it should be, so: false if the failure is still there.
pub fn replay(workbook: &Workbook, args: &Args) -> Result<bool, Error> {
    args.at_most(2)?;
    if let Some(holds) = explore::replay(workbook, args)? {
        return Ok(holds);
    }
    let (lab, stage, settings) = choose(workbook, args)?;
    let result = run(workbook, lab, stage, &settings)?;
    if args.open {
        book::open_replay(workbook, args)?;
    }
    Ok(result.verdict == Verdict::Passed)
}

/// The last failure, for a key of the home screen.
pub fn replay_last(workbook: &Workbook) -> Result<(), Error> {
    let args = Args::default();
    let (lab, stage, settings) = choose(workbook, &args)?;
    run(workbook, lab, stage, &settings)?;
    Ok(())
}

fn choose<'w>(
    workbook: &'w Workbook,
    args: &Args,
) -> Result<(&'w Lab, &'w Stage, Settings), Error> {
    let chosen = args.seed.is_some() || args.schedule.is_some();
    let last = regressions::last(workbook).filter(|last| fits(last, args));
    if let (false, Some(last)) = (chosen, &last) {
        let lab = workbook.lab(&last.lab)?;
        let stage = workbook.stage(lab, &last.stage.to_string())?;
        let settings = Settings {
            seed: last.seed,
            keep: last.seed.map(|_| regressions::keep_of(&last.keep)),
            filter: Filter::Named(last.test.clone()),
            ..Settings::default()
        };
        return Ok((lab, stage, settings));
    }
    let (lab, test) = match (args.words.len(), last) {
        (2.., _) => (workbook.lab(&args.words[0])?, args.words[1].clone()),
        // `replay lock --seed 9` is about the test that failed last.
        (_, Some(last)) => (workbook.lab(&last.lab)?, last.test),
        _ => {
            return Err(Error::Usage(
                "no failure is recorded: `cargo lab test` records one, `cargo lab replay lock TEST --seed S` runs a chosen one".into(),
            ));
        }
    };
    let words = [lab.name.clone(), test];
    let Selection { lab, stages, test } = test_command::select(workbook, &words)?;
    match (&stages[..], test) {
        ([stage], Some(test)) => Ok((lab, stage, test_command::settings(args, Some(test)))),
        _ => Err(Error::Usage(format!(
            "`replay` takes a lab and a test; `cargo lab test {}` names them",
            lab.name
        ))),
    }
}

/// Whether the recorded failure is one that the words ask for.
fn fits(last: &Failure, args: &Args) -> bool {
    args.word(0).is_none_or(|lab| lab == last.lab) && args.word(1).is_none_or(|t| t == last.test)
}

fn trace_file(workbook: &Workbook) -> PathBuf {
    workbook.own_folder().join("traces/last.json")
}

fn run(
    workbook: &Workbook,
    lab: &Lab,
    stage: &Stage,
    settings: &Settings,
) -> Result<TestResult, Error> {
    let path = trace_file(workbook);
    let folder = workbook.own_folder().join("traces");
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    trace::forget(&path)?;
    let settings = Settings {
        trace: Some(path.clone()),
        ..settings.clone()
    };
    workbook.require_lib(&lab.name)?;
    let package = testing::package(workbook, &lab.name, Side::Learner);
    let never = AtomicBool::new(false);
    let (results, _) = testing::run_stages(&package, lab, &[stage], &settings, &never, |_| ())?;
    let Some(result) = results.into_iter().flat_map(|stage| stage.tests).next() else {
        return Err(Error::Usage(format!(
            "{} {} no longer has this test: `cargo lab test {0}` shows what it has",
            lab.name,
            stage.number()
        )));
    };
    let told = trace::tell(&path)?;
    if let Some(text) = &told {
        style::put(text);
    }
    style::put(&screen::one(&result));
    if result.verdict == Verdict::Passed {
        style::put(&paint(
            Color::Green,
            "  the failure is gone: this run is as it should be\n",
        ));
    } else if told.is_none() {
        style::put("  (no trace: this test ended before the simulator could write one)\n");
    }
    Ok(result)
}
