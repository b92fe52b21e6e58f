//! Prints the hash of many runs: equal in every process and in every build.
//!
//! `cargo run -p sim --example hash` and the same with `--release` print the same line.

#[path = "../tests/toys/beats.rs"]
mod beats;
#[path = "../tests/toys/frail.rs"]
mod frail;

use sim::{Faults, RunSpec, Scenario, ms, run};

fn hash<N: node::Node>(mut scenario: Scenario<N>, seeds: u64) -> u64 {
    scenario.wire = true;
    (0..seeds).fold(0, |hash: u64, seed| {
        let spec = RunSpec {
            seed,
            hash: true,
            ..RunSpec::default()
        };
        hash.rotate_left(1) ^ run(&scenario, (), &spec).hash
    })
}

fn main() {
    let frail = frail::scenario(true).with_faults(Faults::all());
    let beats = beats::scenario(true).lasting(ms(3_000), ms(100));
    println!("{:016x} {:016x}", hash(frail, 20), hash(beats, 20));
}
