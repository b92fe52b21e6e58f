//! What survives a `kill -9`: each step's changes, written and synced before its replies.
//!
//! A record holds how the names that a step touched stand after it. A lease's end is written as a
//! date, since no monotonic clock survives a restart; read back, a lease lives until that date,
//! but never longer than it had left when it was written. So a wall clock that was set back while
//! the server was down cannot make a lease longer; one that was set forward can end it early.

use super::RespServer;
use crate::names::{Name, Owner, Token};
use crate::server::LockServer;
use crate::table::Lease;
use node::{Ctx, append_record, read_records};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The journal's file.
pub const JOURNAL_FILE: &str = "journal";

/// Up to this size the journal is never written anew.
const COMPACT_FROM: u64 = 8 << 20;
/// Entries in one record when it is.
const ENTRIES_TOGETHER: usize = 1024;

/// How one name stands.
#[derive(Serialize, Deserialize)]
enum Entry {
    Gone(Name),
    Held {
        name: Name,
        owner: Owner,
        token: Token,
        life: Option<Life>,
    },
}

/// How long a lease lasts, in both clocks.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Life {
    left_micros: u64,
    ends_unix_micros: i64,
}

/// The journal of a server that has one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Journal {
    on: bool,
    len: u64,
    /// At this length it is written anew.
    compact_at: u64,
}

impl Journal {
    /// Reads the journal into an empty lock server.
    ///
    /// # Panics
    /// If a record that is not the last one is damaged: no crash does that, so the disk is broken,
    /// and going on without the rest would forget grants.
    pub fn boot(cx: &mut Ctx<'_, RespServer>, lock: &mut LockServer) -> Journal {
        let read = read_records::<_, Vec<Entry>>(&cx.disk(), JOURNAL_FILE);
        if read.bad_len > 0 {
            let tail = cx
                .disk()
                .read_at(JOURNAL_FILE, read.good_len, read.bad_len as usize);
            assert!(
                is_torn(&tail),
                "broken disk: the record at byte {} of file {JOURNAL_FILE:?} is damaged, with more \
                 behind it; restore the file from a copy (or cut it to that length, and lose what \
                 came later)",
                read.good_len
            );
            cx.disk().truncate(JOURNAL_FILE, read.good_len);
            cx.disk().sync(JOURNAL_FILE);
        }
        let (now, wall) = (cx.now(), cx.wall().as_unix_micros());
        for entry in read.records.into_iter().flatten() {
            match entry {
                Entry::Gone(name) => {
                    lock.table.delete(now, &name);
                }
                Entry::Held {
                    name,
                    owner,
                    token,
                    life,
                } => {
                    let left = life.map(|life| {
                        let by_date = life.ends_unix_micros.saturating_sub(wall).max(0) as u64;
                        Duration::from_micros(by_date.min(life.left_micros))
                    });
                    let until = left.map(|left| now + left);
                    lock.table.set(
                        name,
                        Lease {
                            owner,
                            token,
                            until,
                        },
                    );
                }
            }
        }
        Journal {
            on: true,
            len: read.good_len,
            compact_at: COMPACT_FROM.max(2 * read.good_len),
        }
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Makes the present state of these names durable: what comes behind this waits for it.
    pub fn write(&mut self, cx: &mut Ctx<'_, RespServer>, lock: &LockServer, names: &[Name]) {
        let entries: Vec<Entry> = names.iter().map(|name| entry(cx, lock, name)).collect();
        append_record(&mut cx.disk(), JOURNAL_FILE, &entries);
        self.len = cx.disk().len(JOURNAL_FILE).unwrap_or(0);
        if self.len > self.compact_at {
            self.compact(cx, lock);
        }
        cx.disk().sync(JOURNAL_FILE);
    }

    /// Puts the living leases alone in the journal's place. Atomic, as every `replace`.
    fn compact(&mut self, cx: &mut Ctx<'_, RespServer>, lock: &LockServer) {
        let living = lock.table.view(cx.now());
        cx.disk().replace(JOURNAL_FILE, []);
        for some in living.chunks(ENTRIES_TOGETHER) {
            let entries: Vec<Entry> = some.iter().map(|l| entry(cx, lock, &l.name)).collect();
            append_record(&mut cx.disk(), JOURNAL_FILE, &entries);
        }
        self.len = cx.disk().len(JOURNAL_FILE).unwrap_or(0);
        self.compact_at = COMPACT_FROM.max(2 * self.len);
    }
}

fn entry(cx: &Ctx<'_, RespServer>, lock: &LockServer, name: &Name) -> Entry {
    let now = cx.now();
    let Some(lease) = lock.table.get(now, name) else {
        return Entry::Gone(name.clone());
    };
    let life = lease.until.map(|until| {
        let left_micros = u64::try_from((until - now).as_micros()).unwrap_or(u64::MAX);
        let left = i64::try_from(left_micros).unwrap_or(i64::MAX);
        Life {
            left_micros,
            ends_unix_micros: cx.wall().as_unix_micros().saturating_add(left),
        }
    });
    Entry::Held {
        name: name.clone(),
        owner: lease.owner.clone(),
        token: lease.token,
        life,
    }
}

/// Whether these bytes, in which no whole record begins, are what a crash leaves: the beginning of
/// a record that did not reach the disk as a whole, or room that was reserved and never written.
fn is_torn(tail: &[u8]) -> bool {
    let Some((header, body)) = tail.split_at_checked(8) else {
        return true;
    };
    let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    body.len() <= len || tail.iter().all(|byte| *byte == 0)
}
