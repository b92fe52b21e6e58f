//! Stage 1: who holds what, and until when. Pure: the time comes in as an argument.

use crate::message::{Proof, TimeLeft};
use crate::names::{Name, Owner, Token};
use crate::view::LeaseView;
use node::LocalTime;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

/// One grant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    /// Whose it is.
    pub owner: Owner,
    /// Its number; [`Token::NONE`] without fencing.
    pub token: Token,
    /// From this moment on it has ended; `None` never ends.
    pub until: Option<LocalTime>,
}

impl Lease {
    /// Whether it has not ended yet.
    pub fn lives(&self, now: LocalTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether this is the grant that `proof` speaks of.
    pub fn is_of(&self, proof: &Proof) -> bool {
        match proof {
            Proof::Owner(owner) => self.owner == *owner,
            Proof::Token(token) => self.token == *token && self.token != Token::NONE,
        }
    }
}

/// The table of a lock server. Each method is one atomic step at the moment `now` of the server's
/// monotonic clock. A lease that has ended is absent, whether or not it is still stored.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct LockTable {
    leases: BTreeMap<Name, Lease>,
    /// Where the next [`LockTable::sweep`] begins.
    swept: Option<Name>,
}

/// Below this size nothing is swept.
const SWEEP_FROM: usize = 64;

impl LockTable {
    /// **Task 1.1** (expired is absent): the lease that stands under `name` at the moment `now`.
    ///
    /// `None` if there is none, or if the one that is stored has ended ([`Lease::lives`]). All
    /// other methods look a lease up here, so that none of them can see one that has ended.
    pub fn get(&self, now: LocalTime, name: &Name) -> Option<&Lease> {
        self.leases.get(name).filter(|lease| lease.lives(now))
    }

    /// **Task 1.2** (take it in one step): grants `name` to `owner` if nothing lives there.
    ///
    /// The new lease carries `token` and ends `ttl` after `now` (`None`: never). Owner and end are
    /// stored in the same step as the test, so that no crash leaves a lock without an end.
    /// Returns whether the grant was made; if not, the table is as before.
    pub fn set_if_absent(
        &mut self,
        now: LocalTime,
        name: &Name,
        owner: &Owner,
        token: Token,
        ttl: Option<Duration>,
    ) -> bool {
        if self.get(now, name).is_some() {
            return false;
        }
        let lease = Lease {
            owner: owner.clone(),
            token,
            until: ttl.map(|ttl| now + ttl),
        };
        self.leases.insert(name.clone(), lease);
        true
    }

    /// **Task 1.3** (who may delete?): ends the lease under `name` if it is the one that `proof`
    /// speaks of ([`Lease::is_of`]).
    ///
    /// The comparison and the removal are one step. Returns whether a living lease was removed;
    /// the lease of another owner stays exactly as it is.
    pub fn release(&mut self, now: LocalTime, name: &Name, proof: &Proof) -> bool {
        let ours = self.get(now, name).is_some_and(|lease| lease.is_of(proof));
        if ours {
            self.leases.remove(name);
        }
        ours
    }

    /// **Task 1.4** (renew only your own): makes the lease under `name` end `ttl` after `now`, if
    /// it lives and is the one that `proof` speaks of ([`Lease::is_of`]).
    ///
    /// Returns whether it did. A lease that has ended is not brought back, and the lease of
    /// another owner stays exactly as it is.
    pub fn renew(&mut self, now: LocalTime, name: &Name, proof: &Proof, ttl: Duration) -> bool {
        match self.leases.get_mut(name) {
            Some(lease) if lease.lives(now) && lease.is_of(proof) => {
                lease.until = Some(now + ttl);
                true
            }
            _ => false,
        }
    }

    /// Puts a lease there, whatever stood there before (Redis: `SET`).
    pub fn set(&mut self, name: Name, lease: Lease) {
        self.leases.insert(name, lease);
    }

    /// Removes whatever stands there (Redis: `DEL`). Returns whether something living did.
    pub fn delete(&mut self, now: LocalTime, name: &Name) -> bool {
        self.leases
            .remove(name)
            .is_some_and(|lease| lease.lives(now))
    }

    /// A new end for whatever lives there (Redis: `PEXPIRE`, `PERSIST`). Returns whether
    /// something does.
    pub fn expire(&mut self, now: LocalTime, name: &Name, ttl: Option<Duration>) -> bool {
        match self.leases.get_mut(name) {
            Some(lease) if lease.lives(now) => {
                lease.until = ttl.map(|ttl| now + ttl);
                true
            }
            _ => false,
        }
    }

    /// How long the lease under `name` still lives (Redis: `PTTL`).
    pub fn time_left(&self, now: LocalTime, name: &Name) -> TimeLeft {
        match self.get(now, name) {
            None => TimeLeft::Absent,
            Some(Lease { until: None, .. }) => TimeLeft::Forever,
            Some(Lease {
                until: Some(until), ..
            }) => TimeLeft::Left(*until - now),
        }
    }

    /// Forgets leases that have ended, at most two of them, so that names that nobody asks for
    /// again do not stay in memory. Called with each change, it keeps up with any load.
    pub fn sweep(&mut self, now: LocalTime) {
        if self.leases.len() < SWEEP_FROM {
            return;
        }
        let from = self.swept.take().map_or(Unbounded, Excluded);
        let next: Vec<Name> = self
            .leases
            .range((from, Unbounded))
            .take(2)
            .map(|(name, _)| name.clone())
            .collect();
        for name in &next {
            if !self.leases[name].lives(now) {
                self.leases.remove(name);
            }
        }
        self.swept = next.into_iter().last();
    }

    /// How many leases are stored, ended ones included.
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// The living leases, for checkers and traces.
    pub fn view(&self, now: LocalTime) -> Vec<LeaseView> {
        let living = self.leases.iter().filter(|(_, lease)| lease.lives(now));
        living
            .map(|(name, lease)| LeaseView {
                name: name.clone(),
                owner: lease.owner.clone(),
                token: lease.token,
                until: lease.until,
            })
            .collect()
    }
}
