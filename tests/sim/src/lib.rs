//! The simulator.

pub mod trace;
