//! Writes and transactions: all of one or nothing of it.

use super::super::api::{
    Compare, Comparison, DeleteRange, Deleted, KeyRange, KeyValue, Put, Target, Txn, TxnAnswer,
    TxnDone, TxnOp,
};
use super::super::error::EtcdError;
use super::Store;
use std::cmp::Ordering;

impl Store {
    pub(super) fn put(&mut self, put: Put) -> Result<Option<KeyValue>, EtcdError> {
        self.check_put(&put)?;
        Ok(self.do_put(put))
    }

    fn check_put(&self, put: &Put) -> Result<(), EtcdError> {
        if put.lease != 0 && !self.leases.contains(put.lease) {
            return Err(EtcdError::LeaseNotFound);
        }
        if (put.ignore_value || put.ignore_lease) && self.mvcc.get(&put.key).is_none() {
            return Err(EtcdError::KeyNotFound);
        }
        Ok(())
    }

    /// What [`Store::check_put`] let through. Inside a transaction an earlier operation may have
    /// deleted the key after the check; then there is nothing to keep.
    fn do_put(&mut self, put: Put) -> Option<KeyValue> {
        let needs_before = put.prev_kv || put.ignore_value || put.ignore_lease;
        let before = needs_before.then(|| self.mvcc.get(&put.key)).flatten();
        let mut value = put.value.into();
        let mut lease = put.lease;
        if let Some(before) = &before {
            if put.ignore_value {
                value = before.value.clone();
            }
            if put.ignore_lease {
                lease = before.lease;
            }
        }
        let had = self.mvcc.put(&put.key, value, lease);
        if had != lease {
            self.leases.detach(had, &put.key);
            self.leases.attach(lease, &put.key);
        }
        before.filter(|_| put.prev_kv)
    }

    pub(super) fn delete_range(&mut self, delete: &DeleteRange) -> Deleted {
        let now = self.mvcc.reading();
        let mut deleted = Deleted::default();
        let found: Vec<_> = self.mvcc.range(&delete.keys, now).collect();
        let keys: Vec<_> = found.iter().map(|found| found.key.clone()).collect();
        if delete.prev_kv {
            deleted.prev_kvs = found.into_iter().map(|found| found.key_value()).collect();
        }
        deleted.count = keys.len() as i64;
        for key in keys {
            self.delete(&key);
        }
        deleted
    }

    pub(super) fn delete(&mut self, key: &[u8]) {
        if let Some(lease) = self.mvcc.delete(key) {
            self.leases.detach(lease, key);
        }
    }

    /// Decides every branch and checks every operation before the first one is done, so that a
    /// transaction that fails has changed nothing.
    pub(super) fn txn(&mut self, txn: &Txn) -> Result<TxnDone, EtcdError> {
        let plan = self.plan(txn);
        self.check_ops(&plan)?;
        Ok(self.execute(&plan))
    }

    /// Does a transaction that only reads.
    pub fn read_only_txn(&self, txn: &Txn) -> Result<TxnDone, EtcdError> {
        let plan = self.plan(txn);
        self.check_ops(&plan)?;
        let mut done = TxnDone {
            succeeded: plan.succeeded,
            ..TxnDone::default()
        };
        for step in &plan.steps {
            if let Step::Op(TxnOp::Range(range)) = step {
                done.answers.push(TxnAnswer::Range(self.mvcc.query(range)?));
                done.revisions.push(self.mvcc.revision);
            }
        }
        Ok(done)
    }

    fn plan<'t>(&self, txn: &'t Txn) -> Plan<'t> {
        let succeeded = txn.compare.iter().all(|compare| self.holds(compare));
        let ops = if succeeded {
            &txn.success
        } else {
            &txn.failure
        };
        let step = |op: &'t TxnOp| match op {
            TxnOp::Txn(inner) => Step::Txn(self.plan(inner)),
            op => Step::Op(op),
        };
        Plan {
            succeeded,
            steps: ops.iter().map(step).collect(),
        }
    }

    fn check_ops(&self, plan: &Plan<'_>) -> Result<(), EtcdError> {
        plan.steps.iter().try_for_each(|step| match step {
            Step::Op(TxnOp::Range(range)) => self.mvcc.check_revision(range.revision),
            Step::Op(TxnOp::Put(put)) => self.check_put(put),
            Step::Op(_) => Ok(()),
            Step::Txn(inner) => self.check_ops(inner),
        })
    }

    fn execute(&mut self, plan: &Plan<'_>) -> TxnDone {
        let mut done = TxnDone {
            succeeded: plan.succeeded,
            ..TxnDone::default()
        };
        for step in &plan.steps {
            let answer = match step {
                // Its revision has been checked.
                Step::Op(TxnOp::Range(range)) => {
                    TxnAnswer::Range(self.mvcc.query(range).unwrap_or_default())
                }
                Step::Op(TxnOp::Put(put)) => TxnAnswer::Put(self.do_put(put.clone())),
                Step::Op(TxnOp::DeleteRange(delete)) => {
                    TxnAnswer::DeleteRange(self.delete_range(delete))
                }
                Step::Op(TxnOp::Txn(_)) => continue,
                Step::Txn(inner) => TxnAnswer::Txn(self.execute(inner)),
            };
            done.answers.push(answer);
            done.revisions.push(self.mvcc.reading());
        }
        done
    }

    /// Of a range the condition must hold for each key. A key that does not exist has zeros, but
    /// no value: an empty value would be one.
    fn holds(&self, compare: &Compare) -> bool {
        let now = self.mvcc.reading();
        let mut any = false;
        for found in self.mvcc.range(&compare.keys, now) {
            any = true;
            if !holds_for(compare, &found.key_value()) {
                return false;
            }
        }
        let absent = !matches!(compare.target, Target::Value(_));
        any || absent && holds_for(compare, &KeyValue::default())
    }
}

/// A transaction whose branches are decided.
struct Plan<'t> {
    succeeded: bool,
    steps: Vec<Step<'t>>,
}

enum Step<'t> {
    Op(&'t TxnOp),
    Txn(Plan<'t>),
}

fn holds_for(compare: &Compare, kv: &KeyValue) -> bool {
    let order = match &compare.target {
        Target::Version(version) => kv.version.cmp(version),
        Target::Create(revision) => kv.create_revision.cmp(revision),
        Target::Mod(revision) => kv.mod_revision.cmp(revision),
        Target::Value(value) => kv.value.as_ref().cmp(value.as_slice()),
        Target::Lease(lease) => kv.lease.cmp(lease),
    };
    match compare.comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::Less => order == Ordering::Less,
    }
}

/// The operations of one transaction together, nested ones included.
pub const MAX_TXN_OPS: usize = 128;

/// Refuses what no store should see: a request without a key, a key that a transaction changes
/// twice, too many operations.
pub fn check_txn(txn: &Txn) -> Result<(), EtcdError> {
    check_parts(txn, MAX_TXN_OPS)?;
    Changes::of(&txn.success)?;
    Changes::of(&txn.failure)?;
    Ok(())
}

fn check_parts(txn: &Txn, room: usize) -> Result<(), EtcdError> {
    let parts = [txn.compare.len(), txn.success.len(), txn.failure.len()];
    let most = parts.into_iter().max().unwrap_or(0);
    let room = room.checked_sub(most).ok_or(EtcdError::TooManyOps)?;
    if txn
        .compare
        .iter()
        .any(|compare| compare.keys.key.is_empty())
    {
        return Err(EtcdError::EmptyKey);
    }
    let mut ops = txn.success.iter().chain(&txn.failure);
    ops.try_for_each(|op| match op {
        TxnOp::Range(range) => check_key(&range.keys.key),
        TxnOp::Put(put) => check_put(put),
        TxnOp::DeleteRange(delete) => check_key(&delete.keys.key),
        TxnOp::Txn(inner) => check_parts(inner, room),
    })
}

/// Refuses an empty key: it cannot be stored.
pub fn check_key(key: &[u8]) -> Result<(), EtcdError> {
    if key.is_empty() {
        return Err(EtcdError::EmptyKey);
    }
    Ok(())
}

/// Refuses a put that says two things at once.
pub fn check_put(put: &Put) -> Result<(), EtcdError> {
    check_key(&put.key)?;
    if put.ignore_value && !put.value.is_empty() {
        return Err(EtcdError::ValueProvided);
    }
    if put.ignore_lease && put.lease != 0 {
        return Err(EtcdError::LeaseProvided);
    }
    Ok(())
}

/// What a list of operations changes, whichever branches are taken.
#[derive(Default)]
struct Changes<'t> {
    puts: std::collections::BTreeSet<&'t [u8]>,
    deletes: Vec<&'t KeyRange>,
}

impl<'t> Changes<'t> {
    fn of(ops: &'t [TxnOp]) -> Result<Self, EtcdError> {
        let mut all = Changes::default();
        for op in ops {
            if let TxnOp::DeleteRange(delete) = op {
                all.deletes.push(&delete.keys);
            }
        }
        for op in ops {
            if let TxnOp::Txn(inner) = op {
                let mut either = Changes::of(&inner.success)?;
                let other = Changes::of(&inner.failure)?;
                // The two exclude each other, so they may change the same key.
                either.puts.extend(other.puts);
                for key in either.puts {
                    all.add_put(key)?;
                }
                all.deletes.extend(either.deletes);
                all.deletes.extend(other.deletes);
            }
        }
        for op in ops {
            if let TxnOp::Put(put) = op {
                all.add_put(&put.key)?;
            }
        }
        Ok(all)
    }

    fn add_put(&mut self, key: &'t [u8]) -> Result<(), EtcdError> {
        let deleted = self.deletes.iter().any(|keys| keys.contains(key));
        if deleted || !self.puts.insert(key) {
            return Err(EtcdError::DuplicateKey);
        }
        Ok(())
    }
}
