//! The lab's program of scenes, built anew when a source has changed.

use super::TARGET;
use crate::cargo;
use crate::durable;
use crate::error::Error;
use crate::manifest::Lab;
use crate::testing::{self, Side};
use crate::watch;
use crate::workbook::Workbook;
use serde::{Deserialize, Serialize};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

#[derive(Serialize, Deserialize)]
struct Known {
    /// Of the sources that it was built from.
    stamp: u64,
    program: PathBuf,
}

/// The program, or what the compiler said against it. Cargo is asked only if a file has changed: asking it takes longer
/// than playing a path.
pub fn find(workbook: &Workbook, lab: &Lab, quiet: bool) -> Result<Result<PathBuf, String>, Error> {
    let folder = workbook.own_folder().join("explore");
    let file = folder.join(format!("{}.json", lab.name));
    let stamp = stamp(workbook, lab);
    let known = fs::read_to_string(&file).ok();
    let known = known.and_then(|text| serde_json::from_str::<Known>(&text).ok());
    if let Some(known) = known
        && known.stamp == stamp
        && known.program.is_file()
    {
        return Ok(Ok(known.program));
    }
    let mut package = testing::package(workbook, &lab.name, Side::Learner);
    package.quiet = quiet;
    let built = cargo::build_tests(&package, &[TARGET.to_owned()], &AtomicBool::new(false))?;
    let Some(program) = built.programs.get(TARGET) else {
        return Ok(Err(built.said));
    };
    let program = program.clone();
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let known = Known { stamp, program };
    // Without it the next question asks cargo again.
    if let Ok(text) = serde_json::to_string(&known) {
        durable::replace(&file, text.as_bytes())?;
    }
    Ok(Ok(known.program))
}

fn stamp(workbook: &Workbook, lab: &Lab) -> u64 {
    let graded = workbook.graded_folder(&lab.name);
    let own = workbook.lab_folder(&lab.name);
    let mut hasher = DefaultHasher::new();
    let sources = [
        own.join("src"),
        own.join("Cargo.toml"),
        workbook.lab_folder("node").join("src"),
        workbook.root.join("tests/sim/src"),
        workbook.root.join("Cargo.lock"),
        graded.join("explore.rs"),
        graded.join("support.rs"),
        graded.join("support"),
        graded.join("invariants"),
    ];
    watch::stamp(sources.to_vec()).hash(&mut hasher);
    hasher.finish()
}
