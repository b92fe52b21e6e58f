//! Stage 6: a leader hands over (thesis §3.10).

use crate::entry::Term;
use crate::message::Msg;
use crate::op::{Refusal, Ret};
use crate::raft::{Raft, Timer};
use crate::view::Role;
use node::{Addr, Ctx, OpId};

/// A leader that is handing over. It takes no new commands: the target would never catch up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Handover {
    /// Who asked.
    pub id: OpId,
    /// In this term.
    pub term: Term,
    /// To whom.
    pub to: Addr,
    /// Whether it was told to stand.
    pub told: bool,
}

impl Raft {
    /// **Task 6.8** (thesis §3.10): goes on with a handover: when the target has the whole log, it is
    /// told, once, to stand for election at once ([`Msg::TimeoutNow`]).
    ///
    /// The lease ends before that ([`crate::lease::Lease::end`]), and for the rest of the term: the
    /// message may arrive at any time, and voters obey it although they have just heard from this
    /// leader.
    pub(crate) fn continue_transfer(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 6.8")
    }

    /// **Task 6.9** (thesis §3.10): the leader of `term` wants this server to take over: it stands
    /// for election at once ([`Raft::start_election`] with `transfer`), without asking first.
    ///
    /// Only a follower of that leader, in that term, that may stand ([`Raft::may_stand`]) does.
    pub(crate) fn on_timeout_now(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, term: Term) {
        todo!("task 6.9")
    }

    /// A handover is asked for. Given.
    pub(crate) fn transfer(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, to: Addr) {
        if self.role != Role::Leader {
            let hint = self.leader_id;
            return cx.ret(id, Ret::NotLeader { hint });
        }
        if to == cx.me() {
            return cx.ret(id, Ret::Refused(Refusal::AlreadyThere));
        }
        if !self.membership().voters.contains(&to) {
            return cx.ret(id, Ret::Refused(Refusal::NotThere));
        }
        if self.handover.is_some() {
            return cx.ret(id, Ret::Refused(Refusal::ChangePending));
        }
        self.handover = Some(Handover {
            id,
            term: self.current_term,
            to,
            told: false,
        });
        cx.set_timer(Timer::Transfer, cx.cfg().election_timeout.start);
        self.continue_transfer(cx);
    }

    /// The target did not take over in time. Given.
    pub(crate) fn transfer_timeout(&mut self, cx: &mut Ctx<'_, Self>) {
        if let Some(handover) = self.handover.take() {
            cx.ret(handover.id, Ret::Refused(Refusal::TransferTimedOut));
        }
    }
}
