//! mdBook's build, and the data of the figures put into its pages.

use std::fs;
use std::path::{Path, PathBuf};

use mdbook_driver::MDBook;
use sim::trace::Trace;

/// Finds the folder with `book.toml`: `book` in this folder or in one above it.
pub fn find_book(from: &Path) -> Result<PathBuf, String> {
    from.ancestors()
        .map(|folder| folder.join("book"))
        .find(|book| book.join("book.toml").is_file())
        .ok_or_else(|| {
            format!(
                "no book/book.toml in {} or above: start inside the workbook, or use --book",
                from.display()
            )
        })
}

/// Builds the book at `book` into `out`. A page that names a trace or an include that is not there is an error.
pub fn build(book: &Path, out: &Path) -> Result<(), String> {
    let mut driver =
        MDBook::load(book).map_err(|error| format!("{}: {error:#}", book.display()))?;
    driver.config.build.build_dir = out.to_path_buf();
    driver
        .build()
        .map_err(|error| format!("{}: {error:#}", book.display()))?;
    let traces = book.join("src/assets/traces");
    let mut faults = Vec::new();
    for page in pages(out)? {
        let html =
            fs::read_to_string(&page).map_err(|error| format!("{}: {error}", page.display()))?;
        let name = page
            .strip_prefix(out)
            .unwrap_or(&page)
            .display()
            .to_string();
        match inline(&html, &traces) {
            Ok(Some(filled)) => {
                fs::write(&page, filled).map_err(|error| format!("{}: {error}", page.display()))?
            }
            Ok(None) => {}
            Err(fault) => faults.push(format!("{name}: {fault}")),
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// Every HTML file below `out`.
fn pages(out: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![out.to_path_buf()];
    while let Some(place) = open.pop() {
        let entries =
            fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

const MARK: &str = "data-trace=\"";

/// The page with each trace's JSON inside its figure; `None` if it has none.
fn inline(html: &str, traces: &Path) -> Result<Option<String>, String> {
    if let Some(at) = html.find("{{#include") {
        let line = html[at..].lines().next().unwrap_or_default();
        return Err(format!("mdBook found no file for {line}"));
    }
    if !html.contains(MARK) {
        return Ok(None);
    }
    let mut out = String::with_capacity(html.len() * 2);
    let mut rest = html;
    while let Some(at) = rest.find(MARK) {
        let after = &rest[at + MARK.len()..];
        let (name, tail) = after.split_once('"').ok_or("a data-trace without an end")?;
        let close = tail.find('>').ok_or("a figure's tag without an end")? + 1;
        out.push_str(&rest[..rest.len() - tail.len() + close]);
        out.push_str(&script(&read(traces, name)?));
        rest = &tail[close..];
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn read(traces: &Path, name: &str) -> Result<Trace, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '/');
    if !name.chars().all(plain) {
        return Err(format!(
            "{name:?} is no trace's name: letters, digits, - and _ only"
        ));
    }
    let path = traces.join(name).with_extension("json");
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("trace {name}: {}: {error}", path.display()))?;
    Trace::from_json(&text).map_err(|error| format!("trace {name}: {error}"))
}

/// The trace as a script's text, which no `<` can end early.
pub fn script(trace: &Trace) -> String {
    let json = trace.to_json().replace('<', "\\u003c");
    format!("<script type=\"application/json\">{json}</script>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_a_figure_is_left_alone() {
        assert_eq!(inline("<p>hello</p>", Path::new("nowhere")), Ok(None));
    }

    #[test]
    fn a_missing_include_is_named() {
        let fault = inline("<p>{{#include ../gone.rs:a}}</p>", Path::new("nowhere"))
            .expect_err("it is missing");
        assert!(fault.contains("gone.rs"), "{fault}");
    }

    #[test]
    fn a_name_does_not_leave_the_folder() {
        let fault = inline("<div data-trace=\"../../secret\">", Path::new("nowhere"))
            .expect_err("it leaves");
        assert!(fault.contains("no trace's name"), "{fault}");
    }
}
