//! `cargo lab reset`: the skeleton back, derived from the reference and never from git: learners commit their work.

use crate::args::Args;
use crate::backup;
use crate::error::Error;
use crate::manifest::{Lab, Stage};
use crate::skeleton::{self, Sources};
use crate::style;
use crate::workbook::Workbook;
use std::path::Path;

pub fn reset(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(2)?;
    let Some(name) = args.word(0) else {
        return Err(Error::Usage(
            "`reset` needs a lab, and takes a stage: `cargo lab reset lock 2`".into(),
        ));
    };
    let lab = workbook.lab(name)?;
    let folder = workbook.lab_folder(name);
    let skeletons = skeleton::derive(&workbook.solution_folder(name))?;
    let sources = match args.word(1) {
        None => skeletons,
        Some(word) => without_stage(&folder, &skeletons, lab, workbook.stage(lab, word)?)?,
    };
    let kept = backup::keep(workbook, name)?;
    skeleton::lay(&folder, &sources)?;
    let what = match args.word(1) {
        None => format!("labs/{name}/src is the skeleton again"),
        Some(stage) => format!("the tasks of {name} {stage} are `todo!` again"),
    };
    style::put(&format!(
        "{what}; tests/mine.rs, points and hints stay as they are\n"
    ));
    if let Some(kept) = kept {
        let shown = kept.strip_prefix(&workbook.root).unwrap_or(&kept).display();
        style::put(&format!("your work is kept in {shown}\n"));
    }
    Ok(())
}

/// The learner's files with the tasks of one stage emptied.
fn without_stage(
    folder: &Path,
    skeletons: &Sources,
    lab: &Lab,
    stage: &Stage,
) -> Result<Sources, Error> {
    let whole = || {
        Error::Usage(format!(
            "not all tasks of {0} {1} are in your files any more (each stands below `/// **Task …**`): `cargo lab reset {0}` resets the whole lab",
            lab.name,
            stage.number()
        ))
    };
    if !folder.join("src").is_dir() {
        return Err(whole());
    }
    let mut sources = skeleton::read_sources(folder)?;
    for (path, skeleton) in skeletons {
        let wanted = labels(skeleton, stage);
        if wanted.is_empty() {
            continue;
        }
        let text = sources.get_mut(path).ok_or_else(whole)?;
        let tasks = skeleton::tasks(text).map_err(|(line, message)| Error::Manifest {
            file: folder.join(path),
            line,
            message,
        })?;
        let found = tasks
            .iter()
            .filter(|task| wanted.contains(&task.label))
            .count();
        if found != wanted.len() {
            return Err(whole());
        }
        *text = skeleton::empty(text, &tasks, |task| wanted.contains(&task.label));
    }
    Ok(sources)
}

/// The labels of the stage's tasks in a file: `3.1` belongs to stage 3.
fn labels(skeleton: &str, stage: &Stage) -> Vec<String> {
    let prefix = format!("{}.", stage.number());
    let tasks = skeleton::tasks(skeleton).unwrap_or_default();
    let own = tasks
        .into_iter()
        .filter(|task| task.label.starts_with(&prefix));
    own.map(|task| task.label).collect()
}
