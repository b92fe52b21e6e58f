//! The lists under the figures: written from the traces, never by hand.

use std::fs;
use std::path::{Path, PathBuf};

use sim::trace::{Trace, figure};

/// Every trace below `folder`, as (name without ending, path), sorted.
pub fn traces(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(place) = open.pop() {
        if !place.is_dir() {
            continue;
        }
        let entries =
            fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json") {
                let name = path
                    .strip_prefix(folder)
                    .unwrap_or(&path)
                    .with_extension("");
                found.push((name.to_string_lossy().replace('\\', "/"), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The list of the trace at `path`, which pages know as `name`.
pub fn list(name: &str, path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let trace = Trace::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(figure(&trace, name))
}

/// Writes the list beside every trace below `folder`, or only says which differ. Returns the names that differed.
pub fn update(folder: &Path, write: bool) -> Result<Vec<String>, String> {
    let mut differed = Vec::new();
    for (name, path) in traces(folder)? {
        let wanted = list(&name, &path)?;
        let beside = path.with_extension("md");
        if fs::read_to_string(&beside).is_ok_and(|now| now == wanted) {
            continue;
        }
        if write {
            fs::write(&beside, wanted).map_err(|error| format!("{}: {error}", beside.display()))?;
        }
        differed.push(name);
    }
    Ok(differed)
}
