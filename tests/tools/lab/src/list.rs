//! `list`, `next` and `goto`: what there is, and where the learner stands.

use crate::args::Args;
use crate::error::Error;
use crate::manifest::{Lab, Stage, Status};
use crate::mine;
use crate::points::Points;
use crate::progress::{Place, Progress};
use crate::style::{self, Color, paint};
use crate::workbook::Workbook;

pub fn list(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(0)?;
    let progress = load(workbook)?;
    let (lab, stage) = current(workbook, &progress)?;
    style::put(&format!("{}\n", totals(workbook, &progress)));
    for entry in &workbook.catalogue.labs {
        if entry.status == Status::InPreparation {
            style::put(&format!(
                "\n  {:<18} {} ({}): in preparation\n",
                entry.name, entry.title, entry.real
            ));
            continue;
        }
        style::put(&format!(
            "\n  {} {} ({})\n",
            paint(Color::Bold, &format!("{:<18}", entry.name)),
            entry.title,
            entry.real
        ));
        let Ok(found) = workbook.lab(&entry.name) else {
            continue;
        };
        for one in &found.stages {
            let here = found.name == lab.name && one.number() == stage.number();
            style::put(&format!(
                "{}\n",
                line(workbook, &progress, found, one, here)
            ));
        }
    }
    Ok(())
}

fn line(workbook: &Workbook, progress: &Progress, lab: &Lab, stage: &Stage, here: bool) -> String {
    let state = match (progress.is_done(&lab.name, stage), here) {
        (true, _) => paint(Color::Green, "done   "),
        (false, true) => paint(Color::Bold, "current"),
        (false, false) => "       ".to_string(),
    };
    let reached = stage_points(workbook, progress, lab, stage);
    let pencil = if stage.own_tests { " ✎" } else { "" };
    let title = format!("{}{pencil}", stage.title);
    let text = format!(
        "    {state} {} {title:<30} {:>6} of {} points",
        stage.number(),
        reached.to_string(),
        stage.points()
    );
    text.trim_end().to_string()
}

pub fn stage_points(workbook: &Workbook, progress: &Progress, lab: &Lab, stage: &Stage) -> Points {
    progress.points(&lab.name, stage, &mine::names(workbook, lab, stage))
}

/// "3 of 44 stages done · 45/1000 points", over the labs that are there.
pub fn totals(workbook: &Workbook, progress: &Progress) -> String {
    let stages = || {
        workbook
            .labs
            .iter()
            .flat_map(|lab| lab.stages.iter().map(move |s| (lab, s)))
    };
    let done = stages()
        .filter(|(lab, stage)| progress.is_done(&lab.name, stage))
        .count();
    let reached: Points = stages()
        .map(|(lab, stage)| stage_points(workbook, progress, lab, stage))
        .sum();
    let max: Points = workbook.labs.iter().map(Lab::points).sum();
    format!(
        "{done} of {} stages done · {reached}/{max} points",
        stages().count()
    )
}

/// Where the learner stands; the first stage that is not done, if nothing was chosen.
pub fn current<'w>(
    workbook: &'w Workbook,
    progress: &Progress,
) -> Result<(&'w Lab, &'w Stage), Error> {
    let chosen = progress.current.as_ref().and_then(|place| {
        let lab = workbook.labs.iter().find(|lab| lab.name == place.lab)?;
        Some((lab, lab.stage(place.stage)?))
    });
    let all = || {
        workbook
            .labs
            .iter()
            .flat_map(|lab| lab.stages.iter().map(move |s| (lab, s)))
    };
    chosen
        .or_else(|| all().find(|(lab, stage)| !progress.is_done(&lab.name, stage)))
        .or_else(|| all().last())
        .ok_or_else(|| {
            Error::Environment(
                "tests/graded/catalogue.toml has no lab that is ready: restore it".into(),
            )
        })
}

/// The first stage after the current one that is not done; from the end it starts over.
pub fn next(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(0)?;
    match advance(workbook)? {
        Some(line) => style::put(&format!("{line}\n")),
        None => {
            let totals = totals(workbook, &load(workbook)?);
            style::put(&format!("every stage is done: {totals}\n"));
        }
    }
    Ok(())
}

pub fn advance(workbook: &Workbook) -> Result<Option<String>, Error> {
    let progress = load(workbook)?;
    let (lab, stage) = current(workbook, &progress)?;
    // Where nothing was chosen, the first open stage is the next one.
    if progress.current.is_none() && !progress.is_done(&lab.name, stage) {
        return go(workbook, lab, stage).map(Some);
    }
    let all: Vec<(&Lab, &Stage)> = workbook
        .labs
        .iter()
        .flat_map(|lab| lab.stages.iter().map(move |s| (lab, s)))
        .collect();
    let at = all
        .iter()
        .position(|(l, s)| l.name == lab.name && s.number() == stage.number())
        .map_or(0, |index| index + 1);
    let open = |(lab, stage): &&(&Lab, &Stage)| !progress.is_done(&lab.name, stage);
    let found = all[at..].iter().chain(&all[..at]).find(open);
    match found {
        Some((lab, stage)) => go(workbook, lab, stage).map(Some),
        None => Ok(None),
    }
}

pub fn goto(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(2)?;
    let Some(name) = args.word(0) else {
        return Err(Error::Usage(
            "`goto` needs a lab, and takes a stage: `cargo lab goto lock 3`".into(),
        ));
    };
    let lab = workbook.lab(name)?;
    let progress = load(workbook)?;
    let stage = match args.word(1) {
        Some(word) => workbook.stage(lab, word)?,
        None => lab
            .stages
            .iter()
            .find(|stage| !progress.is_done(&lab.name, stage))
            .or(lab.stages.first())
            .ok_or_else(|| Error::Usage(format!("the lab `{name}` has no stage yet")))?,
    };
    style::put(&format!("{}\n", go(workbook, lab, stage)?));
    Ok(())
}

pub fn go(workbook: &Workbook, lab: &Lab, stage: &Stage) -> Result<String, Error> {
    let place = Place {
        lab: lab.name.clone(),
        stage: stage.number(),
    };
    warn(Progress::update(workbook, |progress| {
        progress.current = Some(place);
    })?);
    Ok(format!(
        "now at {} {}: {} · book/src/{}/{}-{}.md · {}",
        lab.name,
        stage.number(),
        stage.title,
        lab.name,
        stage.number(),
        stage.slug,
        files(lab, stage)
    ))
}

/// The files that a stage asks to edit.
pub fn files(lab: &Lab, stage: &Stage) -> String {
    let paths: Vec<String> = stage
        .files
        .iter()
        .map(|file| format!("labs/{}/{file}", lab.name))
        .collect();
    paths.join(", ")
}

/// Progress, with what there is to say about it said.
pub fn load(workbook: &Workbook) -> Result<Progress, Error> {
    Ok(warn(Progress::load(workbook)?))
}

fn warn(loaded: crate::progress::Loaded) -> Progress {
    if let Some(warning) = loaded.warning {
        eprintln!("note: {warning}");
    }
    loaded.progress
}
