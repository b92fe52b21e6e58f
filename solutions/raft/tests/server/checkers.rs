//! Invariants of Raft, of members in the simulator.

use dist_raft::{Entry, Index, Role, Term, View};
use node::{Addr, Node};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// One leader a term, one vote a term, terms that never fall; a leader keeps its own entries;
/// equal entries stand behind equal ones; what is committed stays and is on every later leader.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Safety {
    leaders: BTreeMap<Term, Addr>,
    votes: BTreeMap<(Addr, Term), Addr>,
    terms: BTreeMap<Addr, Term>,
    commits: BTreeMap<Addr, (Index, Index)>,
    /// With the term of whoever was first seen to know it.
    committed: BTreeMap<Index, (Entry, Term)>,
    leads: BTreeMap<Addr, (Term, Index)>,
}

fn broken(name: &str, text: String, node: Addr) -> Violation {
    Violation::new(name, text).at([node])
}

impl Safety {
    fn look<N: Node<View: AsRef<View>>>(
        &mut self,
        step: &Step<'_, N>,
        me: Addr,
        view: &View,
    ) -> Result<(), Violation> {
        let term = view.current_term;
        if view.leads() {
            let leader = *self.leaders.entry(term).or_insert(me);
            if leader != me {
                let text = format!("{leader} and {me} both lead term {term}");
                return Err(broken("G-I1 ElectionSafety", text, me));
            }
        }
        if let Some(vote) = view.voted_for {
            let before = *self.votes.entry((me, term)).or_insert(vote);
            if before != vote {
                let text = format!("{me} voted for {before} and {vote} in term {term}");
                return Err(broken("G-I7 DurableVote", text, me));
            }
        }
        let before = self.terms.insert(me, term).unwrap_or_default();
        if before > term {
            return Err(broken(
                "G-I6 Monotone",
                format!("{me}: term {before} to {term}"),
                me,
            ));
        }
        let now = (view.commit_index, view.last_applied);
        let before = self.commits.insert(me, now).unwrap_or_default();
        if before.0 > now.0 || before.1 > now.1 || now.1 > now.0 {
            return Err(broken(
                "G-I6 Monotone",
                format!("{me}: {before:?} to {now:?}"),
                me,
            ));
        }
        if view.commit_index > view.last_index() {
            return Err(broken(
                "G-I5 Committed",
                format!("{me} commits what it has not"),
                me,
            ));
        }
        for (index, entry) in view.entries().filter(|(i, _)| *i <= view.commit_index) {
            let known = self
                .committed
                .entry(index)
                .or_insert_with(|| (entry.clone(), term));
            if known.0 != *entry {
                let text = format!("{index}: {known:?} was committed, {me} has {entry:?}");
                return Err(broken("G-I5 StateMachineSafety", text, me));
            }
        }
        self.leader(me, view)?;
        for (other, theirs) in step.views() {
            let theirs = theirs.as_ref();
            if other != me {
                matching(me, view, other, theirs)?;
            }
        }
        Ok(())
    }

    fn leader(&mut self, me: Addr, view: &View) -> Result<(), Violation> {
        if !view.leads() {
            return Ok(());
        }
        let term = view.current_term;
        let before = self.leads.insert(me, (term, view.last_index()));
        if before.is_some_and(|(t, last)| t == term && last > view.last_index()) {
            return Err(broken(
                "G-I2 LeaderAppendOnly",
                format!("{me} dropped entries"),
                me,
            ));
        }
        // All that was committed in earlier terms; what is in its own term it has made itself.
        for (index, (entry, committed)) in &self.committed {
            let has = *index <= view.snapshot_index || view.entry(*index) == Some(entry);
            if !has && *committed < term {
                let text = format!("{me} leads term {term} without {index}: {entry:?}");
                return Err(broken("G-I4 LeaderCompleteness", text, me));
            }
        }
        Ok(())
    }
}

fn matching(me: Addr, mine: &View, other: Addr, theirs: &View) -> Result<(), Violation> {
    let last = mine.last_index().min(theirs.last_index());
    let first = mine.snapshot_index.max(theirs.snapshot_index).next();
    let mut index = last;
    let mut equal = false;
    while index >= first {
        let (a, b) = (mine.entry(index), theirs.entry(index));
        if a.zip(b).is_some_and(|(a, b)| a.term == b.term) {
            equal = true;
        }
        if equal && a != b {
            let text = format!("{me} and {other} differ at {index}: {a:?}, {b:?}");
            return Err(Violation::new("G-I3 LogMatching", text).at([me, other]));
        }
        index = index.prev();
    }
    Ok(())
}

impl<N: Node<View: AsRef<View>>> Checker<N> for Safety {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        if let Event::Crash = step.event {
            self.commits.remove(&step.node);
        }
        match step.stepped() {
            Some(view) => self.look(step, step.node, view.as_ref()),
            None => Ok(()),
        }
    }
}

/// At the end of the quiet time one server leads, and all have committed the same.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Settled;

impl<N: Node<View: AsRef<View>>> Checker<N> for Settled {
    fn after(&mut self, _: &Step<'_, N>) -> Result<(), Violation> {
        Ok(())
    }
    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let views: Vec<(Addr, &View)> = step.views().map(|(a, v)| (a, v.as_ref())).collect();
        let Some((leader, lead)) = views
            .iter()
            .filter(|(_, v)| v.role == Role::Leader)
            .max_by_key(|(_, v)| v.current_term)
        else {
            return Err(Violation::new(
                "G-I10 StableLeader",
                "nobody leads at the end",
            ));
        };
        for (addr, view) in &views {
            if lead.membership.has(*addr) && view.commit_index != lead.commit_index {
                let text = format!(
                    "{addr} has committed {} and {leader}, who leads, {}",
                    view.commit_index, lead.commit_index
                );
                return Err(Violation::new("G-I10 Settled", text).at([*addr]));
            }
        }
        Ok(())
    }
}
