//! Copies of the fixture workbook, and the runner run on them.

#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub struct Copy {
    pub root: PathBuf,
}

impl Copy {
    /// A fresh copy, named after the test that wants it.
    pub fn of_the_workbook(name: &str) -> Copy {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&root);
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/workbook");
        copy(&fixture, &root);
        Copy { root }
    }

    /// One whose learner has finished the toy lab.
    pub fn solved(name: &str) -> Copy {
        let copy = Copy::of_the_workbook(name);
        fs::copy(
            copy.path("solutions/toy/src/lib.rs"),
            copy.path("labs/toy/src/lib.rs"),
        )
        .unwrap();
        copy
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} has no {from:?}");
        self.write(relative, &text.replacen(from, to, 1));
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .args(line.split_whitespace())
            .current_dir(&self.root)
            // Each copy its own: cargo tells packages of the same name in two workspaces apart by their path inside of
            // the workspace only.
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .env("RUST_BACKTRACE", "0")
            .env_remove("LAB_SEED_KEY");
        command
    }

    pub fn lab(&self, line: &str) -> Said {
        Said::of(self.command(line).output().unwrap())
    }
}

/// What the runner said, and its exit code.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails with everything that was said.
    #[track_caller]
    pub fn has(&self, text: &str) -> &Said {
        let found = self.out.contains(text) || self.err.contains(text);
        assert!(found, "no {text:?} in\n{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn ends_with(&self, code: i32) -> &Said {
        assert_eq!(self.code, code, "\n{}\n{}", self.out, self.err);
        self
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
