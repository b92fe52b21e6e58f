use super::{Owners, handled, lives};
use dist_lock::{Cast, LeaseView, Name, Request, View};
use node::Addr;
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

/// **D-I3 Ownership.** A request of one client ends, shortens or lengthens no lease of another.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ownership {
    owners: Owners,
    leases: BTreeMap<(Addr, Name), LeaseView>,
}

impl Checker<Cast> for Ownership {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        if let Some((from, _, request)) = handled(step) {
            self.owners.learn(from, request);
        }
        let Some(View::Server(server)) = step.stepped() else {
            return Ok(());
        };
        let now = step.local_time(step.node);
        if let Some((from, _, request)) = handled(step) {
            let key = (step.node, request.name().clone());
            let before = self.leases.get(&key).filter(|l| lives(l.until, now));
            let after = server.leases.iter().find(|l| l.name == key.1);
            if let Some(before) = before
                && self.owners.addr(&before.owner).is_some_and(|a| a != from)
                && changes_a_lease(request)
                && Some(before) != after
            {
                return Err(Violation::new(
                    "D-I3 Ownership",
                    format!(
                        "a request of {from} changed the lease of {} on {}, which {} holds",
                        before.owner,
                        before.name,
                        self.owners.addr(&before.owner).unwrap_or(from)
                    ),
                )
                .at([from, step.node]));
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

/// Requests that take a lock are D-I1's business.
fn changes_a_lease(request: &Request) -> bool {
    matches!(
        request,
        Request::Delete { .. }
            | Request::Expire { .. }
            | Request::Renew { .. }
            | Request::Release { .. }
    )
}
