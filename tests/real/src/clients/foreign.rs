//! Client libraries of other languages. They come from their registries into `target/real`, once;
//! what runs is their own code (`tests/real/clients`).

use crate::outcome::{Checked, Outcome, fail};
use crate::servers::{self, Build};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where this check's sources are.
fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(language)
}

/// A copy of them under the workspace's target folder, where their packages may be installed.
fn workplace(language: &str) -> Result<PathBuf, Outcome> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target =
        target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    let place = target.join("real").join(language);
    std::fs::create_dir_all(&place)?;
    for entry in std::fs::read_dir(sources(language))? {
        let entry = entry?;
        std::fs::copy(entry.path(), place.join(entry.file_name()))?;
    }
    Ok(place)
}

/// Runs a tool; it is not run if the tool is not here.
fn tool(command: &mut Command, get: &str) -> Result<Output, Outcome> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(output) => Ok(output),
        Err(why) if why.kind() == ErrorKind::NotFound => Err(Outcome::not_run(name, get)),
        Err(why) => fail(format!("{name} does not start: {why}")),
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(4)..].join("; ")
}

/// Installs packages: what no registry gives is missing, not wrong.
fn install(command: &mut Command, what: &str, get: &str) -> Result<(), Outcome> {
    let output = tool(command, get)?;
    if output.status.success() {
        return Ok(());
    }
    let why = text(&output.stderr);
    Err(Outcome::not_run(format!("{what} ({why})"), get))
}

/// Runs the check itself, against a server of its own.
fn check(command: &mut Command) -> Checked {
    let output = tool(command, "")?;
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    fail(format!("{} {}", text(&output.stdout), text(&output.stderr)))
}

fn python(library: &str) -> Checked {
    let place = workplace("python")?;
    let get = "install Python 3 with venv and pip, and let pip reach a registry";
    let pip = place.join("venv/bin/pip");
    if !pip.exists() {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv", "venv"]).current_dir(&place);
        install(&mut venv, "Python's venv", get)?;
    }
    let mut packages = Command::new(pip);
    packages.args(["install", "--quiet", "-r", "requirements.txt"]);
    install(packages.current_dir(&place), "redis-py", get)?;
    let server = servers::ours(Build::Dev, None)?;
    let mut program = Command::new(place.join("venv/bin/python"));
    program.args(["check.py", &server.port.to_string(), library]);
    check(program.current_dir(&place))
}

/// redis-py's `Lock`: acquire, extend, reacquire, release, a lost lock, a wait.
pub fn redis_py() -> Checked {
    python("redis-py")
}

/// pottery's `Redlock`.
pub fn pottery() -> Checked {
    python("pottery")
}

/// redlock for Node.js, over ioredis.
pub fn redlock_js() -> Checked {
    let place = workplace("javascript")?;
    let get = "install Node.js with npm, and let npm reach a registry";
    if !place.join("node_modules/redlock").exists() {
        let mut packages = Command::new("npm");
        packages.args(["install", "--no-audit", "--no-fund", "--silent"]);
        install(packages.current_dir(&place), "redlock", get)?;
    }
    let server = servers::ours(Build::Dev, None)?;
    let mut program = Command::new("node");
    program.args(["check.js", &server.port.to_string()]);
    check(program.current_dir(&place))
}

fn go(library: &str) -> Checked {
    let place = workplace("go")?;
    let get = "install Go 1.26, and let it reach a module proxy";
    let mut build = Command::new("go");
    build
        .args(["build", "-o", "check", "."])
        .current_dir(&place);
    install(&mut build, "redsync or redislock", get)?;
    let server = servers::ours(Build::Dev, None)?;
    check(Command::new(place.join("check")).args([&server.port.to_string(), library]))
}

/// redsync for Go.
pub fn redsync() -> Checked {
    go("redsync")
}

/// bsm/redislock for Go.
pub fn redislock() -> Checked {
    go("redislock")
}
