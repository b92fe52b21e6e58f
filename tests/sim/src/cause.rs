//! [`Cause`]: what a handler runs for; [`Occasion`]: the stable key that this gives to its draws.

use crate::digest::Digest;
use crate::key::{Draw, FaultKey, FaultKind, mix};
use crate::name::Name;
use std::fmt::Debug;
use std::hash::Hash;

/// What a handler runs for.
pub(crate) enum Cause<'a, T> {
    Boot,
    /// The sender, and which of its messages to this node.
    Message {
        from: u32,
        nth: u32,
    },
    Timer(&'a T),
    /// The client, if it is a random run's, and which of its operations.
    Op(Option<u32>, u32),
    /// As [`Cause::Op`]; the client goes away.
    Cancel(Option<u32>, u32),
}

/// In the number of a message: it is the network's copy.
pub(crate) const COPY: u32 = 1 << 31;

/// Which handler of a run this is, whatever else happens in it: a message's link and number, a
/// timer and its firing, a client and its operation. Not the number of the handler: one fault less,
/// and all later handlers would have other numbers and other faults.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Occasion {
    a: u32,
    b: u32,
    n: u64,
}

/// In [`Occasion::b`]: it is no address.
const NAMED: u32 = 1 << 31;

impl<T: Hash + Debug> Cause<'_, T> {
    /// The occasion, without its count for timers and boots.
    pub(crate) fn at(&self, node: u32) -> Occasion {
        let named = |what: u64| NAMED | (mix(what) >> 33) as u32;
        let slot = |what: u64, client: Option<u32>| {
            named(what << 32 | u64::from(client.unwrap_or(u32::MAX)))
        };
        let (a, b, n) = match self {
            Cause::Message { from, nth } => (*from, node, u64::from(*nth)),
            Cause::Boot => (node, named(1), 0),
            Cause::Op(client, nth) => (node, slot(2, *client), u64::from(*nth)),
            Cause::Cancel(client, nth) => (node, slot(3, *client), u64::from(*nth)),
            Cause::Timer(timer) => {
                let mut digest = Digest::default();
                timer.hash(&mut digest);
                (node, NAMED | (digest.value() >> 33) as u32, 0)
            }
        };
        Occasion { a, b, n }
    }

    fn name(&self) -> Name {
        let who = |client: &Option<u32>| client.map_or("script".to_string(), |c| c.to_string());
        match self {
            Cause::Boot => Name::of("boot"),
            Cause::Message { .. } => Name::NONE,
            Cause::Timer(timer) => Name::of(&format!("{timer:?}")),
            Cause::Op(client, _) => Name::of(&format!("client{}", who(client))),
            Cause::Cancel(client, _) => Name::of(&format!("cancel{}", who(client))),
        }
    }

    /// The name of a fault that falls on this handler.
    pub(crate) fn fault(&self, kind: FaultKind, at: Occasion) -> FaultKey {
        if let Cause::Message { from, nth } = self {
            let copy = if nth & COPY != 0 { FaultKey::COPY } else { 0 };
            let n = u64::from(nth & !COPY) | copy;
            return FaultKey::link(kind, *from, at.b, n);
        }
        FaultKey::handler(kind, at.a, self.name(), at.n)
    }
}

impl Occasion {
    /// Timers and boots: which firing.
    pub(crate) fn nth(self, n: u64) -> Self {
        Occasion { n, ..self }
    }
    pub(crate) fn what(self) -> u32 {
        self.b
    }
    /// A draw that belongs to this handler.
    #[inline]
    pub(crate) fn draw(self, kind: u8, seed: u64) -> Draw {
        Draw::new(seed, Draw::key(kind, self.a, self.b, self.n))
    }
}
