//! The node, its effects in order, and the queue of those that wait for the disk.

use super::ShellError;
use super::answers::{End, SharedSlot, slot};
use super::clock::Timers;
use super::files::Step;
use super::image::Image;
use super::peers::Peers;
use crate::driver::{self, Effect, Input, Moment, Output};
use crate::{Addr, LocalTime, Node, OpId, WallTime};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

pub(super) type InputOf<N> = Input<<N as Node>::Msg, <N as Node>::Timer, <N as Node>::Op>;

/// Where messages to an address in this process go.
pub(super) type Route<N> = Box<dyn Fn(<N as Node>::Msg)>;

/// Which tasks a step has given work to.
#[derive(Default)]
pub(super) struct Wants {
    pub clock: bool,
    pub disk: bool,
    pub settled: bool,
}

/// What became of an operation in the handler that took it.
pub(super) enum Outcome<N: Node> {
    Answered(N::Ret),
    Waits(OpId, SharedSlot<N::Ret>),
}

pub(super) struct Machine<N: Node> {
    pub(super) me: Addr,
    pub(super) cfg: Arc<N::Config>,
    pub(super) node: N,
    pub(super) booted: Instant,
    pub(super) image: Image,
    pub(super) durable: bool,
    pub(super) out: Output<N>,
    /// From the first effect that waits for the disk to the last one asked for.
    pub(super) queue: VecDeque<Effect<N::Msg, N::Ret>>,
    /// Writes whose turn has come and that no batch has taken yet.
    pub(super) writes: Vec<Step>,
    pub(super) unsynced_bytes: usize,
    pub(super) in_batch: bool,
    /// Inputs that the node gave itself; they have no turn inside the handler that made them.
    pub(super) later: VecDeque<InputOf<N>>,
    pub(super) waiters: HashMap<OpId, SharedSlot<N::Ret>>,
    pub(super) next_op: u64,
    /// The operation that a handler is being asked for, and its answer if it came at once.
    pub(super) asking: Option<OpId>,
    pub(super) answer: Option<N::Ret>,
    pub(super) answers: Option<SharedSlot<N::Ret>>,
    pub(super) peers: Peers,
    pub(super) routes: BTreeMap<Addr, Route<N>>,
    pub(super) timers: Timers<N::Timer>,
    pub(super) wants: Wants,
    pub(super) failed: Option<ShellError>,
    pub(super) closing: bool,
    pub(super) fsyncs: u64,
}

impl<N: Node> Machine<N> {
    pub fn boot(
        me: Addr,
        cfg: Arc<N::Config>,
        mut image: Image,
        durable: bool,
        peers: Peers,
    ) -> Result<Self, ShellError> {
        let booted = Instant::now();
        let mut out = Output::default();
        let at = moment(me, booted, booted);
        let node = catch_unwind(AssertUnwindSafe(|| {
            driver::boot::<N>(at, &cfg, &mut image, &mut out)
        }))
        .map_err(|panic| ShellError::Panicked(text_of(&*panic)))?;
        let mut machine = Machine {
            me,
            cfg,
            node,
            booted,
            image,
            durable,
            out,
            queue: VecDeque::new(),
            writes: Vec::new(),
            unsynced_bytes: 0,
            in_batch: false,
            later: VecDeque::new(),
            waiters: HashMap::new(),
            next_op: 0,
            asking: None,
            answer: None,
            answers: None,
            peers,
            routes: BTreeMap::new(),
            timers: Timers::new(),
            wants: Wants::default(),
            failed: None,
            closing: false,
            fsyncs: 0,
        };
        machine.carry_out(booted);
        machine.failed.clone().map_or(Ok(machine), Err)
    }

    pub fn ask(&mut self, op: N::Op) -> Result<Outcome<N>, ShellError> {
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        if self.closing {
            return Err(ShellError::Stopped);
        }
        let id = OpId::external(self.next_op);
        self.next_op += 1;
        self.asking = Some(id);
        self.input(Input::Op(id, op));
        self.asking = None;
        if let Some(ret) = self.answer.take() {
            return Ok(Outcome::Answered(ret));
        }
        // A first answer of many has made a slot already.
        let shared = self.answers.take().unwrap_or_else(|| {
            let shared = slot();
            self.waiters.insert(id, Rc::clone(&shared));
            shared
        });
        if let Some(why) = &self.failed {
            shared.borrow_mut().end = Some(End::Failed(why.clone()));
        }
        Ok(Outcome::Waits(id, shared))
    }

    /// Runs one handler and what may run of its effects.
    pub fn input(&mut self, input: InputOf<N>) {
        if self.failed.is_some() {
            return;
        }
        let now = Instant::now();
        let at = moment(self.me, self.booted, now);
        let ran = catch_unwind(AssertUnwindSafe(|| {
            driver::step(
                &mut self.node,
                at,
                &self.cfg,
                &mut self.image,
                input,
                &mut self.out,
            );
        }));
        match ran {
            Ok(()) => self.carry_out(now),
            // Half a step has been taken: what the node believes is no longer to be trusted.
            Err(panic) => self.fail(ShellError::Panicked(text_of(&*panic))),
        }
    }

    fn carry_out(&mut self, now: Instant) {
        self.wants.clock |= self.timers.change(now, &mut self.out.timers);
        let mut effects = std::mem::take(&mut self.out.effects);
        for effect in effects.drain(..) {
            if self.queue.is_empty() && !self.in_batch {
                self.execute(effect);
            } else {
                self.queue.push_back(effect);
            }
            if self.failed.is_some() {
                return;
            }
        }
        self.out.effects = effects;
        self.wants.disk |= !self.queue.is_empty() && !self.in_batch;
    }

    /// Stops the node: nothing is handled and nothing leaves any more.
    pub fn fail(&mut self, why: ShellError) {
        if self.failed.is_some() {
            return;
        }
        self.queue.clear();
        self.peers.close();
        for (_, shared) in self.waiters.drain() {
            let mut slot = shared.borrow_mut();
            slot.end = Some(End::Failed(why.clone()));
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
        self.failed = Some(why);
        self.wants.settled = true;
    }

    pub fn forget(&mut self, id: OpId) {
        self.waiters.remove(&id);
    }
    pub fn pop_later(&mut self) -> Option<InputOf<N>> {
        self.later.pop_front()
    }
    pub fn has_later(&self) -> bool {
        !self.later.is_empty()
    }
    pub fn queued(&self) -> usize {
        self.queue.len()
    }
    pub fn idle(&self) -> bool {
        self.queue.is_empty() && self.writes.is_empty() && !self.in_batch
    }
    pub fn view(&self) -> N::View {
        self.node.view(local(self.booted, Instant::now()))
    }
}

fn local(booted: Instant, now: Instant) -> LocalTime {
    LocalTime::from_micros(now.duration_since(booted).as_micros() as u64)
}

fn moment(me: Addr, booted: Instant, now: Instant) -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let wall = since.unwrap_or(Duration::ZERO).as_micros() as i64;
    Moment {
        me,
        now: local(booted, now),
        wall: WallTime::from_unix_micros(wall),
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with no message".into())
}
