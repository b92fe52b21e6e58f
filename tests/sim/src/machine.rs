//! [`Machine`]: one node with its disk and its held effects. The simulator and the explorer drive
//! the same machine, so that they cannot disagree on what a cut, a pause or a slow sync means.

use crate::disk::{Disk, Kept};
pub use crate::host::{Dice, Host, Plan, Progress, Stop, SyncFate};
use crate::panics::{self, Panic};
use crate::shared::Shared;
use node::driver::{self, DiskOp, Effect, Env, FileName, Input, Moment, Output};
use node::{Addr, AfterFailedSync, LocalTime, Node};
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// One node with its disk.
pub struct Machine<N: Node> {
    addr: Addr,
    cfg: Arc<N::Config>,
    node: Option<N>,
    /// The files.
    pub disk: Shared<Disk>,
    held: VecDeque<Effect<N::Msg, N::Ret>>,
    paused: bool,
    syncing: bool,
    boots: u32,
}

impl<N: Node> Clone for Machine<N> {
    fn clone(&self) -> Self {
        Machine {
            addr: self.addr,
            cfg: self.cfg.clone(),
            node: self.node.clone(),
            disk: self.disk.clone(),
            held: self.held.clone(),
            paused: self.paused,
            syncing: self.syncing,
            boots: self.boots,
        }
    }
}

/// Equal machines behave alike from here on: the count of boots is not compared.
impl<N: Node> PartialEq for Machine<N> {
    fn eq(&self, other: &Self) -> bool {
        self.addr == other.addr
            && self.node == other.node
            && self.paused == other.paused
            && self.syncing == other.syncing
            && self.held == other.held
            && self.disk == other.disk
    }
}
impl<N: Node> Eq for Machine<N> {}

impl<N: Node> Hash for Machine<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.addr.hash(state);
        self.node.hash(state);
        self.paused.hash(state);
        self.syncing.hash(state);
        self.held.hash(state);
        self.disk.hash(state);
    }
}

struct Desk<'a, D> {
    disk: &'a mut Shared<Disk>,
    dice: &'a mut D,
}

impl<D: Dice> Env for Desk<'_, D> {
    fn read(&self, file: &str) -> Option<&[u8]> {
        self.disk.read(file)
    }
    fn list(&self, prefix: &str) -> Vec<String> {
        self.disk.list(prefix)
    }
    fn free_bytes(&self) -> u64 {
        self.disk.free_bytes()
    }
    fn apply(&mut self, file: &FileName, op: &DiskOp) {
        self.disk.write(file, op);
    }
    fn choose(&mut self, n: u32) -> u32 {
        self.dice.choose(n)
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        self.dice.within(within)
    }
}

impl<N: Node> Machine<N> {
    /// A machine that is off, with an empty disk.
    pub fn new(addr: Addr, cfg: Arc<N::Config>) -> Self {
        Machine {
            addr,
            cfg,
            node: None,
            disk: Shared::default(),
            held: VecDeque::new(),
            paused: false,
            syncing: false,
            boots: 0,
        }
    }

    /// Its address.
    pub fn addr(&self) -> Addr {
        self.addr
    }
    /// True if a node runs on it (it may be paused).
    pub fn is_up(&self) -> bool {
        self.node.is_some()
    }
    /// True if it handles nothing until [`Machine::resume`].
    pub fn is_paused(&self) -> bool {
        self.paused
    }
    /// True if a sync is under way.
    pub fn is_syncing(&self) -> bool {
        self.syncing
    }
    /// True if effects are held: the node shows no view.
    pub fn is_mid_step(&self) -> bool {
        !self.held.is_empty()
    }
    /// The effects that wait.
    pub fn held(&self) -> impl ExactSizeIterator<Item = &Effect<N::Msg, N::Ret>> {
        self.held.iter()
    }
    /// How often it was started.
    pub fn boots(&self) -> u32 {
        self.boots
    }

    /// What the node shows; `None` if it is down or in the middle of a step.
    pub fn view(&self, now: LocalTime) -> Option<N::View> {
        if self.is_mid_step() {
            return None;
        }
        self.node.as_ref().map(|node| node.view(now))
    }

    /// Starts the node. What it asks for is added to `out`.
    pub fn boot(
        &mut self,
        at: Moment,
        dice: &mut impl Dice,
        out: &mut Output<N>,
    ) -> Result<(), Panic> {
        self.boots += 1;
        let (disk, cfg) = (&mut self.disk, &*self.cfg);
        let node = panics::caught(|| driver::boot(at, cfg, &mut Desk { disk, dice }, out));
        self.node = Some(node?);
        Ok(())
    }

    /// Runs one handler. What it asks for is added to `out`. The caller asks only a machine that
    /// is up and not paused.
    pub fn handle(
        &mut self,
        at: Moment,
        dice: &mut impl Dice,
        input: Input<N::Msg, N::Timer, N::Op>,
        out: &mut Output<N>,
    ) -> Result<(), Panic> {
        let (disk, cfg) = (&mut self.disk, &*self.cfg);
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        panics::caught(|| driver::step(node, at, cfg, &mut Desk { disk, dice }, input, out))
    }

    /// Carries out the effects of one handler, as far as `plan` says. `effects` is empty after it.
    pub fn carry_out(
        &mut self,
        effects: &mut Vec<Effect<N::Msg, N::Ret>>,
        plan: Plan,
        host: &mut impl Host<N>,
    ) -> Progress {
        let limit = match plan {
            Plan::All => usize::MAX,
            Plan::CutAt(k) | Plan::PauseAt(k) => k,
        };
        if self.held.is_empty() && limit == usize::MAX && !self.paused && !self.syncing {
            return self.carry_all(effects, host);
        }
        // Behind held effects, a cut or pause counts from the first of this handler's own.
        let cut = matches!(plan, Plan::CutAt(_));
        let own = std::mem::take(effects);
        for (i, effect) in own.into_iter().enumerate() {
            if i == limit {
                if cut {
                    return Progress::Cut;
                }
                self.paused = true;
            }
            self.held.push_back(effect);
            if let stop @ (Progress::Cut | Progress::Stopped(_)) = self.flush(host) {
                return stop;
            }
        }
        match plan {
            Plan::CutAt(_) => Progress::Cut,
            Plan::PauseAt(_) => {
                self.paused = true;
                self.progress()
            }
            Plan::All => self.progress(),
        }
    }

    fn progress(&self) -> Progress {
        if self.held.is_empty() {
            Progress::Done
        } else {
            Progress::Held
        }
    }

    fn carry_all(
        &mut self,
        effects: &mut Vec<Effect<N::Msg, N::Ret>>,
        host: &mut impl Host<N>,
    ) -> Progress {
        let mut rest = effects.drain(..);
        while let Some(effect) = rest.next() {
            match Self::carry(&mut self.disk, &mut self.node, effect, host) {
                Carried::Out => {}
                Carried::Waits(sync) => {
                    self.syncing = true;
                    self.held.push_back(sync);
                    self.held.extend(rest);
                    return Progress::Held;
                }
                Carried::Stops(stop) => return Progress::Stopped(stop),
            }
        }
        Progress::Done
    }

    fn flush(&mut self, host: &mut impl Host<N>) -> Progress {
        while !self.paused && !self.syncing {
            let Some(effect) = self.held.pop_front() else {
                break;
            };
            match Self::carry(&mut self.disk, &mut self.node, effect, host) {
                Carried::Out => {}
                Carried::Waits(sync) => {
                    self.syncing = true;
                    self.held.push_front(sync);
                }
                Carried::Stops(stop) => return Progress::Stopped(stop),
            }
        }
        self.progress()
    }

    fn carry(
        disk: &mut Shared<Disk>,
        node: &mut Option<N>,
        effect: Effect<N::Msg, N::Ret>,
        host: &mut impl Host<N>,
    ) -> Carried<N> {
        match effect {
            Effect::Send { to, msg } => host.send(to, msg),
            Effect::Ret { id, ret, last } => host.ret(id, ret, last),
            Effect::Note(text) => host.note(text),
            Effect::Disk { file, op, fits } => {
                if !fits {
                    return Carried::Stops(Stop::DiskFull(file));
                }
                host.wrote(&file, &op);
                disk.execute(&file, op);
            }
            Effect::Sync { file } => match host.sync_fate(&file) {
                SyncFate::Durable => {
                    disk.sync(&file);
                    host.synced(&file);
                }
                SyncFate::Slow => return Carried::Waits(Effect::Sync { file }),
                SyncFate::Failed => match node.as_mut().map(|n| n.on_sync_failed(&file)) {
                    Some(AfterFailedSync::Retry) => disk.lose_pending(&file),
                    Some(AfterFailedSync::Stop) | None => {
                        return Carried::Stops(Stop::SyncFailed(file));
                    }
                },
            },
        }
        Carried::Out
    }

    /// The node handles nothing from here on, and its held effects stay.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// The node goes on; what it held leaves.
    pub fn resume(&mut self, host: &mut impl Host<N>) -> Progress {
        self.paused = false;
        self.flush(host)
    }

    /// The sync under way has ended well: what waited behind it leaves (unless the node is paused,
    /// or the next sync is slow too).
    pub fn finish_sync(&mut self, host: &mut impl Host<N>) -> Progress {
        self.syncing = false;
        if let Some(Effect::Sync { file }) = self.held.front() {
            let file = file.clone();
            self.held.pop_front();
            self.disk.sync(&file);
            host.synced(&file);
        }
        self.flush(host)
    }

    /// The node and all that it held are gone; the disk keeps what is durable and what `keep` says
    /// of the rest.
    pub fn crash(&mut self, keep: impl FnMut(&FileName, &[DiskOp]) -> Kept) {
        self.node = None;
        self.held.clear();
        self.paused = false;
        self.syncing = false;
        self.disk.crash(keep);
    }
}

enum Carried<N: Node> {
    Out,
    Waits(Effect<N::Msg, N::Ret>),
    Stops(Stop),
}
