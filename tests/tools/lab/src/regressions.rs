//! `.lab/regressions/<lab>.json` and `.lab/last_failure.json`: failures that were seen once are tried first next time.

use crate::durable;
use crate::error::Error;
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The file of a lab. The simulator reads it, and tries what it holds before its own seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Regressions {
    /// The simulator that recorded them: in another version a seed is another run.
    version: u32,
    entries: Vec<Regression>,
}

/// A failing run that can be had again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Regression {
    test: String,
    #[serde(default)]
    seed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<String>,
    #[serde(default)]
    invariant: String,
    /// A path by hand, which has no seed and whose `test` is its own name: its scene, its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scene: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<String>>,
}

/// What `cargo lab replay` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub lab: String,
    pub stage: u32,
    pub test: String,
    pub seed: Option<u64>,
    pub keep: Vec<String>,
}

/// More would make each save slower than it is worth.
const MOST_PER_TEST: usize = 3;

fn file(workbook: &Workbook, lab: &str) -> PathBuf {
    workbook
        .own_folder()
        .join("regressions")
        .join(format!("{lab}.json"))
}

fn last_file(workbook: &Workbook) -> PathBuf {
    workbook.own_folder().join("last_failure.json")
}

/// What is on disk, if it can be used with this simulator; a sentence, if it cannot.
fn load(workbook: &Workbook, lab: &str, kit: u32) -> Result<Regressions, String> {
    let path = file(workbook, lab);
    let shown = path.strip_prefix(&workbook.root).unwrap_or(&path).display();
    let fresh = Regressions {
        version: kit,
        entries: Vec::new(),
    };
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(fresh);
    };
    match serde_json::from_str::<Regressions>(&text) {
        Ok(all) if all.version == kit => Ok(all),
        Ok(all) => Err(format!(
            "{shown} was recorded by version {} of the simulator, this is version {kit}: its seeds mean other runs now and are not tried; delete the file",
            all.version
        )),
        Err(error) => Err(format!(
            "{shown} is damaged ({error}) and is not tried: delete it"
        )),
    }
}

/// Keeps what failed with a seed, and the last failure of all.
pub fn record(workbook: &Workbook, lab: &str, results: &[StageResult]) -> Result<(), Error> {
    let failures: Vec<(u32, &TestResult)> = results
        .iter()
        .flat_map(|stage| stage.tests.iter().map(move |test| (stage.stage, test)))
        .filter(|(_, test)| matches!(test.verdict, Verdict::Failed | Verdict::Panicked))
        .collect();
    let Some((stage, last)) = failures
        .iter()
        .find(|(_, t)| t.replay.is_some())
        .or(failures.first())
    else {
        return Ok(());
    };
    let _lock = durable::lock(&workbook.own_folder())?;
    let failure = Failure {
        lab: lab.to_string(),
        stage: *stage,
        test: last.name.clone(),
        seed: last.seed,
        keep: last.kept.clone(),
    };
    write(&last_file(workbook), &failure)?;
    let seeded: Vec<&TestResult> = failures
        .iter()
        .map(|(_, test)| *test)
        .filter(|test| test.seed.is_some())
        .collect();
    let Some(kit) = seeded.iter().find_map(|test| test.kit) else {
        return Ok(());
    };
    let mut kept = match load(workbook, lab, kit) {
        Ok(kept) => kept,
        Err(warning) => {
            eprintln!("note: {warning}");
            return Ok(());
        }
    };
    let before = kept.clone();
    for test in seeded {
        add(&mut kept.entries, test);
    }
    match kept == before {
        true => Ok(()),
        false => write(&file(workbook, lab), &kept),
    }
}

/// The newest first; one seed once.
fn add(kept: &mut Vec<Regression>, test: &TestResult) {
    let Some(seed) = test.seed else {
        return;
    };
    kept.retain(|one| one.test != test.name || one.seed != seed);
    let new = Regression {
        test: test.name.clone(),
        seed,
        keep: Some(keep_of(&test.kept)),
        invariant: test.invariant.clone(),
        ..Regression::default()
    };
    kept.insert(0, new);
    let mut count = 0;
    kept.retain(|one| {
        count += usize::from(one.test == test.name);
        one.test != test.name || count <= MOST_PER_TEST
    });
}

/// Keeps a path by hand; the name under which it stands, or why it was not kept.
pub fn keep_path(
    workbook: &Workbook,
    lab: &str,
    kit: u32,
    scene: &str,
    steps: Vec<String>,
    invariant: &str,
) -> Result<Result<String, String>, Error> {
    let _lock = durable::lock(&workbook.own_folder())?;
    let mut kept = match load(workbook, lab, kit) {
        Ok(kept) => kept,
        Err(why) => return Ok(Err(why)),
    };
    let same = |one: &&Regression| {
        one.scene.as_deref() == Some(scene) && one.steps.as_ref() == Some(&steps)
    };
    if let Some(known) = kept.entries.iter().find(same) {
        return Ok(Ok(known.test.clone()));
    }
    let number = |one: &Regression| one.test.strip_prefix("path-")?.parse::<u32>().ok();
    let last = kept.entries.iter().filter_map(number).max().unwrap_or(0);
    let name = format!("path-{}", last + 1);
    kept.entries.push(Regression {
        test: name.clone(),
        invariant: invariant.to_string(),
        scene: Some(scene.to_string()),
        steps: Some(steps),
        ..Regression::default()
    });
    write(&file(workbook, lab), &kept)?;
    Ok(Ok(name))
}

/// The names of the paths that were kept. A file that cannot be read has none; the simulator says what is wrong with it.
pub fn paths(workbook: &Workbook, lab: &str) -> Vec<String> {
    let text = fs::read_to_string(file(workbook, lab)).unwrap_or_default();
    let all: Regressions = serde_json::from_str(&text).unwrap_or_default();
    let paths = all.entries.into_iter().filter(|one| one.steps.is_some());
    paths.map(|one| one.test).collect()
}

/// The words of `--keep`: a failure that needs no fault keeps none.
pub fn keep_of(kept: &[String]) -> String {
    match kept.is_empty() {
        true => "none".to_string(),
        false => kept.join(","),
    }
}

pub fn last(workbook: &Workbook) -> Option<Failure> {
    serde_json::from_str(&fs::read_to_string(last_file(workbook)).ok()?).ok()
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    }
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Environment(format!("cannot write {}: {error}", path.display())))?;
    text.push('\n');
    durable::replace(path, text.as_bytes())
}
