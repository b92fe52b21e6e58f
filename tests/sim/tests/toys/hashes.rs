//! One number for many runs of two toys.

use crate::{beats, frail};
use sim::{Faults, RunSpec, Scenario, ms, run};

fn hash<N: node::Node>(mut scenario: Scenario<N>) -> u64 {
    scenario.wire = true;
    (0..20).fold(0, |hash: u64, seed| {
        let spec = RunSpec {
            seed,
            hash: true,
            ..RunSpec::default()
        };
        hash.rotate_left(1) ^ run(&scenario, (), &spec).hash
    })
}

/// What [`crate`] compares.
pub fn hashes() -> String {
    let frail = hash(frail::scenario(true).with_faults(Faults::all()));
    let beats = hash(beats::scenario(true).lasting(ms(3_000), ms(100)));
    format!("frail {frail:016x} beats {beats:016x}")
}
