//! The RESP front of the lock server: commands in, replies out. Given.
//!
//! **Idea.** [`RespServer`] is a node around [`LockServer`]. Its operation is a [`Batch`]: the
//! commands that one client sent together. They run in one step, each as one or more requests to
//! the lock server inside (`cx.scope`); a script runs inside one step too, which is what makes it
//! atomic. With `durable` set it writes what each step changed to a journal and syncs that before
//! the step's replies; steps of many clients share an fsync.
//!
//! **Trade-offs.** A step is as long as the batch that a client sent, so the connection limits
//! what it hands over at once. The journal keeps results, not commands: a script need not run
//! again, and a lease is found again with the time that it had left.
//!
//! | file | what is there |
//! |---|---|
//! | `resp.rs` | [`RespServer`]: the node, and commands that wait |
//! | `resp/turn.rs` | one step: requests to the lock server, what they touched |
//! | `resp/commands.rs` | from a command's name to its code; the connection's own commands |
//! | `resp/strings.rs` | `SET`, `GET`, `DEL`, `PEXPIRE`, … |
//! | `resp/locks.rs` | `LOCK.ACQUIRE`, `LOCK.RENEW`, `LOCK.RELEASE` |
//! | `resp/scripts.rs` | `EVAL`, `EVALSHA`, `SCRIPT`: which script; `script.rs` runs it |
//! | `resp/journal.rs` | what survives a `kill -9` |
//!
//! Architecture invariant: time, files and randomness come from `cx`, as everywhere; there is no
//! socket here, so every command can be tested without one.

mod commands;
mod journal;
mod locks;
mod reply;
mod scripts;
mod strings;
mod turn;

use crate::message::{Msg, Reply, Timer};
use crate::names::{Name, Owner};
use crate::server::{LockServer, ServerConfig};
use crate::view::ServerView;
use crate::wire::{Pipeline, Protocol};
use journal::Journal;
use node::{Addr, Ctx, LocalTime, Node, OpId, Role};
use reply::Said;
use scripts::Scripts;
use std::collections::BTreeMap;
use turn::Turn;

/// How a RESP server is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RespConfig {
    /// The lock server inside.
    pub lock: ServerConfig,
    /// Whether every change is journalled and synced before its reply leaves.
    pub durable: bool,
    /// Names that may stand in the table; a command that would add one more is refused.
    pub max_names: usize,
}

impl Default for RespConfig {
    fn default() -> Self {
        let lock = ServerConfig {
            fencing: true,
            ..ServerConfig::default()
        };
        RespConfig {
            lock,
            durable: false,
            max_names: 1_000_000,
        }
    }
}

/// What one client sent together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Batch {
    /// Which connection.
    pub client: u64,
    /// The form of its replies.
    pub protocol: Protocol,
    /// Its commands, in order.
    pub commands: Pipeline,
    /// The first one to run; those before it have been answered.
    pub from: usize,
}

/// What the client is told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Replies {
    /// The replies, encoded, in the order of the commands.
    pub bytes: Vec<u8>,
    /// The form of the replies to what comes next.
    pub protocol: Protocol,
    /// Whether the client asked to close the connection.
    pub close: bool,
    /// What is left to run when these have been written: they had become too long to go on.
    pub rest: Option<Box<Batch>>,
}

/// When the replies to one batch are as long as this, they are written before more is run.
const REPLIES_TOGETHER: usize = 256 << 10;

/// A batch in the middle: a command waits, those behind it have not run.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Waiting {
    op: OpId,
    name: Name,
    owner: Owner,
    /// Its next command is the one that waits.
    batch: Batch,
}

/// The server: a lock server that speaks RESP.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RespServer {
    lock: LockServer,
    scripts: Scripts,
    /// By the number of the request that waits.
    waiting: BTreeMap<u64, Waiting>,
    next_request: u64,
    journal: Journal,
}

const LOCK: Role<RespServer, LockServer> = Role {
    dir: "",
    cfg: |config| &config.lock,
    msg: |msg| msg,
    timer: |timer| timer,
};

impl Node for RespServer {
    type Config = RespConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Batch;
    type Ret = Replies;
    type View = ServerView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let mut lock = cx.scope_boot(&LOCK);
        let journal = if cx.cfg().durable {
            Journal::boot(cx, &mut lock)
        } else {
            Journal::default()
        };
        RespServer {
            lock,
            scripts: Scripts::default(),
            waiting: BTreeMap::new(),
            next_request: 0,
            journal,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        let mut turn = Turn::new(self, cx);
        turn.lock(|lock, cx| lock.on_message(cx, from, msg));
        turn.finish();
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        let mut turn = Turn::new(self, cx);
        turn.lock(|lock, cx| lock.on_timer(cx, timer));
        turn.finish();
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, batch: Batch) {
        let mut turn = Turn::new(self, cx);
        turn.run(id, batch, Vec::new());
        turn.finish();
    }

    fn on_cancel(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        let found = self.waiting.iter().find(|(_, w)| w.op == id);
        let Some(number) = found.map(|(number, _)| *number) else {
            return;
        };
        self.waiting.remove(&number);
        let mut turn = Turn::new(self, cx);
        turn.lock(|lock, cx| lock.on_cancel(cx, OpId::inner(number)));
        turn.finish();
    }

    fn view(&self, now: LocalTime) -> ServerView {
        self.lock.view(now)
    }
}

impl Turn<'_, '_> {
    /// Runs a batch; its replies stand behind those that there are already.
    fn run(&mut self, op: OpId, mut batch: Batch, bytes: Vec<u8>) {
        let mut replies = Replies {
            bytes,
            protocol: batch.protocol,
            ..Replies::default()
        };
        while let Some(command) = batch.commands.get(batch.from) {
            let mut session = commands::Session {
                client: batch.client,
                protocol: &mut replies.protocol,
                close: &mut replies.close,
                scripted: false,
            };
            let said = commands::run(self, &mut session, command);
            batch.protocol = replies.protocol;
            if let Said::Waits(number, name, owner) = said {
                if !replies.bytes.is_empty() {
                    self.ret(op, replies, false);
                }
                let waiting = Waiting {
                    op,
                    name,
                    owner,
                    batch,
                };
                self.server.waiting.insert(number, waiting);
                return;
            }
            said.encode(replies.protocol, &mut replies.bytes);
            batch.from += 1;
            if replies.close {
                break;
            }
            if replies.bytes.len() > REPLIES_TOGETHER {
                replies.rest = Some(Box::new(batch));
                break;
            }
        }
        self.ret(op, replies, true);
    }

    /// A request that waited has its answer: its batch goes on.
    fn go_on(&mut self, number: u64, reply: Reply) {
        let Some(mut waiting) = self.server.waiting.remove(&number) else {
            return;
        };
        let mut bytes = Vec::new();
        locks::acquired(reply).encode(waiting.batch.protocol, &mut bytes);
        waiting.batch.from += 1;
        self.run(waiting.op, waiting.batch, bytes);
    }
}
