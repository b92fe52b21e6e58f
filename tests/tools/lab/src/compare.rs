//! `cargo lab diff` and `cargo lab solution`: the reference, for whoever is done, or asks twice.

use crate::args::Args;
use crate::backup;
use crate::error::Error;
use crate::list;
use crate::manifest::Lab;
use crate::skeleton::{self, Sources};
use crate::style::{self, Color, paint};
use crate::workbook::Workbook;

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;

pub fn diff(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(1)?;
    let lab = named(workbook, args)?;
    if !allowed(workbook, lab, args)? {
        return Ok(());
    }
    let reference = skeleton::read_sources(&workbook.solution_folder(&lab.name))?;
    let folder = workbook.lab_folder(&lab.name);
    let yours = match folder.join("src").is_dir() {
        true => skeleton::read_sources(&folder)?,
        false => Sources::new(),
    };
    let mut all: Vec<_> = yours.keys().chain(reference.keys()).collect();
    all.sort();
    all.dedup();
    let empty = String::new();
    let mut differing = 0;
    for path in all {
        let here = yours.get(path).unwrap_or(&empty);
        let there = reference.get(path).unwrap_or(&empty);
        if here != there {
            differing += 1;
            let (name, path) = (&lab.name, path.display());
            style::put(&format!(
                "--- labs/{name}/{path}\n+++ solutions/{name}/{path}\n"
            ));
            style::put(&unified(here, there));
        }
    }
    if differing == 0 {
        style::put("yours and the reference are the same\n");
    }
    Ok(())
}

pub fn solution(workbook: &Workbook, args: &Args) -> Result<(), Error> {
    args.at_most(1)?;
    let lab = named(workbook, args)?;
    if !allowed(workbook, lab, args)? {
        return Ok(());
    }
    let sources = skeleton::read_sources(&workbook.solution_folder(&lab.name))?;
    if args.write {
        if let Some(kept) = backup::keep(workbook, &lab.name)? {
            style::put(&format!("your work is kept in {}\n", kept.display()));
        }
        skeleton::lay(&workbook.lab_folder(&lab.name), &sources)?;
        style::put(&format!("labs/{}/src is the reference now\n", lab.name));
        return Ok(());
    }
    let asked: Vec<&String> = lab.stages.iter().flat_map(|stage| &stage.files).collect();
    for (path, text) in &sources {
        let shown = path.display().to_string();
        if asked.contains(&&shown) {
            let title = format!("solutions/{}/{shown}", lab.name);
            style::put(&format!("\n{}\n\n{text}", paint(Color::Bold, &title)));
        }
    }
    style::put(
        "\nOurs is one right answer. `cargo lab solution LAB --write` takes it; your work is kept.\n",
    );
    Ok(())
}

fn named<'w>(workbook: &'w Workbook, args: &Args) -> Result<&'w Lab, Error> {
    match args.word(0) {
        Some(name) => workbook.lab(name),
        None => Err(Error::Usage(format!(
            "`{0}` needs a lab: `cargo lab {0} lock`",
            args.command
        ))),
    }
}

/// Who is not done is asked first.
fn allowed(workbook: &Workbook, lab: &Lab, args: &Args) -> Result<bool, Error> {
    let progress = list::load(workbook)?;
    let open = lab
        .stages
        .iter()
        .filter(|stage| !progress.is_done(&lab.name, stage))
        .count();
    if open == 0 || args.yes {
        return Ok(true);
    }
    let question = format!(
        "{open} of {} stages of {} are not green yet. See the reference all the same?",
        lab.stages.len(),
        lab.name
    );
    match style::interactive() {
        true => Ok(style::confirm(&question)),
        false => Err(Error::Usage(format!(
            "{question} Then say so: `cargo lab {} {} --yes`",
            args.command, lab.name
        ))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Old,
    New,
}

/// The unified form of the difference of two texts.
fn unified(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let script = edits(&old, &new);
    let changed: Vec<usize> = (0..script.len())
        .filter(|at| script[*at].0 != Side::Both)
        .collect();
    let mut text = String::new();
    let mut from = 0;
    while let Some(first) = changed.iter().find(|at| **at >= from) {
        let start = first.saturating_sub(CONTEXT).max(from);
        let mut end = first + 1;
        for at in changed.iter().filter(|at| *at > first) {
            if *at <= end + 2 * CONTEXT {
                end = at + 1;
            }
        }
        end = (end + CONTEXT).min(script.len());
        text.push_str(&hunk(&script, start, end));
        from = end;
    }
    text
}

fn hunk(script: &[(Side, &str)], start: usize, end: usize) -> String {
    let count = |range: &[(Side, &str)], not: Side| range.iter().filter(|(s, _)| *s != not).count();
    let (before, inside) = (&script[..start], &script[start..end]);
    let mut text = format!(
        "@@ -{},{} +{},{} @@\n",
        count(before, Side::New) + 1,
        count(inside, Side::New),
        count(before, Side::Old) + 1,
        count(inside, Side::Old)
    );
    for (side, line) in inside {
        text.push_str(&match side {
            Side::Both => format!(" {line}\n"),
            Side::Old => format!("{}\n", paint(Color::Red, &format!("-{line}"))),
            Side::New => format!("{}\n", paint(Color::Green, &format!("+{line}"))),
        });
    }
    text
}

/// The longest common subsequence, by the table: files here have a few hundred lines.
fn edits<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Side, &'t str)> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i][j] = match a == b {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut script = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            script.push((Side::Both, old[i]));
            i += 1;
            j += 1;
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            script.push((Side::Old, old[i]));
            i += 1;
        } else {
            script.push((Side::New, new[j]));
            j += 1;
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_difference_is_shown_in_hunks() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n";
        let new = old.replace("2\n3", "2\nx\n3").replace("14\n", "");
        let new = new.replacen("x\n", "two and a half\n", 1);
        assert_eq!(
            unified(old, &new),
            "@@ -1,5 +1,6 @@\n 1\n 2\n+two and a half\n 3\n 4\n 5\n@@ -11,5 +12,4 @@\n 11\n 12\n 13\n-14\n 15\n"
        );
        assert_eq!(unified(old, old), "");
    }
}
