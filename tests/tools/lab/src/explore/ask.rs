//! One question of the page: the learner's code answers it in a process of its own, within limits.

use super::{program, saved, start};
use crate::channel;
use crate::error::Error;
use crate::evidence;
use crate::launcher::Limits;
use crate::manifest::Lab;
use crate::process::{self, PrivateFolder};
use crate::workbook::Workbook;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The test that answers.
const TEST: &str = "by_hand";
/// The longest question, in bytes.
const LONGEST: u64 = 1 << 20;
/// So much of what the compiler or the code has said is shown.
const SHOWN: usize = 20_000;

/// What the page asks.
#[derive(Deserialize)]
struct Question {
    #[serde(default)]
    scene: String,
    #[serde(default)]
    path: Vec<String>,
    #[serde(default)]
    newest: usize,
    /// `last`, or the name of a trace of the book.
    #[serde(default)]
    from: Option<String>,
    /// Keep the path as a regression.
    #[serde(default)]
    save: bool,
}

/// The answer to the question on standard input, as JSON. What is wrong with the learner's code is an answer too.
pub fn answer(workbook: &Workbook, lab: &Lab) -> Result<Value, Error> {
    let mut text = String::new();
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    let question: Result<Question, _> = read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_str(&text).map_err(|error| error.to_string()));
    let question = question.map_err(|why| {
        Error::Usage(format!(
            "`explore --format json` reads a question on standard input ({why}): it is for the book's page"
        ))
    })?;
    let program = match program::find(workbook, lab, true)? {
        Ok(program) => program,
        Err(said) => return Ok(json!({ "not_built": end_of(&said) })),
    };
    let trace = match &question.from {
        None => None,
        Some(from) => match start::trace(workbook, lab, from)? {
            Ok(path) => Some(path),
            Err(why) => return Ok(json!({ "error": why })),
        },
    };
    let mut answer = ask(workbook, lab, &program, &question, trace)?;
    if question.save {
        let kept = saved::keep(workbook, lab, &answer)?;
        answer["saved"] = kept;
    }
    Ok(answer)
}

fn ask(
    workbook: &Workbook,
    lab: &Lab,
    program: &Path,
    question: &Question,
    trace: Option<PathBuf>,
) -> Result<Value, Error> {
    let folder = PrivateFolder::new()?;
    let file = folder.join("question.json");
    let nonce = process::random_hex();
    let text = json!({
        "nonce": nonce,
        "scene": question.scene,
        "path": question.path,
        "newest": question.newest,
        "trace": trace,
    });
    fs::write(&file, text.to_string()).map_err(Error::file("write", &file))?;
    let usual = lab.limits();
    let limits = Limits {
        wall: usual.wall.min(Duration::from_secs(10)),
        cpu_seconds: usual.cpu_seconds.min(10),
        ..usual
    };
    let ran = process::run(program, &limits, &AtomicBool::new(false), |command| {
        command
            .args(["--ignored", "--exact", TEST, "--nocapture"])
            .arg("--test-threads=1")
            .current_dir(workbook.lab_folder(&lab.name))
            .env("LAB_HAND", &file);
    })?;
    let said = evidence::learners_part(&ran.output, TEST);
    let told = fs::read_to_string(folder.join("question.answer")).ok();
    let told = told.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let told = told.filter(|told| told["nonce"] == nonce.as_str());
    let mut answer = told.unwrap_or_else(|| {
        // The process ended before it could answer: its end is what there is to say.
        let (verdict, message) = channel::judge(&ran, None);
        json!({ "ended": { "verdict": verdict.word(), "message": message } })
    });
    answer["output"] = end_of(&said).into();
    Ok(answer)
}

/// The last part of a long text.
fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}
