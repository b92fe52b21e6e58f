//! What goes wrong in a random run, and what a script orders: crashes, pauses, cuts of links.

use crate::check::{Checker, Event};
use crate::disk::{Kept, size};
use crate::fate::draw_within;
use crate::fault::Strike;
use crate::key::{Draw, FaultKey, FaultKind};
use crate::machine::Plan;
use crate::queue::What;
use crate::time::micros;
use crate::trace::Kind;
use crate::world::World;
use node::Node;
use node::driver::DiskOp;

/// The faults of a run that are planned by time slots, and the cuts that will heal.
#[derive(Clone, Default)]
pub(crate) struct Chaos {
    strikes: Vec<FaultKey>,
    cuts: Vec<Vec<(u16, u16)>>,
    erased: usize,
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
                disk.set_capacity(disk.used_bytes());
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
        let ms = by / 1000;
        self.clock_event(i, format!("the date steps by {ms} ms"));
    }

    pub(crate) fn set_rate(&mut self, i: usize, ppm: i32) {
        let now = self.core.net.now;
        let seat = &mut self.core.seats[i];
        seat.clock.set_ppm(now, ppm);
        seat.requeue_timers(i as u16, now, &mut self.core.net.queue);
        self.clock_event(i, format!("it runs {ppm} millionths fast from here on"));
    }

    fn clock_event(&mut self, i: usize, text: String) {
        let (now, addr) = (self.core.net.now, self.addr(i));
        if let Some(recorder) = self.recorder() {
            recorder.begin_text(Kind::Clock, now, addr, text);
        }
        self.after(i, Event::Clock);
    }

    /// Room for one more node that is down or paused.
    fn may_fall(&self) -> bool {
        let seats = self.core.seats.iter();
        seats.filter(|s| !s.is_ready()).count() < self.core.scenario.faults.max_down
    }

    fn crash_for(&mut self, i: usize, draw: Draw, erase: bool) -> bool {
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

    fn pause_for(&mut self, i: usize, draw: Draw) -> bool {
        if !self.core.seats[i].is_ready() || !self.may_fall() {
            return false;
        }
        self.pause(i);
        self.resume_after(i, draw);
        true
    }

    fn resume_after(&mut self, i: usize, draw: Draw) {
        let time = draw_within(draw.again(7), &self.core.scenario.faults.pause_for);
        let (seat, epoch) = (i as u16, self.core.seats[i].epoch);
        let at = self.core.net.now + time;
        self.core.net.queue.push(at, What::Resume { seat, epoch });
    }

    pub(crate) fn pause(&mut self, i: usize) {
        self.core.seats[i].machine.pause();
        self.paused(i, "");
    }

    fn paused(&mut self, i: usize, how: &str) {
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
        let seat = &self.core.seats[i];
        let key = FaultKey::node(FaultKind::Cut, seat.machine.addr().0, seat.handlers);
        key.draw(self.core.net.fate.seed)
    }

    /// How far the effects of the handler that just ran are carried out.
    pub(crate) fn plan(&mut self, i: usize) -> Plan {
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
        let (addr, n) = (seat.machine.addr(), seat.handlers);
        for (kind, rate) in [(FaultKind::Cut, cut), (FaultKind::Stall, stall)] {
            let key = FaultKey::node(kind, addr.0, n);
            if !fate.has(key, rate) || !self.core.scenario.faults.strikes(kind, addr) {
                continue;
            }
            if !self.may_fall() {
                return Plan::All;
            }
            let draw = key.draw(self.core.net.fate.seed);
            self.core.net.fate.note(key);
            let k = draw.again(1).below(effects as u64 + 1) as usize;
            return match kind {
                FaultKind::Cut => Plan::CutAt(k),
                _ => Plan::PauseAt(k),
            };
        }
        Plan::All
    }

    /// The machine is down; `draw` says what its disk keeps of what was not synced.
    pub(crate) fn fall(&mut self, i: usize, draw: Draw) {
        let (scripted, mut file) = (self.core.net.scripted, 0);
        self.fall_keeping(i, |_, pending| {
            if scripted {
                return Kept::SYNCED;
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
        if !self.core.net.scripted {
            let time = draw_within(draw.again(8), &self.core.scenario.faults.down_for);
            let (seat, epoch) = (i as u16, self.core.seats[i].epoch);
            let at = (now + time).min(self.horizon().max(now));
            self.core.net.queue.push(at, What::Restart { seat, epoch });
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

/// Links.
impl<N: Node, C: Checker<N>> World<N, C> {
    /// Which links a drawn partition cuts: both ways, one way, or so that only one node reaches
    /// both halves.
    fn draw_cut(&self, draw: Draw) -> Vec<(u16, u16)> {
        let n = self.core.seats.len() as u16;
        if n < 2 {
            return Vec::new();
        }
        let way = draw.again(3).below(3);
        let bridge = draw.again(5).below(u64::from(n)) as u16;
        let bits = draw.again(4);
        let mut left = |i: u16| bits.again(i.into()).bits() & 1 == 1;
        let mut sides: Vec<bool> = (0..n).map(&mut left).collect();
        // Neither side is empty.
        let odd = draw.again(6).below(u64::from(n)) as usize;
        if sides.iter().all(|s| *s == sides[0]) {
            sides[odd] = !sides[odd];
        }
        let mut cut = Vec::new();
        for a in 0..n {
            for b in 0..n {
                let (from, to) = (sides[usize::from(a)], sides[usize::from(b)]);
                let spared = way == 2 && n > 2 && (a == bridge || b == bridge);
                if from != to && (way != 1 || from) && !spared {
                    cut.push((a, b));
                }
            }
        }
        cut
    }

    fn cut_for(&mut self, links: Vec<(u16, u16)>, time: u64) -> bool {
        if links.is_empty() {
            return false;
        }
        for (from, to) in &links {
            self.cut_link(*from, *to);
        }
        self.core.chaos.cuts.push(links);
        let n = self.core.chaos.cuts.len() - 1;
        let at = self.core.net.now + time;
        self.core.net.queue.push(at, What::Heal(n as u32));
        true
    }

    fn heal_cut(&mut self, n: usize) {
        for (from, to) in std::mem::take(&mut self.core.chaos.cuts[n]) {
            self.heal_link(from, to);
        }
    }

    pub(crate) fn cut_link(&mut self, from: u16, to: u16) {
        self.core.net.link(from, to).cuts += 1;
        if self.core.net.link(from, to).cuts == 1 {
            self.link_event(Kind::Part, from, to);
        }
    }

    pub(crate) fn heal_link(&mut self, from: u16, to: u16) {
        let cuts = &mut self.core.net.link(from, to).cuts;
        if *cuts > 0 {
            *cuts -= 1;
            if *cuts == 0 {
                self.link_event(Kind::Heal, from, to);
            }
        }
    }

    fn link_event(&mut self, kind: Kind, from: u16, to: u16) {
        let (a, b) = (self.addr(from.into()), self.addr(to.into()));
        let now = self.core.net.now;
        if let Some(recorder) = self.recorder() {
            recorder.link(kind, now, a, b);
        }
        self.after(from.into(), Event::Network);
    }
}
