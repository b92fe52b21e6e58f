use dist_raft::{Kv, KvOp, KvRet, Update, Write};
use sim::history::History;
use sim::linear::{self, Model};
use sim::{Call, Checker, Step, Violation};
use std::collections::{BTreeMap, BTreeSet};

/// **G-I8 Linearizable.** What the store's clients were told looks as if each operation had happened
/// at one moment between its question and its answer, each write once.
///
/// A client that asks a write again asks the same one: it lasts from the first question to the first
/// answer that says that it is done. A search that gives up is no pass.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Linearizable;

impl Checker<Kv> for Linearizable {
    fn after(&mut self, _: &Step<'_, Kv>) -> Result<(), Violation> {
        Ok(())
    }
    fn at_end(&mut self, step: &Step<'_, Kv>) -> Result<(), Violation> {
        match linear::check(&OneKey, &history(step.calls()), linear::STEPS) {
            linear::Verdict::Linearizable { .. } => Ok(()),
            other => Err(Violation::new("G-I8 Linearizable", other.to_string())),
        }
    }
}

/// What one copy of one key would do.
struct OneKey;

impl Model for OneKey {
    type Op = KvOp;
    type Ret = Option<String>;
    type Key = String;
    type State = Option<String>;

    fn key(&self, op: &KvOp) -> String {
        match op {
            KvOp::Read { key } => key.clone(),
            KvOp::Write(write) => match &write.update {
                Update::Put { key, .. }
                | Update::Append { key, .. }
                | Update::Swap { key, .. }
                | Update::Delete { key } => key.clone(),
            },
            KvOp::Change(_) | KvOp::Transfer(_) => String::new(),
        }
    }
    fn start(&self, _: &String) -> Option<String> {
        None
    }
    fn apply(
        &self,
        state: &Option<String>,
        op: &KvOp,
        ret: Option<&Option<String>>,
    ) -> Option<Option<String>> {
        if ret.is_some_and(|ret| ret != state) {
            return None;
        }
        let KvOp::Write(write) = op else {
            return Some(state.clone());
        };
        Some(match &write.update {
            Update::Put { value, .. } => Some(value.clone()),
            Update::Append { text, .. } => Some(state.clone().unwrap_or_default() + text),
            Update::Swap { from, to, .. } if state == from => Some(to.clone()),
            Update::Swap { .. } => state.clone(),
            Update::Delete { .. } => None,
        })
    }
}

enum What<'c> {
    Asked(&'c KvOp),
    Told(Option<String>),
}

/// The history of reads and writes. Every question stays in it, answered or not.
fn history(calls: &[Call<KvOp, KvRet>]) -> History<KvOp, Option<String>> {
    let mut events: Vec<(u64, u64, u64, What<'_>)> = Vec::new();
    let mut writes: BTreeMap<&Write, u64> = BTreeMap::new();
    for (n, call) in calls.iter().enumerate() {
        let mut id = n as u64;
        match &call.op {
            KvOp::Read { .. } => {}
            KvOp::Write(write) => id = *writes.entry(write).or_insert(id),
            KvOp::Change(_) | KvOp::Transfer(_) => continue,
        }
        if id == n as u64 {
            let at = call.asked.as_micros();
            events.push((call.asked_order, at, id, What::Asked(&call.op)));
        }
        if let (Some(KvRet::Done(v) | KvRet::Value(v)), Some(last)) =
            (call.answer(), call.rets.last())
        {
            let at = last.at.as_micros();
            events.push((last.order, at, id, What::Told(v.clone())));
        }
    }
    events.sort_by_key(|(order, ..)| *order);
    let (mut history, mut told) = (History::new(), BTreeSet::new());
    for (_, at, id, what) in events {
        match what {
            What::Asked(op) => history.invoke(at, 0, id, op.clone()),
            What::Told(value) if told.insert(id) => {
                history.told(at, id, value, true).expect("an answer follows its question");
            }
            What::Told(_) => {}
        }
    }
    history
}
