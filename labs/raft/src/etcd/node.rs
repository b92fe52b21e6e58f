//! [`EtcdNode`]: one member, as a deterministic node. Given.
//!
//! **Idea.** A member is the store with a [`Raft`] inside, run through `cx.scope`. A write becomes a
//! command in the log and is answered when this member applies it; a read asks the leader how far
//! it must look, waits until this member has applied that much, and is answered here. So each
//! member serves all clients, and the leader does no more of a read than name an index.
//!
//! **Trade-offs.** What comes in one turn of the process shares one entry, one `AppendEntries` and
//! one fsync ([`Timer::Flush`]); while some entries are under way the next one grows. A lone
//! request pays one pass through the timers for it.
//!
//! | file | what is there |
//! |---|---|
//! | `node.rs` | [`EtcdNode`], and what Raft tells it |
//! | `node/turn.rs` | one handler: Raft's answers in order |
//! | `node/requests.rs` | a client's request: what it becomes |
//! | `node/writes.rs` | commands on their way into the log, repeated until they are seen there |
//! | `node/asks.rs` | what only the leader knows: reads, leases, members |
//! | `node/serve.rs` | the leader's side of it |
//! | `node/lessor.rs` | when leases run out |
//! | `node/watchers.rs` | who is told of which change |
//! | `node/members.rs` | the members, as clients see them |
//!
//! Architecture invariant: nothing here reads a clock, a socket or a random number but through
//! `cx`, so a whole cluster runs in the simulator.

mod asks;
mod lessor;
mod members;
mod requests;
mod serve;
mod turn;
mod watchers;
mod writes;

use super::api::MemberId;
use super::config::EtcdConfig;
use super::message::{Msg, Timer};
use super::request::{Header, Op, Ret};
use super::store::Store;
use crate::{Index, Raft, Term, View};
use asks::Asks;
use lessor::Lessor;
use members::ClusterWatch;
use node::{Addr, Ctx, LocalTime, Node, OpId, Role, load, save};
use serde::Serialize;
use serve::Purpose;
use std::collections::BTreeMap;
use std::time::Duration;
use turn::Turn;
use watchers::Watchers;
use writes::Writes;

/// How often a member looks for what waits too long.
const TICK: Duration = Duration::from_millis(250);
/// Counts this member's starts.
const BOOT_FILE: &str = "boot";

const RAFT: Role<EtcdNode, Raft> = Role {
    dir: "raft/",
    cfg: |config| &config.raft,
    msg: Msg::Raft,
    timer: Timer::Raft,
};

/// One member.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EtcdNode {
    raft: Raft,
    store: Store,
    /// Which start this is; the first is 1.
    boot: u64,
    /// The last entry that is in the store.
    applied: Index,
    term: Term,
    leader: Option<Addr>,
    /// Whether this member leads.
    mine: bool,
    /// What Raft was asked and has not answered.
    asked: BTreeMap<u64, Purpose>,
    next_inner: u64,
    writes: Writes,
    asks: Asks,
    lessor: Lessor,
    watchers: Watchers,
    cluster: ClusterWatch,
    /// Bytes of commands behind the last image, and the bytes of that image.
    log_bytes: u64,
    image_bytes: u64,
    /// Whether this member's name and addresses are on their way to the others.
    published: bool,
}

/// What checkers and traces see of a member.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct EtcdView {
    /// The Raft inside.
    pub raft: View,
    /// The store's revision.
    pub revision: i64,
    /// A checksum of the store.
    pub hash: u32,
}

impl AsRef<View> for EtcdView {
    fn as_ref(&self) -> &View {
        &self.raft
    }
}

impl Node for EtcdNode {
    type Config = EtcdConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = EtcdView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let boot = load::<Self, u64>(&cx.disk(), BOOT_FILE).unwrap_or(0) + 1;
        save(&mut cx.disk(), BOOT_FILE, &boot);
        cx.disk().sync(BOOT_FILE);
        let mut node = EtcdNode {
            raft: cx.scope_boot(&RAFT),
            store: Store::new(),
            boot,
            applied: Index(0),
            term: Term(0),
            leader: None,
            mine: false,
            asked: BTreeMap::new(),
            next_inner: 0,
            writes: Writes::default(),
            asks: Asks::default(),
            lessor: Lessor::default(),
            watchers: Watchers::default(),
            cluster: ClusterWatch::default(),
            log_bytes: 0,
            image_bytes: 0,
            published: false,
        };
        node.watchers.told = node.store.revision();
        cx.set_timer(Timer::Tick, TICK);
        let mut turn = Turn::new(&mut node, cx);
        turn.watch_raft();
        turn.finish();
        node
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        let mut turn = Turn::new(self, cx);
        match msg {
            Msg::Raft(msg) => turn.raft(|raft, cx| raft.on_message(cx, from, msg)),
            Msg::Propose(envelope) => turn.gather(envelope),
            Msg::Ask {
                boot,
                number,
                query,
            } => {
                let asker = serve::Asker::Member { from, boot, number };
                turn.serve(asker, query);
            }
            Msg::Told { boot, number, told } => {
                if boot == turn.node.boot {
                    turn.told(number, told);
                }
            }
        }
        turn.finish();
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        let mut turn = Turn::new(self, cx);
        match timer {
            Timer::Raft(timer) => turn.raft(|raft, cx| raft.on_timer(cx, timer)),
            Timer::Flush => {
                turn.node.writes.armed = false;
                turn.ask_for_reads();
                turn.flush();
            }
            Timer::Tick => {
                turn.cx.set_timer(Timer::Tick, TICK);
                turn.look_after_writes();
                turn.look_after_asks();
                turn.expire_leases();
            }
        }
        turn.finish();
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        let mut turn = Turn::new(self, cx);
        match op {
            Op::Ask(request) => turn.request(id, *request),
            Op::Watch(spec) => turn.watch(id, spec),
            Op::Cluster => turn.watch_cluster(id),
        }
        turn.finish();
    }

    fn on_cancel(&mut self, _cx: &mut Ctx<'_, Self>, id: OpId) {
        // A write goes on without its client; nobody is told its answer.
        self.watchers.close(id);
        self.cluster.watchers.remove(&id);
    }

    fn view(&self, now: LocalTime) -> EtcdView {
        let raft = self.raft.view(now);
        let hash = self.store.hash(0).map_or(0, |(hash, _)| hash);
        EtcdView {
            raft,
            revision: self.store.revision(),
            hash,
        }
    }
}

impl EtcdNode {
    fn header(&self, me: Addr) -> Header {
        Header {
            cluster: self.store.cluster(),
            member: MemberId::from(me.0),
            revision: self.store.revision(),
            term: self.term.0,
        }
    }
}
