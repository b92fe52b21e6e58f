//! Changed copies of a reference, built in a folder of their own under the target folder.
//!
//! One workspace per lab and one target folder for all: from one bug to the next only the files that differ are
//! written, so that cargo compiles the lab's crate and its tests again and nothing else.

use crate::cargo::Package;
use crate::durable;
use crate::error::Error;
use crate::skeleton::{self, Sources};
use crate::workbook::Workbook;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

pub struct Scratch {
    workspace: PathBuf,
    /// The copied package.
    package: PathBuf,
    target: PathBuf,
    name: String,
    /// Tests run where they always do.
    run_in: PathBuf,
    sources: Sources,
    /// One user at a time.
    _lock: File,
}

impl Scratch {
    /// A copy of the reference of `lab` with its graded tests, and with the learner's own as the target `mine`.
    pub fn of(workbook: &Workbook, lab: &str) -> Result<Scratch, Error> {
        let target = target_folder(workbook).join("mutants");
        let lock = durable::lock(&target)?;
        let solution = workbook.solution_folder(lab);
        let workspace = target.join(lab);
        let scratch = Scratch {
            package: workspace.join("solutions").join(lab),
            target: target.join("target"),
            name: format!("{lab}-solution"),
            sources: skeleton::read_sources(&solution)?,
            run_in: solution.clone(),
            workspace,
            _lock: lock,
        };
        let folder = &scratch.package;
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let root = workspace_manifest(&workbook.root, lab)?;
        write_if_new(&scratch.workspace.join("Cargo.toml"), &root)?;
        let own = workbook.lab_folder(lab).join("tests/mine.rs");
        let manifest = package_manifest(&solution, &own)?;
        write_if_new(&scratch.package.join("Cargo.toml"), &manifest)?;
        copy_lock(&workbook.root, &scratch.workspace)?;
        Ok(scratch)
    }

    pub fn reference(&self) -> &Sources {
        &self.sources
    }

    /// Lays `sources` out, ready to build.
    pub fn lay(&self, sources: &Sources) -> Result<Package, Error> {
        skeleton::lay(&self.package, sources)?;
        Ok(Package {
            name: self.name.clone(),
            folder: self.run_in.clone(),
            workspace: self.workspace.join("Cargo.toml"),
            target: Some(self.target.clone()),
            no_default_features: true,
            quiet: true,
        })
    }
}

/// Where cargo puts what it builds for the workbook.
pub fn target_folder(workbook: &Workbook) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => workbook.root.join(folder),
        None => workbook.root.join("target"),
    }
}

fn write_if_new(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    fs::write(path, text).map_err(Error::file("write", path))
}

/// The same crate versions as everywhere; cargo drops what the copy does not need.
fn copy_lock(root: &Path, workspace: &Path) -> Result<(), Error> {
    let (from, to) = (root.join("Cargo.lock"), workspace.join("Cargo.lock"));
    let is_newer = |a: &Path, b: &Path| {
        let time = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
        time(a) > time(b)
    };
    if from.is_file() && is_newer(&from, &to) {
        fs::copy(&from, &to).map_err(Error::file("copy", &from))?;
    }
    Ok(())
}

fn read_table(path: &Path) -> Result<Table, Error> {
    let text = fs::read_to_string(path).map_err(Error::file("read", path))?;
    text.parse::<Table>().map_err(|error| Error::Manifest {
        file: path.to_path_buf(),
        line: 1,
        message: error.message().to_string(),
    })
}

fn workspace_manifest(root: &Path, lab: &str) -> Result<String, Error> {
    let mut table = read_table(&root.join("Cargo.toml"))?;
    if let Some(Value::Table(workspace)) = table.get_mut("workspace") {
        workspace.insert(
            "members".into(),
            Value::Array(vec![format!("solutions/{lab}").into()]),
        );
        workspace.remove("default-members");
        workspace.remove("exclude");
        if let Some(Value::Table(dependencies)) = workspace.get_mut("dependencies") {
            make_paths_absolute(dependencies, root);
        }
    }
    // Nobody debugs a mutant, and linking is most of what one costs.
    let profile = table
        .entry("profile")
        .or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(profile) = profile {
        let dev = profile
            .entry("dev")
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(dev) = dev {
            dev.insert("debug".into(), Value::Integer(0));
        }
    }
    Ok(table.to_string())
}

fn package_manifest(solution: &Path, own_tests: &Path) -> Result<String, Error> {
    let mut table = read_table(&solution.join("Cargo.toml"))?;
    for name in ["bin", "example", "bench"] {
        table.remove(name);
    }
    if let Some(Value::Table(package)) = table.get_mut("package") {
        for name in ["autobins", "autoexamples", "autobenches", "autotests"] {
            package.insert(name.into(), Value::Boolean(false));
        }
    }
    for name in ["dependencies", "dev-dependencies", "build-dependencies"] {
        if let Some(Value::Table(dependencies)) = table.get_mut(name) {
            make_paths_absolute(dependencies, solution);
        }
    }
    let mut tests = match table.remove("test") {
        Some(Value::Array(tests)) => tests,
        _ => Vec::new(),
    };
    for test in &mut tests {
        if let Value::Table(test) = test {
            make_absolute(test, solution);
        }
    }
    if own_tests.is_file() {
        let mut own = Table::new();
        own.insert("name".into(), "mine".into());
        own.insert(
            "path".into(),
            own_tests.to_string_lossy().into_owned().into(),
        );
        tests.push(Value::Table(own));
    }
    table.insert("test".into(), Value::Array(tests));
    Ok(table.to_string())
}

fn make_paths_absolute(dependencies: &mut Table, folder: &Path) {
    for (_, dependency) in dependencies.iter_mut() {
        if let Value::Table(dependency) = dependency {
            make_absolute(dependency, folder);
        }
    }
}

fn make_absolute(table: &mut Table, folder: &Path) {
    if let Some(Value::String(path)) = table.get_mut("path") {
        *path = folder.join(&*path).to_string_lossy().into_owned();
    }
}
