//! The lab's invariants, each a small checker. They look at `View`s, messages and answers only, so
//! that a right lock with other insides passes.

mod conservative_client;
mod fencing;
mod no_herd;
mod no_resurrection;
mod one_holder;
mod ownership;
mod release_liveness;
mod service_mutex;

pub use conservative_client::ConservativeClient;
pub use fencing::Fencing;
pub use no_herd::NoHerd;
pub use no_resurrection::NoResurrection;
pub use one_holder::OneHolder;
pub use ownership::Ownership;
pub use release_liveness::ReleaseLiveness;
pub use service_mutex::ServiceMutex;

use dist_lock::{Cast, Msg, Name, Owner, Proof, Request, RequestId, View};
use node::{Addr, LocalTime};
use sim::{Event, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The bound on every clock's rate that the invariants assume, in parts per million: the one that
/// the scenarios of this lab have.
pub const DRIFT_PPM: u64 = 10_000;

/// `time` on a clock that runs as slow as a clock may: the most true time that it can take.
pub fn longest(time: Duration) -> Duration {
    time * 1_000_000 / (1_000_000 - DRIFT_PPM as u32)
}

/// `time` on a clock that runs as fast as a clock may: the least true time that it can take.
pub fn shortest(time: Duration) -> Duration {
    time * 1_000_000 / (1_000_000 + DRIFT_PPM as u32)
}

/// The request that a lock server has just handled, and its sender. Only for checkers that watch
/// messages.
pub fn handled<'a>(step: &Step<'a, Cast>) -> Option<(Addr, RequestId, &'a Request)> {
    match step.event {
        Event::Message { from, msg: Some(Msg::Request(id, request)) } => Some((from, *id, request)),
        _ => None,
    }
}

/// Who asks for locks under which owner value, as the requests say.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Owners(BTreeMap<Owner, (Addr, Name)>);

impl Owners {
    /// Learns from a request that `from` has sent.
    pub fn learn(&mut self, from: Addr, request: &Request) {
        if let Request::Set { name, owner, .. } | Request::Acquire { name, owner, .. } = request {
            self.0.entry(owner.clone()).or_insert((from, name.clone()));
        }
    }
    /// The values under which `from` has asked for `name`.
    pub fn of(&self, from: Addr, name: &Name) -> impl Iterator<Item = &Owner> {
        let all = self.0.iter();
        all.filter(move |(_, (addr, n))| *addr == from && n == name).map(|(owner, _)| owner)
    }
    /// Whose value this is.
    pub fn addr(&self, owner: &Owner) -> Option<Addr> {
        self.0.get(owner).map(|(addr, _)| *addr)
    }
}

/// Which nodes are lock servers, also while they are down.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Servers(BTreeSet<Addr>);

impl Servers {
    /// Learns from a step, and tells whether a server has just crashed.
    pub fn crashed(&mut self, step: &Step<'_, Cast>) -> bool {
        if let Some(View::Server(_)) = step.stepped() {
            self.0.insert(step.node);
        }
        matches!(step.event, Event::Crash) && self.0.contains(&step.node)
    }
}

/// Whether a request gives back, or tries to, the lock that `owner` holds at `holder`.
pub fn gives_back(
    request: &Request,
    from: Addr,
    name: &Name,
    owner: &Owner,
    token: dist_lock::Token,
    holder: Option<Addr>,
) -> bool {
    match request {
        Request::Release { name: n, proof } if n == name => match proof {
            Proof::Owner(o) => o == owner,
            Proof::Token(t) => *t == token,
        },
        Request::Delete { name: n } if n == name => Some(from) == holder,
        _ => false,
    }
}

/// Whether a lease that ends at `until` lives at `now`, on the same clock.
pub fn lives(until: Option<LocalTime>, now: LocalTime) -> bool {
    until.is_none_or(|until| now < until)
}
