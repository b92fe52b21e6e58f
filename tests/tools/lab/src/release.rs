//! What differs from the release: a committed list of file hashes, so that it works in a download without git.
//!
//! It tells an accident from an intention to nobody: who changes a test can change the list. An instructor compares
//! with a list of their own copy.

use crate::durable;
use crate::error::Error;
use crate::seed_key::hex;
use crate::workbook::Workbook;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a learner is not asked to edit.
const COVERED: [&str; 3] = ["tests", "solutions", "labs/node"];

const LIST: &str = "tests/release.sha256";

/// The paths that were changed, added or removed, in order.
pub fn changed(workbook: &Workbook) -> Result<Vec<String>, Error> {
    let path = workbook.root.join(LIST);
    if !path.is_file() {
        return Ok(vec![LIST.to_string()]);
    }
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let released = parse(&path, &text)?;
    let here = hashes(&workbook.root)?;
    let mut changed: Vec<String> = released
        .iter()
        .filter(|(path, hash)| here.get(*path) != Some(hash))
        .map(|(path, _)| path.clone())
        .chain(
            here.keys()
                .filter(|path| !released.contains_key(*path))
                .cloned(),
        )
        .collect();
    changed.sort();
    Ok(changed)
}

/// Writes the list anew: for authors, with `cargo lab check --write`.
pub fn write(workbook: &Workbook) -> Result<(), Error> {
    let lines: Vec<String> = hashes(&workbook.root)?
        .iter()
        .map(|(path, hash)| format!("{hash}  {path}\n"))
        .collect();
    durable::replace(&workbook.root.join(LIST), lines.concat().as_bytes())
}

fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut released = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let Some((hash, name)) = line.split_once("  ") else {
            return Err(Error::Manifest {
                file: path.to_path_buf(),
                line: index + 1,
                message: "a hash, two spaces and a path are due; `cargo lab check --write` writes the list anew".into(),
            });
        };
        released.insert(name.to_string(), hash.to_string());
    }
    Ok(released)
}

fn hashes(root: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut files = Vec::new();
    for folder in COVERED {
        collect(&root.join(folder), &mut files)?;
    }
    let mut hashes = BTreeMap::new();
    for file in files {
        let Ok(relative) = file.strip_prefix(root) else {
            continue;
        };
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        let name = parts.join("/");
        if name != LIST {
            hashes.insert(name, hash(&file));
        }
    }
    Ok(hashes)
}

/// Every file that could be part of a release: what tools leave behind is not.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("read", folder)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(Error::file("read", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let left_behind = name.starts_with('.')
            || name.ends_with('~')
            || [
                "target",
                "node_modules",
                "__pycache__",
                "proptest-regressions",
            ]
            .contains(&&*name);
        if left_behind {
            continue;
        }
        let kind = entry
            .file_type()
            .map_err(Error::file("read", &entry.path()))?;
        match kind.is_dir() {
            true => collect(&entry.path(), files)?,
            // A link to a folder too: it is named, not followed.
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

/// Of the content with Unix line ends: git may have changed them on the way. What cannot be read, or is no file, has
/// none: it differs from every release.
fn hash(file: &Path) -> String {
    let Ok(bytes) = fs::read(file) else {
        return "unreadable".to_string();
    };
    let mut hash = hmac_sha256::Hash::new();
    match bytes.windows(2).any(|pair| pair == b"\r\n") {
        false => hash.update(&bytes),
        true => {
            for (index, byte) in bytes.iter().enumerate() {
                if !(*byte == b'\r' && bytes.get(index + 1) == Some(&b'\n')) {
                    hash.update([*byte]);
                }
            }
        }
    }
    hex(&hash.finalize())
}
