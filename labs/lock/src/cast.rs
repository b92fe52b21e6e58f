//! All roles of one simulation: a node that is one of them. Given.

use crate::client::{Client, ClientConfig};
use crate::failover::{Failover, FailoverConfig};
use crate::leader::{Leader, LeaderConfig};
use crate::message::{Msg, Op, Ret, Timer};
use crate::redlock::{Redlock, RedlockConfig};
use crate::register::Register;
use crate::server::{LockServer, ServerConfig};
use crate::session::{Session, SessionConfig};
use crate::storage::{Storage, StorageConfig};
use crate::view::View;
use node::{Addr, Ctx, LocalTime, Node, OpId, Role};

/// Which role a node of the simulation plays, and how that is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CastConfig {
    /// A lock server.
    Server(ServerConfig),
    /// A plain client (stage 1).
    Client(ClientConfig),
    /// A session (stage 2).
    Session(SessionConfig),
    /// A storage (stage 3).
    Storage(StorageConfig),
    /// One of a pair with asynchronous failover (stage 4).
    Failover(FailoverConfig),
    /// A Redlock client (stage 4).
    Redlock(RedlockConfig),
    /// The replicated register (stage 4).
    Register,
    /// A lock server in front of the register (stage 4).
    Leader(LeaderConfig),
}

/// A node of the simulation.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Cast {
    /// A lock server.
    Server(LockServer),
    /// A plain client.
    Client(Client),
    /// A session.
    Session(Session),
    /// A storage.
    Storage(Storage),
    /// One of a pair with asynchronous failover.
    Failover(Failover),
    /// A Redlock client.
    Redlock(Redlock),
    /// The replicated register.
    Register(Register),
    /// A lock server in front of the register.
    Leader(Leader),
}

/// How the role is carried by the whole: messages and timers are the same.
macro_rules! role {
    ($role:ident) => {
        Role {
            dir: "",
            cfg: |cfg| match cfg {
                CastConfig::$role(cfg) => cfg,
                other => panic!(
                    "this node is set up as {other:?}, not as {}",
                    stringify!($role)
                ),
            },
            msg: |msg| msg,
            timer: |timer| timer,
        }
    };
}

const SERVER: Role<Cast, LockServer> = role!(Server);
const CLIENT: Role<Cast, Client> = role!(Client);
const SESSION: Role<Cast, Session> = role!(Session);
const STORAGE: Role<Cast, Storage> = role!(Storage);
const FAILOVER: Role<Cast, Failover> = role!(Failover);
const REDLOCK: Role<Cast, Redlock> = role!(Redlock);
const LEADER: Role<Cast, Leader> = role!(Leader);
const REGISTER: Role<Cast, Register> = Role {
    dir: "",
    cfg: |_| &(),
    msg: |msg| msg,
    timer: |timer| timer,
};

/// Runs one handler of whichever role this node plays, and passes its answers on.
macro_rules! dispatch {
    ($self:ident, $cx:ident, $handler:ident($($arg:ident),*)) => {
        match $self {
            // A simulated lock server is asked by message only, so it answers nobody here.
            Cast::Server(node) => drop($cx.scope(&SERVER, |cx| node.$handler(cx, $($arg),*))),
            Cast::Client(node) => pass($cx, &CLIENT, |cx| node.$handler(cx, $($arg),*)),
            Cast::Session(node) => pass($cx, &SESSION, |cx| node.$handler(cx, $($arg),*)),
            Cast::Storage(node) => pass($cx, &STORAGE, |cx| node.$handler(cx, $($arg),*)),
            Cast::Failover(node) => pass($cx, &FAILOVER, |cx| node.$handler(cx, $($arg),*)),
            Cast::Redlock(node) => pass($cx, &REDLOCK, |cx| node.$handler(cx, $($arg),*)),
            Cast::Register(node) => pass($cx, &REGISTER, |cx| node.$handler(cx, $($arg),*)),
            Cast::Leader(node) => pass($cx, &LEADER, |cx| node.$handler(cx, $($arg),*)),
        }
    };
}

impl Node for Cast {
    type Config = CastConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        match cx.cfg() {
            CastConfig::Server(_) => Cast::Server(cx.scope_boot(&SERVER)),
            CastConfig::Client(_) => Cast::Client(cx.scope_boot(&CLIENT)),
            CastConfig::Session(_) => Cast::Session(cx.scope_boot(&SESSION)),
            CastConfig::Storage(_) => Cast::Storage(cx.scope_boot(&STORAGE)),
            CastConfig::Failover(_) => Cast::Failover(cx.scope_boot(&FAILOVER)),
            CastConfig::Redlock(_) => Cast::Redlock(cx.scope_boot(&REDLOCK)),
            CastConfig::Register => Cast::Register(cx.scope_boot(&REGISTER)),
            CastConfig::Leader(_) => Cast::Leader(cx.scope_boot(&LEADER)),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        dispatch!(self, cx, on_message(from, msg));
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        dispatch!(self, cx, on_timer(timer));
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        if let Cast::Server(_) = self {
            // A simulated lock server is asked by message only.
            return cx.ret(id, Ret::NotHere);
        }
        match self {
            Cast::Server(_) => {}
            Cast::Client(node) => pass(cx, &CLIENT, |cx| node.on_op(cx, id, op)),
            Cast::Session(node) => pass(cx, &SESSION, |cx| node.on_op(cx, id, op)),
            Cast::Storage(node) => pass(cx, &STORAGE, |cx| node.on_op(cx, id, op)),
            Cast::Failover(node) => pass(cx, &FAILOVER, |cx| node.on_op(cx, id, op)),
            Cast::Redlock(node) => pass(cx, &REDLOCK, |cx| node.on_op(cx, id, op)),
            Cast::Register(node) => pass(cx, &REGISTER, |cx| node.on_op(cx, id, op)),
            Cast::Leader(node) => pass(cx, &LEADER, |cx| node.on_op(cx, id, op)),
        }
    }

    fn on_cancel(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        dispatch!(self, cx, on_cancel(id));
    }

    fn view(&self, now: LocalTime) -> View {
        match self {
            Cast::Server(node) => View::Server(node.view(now)),
            Cast::Client(node) => View::Client(node.view(now)),
            Cast::Session(node) => View::Client(node.view(now)),
            Cast::Storage(node) => View::Storage(node.view(now)),
            Cast::Failover(node) => View::Server(node.view(now)),
            Cast::Redlock(node) => View::Client(node.view(now)),
            Cast::Register(node) => View::Register(node.view(now)),
            Cast::Leader(node) => View::Server(node.view(now)),
        }
    }
}

/// Runs one handler of an inner node and passes its answers on.
fn pass<I: Node<Ret = Ret>>(
    cx: &mut Ctx<'_, Cast>,
    role: &Role<Cast, I>,
    run: impl FnOnce(&mut Ctx<'_, I>),
) {
    for answer in cx.scope(role, run) {
        cx.ret(answer.id, answer.ret);
    }
}
