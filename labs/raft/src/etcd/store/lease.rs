//! [`Leases`]: which leases there are, and which keys end with them.
//!
//! Architecture invariant: there is no time here. When a lease ends is decided by the leader, which
//! proposes its revocation like any other command; so all members delete its keys at the same
//! revision.

use super::super::api::{Bytes, LeaseId};
use super::super::error::EtcdError;
use std::collections::{BTreeMap, BTreeSet};

/// The longest time to live, in seconds.
pub const MAX_TTL: i64 = 9_000_000_000;
/// The shortest one: below it an election alone would end a lease that is kept alive.
pub const MIN_TTL: i64 = 2;

/// One lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Lease {
    /// Seconds that it lives after it was granted or kept alive.
    pub ttl: i64,
    pub keys: BTreeSet<Bytes>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Leases {
    table: BTreeMap<LeaseId, Lease>,
}

impl Leases {
    pub fn grant(&mut self, id: LeaseId, ttl: i64) -> Result<i64, EtcdError> {
        if id == 0 {
            return Err(EtcdError::LeaseNotFound);
        }
        if ttl > MAX_TTL {
            return Err(EtcdError::LeaseTtlTooLarge);
        }
        if self.contains(id) {
            return Err(EtcdError::LeaseExists);
        }
        let lease = Lease {
            ttl: ttl.max(MIN_TTL),
            keys: BTreeSet::new(),
        };
        let ttl = lease.ttl;
        self.table.insert(id, lease);
        Ok(ttl)
    }

    /// Takes the lease away; its keys are left to the caller, in order.
    pub fn revoke(&mut self, id: LeaseId) -> Result<BTreeSet<Bytes>, EtcdError> {
        let lease = self.table.remove(&id).ok_or(EtcdError::LeaseNotFound)?;
        Ok(lease.keys)
    }

    pub fn contains(&self, id: LeaseId) -> bool {
        self.table.contains_key(&id)
    }

    pub fn get(&self, id: LeaseId) -> Option<&Lease> {
        self.table.get(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (LeaseId, &Lease)> {
        self.table.iter().map(|(id, lease)| (*id, lease))
    }

    pub fn attach(&mut self, id: LeaseId, key: &[u8]) {
        if let Some(lease) = self.table.get_mut(&id) {
            lease.keys.insert(key.into());
        }
    }

    pub fn detach(&mut self, id: LeaseId, key: &[u8]) {
        if let Some(lease) = self.table.get_mut(&id) {
            lease.keys.remove(key);
        }
    }

    /// Puts back a lease from an image.
    pub fn restore(&mut self, id: LeaseId, ttl: i64) {
        self.table.entry(id).or_default().ttl = ttl;
    }
}
