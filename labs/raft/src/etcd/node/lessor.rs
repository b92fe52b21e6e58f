//! When leases run out. Only the leader counts; a new one lets every lease live for its whole time
//! again, for it does not know when its holder was heard last.

use super::super::api::LeaseId;
use super::super::command::Command;
use super::super::request::LeaseLife;
use super::turn::Turn;
use super::writes::Waits;
use node::LocalTime;
use std::collections::BTreeMap;
use std::time::Duration;

/// After so long the end of a lease is proposed again.
const REPEAT: Duration = Duration::from_secs(3);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Deadline {
    at: LocalTime,
    /// When its end was proposed; from then on it cannot be kept alive.
    ending: Option<LocalTime>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Lessor {
    deadlines: BTreeMap<LeaseId, Deadline>,
    /// Leases that the entry which is being applied makes or ends.
    pub touched: Vec<LeaseId>,
}

fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0))
}

impl Turn<'_, '_> {
    /// This member leads from now on, or does not any more, or has another store.
    pub fn start_leases(&mut self) {
        let lessor = &mut self.node.lessor;
        lessor.touched.clear();
        lessor.deadlines.clear();
        if !self.node.mine {
            return;
        }
        // Its holder could reach nobody while there was no leader.
        let from = self.cx.now() + self.cx.cfg().raft.election_timeout.end;
        for (id, ttl) in self.node.store.leases() {
            let at = from + seconds(ttl);
            lessor.deadlines.insert(id, Deadline { at, ending: None });
        }
    }

    /// An entry that may have made or ended leases is applied.
    pub fn leases_applied(&mut self) {
        let now = self.cx.now();
        for id in std::mem::take(&mut self.node.lessor.touched) {
            let deadlines = &mut self.node.lessor.deadlines;
            match self.node.store.lease_ttl(id) {
                Some(ttl) if self.node.mine => {
                    let at = now + seconds(ttl);
                    let new = Deadline { at, ending: None };
                    deadlines.entry(id).or_insert(new);
                }
                Some(_) => {}
                None => {
                    deadlines.remove(&id);
                }
            }
        }
    }

    /// Lets a lease live on; answers its seconds, or 0 if it has ended.
    pub fn renew(&mut self, id: LeaseId) -> i64 {
        let now = self.cx.now();
        let Some(ttl) = self.node.store.lease_ttl(id) else {
            return 0;
        };
        match self.node.lessor.deadlines.get_mut(&id) {
            Some(deadline) if deadline.ending.is_none() && deadline.at > now => {
                deadline.at = now + seconds(ttl);
                ttl
            }
            _ => 0,
        }
    }

    pub fn time_to_live(&self, id: LeaseId) -> Option<LeaseLife> {
        let (granted, keys) = self.node.store.lease(id)?;
        let at = self.node.lessor.deadlines.get(&id)?.at;
        let left = at.since(self.cx.now()).as_secs() as i64;
        Some(LeaseLife {
            granted,
            left,
            keys,
        })
    }

    /// Proposes the end of leases that have run out.
    pub fn expire_leases(&mut self) {
        let now = self.cx.now();
        let mut over = Vec::new();
        for (id, deadline) in &mut self.node.lessor.deadlines {
            let asked_lately = deadline.ending.is_some_and(|at| now.since(at) < REPEAT);
            if deadline.at <= now && !asked_lately {
                deadline.ending = Some(now);
                over.push(*id);
            }
        }
        for id in over {
            self.write(Waits::Nobody, Command::LeaseRevoke(id));
        }
    }
}
