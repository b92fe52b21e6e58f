//! What servers send each other: the RPCs of the paper's Figure 2 and Figure 13, each as two
//! messages, and three of the thesis. Given.

use crate::entry::{Entry, Index, Membership, Term};
use serde::{Deserialize, Serialize};

/// A message. Its sender is told by the network, so none carries a candidate's or leader's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    /// A candidate asks for a vote (§5.2).
    RequestVote(RequestVote),
    /// The answer to it.
    Vote(Vote),
    /// Would this server vote for the sender (thesis §9.6)? Changes nothing at its receiver.
    PreVote(RequestVote),
    /// The answer to it.
    PreVoted(Vote),
    /// A leader replicates entries, or says that it still leads (§5.3).
    AppendEntries(AppendEntries),
    /// The answer to it.
    Appended(Appended),
    /// One piece of a leader's snapshot (§7).
    InstallSnapshot(InstallSnapshot),
    /// The answer to it.
    SnapshotTaken(SnapshotTaken),
    /// A leader tells one server to stand for election at once (thesis §3.10).
    TimeoutNow {
        /// The leader's term.
        term: Term,
    },
    /// A leader tells itself, behind a `sync`, that its own log is durable up to `index`: an effect
    /// behind a `sync` happens when the sync is done, and this is the effect.
    Persisted {
        /// The term in which it led.
        term: Term,
        /// The last durable index.
        index: Index,
    },
}

impl Msg {
    /// The term that the message carries.
    ///
    /// Of a [`Msg::PreVote`] it is a term that its sender has not reached, and so it is of a
    /// [`Msg::PreVoted`] that grants.
    pub fn term(&self) -> Term {
        match self {
            Msg::RequestVote(m) | Msg::PreVote(m) => m.term,
            Msg::Vote(m) | Msg::PreVoted(m) => m.term,
            Msg::AppendEntries(m) => m.term,
            Msg::Appended(m) => m.term,
            Msg::InstallSnapshot(m) => m.term,
            Msg::SnapshotTaken(m) => m.term,
            Msg::TimeoutNow { term } | Msg::Persisted { term, .. } => *term,
        }
    }
}

/// Arguments of RequestVote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct RequestVote {
    /// The candidate's term; in a pre-vote the term that it would stand in.
    pub term: Term,
    /// Index of the candidate's last log entry.
    pub last_log_index: Index,
    /// Term of that entry.
    pub last_log_term: Term,
    /// The old leader asked for this election (thesis §3.10), so a voter grants it even if it has
    /// just heard from a leader.
    pub transfer: bool,
}

/// Results of RequestVote.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Vote {
    /// The voter's current term, for the candidate to update itself; in a pre-vote that is granted,
    /// the term that was asked about.
    pub term: Term,
    /// True if the candidate has the vote.
    pub vote_granted: bool,
}

/// Arguments of AppendEntries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AppendEntries {
    /// The leader's term.
    pub term: Term,
    /// Index of the entry right before `entries`.
    pub prev_log_index: Index,
    /// Term of that entry.
    pub prev_log_term: Term,
    /// Entries to store; empty for a heartbeat.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub leader_commit: Index,
    /// The leader's count of rounds: the answer carries it back. A read waits for answers to a
    /// round that began after it; a lease counts from the moment at which its round was sent.
    pub round: u64,
}

/// Results of AppendEntries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Appended {
    /// The follower's current term, for the leader to update itself.
    pub term: Term,
    /// The request's round.
    pub round: u64,
    /// What came of it.
    pub result: AppendResult,
}

/// What came of an AppendEntries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AppendResult {
    /// Success: the follower's log equals the leader's up to here, durably. It is the request's
    /// `prev_log_index` + number of `entries`: no more than that request proves.
    Match(Index),
    /// The follower has no entry at `prev_log_index` with `prev_log_term`.
    Conflict(Conflict),
    /// The request is of a term that has passed.
    OldTerm,
}

/// Where a follower's log differs, for the leader to skip a whole term at once (§5.3, last part).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// The request's `prev_log_index`, to which this answers.
    pub prev_log_index: Index,
    /// The term of the follower's entry there; `None` if its log ends before.
    pub term: Option<Term>,
    /// The first index that the follower stores for that term; without a term, the index behind
    /// its last entry.
    pub first_index: Index,
}

/// Arguments of InstallSnapshot: one chunk of a snapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct InstallSnapshot {
    /// The leader's term.
    pub term: Term,
    /// The snapshot replaces all entries up to here, this one included.
    pub last_included_index: Index,
    /// Term of that entry.
    pub last_included_term: Term,
    /// The servers as of that entry.
    pub membership: Membership,
    /// Where this chunk lies in the image, in bytes.
    pub offset: u64,
    /// The chunk.
    pub data: Vec<u8>,
    /// True if it is the last one.
    pub done: bool,
    /// As in [`AppendEntries::round`].
    pub round: u64,
}

/// Results of InstallSnapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// The follower's current term, for the leader to update itself.
    pub term: Term,
    /// The request's round.
    pub round: u64,
    /// The request's `last_included_index`.
    pub last_included_index: Index,
    /// What came of it.
    pub result: SnapshotResult,
}

/// What came of an InstallSnapshot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum SnapshotResult {
    /// So many bytes of the image are there: the next chunk begins here.
    Received(u64),
    /// The follower has, durably, everything up to `last_included_index`.
    Installed,
    /// The request is of a term that has passed.
    OldTerm,
}
