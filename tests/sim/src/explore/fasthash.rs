//! A hash for state spaces: fast, the same in every process, and good enough that a fingerprint of 64 bits stands for
//! a state.
//!
//! The standard hasher is seeded against attackers and takes several times longer; there is no attacker here. Each
//! word is multiplied into the sum and both halves of the product are kept, the way wyhash and foldhash do it. Two of
//! `n` different states share a fingerprint with a chance of about `n² / 2⁶⁵`: 3 in 100 million for a million states.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// See the module.
#[derive(Clone, Copy)]
pub struct FastHasher(u64);

const KEY: u64 = 0x9e37_79b9_7f4a_7c15;

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

impl Default for FastHasher {
    fn default() -> Self {
        FastHasher(0x243f_6a88_85a3_08d3)
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.write_u64(u64::from_le_bytes(
                chunk.try_into().expect("a chunk has 8 bytes"),
            ));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.write_u64(u64::from(n));
    }
    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        // The sum is changed before the word meets it, or a zero product would forget everything so far.
        self.0 = fold(
            self.0.wrapping_add(KEY) ^ n,
            KEY ^ self.0.rotate_left(32) | 1,
        );
    }
    fn write_u128(&mut self, n: u128) {
        self.write_u64(n as u64);
        self.write_u64((n >> 64) as u64);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn finish(&self) -> u64 {
        fold(self.0 ^ KEY, 0xbf58_476d_1ce4_e5b9)
    }
}

/// For maps and sets.
pub type Fast = BuildHasherDefault<FastHasher>;

/// The fingerprint of one value.
pub fn fingerprint(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = FastHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// For keys that are fingerprints already.
#[derive(Clone, Copy, Default)]
pub struct Already(u64);

impl Hasher for Already {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only fingerprints are hashed with this");
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn near_values_have_far_fingerprints() {
        let mut seen = HashSet::new();
        for a in 0..300_u64 {
            for b in 0..300_u32 {
                assert!(seen.insert(fingerprint(&(a, b))), "({a}, {b}) collides");
            }
        }
        // The sets and maps look at the highest and at the lowest bits: both must spread.
        let low: HashSet<u64> = seen.iter().map(|h| h & 0xffff).collect();
        let high: HashSet<u64> = seen.iter().map(|h| h >> 48).collect();
        assert!(
            low.len() > 45_000 && high.len() > 45_000,
            "{} {}",
            low.len(),
            high.len()
        );
    }

    #[test]
    fn lengths_and_zeros_count() {
        assert_ne!(fingerprint(&[0_u8; 3][..]), fingerprint(&[0_u8; 4][..]));
        assert_ne!(
            fingerprint(&vec![0_u64, 0]),
            fingerprint(&vec![0_u64, 0, 0])
        );
    }
}
