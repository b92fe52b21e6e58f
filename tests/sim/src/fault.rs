//! [`Faults`]: how often each fault of the alphabet happens in a random run.

use crate::key::FaultKind;
use crate::time::ms;
use node::{Addr, Node};
use std::ops::Range;
use std::time::Duration;

/// Rates of all faults. A rate is a probability *per decision*: per message, per handler, per sync,
/// or per node and time slot. Zero is never. [`Faults::none`] is the start; set what the lab bears.
pub struct Faults<N: Node> {
    /// Length of a time slot.
    pub slot: Duration,
    /// Per message: it is lost.
    pub drop: f64,
    /// Per message: it comes a second time.
    pub duplicate: f64,
    /// Per message: it comes later than the scenario's delay says, behind others.
    pub late: f64,
    /// How much later.
    pub late_by: Range<Duration>,
    /// Per slot: some links are cut. A third each: symmetric, one way, bridge (two halves that
    /// only one node can reach).
    pub partition: f64,
    /// How long they stay cut.
    pub partition_for: Range<Duration>,
    /// Per node and slot: it crashes. Of what was not synced the disk keeps a chosen first part of
    /// each file, and perhaps a torn piece of the append after it.
    pub crash: f64,
    /// How long it stays down.
    pub down_for: Range<Duration>,
    /// Per handler with effects: it crashes between two of them.
    pub cut: f64,
    /// Per node and slot: it crashes and its disk is empty when it starts again.
    pub amnesia: f64,
    /// Per node and slot: its wall clock steps.
    pub wall_step: f64,
    /// How far, in either direction.
    pub wall_by: Range<Duration>,
    /// Per node: its clocks drift (by up to the scenario's bound, either way).
    pub drift: f64,
    /// Per node and slot: it stands still between two handlers; its timers are late, its messages
    /// wait.
    pub pause: f64,
    /// Per handler with effects: it stands still between two of them.
    pub stall: f64,
    /// How long it stands still.
    pub pause_for: Range<Duration>,
    /// Per sync: it is slow; the node goes on, later effects wait.
    pub slow_sync: f64,
    /// How slow.
    pub slow_for: Range<Duration>,
    /// Per sync: it fails.
    pub bad_sync: f64,
    /// Per node and slot: its disk is full for a slot.
    pub full_disk: f64,
    /// Per operation of a client: the client goes away before its answer.
    pub cancel: f64,
    /// Faults aimed at whoever has a role.
    pub aimed: Vec<Aim<N>>,
    /// At most so many nodes are down, paused or erased at once, counted over the kinds above and
    /// the aimed ones. `usize::MAX` is no limit.
    pub max_down: usize,
    /// At most so many disks are lost in a run.
    pub max_amnesia: usize,
    /// Faults of a kind listed here strike these nodes only. A kind that is not listed strikes all.
    pub only: Vec<(FaultKind, Vec<Addr>)>,
}

/// A fault aimed at whoever has a role: the leader, the lock holder, the coordinator.
pub struct Aim<N: Node> {
    /// What a report calls it: `crash the leader`.
    pub name: &'static str,
    /// Who is struck: the first node, counted from a drawn place, whose view says so.
    pub who: fn(&N::View) -> bool,
    /// With what.
    pub with: Strike,
    /// Per slot.
    pub rate: f64,
}

/// What an [`Aim`] does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strike {
    /// A crash between two handlers.
    Crash,
    /// A crash between two effects of the next handler that has any.
    Cut,
    /// A pause between two handlers.
    Pause,
    /// A pause between two effects of the next handler that has any.
    Stall,
    /// All its links are cut, both ways.
    Isolate,
    /// What it sends is lost; it still hears.
    Mute,
    /// What is sent to it is lost; it still speaks.
    Deafen,
    /// Its next sync is slow.
    SlowSync,
    /// Its wall clock steps.
    Step,
}

impl<N: Node> Clone for Aim<N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<N: Node> Copy for Aim<N> {}

impl<N: Node> Clone for Faults<N> {
    fn clone(&self) -> Self {
        Faults {
            late_by: self.late_by.clone(),
            partition_for: self.partition_for.clone(),
            down_for: self.down_for.clone(),
            wall_by: self.wall_by.clone(),
            pause_for: self.pause_for.clone(),
            slow_for: self.slow_for.clone(),
            aimed: self.aimed.clone(),
            only: self.only.clone(),
            ..*self
        }
    }
}

impl<N: Node> Faults<N> {
    /// No fault at all: a quiet network, machines that never fail.
    pub fn none() -> Self {
        Faults {
            slot: ms(100),
            drop: 0.0,
            duplicate: 0.0,
            late: 0.0,
            late_by: ms(1)..ms(200),
            partition: 0.0,
            partition_for: ms(50)..ms(1000),
            crash: 0.0,
            down_for: ms(10)..ms(1000),
            cut: 0.0,
            amnesia: 0.0,
            wall_step: 0.0,
            wall_by: ms(1)..ms(3_600_000),
            drift: 0.0,
            pause: 0.0,
            stall: 0.0,
            pause_for: ms(10)..ms(1000),
            slow_sync: 0.0,
            slow_for: ms(1)..ms(300),
            bad_sync: 0.0,
            full_disk: 0.0,
            cancel: 0.0,
            aimed: Vec::new(),
            max_down: usize::MAX,
            max_amnesia: usize::MAX,
            only: Vec::new(),
        }
    }

    /// What every network does: losses, copies, late messages and cuts.
    pub fn network() -> Self {
        Faults {
            drop: 0.02,
            duplicate: 0.02,
            late: 0.03,
            partition: 0.04,
            ..Faults::none()
        }
    }

    /// A network and machines that fail, with disks that keep what was synced.
    pub fn all() -> Self {
        Faults {
            crash: 0.01,
            cut: 0.001,
            wall_step: 0.005,
            drift: 0.5,
            pause: 0.01,
            stall: 0.001,
            slow_sync: 0.02,
            bad_sync: 0.001,
            full_disk: 0.001,
            ..Faults::network()
        }
    }

    /// Adds a fault aimed at a role.
    pub fn aim(
        mut self,
        name: &'static str,
        who: fn(&N::View) -> bool,
        with: Strike,
        rate: f64,
    ) -> Self {
        self.aimed.push(Aim {
            name,
            who,
            with,
            rate,
        });
        self
    }

    /// Lets faults of `kind` strike these nodes only.
    pub fn only(mut self, kind: FaultKind, nodes: &[Addr]) -> Self {
        self.only.push((kind, nodes.to_vec()));
        self
    }

    /// True if faults of `kind` may strike `addr`.
    pub fn strikes(&self, kind: FaultKind, addr: Addr) -> bool {
        let listed = self.only.iter().find(|(k, _)| *k == kind);
        listed.is_none_or(|(_, nodes)| nodes.contains(&addr))
    }
}
