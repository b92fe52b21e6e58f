//! Links inside of the book and the code that its pages include: each target is there, with its anchor.

use super::{anchors, read_page, say};
use crate::error::Error;
use crate::style;
use crate::workbook::Workbook;
use std::fs;
use std::path::{Path, PathBuf};

/// Looks at every page; prints each target that is missing.
pub fn check(workbook: &Workbook) -> Result<bool, Error> {
    let source = workbook.root.join("book/src");
    let mut pages = Vec::new();
    markdown(&source, &mut pages)?;
    for page in ["README.md", "tests/README.md"] {
        pages.push(workbook.root.join(page));
    }
    pages.retain(|page| page.is_file());
    pages.sort();
    let summary = source.join("SUMMARY.md");
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in &pages {
        let shown = page
            .strip_prefix(&workbook.root)
            .unwrap_or(page)
            .display()
            .to_string();
        let text = read_page(page)?;
        for (line, complaint) in problems(page, &text, &mut count)? {
            wrong.push(format!("{shown}:{line}: {complaint}"));
        }
    }
    if summary.is_file() {
        wrong.extend(left_out(&source, &read_page(&summary)?, &pages));
    }
    for line in &wrong {
        style::put(&format!("        {line}\n"));
    }
    let text = match wrong.len() {
        0 => format!("{count} links and snippets in {} pages", pages.len()),
        bad => format!("{bad} of {count} links and snippets lead nowhere"),
    };
    Ok(say(wrong.is_empty(), "links", &text))
}

fn markdown(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let path = entry.map_err(Error::file("read", folder))?.path();
        if path.is_dir() {
            markdown(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    Ok(())
}

fn problems(page: &Path, text: &str, count: &mut usize) -> Result<Vec<(usize, String)>, Error> {
    let mut wrong = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        for include in includes(line) {
            *count += 1;
            if let Some(complaint) = include_problem(page, include)? {
                wrong.push((index + 1, complaint));
            }
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            *count += 1;
            if let Some(complaint) = link_problem(page, text, &target)? {
                wrong.push((index + 1, complaint));
            }
        }
    }
    Ok(wrong)
}

/// `{{#include path:anchor}}`, not `\{{#include …}}`, which mdBook shows as it is.
fn includes(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for mark in ["{{#include ", "{{#rustdoc_include "] {
        for (at, _) in line.match_indices(mark) {
            let rest = &line[at + mark.len()..];
            if let Some((inside, _)) = rest.split_once("}}")
                && !line[..at].ends_with('\\')
            {
                found.push(inside.trim());
            }
        }
    }
    found
}

fn include_problem(page: &Path, include: &str) -> Result<Option<String>, Error> {
    let (path, part) = match include.split_once(':') {
        Some((path, part)) => (path, Some(part)),
        None => (include, None),
    };
    let file = page.parent().unwrap_or(page).join(path);
    if !file.is_file() {
        return Ok(Some(format!("includes {path}, which is not there")));
    }
    let text = read_page(&file)?;
    let Some(part) = part else {
        return Ok(None);
    };
    let is_range = part
        .split(':')
        .all(|n| n.is_empty() || n.parse::<usize>().is_ok());
    if is_range {
        let lines = text.lines().count();
        let last = part
            .split(':')
            .filter_map(|n| n.parse::<usize>().ok())
            .max();
        return Ok(last
            .filter(|last| *last > lines)
            .map(|last| format!("includes line {last} of {path}, which has {lines}")));
    }
    let has = |mark: &str| {
        let ends = |line: &str| line.trim_end().ends_with(&format!("{mark}: {part}"));
        text.lines().any(ends)
    };
    match has("ANCHOR") && has("ANCHOR_END") {
        true => Ok(None),
        false => Ok(Some(format!(
            "includes {path}:{part}: no `ANCHOR: {part}` and `ANCHOR_END: {part}` in it"
        ))),
    }
}

/// The targets of `[text](target)`, `<a href="target">` and `<img src="target">`, outside of inline code.
fn targets(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut found = Vec::new();
    for (mark, end) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"')] {
        for part in prose.split(mark).skip(1) {
            if let Some((target, _)) = part.split_once(end) {
                found.push(target.split(' ').next().unwrap_or(target).to_string());
            }
        }
    }
    found
}

fn link_problem(page: &Path, text: &str, target: &str) -> Result<Option<String>, Error> {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    if elsewhere || target.is_empty() || target.starts_with('/') {
        return Ok(None);
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let folder = page.parent().unwrap_or(page);
    let file = match path {
        "" => page.to_path_buf(),
        path => folder.join(path.replace(".html", ".md")),
    };
    if !file.exists() {
        return Ok(Some(format!("links to {path}, which is not there")));
    }
    let Some(anchor) = anchor.filter(|_| file.extension().is_some_and(|e| e == "md")) else {
        return Ok(None);
    };
    let there = match path {
        "" => with_includes(page, text)?,
        _ => with_includes(&file, &read_page(&file)?)?,
    };
    match anchors::of_page(&there).contains(anchor) {
        true => Ok(None),
        false => Ok(Some(format!(
            "links to {target}, but there is no heading `#{anchor}`"
        ))),
    }
}

/// A page with the pages that it includes: their headings are its own.
fn with_includes(page: &Path, text: &str) -> Result<String, Error> {
    let mut whole = text.to_string();
    for include in text.lines().flat_map(includes) {
        let path = include.split(':').next().unwrap_or(include);
        let file = page.parent().unwrap_or(page).join(path);
        if path.ends_with(".md") && file.is_file() {
            whole.push('\n');
            whole.push_str(&read_page(&file)?);
        }
    }
    Ok(whole)
}

/// A page that the summary does not name is never rendered.
fn left_out(source: &Path, summary: &str, pages: &[PathBuf]) -> Vec<String> {
    let named: Vec<String> = summary.lines().flat_map(targets).collect();
    pages
        .iter()
        .filter_map(|page| page.strip_prefix(source).ok())
        .map(|page| page.display().to_string().replace('\\', "/"))
        // What stands under assets is included by pages.
        .filter(|page| page != "SUMMARY.md" && !page.starts_with("assets/"))
        .filter(|page| {
            !named
                .iter()
                .any(|name| name.trim_start_matches("./") == page)
        })
        .map(|page| format!("book/src/{page} is not in SUMMARY.md: no reader would find it"))
        .collect()
}
