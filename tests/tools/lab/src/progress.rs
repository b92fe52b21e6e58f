//! `.lab/progress.json`: where the learner is, what is done, which hints were taken.
//!
//! Two copies are kept, each replaced whole, so that a damaged one is set aside and rebuilt from the other.

use crate::durable;
use crate::error::Error;
use crate::points::Points;
use crate::verdict::{StageResult, Verdict, percent_after_hints};
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    version: u32,
    pub current: Option<Place>,
    /// Lab → stage → what was reached.
    #[serde(default)]
    pub labs: BTreeMap<String, BTreeMap<u32, StageProgress>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub lab: String,
    pub stage: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageProgress {
    /// The highest hint shown: 2 costs a tenth of the stage, 3 three tenths in all.
    #[serde(default)]
    pub hints_used: u8,
    /// Test → whether it passed when it ran last.
    #[serde(default)]
    pub tests: BTreeMap<String, bool>,
}

/// What was found on disk, and what there is to say about it.
pub struct Loaded {
    pub progress: Progress,
    pub warning: Option<String>,
}

const VERSION: u32 = 1;

impl Progress {
    pub fn load(workbook: &Workbook) -> Result<Loaded, Error> {
        let _lock = durable::lock(&workbook.own_folder())?;
        load_locked(&workbook.own_folder())
    }

    /// Reads, changes and writes in one step that no other process can come between.
    pub fn update(
        workbook: &Workbook,
        change: impl FnOnce(&mut Progress),
    ) -> Result<Loaded, Error> {
        let folder = workbook.own_folder();
        let _lock = durable::lock(&folder)?;
        let mut loaded = load_locked(&folder)?;
        let before = loaded.progress.clone();
        change(&mut loaded.progress);
        if loaded.progress != before || loaded.warning.is_some() {
            save_locked(&folder, &loaded.progress)?;
        }
        Ok(loaded)
    }

    pub fn stage(&self, lab: &str, stage: u32) -> StageProgress {
        let found = self.labs.get(lab).and_then(|stages| stages.get(&stage));
        found.cloned().unwrap_or_default()
    }

    pub fn record(&mut self, lab: &str, result: &StageResult) {
        let stages = self.labs.entry(lab.to_string()).or_default();
        let stage = stages.entry(result.stage).or_default();
        // What was not built is in the middle of an edit, and says nothing about what was reached.
        for test in result
            .tests
            .iter()
            .filter(|test| test.verdict != Verdict::NotBuilt)
        {
            let passed = test.verdict == Verdict::Passed;
            stage.tests.insert(test.name.clone(), passed);
        }
    }

    pub fn take_hint(&mut self, lab: &str, stage: u32, level: u8) {
        let stages = self.labs.entry(lab.to_string()).or_default();
        let stage = stages.entry(stage).or_default();
        stage.hints_used = stage.hints_used.max(level);
    }

    /// All graded tests of the stage passed when they ran last. The learner's own tests add points, not doors.
    pub fn is_done(&self, lab: &str, stage: &crate::manifest::Stage) -> bool {
        let reached = self.stage(lab, stage.number());
        let passed = |test: &crate::manifest::Test| reached.tests.get(&test.name) == Some(&true);
        stage.tests().iter().all(passed)
    }

    pub fn points(&self, lab: &str, stage: &crate::manifest::Stage, own: &[String]) -> Points {
        let reached = self.stage(lab, stage.number());
        let passed = |name: &String| reached.tests.get(name) == Some(&true);
        let graded = stage.tests().iter().zip(stage.test_points());
        let graded = graded
            .filter(|(test, _)| passed(&test.name))
            .map(|(_, points)| points);
        let shares = crate::mine::shares(stage, own.len());
        let own = own
            .iter()
            .zip(shares)
            .filter(|(name, _)| passed(name))
            .map(|(_, points)| points);
        graded
            .chain(own)
            .sum::<Points>()
            .percent(percent_after_hints(reached.hints_used))
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("progress.json")
}

fn copy(folder: &Path) -> PathBuf {
    folder.join("progress.copy.json")
}

fn save_locked(folder: &Path, progress: &Progress) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(progress)
        .map_err(|error| Error::Environment(format!("cannot write progress: {error}")))?;
    text.push('\n');
    durable::replace(&file(folder), text.as_bytes())?;
    durable::replace(&copy(folder), text.as_bytes())
}

fn load_locked(folder: &Path) -> Result<Loaded, Error> {
    let path = file(folder);
    let fresh = Progress {
        version: VERSION,
        ..Progress::default()
    };
    let damage = match read(&path) {
        Read::Whole(progress) => {
            return Ok(Loaded {
                progress,
                warning: None,
            });
        }
        Read::Missing => None,
        Read::Newer => {
            return Err(Error::Environment(format!(
                "{} was written by a newer workbook: update this one (`git pull`), or move the file away",
                path.display()
            )));
        }
        Read::Damaged(why) => Some(why),
    };
    let (progress, from) = match read(&copy(folder)) {
        Read::Whole(progress) => (progress, "from its copy"),
        _ => (fresh, "empty; `cargo lab grade` fills it in again"),
    };
    let Some(why) = damage else {
        let found = from.contains("copy");
        return Ok(Loaded {
            progress,
            warning: found.then(|| "progress.json was missing; rebuilt from its copy".into()),
        });
    };
    let kept = set_aside(&path)?;
    let warning = format!(
        "progress.json was damaged ({why}); kept as {}, rebuilt {from}",
        kept.display()
    );
    Ok(Loaded {
        progress,
        warning: Some(warning),
    })
}

enum Read {
    Whole(Progress),
    Missing,
    Newer,
    Damaged(String),
}

fn read(path: &Path) -> Read {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Read::Missing,
        Err(error) => return Read::Damaged(error.to_string()),
    };
    match serde_json::from_slice::<Progress>(&bytes) {
        Ok(progress) if progress.version > VERSION => Read::Newer,
        Ok(progress) => Read::Whole(progress),
        Err(error) => Read::Damaged(error.to_string()),
    }
}

fn set_aside(path: &Path) -> Result<PathBuf, Error> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |t| t.as_secs());
    let mut kept = path.with_extension(format!("damaged-{now}.json"));
    let mut count = 1;
    while kept.exists() {
        count += 1;
        kept = path.with_extension(format!("damaged-{now}-{count}.json"));
    }
    fs::rename(path, &kept).map_err(Error::file("set aside", path))?;
    Ok(kept)
}
