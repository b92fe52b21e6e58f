//! Stage 6: reads that ask nobody, while no other leader can be elected (thesis §6.4.1).

use crate::raft::Raft;
use node::{Ctx, LocalTime};
use std::collections::VecDeque;
use std::time::Duration;

/// Rounds without answers that are remembered; older ones only make the lease shorter.
const MAX_ROUNDS: usize = 256;

/// Until when a leader may answer reads alone.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lease {
    /// Rounds that no quorum has answered yet, and when they were sent.
    rounds: VecDeque<(u64, LocalTime)>,
    until: Option<LocalTime>,
    ended: bool,
}

impl Lease {
    /// A round begins: its messages leave now, or later.
    pub fn began(&mut self, round: u64, now: LocalTime) {
        if self.rounds.len() == MAX_ROUNDS {
            self.rounds.pop_front();
        }
        self.rounds.push_back((round, now));
    }
    /// When the last round up to `round` was sent, if it was not asked before; it and those before
    /// it are forgotten.
    pub fn sent_at(&mut self, round: u64) -> Option<LocalTime> {
        let mut sent = None;
        while let Some((_, at)) = self.rounds.pop_front_if(|(r, _)| *r <= round) {
            sent = Some(at);
        }
        sent
    }
    /// It lasts until then, at least.
    pub fn extend(&mut self, until: LocalTime) {
        self.until = self.until.max(Some(until));
    }
    /// There is none any more in this term.
    pub fn end(&mut self) {
        self.ended = true;
    }
    /// When it ends, if it is held at `now`.
    pub fn until(&self, now: LocalTime) -> Option<LocalTime> {
        self.until.filter(|until| now < *until && !self.ended)
    }
}

impl Raft {
    /// **Task 6.10** (thesis §6.4.1): how long a lease lasts from the moment when its round was
    /// *sent*: ET·(1−ρ)/(1+ρ), with the least election timeout ET and the bound ρ on clocks
    /// (`drift_ppm`, in parts per million).
    ///
    /// A voter that answers heard this leader at that moment or later, and refuses its vote for ET on
    /// its clock, which may be fast; this server measures on its own, which may be slow.
    pub(crate) fn lease_time(cx: &Ctx<'_, Self>) -> Duration {
        todo!("task 6.10")
    }

    /// **Task 6.11** (thesis §6.4.1): a quorum may have answered a round (see
    /// [`Raft::confirm_reads`]): the lease lasts [`Raft::lease_time`] from when that round was sent
    /// ([`Lease::sent_at`], [`Lease::extend`]).
    pub(crate) fn extend_lease(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 6.11")
    }

    /// Whether this leader may answer a read alone, now. Given.
    pub(crate) fn holds_lease(&self, cx: &Ctx<'_, Self>) -> bool {
        self.lease.until(cx.now()).is_some()
    }
}
