use super::changed;
use dist_raft::{Entry, Index, Kv, KvView, Payload, Term, Update, Write, decode};
use node::Addr;
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;
use std::sync::Arc;

const LABEL: &str = "G-I12 SnapshotLabel";
const ONCE: &str = "G-I9 ExactlyOnce";

/// **G-I12 SnapshotLabel.** What a server shows as its state is what the committed entries make, up
/// to the entry that it says is the last in it; and the last entry of its snapshot has the term that
/// it says. Within one boot the state never becomes an older one. If the state holds other *writes*
/// than the log up to there, that is **G-I9**: one was done twice, or never.
///
/// The entries are learned from the servers' logs, which other invariants compare.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Content {
    /// Every entry that any log held, and the term of the one before it.
    seen: BTreeMap<(Index, Term), (Entry, Term)>,
    /// The state after so many committed entries, and the term of the last one.
    states: Vec<(Term, Arc<State>)>,
    /// What each running server last showed: what tells whether its log is news, and what it had
    /// applied.
    #[allow(clippy::type_complexity)] // told in the line above
    shown: BTreeMap<Addr, ([(Index, Term); 2], Index, Index)>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct State {
    store: BTreeMap<String, String>,
    sessions: BTreeMap<u64, u64>,
}

impl Default for Content {
    fn default() -> Self {
        Content { seen: BTreeMap::new(), states: vec![Default::default()], shown: BTreeMap::new() }
    }
}

impl Checker<Kv> for Content {
    fn after(&mut self, step: &Step<'_, Kv>) -> Result<(), Violation> {
        if matches!(step.event, Event::Crash | Event::Boot) {
            self.shown.remove(&step.node);
        }
        if changed(step).is_none() {
            return Ok(());
        }
        let Some(view) = step.stepped() else {
            return Ok(());
        };
        let raft = &view.raft;
        let last = raft.last_index();
        let ends = [
            (raft.snapshot_index, raft.snapshot_term),
            (last, raft.term_at(last).unwrap_or_default()),
        ];
        let now = (ends, raft.commit_index, view.applied);
        let before = self.shown.insert(step.node, now);
        if before == Some(now) {
            return Ok(());
        }
        if view.applied != raft.last_applied {
            let addr = step.node;
            let message = format!(
                "{addr} shows a state that ends at entry {}, and says that entry {} is the last in it",
                view.applied, raft.last_applied
            );
            return Err(Violation::new(LABEL, message).at([addr]));
        }
        self.learn(view);
        if let Some((_, _, applied)) = before
            && view.applied < applied
        {
            let addr = step.node;
            let message = format!(
                "{addr} had entry {applied} in its state, and now shows one that ends at {}, without a restart",
                view.applied
            );
            return Err(Violation::new(LABEL, message).at([addr]));
        }
        self.compare(step.node, view)
    }
}

impl Content {
    fn learn(&mut self, view: &KvView) {
        let raft = &view.raft;
        let mut behind = raft.snapshot_term;
        for (index, entry) in raft.entries() {
            let at = (index, entry.term);
            self.seen.entry(at).or_insert_with(|| (entry.clone(), behind));
            behind = entry.term;
        }
        let commit = raft.commit_index.max(raft.snapshot_index);
        let Some(mut term) = raft.term_at(commit) else {
            return;
        };
        // Backwards from the last committed entry: each tells the term of the one before it.
        let (mut chain, mut index) = (Vec::new(), commit);
        while index.0 >= self.states.len() as u64 {
            let Some((entry, before)) = self.seen.get(&(index, term)) else {
                return;
            };
            chain.push((term, entry.clone()));
            (index, term) = (index.prev(), *before);
        }
        for (term, entry) in chain.into_iter().rev() {
            let last = &self.states[self.states.len() - 1].1;
            let next = after(last, &entry);
            self.states.push((term, next));
        }
    }

    fn compare(&self, addr: Addr, view: &KvView) -> Result<(), Violation> {
        let place = |index: Index| usize::try_from(index.0).unwrap_or(usize::MAX);
        let (index, term) = (view.raft.snapshot_index, view.raft.snapshot_term);
        if let Some((of, _)) = self.states.get(place(index))
            && *of != term
        {
            let message = format!(
                "the snapshot of {addr} ends at entry {index} of term {term}; that entry is of term {of}"
            );
            return Err(Violation::new(LABEL, message).at([addr]));
        }
        let Some((_, state)) = self.states.get(place(view.applied)) else {
            return Ok(());
        };
        let (name, what) = if state.sessions != view.sessions {
            let (is, of) = (&view.sessions, &state.sessions);
            (ONCE, format!("last writes {is:?} instead of {of:?}"))
        } else if state.store != view.store {
            (LABEL, format!("{:?} instead of {:?}", view.store, state.store))
        } else {
            return Ok(());
        };
        let message = format!("{addr} shows the state after entry {} with {what}", view.applied);
        Err(Violation::new(name, message).at([addr]))
    }
}

/// What an entry makes of a state.
fn after(state: &Arc<State>, entry: &Entry) -> Arc<State> {
    let Payload::Command(command) = &entry.payload else {
        return state.clone();
    };
    let Write { client, seq, update } = decode(command);
    if state.sessions.get(&client.0).is_some_and(|s| *s >= seq) {
        return state.clone();
    }
    let mut next = State::clone(state);
    next.sessions.insert(client.0, seq);
    match update {
        Update::Put { key, value } => {
            next.store.insert(key, value);
        }
        Update::Append { key, text } => next.store.entry(key).or_default().push_str(&text),
        Update::Swap { key, from, to } => {
            if next.store.get(&key) == from.as_ref() {
                next.store.insert(key, to);
            }
        }
        Update::Delete { key } => {
            next.store.remove(&key);
        }
    }
    Arc::new(next)
}
