//! `etcdctl`, one command after the other.

use super::cluster::GET_ETCD;
use crate::outcome::{Outcome, fail};
use std::io::{ErrorKind, Write};
use std::process::{Child, Command, Stdio};

/// An `etcdctl` for one cluster.
pub struct Ctl {
    endpoints: String,
}

/// What a command said.
pub struct Said {
    /// Whether it says that all was well.
    pub ok: bool,
    /// What it printed, errors behind the rest.
    pub text: String,
}

impl Ctl {
    /// For these addresses.
    pub fn of(endpoints: &str) -> Ctl {
        Ctl {
            endpoints: endpoints.into(),
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("etcdctl");
        command
            .env("ETCDCTL_API", "3")
            .args(["--dial-timeout", "2s", "--command-timeout", "8s"])
            .arg(format!("--endpoints={}", self.endpoints))
            .args(words);
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Result<Said, Outcome> {
        self.run_with(words, "")
    }

    /// Runs a command with this at its standard input.
    pub fn run_with(&self, words: &[&str], input: &str) -> Result<Said, Outcome> {
        let mut child = self.begin(words)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok(Said {
            ok: output.status.success(),
            text,
        })
    }

    /// Begins a command that goes on: a watch, a lock.
    pub fn begin(&self, words: &[&str]) -> Result<Child, Outcome> {
        let child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match child {
            Ok(child) => Ok(child),
            Err(why) if why.kind() == ErrorKind::NotFound => {
                Err(Outcome::not_run("etcdctl", GET_ETCD))
            }
            Err(why) => fail(format!("etcdctl does not start: {why}")),
        }
    }
}
