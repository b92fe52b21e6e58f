use super::{handled, shortest};
use dist_lock::{Cast, Msg, Name, Owner, Reply, Request, RequestId, View};
use node::Addr;
use sim::{Checker, Event, SimTime, Step, Violation};
use std::collections::BTreeMap;

/// **D-I6 NoHerd.** When a lock becomes free at most one of those who wait for it hears of that:
/// the one who has waited longest.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NoHerd {
    asked: BTreeMap<(Addr, RequestId), (Name, Owner)>,
    /// Who waits, in the order of arrival, and until when at least.
    waiting: BTreeMap<(Addr, Name), Vec<(Owner, SimTime)>>,
    /// Who was told in the present step of each server.
    told: BTreeMap<(Addr, Name), Vec<Owner>>,
}

impl Checker<Cast> for NoHerd {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        match step.event {
            Event::Sent { msg: Msg::Request(id, Request::Acquire { name, owner, .. }), .. } => {
                let asked = (name.clone(), owner.clone());
                self.asked.insert((step.node, *id), asked);
            }
            Event::Sent { to, msg: Msg::Reply(id, reply) } => self.replied(step, to, *id, reply)?,
            Event::Message { .. } | Event::Timer(_) | Event::Resume => {
                self.told.retain(|(addr, _), _| *addr != step.node);
                self.arrived(step);
            }
            Event::Crash => self.waiting.retain(|(addr, _), _| *addr != step.node),
            _ => {}
        }
        Ok(())
    }
}

impl NoHerd {
    fn arrived(&mut self, step: &Step<'_, Cast>) {
        match handled(step) {
            Some((_, _, Request::Acquire { name, owner, wait: Some(wait), .. })) => {
                let waits = self.waiting.entry((step.node, name.clone())).or_default();
                let holds = matches!(step.stepped(), Some(View::Server(server))
                    if server.leases.iter().any(|l| l.owner == *owner));
                if !holds && !waits.iter().any(|(o, _)| o == owner) {
                    waits.push((owner.clone(), step.now + shortest(*wait)));
                }
            }
            Some((_, _, Request::Release { name, proof: dist_lock::Proof::Owner(owner) })) => {
                let waits = self.waiting.entry((step.node, name.clone())).or_default();
                waits.retain(|(o, _)| o != owner);
            }
            _ => {}
        }
    }

    fn replied(
        &mut self,
        step: &Step<'_, Cast>,
        to: Addr,
        id: RequestId,
        reply: &Reply,
    ) -> Result<(), Violation> {
        let Some((name, owner)) = self.asked.get(&(to, id)).cloned() else {
            return Ok(());
        };
        let key = (step.node, name.clone());
        let waits = self.waiting.entry(key.clone()).or_default();
        let place = waits.iter().position(|(o, _)| *o == owner);
        if let Reply::Granted { .. } | Reply::AskAgain = reply {
            let told = self.told.entry(key).or_default();
            if !told.contains(&owner) {
                told.push(owner.clone());
            }
            if told.len() > 1 {
                let message = format!("one step woke {} of those who wait for {name}", told.len());
                return Err(Violation::new("D-I6 NoHerd", message).at([step.node]));
            }
            let ahead = waits.iter().take(place.unwrap_or(0));
            if let Some((first, _)) = ahead.into_iter().find(|(_, until)| step.now < *until) {
                let message = format!("{owner} was served before {first}, who came earlier");
                return Err(Violation::new("D-I6 NoHerd", message).at([step.node]));
            }
        }
        waits.retain(|(o, _)| *o != owner);
        Ok(())
    }
}
