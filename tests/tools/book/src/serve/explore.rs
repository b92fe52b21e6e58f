//! The page of `cargo lab explore`: it shows a lab's node by hand and asks the runner for each click.
//!
//! Architecture invariant: nothing here knows what can happen in a lab. A question goes to the runner as it came, and
//! its answer to the page.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::Site;
use super::answer::{JSON, framed, is_name};
use super::http::{Request, Response};

const SCRIPT: &str = include_str!("explore.js");
const STYLE: &str = include_str!("explore.css");

/// The answer, if the path is one of the explorer's.
pub fn answer(request: &Request, site: &Site) -> Option<Response> {
    let text = |kind, text| Some(Response::new(200, kind, text));
    match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", "/.lab/explore.js") => text("text/javascript; charset=utf-8", SCRIPT),
        ("GET" | "HEAD", "/.lab/explore.css") => text("text/css; charset=utf-8", STYLE),
        ("GET" | "HEAD", path) => {
            let lab = path.strip_prefix("/explore-")?.strip_suffix(".html")?;
            is_name(lab).then(|| page(lab, site))
        }
        ("POST", path) => {
            let lab = path
                .strip_prefix("/.lab/explore/")
                .filter(|lab| is_name(lab))?;
            Some(match request.is_own_post() {
                true => ask(lab, &request.body, site),
                false => Response::text(
                    403,
                    "a node is explored from a page of this book, not from another site",
                ),
            })
        }
        _ => None,
    }
}

/// The labs that have scenes.
pub fn labs(site: &Site) -> Vec<String> {
    let folders = std::fs::read_dir(site.root.join("tests/graded"));
    let mut labs: Vec<String> = folders
        .into_iter()
        .flatten()
        .flatten()
        .filter(|folder| folder.path().join("explore.rs").is_file())
        .filter_map(|folder| folder.file_name().into_string().ok())
        .collect();
    labs.sort();
    labs
}

fn page(lab: &str, site: &Site) -> Response {
    if !labs(site).iter().any(|known| known == lab) {
        return Response::text(404, "this lab has no scenes to explore");
    }
    let main = format!(
        "<link rel=\"stylesheet\" href=\"/.lab/explore.css\"><p>Your own <code>labs/{lab}</code>, and you are the \
         network, the clock and the clients: choose what happens next. After every step the invariants are checked. \
         Nothing is random, so the path is the run: the address of this page is the path.</p>\
         <lab-explore lab=\"{lab}\"><noscript><p>This page needs JavaScript. Without it: <code>cargo lab replay \
         {lab}</code> tells a run as text.</p></noscript></lab-explore><script src=\"/.lab/explore.js\" defer></script>"
    );
    framed(site, &format!("Explore by hand: {lab}"), &main)
}

/// Asks the runner. It may have to build the learner's code first, so this may take a minute.
fn ask(lab: &str, question: &[u8], site: &Site) -> Response {
    let problem = |message: &str| Response::new(502, JSON, json!({ "error": message }).to_string());
    let (program, first) = match env::var_os("LAB_RUNNER") {
        Some(runner) => (runner, None),
        None => (
            env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")),
            Some("lab"),
        ),
    };
    let started = Command::new(program)
        .args(first)
        .args(["explore", lab, "--format", "json"])
        .current_dir(&site.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut runner = match started {
        Ok(runner) => runner,
        Err(error) => return problem(&format!("the runner did not start: {error}")),
    };
    if let Some(mut input) = runner.stdin.take() {
        // A runner that does not read says why when it ends.
        let _ = input.write_all(question);
    }
    match runner.wait_with_output() {
        Err(error) => problem(&format!("the runner did not end: {error}")),
        Ok(done) => match serde_json::from_slice::<Value>(&done.stdout) {
            Ok(answer) => Response::new(200, JSON, answer.to_string()),
            Err(_) => problem(String::from_utf8_lossy(&done.stderr).trim()),
        },
    }
}
