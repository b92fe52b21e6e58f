//! [`Script`]: a schedule written by hand: the test says what the network and the machines do.

use crate::call::Call;
use crate::check::Checker;
use crate::disk::Kept;
use crate::machine::Machine;
use crate::scenario::Scenario;
use crate::time::SimTime;
use node::{Addr, LocalTime, Node, OpId};
use std::fmt::{Debug, Display};
use std::time::Duration;

/// A world that does what a test tells it to.
///
/// Nothing is random here: every message takes the scenario's shortest delay, clocks do not drift,
/// `set_timer_within` takes the start of its range and `choose` takes 0, unless the script says
/// otherwise. The checkers run after every event; a violation ends the script at once.
#[allow(dead_code)]
pub struct Script<N: Node, C: Checker<N>> {
    pub(crate) scenario: Scenario<N>,
    pub(crate) checker: C,
}

/// All that a state of a run is made of: where an exploration may begin.
pub struct Snapshot<N: Node, C> {
    /// True time.
    pub now: SimTime,
    /// In the scenario's order.
    pub machines: Vec<Machine<N>>,
    /// Each node's clock now, in the scenario's order.
    pub clocks: Vec<LocalTime>,
    /// Pending timers and when they are due on their node's clock.
    pub timers: Vec<(Addr, N::Timer, LocalTime)>,
    /// Messages under way or held: sender, receiver, content.
    pub messages: Vec<(Addr, Addr, N::Msg)>,
    /// Links that are cut, in that direction.
    pub cut: Vec<(Addr, Addr)>,
    /// The calls so far.
    pub calls: Vec<Call<N::Op, N::Ret>>,
    /// The checkers with their memory.
    pub checker: C,
}

#[allow(unused_variables, clippy::todo)]
impl<N: Node, C: Checker<N>> Script<N, C> {
    /// A client asks the node; the operation's effects leave at once. Returns its name.
    #[track_caller]
    pub fn op(&mut self, node: Addr, op: N::Op) -> OpId {
        todo!()
    }
    /// The client of `id` goes away.
    #[track_caller]
    pub fn cancel(&mut self, id: OpId) {
        todo!()
    }
    /// The last answer to `id`, if it came.
    pub fn answer(&self, id: OpId) -> Option<&N::Ret> {
        todo!()
    }
    /// All answers to `id` so far.
    pub fn answers(&self, id: OpId) -> Vec<&N::Ret> {
        todo!()
    }
    /// Lets true time pass.
    #[track_caller]
    pub fn run_for(&mut self, time: Duration) {
        todo!()
    }
    /// Lets time pass until `done`, at most for `limit`; tells whether it came to that.
    #[track_caller]
    pub fn run_until(&mut self, limit: Duration, done: impl FnMut(&Self) -> bool) -> bool {
        todo!()
    }
    /// Messages from `from` to `to` wait from here on.
    #[track_caller]
    pub fn hold(&mut self, from: Addr, to: Addr) {
        todo!()
    }
    /// All messages of all links wait from here on; [`Script::deliver`] them one by one.
    #[track_caller]
    pub fn hold_all(&mut self) {
        todo!()
    }
    /// What waited from `from` to `to` leaves now, in the order in which it was sent, and the link
    /// is open again.
    #[track_caller]
    pub fn release(&mut self, from: Addr, to: Addr) {
        todo!()
    }
    /// All that waits leaves now, and all links are open again.
    #[track_caller]
    pub fn release_all(&mut self) {
        todo!()
    }
    /// Messages that wait: sender, receiver, content, in the order in which they were sent.
    pub fn waiting(&self) -> Vec<(Addr, Addr, &N::Msg)> {
        todo!()
    }
    /// Delivers, now, the first waiting message from `from` to `to` that `which` accepts. Fails the
    /// test if there is none.
    #[track_caller]
    pub fn deliver(&mut self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) {
        todo!()
    }
    /// Loses the first waiting message from `from` to `to` that `which` accepts.
    #[track_caller]
    pub fn lose(&mut self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) {
        todo!()
    }
    /// Loses the next `n` messages sent from `from` to `to`.
    #[track_caller]
    pub fn drop_next(&mut self, from: Addr, to: Addr, n: usize) {
        todo!()
    }
    /// The next message sent from `from` to `to` arrives a second time, `later` after the first.
    #[track_caller]
    pub fn duplicate_next(&mut self, from: Addr, to: Addr, later: Duration) {
        todo!()
    }
    /// Messages sent from `from` to `to` from here on take so long.
    #[track_caller]
    pub fn delay(&mut self, from: Addr, to: Addr, delay: Duration) {
        todo!()
    }
    /// What is sent from `from` to `to` is lost from here on.
    #[track_caller]
    pub fn cut_link(&mut self, from: Addr, to: Addr) {
        todo!()
    }
    /// The link from `from` to `to` carries messages again.
    #[track_caller]
    pub fn heal_link(&mut self, from: Addr, to: Addr) {
        todo!()
    }
    /// Cuts all links of `addr`, both ways.
    #[track_caller]
    pub fn isolate(&mut self, addr: Addr) {
        todo!()
    }
    /// Cuts all links between the groups, both ways; a node in no group keeps its links.
    #[track_caller]
    pub fn partition(&mut self, groups: &[&[Addr]]) {
        todo!()
    }
    /// All links carry messages again.
    #[track_caller]
    pub fn heal(&mut self) {
        todo!()
    }
    /// The node crashes; its disk keeps what was synced.
    #[track_caller]
    pub fn crash(&mut self, addr: Addr) {
        todo!()
    }
    /// The node crashes; `keep` says what its disk keeps of the unsynced writes of each file.
    #[track_caller]
    pub fn crash_keeping(&mut self, addr: Addr, keep: impl FnMut(&str) -> Kept) {
        todo!()
    }
    /// In its next handler that asks for more than `k` effects, the node crashes after the first
    /// `k` of them; the disk keeps what was synced.
    #[track_caller]
    pub fn crash_at_effect(&mut self, addr: Addr, k: usize) {
        todo!()
    }
    /// The node starts again after a crash.
    #[track_caller]
    pub fn restart(&mut self, addr: Addr) {
        todo!()
    }
    /// The node starts again with an empty disk.
    #[track_caller]
    pub fn restart_with_amnesia(&mut self, addr: Addr) {
        todo!()
    }
    /// The node handles nothing from here on: messages wait, timers are late.
    #[track_caller]
    pub fn pause(&mut self, addr: Addr) {
        todo!()
    }
    /// In its next handler that asks for more than `k` effects, the node is paused after the first
    /// `k`; the others leave on resume.
    #[track_caller]
    pub fn pause_at_effect(&mut self, addr: Addr, k: usize) {
        todo!()
    }
    /// The node goes on: held effects leave, late timers fire, waiting messages are handled.
    #[track_caller]
    pub fn resume(&mut self, addr: Addr) {
        todo!()
    }
    /// The node's next sync takes until [`Script::finish_sync`].
    #[track_caller]
    pub fn slow_sync(&mut self, addr: Addr) {
        todo!()
    }
    /// The slow sync ends well.
    #[track_caller]
    pub fn finish_sync(&mut self, addr: Addr) {
        todo!()
    }
    /// The node's next sync fails.
    #[track_caller]
    pub fn fail_next_sync(&mut self, addr: Addr) {
        todo!()
    }
    /// So many bytes more fit on the node's disk.
    #[track_caller]
    pub fn leave_room(&mut self, addr: Addr, bytes: u64) {
        todo!()
    }
    /// The wall clock of the node steps by so many microseconds.
    #[track_caller]
    pub fn step_wall(&mut self, addr: Addr, micros: i64) {
        todo!()
    }
    /// The clocks of the node run so many parts per million fast from here on (slow if negative).
    #[track_caller]
    pub fn set_rate(&mut self, addr: Addr, ppm: i32) {
        todo!()
    }
    /// What the node's next `set_timer_within` draws come to, in order (held within their ranges).
    pub fn next_within(&mut self, addr: Addr, draws: &[Duration]) {
        todo!()
    }
    /// What the node's next `choose` draws come to, in order.
    pub fn next_choices(&mut self, addr: Addr, draws: &[u32]) {
        todo!()
    }
    /// Fires a pending timer of the node now, before it is due. Fails the test if it is not
    /// pending.
    #[track_caller]
    pub fn fire(&mut self, addr: Addr, timer: &N::Timer) {
        todo!()
    }
    /// The node's pending timers.
    pub fn timers(&self, addr: Addr) -> Vec<&N::Timer> {
        todo!()
    }
    /// The node's view now; `None` if it is down or in the middle of a step.
    pub fn view(&self, addr: Addr) -> Option<N::View> {
        todo!()
    }
    /// A file of the node's disk as reads see it: for tests of a given format only.
    pub fn file(&self, addr: Addr, file: &str) -> Option<Vec<u8>> {
        todo!()
    }
    /// True time.
    pub fn now(&self) -> SimTime {
        todo!()
    }
    /// When, in true time, the node's clock shows `local`.
    pub fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime {
        todo!()
    }
    /// All calls so far.
    pub fn history(&self) -> &[Call<N::Op, N::Ret>] {
        todo!()
    }
    /// How many messages from `from` to `to` that `which` accepts were sent so far.
    pub fn count_sent(&self, from: Addr, to: Addr, which: impl Fn(&N::Msg) -> bool) -> usize {
        todo!()
    }
    /// How many syncs the node has made.
    pub fn count_syncs(&self, addr: Addr) -> usize {
        todo!()
    }
    /// Counts as a check; ends the script as a failure if it does not hold.
    #[track_caller]
    pub fn expect(&mut self, holds: bool, message: impl Display) {
        todo!()
    }
    /// As [`Script::expect`] for two values that must be equal: `seen` and `wanted`.
    #[track_caller]
    pub fn expect_eq<T: PartialEq + Debug>(&mut self, seen: T, wanted: T, message: impl Display) {
        todo!()
    }
    /// The state now: where an exploration may begin.
    pub fn snapshot(&self) -> Snapshot<N, C> {
        todo!()
    }
}
