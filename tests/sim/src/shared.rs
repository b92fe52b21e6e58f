//! [`Shared`]: a value that many states of a world have in common, copied when one of them changes it.

use crate::explore::fasthash::fingerprint;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value behind a counted pointer, with its fingerprint beside it once somebody asked for that.
#[derive(Clone, Default)]
pub struct Shared<T>(Arc<Kept<T>>);

#[derive(Default)]
struct Kept<T> {
    value: T,
    /// 0 until it is known.
    print: AtomicU64,
}

impl<T: Clone> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Kept {
            value: self.value.clone(),
            print: AtomicU64::new(0),
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        let kept = Arc::make_mut(&mut self.0);
        *kept.print.get_mut() = 0;
        &mut kept.value
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}
impl<T: Eq> Eq for Shared<T> {}

impl<T: Hash> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let print = match self.0.print.load(Ordering::Relaxed) {
            0 => {
                let print = fingerprint(&self.0.value).max(1);
                self.0.print.store(print, Ordering::Relaxed);
                print
            }
            known => known,
        };
        state.write_u64(print);
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_owners_and_changes_the_fingerprint() {
        let mut mine = Shared::<Vec<u8>>::default();
        let before = fingerprint(&mine);
        let other = mine.clone();
        mine.push(1);
        assert_ne!(fingerprint(&mine), before);
        assert_eq!(fingerprint(&other), before);
        assert_ne!(mine, other);
        mine.clear();
        assert_eq!(fingerprint(&mine), before);
        assert_eq!(mine, other);
    }
}
