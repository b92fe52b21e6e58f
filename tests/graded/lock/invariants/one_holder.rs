use super::lives;
use dist_lock::{Cast, Name, Owner, View};
use node::Addr;
use sim::{Checker, Step, Violation};
use std::collections::BTreeMap;

/// **D-I1 ServiceMutex**, as clients see it: no two clients hold a lock at the same moment, each by
/// a belief that is within its own grant.
///
/// This is the form for replicated services, where a grant is more than one server's lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct OneHolder;

impl Checker<Cast> for OneHolder {
    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        let mut holders: BTreeMap<&Name, (Addr, &Owner)> = BTreeMap::new();
        for (addr, view) in step.views() {
            let View::Client(client) = view else { continue };
            let now = step.local_time(addr);
            for held in client.held.iter().filter(|h| lives(h.valid_until, now)) {
                if let Some((other, owner)) = holders.insert(&held.name, (addr, &held.owner)) {
                    let message = format!(
                        "{addr} holds {} as {} while {other} holds it as {owner}",
                        held.name, held.owner
                    );
                    return Err(Violation::new("D-I1 ServiceMutex", message).at([other, addr]));
                }
            }
        }
        Ok(())
    }
}
