//! The runner behind `cargo lab`.
fn main() {}
