//! The lab's invariants, each a small checker. They look at `View`s, messages and answers only, so
//! that a right Raft with other insides passes, alone or within a state machine.

mod content;
mod durable_vote;
mod election_safety;
mod exactly_once;
mod fresh_reads;
mod leader_append_only;
mod leader_completeness;
mod linearizable;
mod log_matching;
mod match_index;
mod monotonic;
mod progress;
mod stable_leader;
mod state_machine_safety;
mod usable_configs;

pub use content::Content;
pub use durable_vote::DurableVote;
pub use election_safety::ElectionSafety;
pub use exactly_once::ExactlyOnce;
pub use fresh_reads::FreshReads;
pub use leader_append_only::LeaderAppendOnly;
pub use leader_completeness::LeaderCompleteness;
pub use linearizable::Linearizable;
pub use log_matching::LogMatching;
pub use match_index::MatchIndex;
pub use monotonic::Monotonic;
pub use progress::Progress;
pub use stable_leader::StableLeader;
pub use state_machine_safety::{StateMachineSafety, Told};
pub use usable_configs::UsableConfigs;

use dist_raft::{AppendResult, Appended, Index, Msg, SnapshotResult, SnapshotTaken, Term, View};
use node::{Addr, Node};
use sim::{Event, Step};

/// What must never break, whatever happens (G-I1 to G-I7).
pub type Safety = (
    (ElectionSafety, LeaderAppendOnly, LogMatching),
    (LeaderCompleteness, StateMachineSafety),
    (Monotonic, MatchIndex, DurableVote),
);

/// The view of the node where something has just happened to its state; `None` for what tells of
/// nothing new there (a message that left, an answer) or if it shows no view.
pub fn changed<'a, N>(step: &Step<'a, N>) -> Option<&'a View>
where
    N: Node<View: AsRef<View>>,
{
    match step.event {
        Event::Sent { .. } | Event::Ret { .. } | Event::Network | Event::Clock => None,
        _ => step.stepped().map(AsRef::as_ref),
    }
}

/// All views that are shown now.
pub fn views<'a, N>(step: &Step<'a, N>) -> impl Iterator<Item = (Addr, &'a View)> + use<'a, N>
where
    N: Node<View: AsRef<View>>,
{
    step.views().map(|(addr, view)| (addr, view.as_ref()))
}

/// A message that has just left its node. Only for checkers that watch messages.
pub fn sent<'a, N: Node<Msg = Msg>>(step: &Step<'a, N>) -> Option<(Addr, &'a Msg)> {
    match step.event {
        Event::Sent { to, msg } => Some((to, msg)),
        _ => None,
    }
}

/// A message that a node has just handled. Only for checkers that watch messages.
pub fn handled<'a, N: Node<Msg = Msg>>(step: &Step<'a, N>) -> Option<(Addr, &'a Msg)> {
    match step.event {
        Event::Message { from, msg: Some(msg) } => Some((from, msg)),
        _ => None,
    }
}

/// The term of a message that only a leader sends.
pub fn leaders_term(msg: &Msg) -> Option<Term> {
    match msg {
        Msg::AppendEntries(m) => Some(m.term),
        Msg::InstallSnapshot(m) => Some(m.term),
        Msg::TimeoutNow { term } => Some(*term),
        _ => None,
    }
}

/// The index up to which an answer says that its sender's log equals the leader's, and the term.
pub fn acknowledged(msg: &Msg) -> Option<(Term, Index)> {
    match msg {
        Msg::Appended(Appended { term, result: AppendResult::Match(index), .. }) => {
            Some((*term, *index))
        }
        Msg::SnapshotTaken(SnapshotTaken {
            term,
            last_included_index,
            result: SnapshotResult::Installed,
            ..
        }) => Some((*term, *last_included_index)),
        _ => None,
    }
}
