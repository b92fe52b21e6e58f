//! The leader's side of the questions in asks.rs.

use super::super::api::MemberId;
use super::super::message::{Change, Msg, Query, Refused, Told};
use super::turn::Turn;
use crate::op::{self, Refusal};
use node::Addr;

/// Who asks the leader.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Asker {
    /// This member itself; the number of its question.
    Me(u64),
    /// Another member.
    Member { from: Addr, boot: u64, number: u64 },
}

/// What Raft's answer is for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Purpose {
    Query(Asker, Query),
}

/// A member's address in Raft; `None` for an id that no member can have.
pub(super) fn address(id: MemberId) -> Option<Addr> {
    u32::try_from(id).ok().map(Addr)
}

impl Turn<'_, '_> {
    pub fn serve(&mut self, asker: Asker, query: Query) {
        if !self.node.mine {
            return self.tell(asker, Told::NotNow);
        }
        let op = match &query {
            // Only who still leads knows when a lease ends.
            Query::ReadIndex | Query::KeepAlive(_) | Query::TimeToLive(_) => op::Op::Read,
            Query::Change(change) => match self.change(*change) {
                Ok(change) => op::Op::Change(change),
                Err(why) => return self.tell(asker, Told::Refused(why)),
            },
            Query::MoveLeader(id) => match address(*id) {
                Some(to) => op::Op::Transfer(to),
                None => return self.tell(asker, Told::Refused(Refused::BadTransferee)),
            },
        };
        self.ask_raft(op, Purpose::Query(asker, query));
    }

    fn change(&self, change: Change) -> Result<op::Change, Refused> {
        let known = |id| address(id).ok_or(Refused::NoMember);
        Ok(match change {
            Change::AddLearner(id) => {
                let id = known(id)?;
                let learners = &self.node.raft.membership().learners;
                if !learners.is_empty() && !learners.contains(&id) {
                    return Err(Refused::TooManyLearners);
                }
                op::Change::AddLearner(id)
            }
            Change::AddVoter(id) => op::Change::AddVoter(known(id)?),
            Change::Promote(id) => op::Change::Promote(known(id)?),
            Change::Remove(id) => op::Change::Remove(known(id)?),
        })
    }

    /// Raft has answered.
    pub fn answered(&mut self, purpose: Purpose, ret: op::Ret) {
        let Purpose::Query(asker, query) = purpose;
        let told = match (&query, ret) {
            (Query::KeepAlive(id), op::Ret::ReadAt { .. }) => Told::KeptAlive(self.renew(*id)),
            (Query::TimeToLive(id), op::Ret::ReadAt { .. }) => {
                Told::TimeToLive(self.time_to_live(*id))
            }
            (_, op::Ret::ReadAt { index }) => Told::ReadAt(index.0),
            (_, op::Ret::Changed { .. } | op::Ret::Transferred) => Told::Done,
            (query, op::Ret::Refused(why)) => refused(query, why),
            _ => Told::NotNow,
        };
        self.tell(asker, told);
    }

    fn tell(&mut self, asker: Asker, told: Told) {
        match asker {
            Asker::Me(number) => self.told(number, told),
            Asker::Member { from, boot, number } => {
                self.cx.send(from, Msg::Told { boot, number, told });
            }
        }
    }
}

fn refused(query: &Query, why: Refusal) -> Told {
    let refused = match (query, why) {
        (_, Refusal::ChangePending | Refusal::NoCommitInTerm) => return Told::NotNow,
        // Ids are used once: who is there already was added by this very question.
        (Query::Change(Change::AddLearner(_) | Change::AddVoter(_)), Refusal::AlreadyThere)
        | (Query::MoveLeader(_), Refusal::AlreadyThere) => return Told::Done,
        (Query::MoveLeader(_), Refusal::TransferTimedOut) => Refused::Timeout,
        (Query::MoveLeader(_), _) => Refused::BadTransferee,
        (_, Refusal::AlreadyThere) => Refused::NoLearner,
        (_, Refusal::NotThere | Refusal::WasRemoved) => Refused::NoMember,
        (_, Refusal::NotCaughtUp) => Refused::NotReady,
        (_, Refusal::LastVoter) => Refused::LastVoter,
        (_, Refusal::TransferTimedOut) => Refused::Timeout,
    };
    Told::Refused(refused)
}
