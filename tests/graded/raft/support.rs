//! What the Raft lab's graded tests share: who takes part, what they ask, how a trace shows it.
//!
//! Most scripts run a *manual* cluster: its timers are so long that none comes due in a script, so
//! that nothing happens but what the script fires. Messages take 1 ms.

#![allow(dead_code, unused_imports)]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/busy.rs"]
mod busy;
#[path = "invariants/mod.rs"]
mod invariants;
#[path = "support/lively.rs"]
mod lively;
#[path = "support/one.rs"]
mod one;
#[path = "support/show.rs"]
mod show;
#[path = "support/store.rs"]
mod store;

pub use alone::Alone;
pub use busy::{Busy, Deeds};
pub use invariants::*;
pub use lively::Lively;
pub use one::{Files, One};
pub use show::show;
pub use store::*;

use dist_raft::{
    AppendEntries, AppendResult, Appended, Command, Config, Entry, Index, Membership, Msg, Op,
    Payload, Raft, RequestVote, Ret, Role, Term, Timer, View, Vote,
};
use node::{Addr, Node, OpId};
use sim::{Ask, Checker, Faults, Scenario, Script, Strike, Turn, ms};
use std::time::Duration;

/// The servers, as the paper calls them.
pub const S1: Addr = Addr(1);
pub const S2: Addr = Addr(2);
pub const S3: Addr = Addr(3);
pub const S4: Addr = Addr(4);
pub const S5: Addr = Addr(5);
pub const THREE: [Addr; 3] = [S1, S2, S3];
pub const FIVE: [Addr; 5] = [S1, S2, S3, S4, S5];
/// The timers of a running server; the others belong to stage 6.
pub const ELECTION: Timer = Timer::Election;
pub const HEARTBEAT: Timer = Timer::Heartbeat;

/// A [`Raft`] alone, or one within a store.
pub trait Server: Node<Msg = Msg, Timer = Timer, View: AsRef<View>> {}
impl<N: Node<Msg = Msg, Timer = Timer, View: AsRef<View>>> Server for N {}

/// A short way to write a script.
pub type Play<C> = Script<Raft, C>;

/// A cluster that has what is written when `stage` is done, with the usual timeouts: 150 to 300 ms,
/// and a heartbeat each 50 ms.
pub fn cluster(stage: u32, servers: &[Addr]) -> Scenario<Raft> {
    with_logs(Config::of_stage(stage, servers.iter().copied()), servers, |_| Vec::new())
}

/// The same with a timeout of its own for each server, in milliseconds. A script draws no
/// randomness, so these are its timeouts.
pub fn staggered(stage: u32, timeouts: &[(Addr, u64)]) -> Scenario<Raft> {
    let servers: Vec<Addr> = timeouts.iter().map(|(addr, _)| *addr).collect();
    let mut scene = cluster(stage, &servers);
    for (place, (_, timeout)) in scene.places.iter_mut().zip(timeouts) {
        let cfg =
            Config { election_timeout: ms(*timeout)..ms(*timeout + 10), ..(*place.cfg).clone() };
        place.cfg = cfg.into();
    }
    scene
}

/// The same with timers that fire only when a script says so.
pub fn manual(stage: u32, servers: &[Addr]) -> Scenario<Raft> {
    let cfg = by_hand(Config::of_stage(stage, servers.iter().copied()));
    with_logs(cfg, servers, |_| Vec::new())
}

/// A manual cluster whose servers start with logs of these terms.
pub fn manual_with(stage: u32, logs: &[(Addr, &[u64])]) -> Scenario<Raft> {
    let servers: Vec<Addr> = logs.iter().map(|(addr, _)| *addr).collect();
    let cfg = by_hand(Config::of_stage(stage, servers.iter().copied()));
    with_logs(cfg, &servers, |addr| {
        let log = logs.iter().find(|(a, _)| *a == addr);
        log.map_or_else(Vec::new, |(_, terms)| entries(1, terms))
    })
}

/// Voters and servers that are in no configuration yet, with timers that fire only when a script says
/// so. Nobody asks before it stands, and nobody keeps to a leader that it has heard: in a script of
/// that kind no time passes.
pub fn members(voters: &[Addr], spares: &[Addr]) -> Scenario<Raft> {
    let cfg = Config {
        pre_vote: false,
        check_quorum: false,
        lease: false,
        ..by_hand(Config::of_stage(6, voters.iter().copied()))
    };
    let title = format!("{} servers and {} others", voters.len(), spares.len());
    let mut scene = with_logs(cfg.clone(), voters, |_| Vec::new()).titled(title);
    let initial = Membership::default();
    let spare = Config { initial, ..cfg };
    for addr in spares.iter().copied() {
        scene = scene.node(addr, format!("S{}", addr.0), "server", spare.clone());
    }
    scene
}

fn by_hand(cfg: Config) -> Config {
    Config { election_timeout: ms(100_000)..ms(200_000), heartbeat: ms(30_000), ..cfg }
}

/// A scenario of this lab with servers of this configuration, each with its first log.
pub fn with_logs(
    cfg: Config,
    servers: &[Addr],
    log: impl Fn(Addr) -> Vec<Entry>,
) -> Scenario<Raft> {
    let title = format!("{} servers {}", servers.len(), part(&cfg));
    let mut scene = Scenario::new("raft").titled(title).shown(show());
    for addr in servers.iter().copied() {
        let initial_log = log(addr);
        let cfg = Config { initial_log, ..cfg.clone() };
        scene = scene.node(addr, format!("S{}", addr.0), "server", cfg);
    }
    scene
}

/// How far a server is written, for a title: by it a recorded run finds its scene to explore.
fn part(cfg: &Config) -> &'static str {
    match cfg {
        Config { replication: false, .. } => "that elect",
        Config { durable: false, .. } => "with logs",
        Config { no_op: false, .. } => "with disks",
        Config { pre_vote: false, .. } => "that read",
        _ => "of a whole Raft",
    }
}

/// The entries from index `first` on, of these terms; what an entry holds follows from its index
/// and its term, as in a log that grew by Raft's rules.
pub fn entries(first: u64, terms: &[u64]) -> Vec<Entry> {
    let all = terms.iter().zip(first..);
    all.map(|(term, index)| Entry {
        term: Term(*term),
        payload: Payload::Command(Command::from(format!("e{index}.{term}").as_str())),
    })
    .collect()
}

/// All logs of at most `longest` entries of terms 1 to `last`, as terms.
pub fn logs(longest: usize, last: u64) -> Vec<Vec<u64>> {
    let mut logs = vec![Vec::new()];
    for len in 0..longest {
        let full: Vec<Vec<u64>> = logs.iter().filter(|l| l.len() == len).cloned().collect();
        for log in full {
            let from = log.last().copied().unwrap_or(1);
            logs.extend((from..=last).map(|term| [&log[..], &[term]].concat()));
        }
    }
    logs
}

/// The terms of a log's entries.
pub fn terms(view: &View) -> Vec<u64> {
    view.log.iter().map(|entry| entry.term.0).collect()
}

/// What stands in the log, as text.
pub fn commands(view: &View) -> Vec<String> {
    let text = |entry: &Entry| format!("{:?}", entry.payload);
    view.log.iter().map(text).collect()
}

pub fn request_vote(term: u64, last_log_index: u64, last_log_term: u64) -> Msg {
    Msg::RequestVote(RequestVote {
        term: Term(term),
        last_log_index: Index(last_log_index),
        last_log_term: Term(last_log_term),
        transfer: false,
    })
}

pub fn vote(term: u64, vote_granted: bool) -> Msg {
    let term = Term(term);
    Msg::Vote(Vote { term, vote_granted })
}

/// AppendEntries behind (index, term) with these entries.
pub fn append(term: u64, behind: (u64, u64), entries: Vec<Entry>, commit: u64) -> Msg {
    Msg::AppendEntries(AppendEntries {
        term: Term(term),
        prev_log_index: Index(behind.0),
        prev_log_term: Term(behind.1),
        entries,
        leader_commit: Index(commit),
        round: 1,
    })
}

pub fn matched(term: u64, index: u64) -> Msg {
    Msg::Appended(Appended {
        term: Term(term),
        round: 1,
        result: AppendResult::Match(Index(index)),
    })
}

/// Kinds of messages, for `deliver`, `lose` and `count_sent`.
pub fn any(_: &Msg) -> bool {
    true
}
pub fn is_request_vote(msg: &Msg) -> bool {
    matches!(msg, Msg::RequestVote(_))
}
pub fn is_vote(msg: &Msg) -> bool {
    matches!(msg, Msg::Vote(_))
}
pub fn is_granted(msg: &Msg) -> bool {
    matches!(msg, Msg::Vote(vote) if vote.vote_granted)
}
pub fn is_append(msg: &Msg) -> bool {
    matches!(msg, Msg::AppendEntries(_))
}
/// With entries.
pub fn is_full(msg: &Msg) -> bool {
    matches!(msg, Msg::AppendEntries(m) if !m.entries.is_empty())
}
pub fn is_appended(msg: &Msg) -> bool {
    matches!(msg, Msg::Appended(_))
}
pub fn is_match(msg: &Msg) -> bool {
    acknowledged(msg).is_some()
}

/// Long enough for some rounds of messages.
pub const MOMENT: Duration = ms(20);

/// The servers that lead, with their terms.
pub fn leaders<N: Server, C: Checker<N>>(w: &Script<N, C>, servers: &[Addr]) -> Vec<(Addr, Term)> {
    let views = servers.iter().filter_map(|s| Some((*s, w.view(*s)?)));
    let leading = views.filter(|(_, view)| view.as_ref().leads());
    leading.map(|(s, view)| (s, view.as_ref().current_term)).collect()
}

/// The view of a server; an empty one if it is down or in the middle of a step.
pub fn see<N: Server, C: Checker<N>>(w: &Script<N, C>, server: Addr) -> View {
    w.view(server).map(|view| view.as_ref().clone()).unwrap_or_default()
}

/// Starts a server again if it is down.
#[track_caller]
pub fn wake<N: Server, C: Checker<N>>(w: &mut Script<N, C>, server: Addr) {
    if w.view(server).is_none() {
        w.restart(server);
    }
}

/// Starts a server again, whether it is down or not.
#[track_caller]
pub fn reboot<N: Server, C: Checker<N>>(w: &mut Script<N, C>, server: Addr) {
    if w.view(server).is_some() {
        w.crash(server);
    }
    w.restart(server);
}

/// `server` stands for election and must win.
#[track_caller]
pub fn elect<N: Server, C: Checker<N>>(w: &mut Script<N, C>, server: Addr) -> Term {
    w.fire(server, &ELECTION);
    w.run_for(MOMENT);
    let view = see(w, server);
    w.expect(view.leads(), format!("S{} stands for election and wins, in {view:?}", server.0));
    view.current_term
}

/// `server` does what it takes to lead `term`: it stands again, or learns first that it leads no more.
#[track_caller]
pub fn lead<N: Server, C: Checker<N>>(w: &mut Script<N, C>, server: Addr, term: u64) {
    for _ in 0..4 {
        let view = see(w, server);
        if view.leads() && view.current_term == Term(term) {
            return;
        }
        let timer = if view.leads() { HEARTBEAT } else { ELECTION };
        w.fire(server, &timer);
        w.run_for(MOMENT);
    }
    let seen = leaders(w, &[server]);
    w.expect_eq(seen, vec![(server, Term(term))], format!("S{} leads in the end", server.0));
}

/// `server` stands for election; what comes of it is seen later.
#[track_caller]
pub fn stand<N: Server, C: Checker<N>>(w: &mut Script<N, C>, server: Addr) {
    w.fire(server, &ELECTION);
    w.run_for(MOMENT);
}

/// `leader` sends heartbeats, and all that it has, until nothing more comes of it.
#[track_caller]
pub fn beat<N: Server, C: Checker<N>>(w: &mut Script<N, C>, leader: Addr) {
    for _ in 0..6 {
        if !w.timers(leader).contains(&&HEARTBEAT) {
            return;
        }
        w.fire(leader, &HEARTBEAT);
        w.run_for(MOMENT);
    }
}

/// A client proposes `text` at `leader`, which must take it; what it sends has left.
#[track_caller]
pub fn propose<C: Checker<Raft>>(w: &mut Play<C>, leader: Addr, text: &str) -> Index {
    let id = w.op(leader, Op::Propose(Command::from(text)));
    match w.answer(id).cloned() {
        Some(Ret::Accepted { index, .. }) => index,
        other => {
            w.expect(false, format!("S{} takes {text:?}; it says {other:?}", leader.0));
            Index(0)
        }
    }
}

/// What the watch `id` was told to be committed, as text.
pub fn told<C: Checker<Raft>>(w: &Play<C>, id: OpId) -> Vec<String> {
    let told = w.answers(id).into_iter().filter_map(|ret| match ret {
        Ret::Committed { command, .. } => Some(command),
        _ => None,
    });
    told.map(|c| c.as_ref().map_or_else(String::new, |c| format!("{c:?}"))).collect()
}

/// Adds the clients of random runs: one that watches at each server, and `proposers` that propose,
/// each at the server that it believes to lead.
pub fn with_clients(mut scene: Scenario<Raft>, proposers: u32, pause: Duration) -> Scenario<Raft> {
    let servers: Vec<Addr> = scene.places.iter().map(|p| p.addr).collect();
    for node in servers.iter().copied() {
        scene = scene.client(format!("watch {}", node.0), move |_: &Turn<'_, Raft>| {
            Some(Ask { node, op: Op::Watch, after: Duration::ZERO })
        });
    }
    for n in 0..proposers {
        let servers = servers.clone();
        scene = scene.client(format!("client {n}"), move |turn: &Turn<'_, Raft>| {
            let node = match turn.last_answer() {
                Some(Ret::NotLeader { hint: Some(hint) }) => *hint,
                Some(Ret::Accepted { .. }) => turn.past().next()?.node,
                _ => *turn.one_of(1, &servers),
            };
            let longest = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
            let after = Duration::from_micros(1 + turn.draw.again(2).below(longest));
            let op = Op::Propose(Command::from(format!("{n}.{}", turn.nth).as_str()));
            Some(Ask { node, op, after })
        });
    }
    scene
}

/// Who is struck by aimed faults.
pub fn leads(view: &View) -> bool {
    view.leads()
}
pub fn stands(view: &View) -> bool {
    view.role == Role::Candidate
}
