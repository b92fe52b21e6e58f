//! Effects in order: what leaves at once, what waits for the disk, what the disk does next.

use super::answers::{End, MAX_WAITING, slot};
use super::files::{Step, Writer};
use super::machine::Machine;
use super::{Shell, ShellError};
use crate::driver::{Effect, Input};
use crate::{Node, OpId};
use std::path::PathBuf;
use std::rc::Rc;

/// Bytes of writes without a `sync` that are kept back before the disk gets them anyway.
const MAX_UNSYNCED: usize = 1 << 20;

/// Steps for the disk, and the effects that wait for them.
pub(super) struct Batch<N: Node> {
    pub steps: Vec<Step>,
    pub release: Vec<Effect<N::Msg, N::Ret>>,
}

impl<N: Node> Machine<N> {
    /// Carries out one effect whose turn has come. A sync's turn ends the turns of all behind it.
    pub(super) fn execute(&mut self, effect: Effect<N::Msg, N::Ret>) {
        match effect {
            Effect::Send { to, msg } if to == self.me => {
                self.later.push_back(Input::Message(to, msg));
                self.wants.clock = true;
            }
            Effect::Send { to, msg } => match self.routes.get(&to) {
                Some(route) => route(msg),
                None => self.peers.send(to, &msg),
            },
            Effect::Ret { id, ret, last } => self.answer(id, ret, last),
            Effect::Note(_) => {}
            Effect::Disk {
                file, fits: false, ..
            } => {
                self.fail(ShellError::DiskFull(PathBuf::from(&*file)));
            }
            Effect::Disk { file, op, .. } if self.durable => {
                let step = Step::Write(file, op);
                self.unsynced_bytes += step.len();
                self.writes.push(step);
                self.wants.disk |= self.unsynced_bytes > MAX_UNSYNCED;
            }
            Effect::Sync { .. } if self.durable => self.queue.push_back(effect),
            Effect::Disk { .. } | Effect::Sync { .. } => {}
        }
    }

    fn answer(&mut self, id: OpId, ret: N::Ret, last: bool) {
        if self.asking == Some(id) && self.answers.is_none() {
            if last {
                self.answer = Some(ret);
                return;
            }
            let shared = slot();
            self.waiters.insert(id, Rc::clone(&shared));
            self.answers = Some(shared);
        }
        let Some(shared) = self.waiters.get(&id) else {
            return; // its client went away
        };
        let mut slot = shared.borrow_mut();
        if slot.answers.len() >= MAX_WAITING {
            slot.end = Some(End::Failed(ShellError::TooSlow));
            self.later.push_back(Input::Cancel(id));
            self.wants.clock = true;
        } else {
            slot.answers.push_back(ret);
        }
        if last {
            slot.end = Some(End::Last);
        }
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
        if slot.end.is_some() {
            drop(slot);
            self.waiters.remove(&id);
        }
    }

    /// What the disk should do next, with all that may leave when it is done: everything up to
    /// the last sync in the queue. `None` if nothing needs the disk.
    pub fn take_batch(&mut self) -> Option<Batch<N>> {
        // A write that does not fit stops the node when its turn comes: nothing behind it happens.
        let fits = |e: &Effect<_, _>| !matches!(e, Effect::Disk { fits: false, .. });
        let until = self.queue.iter().position(|e| !fits(e));
        let turns = self.queue.iter().take(until.unwrap_or(self.queue.len()));
        let syncs = turns
            .enumerate()
            .filter(|(_, e)| matches!(e, Effect::Sync { .. }))
            .map(|(at, _)| at)
            .last();
        let flush = self.closing || self.unsynced_bytes > MAX_UNSYNCED;
        if self.in_batch || self.failed.is_some() {
            return None;
        }
        if syncs.is_none() && (!flush || self.writes.is_empty()) {
            return None;
        }
        let mut steps = std::mem::take(&mut self.writes);
        let mut release = Vec::new();
        for effect in self.queue.drain(..syncs.map_or(0, |last| last + 1)) {
            match effect {
                Effect::Disk { file, op, .. } => steps.push(Step::Write(file, op)),
                Effect::Sync { file } => steps.push(Step::Sync(file)),
                other => release.push(other),
            }
        }
        self.unsynced_bytes = 0;
        self.in_batch = true;
        Some(Batch { steps, release })
    }

    /// The disk has done a batch: what waited for it leaves, and so does what comes behind it, up
    /// to the next sync.
    pub fn finish_batch(&mut self, release: Vec<Effect<N::Msg, N::Ret>>, fsyncs: u64) {
        self.in_batch = false;
        self.fsyncs += fsyncs;
        for effect in release {
            self.execute(effect);
        }
        while self.failed.is_none() {
            match self.queue.front() {
                None | Some(Effect::Sync { .. }) => break,
                Some(_) => {}
            }
            if let Some(effect) = self.queue.pop_front() {
                self.execute(effect);
            }
        }
        self.wants.settled = true;
    }
}

/// Brings batches to the disk's thread, one at a time, and lets go what waited for them.
pub(super) async fn run<N: Node>(shell: Shell<N>, writer: Writer) {
    let mut writer = Some(writer);
    loop {
        // The other tasks that are ready have their say first: their syncs join this batch.
        tokio::task::yield_now().await;
        let batch = shell.inner.machine.borrow_mut().take_batch();
        let Some(batch) = batch else {
            if shell.failure().is_some() {
                return;
            }
            shell.inner.disk.notified().await;
            continue;
        };
        let Some(mut moved) = writer.take() else {
            return;
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = moved.batch(batch.steps);
            (moved, done)
        })
        .await;
        match done {
            Ok((back, Ok(fsyncs))) => {
                writer = Some(back);
                let mut machine = shell.inner.machine.borrow_mut();
                machine.finish_batch(batch.release, fsyncs);
            }
            Ok((_, Err(why))) => shell.fail(why),
            Err(why) => shell.fail(ShellError::Panicked(why.to_string())),
        }
        shell.after_step();
    }
}
