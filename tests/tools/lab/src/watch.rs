//! Notices saved files by looking at their times: a lab has about ten files, and every file system has times.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

/// Short against a build, long against the cost of looking.
const PERIOD: Duration = Duration::from_millis(100);

/// The lab's folder that is looked at; another one after `next`.
#[derive(Clone)]
pub struct Folder(Arc<Mutex<PathBuf>>);

impl Folder {
    pub fn new(path: PathBuf) -> Folder {
        Folder(Arc::new(Mutex::new(path)))
    }

    pub fn set(&self, path: PathBuf) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = path;
    }

    fn get(&self) -> PathBuf {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Calls `saved` after each change until it returns false.
pub fn start(folder: &Folder, saved: impl Fn() -> bool + Send + 'static) {
    let folder = folder.clone();
    let mut seen = (folder.get(), stamp(own(&folder.get())));
    thread::spawn(move || {
        loop {
            thread::sleep(PERIOD);
            let path = folder.get();
            let now = (path.clone(), stamp(own(&path)));
            // Another lab is no change of a file; its first test was asked for.
            let changed = now.0 == seen.0 && now.1 != seen.1;
            seen = now;
            if changed && !saved() {
                return;
            }
        }
    });
}

/// What a learner edits.
fn own(lab: &Path) -> Vec<PathBuf> {
    vec![lab.join("src"), lab.join("tests"), lab.join("Cargo.toml")]
}

/// Any file of these files and folders that is saved, added or removed changes it.
pub fn stamp(mut open: Vec<PathBuf>) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        match fs::read_dir(&path) {
            Ok(entries) => open.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) => {
                let hidden = path
                    .file_name()
                    .is_some_and(|n| n.to_string_lossy().starts_with('.'));
                if let (Ok(file), false) = (fs::metadata(&path), hidden) {
                    files.push((path, file.len(), file.modified().ok()));
                }
            }
        }
    }
    files.sort();
    files
}
