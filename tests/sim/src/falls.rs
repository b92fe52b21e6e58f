//! Machines that crash, stand still and go on.

use crate::cause::Cause;
use crate::check::{Checker, Event};
use crate::disk::{Kept, size};
use crate::fate::draw_within;
use crate::key::{Draw, FaultKind};
use crate::machine::Plan;
use crate::queue::What;
use crate::seat::HANDLER;
use crate::trace::Kind;
use crate::world::World;
use node::Node;
use node::driver::DiskOp;

impl<N: Node, C: Checker<N>> World<N, C> {
    /// Room for one more node that is down or paused.
    pub(crate) fn may_fall(&self) -> bool {
        let seats = self.core.seats.iter();
        seats.filter(|s| !s.is_ready()).count() < self.core.scenario.faults.max_down
    }

    pub(crate) fn crash_for(&mut self, i: usize, draw: Draw, erase: bool) -> bool {
        let was_up = self.core.seats[i].machine.is_up();
        let was_ready = self.core.seats[i].is_ready();
        if !was_up || (was_ready && !self.may_fall()) {
            return false;
        }
        if erase {
            self.core.seats[i].erased = true;
            self.core.chaos.erased += 1;
        }
        self.fall(i, draw);
        self.went_down_until(i, if erase { "and its disk is lost" } else { "" }, draw);
        true
    }

    pub(crate) fn pause_for(&mut self, i: usize, draw: Draw) -> bool {
        if !self.core.seats[i].is_ready() || !self.may_fall() {
            return false;
        }
        self.pause(i);
        self.resume_after(i, draw);
        true
    }

    pub(crate) fn resume_after(&mut self, i: usize, draw: Draw) {
        let time = draw_within(draw.again(7), &self.core.scenario.faults.pause_for);
        let (seat, epoch) = (i as u16, self.core.seats[i].epoch);
        let at = self.core.net.now + time;
        self.core.net.queue.push(at, What::Resume { seat, epoch });
    }

    pub(crate) fn pause(&mut self, i: usize) {
        self.core.seats[i].machine.pause();
        self.paused(i, "");
    }

    pub(crate) fn paused(&mut self, i: usize, how: &str) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin_text(Kind::Pause, now, addr, how);
        }
        self.after(i, Event::Pause);
    }

    /// A handler was paused between two of its effects.
    pub(crate) fn stalled(&mut self, i: usize) {
        self.paused(i, "between two effects of one handler");
        if !self.core.net.scripted {
            let draw = self.mid_handler_draw(i);
            self.resume_after(i, draw);
        }
    }

    pub(crate) fn resume(&mut self, i: usize) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin(Kind::Resume, now, addr);
        }
        let progress = self.with_host(i, |machine, host| machine.resume(host));
        self.went_on(i, progress);
        self.catch_up(i);
    }

    pub(crate) fn finish_sync(&mut self, i: usize) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin_text(Kind::Note, now, addr, "its slow sync has ended");
        }
        let progress = self.with_host(i, |machine, host| machine.finish_sync(host));
        self.went_on(i, progress);
    }

    /// Draws that belong to the handler that just ran.
    pub(crate) fn mid_handler_draw(&self, i: usize) -> Draw {
        let occasion = self.core.seats[i].occasion;
        occasion.draw(FaultKind::Cut as u8, self.core.net.fate.seed)
    }

    /// How far the effects of the handler that just ran are carried out.
    pub(crate) fn plan(&mut self, i: usize, cause: &Cause<'_, N::Timer>) -> Plan {
        let effects = self.core.effects();
        let seat = &mut self.core.seats[i];
        if let Some(Plan::CutAt(k) | Plan::PauseAt(k)) = seat.armed
            && k < effects
        {
            return seat.armed.take().unwrap_or_default();
        }
        let fate = &self.core.net.fate;
        let (cut, stall) = (
            self.core.scenario.faults.cut,
            self.core.scenario.faults.stall,
        );
        if self.core.net.scripted || fate.calm || cut + stall <= 0.0 {
            return Plan::All;
        }
        // One draw for both, with thresholds: this is asked for every handler of a run.
        let (addr, occasion) = (seat.machine.addr(), seat.occasion);
        let bits = occasion.draw(HANDLER, fate.seed).bits();
        let below = |word: u64, rate: f64| (word as f64) < rate * (1u64 << 32) as f64;
        let kind = if below(bits & 0xffff_ffff, cut) {
            FaultKind::Cut
        } else if below(bits >> 32, stall) {
            FaultKind::Stall
        } else {
            return Plan::All;
        };
        let key = cause.fault(kind, occasion);
        let strikes = self.core.scenario.faults.strikes(kind, addr);
        if !fate.admits(key) || !strikes || !self.may_fall() {
            return Plan::All;
        }
        self.core.net.fate.note(key);
        let draw = key.draw(self.core.net.fate.seed);
        let k = draw.again(1).below(effects as u64 + 1) as usize;
        match kind {
            FaultKind::Cut => Plan::CutAt(k),
            _ => Plan::PauseAt(k),
        }
    }

    /// The machine is down; `draw` says what its disk keeps of what was not synced.
    pub(crate) fn fall(&mut self, i: usize, draw: Draw) {
        let (scripted, mut file) = (self.core.net.scripted, 0);
        let told = std::mem::take(&mut self.core.seats[i].told_kept);
        self.fall_keeping(i, |name, pending| {
            if scripted {
                let of = told.iter().find(|(file, _)| **file == *name);
                return of.map_or(Kept::SYNCED, |(_, kept)| *kept);
            }
            file += 2;
            let whole = draw.again(100 + file).below(pending.len() as u64 + 1) as usize;
            let next = pending.get(whole).map_or(0, size) as u64;
            let torn = draw.again(101 + file).below(next + 1) as usize;
            Kept { whole, torn }
        });
    }

    pub(crate) fn fall_keeping(&mut self, i: usize, mut keep: impl FnMut(&str, &[DiskOp]) -> Kept) {
        let seat = &mut self.core.seats[i];
        seat.machine.crash(|name, pending| keep(name, pending));
        seat.forget();
        let (now, addr) = (self.core.net.now, seat.machine.addr());
        for call in &mut self.core.net.calls {
            if call.node == addr && !call.done && !call.gone {
                call.gone = true;
                if let Some(client) = call.client {
                    self.core.net.queue.push(now, What::Turn(client));
                }
            }
        }
    }

    /// The checkers and the trace hear of a machine that fell.
    pub(crate) fn went_down(&mut self, i: usize, how: &str) {
        let draw = self.mid_handler_draw(i);
        self.went_down_until(i, how, draw);
    }

    pub(crate) fn went_down_until(&mut self, i: usize, how: &str, draw: Draw) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin_text(Kind::Crash, now, addr, how);
        }
        self.after(i, Event::Crash);
        let stopped = self.core.seats[i].stopped.is_some();
        if !self.core.net.scripted && !stopped {
            let time = draw_within(draw.again(8), &self.core.scenario.faults.down_for);
            let (seat, epoch) = (i as u16, self.core.seats[i].epoch);
            let at = (now + time).min(self.horizon().max(now));
            self.core.net.queue.push(at, What::Restart { seat, epoch });
        }
    }
}
