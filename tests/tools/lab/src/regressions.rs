//! `.lab/regressions/<lab>.json` and `.lab/last_failure.json`: failures that were seen once are tried first next time.

use crate::durable;
use crate::error::Error;
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A failing run that can be had again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// The version that recorded it: in another one the seed is another run.
    pub kit: String,
    pub test: String,
    pub invariant: String,
    pub seed: u64,
    pub keep: Vec<String>,
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

/// Those of this version, and a sentence about the others.
pub fn load(workbook: &Workbook, lab: &str) -> (Vec<Regression>, Option<String>) {
    let path = file(workbook, lab);
    let kit = workbook.version();
    let Ok(text) = fs::read_to_string(&path) else {
        return (Vec::new(), None);
    };
    let shown = path.strip_prefix(&workbook.root).unwrap_or(&path).display();
    let all: Vec<Regression> = match serde_json::from_str(&text) {
        Ok(all) => all,
        Err(error) => {
            let warning = format!("{shown} is damaged ({error}) and is left out: remove it");
            return (Vec::new(), Some(warning));
        }
    };
    let (now, older): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.kit == kit);
    let warning = older.first().map(|one| {
        format!(
            "{} seeds of {shown} were recorded by kit {}, this is {kit}: they would be other runs and are left out; remove them from the file",
            older.len(),
            one.kit
        )
    });
    (now, warning)
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
    let (mut kept, _) = load(workbook, lab);
    let before = kept.clone();
    for (_, test) in failures {
        if let Some(seed) = test.seed {
            add(&mut kept, workbook.version(), test, seed);
        }
    }
    match kept == before {
        true => Ok(()),
        false => write(&file(workbook, lab), &kept),
    }
}

/// The newest first; one seed once.
fn add(kept: &mut Vec<Regression>, kit: String, test: &TestResult, seed: u64) {
    kept.retain(|one| one.test != test.name || one.seed != seed);
    let new = Regression {
        kit,
        test: test.name.clone(),
        invariant: test.invariant.clone(),
        seed,
        keep: test.kept.clone(),
    };
    kept.insert(0, new);
    let mut count = 0;
    kept.retain(|one| {
        count += usize::from(one.test == test.name);
        one.test != test.name || count <= MOST_PER_TEST
    });
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
