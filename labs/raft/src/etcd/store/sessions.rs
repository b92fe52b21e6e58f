//! [`Sessions`]: which commands have been done, so that one that stands in the log twice is done
//! once.

use super::super::api::MemberId;
use super::super::command::Envelope;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one member's commands.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Session {
    pub boot: u64,
    /// All below are done, or must not be done any more.
    pub floor: u64,
    /// Done ones that are not below. As many as the member has under way at most, for `floor`
    /// comes with each of its commands.
    pub above: BTreeSet<u64>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Sessions {
    pub members: BTreeMap<MemberId, Session>,
}

impl Sessions {
    /// Takes note of what an envelope says of its origin.
    pub fn open(&mut self, envelope: &Envelope) {
        let session = self.members.entry(envelope.origin).or_default();
        if envelope.boot > session.boot {
            *session = Session {
                boot: envelope.boot,
                ..Session::default()
            };
        }
        if envelope.boot == session.boot && envelope.floor > session.floor {
            session.floor = envelope.floor;
            session.above = session.above.split_off(&envelope.floor);
        }
    }

    /// Whether a command of an opened envelope is to be done: it is new, and somebody waits for it.
    pub fn admit(&mut self, envelope: &Envelope, sequence: u64) -> bool {
        let Some(session) = self.members.get_mut(&envelope.origin) else {
            return false;
        };
        if envelope.boot != session.boot || sequence < session.floor {
            return false;
        }
        if !session.above.insert(sequence) {
            return false;
        }
        while session.above.remove(&session.floor) {
            session.floor += 1;
        }
        true
    }

    /// Whether a member's command has been done, or must not be done any more.
    pub fn is_done(&self, origin: MemberId, boot: u64, sequence: u64) -> bool {
        self.members.get(&origin).is_some_and(|session| {
            session.boot > boot
                || session.boot == boot
                    && (sequence < session.floor || session.above.contains(&sequence))
        })
    }
}
