//! [`Raft`]: the state of the paper's Figure 2, and the way of each input to its function. Given.

use crate::config::Config;
use crate::entry::{Index, Term};
use crate::log::Log;
use crate::message::Msg;
use crate::op::{Op, Ret};
use crate::view::{Role, View};
use node::{Addr, Ctx, LocalTime, Node, OpId};

/// A timer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// No leader was heard for an election timeout.
    Election,
    /// A leader says again that it leads.
    Heartbeat,
    /// A leader looks whether a quorum still answers.
    Quorum,
    /// A leader gives up on handing over.
    Transfer,
}

/// One server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Raft {
    /// Latest term that this server has seen.
    pub(crate) current_term: Term,
    /// Candidate that got this server's vote in the current term.
    pub(crate) voted_for: Option<Addr>,
    /// The entries behind the snapshot.
    pub(crate) log: Log,
    /// Index of the last entry known to be committed.
    pub(crate) commit_index: Index,
    /// Index of the last entry that the state machine was told of.
    pub(crate) last_applied: Index,
    /// What this server is now.
    pub(crate) role: Role,
    /// Who leads in the current term.
    pub(crate) leader_id: Option<Addr>,
}

impl Node for Raft {
    type Config = Config;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = View;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        todo!("being written")
    }
    fn on_message(&mut self, _cx: &mut Ctx<'_, Self>, _from: Addr, _msg: Msg) {
        todo!("being written")
    }
    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, _timer: Timer) {
        todo!("being written")
    }
    fn on_op(&mut self, _cx: &mut Ctx<'_, Self>, _id: OpId, _op: Op) {
        todo!("being written")
    }
    fn view(&self, _now: LocalTime) -> View {
        todo!("being written")
    }
}
