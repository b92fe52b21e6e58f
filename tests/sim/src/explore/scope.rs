//! [`Scope`]: what an exploration may do, and how often.

use node::{Addr, Node};
use std::fmt;
use std::time::Duration;

/// How often each kind of trouble may happen in one path. All are 0 at first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Budget {
    /// Messages that are lost. Any message may stay under way for ever at no cost, so this matters only with
    /// [`Scope::prompt`].
    pub drops: u8,
    /// Messages that are delivered and stay under way.
    pub duplicates: u8,
    /// Timers that fire, in untimed mode.
    pub fires: u8,
    /// Crashes between two handlers.
    pub crashes: u8,
    /// Crashes between two effects of a handler, or before its first.
    pub cuts: u8,
    /// Restarts that find an empty disk.
    pub amnesias: u8,
    /// Pauses: before any effect of a handler, and in tick mode between handlers.
    pub pauses: u8,
    /// Syncs that end in an event of their own.
    pub slow_syncs: u8,
    /// Syncs that fail.
    pub failed_syncs: u8,
    /// Clients that go away before their answer.
    pub cancels: u8,
    /// Messages that are still under way when a tick passes, once a message and tick. Counts with [`Scope::prompt`].
    pub late: u8,
}

impl Budget {
    /// No trouble at all.
    pub const NONE: Budget = Budget {
        drops: 0,
        duplicates: 0,
        fires: 0,
        crashes: 0,
        cuts: 0,
        amnesias: 0,
        pauses: 0,
        slow_syncs: 0,
        failed_syncs: 0,
        cancels: 0,
        late: 0,
    };
}

/// What an exploration may do. Every path within it is tried, or the verdict says that it was not.
///
/// Two ways to see time. *Untimed*: any pending timer may fire at any moment, clocks stand still; right for protocols
/// whose safety does not depend on time (elections, commits). *Ticks* ([`Scope::ticks`]): time moves in whole ticks and
/// a timer fires in the tick in which it is due; right for leases.
pub struct Scope<N: Node> {
    pub(crate) clients: Vec<Vec<(Addr, N::Op)>>,
    pub(crate) budget: Budget,
    pub(crate) tick: Option<Tick>,
    pub(crate) prompt: bool,
    pub(crate) bag: bool,
    pub(crate) torn: bool,
    pub(crate) may_fire: fn(Addr, &N::Timer) -> bool,
    pub(crate) limit: usize,
    pub(crate) at_end: bool,
    pub(crate) prefix: Vec<String>,
}

/// Time in steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) len: Duration,
    pub(crate) bound: u32,
}

/// States after which an exploration gives up, unless its scope says otherwise: about 3 s in dev.
pub const STATES: usize = 400_000;

/// So many clients at most.
pub(crate) const MAX_CLIENTS: usize = 8;

impl<N: Node> Clone for Scope<N> {
    fn clone(&self) -> Self {
        Scope {
            clients: self.clients.clone(),
            prefix: self.prefix.clone(),
            ..*self
        }
    }
}

impl<N: Node> Default for Scope<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Node> fmt::Debug for Scope<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("clients", &self.clients)
            .field("budget", &self.budget)
            .field("tick", &self.tick)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<N: Node> Scope<N> {
    /// Untimed, no clients, no trouble: only messages are delivered, in every order.
    pub fn new() -> Self {
        Scope {
            clients: Vec::new(),
            budget: Budget::default(),
            tick: None,
            prompt: false,
            bag: false,
            torn: false,
            may_fire: |_, _| true,
            limit: STATES,
            at_end: false,
            prefix: Vec::new(),
        }
    }

    /// A client that asks these nodes for these operations, one after another: the next when the last is answered, or
    /// when its node has crashed and the answer is lost.
    ///
    /// # Panics
    /// With more than 8 clients or 64 operations in all: no scope that large can be exhausted.
    pub fn client(mut self, asks: impl IntoIterator<Item = (Addr, N::Op)>) -> Self {
        self.clients.push(asks.into_iter().collect());
        assert!(
            self.clients.len() <= MAX_CLIENTS
                && self.clients.iter().map(Vec::len).sum::<usize>() <= 64,
            "a scope has at most {MAX_CLIENTS} clients with 64 operations: move some into a script before it"
        );
        self
    }

    /// How often each kind of trouble may happen.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Time moves in ticks of `len`, `bound` of them at most. No tick passes while a timer of a running node is due.
    pub fn ticks(mut self, len: Duration, bound: u32) -> Self {
        self.tick = Some(Tick { len, bound });
        self
    }

    /// In tick mode: a message arrives, or is lost, before the next tick, unless its receiver is down or paused;
    /// [`Budget::late`] buys exceptions. Without this, messages take as long as they like.
    pub fn prompt(mut self) -> Self {
        self.prompt = true;
        self
    }

    /// Two equal messages on one link are two. Without this they are one as long as the first is under way, which
    /// makes far fewer states of heartbeats and retries.
    pub fn bag(mut self) -> Self {
        self.bag = true;
        self
    }

    /// A crash may also leave a piece of the first append that it does not keep: its first byte, its first half, all
    /// but its last byte.
    pub fn torn(mut self) -> Self {
        self.torn = true;
        self
    }

    /// In untimed mode only these timers fire.
    pub fn only_timers(mut self, may_fire: fn(Addr, &N::Timer) -> bool) -> Self {
        self.may_fire = may_fire;
        self
    }

    /// Gives up after so many states; giving up is no pass. [`STATES`] at first.
    pub fn limit(mut self, states: usize) -> Self {
        self.limit = states;
        self
    }

    /// Calls [`crate::Checker::at_end`] in states in which nothing is left to do: no message, timer, operation, tick,
    /// restart or pause.
    pub fn check_ends(mut self) -> Self {
        self.at_end = true;
        self
    }

    /// Begins with these choices, in the text form of [`super::Choice`]. A message's or operation's text may be cut
    /// short as long as it says which one is meant: `deliver 1>2 Vote`.
    pub fn after<'s>(mut self, choices: impl IntoIterator<Item = &'s str>) -> Self {
        self.prefix.extend(choices.into_iter().map(str::to_owned));
        self
    }
}
