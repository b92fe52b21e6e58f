//! [`View`]: what checkers, traces and pages see of a server. Given.

use crate::entry::{Entry, Index, Membership, Term};
use node::{Addr, LocalTime};
use serde::{Serialize, Serializer};

/// A server's part (§5.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize)]
pub enum Role {
    /// Answers.
    #[default]
    Follower,
    /// Asks whether it would win (stage 6).
    PreCandidate,
    /// Stands for election.
    Candidate,
    /// Leads.
    Leader,
}

/// What a server shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct View {
    /// Its part.
    pub role: Role,
    /// The latest term that it has seen.
    pub current_term: Term,
    /// For whom it voted in this term.
    pub voted_for: Option<Addr>,
    /// Who leads in this term, as far as it knows; itself if it leads.
    pub leader_id: Option<Addr>,
    /// The last index that it knows to be committed.
    pub commit_index: Index,
    /// The last index that it told its state machine of; 0 while nobody watches.
    pub last_applied: Index,
    /// The last index in its snapshot; 0 if there is none. The log begins behind it.
    pub snapshot_index: Index,
    /// The term of that entry.
    pub snapshot_term: Term,
    /// The entries behind the snapshot; the first has index `snapshot_index` + 1.
    #[serde(serialize_with = "texts")]
    pub log: Vec<Entry>,
    /// Of a leader, by server, itself included: the last index up to which it knows that server's
    /// log to equal its own, durably. Empty if it does not lead.
    pub match_index: Vec<(Addr, Index)>,
    /// The servers, by the latest entry that says so, committed or not.
    #[serde(serialize_with = "text")]
    pub membership: Membership,
    /// Where that entry stands; 0 if it is the first membership of all.
    pub membership_index: Index,
    /// Until when, on its own clock, a leader answers reads without asking.
    #[serde(serialize_with = "micros")]
    pub lease_until: Option<LocalTime>,
    /// Bytes of a torn record that the last boot dropped from the log's file: for an operator to hear
    /// of.
    pub dropped_bytes: u64,
}

impl AsRef<View> for View {
    fn as_ref(&self) -> &View {
        self
    }
}

impl View {
    /// The last index of the log.
    pub fn last_index(&self) -> Index {
        self.snapshot_index + self.log.len() as u64
    }
    /// The entry at `index`; `None` if the log does not hold it.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        let behind = index.0.checked_sub(self.snapshot_index.0 + 1)?;
        self.log.get(usize::try_from(behind).ok()?)
    }
    /// The entries with their indexes.
    pub fn entries(&self) -> impl Iterator<Item = (Index, &Entry)> {
        let first = self.snapshot_index.next();
        self.log
            .iter()
            .enumerate()
            .map(move |(i, e)| (first + i as u64, e))
    }
    /// The term of the entry at `index`, of the snapshot's last one too; 0 before the first.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.snapshot_index {
            return Some(self.snapshot_term);
        }
        self.entry(index).map(|e| e.term)
    }
    /// True if this server leads.
    pub fn leads(&self) -> bool {
        self.role == Role::Leader
    }
}

fn texts<S: Serializer>(log: &[Entry], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(log.iter().map(|e| format!("{:?} {:?}", e.term, e.payload)))
}

fn text<S: Serializer>(value: &impl std::fmt::Debug, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{value:?}"))
}

/// A `LocalTime` means nothing elsewhere and so cannot be serialised; a trace shows it as a number.
fn micros<S: Serializer>(time: &Option<LocalTime>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.serialize_some(&time.as_micros()),
        None => to.serialize_none(),
    }
}
