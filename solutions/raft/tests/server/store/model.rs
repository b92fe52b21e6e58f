//! A list of whole maps, one for each revision: slow, and too simple to be wrong.

use dist_raft::etcd::api::*;
use dist_raft::etcd::command::Command;
use dist_raft::etcd::error::EtcdError;
use dist_raft::etcd::store::Done;
use std::collections::BTreeMap;

type Map = BTreeMap<Vec<u8>, KeyValue>;

/// Every revision's whole content; index 0 is revision 1.
#[derive(Clone)]
pub struct Model {
    history: Vec<Map>,
    pub compacted: Revision,
    leases: BTreeMap<LeaseId, i64>,
}

impl Model {
    pub fn new() -> Self {
        Model {
            history: vec![Map::new()],
            compacted: 0,
            leases: BTreeMap::new(),
        }
    }

    pub fn revision(&self) -> Revision {
        self.history.len() as Revision
    }

    fn now(&self) -> &Map {
        self.history.last().expect("there is a first revision")
    }

    pub fn run(&mut self, command: &Command) -> Result<Done, EtcdError> {
        let mut map = self.now().clone();
        let mut changed = 0;
        let done = match command {
            Command::Put(put) => {
                self.check(put, &map)?;
                Done::Put(self.put(put, &mut map, &mut changed))
            }
            Command::DeleteRange(delete) => {
                Done::DeleteRange(Self::delete(delete, &mut map, &mut changed))
            }
            Command::Txn(txn) => {
                let before = self.clone();
                before.check_txn(txn)?;
                Done::Txn(self.txn(txn, &mut map, &mut changed))
            }
            Command::Compact(at) if *at > self.revision() => return Err(EtcdError::FutureRevision),
            Command::Compact(at) if *at <= self.compacted => return Err(EtcdError::Compacted),
            Command::Compact(at) => {
                self.compacted = *at;
                Done::Done
            }
            Command::LeaseGrant { id, ttl } => {
                if self.leases.contains_key(id) {
                    return Err(EtcdError::LeaseExists);
                }
                self.leases.insert(*id, (*ttl).max(2));
                Done::Granted((*ttl).max(2))
            }
            Command::LeaseRevoke(id) => {
                self.leases.remove(id).ok_or(EtcdError::LeaseNotFound)?;
                let held = map.values().filter(|kv| kv.lease == *id).count();
                changed += held;
                map.retain(|_, kv| kv.lease != *id);
                Done::Done
            }
            _ => Done::Done,
        };
        if changed > 0 {
            self.history.push(map);
        }
        Ok(done)
    }

    fn check(&self, put: &Put, map: &Map) -> Result<(), EtcdError> {
        if put.lease != 0 && !self.leases.contains_key(&put.lease) {
            return Err(EtcdError::LeaseNotFound);
        }
        if (put.ignore_value || put.ignore_lease) && !map.contains_key(&put.key) {
            return Err(EtcdError::KeyNotFound);
        }
        Ok(())
    }

    fn put(&self, put: &Put, map: &mut Map, changed: &mut usize) -> Option<KeyValue> {
        *changed += 1;
        let before = map.get(&put.key).cloned();
        let next = self.revision() + 1;
        let mut kv = KeyValue {
            key: put.key.as_slice().into(),
            create_revision: before.as_ref().map_or(next, |b| b.create_revision),
            mod_revision: next,
            version: before.as_ref().map_or(0, |b| b.version) + 1,
            value: put.value.as_slice().into(),
            lease: put.lease,
        };
        if put.ignore_value {
            kv.value = before.as_ref().map(|b| b.value.clone()).unwrap_or_default();
        }
        if put.ignore_lease {
            kv.lease = before.as_ref().map_or(0, |b| b.lease);
        }
        map.insert(put.key.clone(), kv);
        before.filter(|_| put.prev_kv)
    }

    fn delete(delete: &DeleteRange, map: &mut Map, changed: &mut usize) -> Deleted {
        let within = |kv: &&KeyValue| delete.keys.contains(&kv.key);
        let gone: Vec<_> = map.values().filter(within).cloned().collect();
        *changed += gone.len();
        map.retain(|key, _| !delete.keys.contains(key));
        Deleted {
            count: gone.len() as i64,
            prev_kvs: if delete.prev_kv { gone } else { Vec::new() },
        }
    }

    fn branch<'t>(&self, txn: &'t Txn) -> (bool, &'t [TxnOp]) {
        let holds = |compare: &Compare| {
            let kvs: Vec<_> = self.now().values().collect();
            let mut kvs: Vec<KeyValue> = kvs
                .into_iter()
                .filter(|kv| compare.keys.contains(&kv.key))
                .cloned()
                .collect();
            if kvs.is_empty() {
                if matches!(compare.target, Target::Value(_)) {
                    return false;
                }
                kvs.push(KeyValue::default());
            }
            kvs.iter().all(|kv| {
                let order = match &compare.target {
                    Target::Version(n) => kv.version.cmp(n),
                    Target::Create(n) => kv.create_revision.cmp(n),
                    Target::Mod(n) => kv.mod_revision.cmp(n),
                    Target::Lease(n) => kv.lease.cmp(n),
                    Target::Value(v) => kv.value.to_vec().cmp(v),
                };
                match compare.comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::Less => order.is_lt(),
                    Comparison::NotEqual => order.is_ne(),
                }
            })
        };
        if txn.compare.iter().all(holds) {
            (true, &txn.success)
        } else {
            (false, &txn.failure)
        }
    }

    fn check_txn(&self, txn: &Txn) -> Result<(), EtcdError> {
        for op in self.branch(txn).1 {
            match op {
                TxnOp::Range(range) => self.check_revision(range.revision)?,
                TxnOp::Put(put) => self.check(put, self.now())?,
                TxnOp::DeleteRange(_) => {}
                TxnOp::Txn(inner) => self.check_txn(inner)?,
            }
        }
        Ok(())
    }

    fn txn(&self, txn: &Txn, map: &mut Map, changed: &mut usize) -> TxnDone {
        let (succeeded, ops) = self.branch(txn);
        let mut done = TxnDone {
            succeeded,
            ..TxnDone::default()
        };
        for op in ops {
            let answer = match op {
                TxnOp::Range(range) => {
                    let map = match range.revision {
                        0 => &*map,
                        at if at > self.revision() => &*map,
                        at => &self.history[at as usize - 1],
                    };
                    TxnAnswer::Range(Self::read(range, map))
                }
                TxnOp::Put(put) => TxnAnswer::Put(self.put(put, map, changed)),
                TxnOp::DeleteRange(delete) => {
                    TxnAnswer::DeleteRange(Self::delete(delete, map, changed))
                }
                TxnOp::Txn(inner) => TxnAnswer::Txn(self.txn(inner, map, changed)),
            };
            done.answers.push(answer);
            let open = Revision::from(*changed > 0);
            done.revisions.push(self.revision() + open);
        }
        done
    }

    fn check_revision(&self, at: Revision) -> Result<(), EtcdError> {
        match at {
            at if at > self.revision() => Err(EtcdError::FutureRevision),
            at if at > 0 && at < self.compacted => Err(EtcdError::Compacted),
            _ => Ok(()),
        }
    }

    pub fn range(&self, range: &Range) -> Result<Ranged, EtcdError> {
        self.check_revision(range.revision)?;
        Ok(match range.revision {
            at if at > 0 => Self::read(range, &self.history[at as usize - 1]),
            _ => Self::read(range, self.now()),
        })
    }

    fn read(range: &Range, map: &Map) -> Ranged {
        let within = |kv: &&KeyValue| range.keys.contains(&kv.key);
        let mut kvs: Vec<KeyValue> = map.values().filter(within).cloned().collect();
        let count = kvs.len() as i64;
        if range.count_only {
            kvs.clear();
        }
        let min = |bound: i64, n: i64| bound == 0 || n >= bound;
        let max = |bound: i64, n: i64| bound == 0 || n <= bound;
        kvs.retain(|kv| {
            min(range.min_mod_revision, kv.mod_revision)
                && max(range.max_mod_revision, kv.mod_revision)
                && min(range.min_create_revision, kv.create_revision)
                && max(range.max_create_revision, kv.create_revision)
        });
        // Stable either way, so that keys which are equal in the target stay in one order.
        let by = |a: &KeyValue, b: &KeyValue| match range.sort_target {
            SortTarget::Key => a.key.cmp(&b.key),
            SortTarget::Version => a.version.cmp(&b.version),
            SortTarget::Create => a.create_revision.cmp(&b.create_revision),
            SortTarget::Mod => a.mod_revision.cmp(&b.mod_revision),
            SortTarget::Value => a.value.cmp(&b.value),
        };
        if range.sort_order == SortOrder::Descend {
            kvs.sort_by(|a, b| by(b, a));
        } else {
            kvs.sort_by(by);
        }
        let limit = if range.limit == 0 {
            kvs.len()
        } else {
            range.limit as usize
        };
        let more = kvs.len() > limit;
        kvs.truncate(limit);
        if range.keys_only {
            for kv in &mut kvs {
                kv.value = Bytes::default();
            }
        }
        Ranged { kvs, more, count }
    }

    /// The changes between neighbouring revisions.
    pub fn events(
        &self,
        keys: &KeyRange,
        from: Revision,
    ) -> Vec<(bool, KeyValue, Option<KeyValue>)> {
        let mut events = Vec::new();
        for at in from.max(2)..=self.revision() {
            let (before, after) = (
                &self.history[at as usize - 2],
                &self.history[at as usize - 1],
            );
            for (key, kv) in after {
                if keys.contains(key) && kv.mod_revision == at {
                    events.push((false, kv.clone(), before.get(key).cloned()));
                }
            }
            for (key, kv) in before {
                if keys.contains(key) && !after.contains_key(key) {
                    let gone = KeyValue {
                        key: key.as_slice().into(),
                        mod_revision: at,
                        ..KeyValue::default()
                    };
                    events.push((true, gone, Some(kv.clone())));
                }
            }
        }
        events
    }
}
