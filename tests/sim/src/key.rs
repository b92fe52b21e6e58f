//! Keyed decisions: every choice of a run is a pure function of the seed and a stable key.
//!
//! A key says *which* decision it is (the third message from n1 to n2, or its handler; the second
//! firing of a timer; node 4 in time slot 12), not when it was drawn. Taking one fault away therefore does not deal the others anew, and shrinking
//! is a matter of leaving keys out.
//!
//! Architecture invariant: [`mix`] and the keys are frozen. Whoever changes them changes
//! [`KIT_VERSION`], and seeds recorded before are refused.

use crate::name::Name;
use std::fmt;
use std::str::FromStr;

/// The version of everything that a recorded seed depends on.
pub const KIT_VERSION: u32 = 2;

/// Scatters the bits of a number (the finaliser of splitmix64).
#[inline]
pub const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Draws for one decision.
#[derive(Clone, Copy, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The decision `key` of the run `seed`.
    #[inline]
    pub const fn new(seed: u64, key: u64) -> Self {
        Draw(mix(seed ^ mix(key)))
    }
    /// The key of decision `n` of kind `kind` between `a` and `b`.
    #[inline]
    pub const fn key(kind: u8, a: u32, b: u32, n: u64) -> u64 {
        let place = ((kind as u64) << 56) ^ ((a as u64) << 28) ^ (b as u64);
        mix(place.wrapping_add(0x9e37_79b9_7f4a_7c15)).wrapping_add(n)
    }
    /// All 64 bits.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }
    /// A number below `n`; 0 if `n` is 0.
    #[inline]
    pub const fn below(self, n: u64) -> u64 {
        ((self.0 as u128 * n as u128) >> 64) as u64
    }
    /// A further, independent draw for the same decision.
    #[inline]
    pub const fn again(self, which: u64) -> Self {
        Draw(mix(self
            .0
            .wrapping_add(which.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
    }
    /// True with this probability.
    #[inline]
    pub fn chance(self, probability: f64) -> bool {
        ((self.0 >> 11) as f64) < probability * (1u64 << 53) as f64
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal $word:literal,)*) => {
        /// The kinds of decisions that are not benign.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum FaultKind { $($(#[$doc])* $name = $code,)* }

        impl FaultKind {
            /// All of them.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$name,)*];
            /// Its word in a [`FaultKey`]'s text.
            pub const fn word(self) -> &'static str {
                match self { $(FaultKind::$name => $word,)* }
            }
        }
    };
}

kinds! {
    /// The network loses a message.
    Drop = 1 "drop",
    /// The network delivers a message twice.
    Duplicate = 2 "dup",
    /// A message comes late, behind others.
    Late = 3 "late",
    /// The network is cut, symmetric, one way or with a bridge.
    Partition = 4 "part",
    /// A node crashes and starts again.
    Crash = 5 "crash",
    /// A node crashes between two effects of one handler.
    Cut = 6 "cut",
    /// A node crashes and its disk is lost.
    Amnesia = 7 "amnesia",
    /// A wall clock steps.
    Step = 8 "step",
    /// A node's clocks run fast or slow.
    Drift = 9 "drift",
    /// A node stands still between two handlers.
    Pause = 10 "pause",
    /// A node stands still between two effects of one handler.
    Stall = 11 "stall",
    /// A sync takes long.
    SlowSync = 12 "slow",
    /// A sync fails.
    BadSync = 13 "badsync",
    /// A disk is full for a while.
    FullDisk = 14 "full",
    /// A fault aimed at whoever has a role.
    Aimed = 15 "aim",
    /// A client leaves out its first so many operations. Only shrinking makes these.
    Skip = 16 "skip",
    /// A client goes away before its answer.
    Cancel = 17 "cancel",
}

/// Names one fault of a run. As text: `drop:1>2#3`, `pause:4@12`, `drift:2`. What falls inside a
/// handler is named by what the handler runs for: `cut:1>2#3` (message 3 from n1 to n2; `#3+` for
/// its copy), `stall:2.Election#4` (that timer's firing 4), `cut:2.client0#5` (operation 5 of client
/// 0), `cut:2.boot#1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultKey {
    /// What.
    pub kind: FaultKind,
    /// Where: a node's address, a message's sender, a client's or an aim's place.
    pub a: u32,
    /// The receiver, for the faults of a link or of a message's handler; else 0.
    pub b: u32,
    /// The handler, if it runs for no message.
    pub name: Name,
    /// The n-th message, firing, operation, boot or sync, or the time slot; counted from 0.
    pub n: u64,
}

impl FaultKey {
    /// In `n`: the network's copy of the message.
    pub const COPY: u64 = 1 << 63;

    /// A fault of one message, or of its handler.
    pub const fn link(kind: FaultKind, from: u32, to: u32, n: u64) -> Self {
        FaultKey {
            kind,
            a: from,
            b: to,
            name: Name::NONE,
            n,
        }
    }
    /// A fault of one node.
    pub const fn node(kind: FaultKind, a: u32, n: u64) -> Self {
        FaultKey::link(kind, a, 0, n)
    }
    /// A fault in a handler of node `a` that runs for no message.
    pub const fn handler(kind: FaultKind, a: u32, name: Name, n: u64) -> Self {
        FaultKey {
            name,
            ..FaultKey::node(kind, a, n)
        }
    }
    /// Its draw in the run `seed`.
    pub fn draw(self, seed: u64) -> Draw {
        let b = self.b ^ self.name.number();
        Draw::new(seed, Draw::key(self.kind as u8, self.a, b, self.n))
    }

    const fn sign(kind: FaultKind) -> char {
        match kind {
            FaultKind::Partition
            | FaultKind::Crash
            | FaultKind::Amnesia
            | FaultKind::Step
            | FaultKind::Pause
            | FaultKind::FullDisk
            | FaultKind::Aimed => '@',
            _ => '#',
        }
    }
    const fn is_link(kind: FaultKind) -> bool {
        matches!(
            kind,
            FaultKind::Drop | FaultKind::Duplicate | FaultKind::Late
        )
    }
    const fn is_inside(kind: FaultKind) -> bool {
        matches!(kind, FaultKind::Cut | FaultKind::Stall)
    }
}

impl fmt::Display for FaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.a)?;
        if self.kind == FaultKind::Drift {
            return Ok(());
        }
        if !self.name.is_none() {
            write!(f, ".{}", self.name)?;
        } else if FaultKey::is_link(self.kind) || FaultKey::is_inside(self.kind) {
            write!(f, ">{}", self.b)?;
        }
        write!(f, "{}{}", FaultKey::sign(self.kind), self.n & !Self::COPY)?;
        f.write_str(if self.n & Self::COPY != 0 { "+" } else { "" })
    }
}

/// A text that is no [`FaultKey`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadKey(String);

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} names no fault: copy the whole list behind --keep, such as drop:1>2#3,pause:4@12",
            self.0
        )
    }
}
impl std::error::Error for BadKey {}

impl FromStr for FaultKey {
    type Err = BadKey;
    fn from_str(text: &str) -> Result<Self, BadKey> {
        parse(text.trim()).ok_or_else(|| BadKey(text.to_string()))
    }
}

fn parse(text: &str) -> Option<FaultKey> {
    let (word, place) = text.split_once(':')?;
    let kind = *FaultKind::ALL.iter().find(|k| k.word() == word)?;
    if kind == FaultKind::Drift {
        return Some(FaultKey::node(kind, place.parse().ok()?, 0));
    }
    let (place, n) = place.split_once(FaultKey::sign(kind))?;
    let (is_link, is_inside) = (FaultKey::is_link(kind), FaultKey::is_inside(kind));
    if let (true, Some((from, to))) = (is_link || is_inside, place.split_once('>')) {
        let (n, copy) = match n.strip_suffix('+') {
            Some(n) if is_inside => (n, FaultKey::COPY),
            _ => (n, 0),
        };
        let n = n.parse::<u64>().ok()? | copy;
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        return Some(FaultKey::link(kind, from, to, n));
    }
    let n = n.parse().ok()?;
    match place.split_once('.') {
        Some((a, name)) if is_inside => {
            let name = Name::parse(name)?;
            Some(FaultKey::handler(kind, a.parse().ok()?, name, n))
        }
        _ if is_link || is_inside => None,
        _ => Some(FaultKey::node(kind, place.parse().ok()?, n)),
    }
}

/// The list behind `--keep`: keys with commas between them, or `none`.
pub fn parse_keys(text: &str) -> Result<Vec<FaultKey>, BadKey> {
    if text.trim() == "none" || text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').map(str::parse).collect()
}

/// What [`parse_keys`] reads.
pub fn print_keys(keys: &[FaultKey]) -> String {
    if keys.is_empty() {
        return "none".to_string();
    }
    let words: Vec<_> = keys.iter().map(FaultKey::to_string).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draws_are_frozen() {
        assert_eq!(mix(1), 0x5692161d100b05e5);
        let key = FaultKey::link(FaultKind::Drop, 1, 2, 3);
        assert_eq!(key.draw(7).bits(), 8997664942830844046);
        assert_eq!(key.draw(7).again(1).bits(), 8549464902676217762);
        let key = FaultKey::handler(FaultKind::Cut, 1, Name::of("Election"), 2);
        assert_eq!(key.draw(7).bits(), 14787405093580368324);
    }

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let keys = [
            FaultKey::link(FaultKind::Drop, 1, 2, 3),
            FaultKey::node(FaultKind::Pause, 4, 12),
            FaultKey::link(FaultKind::Cut, 0, 1, 17),
            FaultKey::link(FaultKind::Stall, 0, 1, 17 | FaultKey::COPY),
            FaultKey::handler(FaultKind::Stall, 2, Name::of("Retry { id: 3 }"), 4),
            FaultKey::node(FaultKind::Drift, 2, 0),
        ];
        let text = print_keys(&keys);
        let wanted = "drop:1>2#3,pause:4@12,cut:0>1#17,stall:0>1#17+,stall:2.Retry.id.3#4,drift:2";
        assert_eq!(text, wanted);
        assert_eq!(parse_keys(&text).unwrap(), keys);
        assert_eq!(parse_keys("none").unwrap(), []);
        // The last two are what version 1 of the kit wrote.
        for bad in [
            "drop:1",
            "drop:1>2#3+",
            "cut:0.#1",
            "cut:0.a b#1",
            "cut:0#17",
            "stall:1#2",
        ] {
            assert!(parse_keys(bad).is_err(), "{bad}");
        }
    }
}
