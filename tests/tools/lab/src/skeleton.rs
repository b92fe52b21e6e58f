//! Derives what a learner starts from: the reference, with each task's body replaced by `todo!("task 1.1")`.
//!
//! By text and not by syntax tree: formatting and comments stay as they are, and the runner stays small.

use crate::error::Error;
use crate::rust_text::next_body;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Path under the package → content.
pub type Sources = BTreeMap<PathBuf, String>;

/// All files under `src`.
pub fn read_sources(package: &Path) -> Result<Sources, Error> {
    let mut sources = Sources::new();
    collect(package, Path::new("src"), &mut sources)?;
    Ok(sources)
}

fn collect(package: &Path, relative: &Path, sources: &mut Sources) -> Result<(), Error> {
    let folder = package.join(relative);
    for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
        let entry = entry.map_err(Error::file("read", &folder))?;
        let relative = relative.join(entry.file_name());
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if path.is_dir() {
            collect(package, &relative, sources)?;
        } else if !hidden {
            let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
            sources.insert(relative, text);
        }
    }
    Ok(())
}

/// The skeleton of every file of the reference in `solution`.
pub fn derive(solution: &Path) -> Result<Sources, Error> {
    let mut skeletons = Sources::new();
    for (path, text) in read_sources(solution)? {
        let skeleton = derive_file(&text).map_err(|(line, message)| Error::Manifest {
            file: solution.join(&path),
            line,
            message,
        })?;
        skeletons.insert(path, skeleton);
    }
    Ok(skeletons)
}

/// A task in a file: its label and its body.
pub struct Task {
    pub label: String,
    pub body: (usize, usize),
    indent: String,
}

impl Task {
    fn empty_body(&self) -> String {
        let indent = &self.indent;
        format!("{{\n{indent}    todo!(\"task {}\")\n{indent}}}", self.label)
    }
}

type Complaint = (usize, String);

/// The tasks of a file in order. A task's doc begins `/// **Task 1.1**`.
pub fn tasks(text: &str) -> Result<Vec<Task>, Complaint> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += line.len();
        let Some(label) = label(line) else {
            continue;
        };
        let Some(body) = next_body(text, start) else {
            let message = format!(
                "task {label} stands above no function with a body: label the function itself"
            );
            return Err((index + 1, message));
        };
        if tasks.last().is_some_and(|last| start < last.body.1) {
            let message = format!("task {label} stands inside of another task: move it out");
            return Err((index + 1, message));
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        tasks.push(Task {
            label: label.to_string(),
            body,
            indent: indent.to_string(),
        });
    }
    Ok(tasks)
}

fn label(line: &str) -> Option<&str> {
    let (label, _) = line
        .trim_start()
        .strip_prefix("/// **Task ")?
        .split_once("**")?;
    Some(label)
}

fn derive_file(text: &str) -> Result<String, Complaint> {
    Ok(empty(text, &tasks(text)?, |_| true))
}

/// `text` with the bodies of the chosen tasks taken out.
pub fn empty(text: &str, tasks: &[Task], chosen: impl Fn(&Task) -> bool) -> String {
    let mut skeleton = String::with_capacity(text.len());
    let mut done = 0;
    for task in tasks.iter().filter(|task| chosen(task)) {
        skeleton.push_str(&text[done..task.body.0]);
        skeleton.push_str(&task.empty_body());
        done = task.body.1;
    }
    skeleton.push_str(&text[done..]);
    skeleton
}

/// Makes the files of `package` under `src` exactly `sources`; what does not change is not touched, so that cargo does
/// not compile it again.
pub fn lay(package: &Path, sources: &Sources) -> Result<(), Error> {
    if package.join("src").is_dir() {
        for path in read_sources(package)?.into_keys() {
            if !sources.contains_key(&path) {
                let path = package.join(path);
                fs::remove_file(&path).map_err(Error::file("remove", &path))?;
            }
        }
    }
    for (path, text) in sources {
        let path = package.join(path);
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = r#"
/// **Task 1.1** (§5.2): grants.
///
/// More about it.
#[must_use]
pub fn grant(&self) -> Option<'static str> {
    if true { Some("}") } else { None }
}

/// Given.
fn given() { grant() }

impl Table {
    /// **Task 1.2**: releases.
    fn release(&mut self) { self.held = false }
}
"#;

    #[test]
    fn the_bodies_of_tasks_go_and_all_else_stays() {
        let skeleton = derive_file(REFERENCE).unwrap();
        assert!(
            skeleton.contains("-> Option<'static str> {\n    todo!(\"task 1.1\")\n}\n\n/// Given.")
        );
        assert!(skeleton.contains("fn given() { grant() }"));
        assert!(
            skeleton
                .contains("    fn release(&mut self) {\n        todo!(\"task 1.2\")\n    }\n}\n")
        );
        assert_eq!(derive_file(&skeleton).unwrap(), skeleton);
    }

    #[test]
    fn only_the_chosen_tasks_are_emptied() {
        let tasks = tasks(REFERENCE).unwrap();
        let text = empty(REFERENCE, &tasks, |task| task.label == "1.2");
        assert!(text.contains("Some(\"}\")") && text.contains("todo!(\"task 1.2\")"));
    }

    #[test]
    fn a_label_without_a_body_is_told_with_its_line() {
        let Err((line, message)) = tasks("\n/// **Task 2.1**: x\nfn f(&self);\n") else {
            panic!("no complaint");
        };
        assert_eq!(line, 2);
        assert!(message.contains("task 2.1"));
    }
}
