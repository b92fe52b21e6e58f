//! What each path answers.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sim::trace::{Trace, figure};

use super::Site;
use super::explore;
use super::http::{Request, Response};
use crate::render;

const LIVE: &str = include_str!("live.js");
const HTML: &str = "text/html; charset=utf-8";
pub const JSON: &str = "application/json";

/// Answers one request.
pub fn answer(request: &Request, site: &Site) -> Response {
    if !request.is_from_here() {
        let message = format!(
            "this server serves its own machine only and was called {:?}: open it as 127.0.0.1 or localhost",
            request.host
        );
        return Response::text(421, &message);
    }
    if let Some(mut response) = explore::answer(request, site) {
        response.head_only = request.method == "HEAD";
        return response;
    }
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/.lab/hint") if request.is_own_post() => hint(&request.body, site),
        ("POST", "/.lab/hint") => Response::text(
            403,
            "a hint is asked from a page of this book, not from another site",
        ),
        ("GET" | "HEAD", path) => {
            let mut response = get(path, site);
            response.head_only = request.method == "HEAD";
            response
        }
        _ => Response::text(405, "pages are read with GET"),
    }
}

fn get(path: &str, site: &Site) -> Response {
    match path {
        "/.lab/live.js" => {
            let scenes = json!(explore::labs(site)).to_string();
            let live = LIVE.replacen("[]", &scenes, 1);
            return Response::new(200, "text/javascript; charset=utf-8", live);
        }
        "/replay.html" => return replay(site),
        _ => {}
    }
    let _whole = site.built.read();
    match locate(&site.out, path) {
        Some(file) => page(200, &file),
        None => page(404, &site.out.join("404.html")),
    }
}

/// The file that `path` names, if it lies inside `out`, links followed.
fn locate(out: &Path, path: &str) -> Option<PathBuf> {
    let plain = |part: &str| !part.starts_with('.') && !part.contains(['\\', ':']);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if !parts.iter().all(|part| plain(part)) {
        return None;
    }
    let mut file = parts
        .iter()
        .fold(out.to_path_buf(), |file, part| file.join(part));
    if file.is_dir() {
        file.push("index.html");
    }
    let (file, out) = (file.canonicalize().ok()?, out.canonicalize().ok()?);
    (file.is_file() && file.starts_with(out)).then_some(file)
}

fn page(status: u16, file: &Path) -> Response {
    let Ok(bytes) = fs::read(file) else {
        return Response::text(404, "there is no such page");
    };
    let kind = match file
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default()
    {
        "html" => return Response::new(status, HTML, alive(&String::from_utf8_lossy(&bytes))),
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => JSON,
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    Response::new(status, kind, bytes)
}

/// The page with the script that listens: only a served page has it, so that a page on disk asks for nothing.
fn alive(html: &str) -> String {
    html.replacen(
        "</body>",
        "<script src=\"/.lab/live.js\"></script></body>",
        1,
    )
}

/// The last failure.
fn replay(site: &Site) -> Response {
    let text = fs::read_to_string(&site.trace).map_err(|_| None);
    let main = match text.and_then(|text| Trace::from_json(&text).map_err(Some)) {
        Ok(trace) => {
            let list = figure(&trace, "last");
            let (tag, rest) = list.split_once('\n').unwrap_or((&list, ""));
            format!("<trace-player>{tag}{}{rest}</trace-player>", render::script(&trace))
        }
        Err(None) => "<p>No failure is recorded yet. A failed test writes its run here: <code>cargo lab test</code>, or \
                      <code>cargo lab replay --open</code> for one that you choose.</p>"
            .to_owned(),
        Err(Some(fault)) => format!("<p>{}</p>", sim::trace::escape(&fault.to_string())),
    };
    framed(site, "Replay", &main)
}

/// A page of the book with another title and text.
pub fn framed(site: &Site, name: &str, main: &str) -> Response {
    let _whole = site.built.read();
    let Ok(html) = fs::read_to_string(site.out.join("index.html")) else {
        return Response::text(404, "the book is not built");
    };
    let (Some(from), Some(to)) = (html.find("<main>"), html.find("</main>")) else {
        return Response::text(404, "the book's pages have no <main>");
    };
    let html = format!(
        "{}<main><h1>{name}</h1>{main}{}",
        &html[..from],
        &html[to..]
    );
    let title = html.find("<title>").zip(html.find("</title>"));
    let html = match title {
        Some((from, to)) => format!("{}<title>{name}{}", &html[..from], &html[to..]),
        None => html,
    };
    Response::new(200, HTML, alive(&html))
}

/// Asks the runner, which counts the hint.
fn hint(body: &[u8], site: &Site) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let lab = asked["lab"].as_str().filter(|lab| is_name(lab));
    let (Some(lab), Some(stage)) = (lab, asked["stage"].as_u64()) else {
        return Response::text(400, "a hint needs a lab's name and a stage's number");
    };
    // The runner may be another program than the one cargo would build: it says so when it starts this server.
    let (program, first) = match env::var_os("LAB_RUNNER") {
        Some(runner) => (runner, None),
        None => (
            env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")),
            Some("lab"),
        ),
    };
    let ran = Command::new(program)
        .args(first)
        .args(["hint", lab, &stage.to_string(), "--format", "json"])
        .current_dir(&site.root)
        .stdin(Stdio::null())
        .output();
    let problem = |message: &str| Response::new(502, JSON, json!({ "error": message }).to_string());
    match ran {
        Err(error) => problem(&format!("the runner did not start: {error}")),
        Ok(done) => match serde_json::from_slice::<Value>(&done.stdout) {
            Ok(hint) => Response::new(200, JSON, hint.to_string()),
            Err(_) => problem(String::from_utf8_lossy(&done.stderr).trim()),
        },
    }
}

pub fn is_name(lab: &str) -> bool {
    !lab.is_empty()
        && !lab.starts_with('-')
        && lab
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_inside_the_built_book() {
        let out = env::temp_dir().join(format!("lab-book-{}", std::process::id()));
        fs::create_dir_all(out.join("site/lock")).expect("a folder");
        fs::write(out.join("secret.html"), "secret").expect("a file");
        fs::write(out.join("site/lock/index.html"), "lock").expect("a file");
        let site = out.join("site");
        assert!(locate(&site, "/lock/").is_some());
        assert!(locate(&site, "/lock/index.html").is_some());
        for path in [
            "/../secret.html",
            "/lock/../../secret.html",
            "/..\\secret.html",
            "/C:/secret",
            "//../secret.html",
        ] {
            assert!(locate(&site, path).is_none(), "{path}");
        }
        #[cfg(unix)]
        {
            let _ = std::os::unix::fs::symlink(out.join("secret.html"), site.join("link.html"));
            assert!(locate(&site, "/link.html").is_none(), "a link leads out");
        }
        fs::remove_dir_all(&out).expect("it was made above");
    }

    #[test]
    fn a_lab_is_a_plain_name() {
        assert!(is_name("two-phase-commit"));
        for bad in ["", "-h", "--seed", "a b", "a;b", "../x"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
