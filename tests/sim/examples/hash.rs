//! Prints the hash of many runs: equal in every process and in every build.
//!
//! `cargo run -p sim --example hash` and the same with `--release` print the same line.

#[path = "../tests/toys/beats.rs"]
mod beats;
#[path = "../tests/toys/frail.rs"]
mod frail;
#[path = "../tests/toys/hashes.rs"]
mod hashes;

fn main() {
    println!("{}", hashes::hashes());
}
