//! `cargo lab grade`: every stage from the start, and the report that machines read.

use crate::error::Error;
use crate::launcher::Enforced;
use crate::manifest::{Lab, Stage};
use crate::points::Points;
use crate::progress::Progress;
use crate::screen;
use crate::seed_key::SeedKey;
use crate::testing::{self, Settings, Side};
use crate::verdict::{LabResult, StageResult, percent_after_hints};
use crate::workbook::Workbook;
use crate::{junit, mine, release, style};
use serde::Serialize;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    Junit,
}

/// The whole report. Readers ignore fields that they do not know.
#[derive(Serialize)]
pub struct Report {
    version: u32,
    workbook: Release,
    toolchain: String,
    seed_key_id: String,
    pub points: Points,
    pub max: Points,
    changed: Vec<String>,
    limits: Enforced,
    pub labs: Vec<LabResult>,
}

#[derive(Serialize)]
struct Release {
    version: String,
    commit: Option<String>,
}

/// Grades and prints; true if every point was reached.
pub fn grade(
    workbook: &Workbook,
    only: Option<&Lab>,
    format: Format,
    key: &SeedKey,
) -> Result<bool, Error> {
    let mut labs = Vec::new();
    for lab in &workbook.labs {
        if only.is_none_or(|only| only.name == lab.name) {
            labs.push(grade_lab(workbook, lab, format, key)?);
        }
    }
    let report = Report {
        version: 1,
        workbook: Release {
            version: workbook.version(),
            commit: commit(workbook),
        },
        toolchain: toolchain(),
        seed_key_id: key.id().to_string(),
        points: labs.iter().map(|lab| lab.points).sum(),
        max: labs.iter().map(|lab| lab.max).sum(),
        changed: release::changed(workbook)?,
        limits: Enforced::here(),
        labs,
    };
    match format {
        Format::Text => style::put(&text(&report)),
        Format::Json => {
            let json = serde_json::to_string(&report)
                .map_err(|error| Error::Environment(format!("cannot write the report: {error}")))?;
            style::put(&format!("{json}\n"));
        }
        Format::Junit => style::put(&junit::report(&report)),
    }
    Ok(report.points == report.max)
}

fn grade_lab(
    workbook: &Workbook,
    lab: &Lab,
    format: Format,
    key: &SeedKey,
) -> Result<LabResult, Error> {
    let settings = Settings {
        seed_key: key.value().map(str::to_string),
        ..Settings::default()
    };
    let package = testing::package(workbook, &lab.name, Side::Learner);
    let stages: Vec<&Stage> = lab.stages.iter().collect();
    let never = AtomicBool::new(false);
    let shown = |result: &StageResult| {
        let outputs = result.tests.iter().map(screen::printed);
        match format {
            Format::Text => style::put(&screen::stage(&lab.name, result)),
            _ => eprint!("{}", outputs.collect::<String>()),
        }
    };
    let (mut results, _) = testing::run_stages(&package, lab, &stages, &settings, &never, shown)?;
    mine::grade(workbook, lab, &mut results)?;
    let loaded = Progress::update(workbook, |progress| {
        for result in &results {
            progress.record(&lab.name, result);
        }
    })?;
    if let Some(warning) = loaded.warning {
        eprintln!("{warning}");
    }
    for result in &mut results {
        let hints = loaded.progress.stage(&lab.name, result.stage).hints_used;
        result.hints_used = hints;
        result.points = result.points.percent(percent_after_hints(hints));
    }
    Ok(LabResult {
        lab: lab.name.clone(),
        points: results.iter().map(|stage| stage.points).sum(),
        max: results.iter().map(|stage| stage.max).sum(),
        stages: results,
    })
}

fn text(report: &Report) -> String {
    let mut text = String::from("\n");
    for lab in &report.labs {
        for stage in &lab.stages {
            let hints = match stage.hints_used {
                0 | 1 => String::new(),
                used => format!("   ({} % after hint H{used})", percent_after_hints(used)),
            };
            text.push_str(&format!(
                "  {} {}  {:<28} {:>7} of {}{hints}\n",
                lab.lab,
                stage.stage,
                stage.title,
                stage.points.to_string(),
                stage.max
            ));
        }
    }
    let total = format!("{} of {} points", report.points, report.max);
    text.push_str(&format!("  {}\n", style::paint(style::Color::Bold, &total)));
    if !report.changed.is_empty() {
        text.push_str(&format!(
            "  changed since the release: {}\n",
            report.changed.join(", ")
        ));
    }
    text.push_str(&screen::limits());
    text
}

fn toolchain() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    first_line(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".into())
}

/// The commit that is checked out, if this is a clone and git is there.
fn commit(workbook: &Workbook) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(&workbook.root);
    first_line(git.args(["rev-parse", "--verify", "--quiet", "HEAD"]))
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_string();
    (output.status.success() && !line.is_empty()).then_some(line)
}
