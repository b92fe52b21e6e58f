//! Paths that were saved: kept beside the seeds that failed, tried by `cargo lab test`, told by `cargo lab replay`.

use super::{TARGET, has_scenes, program};
use crate::args::Args;
use crate::book;
use crate::error::Error;
use crate::evidence::One;
use crate::manifest::Lab;
use crate::regressions;
use crate::style::{self, Color, paint};
use crate::trace;
use crate::verdict::Verdict;
use crate::workbook::Workbook;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The test that plays saved paths.
const TEST: &str = "saved_paths";

/// Keeps the path that an answer shows; tells under which name, or why not.
pub fn keep(workbook: &Workbook, lab: &Lab, answer: &Value) -> Result<Value, Error> {
    let frame = &answer["frame"];
    let steps = frame["path"].as_array().filter(|steps| !steps.is_empty());
    let (Some(scene), Some(steps), Some(kit)) =
        (frame["scene"].as_str(), steps, answer["kit"].as_u64())
    else {
        return Ok(json!({ "error": "there is no step to save" }));
    };
    let steps = steps.iter().filter_map(Value::as_str).map(str::to_owned);
    let invariant = frame["broken"]["invariant"].as_str().unwrap_or_default();
    let kit = u32::try_from(kit).unwrap_or_default();
    let kept = regressions::keep_path(workbook, &lab.name, kit, scene, steps.collect(), invariant)?;
    Ok(match kept {
        Ok(name) => json!({
            "name": name,
            "file": format!(".lab/regressions/{}.json", lab.name),
            "command": format!("cargo lab replay {} {name}", lab.name),
        }),
        Err(why) => json!({ "error": why }),
    })
}

/// `cargo lab replay LAB path-1`: true if it holds; `None` if the words name no saved path.
pub fn replay(workbook: &Workbook, args: &Args) -> Result<Option<bool>, Error> {
    let (Some(lab), Some(name)) = (args.word(0), args.word(1)) else {
        return Ok(None);
    };
    let lab = workbook.lab(lab)?;
    if !regressions::paths(workbook, &lab.name)
        .iter()
        .any(|path| path == name)
    {
        return Ok(None);
    }
    let folder = workbook.own_folder().join("traces");
    fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
    let path = folder.join("last.json");
    trace::forget(&path)?;
    let played = play(workbook, lab, Some((name, &path)))?;
    if let Some(text) = trace::tell(&path)? {
        style::put(&text);
    }
    style::put(&played.shown());
    if args.open {
        book::open_replay(workbook, args)?;
    }
    Ok(Some(played.verdict == Verdict::Passed))
}

/// Plays every saved path of the lab again, if there is one; true if none breaks anything.
pub fn try_paths(workbook: &Workbook, lab: &Lab) -> Result<bool, Error> {
    let paths = regressions::paths(workbook, &lab.name);
    if paths.is_empty() || !has_scenes(workbook, lab) {
        return Ok(true);
    }
    let played = play(workbook, lab, None)?;
    style::put(&format!(
        "  {} saved by hand: {}\n",
        lab.name,
        paths.join(", ")
    ));
    style::put(&played.shown());
    Ok(played.verdict == Verdict::Passed)
}

struct Played {
    verdict: Verdict,
    message: String,
    output: String,
}

impl Played {
    fn shown(&self) -> String {
        let color = match self.verdict {
            Verdict::Passed => Color::Green,
            Verdict::Todo => Color::Yellow,
            _ => Color::Red,
        };
        let word = paint(color, &format!("{:<7}", self.verdict.word()));
        let mut text = format!("    {word} {TEST}\n");
        for line in self.message.lines().chain(self.output.lines()) {
            text.push_str(&format!("            {line}\n"));
        }
        text
    }
}

/// Plays one path and records it, or all of them.
fn play(workbook: &Workbook, lab: &Lab, one: Option<(&str, &Path)>) -> Result<Played, Error> {
    workbook.require_lib(&lab.name)?;
    let program: PathBuf = match program::find(workbook, lab, false)? {
        Ok(program) => program,
        Err(_) => {
            return Ok(Played {
                verdict: Verdict::NotBuilt,
                message: format!("the target `{TARGET}` does not compile"),
                output: String::new(),
            });
        }
    };
    let folder = workbook.lab_folder(&lab.name);
    let test = One {
        program: &program,
        folder: &folder,
        lab: &lab.name,
        test: TEST,
    };
    let evidence = test.run(&lab.limits(), &AtomicBool::new(false), |command| {
        command.env_remove("LAB_PATH");
        if let Some((name, trace)) = one {
            command.env("LAB_PATH", name).env("LAB_TRACE", trace);
        }
    })?;
    let (verdict, message) = evidence.verdict();
    let output = evidence.printed();
    let message = match &evidence.record {
        Some(said) if verdict != Verdict::Passed => {
            format!("{}: {message}", said.invariant)
        }
        _ => message,
    };
    Ok(Played {
        verdict,
        message: message.trim_end().to_owned(),
        output,
    })
}
