//! `cargo lab hint`: the next hint of a stage, and what it costs; all of them, free, once the stage is done.

use crate::args::Args;
use crate::error::Error;
use crate::grade::Format;
use crate::list;
use crate::manifest::{Lab, Stage};
use crate::progress::Progress;
use crate::style;
use crate::verdict::percent_after_hints;
use crate::workbook::Workbook;
use serde::Serialize;

/// A hint that was given.
#[derive(Serialize)]
pub struct Given {
    lab: String,
    stage: u32,
    /// 1 to 3: the last of `hints`.
    level: u8,
    /// All of `hints`, a blank line between two.
    text: String,
    /// One, or all three once the stage is done.
    hints: Vec<String>,
    hints_used: u8,
    /// What is left of the stage's points.
    percent_left: u64,
    /// Whether there is another one, and what would be left then.
    next_percent_left: Option<u64>,
}

/// The hint that would come next; of a stage that is done, [`give`] shows all.
pub fn next_level(progress: &Progress, lab: &Lab, stage: &Stage) -> u8 {
    (progress.stage(&lab.name, stage.number()).hints_used + 1).min(3)
}

/// What `level` costs beyond what was paid, in words; none if it is free.
pub fn cost(progress: &Progress, lab: &Lab, stage: &Stage, level: u8) -> Option<String> {
    let used = progress.stage(&lab.name, stage.number()).hints_used;
    let is_free = level < 2 || level <= used || progress.is_done(&lab.name, stage);
    (!is_free).then(|| {
        let lost = 100 - percent_after_hints(level);
        let points = stage.points() - stage.points().percent(percent_after_hints(level));
        format!(
            "H{level} leaves {} % of the stage (-{lost} %, {points} points)",
            100 - lost
        )
    })
}

/// Gives the hint and counts it. Once a stage is done its hints are reading: all of them, and nothing is counted.
pub fn give(workbook: &Workbook, lab: &Lab, stage: &Stage, level: u8) -> Result<Given, Error> {
    let mut done = false;
    let loaded = Progress::update(workbook, |progress| {
        done = progress.is_done(&lab.name, stage);
        if !done {
            progress.take_hint(&lab.name, stage.number(), level);
        }
    })?;
    if let Some(warning) = loaded.warning {
        eprintln!("note: {warning}");
    }
    let used = loaded.progress.stage(&lab.name, stage.number()).hints_used;
    let hints = match done {
        true => stage.hints().to_vec(),
        false => {
            let one = stage.hints().get(usize::from(level - 1));
            one.cloned().into_iter().collect()
        }
    };
    Ok(Given {
        lab: lab.name.clone(),
        stage: stage.number(),
        level: if done { 3 } else { level },
        text: hints.join("\n\n"),
        hints,
        hints_used: used,
        percent_left: percent_after_hints(used),
        next_percent_left: (!done && level < 3).then(|| percent_after_hints(level + 1)),
    })
}

impl Given {
    /// As a person reads it.
    pub fn shown(&self) -> String {
        let first = usize::from(self.level) + 1 - self.hints.len();
        let mut shown = String::new();
        for (number, hint) in (first..).zip(&self.hints) {
            let text = hint.trim_end().replace('\n', "\n     ");
            shown.push_str(&format!("  H{number}  {text}\n"));
        }
        if let Some(left) = self.next_percent_left
            && left < self.percent_left
        {
            let next = self.level + 1;
            shown.push_str(&format!(
                "     (H{next} leaves {left} % of the stage's points)\n"
            ));
        }
        shown
    }
}

pub fn command(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(2)?;
    let progress = list::load(workbook)?;
    let (lab, stage) = match (args.word(0), args.word(1)) {
        (Some(lab), Some(stage)) => {
            let lab = workbook.lab(lab)?;
            (lab, workbook.stage(lab, stage)?)
        }
        (Some(_), None) => {
            return Err(Error::Usage(
                "`hint` takes a lab and a stage, `cargo lab hint lock 3`, or nothing for the current one".into(),
            ));
        }
        _ => list::current(workbook, &progress)?,
    };
    let level = next_level(&progress, lab, stage);
    if let Some(cost) = cost(&progress, lab, stage, level)
        && args.format()? == Format::Text
        && !args.yes
        && style::interactive()
        && !style::confirm(&format!("{cost}. Show it?"))
    {
        return Ok(());
    }
    let given = give(workbook, lab, stage, level)?;
    match args.format()? {
        Format::Text => {
            style::put(&format!(
                "  {} {}: {}\n",
                lab.name,
                stage.number(),
                stage.title
            ));
            style::put(&given.shown());
        }
        Format::Json => {
            let json = serde_json::to_string(&given)
                .map_err(|error| Error::Environment(format!("cannot write the hint: {error}")))?;
            style::put(&format!("{json}\n"));
        }
        Format::Junit => {
            return Err(Error::Usage(
                "a hint has no junit form: take text or json".into(),
            ));
        }
    }
    Ok(())
}
