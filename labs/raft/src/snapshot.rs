//! Stage 5: the log is cut short, and a server that is far behind is sent an image (§7).

use crate::entry::{Command, Index, Membership, Term};
use crate::log::Log;
use crate::message::{InstallSnapshot, Msg, SnapshotResult, SnapshotTaken};
use crate::raft::Raft;
use crate::storage::LOG_FILE;
use crate::view::Role;
use node::{Addr, Ctx, load, record, save};
use serde::{Deserialize, Serialize};

/// The file with the snapshot.
pub const SNAPSHOT_FILE: &str = "snapshot";

/// The state after some entry. The label belongs to the content: index and term are those of the
/// last entry in the image, and the membership is the one that was in force there.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// `lastIncludedIndex`.
    pub index: Index,
    /// `lastIncludedTerm`.
    pub term: Term,
    /// The servers as of that entry.
    pub membership: Membership,
    /// The state machine's image.
    pub image: Command,
}

/// A snapshot on its way to a follower.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sending {
    /// Which. A newer one does not take its place half-way.
    pub snapshot: Snapshot,
    /// The follower has so many bytes of its image.
    pub offset: u64,
}

impl Sending {
    /// From the start.
    pub fn new(snapshot: Snapshot) -> Self {
        Sending {
            snapshot,
            offset: 0,
        }
    }
}

/// A snapshot on its way from a leader.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Incoming {
    /// The leader's term.
    pub term: Term,
    /// The snapshot's `lastIncludedIndex`.
    pub last_included_index: Index,
    /// The image's first bytes.
    pub bytes: Vec<u8>,
}

impl Raft {
    /// **Task 5.1** (§7): the state machine has given its image at `index`, which it has applied and
    /// which is behind the present snapshot: that is the snapshot now, and the log begins behind it.
    ///
    /// The label is the term and the membership *at that index* ([`Log::term_at`],
    /// [`crate::membership::History::at`]), not at the end of the log. What follows `index` stays.
    /// Then [`Raft::save_snapshot`].
    pub(crate) fn compact(&mut self, cx: &mut Ctx<'_, Self>, index: Index, image: Command) {
        todo!("task 5.1")
    }

    /// **Task 5.2** (§7): makes the snapshot durable, then the log that now stands behind it; nothing
    /// if there is no disk (`durable`).
    ///
    /// [`node::save`] the field [`Raft::snapshot`], an `Option` as it is, to [`SNAPSHOT_FILE`] and
    /// `sync` it *before* you `replace`
    /// [`LOG_FILE`] by what is left of the log ([`Raft::log_records`]) and `sync` that: a crash
    /// between the two must not find entries in neither.
    pub(crate) fn save_snapshot(&self, cx: &mut Ctx<'_, Self>) {
        todo!("task 5.2")
    }

    /// **Task 5.3** (Figure 13, 2 to 4): takes one chunk of a leader's snapshot. Returns the whole
    /// image with the last one, otherwise how many bytes of it are there now.
    ///
    /// Chunks of one snapshot of one term belong together ([`Incoming`]); with any chunk of another
    /// one what came so far is forgotten. A chunk is taken only if it goes on where the bytes
    /// end; a doubled or an overtaking one changes nothing. When the image is whole, [`Raft::incoming`]
    /// is empty again.
    pub(crate) fn take_chunk(&mut self, request: &InstallSnapshot) -> Result<Command, u64> {
        todo!("task 5.3")
    }

    /// **Task 5.4** (Figure 13, 5 to 8): a chunk from the leader of the current term. Returns the
    /// answer's result.
    ///
    /// A snapshot that holds nothing new, because this server has committed as far, is
    /// `Installed` without being looked at: to take it would turn time back. If the log has the
    /// snapshot's last entry, with its term, everything up to it is equal: it is committed (the
    /// commit index never falls), the log stays as it is, and that is `Installed` too. Otherwise the chunk is taken ([`Raft::take_chunk`]),
    /// and a whole image installed ([`Raft::install`]).
    pub(crate) fn on_install_snapshot(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        request: InstallSnapshot,
    ) -> SnapshotResult {
        todo!("task 5.4")
    }

    /// **Task 5.5** (Figure 13, 7 and 8): a leader's snapshot takes the place of the whole log and of
    /// the state: an empty log behind it ([`Log::behind`]), its membership and no other
    /// ([`crate::membership::History::behind`]), everything in it committed. It is saved
    /// ([`Raft::save_snapshot`]), and the state machine is told ([`Raft::tell_snapshot`]).
    pub(crate) fn install(&mut self, cx: &mut Ctx<'_, Self>, snapshot: Snapshot) {
        todo!("task 5.5")
    }

    /// The records of the whole log: what [`LOG_FILE`] holds after a compaction. Given.
    pub(crate) fn log_records(&self) -> Vec<u8> {
        let first = self.log.first_index();
        let entries = self.log.entries().iter().enumerate();
        entries
            .flat_map(|(i, entry)| record(&(first + i as u64, entry)))
            .collect()
    }

    /// After a crash: the snapshot on the disk. Given.
    pub(crate) fn recover_snapshot(&mut self, cx: &mut Ctx<'_, Self>) {
        let saved: Option<Option<Snapshot>> = load(&cx.disk(), SNAPSHOT_FILE);
        let Some(snapshot) = saved.flatten() else {
            return;
        };
        self.log = Log::behind(snapshot.index, snapshot.term);
        self.history
            .behind(snapshot.index, snapshot.membership.clone());
        self.commit_index = snapshot.index;
        self.snapshot = Some(snapshot);
    }

    /// A chunk from a leader, of whatever term. Given.
    pub(crate) fn take_install_snapshot(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        from: Addr,
        request: InstallSnapshot,
    ) {
        let (round, last_included_index) = (request.round, request.last_included_index);
        let result = if request.term < self.current_term {
            SnapshotResult::OldTerm
        } else {
            self.hear_leader(cx, from);
            self.on_install_snapshot(cx, request)
        };
        let answer = SnapshotTaken {
            term: self.current_term,
            round,
            last_included_index,
            result,
        };
        cx.send(from, Msg::SnapshotTaken(answer));
    }

    /// A follower has answered a chunk. Given.
    pub(crate) fn on_snapshot_taken(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        from: Addr,
        answer: SnapshotTaken,
    ) {
        let ours = self.role == Role::Leader && answer.term == self.current_term;
        if !ours || answer.result == SnapshotResult::OldTerm {
            return;
        }
        let Some(progress) = self.progress.get_mut(&from) else {
            return;
        };
        progress.answered(answer.round);
        let before = self.commit_index;
        let index = answer.last_included_index;
        match answer.result {
            SnapshotResult::Installed => {
                progress.match_index = progress.match_index.max(index);
                progress.arrived(index);
                self.advance_commit();
            }
            SnapshotResult::Received(bytes) => {
                // A doubled answer must not double the stream of chunks.
                let moves = |s: &&mut Sending| s.snapshot.index == index && s.offset != bytes;
                if let Some(sending) = progress.sending().filter(moves) {
                    sending.offset = bytes;
                    self.send_chunk(cx, from);
                }
            }
            SnapshotResult::OldTerm => {}
        }
        self.heard_follower(cx, from, before);
    }

    /// Sends `to` the next chunk of the snapshot that is on its way there. Given.
    pub(crate) fn send_chunk(&mut self, cx: &mut Ctx<'_, Self>, to: Addr) {
        let Some(sending) = self.progress.get_mut(&to).and_then(|p| p.sending()) else {
            return;
        };
        let image = sending.snapshot.image.bytes();
        let from = usize::try_from(sending.offset).map_or(image.len(), |o| o.min(image.len()));
        let until = from
            .saturating_add(cx.cfg().chunk_bytes.max(1))
            .min(image.len());
        let request = InstallSnapshot {
            term: self.current_term,
            last_included_index: sending.snapshot.index,
            last_included_term: sending.snapshot.term,
            membership: sending.snapshot.membership.clone(),
            offset: from as u64,
            data: image[from..until].to_vec(),
            done: until == image.len(),
            round: self.round,
        };
        cx.send(to, Msg::InstallSnapshot(request));
    }
}
