//! [`Name`]: a short name inside a key, without an allocation, that a shell takes without quotes.

use crate::digest::Digest;
use std::fmt::{self, Write};
use std::hash::Hasher;

const LEN: usize = 24;
/// So much of a longer name stays readable; what follows tells it from others.
const HEAD: usize = 16;

/// What a handler runs for, if it is no message: a timer's name, `client0`, `boot`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name([u8; LEN]);

impl Name {
    /// No name.
    pub const NONE: Name = Name([0; LEN]);

    /// True if there is none.
    pub fn is_none(self) -> bool {
        self == Name::NONE
    }

    /// Letters, digits and `-` stay; everything else between them becomes one point. Of a long
    /// text the beginning is kept, with a number made of all of it.
    pub fn of(text: &str) -> Self {
        let mut name = String::new();
        for letter in text.chars() {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                name.push(letter);
            } else if !name.ends_with('.') {
                name.push('.');
            }
        }
        let name = name.trim_matches('.');
        if name.len() <= LEN {
            return Name::fill(name);
        }
        let number = hash(name.as_bytes()) & 0xff_ffff;
        Name::fill(&format!("{}-{number:06x}", &name[..HEAD]))
    }

    /// Reads what [`Name`] shows.
    pub fn parse(text: &str) -> Option<Self> {
        let name = Name::of(text);
        (!text.is_empty() && name.to_string() == text).then_some(name)
    }

    fn fill(text: &str) -> Self {
        let mut name = Name::NONE;
        name.0[..text.len()].copy_from_slice(text.as_bytes());
        name
    }

    /// Stands for it in a draw; 0 if there is none.
    pub(crate) fn number(self) -> u32 {
        if self.is_none() {
            return 0;
        }
        1 << 31 | (hash(&self.0) >> 33) as u32
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut digest = Digest::default();
    digest.write(bytes);
    digest.value()
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = self.0.iter().take_while(|b| **b != 0);
        letters.copied().try_for_each(|b| f.write_char(b.into()))
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_reads_back() {
        assert_eq!(
            Name::of("Retry { id: 3, to: n2 }").to_string(),
            "Retry.id.3.to.n2"
        );
        assert_eq!(Name::of("Offset(-4)").to_string(), "Offset.-4");
        let long = |n: u32| Name::of(&format!("Heartbeat {{ shard: 12, replica: {n} }}"));
        assert_ne!(long(1), long(2));
        for name in [Name::of("Election"), long(1), Name::of("a.b")] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for bad in ["", "a b", ".a", "a..b", "a#1"] {
            assert_eq!(Name::parse(bad), None, "{bad:?}");
        }
    }
}
