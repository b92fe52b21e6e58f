//! `EVAL`, `EVALSHA`, `SCRIPT`: which script runs. [`crate::script`] runs it.

use super::commands::{Session, not_an_integer, run, unknown_subcommand, wrong_arity};
use super::reply::Said;
use super::turn::Turn;
use crate::script;
use crate::wire::{Command, Frame, Pipeline, integer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Scripts that are kept, and their bytes together. Beyond that, `SCRIPT LOAD` is refused and
/// `EVAL` runs its script without keeping it.
const MAX_SCRIPTS: usize = 1024;
const MAX_BYTES: usize = 4 << 20;

/// The scripts that clients may call by their SHA-1. As in Redis they do not survive a restart:
/// `NOSCRIPT` makes a client send its script again.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Scripts {
    by_sha: BTreeMap<String, Arc<[u8]>>,
    bytes: usize,
}

impl Scripts {
    /// Keeps a script, if there is room; its SHA-1 in hex, and whether it is kept.
    fn keep(&mut self, source: &[u8]) -> (String, bool) {
        let sha = script::sha1_hex(source);
        if self.by_sha.contains_key(&sha) {
            return (sha, true);
        }
        let room = self.by_sha.len() < MAX_SCRIPTS && self.bytes + source.len() <= MAX_BYTES;
        if room {
            self.bytes += source.len();
            self.by_sha.insert(sha.clone(), source.into());
        }
        (sha, room)
    }
}

/// `EVAL script numkeys [key …] [arg …]`
pub(crate) fn eval(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let source: Arc<[u8]> = c.arg(1).into();
    let (sha, _) = turn.server.scripts.keep(&source);
    run_script(turn, c, &source, &sha)
}

/// `EVALSHA sha1 numkeys [key …] [arg …]`
pub(crate) fn evalsha(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let sha = String::from_utf8_lossy(c.arg(1)).to_ascii_lowercase();
    match turn.server.scripts.by_sha.get(&sha).cloned() {
        Some(source) => run_script(turn, c, &source, &sha),
        None => Said::error("NOSCRIPT No matching script. Please use EVAL."),
    }
}

fn run_script(turn: &mut Turn<'_, '_>, c: Command<'_>, source: &[u8], sha: &str) -> Said {
    let Some(keys) = integer(c.arg(2)) else {
        return not_an_integer();
    };
    let Ok(keys) = usize::try_from(keys) else {
        return Said::error("ERR Number of keys can't be negative");
    };
    if keys > c.len() - 3 {
        return Said::error("ERR Number of keys can't be greater than number of args");
    }
    let (keys, args) = (c.from(3).take(keys), c.from(3 + keys));
    let script = script::Script {
        source,
        sha,
        keys: keys.collect(),
        args: args.collect(),
    };
    let turn = RefCell::new(turn);
    Said::Frame(script.run(|pipeline| call(&mut turn.borrow_mut(), pipeline)))
}

/// A script's `redis.call`: one of the server's own commands, in the same step.
fn call(turn: &mut Turn<'_, '_>, pipeline: &Pipeline) -> Frame {
    let Some(command) = pipeline.get(0).filter(|c| !c.is_empty()) else {
        return Frame::error("ERR Please specify at least one argument for this redis.call()");
    };
    let mut session = Session {
        client: 0,
        protocol: &mut Default::default(),
        close: &mut false,
        scripted: true,
    };
    run(turn, &mut session, command).into_frame()
}

/// `SCRIPT LOAD script`, `SCRIPT EXISTS sha1 …`, `SCRIPT FLUSH [ASYNC | SYNC]`
pub(crate) fn script(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let scripts = &mut turn.server.scripts;
    match (c.arg(1).to_ascii_uppercase().as_slice(), c.len()) {
        (b"LOAD", 3) => {
            if let Err(why) = script::check(c.arg(2)) {
                return Said::Frame(why);
            }
            match scripts.keep(c.arg(2)) {
                (sha, true) => Said::Frame(Frame::bulk(sha)),
                (_, false) => Said::error(
                    "ERR no room for another script: SCRIPT FLUSH forgets those that are there",
                ),
            }
        }
        (b"EXISTS", 3..) => {
            let known = |sha: &[u8]| {
                let sha = String::from_utf8_lossy(sha).to_ascii_lowercase();
                Frame::Integer(i64::from(scripts.by_sha.contains_key(&sha)))
            };
            Said::Frame(Frame::Array(c.from(2).map(known).collect()))
        }
        (b"FLUSH", 2 | 3) => {
            *scripts = Scripts::default();
            Said::Ok
        }
        (b"LOAD" | b"EXISTS" | b"FLUSH", _) => wrong_arity(c),
        _ => unknown_subcommand(c),
    }
}
