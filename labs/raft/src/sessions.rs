//! Stage 4: each write of each client once (§8, thesis §6.3).

use crate::kv_op::ClientId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is remembered of one client.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Its last write that was applied.
    pub seq: u64,
    /// What the client was told then.
    pub answer: Option<String>,
}

/// What the table knows of a write.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Known {
    /// It was not applied yet.
    New,
    /// It was; this was the answer.
    Done(Option<String>),
    /// It was, and so was a later one of the same client.
    Old,
}

/// The session table. It is a part of the state machine: every server has the same, and a snapshot
/// holds it. It keeps one answer for each client that ever wrote; nobody is forgotten, because a
/// forgotten client's retry would be done again.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Sessions {
    by_client: BTreeMap<ClientId, Session>,
}

impl Sessions {
    /// **Task 4.1** (§8, thesis §6.3): what is known of the write `seq` of `client`. A client has one
    /// write under way at a time, so its last one says it all.
    pub fn look_up(&self, client: ClientId, seq: u64) -> Known {
        todo!("task 4.1")
    }

    /// Remembers the write `seq` of `client` and its answer. Given.
    pub fn record(&mut self, client: ClientId, seq: u64, answer: Option<String>) {
        self.by_client.insert(client, Session { seq, answer });
    }

    /// By client, its last write. Given.
    pub fn view(&self) -> BTreeMap<u64, u64> {
        let all = self.by_client.iter();
        all.map(|(client, session)| (client.0, session.seq))
            .collect()
    }
}
