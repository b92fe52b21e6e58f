use super::{Servers, lives};
use dist_lock::{Cast, HeldView, View};
use node::Addr;
use sim::{Checker, Step, Violation};
use std::time::Duration;

/// **D-I5 ConservativeClient.** As long as a client believes to hold a lock, the server's grant
/// lasts, whatever the clocks do within their bound.
///
/// Says nothing about clients that never doubt (stage 1), nor after the crash of a server, which
/// forgets its leases.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ConservativeClient {
    servers: Servers,
    crashed: bool,
}

/// Rounding of a deadline to whole microseconds, on either clock.
const ROUNDING: Duration = Duration::from_micros(3);

impl Checker<Cast> for ConservativeClient {
    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        let servers = || step.views().filter(|(_, v)| matches!(v, View::Server(_)));
        self.crashed |= self.servers.crashed(step);
        // A server in the middle of a step shows nothing to compare with.
        if self.crashed || servers().next().is_none() {
            return Ok(());
        }
        for (addr, view) in step.views() {
            let View::Client(client) = view else { continue };
            let now = step.local_time(addr);
            for held in &client.held {
                if held.valid_until.is_some() && lives(held.valid_until, now) {
                    judge(step, addr, held)?;
                }
            }
        }
        Ok(())
    }
}

fn judge(step: &Step<'_, Cast>, client: Addr, held: &HeldView) -> Result<(), Violation> {
    let broken = |what: String| {
        let message = format!("{client} believes to hold {} {what}", held.name);
        Err(Violation::new("D-I5 ConservativeClient", message).at([client]))
    };
    let Some(valid_until) = held.valid_until else {
        return Ok(());
    };
    let believed = step.true_time(client, valid_until);
    for (addr, view) in step.views() {
        let View::Server(server) = view else { continue };
        let lease = server.leases.iter().find(|l| l.owner == held.owner);
        match lease.map(|l| l.until) {
            Some(None) => return Ok(()),
            Some(Some(until)) => {
                let granted = step.true_time(addr, until);
                if believed > granted + ROUNDING {
                    return broken(format!("until {believed}, but its grant ends at {granted}"));
                }
                return Ok(());
            }
            None => {}
        }
    }
    broken(format!("until {believed}, but it has no grant"))
}
