//! The members, as clients see them: who votes is Raft's to say, names and addresses are in the
//! store.
//!
//! A new member's id and addresses are a command of the log before Raft is asked to add it, so that
//! every member can reach it when it counts.

use super::super::api::{Member, MemberId};
use super::super::command::Command;
use super::super::error::EtcdError;
use super::super::message::{Change, Refused, Told};
use super::super::request::{Answer, Cluster, Ret};
use super::asks::What;
use super::serve::address;
use super::turn::Turn;
use super::writes::Waits;
use node::{Addr, OpId};
use std::collections::BTreeSet;

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct ClusterWatch {
    pub watchers: BTreeSet<OpId>,
    /// Whether there may be something new to tell.
    pub dirty: bool,
    told: Option<Cluster>,
}

fn id_of(addr: Addr) -> MemberId {
    MemberId::from(addr.0)
}

impl Turn<'_, '_> {
    /// Tells the others this member's name and addresses, once in each boot, as soon as somebody
    /// leads; and gives the cluster a number if it has none.
    pub fn publish(&mut self) {
        if self.node.published || self.node.leader.is_none() {
            return;
        }
        self.node.published = true;
        if self.node.store.cluster() == 0 {
            let number = u64::from(self.cx.choose(u32::MAX)) + 1;
            self.write(Waits::Nobody, Command::Found(number));
        }
        let me = self.cx.cfg().me.clone();
        self.write(Waits::Nobody, Command::SetMember(me));
    }

    fn member(&self, addr: Addr) -> Member {
        let id = id_of(addr);
        let first = &self.cx.cfg().first;
        let known = self.node.store.member(id);
        let known = known.or_else(|| first.iter().find(|member| member.id == id));
        let mut member = known.cloned().unwrap_or_default();
        member.id = id;
        member.is_learner = self.node.raft.membership().learners.contains(&addr);
        member
    }

    fn all_members(&self) -> Vec<Member> {
        let mut servers: Vec<Addr> = self.node.raft.membership().servers().collect();
        servers.sort();
        servers.into_iter().map(|addr| self.member(addr)).collect()
    }

    /// The members, for a client.
    pub fn members(&self, about: Option<MemberId>) -> Answer {
        let all = self.all_members();
        let about = about.and_then(|id| all.iter().find(|member| member.id == id).cloned());
        Answer::Members { about, all }
    }

    /// Whether this member takes the log but has no vote.
    pub fn is_learner(&self) -> bool {
        self.node.raft.membership().learners.contains(&self.cx.me())
    }

    pub fn answer_members(&mut self, op: OpId, about: Option<MemberId>) {
        self.read(op, What::Members(about));
    }

    pub fn add_member(&mut self, op: OpId, peer_urls: Vec<String>, learner: bool) {
        if peer_urls.is_empty() || !peer_urls.iter().all(|url| is_url(url)) {
            return self.answer(op, Err(EtcdError::BadMemberUrls));
        }
        let taken = |member: &Member| member.peer_urls.iter().any(|url| peer_urls.contains(url));
        if self.all_members().iter().any(taken) {
            return self.answer(op, Err(EtcdError::PeerUrlExists));
        }
        let servers = self.node.raft.membership();
        if learner && !servers.learners.is_empty() {
            return self.answer(op, Err(EtcdError::TooManyLearners));
        }
        let ids = servers.servers().chain(servers.removed.iter().copied());
        let above = ids.map(id_of).max().unwrap_or(0);
        let command = Command::NameMember { above, peer_urls };
        self.write(Waits::NewMember { op, learner }, command);
    }

    /// A new member has its id; now Raft may count it.
    pub fn add_named(&mut self, op: OpId, id: MemberId, learner: bool) {
        let change = match learner {
            true => Change::AddLearner(id),
            false => Change::AddVoter(id),
        };
        self.ask_change(op, change);
    }

    pub fn update_member(&mut self, op: OpId, id: MemberId, peer_urls: Vec<String>) {
        if peer_urls.is_empty() || !peer_urls.iter().all(|url| is_url(url)) {
            return self.answer(op, Err(EtcdError::BadMemberUrls));
        }
        let Some(addr) = address(id).filter(|addr| self.node.raft.membership().has(*addr)) else {
            return self.answer(op, Err(EtcdError::MemberNotFound));
        };
        let mut member = self.member(addr);
        member.peer_urls = peer_urls;
        let about = Some(id);
        self.write(Waits::Members { op, about }, Command::SetMember(member));
    }

    /// The leader has answered to a change.
    pub fn changed(&mut self, op: OpId, change: Change, told: Told, again: bool) {
        let told = match (change, told) {
            // It was asked before, so it may have been done before.
            (Change::Remove(_), Told::Refused(Refused::NoMember)) if again => Told::Done,
            (Change::Promote(_), Told::Refused(Refused::NoLearner)) if again => Told::Done,
            (_, told) => told,
        };
        match (change, told) {
            (Change::AddLearner(id) | Change::AddVoter(id), Told::Done) => {
                self.answer_members(op, Some(id));
            }
            (Change::Promote(id), Told::Done) => self.answer_members(op, Some(id)),
            (Change::Remove(id), Told::Done) => {
                self.write(Waits::Nobody, Command::ForgetMember(id));
                self.answer_members(op, None);
            }
            (change, told) => {
                if let Change::AddLearner(id) | Change::AddVoter(id) = change {
                    self.write(Waits::Nobody, Command::ForgetMember(id));
                }
                let why = match told {
                    Told::Refused(why) => why.into(),
                    _ => EtcdError::Unhealthy,
                };
                self.answer(op, Err(why));
            }
        }
    }

    pub fn watch_cluster(&mut self, id: OpId) {
        self.node.cluster.watchers.insert(id);
        let cluster = self.cluster_now();
        self.cx.ret_more(id, Ret::Cluster(cluster));
    }

    /// Tells the process around this node whom to reach, if that has changed.
    pub fn tell_cluster(&mut self) {
        if !std::mem::take(&mut self.node.cluster.dirty) {
            return;
        }
        let cluster = self.cluster_now();
        if self.node.cluster.told.as_ref() == Some(&cluster) {
            return;
        }
        for id in self.node.cluster.watchers.clone() {
            self.cx.ret_more(id, Ret::Cluster(cluster.clone()));
        }
        self.node.cluster.told = Some(cluster);
    }

    fn cluster_now(&self) -> Cluster {
        let servers = self.node.raft.membership();
        let known = self.node.store.members().map(|member| member.id);
        let first = self.cx.cfg().first.iter().map(|member| member.id);
        let mut ids: BTreeSet<Addr> = known.chain(first).filter_map(address).collect();
        ids.extend(servers.servers());
        ids.retain(|id| !servers.removed.contains(id) && *id != self.cx.me());
        Cluster {
            peers: ids.into_iter().map(|id| self.member(id)).collect(),
            removed: self.was_removed(),
            leader: self.node.leader.map_or(0, id_of),
        }
    }
}

impl Turn<'_, '_> {
    /// Whether this member was removed, and that is committed: before, it could be taken back.
    fn was_removed(&self) -> bool {
        let committed = self.node.raft.history.at(self.node.applied);
        committed.removed.contains(&self.cx.me())
    }
}

/// Whether it is `http://HOST:PORT`: the only form in which members reach each other here.
fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let (host, port) = rest.rsplit_once(':').unwrap_or_default();
    !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
}
