use super::{Owners, handled, lives, longest};
use dist_lock::{Cast, Op, Owner, Request, View};
use node::Addr;
use sim::{Checker, Event, SimTime, Step, Violation};
use std::collections::BTreeMap;
use std::time::Duration;

/// **D-I4 ReleaseLiveness.** A lease whose holder says nothing any more ends within its TTL, and a
/// little for the clocks.
///
/// The TTL is what programs ask for, whatever requests the client makes of that.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ReleaseLiveness {
    owners: Owners,
    ttl: BTreeMap<Addr, Duration>,
    /// When each server last heard of the owner of a lease that it shows.
    heard: BTreeMap<(Addr, Owner), SimTime>,
}

impl Checker<Cast> for ReleaseLiveness {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        if let Event::Op { op: Op::Lock { ttl, .. }, .. } = step.event {
            let longest = self.ttl.entry(step.node).or_default();
            *longest = (*longest).max(*ttl);
        }
        if let Some((from, _, request)) = handled(step) {
            self.owners.learn(from, request);
            if takes_time(request) {
                // What a server in the middle of a step did is seen later: take the most.
                for owner in self.owners.of(from, request.name()) {
                    self.heard.insert((step.node, owner.clone()), step.now);
                }
            }
        }
        if let Some(View::Server(server)) = step.stepped() {
            // An owner may come back: its late request stood in the queue.
            let shown = |owner: &Owner| server.leases.iter().any(|l| l.owner == *owner);
            self.heard.retain(|(addr, owner), _| *addr != step.node || shown(owner));
        }
        for (addr, view) in step.views() {
            let View::Server(server) = view else { continue };
            let now = step.local_time(addr);
            for lease in server.leases.iter().filter(|l| lives(l.until, now)) {
                let Some(ttl) = self.owners.addr(&lease.owner).and_then(|a| self.ttl.get(&a))
                else {
                    continue;
                };
                // A queued request is granted long after it was heard.
                let key = (addr, lease.owner.clone());
                let heard = *self.heard.entry(key).or_insert(step.now);
                if step.now > heard + longest(*ttl) {
                    return Err(Violation::new(
                        "D-I4 ReleaseLiveness",
                        format!(
                            "{} was last heard of at {heard}, and still has {} more than its TTL of \
                             {} ms later",
                            lease.owner,
                            lease.name,
                            ttl.as_millis()
                        ),
                    )
                    .at([addr]));
                }
            }
        }
        Ok(())
    }
}

fn takes_time(request: &Request) -> bool {
    !matches!(request, Request::Get { .. } | Request::TimeLeft { .. } | Request::Release { .. })
}
