//! How fast the kit is, beside other tools on the same toy: `cargo bench -p bench --bench sim [PART…]`.
//!
//! Parts run in pairs, ours and theirs in turn, so that a busy machine slows both; times are CPU times of the process.

#[path = "../../../sim/tests/toys/beats.rs"]
mod beats;
mod checkers;
mod clock;
mod explorer;
mod simulators;

type Part = (&'static str, fn());

const PARTS: &[Part] = &[
    ("simulators", simulators::run),
    ("explorer", explorer::run),
    ("checkers", checkers::run),
];

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            println!("== {name}");
            run();
        }
    }
}
