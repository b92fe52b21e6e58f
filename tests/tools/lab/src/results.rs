//! `.lab/results.json`: the last results of every stage, in the shape of the report, for the open pages of the book.

use crate::durable;
use crate::error::Error;
use crate::manifest::{Lab, Stage};
use crate::points::Points;
use crate::progress::Progress;
use crate::verdict::{LabResult, StageResult, TestResult, percent_after_hints};
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::fs;

#[derive(Serialize, Deserialize)]
struct Results {
    version: u32,
    current: Current,
    points: Points,
    max: Points,
    labs: Vec<LabResult>,
}

#[derive(Serialize, Deserialize)]
struct Current {
    lab: String,
    stage: u32,
}

/// Puts new results in the place of the old ones.
pub fn publish(
    workbook: &Workbook,
    lab: &Lab,
    stage: &Stage,
    fresh: &[StageResult],
    progress: &Progress,
) -> Result<(), Error> {
    let folder = workbook.own_folder();
    let _lock = durable::lock(&folder)?;
    let path = folder.join("results.json");
    let old = fs::read_to_string(&path).ok();
    let old: Option<Results> = old.and_then(|text| serde_json::from_str(&text).ok());
    let mut labs = old.map(|old| old.labs).unwrap_or_default();
    labs.retain(|one| workbook.labs.iter().any(|lab| lab.name == one.lab));
    if !labs.iter().any(|one| one.lab == lab.name) {
        labs.push(LabResult {
            lab: lab.name.clone(),
            points: Points::default(),
            max: lab.points(),
            stages: Vec::new(),
        });
    }
    for one in labs.iter_mut().filter(|one| one.lab == lab.name) {
        merge(one, lab, fresh, progress);
    }
    let results = Results {
        version: 1,
        current: Current {
            lab: lab.name.clone(),
            stage: stage.number(),
        },
        points: labs.iter().map(|lab| lab.points).sum(),
        max: workbook.labs.iter().map(Lab::points).sum(),
        labs,
    };
    let text = serde_json::to_string(&results)
        .map_err(|error| Error::Environment(format!("cannot write results: {error}")))?;
    durable::replace(&path, text.as_bytes())
}

fn merge(old: &mut LabResult, lab: &Lab, fresh: &[StageResult], progress: &Progress) {
    for result in fresh {
        let before = old.stages.iter().position(|one| one.stage == result.stage);
        match before {
            Some(at) => update(&mut old.stages[at], result),
            None => old.stages.push(result.clone()),
        }
    }
    old.stages.retain(|one| lab.stage(one.stage).is_some());
    old.stages.sort_by_key(|one| one.stage);
    for stage in &mut old.stages {
        stage.hints_used = progress.stage(&lab.name, stage.stage).hints_used;
        let reached: Points = stage.tests.iter().map(|test| test.points).sum();
        stage.points = reached.percent(percent_after_hints(stage.hints_used));
        stage.max = lab.stage(stage.stage).map_or(stage.max, Stage::points);
    }
    old.points = old.stages.iter().map(|stage| stage.points).sum();
    old.max = lab.points();
}

/// A run of one test leaves the others as they were.
fn update(old: &mut StageResult, fresh: &StageResult) {
    old.title.clone_from(&fresh.title);
    for test in &fresh.tests {
        let same = |other: &&mut TestResult| other.name == test.name;
        match old.tests.iter_mut().find(same) {
            Some(before) => *before = test.clone(),
            None => old.tests.push(test.clone()),
        }
    }
}
