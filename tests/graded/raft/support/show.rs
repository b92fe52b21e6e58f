//! How traces show the Raft lab.

use dist_raft::{
    AppendResult, Appended, Entry, Msg, Op, Raft, Ret, SnapshotResult, Term, Timer, View,
};
use sim::trace::Class;
use sim::{BandLabel, Label, Show};

/// Labels of a [`Raft`] alone.
pub fn show() -> Show<Raft> {
    Show { msg, op, ret, timer, bands, dull }
}

fn label(text: impl Into<String>, class: Class) -> Label {
    let text = text.into();
    Label { text, class }
}

/// A message.
pub fn msg(msg: &Msg) -> Label {
    match msg {
        Msg::RequestVote(m) => label(
            format!(
                "vote for me? term {} · log {}",
                m.term,
                ends(m.last_log_index.0, m.last_log_term)
            ),
            Class::Request,
        ),
        Msg::Vote(m) if m.vote_granted => label(format!("vote · term {}", m.term), Class::Reply),
        Msg::Vote(m) => label(format!("no vote · term {}", m.term), Class::Refusal),
        Msg::PreVote(m) => label(
            format!(
                "would you? term {} · log {}",
                m.term,
                ends(m.last_log_index.0, m.last_log_term)
            ),
            Class::Request,
        ),
        Msg::PreVoted(m) if m.vote_granted => {
            label(format!("I would · term {}", m.term), Class::Reply)
        }
        Msg::PreVoted(m) => label(format!("I would not · term {}", m.term), Class::Refusal),
        Msg::AppendEntries(m) if m.entries.is_empty() => label(
            format!("heartbeat · term {} · commit {}", m.term, m.leader_commit),
            Class::Gossip,
        ),
        Msg::AppendEntries(m) => label(
            format!(
                "append {} behind {} · term {} · commit {}",
                list(&m.entries),
                ends(m.prev_log_index.0, m.prev_log_term),
                m.term,
                m.leader_commit
            ),
            Class::Request,
        ),
        Msg::Appended(m) => appended(m),
        Msg::InstallSnapshot(m) => label(
            format!(
                "snapshot to {} from byte {} · term {}",
                m.last_included_index, m.offset, m.term
            ),
            Class::Request,
        ),
        Msg::SnapshotTaken(m) => match m.result {
            SnapshotResult::Received(n) => label(format!("{n} bytes are here"), Class::Reply),
            SnapshotResult::Installed => {
                label(format!("installed to {}", m.last_included_index), Class::Reply)
            }
            SnapshotResult::OldTerm => label(format!("old term; it is {}", m.term), Class::Refusal),
        },
        Msg::TimeoutNow { term } => label(format!("stand now · term {term}"), Class::Request),
        Msg::Persisted { index, .. } => label(format!("durable to {index}"), Class::Gossip),
    }
}

fn appended(m: &Appended) -> Label {
    match &m.result {
        AppendResult::Match(index) => {
            label(format!("match to {index} · term {}", m.term), Class::Reply)
        }
        AppendResult::Conflict(c) => {
            let text = match c.term {
                Some(term) => format!(
                    "conflict at {}: term {term} here since {}",
                    c.prev_log_index, c.first_index
                ),
                None => format!("conflict at {}: nothing from {}", c.prev_log_index, c.first_index),
            };
            label(text, Class::Refusal)
        }
        AppendResult::OldTerm => label(format!("old term; it is {}", m.term), Class::Refusal),
    }
}

/// The last entry of a log: index and term.
fn ends(index: u64, term: Term) -> String {
    match index {
        0 => "the start".into(),
        _ => format!("{index} (term {term})"),
    }
}

fn list(entries: &[Entry]) -> String {
    let one = |entry: &Entry| format!("{:?} (term {})", entry.payload, entry.term);
    match entries {
        [first, .., last] => format!("{} … {}", one(first), one(last)),
        [first] => one(first),
        [] => String::new(),
    }
}

fn op(op: &Op) -> String {
    match op {
        Op::Watch => "watch".into(),
        Op::Propose(command) => format!("propose {command:?}"),
        Op::Read => "read".into(),
        Op::Compact { index, .. } => format!("compact to {index}"),
        Op::Change(change) => format!("{change:?}"),
        Op::Transfer(to) => format!("hand over to S{}", to.0),
    }
}

fn ret(ret: &Ret) -> String {
    match ret {
        Ret::Committed { index, command, .. } => match command {
            Some(command) => format!("{index} is committed: {command:?}"),
            None => format!("{index} is committed"),
        },
        Ret::Install { index, .. } => format!("a snapshot to {index}"),
        Ret::Role { mine: true, term, .. } => format!("leads term {term}"),
        Ret::Role { leader, term, .. } => match leader {
            Some(leader) => format!("S{} leads term {term}", leader.0),
            None => format!("nobody leads term {term}"),
        },
        Ret::Accepted { index, term } => format!("taken at {index} in term {term}"),
        Ret::NotLeader { hint: Some(hint) } => format!("ask S{}", hint.0),
        Ret::NotLeader { hint: None } => "not the leader".into(),
        Ret::ReadAt { index } => format!("read at {index}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

/// A timer.
pub fn timer(timer: &Timer) -> String {
    match timer {
        Timer::Election => "no leader heard".into(),
        Timer::Heartbeat => "time for a heartbeat".into(),
        Timer::Quorum => "does a quorum answer?".into(),
        Timer::Transfer => "handing over took too long".into(),
    }
}

/// The bands on a server's lane.
pub fn bands(view: &View) -> Vec<BandLabel> {
    let mut bands = Vec::new();
    if view.leads() {
        bands.push(BandLabel { text: format!("leads term {}", view.current_term), until: None });
    }
    if let Some(until) = view.lease_until {
        bands.push(BandLabel { text: "may answer reads".into(), until: Some(until) });
    }
    bands
}

/// Heartbeats and their answers.
pub fn dull(msg: &Msg) -> bool {
    match msg {
        Msg::AppendEntries(m) => m.entries.is_empty(),
        Msg::Appended(m) => matches!(m.result, AppendResult::Match(_)),
        _ => false,
    }
}
