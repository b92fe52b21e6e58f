//! Runs one program under limits, in a process group of its own, and tells how it ended and what it printed.

use crate::error::Error;
use crate::launcher::{self, Limits};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Signalled(i32),
    WallLimit,
    #[cfg_attr(not(unix), allow(dead_code, reason = "only a signal tells it"))]
    CpuLimit,
    OutputLimit,
    /// The caller no longer wants to know.
    Cancelled,
}

pub struct Ran {
    pub end: End,
    /// At most the limit, with what is not UTF-8 replaced.
    pub output: String,
    pub seconds: f64,
}

/// A folder that nobody else may enter, gone when dropped.
pub struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    pub fn new() -> Result<PrivateFolder, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lab-{}-{count}-{}", std::process::id(), random_hex());
        let path = std::env::temp_dir().join(name);
        for_us_only()
            .create(&path)
            .map_err(Error::file("create", &path))?;
        Ok(PrivateFolder { path })
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // A leftover in the system's temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(unix)]
fn for_us_only() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// A user's temporary folder is private on Windows.
#[cfg(not(unix))]
fn for_us_only() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// 64 bits that another process cannot guess: the standard library seeds its hash maps from the system.
pub fn random_hex() -> String {
    use std::hash::{BuildHasher, Hasher};
    let word = || {
        std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish()
    };
    format!("{:016x}", word())
}

/// Runs `program` to its end or to a limit. `set` adds arguments, folder and environment.
pub fn run(
    program: &Path,
    limits: &Limits,
    cancel: &AtomicBool,
    set: impl FnOnce(&mut std::process::Command),
) -> Result<Ran, Error> {
    let folder = PrivateFolder::new()?;
    let path = folder.join("output");
    // One file for both streams keeps their order; a file, unlike a pipe, is not held open by a grandchild.
    let output = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)
        .map_err(Error::file("create", &path))?;
    let errors = output.try_clone().map_err(Error::file("open", &path))?;
    let mut command = launcher::command(program, limits)?;
    set(&mut command);
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    own_group(&mut command);
    let start = Instant::now();
    let mut child = command.spawn().map_err(Error::file("start", program))?;
    let end =
        wait(&mut child, &path, limits, cancel, start).map_err(Error::file("wait for", program))?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Ran {
        end,
        output: read_capped(&path, limits.output_bytes),
        seconds,
    })
}

fn wait(
    child: &mut Child,
    output: &Path,
    limits: &Limits,
    cancel: &AtomicBool,
    start: Instant,
) -> std::io::Result<End> {
    let mut pause = Duration::from_millis(1);
    let mut patience = Patience::of(limits);
    loop {
        if let Some(status) = child.try_wait()? {
            kill_group(child);
            return Ok(end_of(status));
        }
        let over = if cancel.load(Ordering::Relaxed) {
            Some(End::Cancelled)
        } else if patience.is_over(start.elapsed(), child.id()) {
            Some(End::WallLimit)
        } else if fs::metadata(output).is_ok_and(|file| file.len() > limits.output_bytes) {
            Some(End::OutputLimit)
        } else {
            None
        };
        if let Some(end) = over {
            kill_group(child);
            let _ = child.kill();
            child.wait()?;
            return Ok(end);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// When a process has had its time. One that computes on a busy machine gets more of it, up to its limit of processor
/// time; one that waits for something that does not come does not.
struct Patience {
    wall: Duration,
    until: Duration,
    computed: Duration,
}

/// At most so many times the limit, however busy the machine.
const EXTENSIONS: u32 = 10;

impl Patience {
    fn of(limits: &Limits) -> Patience {
        Patience {
            wall: limits.wall,
            until: limits.wall,
            computed: Duration::ZERO,
        }
    }

    fn is_over(&mut self, elapsed: Duration, process: u32) -> bool {
        if elapsed <= self.until {
            return false;
        }
        let before = self.computed;
        self.computed = processor_time(process).unwrap_or(before);
        self.until += self.wall;
        // A fiftieth of the time is what a computing process gets among a hundred others on two processors.
        let computes = self.computed > before + self.wall / 50;
        !computes || elapsed > self.wall * EXTENSIONS
    }
}

/// What a process has computed so far; only Linux tells without more ado.
fn processor_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field, the name, may hold anything but ends with the last parenthesis.
    let mut fields = stat.rsplit(") ").next()?.split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // Linux has shown hundredths of a second here since 2.6.
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(unix)]
pub fn own_group(command: &mut std::process::Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
pub fn own_group(_command: &mut std::process::Command) {}

/// Whatever the test started ends with it.
#[cfg(unix)]
pub fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(not(unix))]
pub fn kill_group(_child: &Child) {}

#[cfg(unix)]
fn end_of(status: ExitStatus) -> End {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, Some(signal)) if signal == Signal::XCPU.as_raw() => End::CpuLimit,
        (None, Some(signal)) if signal == Signal::XFSZ.as_raw() => End::OutputLimit,
        (None, signal) => End::Signalled(signal.unwrap_or(0)),
    }
}

#[cfg(not(unix))]
fn end_of(status: ExitStatus) -> End {
    // 101 is what a Rust panic leaves; an abort has a status code of the system's own.
    match status.code() {
        Some(code) if (0..=255).contains(&code) => End::Exited(code),
        code => End::Signalled(code.unwrap_or(0)),
    }
}

fn read_capped(path: &Path, cap: u64) -> String {
    use std::io::Read;
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // What cannot be read is not shown; the verdict does not depend on it.
        let _ = file.take(cap).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        Patience::of(&Limits {
            wall: Duration::from_millis(1),
            ..Limits::default()
        })
    }

    #[test]
    fn a_process_that_does_not_compute_has_had_its_time_at_the_limit() {
        let mut patience = patience();
        assert!(!patience.is_over(Duration::from_millis(1), u32::MAX));
        assert!(patience.is_over(Duration::from_millis(2), u32::MAX));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_computes_gets_more_but_not_for_ever() {
        let own = std::process::id();
        let busy = Instant::now();
        while processor_time(own).unwrap() < Duration::from_millis(20) {
            assert!(busy.elapsed() < Duration::from_secs(60));
        }
        assert!(!patience().is_over(Duration::from_millis(2), own));
        assert!(patience().is_over(Duration::from_millis(11), own));
    }
}
