//! The hidden first step of every test process: `lab __launch …` limits itself, then becomes the test.
//!
//! Limits must be set between fork and exec, and the safe way to run code there is to be that process. A limit that
//! the system does not know is left out here and named in the report: see [`Enforced`].

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

/// The word that makes the runner a launcher.
pub const SUBCOMMAND: &str = "__launch";

/// What one test may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub wall: Duration,
    pub cpu_seconds: u64,
    pub memory_bytes: u64,
    pub output_bytes: u64,
}

impl Default for Limits {
    /// Far above any graded test (a whole lab's suite takes 5 s), so that a loaded machine accuses nobody.
    fn default() -> Limits {
        Limits {
            wall: Duration::from_secs(30),
            cpu_seconds: 20,
            memory_bytes: 2 << 30,
            output_bytes: 16 << 20,
        }
    }
}

impl Limits {
    /// For runs over many seeds, which the caller asked for by number.
    pub fn for_many_seeds(self) -> Limits {
        Limits {
            wall: Duration::from_secs(900),
            cpu_seconds: 900,
            ..self
        }
    }
}

/// Which limits hold on this system.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Enforced {
    pub wall: bool,
    pub cpu: bool,
    pub memory: bool,
    pub output: bool,
}

impl Enforced {
    pub fn here() -> Enforced {
        Enforced {
            wall: true,
            cpu: cfg!(unix),
            memory: cfg!(target_os = "linux"),
            output: true,
        }
    }

    /// A sentence for the report, if something is missing.
    pub fn complaint(self) -> Option<String> {
        let missing: Vec<&str> = [
            (self.cpu, "processor time"),
            (self.memory, "memory"),
            (self.output, "output"),
        ]
        .into_iter()
        .filter_map(|(held, name)| (!held).then_some(name))
        .collect();
        match missing.is_empty() {
            true => None,
            false => Some(format!(
                "this system does not limit a test's {}; grade on Linux where that matters",
                missing.join(" and ")
            )),
        }
    }
}

/// The command line that runs `program` under `limits`.
pub fn command(program: &std::path::Path, limits: &Limits) -> Result<Command, Error> {
    let mut command = Command::new(own_program()?);
    command
        .arg(SUBCOMMAND)
        .arg(limits.cpu_seconds.to_string())
        .arg(limits.memory_bytes.to_string())
        .arg(limits.output_bytes.to_string())
        .arg(program);
    Ok(command)
}

/// The same program, to run beside the tests: last in line for the processors, and not longer than its parent.
pub fn background(program: &Command) -> Result<Command, Error> {
    let mut command = Command::new(own_program()?);
    command
        .arg(SUBCOMMAND)
        .arg(BACKGROUND)
        .arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(program.get_args());
    Ok(command)
}

const BACKGROUND: &str = "background";

/// The link under /proc still leads here after cargo has replaced the file of a running `cargo lab`.
fn own_program() -> Result<OsString, Error> {
    if cfg!(target_os = "linux") {
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
        .map(OsString::from)
        .map_err(|error| {
            Error::Environment(format!(
                "cannot find the runner's own program ({error}): start it as `cargo lab`"
            ))
        })
}

/// Runs in the launched process; returns only if the program could not be started.
pub fn become_program(arguments: &[OsString]) -> Error {
    if let [first, program, rest @ ..] = arguments
        && first == BACKGROUND
    {
        step_back();
        return exec(Command::new(program).args(rest));
    }
    let number = |index: usize| -> Option<u64> { arguments.get(index)?.to_str()?.parse().ok() };
    let (Some(cpu), Some(memory), Some(output), Some(program)) =
        (number(0), number(1), number(2), arguments.get(3))
    else {
        return Error::Usage(format!(
            "`{SUBCOMMAND}` is the runner's own: use `cargo lab`"
        ));
    };
    limit_self(cpu, memory, output);
    exec(Command::new(program).args(&arguments[4..]))
}

#[cfg(unix)]
fn limit_self(cpu: u64, memory: u64, output: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let set = |resource, soft: u64, hard: u64| {
        let limit = Rlimit {
            current: Some(soft),
            maximum: Some(hard),
        };
        // Fails only above an inherited hard limit, and then a tighter one holds already.
        let _ = setrlimit(resource, limit);
    };
    // Soft below hard: the first signal is the one that names its cause.
    set(Resource::Cpu, cpu, cpu + 2);
    set(Resource::Fsize, output, output);
    set(Resource::Core, 0, 0);
    if Enforced::here().memory {
        set(Resource::As, memory, memory);
    }
    end_with_parent();
}

#[cfg(unix)]
fn step_back() {
    // What is built in the background must not slow the stage that is built in front.
    let _ = rustix::process::nice(10);
    end_with_parent();
}

#[cfg(not(unix))]
fn step_back() {}

/// A runner that is killed takes along what it started.
#[cfg(target_os = "linux")]
fn end_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

#[cfg(all(unix, not(target_os = "linux")))]
fn end_with_parent() {}

#[cfg(not(unix))]
fn limit_self(_cpu: u64, _memory: u64, _output: u64) {}

#[cfg(unix)]
fn exec(command: &mut Command) -> Error {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Error::Environment(format!(
        "cannot start {:?}: {error}; run `cargo lab test` again to rebuild it",
        command.get_program()
    ))
}

#[cfg(not(unix))]
fn exec(command: &mut Command) -> Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(101)),
        Err(error) => Error::Environment(format!("cannot start the test: {error}; run it again")),
    }
}
