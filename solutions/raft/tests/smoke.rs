//! Smoke tests of the reference.
