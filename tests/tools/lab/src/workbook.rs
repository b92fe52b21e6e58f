//! Where things are: the workbook's folders, its labs, and what belongs to the learner.

use crate::error::Error;
use crate::manifest::{self, Catalogue, Lab, Stage, Status};
use std::path::{Path, PathBuf};

/// A workbook on this disk.
pub struct Workbook {
    pub root: PathBuf,
    pub catalogue: Catalogue,
    /// The labs that are ready, in curriculum order.
    pub labs: Vec<Lab>,
}

impl Workbook {
    pub fn open() -> Result<Workbook, Error> {
        let root = find_root()?;
        let graded = root.join("tests/graded");
        let catalogue = manifest::read_catalogue(&graded.join("catalogue.toml"))?;
        let mut labs = Vec::new();
        for entry in catalogue.labs.iter().filter(|e| e.status == Status::Ready) {
            let lab = manifest::read_lab(&graded.join(&entry.name).join("lab.toml"))?;
            labs.push(lab);
        }
        Ok(Workbook {
            root,
            catalogue,
            labs,
        })
    }

    pub fn lab(&self, name: &str) -> Result<&Lab, Error> {
        if let Some(lab) = self.labs.iter().find(|lab| lab.name == name) {
            return Ok(lab);
        }
        let ready: Vec<&str> = self.labs.iter().map(|lab| lab.name.as_str()).collect();
        let ready = ready.join(", ");
        match self.catalogue.labs.iter().any(|entry| entry.name == name) {
            true => Err(Error::Usage(format!(
                "the lab `{name}` is in preparation; ready: {ready}"
            ))),
            false => Err(Error::Usage(format!(
                "there is no lab `{name}`; ready: {ready} (`cargo lab list` shows all)"
            ))),
        }
    }

    pub fn stage<'l>(&self, lab: &'l Lab, name: &str) -> Result<&'l Stage, Error> {
        lab.find_stage(name).ok_or_else(|| {
            Error::Usage(format!(
                "the lab `{}` has no stage `{name}`: take 1 to {} or a name that `cargo lab list` shows",
                lab.name,
                lab.stages.len()
            ))
        })
    }

    /// What the learner edits.
    pub fn lab_folder(&self, lab: &str) -> PathBuf {
        self.root.join("labs").join(lab)
    }

    /// Cargo's own words for a lab without its `lib.rs` do not say how to get it back.
    pub fn require_lib(&self, lab: &str) -> Result<(), Error> {
        match self.lab_folder(lab).join("src/lib.rs").is_file() {
            true => Ok(()),
            false => Err(Error::Environment(format!(
                "labs/{lab}/src/lib.rs is missing: `cargo lab reset {lab}` puts the skeleton back (what else is there is kept under .lab/backup)"
            ))),
        }
    }

    pub fn solution_folder(&self, lab: &str) -> PathBuf {
        self.root.join("solutions").join(lab)
    }

    pub fn graded_folder(&self, lab: &str) -> PathBuf {
        self.root.join("tests/graded").join(lab)
    }

    /// Progress, backups, traces: the learner's, never in git.
    pub fn own_folder(&self) -> PathBuf {
        self.root.join(".lab")
    }

    /// The version in the root manifest; it names the kit that a seed was recorded with.
    pub fn version(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Root {
            workspace: Workspace,
        }
        #[derive(serde::Deserialize)]
        struct Workspace {
            package: Package,
        }
        #[derive(serde::Deserialize)]
        struct Package {
            version: String,
        }
        std::fs::read_to_string(self.root.join("Cargo.toml"))
            .ok()
            .and_then(|text| toml::from_str::<Root>(&text).ok())
            .map_or_else(|| "unknown".into(), |root| root.workspace.package.version)
    }
}

fn find_root() -> Result<PathBuf, Error> {
    let marked = |folder: &Path| folder.join("tests/graded/catalogue.toml").is_file();
    let here = std::env::current_dir().map_err(|error| {
        Error::Environment(format!(
            "the current folder is gone ({error}): change to the workbook's folder"
        ))
    })?;
    if let Some(root) = here.ancestors().find(|folder| marked(folder)) {
        return Ok(root.to_path_buf());
    }
    // `cargo lab` through --manifest-path, from anywhere.
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3);
    match built_in.filter(|folder| marked(folder)) {
        Some(root) => Ok(root.to_path_buf()),
        None => Err(Error::Environment(format!(
            "no workbook in {} or above it (no tests/graded/catalogue.toml): change to its folder",
            here.display()
        ))),
    }
}
