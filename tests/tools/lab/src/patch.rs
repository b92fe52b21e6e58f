//! Applies a unified diff, strictly: every line of context and every removed line must be there, once.
//!
//! The line numbers of a hunk are not believed: a reference grows, and a bug page would have to follow. The text must
//! match in exactly one place; if it matches in several, the hunk's line number must be one of them.

use std::path::{Path, PathBuf};

pub struct Patch {
    files: Vec<FilePatch>,
}

struct FilePatch {
    path: PathBuf,
    hunks: Vec<Hunk>,
}

struct Hunk {
    /// From the header, counted from 1.
    line: usize,
    old: Vec<String>,
    new: Vec<String>,
    changed: usize,
}

impl Patch {
    /// Reads a diff whose paths begin with `prefix` (`solutions/lock`); paths are kept relative to it.
    /// An error has the line, counted from 1 in `text`.
    pub fn parse(text: &str, prefix: &str) -> Result<Patch, (usize, String)> {
        let mut files: Vec<FilePatch> = Vec::new();
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            let complain = |message: &str| Err((at + 1, message.to_string()));
            if let Some(old) = line.strip_prefix("--- ") {
                let new = lines.get(at + 1).and_then(|line| line.strip_prefix("+++ "));
                let Some(path) = new.and_then(|new| same_path(old, new, prefix)) else {
                    return complain(&format!(
                        "`--- a/{prefix}/…` and `+++ b/{prefix}/…` with the same path are due"
                    ));
                };
                files.push(FilePatch {
                    path,
                    hunks: Vec::new(),
                });
                at += 2;
            } else if line.starts_with("@@ ") {
                let Some(file) = files.last_mut() else {
                    return complain("a hunk before any `---` line");
                };
                let (hunk, end) = read_hunk(&lines, at)?;
                file.hunks.push(hunk);
                at = end;
            } else {
                return complain("neither `---`, `@@` nor a line of a hunk");
            }
        }
        if files.iter().all(|file| file.hunks.is_empty()) {
            return Err((1, "the diff has no hunk".into()));
        }
        Ok(Patch { files })
    }

    /// How many lines it changes: of a removed line and the one that takes its place, one counts.
    pub fn changed_lines(&self) -> usize {
        let hunks = self.files.iter().flat_map(|file| &file.hunks);
        hunks.map(|hunk| hunk.changed).sum()
    }

    /// Applies to texts by path; `Err` says what did not match.
    pub fn apply(
        &self,
        sources: &mut std::collections::BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        for file in &self.files {
            let Some(text) = sources.get_mut(&file.path) else {
                return Err(format!("there is no {}", file.path.display()));
            };
            for hunk in &file.hunks {
                *text = hunk.apply(text, &file.path)?;
            }
        }
        Ok(())
    }
}

fn same_path(old: &str, new: &str, prefix: &str) -> Option<PathBuf> {
    let path = old.trim_end().strip_prefix("a/")?;
    if new.trim_end().strip_prefix("b/")? != path {
        return None;
    }
    let inside = path.strip_prefix(prefix)?.strip_prefix('/')?;
    Some(PathBuf::from(inside))
}

fn read_hunk(lines: &[&str], header: usize) -> Result<(Hunk, usize), (usize, String)> {
    let Some(line) = old_line(lines[header]) else {
        return Err((header + 1, "a hunk begins `@@ -12,5 +12,6 @@`".into()));
    };
    let mut hunk = Hunk {
        line,
        old: Vec::new(),
        new: Vec::new(),
        changed: 0,
    };
    let (mut removed, mut added) = (0, 0);
    let mut at = header + 1;
    while let Some(line) = lines.get(at) {
        if line.starts_with("@@ ") || line.starts_with("--- ") {
            break;
        }
        match line.split_at_checked(1) {
            Some((" ", rest)) => {
                hunk.changed += std::cmp::max(removed, added);
                (removed, added) = (0, 0);
                hunk.old.push(rest.to_string());
                hunk.new.push(rest.to_string());
            }
            Some(("-", rest)) => {
                removed += 1;
                hunk.old.push(rest.to_string());
            }
            Some(("+", rest)) => {
                added += 1;
                hunk.new.push(rest.to_string());
            }
            // Editors take the one space of an empty line of context away.
            None => {
                hunk.old.push(String::new());
                hunk.new.push(String::new());
            }
            _ => return Err((at + 1, "a line of a hunk begins with space, - or +".into())),
        }
        at += 1;
    }
    hunk.changed += std::cmp::max(removed, added);
    match hunk.old.is_empty() {
        true => Err((
            header + 1,
            "a hunk without context can stand anywhere: add a line".into(),
        )),
        false => Ok((hunk, at)),
    }
}

fn old_line(header: &str) -> Option<usize> {
    let numbers = header.strip_prefix("@@ -")?;
    numbers.split([',', ' ']).next()?.parse().ok()
}

impl Hunk {
    fn apply(&self, text: &str, path: &Path) -> Result<String, String> {
        let lines: Vec<&str> = text.lines().collect();
        let fits = |at: &usize| {
            let window = lines.get(*at..*at + self.old.len());
            window.is_some_and(|window| window.iter().zip(&self.old).all(|(a, b)| a == b))
        };
        let places: Vec<usize> = (0..lines.len()).filter(fits).collect();
        let at = match places[..] {
            [] => return Err(self.mismatch(&lines, path)),
            [only] => only,
            _ if places.contains(&(self.line.wrapping_sub(1))) => self.line - 1,
            _ => {
                return Err(format!(
                    "{}: the hunk at line {} fits {} places: give it more context",
                    path.display(),
                    self.line,
                    places.len()
                ));
            }
        };
        let new = self.new.iter().map(String::as_str);
        let after = &lines[at + self.old.len()..];
        let all: Vec<&str> = lines[..at]
            .iter()
            .copied()
            .chain(new)
            .chain(after.iter().copied())
            .collect();
        Ok(all.join("\n") + "\n")
    }

    /// Names the first line that is nowhere in the file, which is nearly always the one that was edited since.
    fn mismatch(&self, lines: &[&str], path: &Path) -> String {
        let missing = self.old.iter().find(|old| !lines.contains(&old.as_str()));
        match missing {
            Some(line) => format!("{} has no line `{}`", path.display(), line.trim()),
            None => format!(
                "{} has all lines of the hunk at line {}, but not in this order",
                path.display(),
                self.line
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const DIFF: &str = "--- a/solutions/toy/src/lib.rs\n+++ b/solutions/toy/src/lib.rs\n@@ -2,3 +2,3 @@\n two\n-three\n+THREE\n four\n";

    fn apply(diff: &str, text: &str) -> Result<String, String> {
        let patch = Patch::parse(diff, "solutions/toy").map_err(|(l, m)| format!("{l}: {m}"))?;
        let mut sources = BTreeMap::from([(PathBuf::from("src/lib.rs"), text.to_string())]);
        patch.apply(&mut sources)?;
        Ok(sources.remove(Path::new("src/lib.rs")).unwrap())
    }

    #[test]
    fn a_hunk_is_found_by_its_text() {
        assert_eq!(
            apply(DIFF, "one\ntwo\nthree\nfour\n").unwrap(),
            "one\ntwo\nTHREE\nfour\n"
        );
        assert_eq!(
            apply(DIFF, "0\n1\ntwo\nthree\nfour\n").unwrap(),
            "0\n1\ntwo\nTHREE\nfour\n"
        );
    }

    #[test]
    fn what_does_not_match_is_named() {
        let error = apply(DIFF, "one\ntwo\nfour\n").unwrap_err();
        assert_eq!(error, "src/lib.rs has no line `three`");
    }

    #[test]
    fn two_places_need_the_line_number() {
        let twice = "x\ntwo\nthree\nfour\ntwo\nthree\nfour\n";
        assert_eq!(
            apply(DIFF, twice).unwrap(),
            "x\ntwo\nTHREE\nfour\ntwo\nthree\nfour\n"
        );
        let error = apply(&DIFF.replace("-2,", "-3,"), twice).unwrap_err();
        assert!(error.contains("fits 2 places"), "{error}");
    }

    #[test]
    fn a_replaced_line_counts_once() {
        let patch = Patch::parse(DIFF, "solutions/toy").unwrap();
        assert_eq!(patch.changed_lines(), 1);
    }

    #[test]
    fn another_folder_is_refused() {
        assert!(
            apply(&DIFF.replace("toy", "raft"), "")
                .unwrap_err()
                .starts_with("1: ")
        );
    }
}
