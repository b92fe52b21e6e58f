//! Servers as processes of their own, killed when they are dropped.

use crate::outcome::{Outcome, fail};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How to get Redis.
pub const GET_REDIS: &str =
    "install it: `apt-get install redis-server redis-tools`, `brew install redis`";

/// A server's process.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub port: u16,
    /// Its folder, removed with it.
    _folder: Folder,
}

impl Process {
    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    /// `kill -9`, and nothing more: its files stay.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A folder in the system's place for temporary ones.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    pub fn new() -> std::io::Result<Folder> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("workbook-real-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts a `redis-server` of our own: a free port, an empty folder, nothing kept, or with
/// `durable` an append-only file synced at each write.
pub fn redis(durable: bool) -> Result<Process, Outcome> {
    let port = free_port()?;
    let folder = Folder::new()?;
    let appends = if durable { "yes" } else { "no" };
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args([
            "--save",
            "",
            "--appendonly",
            appends,
            "--appendfsync",
            "always",
        ])
        .args(["--maxclients", "15000", "--loglevel", "warning"])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            return Err(Outcome::not_run("redis-server", GET_REDIS));
        }
        Err(why) => return fail(format!("redis-server does not start: {why}")),
    };
    let process = Process {
        child,
        port,
        _folder: folder,
    };
    wait_for(process)
}

/// Which build of our server to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Build {
    /// As tests are built.
    Dev,
    /// As it would be used; for measurements.
    Release,
}

/// Starts our own `lock-server` on a free port, in memory or on a folder.
pub fn ours(build: Build, data: Option<&Path>) -> Result<Process, Outcome> {
    let port = free_port()?;
    let mut command = Command::new(lock_server(build)?);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    let child = command.stdout(Stdio::null()).spawn()?;
    let process = Process {
        child,
        port,
        _folder: Folder::new()?,
    };
    wait_for(process)
}

/// Builds `lock-server`, once, and says where it is.
pub fn lock_server(build: Build) -> Result<PathBuf, Outcome> {
    built("lock-solution", "lock-server", build)
}

/// Builds a package's binary, once, and says where it is.
pub fn built(package: &str, bin: &'static str, build: Build) -> Result<PathBuf, Outcome> {
    built_with(package, bin, "", build)
}

/// As [`built`], with these features.
pub fn built_with(
    package: &str,
    bin: &'static str,
    features: &str,
    build: Build,
) -> Result<PathBuf, Outcome> {
    static BUILT: Mutex<Vec<(&str, Build, PathBuf)>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., path)) = built.iter().find(|(n, b, _)| *n == bin && *b == build) {
        return Ok(path.clone());
    }
    let path = build_bin(package, bin, features, build)?;
    built.push((bin, build, path.clone()));
    Ok(path)
}

fn build_bin(package: &str, bin: &str, features: &str, build: Build) -> Result<PathBuf, Outcome> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", package, "--bin", bin]);
    command.arg("--message-format=json-render-diagnostics");
    if !features.is_empty() {
        command.args(["--features", features]);
    }
    if build == Build::Release {
        command.arg("--release");
    }
    let mut child = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut found = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            found = executable(&line?).or(found);
        }
    }
    match (child.wait()?.success(), found) {
        (true, Some(path)) => Ok(path),
        _ => fail(format!(
            "`cargo build -p {package} --bin {bin}` failed; its errors stand above"
        )),
    }
}

/// The path in `"executable":"…"` of one of cargo's messages. Paths with a quote or a backslash
/// are beyond this; a workbook in such a folder has other troubles first.
fn executable(line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("\"executable\":\"")?;
    Some(rest.split('"').next()?.into())
}

/// A port that nobody listens on.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(mut process: Process) -> Result<Process, Outcome> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if TcpStream::connect(("127.0.0.1", process.port)).is_ok() {
            return Ok(process);
        }
        if let Some(status) = process.child.try_wait()? {
            return fail(format!("a server ended at once with {status}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    fail("a server did not listen within 20 s")
}
