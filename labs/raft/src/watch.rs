//! What the state machine is told unasked: commits, snapshots, who leads. Given.

use crate::entry::Payload;
use crate::op::Ret;
use crate::raft::Raft;
use crate::view::Role;
use node::Ctx;

impl Raft {
    /// What every handler ends with: the state machine is told what is new.
    pub(crate) fn settle(&mut self, cx: &mut Ctx<'_, Self>) {
        let Some(watch) = self.watch else {
            return;
        };
        while self.last_applied < self.commit_index {
            self.last_applied = self.last_applied.next();
            let index = self.last_applied;
            // A snapshot that came from a leader is told as such, so what is applied is in the log.
            let Some(entry) = self.log.entry(index) else {
                continue;
            };
            let command = match &entry.payload {
                Payload::Command(command) => Some(command.clone()),
                Payload::Empty | Payload::Config(_) => None,
            };
            let term = entry.term;
            let committed = Ret::Committed {
                index,
                term,
                command,
            };
            cx.ret_more(watch, committed);
        }
        let (leader, term) = (self.leader_id, self.current_term);
        let mine = self.role == Role::Leader;
        if self.told != (leader, term, mine) {
            self.told = (leader, term, mine);
            cx.ret_more(watch, Ret::Role { leader, term, mine });
        }
    }

    /// The snapshot takes the place of the state.
    pub(crate) fn tell_snapshot(&mut self, cx: &mut Ctx<'_, Self>) {
        let Some(snapshot) = &self.snapshot else {
            return;
        };
        if let Some(watch) = self.watch {
            self.last_applied = snapshot.index;
            let install = Ret::Install {
                index: snapshot.index,
                term: snapshot.term,
                image: snapshot.image.clone(),
            };
            cx.ret_more(watch, install);
        }
    }
}
