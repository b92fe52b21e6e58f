//! [`Seat`]: one machine in the world: its clock, timers, queue and randomness.

use crate::cause::{Cause, Occasion};
use crate::clock::Clock;
use crate::disk::Kept;
use crate::key::Draw;
use crate::machine::{Dice, Machine, Plan, SyncFate};
use crate::net::Flight;
use crate::queue::{Queue, What};
use crate::time::micros;
use node::driver::{FileName, Moment, TimerChange};
use node::{Addr, LocalTime, Node, OpId};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The kinds of draws that are no faults; they share the numbers of [`crate::key::FaultKind`].
pub(crate) const WITHIN: u8 = 100;
pub(crate) const CHOOSE: u8 = 101;
pub(crate) const MESSAGE: u8 = 102;
pub(crate) const CLIENT: u8 = 103;
pub(crate) const HANDLER: u8 = 104;

/// A node's randomness: keyed by the handler and the number of the draw in it, or told by a script.
#[derive(Clone, Default)]
pub(crate) struct NodeDice {
    seed: u64,
    /// Scripts: the least value unless one was told.
    fixed: bool,
    occasion: Occasion,
    draws: u64,
    pub(crate) told_within: VecDeque<Duration>,
    pub(crate) told_choice: VecDeque<u32>,
}

impl NodeDice {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        NodeDice {
            seed: seed.unwrap_or(0),
            fixed: seed.is_none(),
            ..NodeDice::default()
        }
    }

    fn begin(&mut self, occasion: Occasion) {
        self.occasion = occasion;
        self.draws = 0;
    }

    fn draw(&mut self, kind: u8) -> Draw {
        self.draws += 1;
        self.occasion.draw(kind, self.seed).again(self.draws)
    }
}

impl Dice for NodeDice {
    fn choose(&mut self, n: u32) -> u32 {
        if self.fixed {
            return self.told_choice.pop_front().unwrap_or(0).min(n - 1);
        }
        self.draw(CHOOSE).below(u64::from(n)) as u32
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        if self.fixed {
            let told = self.told_within.pop_front().unwrap_or(within.start);
            return told.max(within.start).min(within.end);
        }
        let span = micros(within.end.saturating_sub(within.start));
        within.start + Duration::from_micros(self.draw(WITHIN).below(span.max(1)))
    }
}

/// A timer that is pending, or that was: its place stays taken while the queue knows it.
#[derive(Clone)]
pub(crate) struct Pending<T> {
    pub(crate) timer: T,
    pub(crate) active: bool,
    /// On the node's own clock.
    pub(crate) due: LocalTime,
    /// The earliest true time at which the queue will ask for it; `u64::MAX` is never.
    queued: u64,
}

/// What a paused node will handle.
pub(crate) enum Waiting<N: Node> {
    Message(Flight<N::Msg>),
    Timer(N::Timer),
    Op(OpId),
    Cancel(OpId),
}

impl<N: Node> Clone for Waiting<N> {
    fn clone(&self) -> Self {
        match self {
            Waiting::Message(flight) => Waiting::Message(flight.clone()),
            Waiting::Timer(timer) => Waiting::Timer(timer.clone()),
            Waiting::Op(id) => Waiting::Op(*id),
            Waiting::Cancel(id) => Waiting::Cancel(*id),
        }
    }
}

pub(crate) struct Seat<N: Node> {
    pub(crate) machine: Machine<N>,
    pub(crate) clock: Clock,
    pub(crate) timers: Vec<Pending<N::Timer>>,
    pub(crate) waiting: VecDeque<Waiting<N>>,
    /// How many of those are timers: seldom any, and then they are looked for at each change.
    late: usize,
    pub(crate) dice: NodeDice,
    /// The handler that runs, or ran last.
    pub(crate) occasion: Occasion,
    /// How often each timer has fired so far, and how often the node has booted.
    firings: BTreeMap<u32, u64>,
    /// Syncs asked for so far.
    pub(crate) syncs: u64,
    /// For the next handler with more effects than it says.
    pub(crate) armed: Option<Plan>,
    /// The next sync is to be slow until a script ends it, or by a strike for so many microseconds.
    pub(crate) slow_next: Option<Option<u64>>,
    pub(crate) fail_next_sync: bool,
    /// What a schedule of the explorer says of the next syncs, and of what the next crash keeps.
    pub(crate) told_syncs: VecDeque<SyncFate>,
    pub(crate) told_kept: Vec<(FileName, Kept)>,
    /// Counts crashes and pauses, so that what was planned before one finds nothing after it.
    pub(crate) epoch: u16,
    /// The lost disk is noticed at the next start.
    pub(crate) erased: bool,
    pub(crate) disk_room: u64,
    /// What it said when it last stopped itself, if it has not started since.
    pub(crate) stopped: Option<String>,
}

impl<N: Node> Seat<N> {
    pub(crate) fn new(addr: Addr, cfg: Arc<N::Config>, room: u64, seed: Option<u64>) -> Self {
        let mut machine = Machine::new(addr, cfg);
        machine.disk.set_capacity(room);
        Seat {
            machine,
            clock: Clock::default(),
            timers: Vec::new(),
            waiting: VecDeque::new(),
            late: 0,
            dice: NodeDice::new(seed),
            occasion: Occasion::default(),
            firings: BTreeMap::new(),
            syncs: 0,
            armed: None,
            slow_next: None,
            fail_next_sync: false,
            told_syncs: VecDeque::new(),
            told_kept: Vec::new(),
            epoch: 0,
            erased: false,
            disk_room: room,
            stopped: None,
        }
    }

    /// A handler is to run for `cause`: its draws are named after it.
    #[inline]
    pub(crate) fn begin(&mut self, cause: &Cause<'_, N::Timer>) {
        let mut occasion = cause.at(self.machine.addr().0);
        if let Cause::Boot | Cause::Timer(_) = cause {
            let firings = self.firings.entry(occasion.what()).or_default();
            occasion = occasion.nth(*firings);
            *firings += 1;
        }
        self.occasion = occasion;
        self.dice.begin(occasion);
    }

    #[inline]
    pub(crate) fn moment(&self, now: u64) -> Moment {
        Moment {
            me: self.machine.addr(),
            now: self.clock.local(now),
            wall: self.clock.wall(now),
        }
    }

    /// Timers take effect when the handler ends. One that came due while the node stood still and
    /// has not fired yet is pending still: it can be stopped, and be set anew.
    pub(crate) fn change_timers(
        &mut self,
        place: u16,
        now: u64,
        changes: &mut Vec<TimerChange<N::Timer>>,
        queue: &mut Queue,
    ) {
        for change in changes.drain(..) {
            if self.late > 0 {
                let (TimerChange::Set(timer, _) | TimerChange::Cancel(timer)) = &change;
                let before = self.waiting.len();
                self.waiting
                    .retain(|w| !matches!(w, Waiting::Timer(late) if late == timer));
                self.late -= before - self.waiting.len();
            }
            match change {
                TimerChange::Set(timer, after) => self.set_timer(place, now, timer, after, queue),
                TimerChange::Cancel(timer) => {
                    if let Some(p) = self.timers.iter_mut().find(|p| p.timer == timer) {
                        p.active = false;
                    }
                }
            }
        }
    }

    fn set_timer(
        &mut self,
        place: u16,
        now: u64,
        timer: N::Timer,
        after: Duration,
        queue: &mut Queue,
    ) {
        let due = self.clock.local(now) + after;
        let entry = self.entry_of(timer);
        let pending = &mut self.timers[entry];
        pending.active = true;
        pending.due = due;
        // A timer that is only moved later keeps its old place in the queue, and is put back when
        // it comes up: an election timer is moved by every heartbeat.
        let at = self.clock.true_time(due).as_micros().max(now);
        if at < pending.queued {
            pending.queued = at;
            let entry = entry as u16;
            queue.push(at, What::Timer { seat: place, entry });
        }
    }

    fn entry_of(&mut self, timer: N::Timer) -> usize {
        let mut free = None;
        for (i, p) in self.timers.iter().enumerate() {
            if p.timer == timer {
                return i;
            }
            if !p.active && p.queued == u64::MAX {
                free = Some(i);
            }
        }
        let fresh = Pending {
            timer,
            active: false,
            due: LocalTime::default(),
            queued: u64::MAX,
        };
        match free {
            Some(i) => self.timers[i] = fresh,
            None => self.timers.push(fresh),
        }
        free.unwrap_or(self.timers.len() - 1)
    }

    /// The queue asks for a timer at `now`: `Some` if it fires.
    #[inline]
    pub(crate) fn timer_due(
        &mut self,
        place: u16,
        entry: u16,
        now: u64,
        queue: &mut Queue,
    ) -> Option<N::Timer> {
        let at = self
            .clock
            .true_time(self.timers.get(usize::from(entry))?.due);
        let pending = self.timers.get_mut(usize::from(entry))?;
        if pending.queued != now {
            return None; // A later or earlier asking for the same place counts.
        }
        pending.queued = u64::MAX;
        if !pending.active {
            return None;
        }
        if at.as_micros() > now {
            pending.queued = at.as_micros();
            queue.push(at.as_micros(), What::Timer { seat: place, entry });
            return None;
        }
        pending.active = false;
        Some(pending.timer.clone())
    }

    /// The clock's rate has changed: every pending timer is due at another true time.
    pub(crate) fn requeue_timers(&mut self, place: u16, now: u64, queue: &mut Queue) {
        for (entry, pending) in self.timers.iter_mut().enumerate() {
            if pending.active {
                let at = self.clock.true_time(pending.due).as_micros().max(now);
                pending.queued = at;
                let entry = entry as u16;
                queue.push(at, What::Timer { seat: place, entry });
            }
        }
    }

    /// A crash: timers, waiting input and held effects are gone.
    pub(crate) fn forget(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        for pending in &mut self.timers {
            pending.active = false;
        }
        self.waiting.clear();
        self.late = 0;
        self.armed = None;
    }

    /// What comes while the node stands still.
    pub(crate) fn wait(&mut self, input: Waiting<N>) {
        self.late += usize::from(matches!(input, Waiting::Timer(_)));
        self.waiting.push_back(input);
    }

    pub(crate) fn next_waiting(&mut self) -> Option<Waiting<N>> {
        let input = self.waiting.pop_front()?;
        self.late -= usize::from(matches!(input, Waiting::Timer(_)));
        Some(input)
    }

    /// All that waits, which waits no longer.
    pub(crate) fn take_waiting(&mut self) -> VecDeque<Waiting<N>> {
        self.late = 0;
        std::mem::take(&mut self.waiting)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.machine.is_up() && !self.machine.is_paused()
    }
}
