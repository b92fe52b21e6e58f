//! Keyed decisions: every choice of a run is a pure function of the seed and a stable key.
//!
//! A key says *which* decision it is (the third message from n1 to n2; node 4 in time slot 12), not
//! when it was drawn. Taking one fault away therefore does not deal the others anew, and shrinking
//! is a matter of leaving keys out.
//!
//! Architecture invariant: [`mix`] and the keys are frozen. Whoever changes them changes
//! [`KIT_VERSION`], and seeds recorded before are refused.

use std::fmt;
use std::str::FromStr;

/// The version of everything that a recorded seed depends on.
pub const KIT_VERSION: u32 = 1;

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

/// Names one fault of a run. As text: `drop:1>2#3`, `pause:4@12`, `cut:0#17`, `drift:2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultKey {
    /// What.
    pub kind: FaultKind,
    /// Where: a node's address, a client's or an aim's place.
    pub a: u32,
    /// The receiver, for the faults of a link; else 0.
    pub b: u32,
    /// The n-th message of the link, handler or sync of the node, or the time slot.
    pub n: u64,
}

impl FaultKey {
    /// A fault of one link.
    pub const fn link(kind: FaultKind, from: u32, to: u32, n: u64) -> Self {
        FaultKey {
            kind,
            a: from,
            b: to,
            n,
        }
    }
    /// A fault of one node.
    pub const fn node(kind: FaultKind, a: u32, n: u64) -> Self {
        FaultKey { kind, a, b: 0, n }
    }
    /// Its draw in the run `seed`.
    pub const fn draw(self, seed: u64) -> Draw {
        Draw::new(seed, Draw::key(self.kind as u8, self.a, self.b, self.n))
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
}

impl fmt::Display for FaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.a)?;
        if FaultKey::is_link(self.kind) {
            write!(f, ">{}", self.b)?;
        }
        if self.kind == FaultKind::Drift {
            return Ok(());
        }
        write!(f, "{}{}", FaultKey::sign(self.kind), self.n)
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
    let n = n.parse().ok()?;
    if FaultKey::is_link(kind) {
        let (from, to) = place.split_once('>')?;
        return Some(FaultKey::link(
            kind,
            from.parse().ok()?,
            to.parse().ok()?,
            n,
        ));
    }
    Some(FaultKey::node(kind, place.parse().ok()?, n))
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
    }

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let keys = [
            FaultKey::link(FaultKind::Drop, 1, 2, 3),
            FaultKey::node(FaultKind::Pause, 4, 12),
            FaultKey::node(FaultKind::Cut, 0, 17),
            FaultKey::node(FaultKind::Drift, 2, 0),
        ];
        let text = print_keys(&keys);
        assert_eq!(text, "drop:1>2#3,pause:4@12,cut:0#17,drift:2");
        assert_eq!(parse_keys(&text).unwrap(), keys);
        assert_eq!(parse_keys("none").unwrap(), []);
        assert!(parse_keys("drop:1").is_err());
    }
}
