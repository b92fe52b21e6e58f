//! One question of the page, one answer: a process each.

use super::{Frame, Hand, Scene, retrace};
use crate::explore::Choice;
use crate::key::KIT_VERSION;
use crate::panics;
use crate::trace::Trace;
use node::Node;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// The environment's name for the file of the question; the answer is written beside it.
const VARIABLE: &str = "LAB_HAND";

/// What the runner asks.
#[derive(Deserialize)]
struct Question {
    /// Comes back in the answer, so that nobody else's file is taken for it.
    nonce: String,
    /// A scene's name; the first if it is empty.
    #[serde(default)]
    scene: String,
    /// The steps so far.
    #[serde(default)]
    path: Vec<String>,
    /// How many of them are new.
    #[serde(default)]
    newest: usize,
    /// A recorded run to take up instead.
    #[serde(default)]
    trace: Option<PathBuf>,
}

/// What it is told.
#[derive(Serialize)]
struct Answer {
    nonce: String,
    /// For what is saved.
    kit: u32,
    scenes: Vec<About>,
    frame: Option<Frame>,
    /// What a path does not have of the recorded run that it was made of.
    left_out: Vec<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct About {
    name: String,
    title: String,
}

/// Answers the question that the runner has laid out.
///
/// # Panics
/// Without one: this is no test.
pub fn serve<N: Node>(scenes: &[Scene<N>]) {
    let Some(file) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        panic!("this answers the page of `cargo lab explore`: run that");
    };
    panics::install();
    let question: Question = match read(&file) {
        Ok(question) => question,
        Err(why) => panic!("{}: {why}", file.display()),
    };
    let nonce = question.nonce.clone();
    let (frame, left_out, error) = match answer(scenes, &question) {
        Ok((frame, left_out)) => (Some(frame), left_out, None),
        Err(why) => (None, Vec::new(), Some(why)),
    };
    let about = |scene: &Scene<N>| About {
        name: scene.name.to_owned(),
        title: scene.scenario.title.clone(),
    };
    let answer = Answer {
        nonce,
        kit: KIT_VERSION,
        scenes: scenes.iter().map(about).collect(),
        frame,
        left_out,
        error,
    };
    let text = serde_json::to_string(&answer).expect("an answer is plain data");
    let aside = file.with_extension("part");
    let written =
        fs::write(&aside, text).and_then(|()| fs::rename(&aside, file.with_extension("answer")));
    if let Err(why) = written {
        panic!(
            "the answer could not be written beside {}: {why}",
            file.display()
        );
    }
}

fn read(file: &Path) -> Result<Question, String> {
    let text = fs::read_to_string(file).map_err(|why| why.to_string())?;
    serde_json::from_str(&text).map_err(|why| why.to_string())
}

fn answer<N: Node>(
    scenes: &[Scene<N>],
    question: &Question,
) -> Result<(Frame, Vec<String>), String> {
    if let Some(file) = &question.trace {
        let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        let trace = Trace::from_json(&text).map_err(|why| format!("{}: {why}", file.display()))?;
        let Some((at, path, left_out)) = retrace(scenes, &trace) else {
            let names: Vec<&str> = trace.nodes.iter().map(|n| n.name.as_str()).collect();
            return Err(format!(
                "no scene of this lab has the nodes of that run ({}): begin with a scene",
                names.join(", ")
            ));
        };
        return Ok((Hand::on(&scenes[at], path).look(1), left_out));
    }
    let named = |scene: &&Scene<N>| question.scene.is_empty() || scene.name == question.scene;
    let Some(scene) = scenes.iter().find(named) else {
        let names: Vec<&str> = scenes.iter().map(|s| s.name).collect();
        return Err(format!(
            "there is no scene {:?}; there are: {}",
            question.scene,
            names.join(", ")
        ));
    };
    let path: Result<Vec<Choice>, _> = question.path.iter().map(|step| step.parse()).collect();
    let path = path.map_err(|why| why.to_string())?;
    Ok((Hand::on(scene, path).look(question.newest), Vec::new()))
}
