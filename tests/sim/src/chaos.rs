//! What goes wrong in a random run, and what a script orders: crashes, pauses, cuts of links.

use crate::check::{Checker, Event};
use crate::fate::draw_within;
use crate::fault::Strike;
use crate::key::{Draw, FaultKey, FaultKind};
use crate::machine::Plan;
use crate::queue::What;
use crate::time::micros;
use crate::trace::{Kind, clock_text};
use crate::world::World;
use node::Node;

/// The faults of a run that are planned by time slots, and the cuts that will heal.
#[derive(Clone, Default)]
pub(crate) struct Chaos {
    pub(crate) strikes: Vec<FaultKey>,
    pub(crate) cuts: Vec<Vec<(u16, u16)>>,
    pub(crate) erased: usize,
}

const PER_NODE: [FaultKind; 5] = [
    FaultKind::Crash,
    FaultKind::Amnesia,
    FaultKind::Step,
    FaultKind::Pause,
    FaultKind::FullDisk,
];

impl<N: Node, C: Checker<N>> World<N, C> {
    /// What is drawn before the first boot, and the first time slot.
    pub(crate) fn begin_chaos(&mut self) {
        let scenario = self.core.scenario.clone();
        let bound = u64::from(scenario.drift_ppm);
        for i in 0..self.core.seats.len() {
            let key = FaultKey::node(FaultKind::Drift, self.addr(i).0, 0);
            let struck = scenario.faults.strikes(FaultKind::Drift, self.addr(i));
            if struck && bound > 0 && self.core.net.fate.has(key, scenario.faults.drift) {
                let draw = key.draw(self.core.net.fate.seed).again(1);
                let ppm = draw.below(2 * bound + 1) as i64 - bound as i64;
                self.core.net.fate.note(key);
                self.core.seats[i].clock.set_ppm(0, ppm as i32);
                self.tell(i, Kind::Clock, rate_text(ppm as i32));
            }
        }
        self.core.net.queue.push(0, What::Slot(0));
        let horizon = self.horizon();
        self.core.net.queue.push(horizon, What::Quiet);
    }

    pub(crate) fn plan_comes_up(&mut self, what: What) {
        match what {
            What::Flight(_) | What::Timer { .. } => {}
            What::Slot(slot) => self.slot(slot),
            What::Strike(n) => {
                let key = self.core.chaos.strikes[n as usize];
                if !self.core.net.fate.calm && self.strike(key) {
                    self.core.net.fate.note(key);
                }
            }
            What::Heal(n) => self.heal_cut(n as usize),
            What::Restart { seat, epoch } => {
                let s = &self.core.seats[usize::from(seat)];
                if s.epoch == epoch && !s.machine.is_up() {
                    self.boot(seat.into());
                }
            }
            What::Resume { seat, epoch } => {
                let s = &self.core.seats[usize::from(seat)];
                if s.epoch == epoch && s.machine.is_paused() {
                    self.resume(seat.into());
                }
            }
            What::SyncDone { seat, epoch } => {
                let s = &self.core.seats[usize::from(seat)];
                if s.epoch == epoch && s.machine.is_syncing() {
                    self.finish_sync(seat.into());
                }
            }
            What::Room(seat) => {
                let seat = &mut self.core.seats[usize::from(seat)];
                seat.machine.disk.set_capacity(seat.disk_room);
            }
            What::Turn(client) => self.turn(client),
            What::Ask(client) => self.client_asks(client),
            What::GiveUp(call) => self.give_up(call as usize),
            What::Quiet => self.quiet(),
        }
    }

    fn slot(&mut self, slot: u32) {
        let scenario = self.core.scenario.clone();
        let (faults, n) = (&scenario.faults, u64::from(slot));
        let rates = [
            faults.crash,
            faults.amnesia,
            faults.wall_step,
            faults.pause,
            faults.full_disk,
        ];
        for (kind, rate) in PER_NODE.into_iter().zip(rates) {
            if rate <= 0.0 {
                continue;
            }
            for i in 0..self.core.seats.len() {
                let addr = self.addr(i);
                if faults.strikes(kind, addr) {
                    self.draw_strike(FaultKey::node(kind, addr.0, n), rate);
                }
            }
        }
        self.draw_strike(FaultKey::node(FaultKind::Partition, 0, n), faults.partition);
        for (i, aim) in faults.aimed.iter().enumerate() {
            self.draw_strike(FaultKey::node(FaultKind::Aimed, i as u32, n), aim.rate);
        }
        let next = self.core.net.now + micros(faults.slot).max(1);
        if next < self.horizon() {
            self.core.net.queue.push(next, What::Slot(slot + 1));
        }
    }

    fn draw_strike(&mut self, key: FaultKey, rate: f64) {
        if !self.core.net.fate.has(key, rate) {
            return;
        }
        let slot = micros(self.core.scenario.faults.slot).max(1);
        let draw = key.draw(self.core.net.fate.seed);
        let at = self.core.net.now + draw.again(1).below(slot);
        self.core.chaos.strikes.push(key);
        let n = self.core.chaos.strikes.len() - 1;
        self.core.net.queue.push(at, What::Strike(n as u32));
    }

    /// Carries out a planned fault; false if it found nothing to strike.
    fn strike(&mut self, key: FaultKey) -> bool {
        let draw = key.draw(self.core.net.fate.seed);
        let node = self.core.net.place(node::Addr(key.a)).map(usize::from);
        let scenario = self.core.scenario.clone();
        let faults = &scenario.faults;
        match (key.kind, node) {
            (FaultKind::Partition, _) => {
                let cut = self.draw_cut(draw);
                let time = draw_within(draw.again(2), &faults.partition_for);
                self.cut_for(cut, time)
            }
            (FaultKind::Aimed, _) => self.strike_role(key, draw),
            (FaultKind::Crash, Some(i)) => self.crash_for(i, draw, false),
            (FaultKind::Amnesia, Some(i)) => {
                self.core.chaos.erased < faults.max_amnesia && self.crash_for(i, draw, true)
            }
            (FaultKind::Pause, Some(i)) => self.pause_for(i, draw),
            (FaultKind::Step, Some(i)) => self.step_drawn(i, draw),
            (FaultKind::FullDisk, Some(i)) => {
                let disk = &mut self.core.seats[i].machine.disk;
                let used = disk.used_bytes();
                disk.set_capacity(used);
                self.tell(i, Kind::Note, "its disk is full".to_string());
                let at = self.core.net.now + micros(faults.slot);
                self.core.net.queue.push(at, What::Room(i as u16));
                true
            }
            _ => false,
        }
    }

    fn strike_role(&mut self, key: FaultKey, draw: Draw) -> bool {
        let scenario = self.core.scenario.clone();
        let aim = &scenario.faults.aimed[key.a as usize];
        let n = self.core.seats.len();
        let start = draw.again(3).below(n as u64) as usize;
        let has_role = |i: &usize| {
            let seat = &self.core.seats[*i];
            let view = seat.machine.view(seat.clock.local(self.core.net.now));
            view.is_some_and(|v| (aim.who)(&v))
        };
        let found = (0..n).map(|k| (start + k) % n).find(has_role);
        let Some(i) = found else { return false };
        let others: Vec<u16> = (0..n as u16).filter(|j| usize::from(*j) != i).collect();
        let (out, into) = (
            others.iter().map(|j| (i as u16, *j)).collect::<Vec<_>>(),
            others.iter().map(|j| (*j, i as u16)).collect::<Vec<_>>(),
        );
        let time = draw_within(draw.again(2), &scenario.faults.partition_for);
        let k = draw.again(4).below(4) as usize;
        match aim.with {
            Strike::Crash => self.crash_for(i, draw, false),
            Strike::Pause => self.pause_for(i, draw),
            Strike::Cut => self.may_fall() && self.arm(i, Plan::CutAt(k)),
            Strike::Stall => self.may_fall() && self.arm(i, Plan::PauseAt(k)),
            Strike::Isolate => self.cut_for([out, into].concat(), time),
            Strike::Mute => self.cut_for(out, time),
            Strike::Deafen => self.cut_for(into, time),
            Strike::SlowSync => {
                let time = draw_within(draw.again(5), &scenario.faults.slow_for);
                self.core.seats[i].slow_next = Some(Some(time));
                true
            }
            Strike::Step => self.step_drawn(i, draw),
        }
    }

    fn arm(&mut self, i: usize, plan: Plan) -> bool {
        self.core.seats[i].armed = Some(plan);
        true
    }

    fn step_drawn(&mut self, i: usize, draw: Draw) -> bool {
        let by = draw_within(draw.again(5), &self.core.scenario.faults.wall_by) as i64;
        let back = draw.again(6).bits() & 1 == 1;
        self.step_wall(i, if back { -by } else { by });
        true
    }

    pub(crate) fn step_wall(&mut self, i: usize, by: i64) {
        self.core.seats[i].clock.step_wall(by);
        let (way, by) = (
            if by < 0 { "back" } else { "ahead" },
            clock_text(by.unsigned_abs()),
        );
        self.clock_event(i, format!("the date steps {way} by {by}"));
    }

    pub(crate) fn set_rate(&mut self, i: usize, ppm: i32) {
        let now = self.core.net.now;
        let seat = &mut self.core.seats[i];
        seat.clock.set_ppm(now, ppm);
        seat.requeue_timers(i as u16, now, &mut self.core.net.queue);
        self.clock_event(i, rate_text(ppm));
    }

    fn clock_event(&mut self, i: usize, text: String) {
        self.tell(i, Kind::Clock, text);
        self.after(i, Event::Clock);
    }

    /// For the trace alone: what a reader should know of.
    fn tell(&mut self, i: usize, kind: Kind, text: String) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin_text(kind, now, addr, text);
        }
    }

    /// Faults end: links heal, machines start and go on.
    fn quiet(&mut self) {
        self.core.net.fate.calm = true;
        for n in 0..self.core.chaos.cuts.len() {
            self.heal_cut(n);
        }
        for i in 0..self.core.seats.len() {
            let seat = &mut self.core.seats[i];
            seat.machine.disk.set_capacity(seat.disk_room);
            seat.armed = None;
            seat.slow_next = None;
            if self.failed() {
                return;
            }
            if self.core.seats[i].machine.is_syncing() {
                self.finish_sync(i);
            }
            if self.core.seats[i].machine.is_paused() {
                self.resume(i);
            }
        }
    }
}

fn rate_text(ppm: i32) -> String {
    let way = if ppm < 0 { "slow" } else { "fast" };
    let by = ppm.unsigned_abs();
    format!("it runs {by} millionths too {way} from here on")
}
