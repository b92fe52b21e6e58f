//! Stage 3: what survives a crash: term and vote, and the log as a write-ahead log.

use crate::entry::{Entry, Index, Term};
use crate::log::Log;
use crate::raft::Raft;
use crate::view::Role;
use node::{Addr, Ctx, append_record, load, read_records, save};

/// The file with the current term and the vote in it: one value, so that no crash parts them.
pub const VOTE_FILE: &str = "vote";
/// The write-ahead log: a record for each entry that was ever stored since the last snapshot, in the
/// order of storing. A record `(index, entry)` also says that nothing stands behind `index` any more.
pub const LOG_FILE: &str = "log";

impl Raft {
    /// **Task 3.1** (Figure 2, "persistent state"): makes current term and vote durable.
    ///
    /// [`node::save`] the pair to [`VOTE_FILE`] and `sync` it: what the caller sends afterwards
    /// leaves when both are on the disk.
    pub(crate) fn save_vote(&self, cx: &mut Ctx<'_, Self>) {
        todo!("task 3.1")
    }

    /// **Task 3.2**: makes the entries from `first` on durable: a record `(index, entry)` for each
    /// ([`node::append_record`]) at the end of [`LOG_FILE`], then one `sync`.
    pub(crate) fn save_entries(&self, cx: &mut Ctx<'_, Self>, first: Index) {
        todo!("task 3.2")
    }

    /// **Task 3.3** (thesis §10.2.1): the leader has put the entry at `index`, the last one, into its
    /// log: sends it to the others ([`Raft::replicate`]), saves it ([`Raft::save_entries`]), and then
    /// counts its own copy ([`Raft::count_own_copy`]).
    ///
    /// The order matters, for speed in one place and for safety in another: what stands behind a
    /// `sync` waits for the disk.
    pub(crate) fn replicate_and_save(&mut self, cx: &mut Ctx<'_, Self>, index: Index) {
        todo!("task 3.3")
    }

    /// **Task 3.4**: the disk has synced this leader's log up to `index`, as far as it was when it
    /// led `term`. If that is still so, the copy counts: [`Raft::own_copy_counts`].
    pub(crate) fn on_persisted(&mut self, cx: &mut Ctx<'_, Self>, term: Term, index: Index) {
        todo!("task 3.4")
    }

    /// **Task 3.5**: after a crash: the term and the vote that [`Raft::save_vote`] saved
    /// ([`node::load`]). Without the file, term 0 and no vote.
    pub(crate) fn recover_vote(&mut self, cx: &mut Ctx<'_, Self>) {
        todo!("task 3.5")
    }

    /// **Task 3.6**: after a crash: the entries in [`LOG_FILE`] ([`node::read_records`]), each at its
    /// index; a later record takes the place of an earlier one at its index and of all behind that.
    ///
    /// A last record that is torn was never acknowledged: leave a note in the trace (`cx.note`) that
    /// says how many bytes are dropped, `truncate` the file to `good_len` and `sync` it. A damaged
    /// record (`damaged`) was acknowledged perhaps: `panic!` with the file's name and what an
    /// operator should do.
    ///
    /// Use [`Log::put`]. The first record need not be the entry 1: a snapshot may hold what is before.
    /// So the log begins as [`Log::behind`] the index before that record, and term 0; the caller puts
    /// the snapshot's term in.
    pub(crate) fn recover_log(cx: &mut Ctx<'_, Self>) -> Log {
        todo!("task 3.6")
    }

    /// Reads the disk at boot. Given.
    pub(crate) fn boot_from_disk(&mut self, cx: &mut Ctx<'_, Self>) {
        self.recover_vote(cx);
        self.recover_snapshot(cx);
        let written = cx.disk().len(LOG_FILE).unwrap_or(0);
        let mut log = Raft::recover_log(cx);
        self.dropped_bytes = written.saturating_sub(cx.disk().len(LOG_FILE).unwrap_or(0));
        // Only from here on is what was read known to be on the disk and not just in a cache.
        cx.disk().sync(LOG_FILE);
        cx.disk().sync(VOTE_FILE);
        let (index, term) = (self.log.snapshot_index(), self.log.snapshot_term());
        if log.first_index() > index.next() {
            panic!(
                "broken disk: file {LOG_FILE:?} begins at entry {}, and the snapshot ends at {index}: restore \
                 this server's folder from a copy, or remove the server from the cluster and add a new one",
                log.first_index()
            );
        }
        // A crash between the two files leaves the log as it was before the snapshot. If the two do
        // not meet, the snapshot had taken the place of all of it.
        if log.snapshot_index() == index || log.term_at(index) == Some(term) {
            log.compact(index, term);
            let entries = log.entries().to_vec();
            for entry in entries {
                self.push_entry(entry);
            }
        } else {
            cx.disk().replace(LOG_FILE, []);
            cx.disk().sync(LOG_FILE);
        }
    }
}
