//! A node that believes much: that no message is lost, that no clock steps, that what it wrote
//! stays written. Each belief is an [`Aspect`], and each fault of the simulator breaks its own.

#![allow(dead_code, missing_docs)] // Each test uses its own part of it.

use node::{Addr, AfterFailedSync, Ctx, DiskRef, LocalTime, Node, OpId, WallTime, load, save};
use serde::{Deserialize, Serialize};
use sim::{Ask, Scenario, ms};
use std::collections::BTreeMap;
use std::time::Duration;

/// The node that clients ask.
pub const A: Addr = Addr(0);
/// The node that it tells.
pub const B: Addr = Addr(1);
/// A third one, for bridges.
pub const C: Addr = Addr(2);
const ALL: [Addr; 3] = [A, B, C];
const TICK: Duration = ms(10);

/// True if the node believes in a second try after a failed sync.
pub struct Config {
    pub retries: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    /// Every tick, to the others, with the number that the disk was given when it was new.
    Beat { disk: u64 },
    /// A part of operation `n`: 0, 1, 2 once each, then a sync, then 3 six times and 4 six times,
    /// so that no single loss takes all of one.
    Part { n: u64, part: usize },
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tick;

/// What a node saw of one operation: the tick of each part's first coming.
pub type Parts = [Option<u64>; 5];

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    pub ticks: u64,
    /// Ticks since the last beat of each node.
    pub since: [u64; 3],
    pub parts: BTreeMap<u64, Parts>,
    /// The last operation in the log, and how many stand in the synced file.
    pub logged: Option<u64>,
    pub synced: u64,
    pub seen: Seen,
}

/// What a node noticed by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct Seen {
    pub doubled: bool,
    pub reordered: bool,
    pub replaced: bool,
    pub lost: bool,
    pub halved: bool,
    pub torn: bool,
    pub stepped: bool,
    pub drifts: u32,
    pub late: bool,
    pub full: bool,
    pub cancelled: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Frail {
    retries: bool,
    disk: u64,
    ticks: u64,
    since: [u64; 3],
    disks: [Option<u64>; 3],
    parts: BTreeMap<u64, Parts>,
    logged: Option<u64>,
    synced: u64,
    dirty: bool,
    last: (LocalTime, WallTime),
    seen: Seen,
}

fn count(disk: &DiskRef<'_, Frail>, file: &str) -> u64 {
    disk.len(file).unwrap_or(0)
}

impl Frail {
    /// What this tick's clocks say.
    fn read_clocks(&mut self, now: LocalTime, wall: WallTime) {
        let local = now.since(self.last.0).as_micros() as i64;
        let dated = wall.as_unix_micros() - self.last.1.as_unix_micros();
        self.seen.late |= local > 11_000;
        self.seen.stepped |= !(0..10_000_000).contains(&dated);
        let drifts = local != dated && (local - dated).abs() < 1_000;
        self.seen.drifts = if drifts { self.seen.drifts + 1 } else { 0 };
        self.last = (now, wall);
    }

    fn hear(&mut self, n: u64, part: usize) {
        let newest = self.parts.keys().next_back().is_some_and(|last| *last > n);
        let parts = self.parts.entry(n).or_default();
        if part <= 2 && parts[part].is_some() {
            self.seen.doubled = true;
        }
        if part == 0 && parts[0].is_none() && newest {
            self.seen.reordered = true;
        }
        parts[part].get_or_insert(self.ticks);
        if self.parts.len() > 6
            && let Some((_, old)) = self.parts.pop_first()
        {
            self.judge(&old);
        }
    }

    /// So much later nothing of an operation is under way any more.
    fn judge(&mut self, old: &Parts) {
        self.seen.lost |= old[0].is_some() && old[2].is_some() && old[1].is_none();
        self.seen.halved |= old[3].is_some() && old[4].is_none();
    }
}

impl Node for Frail {
    type Config = Config;
    type Msg = Msg;
    type Timer = Tick;
    type Op = u64;
    /// False if the disk was full.
    type Ret = bool;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let known: Option<u64> = load(&cx.disk(), "disk");
        let disk = known.unwrap_or_else(|| cx.choose(1 << 30).into());
        if known.is_none() {
            save(&mut cx.disk(), "disk", &disk);
            cx.disk().sync("disk");
        }
        cx.set_timer(Tick, TICK);
        let log = cx.disk().read("log").unwrap_or_default();
        let records = log.chunks_exact(8);
        let torn = !records.remainder().is_empty();
        let logged = records
            .last()
            .and_then(|r| r.try_into().ok())
            .map(u64::from_le_bytes);
        cx.disk().truncate("log", (log.len() / 8 * 8) as u64);
        Frail {
            retries: cx.cfg().retries,
            disk,
            ticks: 0,
            since: [0; 3],
            disks: [None; 3],
            parts: BTreeMap::new(),
            logged,
            synced: count(&cx.disk(), "synced"),
            dirty: false,
            last: (cx.now(), cx.wall()),
            seen: Seen {
                torn,
                ..Seen::default()
            },
        }
    }

    fn on_message(&mut self, _cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Beat { disk } => {
                let known = &mut self.disks[from.0 as usize];
                self.seen.replaced |= known.is_some_and(|k| k != disk);
                *known = Some(disk);
                self.since[from.0 as usize] = 0;
            }
            Msg::Part { n, part } => self.hear(n, part),
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, _tick: Tick) {
        self.read_clocks(cx.now(), cx.wall());
        self.ticks += 1;
        for since in &mut self.since {
            *since += 1;
        }
        // Seldom enough for a crash to come between.
        if self.ticks.is_multiple_of(5) && std::mem::take(&mut self.dirty) {
            cx.disk().sync("log");
        }
        cx.send_all(&ALL, Msg::Beat { disk: self.disk });
        cx.set_timer(Tick, TICK);
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, n: u64) {
        for part in 0..3 {
            cx.send(B, Msg::Part { n, part });
        }
        let fits = cx.disk().try_append("log", n.to_le_bytes()).is_ok();
        self.seen.full |= !fits;
        if fits {
            self.dirty = true;
            self.logged = Some(n);
            self.synced += 1;
            cx.disk().append("synced", [1]);
            cx.disk().sync("synced");
        }
        for part in [3, 4] {
            for _ in 0..6 {
                cx.send(B, Msg::Part { n, part });
            }
        }
        cx.ret(id, fits);
    }

    fn on_cancel(&mut self, _cx: &mut Ctx<'_, Self>, _id: OpId) {
        self.seen.cancelled = true;
    }

    fn on_sync_failed(&mut self, _file: &str) -> AfterFailedSync {
        if self.retries {
            AfterFailedSync::Retry
        } else {
            AfterFailedSync::Stop
        }
    }

    fn view(&self, _now: LocalTime) -> View {
        View {
            ticks: self.ticks,
            since: self.since,
            parts: self.parts.clone(),
            logged: self.logged,
            synced: self.synced,
            seen: self.seen,
        }
    }
}

/// Three of them, and a client that asks the first one 25 times. Every message takes 1 ms, so
/// that only faults change an order.
pub fn scenario(retries: bool) -> Scenario<Frail> {
    let mut scenario = Scenario::new("toy").titled("Three that believe much");
    for (addr, name) in [(A, "A"), (B, "B"), (C, "C")] {
        scenario = scenario.node(addr, name, "node", Config { retries });
    }
    scenario
        .client("client", |turn| {
            (turn.nth < 25).then(|| Ask {
                node: A,
                op: turn.nth,
                after: ms(53),
            })
        })
        .with_delay(ms(1)..ms(1))
        .lasting(ms(2_000), ms(500))
}
