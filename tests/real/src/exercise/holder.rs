//! A lock holder as a process of its own: how the exercise starts, hears, stops and ends it.

use crate::outcome::{Outcome, fail};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Between the session's yes and the write's arrival.
pub const ON_ITS_WAY: Duration = Duration::from_millis(200);
/// Between two writes.
pub const BETWEEN_WRITES: Duration = Duration::from_millis(100);
/// Between two tries to get the lock.
pub const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What a holder is told when it is started.
#[derive(Clone)]
pub struct Setup {
    /// Its name, the first part of its owner values.
    pub name: String,
    /// Where the locks are.
    pub locks: String,
    /// Where the storage is.
    pub storage: String,
    /// Whether the storage refuses old tokens.
    pub fenced: bool,
    /// Whether the locks are in our server: `LOCK.ACQUIRE` instead of a script.
    pub ours: bool,
    /// Whether the session is the reference's.
    pub solution: bool,
    /// The lock.
    pub lock_name: &'static str,
    /// How long a grant lasts.
    pub ttl: Duration,
}

impl Setup {
    fn words(&self) -> Vec<String> {
        let flag = |yes: bool| if yes { "1" } else { "0" }.to_string();
        vec![
            self.name.clone(),
            self.locks.clone(),
            self.storage.clone(),
            flag(self.fenced),
            flag(self.ours),
            flag(self.solution),
            self.ttl.as_millis().to_string(),
        ]
    }

    /// From the words behind `real holder`.
    pub fn parse(words: &[String]) -> Option<Setup> {
        let [name, locks, storage, fenced, ours, solution, ttl] = words else {
            return None;
        };
        Some(Setup {
            name: name.clone(),
            locks: locks.clone(),
            storage: storage.clone(),
            fenced: fenced == "1",
            ours: ours == "1",
            solution: solution == "1",
            lock_name: "job",
            ttl: Duration::from_millis(ttl.parse().ok()?),
        })
    }
}

/// What a holder says on its output, a line each.
#[derive(Debug)]
pub enum Said {
    /// It has the lock.
    Locked(u64),
    /// A write is on its way.
    Writing(String),
    /// The storage took it.
    Written(String),
    /// The storage refused it.
    Stale(String),
    /// The session said no, and this.
    Lost(String),
}

/// Says it.
pub fn say(said: Said) {
    match said {
        Said::Locked(token) => println!("locked {token}"),
        Said::Writing(value) => println!("writing {value}"),
        Said::Written(value) => println!("written {value}"),
        Said::Stale(value) => println!("stale {value}"),
        Said::Lost(why) => println!("lost {why}"),
    }
}

fn parse(line: &str) -> Option<Said> {
    let (word, rest) = line.split_once(' ')?;
    Some(match word {
        "locked" => Said::Locked(rest.parse().ok()?),
        "writing" => Said::Writing(rest.into()),
        "written" => Said::Written(rest.into()),
        "stale" => Said::Stale(rest.into()),
        "lost" => Said::Lost(rest.into()),
        _ => return None,
    })
}

/// Ends when whoever started this process has gone.
pub async fn input_ended() {
    let (ended, hear) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own: a runtime that ends would wait for one of its threads that reads.
    std::thread::spawn(move || {
        let mut lines = std::io::stdin().lines();
        while let Some(Ok(_)) = lines.next() {}
        drop(ended);
    });
    let _ = hear.await;
}

/// A holder's process.
pub struct Holder {
    child: Child,
    _input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Holder {
    /// Starts one.
    pub fn start(setup: &Setup) -> Result<Holder, Outcome> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("holder")
            .args(setup.words())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (lines, said) = channel();
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            for line in stdout
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines())
            {
                let Ok(line) = line else { break };
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Ok(Holder {
            child,
            _input: input,
            said,
        })
    }

    /// Waits until it says something like this.
    pub fn wait_for(
        &self,
        patience: Duration,
        like: impl Fn(&Said) -> bool,
    ) -> Result<Said, Outcome> {
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.said.recv_timeout(left) {
                Ok(line) => {
                    if let Some(said) = parse(&line).filter(&like) {
                        return Ok(said);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return fail(format!("a holder was silent for {patience:?}"));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return fail(
                        "a holder ended; what it said stands above. If a task is still to do, come \
                         back after stage 3, or look at the reference's: `cargo run -p real -- lock --solution`",
                    );
                }
            }
        }
    }

    /// Forgets what it has said until now.
    pub fn forget(&self) {
        while self.said.try_recv().is_ok() {}
    }

    /// Stops it where it stands.
    pub fn stop(&self) -> Result<(), Outcome> {
        Ok(kill_process(self.pid()?, Signal::STOP)?)
    }

    /// Lets it go on.
    pub fn go_on(&self) -> Result<(), Outcome> {
        Ok(kill_process(self.pid()?, Signal::CONT)?)
    }

    fn pid(&self) -> Result<Pid, Outcome> {
        match Pid::from_raw(self.child.id() as i32) {
            Some(pid) => Ok(pid),
            None => fail("a holder has no process id"),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
