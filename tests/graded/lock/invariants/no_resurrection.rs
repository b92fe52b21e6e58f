use super::{handled, lives};
use dist_lock::{Cast, LeaseView, Msg, Name, Op, Owner, Proof, Request, RequestId, View};
use node::Addr;
use sim::{Checker, Event, Step, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// **D-I7 NoResurrection.** A renewal neither brings back a lease that has ended, nor lengthens one
/// if it was sent after the program had asked to unlock.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NoResurrection {
    /// The value under which a client asked last for a name.
    latest: BTreeMap<(Addr, Name), Owner>,
    unlocked: BTreeSet<Owner>,
    /// Renewals that were sent after their lock was unlocked.
    late: BTreeSet<(Addr, RequestId)>,
    leases: BTreeMap<(Addr, Name), LeaseView>,
}

impl Checker<Cast> for NoResurrection {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        match step.event {
            Event::Op { op: Op::Unlock { name }, .. } => {
                let key = (step.node, name.clone());
                self.unlocked.extend(self.latest.remove(&key));
            }
            Event::Sent { msg: Msg::Request(id, request), .. } => {
                self.sent(step.node, *id, request)
            }
            _ => {}
        }
        let Some(View::Server(server)) = step.stepped() else {
            return Ok(());
        };
        if let Some((from, id, Request::Renew { name, proof, .. })) = handled(step) {
            let key = (step.node, name.clone());
            let now = step.local_time(step.node);
            let before = self.leases.get(&key).filter(|l| lives(l.until, now));
            let after = server.leases.iter().find(|l| l.name == *name && is_of(l, proof));
            if let Some(after) = after {
                let alive = before.is_some_and(|l| l.owner == after.owner);
                if !alive {
                    return broken(step.node, after, "which had ended");
                }
                if self.late.contains(&(from, id)) && before.map(|l| l.until) != Some(after.until) {
                    return broken(step.node, after, "whose program had asked to unlock");
                }
            }
        }
        self.leases.retain(|(addr, _), _| *addr != step.node);
        for lease in &server.leases {
            let key = (step.node, lease.name.clone());
            self.leases.insert(key, lease.clone());
        }
        Ok(())
    }
}

impl NoResurrection {
    fn sent(&mut self, by: Addr, id: RequestId, request: &Request) {
        match request {
            Request::Set { name, owner, .. } | Request::Acquire { name, owner, .. }
                if !self.unlocked.contains(owner) =>
            {
                self.latest.insert((by, name.clone()), owner.clone());
            }
            Request::Renew { proof: Proof::Owner(owner), .. } if self.unlocked.contains(owner) => {
                self.late.insert((by, id));
            }
            _ => {}
        }
    }
}

fn is_of(lease: &LeaseView, proof: &Proof) -> bool {
    match proof {
        Proof::Owner(owner) => lease.owner == *owner,
        Proof::Token(token) => lease.token == *token,
    }
}

fn broken(server: Addr, lease: &LeaseView, why: &str) -> Result<(), Violation> {
    let message =
        format!("a renewal lengthened the lease of {} on {}, {why}", lease.owner, lease.name);
    Err(Violation::new("D-I7 NoResurrection", message).at([server]))
}
