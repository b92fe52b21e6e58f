//! [`Carrier`]: carries out one node's effects on the [`Net`].

use crate::fate::draw_within;
use crate::fault::Faults;
use crate::key::{Draw, FaultKey, FaultKind};
use crate::machine::{Host, SyncFate};
use crate::net::Net;
use crate::queue::What;
use node::driver::{DiskOp, FileName};
use node::{Addr, Node, OpId};
use std::collections::VecDeque;
use std::hash::Hash;

/// Carries out one node's effects.
pub(crate) struct Carrier<'a, N: Node> {
    pub(crate) net: &'a mut Net<N>,
    pub(crate) from: u16,
    pub(crate) epoch: u16,
    pub(crate) syncs: &'a mut u64,
    pub(crate) slow_next: &'a mut Option<Option<u64>>,
    pub(crate) fail_next: &'a mut bool,
    pub(crate) told_syncs: &'a mut VecDeque<SyncFate>,
    pub(crate) faults: &'a Faults<N>,
}

impl<N: Node> Carrier<'_, N> {
    fn me(&self) -> Addr {
        self.net.addrs[usize::from(self.from)]
    }

    fn is_struck(&mut self, kind: FaultKind, rate: f64) -> Option<Draw> {
        let key = FaultKey::node(kind, self.me().0, *self.syncs);
        if !self.net.fate.has(key, rate) || !self.faults.strikes(kind, self.me()) {
            return None;
        }
        self.net.fate.note(key);
        Some(key.draw(self.net.fate.seed))
    }

    fn done_after(&mut self, time: u64) -> SyncFate {
        let (seat, epoch) = (self.from, self.epoch);
        let at = self.net.now + time;
        self.net.queue.push(at, What::SyncDone { seat, epoch });
        SyncFate::Slow
    }
}

impl<N: Node> Host<N> for Carrier<'_, N> {
    fn sync_fate(&mut self, _file: &FileName) -> SyncFate {
        *self.syncs += 1;
        if let Some(fate) = self.told_syncs.pop_front() {
            return fate;
        }
        if std::mem::take(self.fail_next) {
            return SyncFate::Failed;
        }
        match self.slow_next.take() {
            Some(Some(time)) => return self.done_after(time),
            Some(None) => return SyncFate::Slow,
            None => {}
        }
        if self.net.scripted || self.net.fate.calm {
            return SyncFate::Durable;
        }
        if self
            .is_struck(FaultKind::BadSync, self.faults.bad_sync)
            .is_some()
        {
            return SyncFate::Failed;
        }
        if let Some(draw) = self.is_struck(FaultKind::SlowSync, self.faults.slow_sync) {
            let time = draw_within(draw.again(1), &self.faults.slow_for);
            return self.done_after(time);
        }
        SyncFate::Durable
    }

    #[inline]
    fn send(&mut self, to: Addr, msg: N::Msg) {
        self.net.send(self.from, to, msg);
    }

    fn ret(&mut self, id: OpId, ret: N::Ret, last: bool) {
        self.net.answer(self.from, id, ret, last);
    }

    fn wrote(&mut self, file: &FileName, op: &DiskOp) {
        if let Some(digest) = &mut self.net.digest {
            file.hash(digest);
            op.hash(digest);
        }
        let me = self.me();
        if let Some(recorder) = &mut self.net.recorder {
            recorder.wrote(self.net.now, me, file, op);
        }
    }

    fn synced(&mut self, file: &FileName) {
        if let Some(digest) = &mut self.net.digest {
            file.hash(digest);
        }
        let me = self.me();
        if let Some(recorder) = &mut self.net.recorder {
            recorder.synced(self.net.now, me, file);
        }
    }

    fn note(&mut self, text: String) {
        let me = self.me();
        if let Some(recorder) = &mut self.net.recorder {
            recorder.note(self.net.now, me, text);
        }
    }
}
