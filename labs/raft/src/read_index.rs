//! Stage 4: linearizable reads without a log entry (§8, thesis §6.4).

use crate::op::Ret;
use crate::raft::Raft;
use crate::view::Role;
use node::{Addr, Ctx, OpId};

/// A read that waits until it is certain that this server led after it was asked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WaitingRead {
    /// The operation.
    pub id: OpId,
    /// Answers to this round, or a later one, prove it: it began after the read was asked.
    pub round: u64,
}

impl Raft {
    /// **Task 4.4** (thesis §6.4): a leader is asked for a read: it joins [`Raft::reads`] with the
    /// number of a round that has *not begun yet*.
    ///
    /// If no read waits for a round that has begun, that round begins now ([`Raft::begin_round`]);
    /// otherwise this read and those that follow share the round after it, which begins when the
    /// one under way is answered.
    pub(crate) fn start_read(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        todo!("task 4.4")
    }

    /// **Task 4.5** (§8, thesis §6.4): answers with [`Ret::ReadAt`] the reads that may be answered.
    ///
    /// Two things must be known. This server still led when the read's round began: a quorum of
    /// voters has answered it, or a later one ([`Raft::round_of`], as for a commit). And the commit
    /// index is not an old one: a new leader may not know yet what its predecessor committed, until
    /// an entry of its own term is committed ([`Raft::has_committed_in_term`]). Then it is the index
    /// to read at.
    pub(crate) fn confirm_reads(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 4.5")
    }

    /// The latest round that `server` answered in this term; the leader answers its own. Given.
    pub(crate) fn round_of(&self, server: Addr) -> u64 {
        self.progress.get(&server).map_or(0, |p| p.round)
    }

    /// A read, of whatever server. Given.
    pub(crate) fn read(&mut self, cx: &mut Ctx<'_, Self>, id: OpId) {
        if self.role != Role::Leader {
            let hint = self.leader_id;
            return cx.ret(id, Ret::NotLeader { hint });
        }
        if cx.cfg().lease && self.holds_lease(cx) && self.has_committed_in_term() {
            let index = self.commit_index;
            return cx.ret(id, Ret::ReadAt { index });
        }
        self.start_read(cx, id);
    }

    /// A round may have been answered by a quorum. Given.
    pub(crate) fn round_answered(&mut self, cx: &mut Ctx<'_, Self>) {
        if cx.cfg().lease {
            self.extend_lease(cx);
        }
        if self.reads.is_empty() {
            return;
        }
        self.confirm_reads(cx);
        if self
            .reads
            .first()
            .is_some_and(|read| read.round > self.round)
        {
            self.begin_round(cx);
        }
    }
}
