use super::invariants::{changed, handled, views};
use dist_raft::{Index, Kv, KvRet, Msg, Term};
use node::Addr;
use sim::{Call, Checker, Event, Step, Test, Violation};
use std::cell::Cell;
use std::collections::BTreeMap;

/// What happened in the runs of a swarm that came to their end.
#[derive(Clone, Copy, Default, Debug)]
pub struct Deeds {
    /// Runs.
    pub runs: u64,
    /// Those that ended with a leader.
    pub led: u64,
    /// Times that somebody began to lead.
    pub elections: u64,
    /// Entries committed.
    pub commits: u64,
    /// Writes that were done.
    pub writes: u64,
    /// Reads that were answered with a value.
    pub reads: u64,
    /// Snapshots that followers took from a leader.
    pub installs: u64,
    /// Times that a log was cut short.
    pub compactions: u64,
    /// Changes of the servers that were done.
    pub changes: u64,
    /// Handovers that were done.
    pub transfers: u64,
}

thread_local! {
    static SEEN: Cell<Deeds> = const { Cell::new(Deeds {
        runs: 0, led: 0, elections: 0, commits: 0, writes: 0, reads: 0, installs: 0, compactions: 0,
        changes: 0, transfers: 0,
    }) };
}

/// No vacuous pass: counts what happens in the runs of a swarm of stores. It finds no fault with any
/// run by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Busy {
    snapshots: BTreeMap<Addr, Index>,
    terms: BTreeMap<Term, Addr>,
    installs: u64,
    compactions: u64,
}

impl Busy {
    /// Begins to count.
    pub fn new() -> Self {
        SEEN.set(Deeds::default());
        Busy::default()
    }
    /// Whether the runs since then were busy: all ended with a leader, and of everything happened,
    /// in the mean of 100 runs, as much as `least` says.
    #[track_caller]
    pub fn check(t: &mut Test, least: Deeds) {
        let seen = SEEN.get();
        t.check_eq(seen.led, seen.runs, "runs that end with a leader, of all runs");
        // A replay is of one run, and shrinking leaves out what clients ask.
        if seen.runs < 50 {
            return;
        }
        let pairs = [
            ("elections", seen.elections, least.elections),
            ("commits", seen.commits, least.commits),
            ("writes", seen.writes, least.writes),
            ("reads", seen.reads, least.reads),
            ("snapshots taken from a leader", seen.installs, least.installs),
            ("logs cut short", seen.compactions, least.compactions),
            ("changes of servers", seen.changes, least.changes),
            ("handovers", seen.transfers, least.transfers),
        ];
        for (what, count, least) in pairs {
            let message = format!("{count} {what} in {} runs: too few to say anything", seen.runs);
            t.check(count * 100 >= least * seen.runs, message);
        }
    }
}

impl Checker<Kv> for Busy {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Kv>) -> Result<(), Violation> {
        if matches!(step.event, Event::Boot | Event::Crash) {
            self.snapshots.remove(&step.node);
        }
        let Some(view) = changed(step) else {
            return Ok(());
        };
        if view.leads() {
            self.terms.entry(view.current_term).or_insert(step.node);
        }
        let now = view.snapshot_index;
        let before = self.snapshots.insert(step.node, now);
        if before.is_some_and(|before| before < now) {
            let taken = matches!(handled(step), Some((_, Msg::InstallSnapshot(_))));
            self.installs += u64::from(taken);
            self.compactions += 1;
        }
        Ok(())
    }

    fn at_end(&mut self, step: &Step<'_, Kv>) -> Result<(), Violation> {
        let mut seen = SEEN.get();
        let told = |which: fn(&KvRet) -> bool| {
            let answers = step.calls().iter().filter_map(Call::answer);
            answers.filter(|ret| which(ret)).count() as u64
        };
        seen.runs += 1;
        seen.led += u64::from(views(step).any(|(_, view)| view.leads()));
        seen.elections += self.terms.len() as u64;
        let most = views(step).map(|(_, view)| view.commit_index.0).max();
        seen.commits += most.unwrap_or(0);
        seen.writes += told(|ret| matches!(ret, KvRet::Done(_)));
        seen.reads += told(|ret| matches!(ret, KvRet::Value(_)));
        seen.installs += self.installs;
        seen.compactions += self.compactions;
        seen.changes += told(|ret| matches!(ret, KvRet::Changed));
        seen.transfers += told(|ret| matches!(ret, KvRet::Transferred));
        SEEN.set(seen);
        Ok(())
    }
}
