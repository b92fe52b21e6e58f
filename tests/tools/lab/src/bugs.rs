//! Bug pages: front matter, the story, and a diff against the reference that is what is run.

use crate::error::Error;
use crate::manifest::Lab;
use crate::patch::Patch;
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

/// A bug is subtle or it is not one.
const MOST_CHANGED_LINES: usize = 15;

pub struct Bug {
    pub id: String,
    pub stage: u32,
    pub invariant: String,
    pub title: String,
    /// Whether the learner's own tests are asked for it.
    pub mine: bool,
    pub file: PathBuf,
    pub patch: Patch,
}

/// Another right solution: every stage must stay green with it.
pub struct Variant {
    pub id: String,
    pub file: PathBuf,
    pub patch: Patch,
}

struct Page<'t> {
    file: &'t Path,
    text: &'t str,
    front: Vec<(usize, &'t str, &'t str)>,
    diff: String,
    diff_line: usize,
}

/// All bugs of a lab, D2 before D10.
pub fn read_bugs(graded: &Path, lab: &Lab) -> Result<Vec<Bug>, Error> {
    let mut bugs = Vec::new();
    for file in pages(&graded.join("bugs"))? {
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        let page = Page::parse(&file, &text)?;
        bugs.push(page.bug(lab)?);
    }
    bugs.sort_by(|a: &Bug, b: &Bug| natural(&a.id, &b.id));
    Ok(bugs)
}

pub fn read_variants(graded: &Path, lab: &Lab) -> Result<Vec<Variant>, Error> {
    let mut variants = Vec::new();
    for file in pages(&graded.join("variants"))? {
        let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
        let page = Page::parse(&file, &text)?;
        let stem = file
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        variants.push(Variant {
            id: page
                .value("id")
                .map(str::to_string)
                .or(stem)
                .unwrap_or_default(),
            patch: page.patch(lab)?,
            file: file.clone(),
        });
    }
    Ok(variants)
}

fn pages(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
            let path = entry.map_err(Error::file("read", folder))?.path();
            let is_page = path.extension().is_some_and(|extension| extension == "md");
            if is_page && path.file_name().is_some_and(|name| name != "README.md") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

impl<'t> Page<'t> {
    fn parse(file: &'t Path, text: &'t str) -> Result<Page<'t>, Error> {
        let mut page = Page {
            file,
            text,
            front: Vec::new(),
            diff: String::new(),
            diff_line: 0,
        };
        let mut lines = text.lines().enumerate().peekable();
        if lines.peek().is_some_and(|(_, line)| *line == "---") {
            let _ = lines.next();
            for (index, line) in lines.by_ref().take_while(|(_, line)| *line != "---") {
                match line.split_once(':') {
                    Some((key, value)) => page.front.push((index + 1, key.trim(), value.trim())),
                    None if line.trim().is_empty() => {}
                    None => return Err(page.error(index + 1, "`key: value` is due")),
                }
            }
        }
        page.read_diff()?;
        Ok(page)
    }

    fn read_diff(&mut self) -> Result<(), Error> {
        let mut inside = false;
        for (index, line) in self.text.lines().enumerate() {
            if inside && line.starts_with("```") {
                inside = false;
            } else if inside {
                self.diff.push_str(line);
                self.diff.push('\n');
            } else if line.trim_end() == "```diff" && self.diff_line != 0 {
                return Err(self.error(index + 1, "a second ```diff block: a page has one"));
            } else if line.trim_end() == "```diff" {
                self.diff_line = index + 1;
                inside = true;
            }
        }
        match self.diff_line {
            0 => Err(self.error(1, "no ```diff block: what the reader reads is what is run")),
            _ => Ok(()),
        }
    }

    fn bug(&self, lab: &Lab) -> Result<Bug, Error> {
        let patch = self.patch(lab)?;
        let changed = patch.changed_lines();
        if changed > MOST_CHANGED_LINES {
            let message =
                format!("{changed} changed lines: a bug has at most {MOST_CHANGED_LINES}");
            return Err(self.error(self.diff_line, &message));
        }
        let (line, stage) = self.required("stage")?;
        let number = stage
            .parse()
            .ok()
            .filter(|number| lab.stage(*number).is_some());
        let Some(stage) = number else {
            return Err(self.error(line, &format!("the lab has no stage `{stage}`")));
        };
        let mine = match self.value("mine") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(self.error(line, &format!("mine: `{other}` is neither true nor false")));
            }
        };
        Ok(Bug {
            id: self.required("id")?.1.to_string(),
            stage,
            invariant: self.required("invariant")?.1.to_string(),
            title: self.required("title")?.1.to_string(),
            mine,
            file: self.file.to_path_buf(),
            patch,
        })
    }

    fn patch(&self, lab: &Lab) -> Result<Patch, Error> {
        Patch::parse(&self.diff, &format!("solutions/{}", lab.name))
            .map_err(|(line, message)| self.error(self.diff_line + line, &message))
    }

    fn value(&self, key: &str) -> Option<&'t str> {
        let found = self.front.iter().find(|(_, name, _)| *name == key);
        found.map(|(_, _, value)| *value)
    }

    fn required(&self, key: &str) -> Result<(usize, &'t str), Error> {
        let found = self
            .front
            .iter()
            .find(|(_, name, value)| *name == key && !value.is_empty());
        found
            .map(|(line, _, value)| (*line, *value))
            .ok_or_else(|| self.error(1, &format!("the front matter needs `{key}: …`")))
    }

    fn error(&self, line: usize, message: &str) -> Error {
        Error::Manifest {
            file: self.file.to_path_buf(),
            line,
            message: message.to_string(),
        }
    }
}

/// D2 before D10, G8a before G8b.
fn natural(a: &str, b: &str) -> Ordering {
    let key = |id: &str| {
        let digits: String = id
            .chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u64>().unwrap_or(0)
    };
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_come_in_the_order_of_people() {
        let mut ids = ["D10", "D2", "G8b", "G8a"];
        ids.sort_by(|a, b| natural(a, b));
        assert_eq!(ids, ["D2", "G8a", "G8b", "D10"]);
    }

    #[test]
    fn what_a_page_lacks_is_told_with_its_line() {
        let error = Page::parse(Path::new("D1.md"), "---\nid: D1\nstage\n---\n")
            .err()
            .unwrap();
        assert!(error.to_string().starts_with("D1.md:3: "), "{error}");
        let error = Page::parse(Path::new("D1.md"), "---\nid: D1\n---\n")
            .err()
            .unwrap();
        assert!(error.to_string().contains("no ```diff block"), "{error}");
    }
}
