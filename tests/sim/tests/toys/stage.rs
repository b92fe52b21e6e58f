//! The toys' invariants, and the scenarios in which they are tried.

use crate::commit::{self, Process};
use crate::election::{self, Bug, Raft, Role};
use crate::lease::{self, Lease};
use node::Addr;
use sim::{Checker, Scenario, Step, Violation, ms};
use std::collections::BTreeMap;

/// At most one leader a term, ever.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct OneLeader(BTreeMap<u64, Addr>);

impl Checker<Raft> for OneLeader {
    fn after(&mut self, step: &Step<'_, Raft>) -> Result<(), Violation> {
        let Some(view) = step.stepped().filter(|v| v.role == Role::Leader) else {
            return Ok(());
        };
        let first = *self.0.entry(view.term).or_insert(step.node);
        if first != step.node {
            let text = format!("{first} and {} both lead term {}", step.node, view.term);
            return Err(Violation::new("Election safety", text).at([first, step.node]));
        }
        Ok(())
    }
}

/// Nobody commits what another aborts. The coordinator's view counts too: what it shows was decided.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct OneOutcome(Option<(bool, Addr)>);

impl Checker<Process> for OneOutcome {
    fn after(&mut self, step: &Step<'_, Process>) -> Result<(), Violation> {
        let Some(outcome) = step.stepped().and_then(|view| *view) else {
            return Ok(());
        };
        let (first, who) = *self.0.get_or_insert((outcome, step.node));
        if first == outcome {
            return Ok(());
        }
        let text = format!(
            "{who} has commit = {first}, {} commit = {outcome}",
            step.node
        );
        Err(Violation::new("Atomicity", text).at([who, step.node]))
    }
}

/// At most one client believes that it has the lease.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct OneHolder;

impl Checker<Lease> for OneHolder {
    fn after(&mut self, step: &Step<'_, Lease>) -> Result<(), Violation> {
        let holders: Vec<Addr> = step
            .views()
            .filter(|(_, v)| v.holds)
            .map(|(a, _)| a)
            .collect();
        match holders.len() {
            0 | 1 => Ok(()),
            _ => Err(Violation::new("One holder", format!("{holders:?} all hold")).at(holders)),
        }
    }
}

/// Three voters.
pub fn voters(bug: Bug) -> Scenario<Raft> {
    let peers: Vec<Addr> = (1..=3).map(Addr).collect();
    peers.iter().fold(Scenario::new("toy"), |s, addr| {
        let cfg = election::Config {
            peers: peers.clone(),
            bug,
        };
        s.node(*addr, format!("voter {}", addr.0), "voter", cfg)
    })
}

/// A coordinator and two participants.
pub fn committers(sends_first: bool) -> Scenario<Process> {
    (0..=2).fold(Scenario::new("toy"), |s, i| {
        let cfg = commit::Config {
            coordinator: Addr(0),
            participants: vec![Addr(1), Addr(2)],
            sends_first,
        };
        let role = if i == 0 { "coordinator" } else { "participant" };
        s.node(Addr(i), format!("{role} {i}"), role, cfg)
    })
}

/// A server and two clients.
pub fn lenders(from_reply: bool) -> Scenario<Lease> {
    (0..=2).fold(Scenario::new("toy"), |s, i| {
        let cfg = lease::Config {
            server: Addr(0),
            ttl: ms(200),
            from_reply,
        };
        let role = if i == 0 { "server" } else { "client" };
        s.node(Addr(i), format!("{role} {i}"), role, cfg)
    })
}
