//! What a script tells the machines to do.

use super::Script;
use crate::check::Checker;
use crate::disk::Kept;
use crate::machine::Plan;
use node::{Addr, Node};
use std::time::Duration;

impl<N: Node, C: Checker<N>> Script<N, C> {
    /// The node crashes; its disk keeps what was synced.
    #[track_caller]
    pub fn crash(&mut self, addr: Addr) {
        self.crash_keeping(addr, |_| Kept::SYNCED);
    }
    /// The node crashes; `keep` says what its disk keeps of the unsynced writes of each file.
    #[track_caller]
    pub fn crash_keeping(&mut self, addr: Addr, mut keep: impl FnMut(&str) -> Kept) {
        let i = self.up(addr);
        self.world.fall_keeping(i, |file, _| keep(file));
        self.world.went_down(i, "");
        self.go_on();
    }
    /// In its next handler that asks for more than `k` effects, the node crashes after the first
    /// `k` of them; the disk keeps what was synced.
    #[track_caller]
    pub fn crash_at_effect(&mut self, addr: Addr, k: usize) {
        let i = self.up(addr);
        self.world.core.seats[i].armed = Some(Plan::CutAt(k));
    }
    /// The node starts again after a crash.
    #[track_caller]
    pub fn restart(&mut self, addr: Addr) {
        let i = self.place(addr);
        if self.world.core.seats[i].machine.is_up() {
            self.fail(format!("{addr} is up; it should be down here"));
        }
        self.world.boot(i);
        self.go_on();
    }
    /// What the node said when it stopped itself (see [`crate::Scenario::stops_on`]); `None` if it
    /// has not, or was started since.
    pub fn stopped(&self, addr: Addr) -> Option<String> {
        let seat = &self.world.core.seats[self.place(addr)];
        seat.stopped.clone()
    }
    /// Damages a file on the disk of a node that is down: the next start reads what `change` made of
    /// it.
    #[track_caller]
    pub fn damage(&mut self, addr: Addr, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let i = self.place(addr);
        if self.world.core.seats[i].machine.is_up() {
            self.fail(format!("{addr} is up; crash it before its disk is damaged"));
        }
        if !self.world.core.seats[i].machine.disk.damage(file, change) {
            self.fail(format!("{addr} has no file {file:?} that could be damaged"));
        }
    }
    /// The node starts again with an empty disk.
    #[track_caller]
    pub fn restart_with_amnesia(&mut self, addr: Addr) {
        self.seat(addr).erased = true;
        self.restart(addr);
    }
    /// The node handles nothing from here on: messages wait, timers are late.
    #[track_caller]
    pub fn pause(&mut self, addr: Addr) {
        let i = self.up(addr);
        self.world.pause(i);
        self.go_on();
    }
    /// In its next handler that asks for more than `k` effects, the node is paused after the first
    /// `k`; the others leave on resume.
    #[track_caller]
    pub fn pause_at_effect(&mut self, addr: Addr, k: usize) {
        let i = self.up(addr);
        self.world.core.seats[i].armed = Some(Plan::PauseAt(k));
    }
    /// The node goes on: held effects leave, late timers fire, waiting messages are handled.
    #[track_caller]
    pub fn resume(&mut self, addr: Addr) {
        let i = self.up(addr);
        self.world.resume(i);
        self.go_on();
    }
    /// The node's next sync takes until [`Script::finish_sync`].
    #[track_caller]
    pub fn slow_sync(&mut self, addr: Addr) {
        self.seat(addr).slow_next = Some(None);
    }
    /// The slow sync ends well.
    #[track_caller]
    pub fn finish_sync(&mut self, addr: Addr) {
        let i = self.up(addr);
        if !self.world.core.seats[i].machine.is_syncing() {
            self.fail(format!(
                "{addr} has no sync under way; it should have one here"
            ));
        }
        self.world.finish_sync(i);
        self.go_on();
    }
    /// The node's next sync fails.
    #[track_caller]
    pub fn fail_next_sync(&mut self, addr: Addr) {
        self.seat(addr).fail_next_sync = true;
    }
    /// So many bytes more fit on the node's disk.
    #[track_caller]
    pub fn leave_room(&mut self, addr: Addr, bytes: u64) {
        let disk = &mut self.seat(addr).machine.disk;
        let room = disk.used_bytes().saturating_add(bytes);
        disk.set_capacity(room);
    }
    /// The wall clock of the node steps by so many microseconds.
    #[track_caller]
    pub fn step_wall(&mut self, addr: Addr, micros: i64) {
        let i = self.place(addr);
        self.world.step_wall(i, micros);
        self.go_on();
    }
    /// The clocks of the node run so many parts per million fast from here on (slow if negative).
    #[track_caller]
    pub fn set_rate(&mut self, addr: Addr, ppm: i32) {
        let i = self.place(addr);
        self.world.set_rate(i, ppm);
        self.go_on();
    }
    /// What the node's next `set_timer_within` draws come to, in order (held within their ranges).
    pub fn next_within(&mut self, addr: Addr, draws: &[Duration]) {
        self.seat(addr).dice.told_within.extend(draws);
    }
    /// What the node's next `choose` draws come to, in order.
    pub fn next_choices(&mut self, addr: Addr, draws: &[u32]) {
        self.seat(addr).dice.told_choice.extend(draws);
    }
    /// A file of the node's disk as reads see it: for tests of a given format only.
    pub fn file(&self, addr: Addr, file: &str) -> Option<Vec<u8>> {
        let disk = &self.world.core.seats[self.place(addr)].machine.disk;
        disk.read(file).map(<[u8]>::to_vec)
    }
    /// How many syncs the node has made.
    pub fn count_syncs(&self, addr: Addr) -> usize {
        self.world.core.seats[self.place(addr)].syncs as usize
    }
}
