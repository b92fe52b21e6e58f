use dist_raft::{ClientId, Kv, KvOp, KvRet};
use node::{Addr, OpId};
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

const NAME: &str = "G-I9 ExactlyOnce";

/// **G-I9 ExactlyOnce.** A write that was asked many times is done once, also over snapshots and
/// restarts: no text stands twice in a value, everyone who asked the same write is told the same, and
/// of no client does a server's last write become an earlier one *within one boot*.
///
/// The texts that clients append are all different, and end with a space.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ExactlyOnce {
    asked: BTreeMap<OpId, (ClientId, u64)>,
    told: BTreeMap<(ClientId, u64), Option<String>>,
    /// What each running server last showed: each client's last write.
    last: BTreeMap<Addr, BTreeMap<u64, u64>>,
}

impl Checker<Kv> for ExactlyOnce {
    fn after(&mut self, step: &Step<'_, Kv>) -> Result<(), Violation> {
        match step.event {
            Event::Op { id, op: KvOp::Write(write) } => {
                self.asked.insert(id, (write.client, write.seq));
            }
            Event::Ret { id, ret, .. } => return self.answered(step, id, ret),
            Event::Sent { .. } | Event::Network | Event::Clock => return Ok(()),
            Event::Crash | Event::Boot => {
                self.last.remove(&step.node);
            }
            _ => {}
        }
        let Some(view) = step.stepped() else {
            return Ok(());
        };
        for (key, value) in &view.store {
            let mut seen: Vec<&str> = value.split_whitespace().collect();
            seen.sort_unstable();
            if let Some(twice) = seen.windows(2).find(|two| two[0] == two[1]) {
                let message = format!(
                    "at {} the text {:?} stands twice in {key}: {value:?}",
                    step.node, twice[0]
                );
                return Err(Violation::new(NAME, message).at([step.node]));
            }
        }
        self.remembers(step.node, &view.sessions)
    }
}

impl ExactlyOnce {
    /// A number that falls makes a write new that was done. A client that is forgotten altogether is
    /// [`super::Content`]'s affair, which knows what an image has to hold.
    fn remembers(&mut self, addr: Addr, now: &BTreeMap<u64, u64>) -> Result<(), Violation> {
        if self.last.get(&addr) == Some(now) {
            return Ok(());
        }
        let before = self.last.insert(addr, now.clone()).unwrap_or_default();
        let mut both =
            before.iter().filter_map(|(client, was)| Some((client, was, now.get(client)?)));
        let Some((client, was, is)) = both.find(|(_, was, is)| is < was) else {
            return Ok(());
        };
        let message =
            format!("{addr} had done write {was} of client {client}, and now its last is {is}");
        Err(Violation::new(NAME, message).at([addr]))
    }

    fn answered(&mut self, step: &Step<'_, Kv>, id: OpId, ret: &KvRet) -> Result<(), Violation> {
        let (Some(write), KvRet::Done(before)) = (self.asked.remove(&id), ret) else {
            return Ok(());
        };
        let first = self.told.entry(write).or_insert_with(|| before.clone());
        if first == before {
            return Ok(());
        }
        let ((client, seq), addr) = (write, step.node);
        let message = format!(
            "write {seq} of client {} was done on {first:?}, and {addr} says that it was done on {before:?}",
            client.0
        );
        Err(Violation::new(NAME, message).at([addr]))
    }
}
