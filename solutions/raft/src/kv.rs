//! [`Kv`]: a replicated key-value store: a state machine around a [`Raft`] (stages 4 and 5).

use crate::config::Config;
use crate::entry::{Command, Index};
use crate::kv_op::{KvOp, KvRet, KvView};
use crate::message::Msg;
use crate::raft::{Raft, Timer};
use node::{Addr, Ctx, LocalTime, Node, OpId, Role};

/// How a server of the store is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KvConfig {
    /// Its Raft.
    pub raft: Config,
    /// A snapshot is taken when so many entries were applied since the last one; `None`: never.
    pub compact_every: Option<u64>,
}

/// One server of the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Kv {
    /// The log.
    pub(crate) raft: Raft,
    /// The last index that is in the state.
    pub(crate) applied: Index,
}

/// How the store carries its Raft: messages and timers are the same, files lie in `raft/`.
const RAFT: Role<Kv, Raft> = Role {
    dir: "raft/",
    cfg: |cfg| &cfg.raft,
    msg: |msg| msg,
    timer: |timer| timer,
};

impl Node for Kv {
    type Config = KvConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = KvOp;
    type Ret = KvRet;
    type View = KvView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let raft = cx.scope_boot(&RAFT);
        let _: Option<Command> = None;
        Kv {
            raft,
            applied: Index(0),
        }
    }
    fn on_message(&mut self, _cx: &mut Ctx<'_, Self>, _from: Addr, _msg: Msg) {
        todo!("being written")
    }
    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, _timer: Timer) {
        todo!("being written")
    }
    fn on_op(&mut self, _cx: &mut Ctx<'_, Self>, _id: OpId, _op: KvOp) {
        todo!("being written")
    }
    fn view(&self, _now: LocalTime) -> KvView {
        todo!("being written")
    }
}
