//! A client's request: what it becomes.

use super::super::api::{LeaseId, MemberId, Revision};
use super::super::command::Command;
use super::super::error::EtcdError;
use super::super::message::{Change, Query};
use super::super::request::{Answer, Request, Status};
use super::super::store::{Done, check_key, check_put, check_txn};
use super::asks::What;
use super::serve::address;
use super::turn::Turn;
use super::writes::Waits;
use node::OpId;

impl Turn<'_, '_> {
    /// Takes a request: answers it, or puts it on its way.
    pub fn request(&mut self, op: OpId, request: Request) {
        if let Err(why) = self.admit(&request) {
            return self.answer(op, Err(why));
        }
        match request {
            Request::Put(put) => self.client_write(op, Command::Put(put)),
            Request::DeleteRange(delete) => self.client_write(op, Command::DeleteRange(delete)),
            Request::Compact(at) => self.client_write(op, Command::Compact(at)),
            Request::LeaseRevoke(id) => self.client_write(op, Command::LeaseRevoke(id)),
            Request::LeaseGrant { id, ttl } => {
                let id = if id == 0 { self.draw_lease() } else { id };
                self.client_write(op, Command::LeaseGrant { id, ttl });
            }
            Request::Txn(txn) if !txn.is_read_only() => {
                self.client_write(op, Command::Txn(txn));
            }
            Request::LeaseKeepAlive(id) => self.ask_leader(op, Query::KeepAlive(id)),
            Request::LeaseTimeToLive(id) => self.ask_leader(op, Query::TimeToLive(id)),
            Request::MoveLeader(id) => self.ask_leader(op, Query::MoveLeader(id)),
            Request::MemberAdd { peer_urls, learner } => self.add_member(op, peer_urls, learner),
            Request::MemberUpdate { id, peer_urls } => self.update_member(op, id, peer_urls),
            Request::MemberPromote(id) => self.ask_change(op, Change::Promote(id)),
            Request::MemberRemove(id) => self.ask_change(op, Change::Remove(id)),
            request => {
                if is_local(&request) {
                    let answer = self.local_read(&request);
                    self.answer(op, answer);
                } else {
                    self.read(op, What::Request(Box::new(request)));
                }
            }
        }
    }

    fn client_write(&mut self, op: OpId, command: Command) {
        self.write(Waits::Client(op), command);
    }

    /// Refuses what must not go further.
    fn admit(&mut self, request: &Request) -> Result<(), EtcdError> {
        match request {
            Request::Range(range) => check_key(&range.keys.key)?,
            Request::Put(put) => check_put(put)?,
            Request::DeleteRange(delete) => check_key(&delete.keys.key)?,
            Request::Txn(txn) => check_txn(txn)?,
            Request::MoveLeader(_) if !self.node.mine => return Err(EtcdError::NotLeader),
            Request::MemberPromote(id) | Request::MemberRemove(id) => self.check_member(*id)?,
            _ => {}
        }
        let limits = &self.cx.cfg().limits;
        let grows = match request {
            Request::Put(_) => true,
            Request::Txn(txn) => !txn.is_read_only(),
            _ => false,
        };
        if grows && self.node.store.size() > limits.quota {
            return Err(EtcdError::NoSpace);
        }
        if self.is_learner() && !is_local(request) {
            return Err(EtcdError::NotForLearners);
        }
        let waiting = self.node.writes.len() + self.node.asks.len();
        let full = waiting >= limits.max_pending || self.node.writes.bytes() >= limits.max_bytes;
        if full && !is_local(request) {
            return Err(EtcdError::TooManyRequests);
        }
        Ok(())
    }

    fn check_member(&self, id: MemberId) -> Result<(), EtcdError> {
        let servers = self.node.raft.membership();
        match address(id) {
            // One that is not known here yet is the leader's to judge.
            Some(addr) if !servers.removed.contains(&addr) => Ok(()),
            _ => Err(EtcdError::MemberNotFound),
        }
    }

    /// A name that no other lease has, as good as certain.
    fn draw_lease(&mut self) -> LeaseId {
        let high = i64::from(self.cx.choose(1 << 30));
        let low = i64::from(self.cx.choose(u32::MAX));
        (high << 32 | low).max(1)
    }

    /// Answers from what this member has.
    pub fn local_read(&self, request: &Request) -> Result<Answer, EtcdError> {
        let store = &self.node.store;
        match request {
            Request::Range(range) => store.range(range).map(Answer::Range),
            Request::Txn(txn) => {
                let done = store.read_only_txn(txn)?;
                Ok(Answer::Done(Done::Txn(done)))
            }
            Request::Leases => Ok(Answer::Leases(store.leases().map(|(id, _)| id).collect())),
            Request::Status => Ok(Answer::Status(self.status())),
            Request::HashKv(at) => self.hash(*at),
            Request::Snapshot => Ok(Answer::Snapshot(store.to_copy())),
            Request::MemberList { .. } => Ok(self.members(None)),
            _ => Err(EtcdError::Internal(
                "the request is no read: this is a fault of the server, please report it".into(),
            )),
        }
    }

    fn hash(&self, at: Revision) -> Result<Answer, EtcdError> {
        let store = &self.node.store;
        let (hash, revision) = store.hash(at)?;
        Ok(Answer::Hash {
            hash,
            revision,
            compacted: store.compacted(),
        })
    }

    fn status(&self) -> Status {
        Status {
            size: self.node.store.size(),
            leader: self.node.leader.map_or(0, |addr| MemberId::from(addr.0)),
            committed: self.node.applied.0,
            applied: self.node.applied.0,
            is_learner: self.is_learner(),
        }
    }
}

/// Whether this member answers it alone, from what it has.
fn is_local(request: &Request) -> bool {
    match request {
        Request::Range(range) => range.serializable,
        Request::Txn(txn) => txn.is_read_only() && txn.is_serializable(),
        Request::MemberList { serializable } => *serializable,
        Request::Status | Request::HashKv(_) | Request::Snapshot => true,
        _ => false,
    }
}
