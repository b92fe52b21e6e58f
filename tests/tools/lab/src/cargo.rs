//! Asks cargo for test programs. What the compiler says passes through untouched.

use crate::error::Error;
use crate::process;
use crate::style;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A package whose tests can be built: the learner's, the reference, or a changed copy of it.
#[derive(Clone, Debug)]
pub struct Package {
    pub name: String,
    /// Tests run here.
    pub folder: PathBuf,
    /// The workspace's manifest.
    pub workspace: PathBuf,
    /// A target folder of its own, for changed copies.
    pub target: Option<PathBuf>,
    /// The reference's default features bring a server's dependencies, which no graded test needs.
    pub no_default_features: bool,
    /// Whether the compiler's words are shown as they come.
    pub quiet: bool,
}

/// What a build left.
pub struct Built {
    /// Test target → program. A target that did not compile is missing.
    pub programs: BTreeMap<String, PathBuf>,
    /// Everything the compiler said, without colours.
    pub said: String,
    pub cancelled: bool,
    /// How cargo ended, in words.
    ended: String,
}

impl Built {
    /// The compiler's first error and where it is, for a report.
    pub fn first_error(&self) -> String {
        let mut lines = self.said.lines().skip_while(|l| !l.starts_with("error"));
        let Some(error) = lines.next() else {
            let last = self.said.lines().last().unwrap_or("nothing");
            return format!(
                "cargo ended with {} and said last: {}",
                self.ended,
                last.trim()
            );
        };
        match lines.find(|line| line.trim_start().starts_with("--> ")) {
            Some(place) => format!("{error} ({})", place.trim().trim_start_matches("--> ")),
            None => error.to_string(),
        }
    }
}

#[derive(Deserialize)]
struct Artifact {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the named test targets; one that fails does not keep back the others.
pub fn build_tests(
    package: &Package,
    targets: &[String],
    cancel: &AtomicBool,
) -> Result<Built, Error> {
    let mut command = cargo();
    command.args(["test", "--no-run", "--no-fail-fast"]);
    command.arg("--message-format=json-render-diagnostics");
    command.arg("--manifest-path").arg(&package.workspace);
    command.args(["--package", &package.name]);
    for target in targets {
        command.args(["--test", target]);
    }
    if let Some(target) = &package.target {
        command.arg("--target-dir").arg(target).arg("--offline");
    }
    if package.no_default_features {
        command.arg("--no-default-features");
    }
    let color = match style::errors_in_color() && !package.quiet {
        true => "always",
        false => "never",
    };
    command.args(["--color", color]);
    run(command, package.quiet, cancel)
}

/// The cargo that started the runner, without what that cargo told the runner about itself.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
                || name.starts_with("CARGO_BIN_")
                || name == "CARGO_CRATE_NAME"
                || name == "CARGO_PRIMARY_PACKAGE"
        });
        if own {
            command.env_remove(name);
        }
    }
    command
}

fn run(mut command: Command, quiet: bool, cancel: &AtomicBool) -> Result<Built, Error> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process::own_group(&mut command);
    let mut child = command.spawn().map_err(|error| {
        Error::Environment(format!(
            "cannot start cargo ({error}): install Rust from rustup.rs, or run `cargo lab doctor`"
        ))
    })?;
    let errors = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(move || pass_on(pipe, quiet)));
    let artifacts = child
        .stdout
        .take()
        .map(|pipe| thread::spawn(move || programs(pipe)));
    let status = wait(&mut child, cancel)?;
    let joined = |what: &str| Error::Environment(format!("lost cargo's {what}: run it again"));
    let said = match errors.map(thread::JoinHandle::join) {
        Some(Ok(said)) => said,
        _ => return Err(joined("messages")),
    };
    let programs = match artifacts.map(thread::JoinHandle::join) {
        Some(Ok(programs)) => programs,
        _ => return Err(joined("list of programs")),
    };
    Ok(Built {
        programs,
        said,
        cancelled: status.is_none(),
        ended: status.map_or_else(|| "a stop".into(), |status| status.to_string()),
    })
}

/// `None` if it was stopped.
fn wait(child: &mut Child, cancel: &AtomicBool) -> Result<Option<ExitStatus>, Error> {
    let lost = Error::file("wait for", Path::new("cargo"));
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if cancel.load(Ordering::Relaxed) => {
                process::kill_group(child);
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            Ok(None) => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(lost(error)),
        }
    }
}

/// Copies the compiler's words to ours, byte for byte, but for cargo's closing line; keeps them without colours.
fn pass_on(pipe: impl Read, quiet: bool) -> String {
    let mut reader = BufReader::new(pipe);
    let mut said = String::new();
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let plain = style::without_colors(&String::from_utf8_lossy(&line));
        if !quiet && !plain.trim_start().starts_with("Finished `") {
            // The terminal may be gone; the verdicts are not.
            let _ = std::io::stderr().write_all(&line);
        }
        said.push_str(&plain);
        line.clear();
    }
    said
}

fn programs(pipe: impl Read) -> BTreeMap<String, PathBuf> {
    BufReader::new(pipe)
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Artifact>(&line).ok())
        .filter(|artifact| artifact.reason == "compiler-artifact")
        .filter_map(|artifact| {
            let target = artifact.target?;
            let is_test = target.kind.iter().any(|kind| kind == "test");
            Some((target.name, artifact.executable.filter(|_| is_test)?))
        })
        .collect()
}
