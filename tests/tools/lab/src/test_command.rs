//! `cargo lab test`: grade once.

use crate::args::Args;
use crate::cargo::Built;
use crate::error::Error;
use crate::explore;
use crate::list;
use crate::manifest::{Lab, Stage};
use crate::mine;
use crate::progress::Progress;
use crate::regressions;
use crate::results;
use crate::screen;
use crate::style;
use crate::testing::{self, Filter, Settings, Side};
use crate::verdict::StageResult;
use crate::workbook::Workbook;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a `[LAB [STAGE [TEST]]]` names.
pub struct Selection<'w> {
    pub lab: &'w Lab,
    pub stages: Vec<&'w Stage>,
    pub test: Option<String>,
}

pub fn select<'w>(workbook: &'w Workbook, words: &[String]) -> Result<Selection<'w>, Error> {
    let Some(name) = words.first() else {
        let (lab, stage) = list::current(workbook, &list::load(workbook)?)?;
        return Ok(Selection {
            lab,
            stages: vec![stage],
            test: None,
        });
    };
    let lab = workbook.lab(name)?;
    let (stages, test) = match (words.get(1), words.get(2)) {
        (None, _) => (lab.stages.iter().collect(), None),
        (Some(word), None) if lab.find_stage(word).is_none() => {
            (vec![stage_of(lab, word)?], Some(word))
        }
        (Some(word), test) => (vec![workbook.stage(lab, word)?], test),
    };
    if let (Some(test), [stage]) = (test, &stages[..])
        && !stage.tests().iter().any(|one| one.name == *test)
    {
        let names: Vec<&str> = stage
            .tests()
            .iter()
            .map(|test| test.name.as_str())
            .collect();
        return Err(Error::Usage(format!(
            "{} {} has no test `{test}`; it has: {}",
            lab.name,
            stage.number(),
            names.join(", ")
        )));
    }
    Ok(Selection {
        lab,
        stages,
        test: test.cloned(),
    })
}

/// The stage that has the test of this name.
fn stage_of<'l>(lab: &'l Lab, test: &str) -> Result<&'l Stage, Error> {
    let has = |stage: &&Stage| stage.tests().iter().any(|one| one.name == test);
    lab.stages.iter().find(has).ok_or_else(|| {
        Error::Usage(format!(
            "the lab `{}` has no stage and no test `{test}`; `cargo lab list` shows the stages",
            lab.name
        ))
    })
}

/// Settings that are the same for `test` and `replay`.
pub fn settings(args: &Args, test: Option<String>) -> Settings {
    Settings {
        seeds: args.seeds,
        seed: args.seed,
        keep: args.keep.clone(),
        schedule: args.schedule.clone(),
        filter: test.map_or(Filter::All, Filter::Named),
        ..Settings::default()
    }
}

pub fn test(workbook: &Workbook, args: &Args) -> Result<bool, Error> {
    args.at_most(3)?;
    if args.mine {
        args.at_most(1)?;
        return mine::command(workbook, select(workbook, &args.words)?.lab);
    }
    let selection = select(workbook, &args.words)?;
    let settings = settings(args, selection.test.clone());
    let (results, _) = run(workbook, &selection, &settings, &AtomicBool::new(false))?;
    // A chosen run says nothing about the others.
    let chosen = settings.seed.is_some() || settings.schedule.is_some() || selection.test.is_some();
    let paths_hold = chosen || explore::try_paths(workbook, selection.lab)?;
    style::put(&screen::limits());
    Ok(results.iter().all(StageResult::is_green) && paths_hold)
}

/// Builds, runs, shows and records.
pub fn run(
    workbook: &Workbook,
    selection: &Selection<'_>,
    settings: &Settings,
    cancel: &AtomicBool,
) -> Result<(Vec<StageResult>, Built), Error> {
    let lab = selection.lab;
    workbook.require_lib(&lab.name)?;
    let package = testing::package(workbook, &lab.name, Side::Learner);
    // A chosen run says nothing about the others.
    let chosen = settings.seed.is_some() || settings.schedule.is_some();
    let (results, built) = testing::run_stages(
        &package,
        lab,
        &selection.stages,
        settings,
        cancel,
        |result| {
            if !cancel.load(Ordering::Relaxed) {
                style::put(&screen::stage(&lab.name, result));
            }
        },
    )?;
    if !chosen && !cancel.load(Ordering::Relaxed) {
        keep(workbook, selection, &results)?;
    }
    Ok((results, built))
}

/// What outlives the command: progress, failures to try again, results for the book's pages.
fn keep(
    workbook: &Workbook,
    selection: &Selection<'_>,
    results: &[StageResult],
) -> Result<(), Error> {
    let lab = selection.lab;
    let loaded = Progress::update(workbook, |progress| {
        for result in results {
            progress.record(&lab.name, result);
        }
    })?;
    if let Some(warning) = loaded.warning {
        eprintln!("note: {warning}");
    }
    regressions::record(workbook, &lab.name, results)?;
    match selection.stages.first() {
        Some(stage) => results::publish(workbook, lab, stage, results, &loaded.progress),
        None => Ok(()),
    }
}
