//! A node that does one thing of each kind.

use node::shell::{Shell, ShellConfig, ShellError};
use node::{Addr, Ctx, LocalTime, Node, OpId, append_record, load, read_records, save};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Toy {
    pub log: Vec<u32>,
    pub vote: Option<u32>,
    pub heard: Vec<(Addr, u32)>,
    pub cancelled: u32,
    sleeper: Option<OpId>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Hello(pub u32);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// Answers its own number.
    Echo(u32),
    /// Appends to the log; answers when that is durable.
    Append(u32),
    /// Appends without a sync.
    AppendOnly(u32),
    /// Replaces the vote; answers when that is durable.
    Vote(u32),
    /// Replaces the vote without a sync.
    VoteOnly(u32),
    /// Answers after so many milliseconds.
    Sleep(u64),
    /// Answers 0, 1, … up to this.
    Count(u32),
    /// Answers 0, and never again.
    Watch,
    /// Sends a hello.
    Greet(Addr, u32),
    /// Has a bug.
    Panic,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub log: Vec<u32>,
    pub vote: Option<u32>,
    pub heard: Vec<(Addr, u32)>,
    pub cancelled: u32,
}

impl Node for Toy {
    type Config = ();
    type Msg = Hello;
    type Timer = ();
    type Op = Op;
    type Ret = u32;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let log = read_records(&cx.disk(), "log");
        Toy {
            log: log.records,
            vote: load(&cx.disk(), "state/vote"),
            ..Toy::default()
        }
    }
    fn on_message(&mut self, _cx: &mut Ctx<'_, Self>, from: Addr, msg: Hello) {
        self.heard.push((from, msg.0));
    }
    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, (): ()) {
        if let Some(id) = self.sleeper.take() {
            let millis = cx.now().as_micros() / 1000;
            cx.ret(id, millis as u32);
        }
    }
    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        match op {
            Op::Echo(n) => cx.ret(id, n),
            Op::Append(n) | Op::AppendOnly(n) => {
                self.log.push(n);
                append_record(&mut cx.disk(), "log", &n);
                if let Op::Append(_) = op {
                    cx.disk().sync("log");
                }
                cx.ret(id, n);
            }
            Op::Vote(n) | Op::VoteOnly(n) => {
                self.vote = Some(n);
                save(&mut cx.disk(), "state/vote", &n);
                if let Op::Vote(_) = op {
                    cx.disk().sync("state/vote");
                }
                cx.ret(id, n);
            }
            Op::Sleep(millis) => {
                self.sleeper = Some(id);
                cx.set_timer((), Duration::from_millis(millis));
            }
            Op::Count(n) => {
                for i in 0..n {
                    cx.ret_more(id, i);
                }
                cx.ret(id, n);
            }
            Op::Watch => cx.ret_more(id, 0),
            Op::Greet(to, n) => {
                cx.send(to, Hello(n));
                cx.ret(id, n);
            }
            Op::Panic => panic!("a bug of the toy"),
        }
    }
    fn on_cancel(&mut self, _cx: &mut Ctx<'_, Self>, _id: OpId) {
        self.cancelled += 1;
    }
    fn view(&self, _now: LocalTime) -> View {
        View {
            log: self.log.clone(),
            vote: self.vote,
            heard: self.heard.clone(),
            cancelled: self.cancelled,
        }
    }
}

pub fn boot(config: ShellConfig) -> Result<Shell<Toy>, ShellError> {
    Shell::boot(config, Arc::new(()))
}

pub fn alone() -> Shell<Toy> {
    boot(ShellConfig::new(Addr(0))).expect("a node without a disk boots")
}

pub fn on_disk(data: &Path) -> ShellConfig {
    let mut config = ShellConfig::new(Addr(0));
    config.data = Some(data.to_path_buf());
    config
}
