//! Reads: which keys, as of when, in what order, how many.

use super::super::api::{KeyValue, Range, Ranged, Revision, SortOrder, SortTarget};
use super::super::error::EtcdError;
use super::mvcc::{Found, Mvcc};
use std::cmp::Ordering;

impl Mvcc {
    /// Whether a read at `revision` can be answered.
    pub fn check_revision(&self, revision: Revision) -> Result<(), EtcdError> {
        if revision > self.reading() {
            Err(EtcdError::FutureRevision)
        } else if revision > 0 && revision < self.compacted {
            Err(EtcdError::Compacted)
        } else {
            Ok(())
        }
    }

    /// Answers a read.
    pub fn query(&self, range: &Range) -> Result<Ranged, EtcdError> {
        self.check_revision(range.revision)?;
        let at = match range.revision {
            at if at > 0 => at,
            _ => self.reading(),
        };
        let mut answer = Ranged::default();
        if range.count_only {
            answer.count = self.range(&range.keys, at).count() as i64;
            return Ok(answer);
        }
        let limit = usize::try_from(range.limit).unwrap_or(0);
        let order = order(range);
        let mut found = Vec::new();
        for next in self.range(&range.keys, at) {
            answer.count += 1;
            if !passes(range, next) {
                continue;
            }
            // One more than asked for tells that there is more; the rest is only counted.
            if order.is_some() || limit == 0 || found.len() <= limit {
                found.push(next);
            }
        }
        if let Some(descend) = order {
            let by = |a: &Found<'_>, b: &Found<'_>| compare(range.sort_target, *a, *b);
            found.sort_by(|a, b| if descend { by(b, a) } else { by(a, b) });
        }
        if limit > 0 && found.len() > limit {
            answer.more = true;
            found.truncate(limit);
        }
        answer.kvs = found.into_iter().map(Found::key_value).collect();
        if range.keys_only {
            for kv in &mut answer.kvs {
                kv.value = KeyValue::default().value;
            }
        }
        Ok(answer)
    }
}

/// `None`: as the keys stand. Otherwise whether it falls.
fn order(range: &Range) -> Option<bool> {
    match (range.sort_target, range.sort_order) {
        (SortTarget::Key, SortOrder::None | SortOrder::Ascend) => None,
        (_, SortOrder::None | SortOrder::Ascend) => Some(false),
        (_, SortOrder::Descend) => Some(true),
    }
}

fn passes(range: &Range, found: Found<'_>) -> bool {
    let above = |min: Revision, revision: Revision| min == 0 || revision >= min;
    let below = |max: Revision, revision: Revision| max == 0 || revision <= max;
    let (create, changed) = (found.version.create, found.version.revision);
    above(range.min_mod_revision, changed)
        && below(range.max_mod_revision, changed)
        && above(range.min_create_revision, create)
        && below(range.max_create_revision, create)
}

fn compare(target: SortTarget, a: Found<'_>, b: Found<'_>) -> Ordering {
    match target {
        SortTarget::Key => a.key.cmp(b.key),
        SortTarget::Version => a.version.version.cmp(&b.version.version),
        SortTarget::Create => a.version.create.cmp(&b.version.create),
        SortTarget::Mod => a.version.revision.cmp(&b.version.revision),
        SortTarget::Value => a.version.value.cmp(&b.version.value),
    }
}
