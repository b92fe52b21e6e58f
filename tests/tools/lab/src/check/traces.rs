//! The traces that the book plays: written by the simulator from the reference and from its bugs, never by hand.
//!
//! A bug's killing schedule is played twice: on the mutant (`d4-bug.json`) and on the reference (`d4.json`). A lab's
//! own figures (`[[figure]]` in `lab.toml`) are tests played on the reference.

use super::say;
use crate::cargo::{Built, Package};
use crate::error::Error;
use crate::manifest::{Figure, Lab, Stage};
use crate::process::PrivateFolder;
use crate::testing::{self, Filter, Settings, Side};
use crate::workbook::Workbook;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

static NEVER: AtomicBool = AtomicBool::new(false);

/// The traces of one lab, compared with those in the book or written there.
pub struct Traces<'a> {
    lab: &'a Lab,
    folder: PathBuf,
    write: bool,
    package: Package,
    reference: Built,
    compared: usize,
    differing: Vec<String>,
    /// Tests that wrote none: nothing can mend that here.
    missing: Vec<String>,
}

impl<'a> Traces<'a> {
    pub fn of(workbook: &Workbook, lab: &'a Lab, write: bool) -> Result<Self, Error> {
        let package = testing::package(workbook, &lab.name, Side::Reference);
        let stages: Vec<&Stage> = lab.stages.iter().collect();
        let reference = testing::build(&package, &stages, &NEVER)?;
        let folder = workbook.root.join("book/src/assets/traces").join(&lab.name);
        Ok(Traces {
            lab,
            folder,
            write,
            package,
            reference,
            compared: 0,
            differing: Vec::new(),
            missing: Vec::new(),
        })
    }

    /// The schedule of `test`, with the bug `id` and without it.
    pub fn of_bug(
        &mut self,
        id: &str,
        stage: &Stage,
        test: &str,
        mutant: (&Package, &Built),
    ) -> Result<(), Error> {
        let name = id.to_lowercase();
        let (package, built) = mutant;
        let with = self.play(package, built, stage, test, Some(id))?;
        self.keep(&format!("{name}-bug"), with)?;
        let without = self.play(&self.package, &self.reference, stage, test, None)?;
        self.keep(&name, without)
    }

    /// The lab's own figures; the count of everything.
    pub fn finish(mut self) -> Result<bool, Error> {
        for Figure { name, test } in &self.lab.figures {
            let stage = self.lab.stages.iter().find(|stage| {
                let mut tests = stage.tests().iter();
                tests.any(|other| other.name == *test)
            });
            let trace = match stage {
                Some(stage) => self.play(&self.package, &self.reference, stage, test, None)?,
                None => None,
            };
            self.keep(name, trace)?;
        }
        let lab = &self.lab.name;
        let good = self.missing.is_empty() && (self.differing.is_empty() || self.write);
        let text = if !self.missing.is_empty() {
            format!("{lab}: no test wrote {}", self.missing.join(", "))
        } else if self.differing.is_empty() {
            let count = self.compared;
            format!("{lab}: {count} traces as the simulator writes them")
        } else if self.write {
            format!("{lab}: {} traces written", self.differing.len())
        } else {
            format!(
                "{lab}: {} differ from what the simulator writes; run tests/scripts/traces.sh",
                self.differing.join(", ")
            )
        };
        Ok(say(good, "traces", &text))
    }

    fn play(
        &self,
        package: &Package,
        built: &Built,
        stage: &Stage,
        test: &str,
        bug: Option<&str>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let place = PrivateFolder::new()?;
        let file = place.join("trace.json");
        let settings = Settings {
            trace: Some(file.clone()),
            bug: bug.map(str::to_string),
            filter: Filter::Named(test.to_string()),
            ..Settings::default()
        };
        testing::run_built(
            package,
            self.lab,
            &[stage],
            built,
            &settings,
            &NEVER,
            |_| (),
        )?;
        Ok(fs::read(&file).ok())
    }

    fn keep(&mut self, name: &str, trace: Option<Vec<u8>>) -> Result<(), Error> {
        self.compared += 1;
        let path = self.folder.join(format!("{name}.json"));
        let Some(trace) = trace else {
            self.missing.push(name.to_string());
            return Ok(());
        };
        if fs::read(&path).is_ok_and(|there| there == trace) {
            return Ok(());
        }
        self.differing.push(name.to_string());
        if self.write {
            fs::create_dir_all(&self.folder).map_err(Error::file("create", &self.folder))?;
            fs::write(&path, trace).map_err(Error::file("write", &path))?;
        }
        Ok(())
    }
}
