use super::{Owners, Servers, gives_back, handled, shortest};
use dist_lock::{Cast, Name, Owner, Token, View};
use sim::{Checker, SimTime, Step, Violation};

/// **D-I1 ServiceMutex.** At most one grant of a name has neither run out, counted in true time
/// from the grant, nor been given back by its owner.
///
/// Judges what lock servers show. A server that restarts has forgotten its leases; that is no
/// mistake of this lab's server, so a run is judged up to the first crash of a server.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ServiceMutex {
    owners: Owners,
    servers: Servers,
    grants: Vec<Grant>,
    crashed: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Grant {
    name: Name,
    owner: Owner,
    token: Token,
    ends: SimTime,
}

impl Checker<Cast> for ServiceMutex {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        self.crashed |= self.servers.crashed(step);
        if self.crashed {
            return Ok(());
        }
        self.grants.retain(|g| step.now < g.ends);
        if let Some((from, _, request)) = handled(step) {
            self.owners.learn(from, request);
            let owners = &self.owners;
            self.grants.retain(|g| {
                let holder = owners.addr(&g.owner);
                !gives_back(request, from, &g.name, &g.owner, g.token, holder)
            });
        }
        let Some(View::Server(server)) = step.stepped() else {
            return Ok(());
        };
        let now = step.local_time(step.node);
        for lease in &server.leases {
            let ends = lease
                .until
                .map_or(SimTime(u64::MAX), |until| step.now + shortest(until.since(now)));
            let same = |g: &&mut Grant| g.name == lease.name && g.owner == lease.owner;
            if let Some(grant) = self.grants.iter_mut().find(same) {
                grant.ends = grant.ends.max(ends);
                continue;
            }
            if let Some(other) = self.grants.iter().find(|g| g.name == lease.name) {
                return Err(Violation::new(
                    "D-I1 ServiceMutex",
                    format!(
                        "{} was granted to {} while the grant to {} had neither run out nor been \
                         given back",
                        lease.name, lease.owner, other.owner
                    ),
                )
                .at([step.node]));
            }
            self.grants.push(Grant {
                name: lease.name.clone(),
                owner: lease.owner.clone(),
                token: lease.token,
                ends,
            });
        }
        Ok(())
    }
}
