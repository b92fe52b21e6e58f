//! Seeds that once failed: the authors' beside the graded tests, a learner's under `.lab`.

use crate::key::{FaultKey, KIT_VERSION, parse_keys};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A file keeps so many, the newest: each costs every later test of its name one run.
const MOST: usize = 100;

/// A file of them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Regressions {
    /// The [`KIT_VERSION`] that recorded them.
    pub version: u32,
    /// The failures.
    pub entries: Vec<Regression>,
}

/// One run that once failed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Regression {
    /// The graded test's name.
    pub test: String,
    /// The seed.
    #[serde(default)]
    pub seed: u64,
    /// The faults, as `--keep` takes them; absent: all that the seed has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<String>,
    /// What it broke.
    #[serde(default)]
    pub invariant: String,
    /// A path by hand, which has no seed: its scene. Its `test` is its own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<String>,
    /// Its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<String>>,
}

impl Regression {
    /// The faults to keep; `None` is all that the seed has.
    ///
    /// # Panics
    /// If they do not read: [`Regressions::read`] refuses such a file.
    pub fn kept(&self) -> Option<Vec<FaultKey>> {
        let keys = self.keep.as_deref().map(parse_keys)?;
        Some(keys.unwrap_or_else(|why| panic!("{why}")))
    }
}

impl Regressions {
    /// Reads a file; an absent one is empty. A file of another kit is refused: its seeds would
    /// replay as something else.
    pub fn read(path: &Path) -> Result<Self, String> {
        let Ok(text) = fs::read_to_string(path) else {
            return Ok(Regressions {
                version: KIT_VERSION,
                entries: Vec::new(),
            });
        };
        let shown = path.display();
        let read: Regressions = serde_json::from_str(&text)
            .map_err(|why| format!("{shown} does not read ({why}): mend it or delete it"))?;
        if read.version != KIT_VERSION {
            return Err(format!(
                "{shown} was recorded by version {} of the simulator and this is version \
                 {KIT_VERSION}: its seeds mean other runs now, so delete the file",
                read.version
            ));
        }
        let keeps = read.entries.iter().filter_map(|e| e.keep.as_deref());
        if let Some(why) = keeps.map(parse_keys).find_map(Result::err) {
            return Err(format!("{shown}: {why}; mend the entry or delete it"));
        }
        Ok(read)
    }

    /// Adds one and writes the file, aside first.
    pub fn record(path: &Path, entry: Regression) -> Result<(), String> {
        let mut all = Regressions::read(path)?;
        if all.entries.contains(&entry) {
            return Ok(());
        }
        all.entries.push(entry);
        let surplus = all.entries.len().saturating_sub(MOST);
        all.entries.drain(..surplus);
        let text = serde_json::to_string_pretty(&all).map_err(|why| why.to_string())?;
        let aside = path.with_extension("part");
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&aside, text + "\n"))
            .and_then(|()| fs::rename(&aside, path));
        written.map_err(|why| format!("{} could not be written: {why}", path.display()))
    }

    /// Remembers a learner's failing run, so that the next test of the same name begins with it. Only a lab's own
    /// folder is written to; elsewhere, and without a `.lab` folder, this does nothing.
    pub fn remember(lab: &str, entry: Regression) {
        if !in_a_lab() || !Path::new("../../.lab").is_dir() {
            return;
        }
        let path = Path::new("../../.lab/regressions").join(format!("{lab}.json"));
        if let Err(why) = Regressions::record(&path, entry) {
            eprintln!("{why}");
        }
    }

    /// The recorded failures of one test: the authors' and the learner's. What cannot be read is
    /// said on standard error and left out.
    pub fn of_test(lab: &str, test: &str) -> Vec<Regression> {
        let all = Regressions::of_lab(lab).into_iter();
        all.filter(|e| e.test == test && e.steps.is_none())
            .collect()
    }

    /// The saved paths of a lab, for the learner's own code: on a path that somebody has saved, other code may be wrong.
    pub fn paths(lab: &str) -> Vec<Regression> {
        if !in_a_lab() {
            return Vec::new();
        }
        let all = Regressions::of_lab(lab).into_iter();
        all.filter(|e| e.steps.is_some()).collect()
    }

    fn of_lab(lab: &str) -> Vec<Regression> {
        let root = Path::new("../..");
        let files: [PathBuf; 2] = [
            root.join("tests/graded").join(lab).join("regressions.json"),
            root.join(".lab/regressions").join(format!("{lab}.json")),
        ];
        let mut found = Vec::new();
        for file in files {
            match Regressions::read(&file) {
                Ok(all) => found.extend(all.entries),
                Err(why) => eprintln!("{why}"),
            }
        }
        found
    }
}

/// Tests run in their package's folder.
fn in_a_lab() -> bool {
    let here = std::env::current_dir().unwrap_or_default();
    here.parent().is_some_and(|folder| folder.ends_with("labs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seed: u64) -> Regression {
        Regression {
            test: "a_test".to_string(),
            seed,
            keep: Some("drop:1>2#3".to_string()),
            invariant: "T-I1".to_string(),
            ..Regression::default()
        }
    }

    #[test]
    fn a_file_of_another_kit_is_refused_and_an_absent_one_is_empty() {
        let folder = std::env::temp_dir().join(format!("regressions-{}", std::process::id()));
        let path = folder.join("toy.json");
        assert_eq!(Regressions::read(&path).map(|r| r.entries), Ok(Vec::new()));
        for seed in 0..MOST as u64 + 5 {
            Regressions::record(&path, entry(seed)).expect("it is written");
        }
        let read = Regressions::read(&path).expect("it reads");
        assert_eq!((read.entries.len(), read.entries[0].seed), (MOST, 5));
        assert_eq!(read.entries[0].kept().map(|k| k.len()), Some(1));
        let refusal = |version, keep: &str| {
            let mut other = read.clone();
            other.version = version;
            other.entries[3].keep = Some(keep.to_string());
            let text = serde_json::to_string(&other).expect("it is plain data");
            fs::write(&path, text).expect("it is written");
            Regressions::read(&path).expect_err("it is refused")
        };
        let refused = refusal(KIT_VERSION - 1, "cut:0#17");
        assert!(refused.contains("delete the file"), "{refused}");
        let refused = refusal(KIT_VERSION, "cut:0#17");
        assert!(refused.contains("names no fault"), "{refused}");
        fs::remove_dir_all(&folder).expect("it was there");
    }
}
