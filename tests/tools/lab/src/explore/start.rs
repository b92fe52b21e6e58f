//! Where an exploration may begin: a schedule in a file, the last failure, a run that the book shows.

use crate::args::Args;
use crate::error::Error;
use crate::manifest::Lab;
use crate::regressions;
use crate::testing::{self, Filter, Settings, Side};
use crate::trace;
use crate::workbook::Workbook;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// The part of the page's address that says where it begins.
pub fn fragment(workbook: &Workbook, args: &Args) -> Result<String, Error> {
    if let Some(from) = args.word(1) {
        return Ok(format!("#from={}", encoded(from)));
    }
    let Some(file) = &args.schedule else {
        return Ok(String::new());
    };
    let here = workbook.root.join(file);
    let file = if file.is_file() { file } else { &here };
    let text = fs::read_to_string(file).map_err(Error::file("read", file))?;
    Ok(schedule(&text))
}

/// A schedule as a part of an address.
fn schedule(text: &str) -> String {
    let mut parts = Vec::new();
    for line in text.lines().map(str::trim) {
        // As the explorer prints it: `   3  deliver …`.
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
        match line.strip_prefix("scene ") {
            Some(scene) => parts.insert(0, format!("scene={}", encoded(scene))),
            None if line.is_empty() || line.starts_with('#') => {}
            None => parts.push(format!("step={}", encoded(line))),
        }
    }
    format!("#{}", parts.join("&"))
}

/// Percent-encoded, so that any text is one value of an address.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The trace of the run that `from` names, or why there is none.
pub fn trace(workbook: &Workbook, lab: &Lab, from: &str) -> Result<Result<PathBuf, String>, Error> {
    if from == "last" {
        return last_failure(workbook, lab);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
    let traces = workbook.root.join("book/src/assets/traces");
    let path = traces.join(format!("{from}.json"));
    Ok(match from.chars().all(plain) && path.is_file() {
        true => Ok(path),
        false => Err(format!("the book has no run {from:?}")),
    })
}

/// Runs the test that failed last once more, with a trace.
fn last_failure(workbook: &Workbook, lab: &Lab) -> Result<Result<PathBuf, String>, Error> {
    let last = regressions::last(workbook).filter(|last| last.lab == lab.name);
    let Some(last) = last else {
        return Ok(Err(format!(
            "no failure is recorded: `cargo lab test {}` records one",
            lab.name
        )));
    };
    let folder = workbook.own_folder().join("traces");
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let path = folder.join("last.json");
    trace::forget(&path)?;
    let settings = Settings {
        seed: last.seed,
        keep: last.seed.map(|_| regressions::keep_of(&last.keep)),
        trace: Some(path.clone()),
        filter: Filter::Named(last.test.clone()),
        ..Settings::default()
    };
    let stage = workbook.stage(lab, &last.stage.to_string())?;
    let mut package = testing::package(workbook, &lab.name, Side::Learner);
    package.quiet = true;
    let never = AtomicBool::new(false);
    testing::run_stages(&package, lab, &[stage], &settings, &never, |_| ())?;
    Ok(match path.is_file() {
        true => Ok(path),
        false => Err(format!(
            "`{}` failed last and leaves no run to follow: it looks at functions alone, or its task is to do",
            last.test
        )),
    })
}

#[cfg(test)]
mod tests {
    use super::{encoded, schedule};

    #[test]
    fn a_step_is_one_value_of_an_address() {
        let step = "deliver 1>2 Vote { term: 1 } | cut 2";
        let text = encoded(step);
        assert_eq!(
            text,
            "deliver%201%3E2%20Vote%20%7B%20term%3A%201%20%7D%20%7C%20cut%202"
        );
    }

    #[test]
    fn a_schedule_is_read_as_the_explorer_prints_it() {
        let text = "# mine\n\n   1  ask 0@1 Lock\n  12  tick\nscene plain\n";
        let address = "#scene=plain&step=ask%200%401%20Lock&step=tick";
        assert_eq!(schedule(text), address);
    }
}
