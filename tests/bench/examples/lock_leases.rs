//! What a lease costs when reads renew it: Gray and Cheriton's curve, counted.
//!
//! Reads come at random (Poisson) at a constant rate. A read that finds no valid lease asks the
//! server and gets one for `term`; every other read is free. Compared with asking at each read the
//! traffic is 1/(1 + rate·term).

mod shared;

use shared::{Findings, Table};
use sim::key::Draw;
use std::process::ExitCode;

/// Reads per second.
const RATE: f64 = 0.864;
const TERMS: [u32; 7] = [0, 1, 2, 5, 10, 20, 30];
const READS: u64 = 2_000_000;
const SEED: u64 = 8;

/// The part of the reads that had to ask.
fn traffic(term: f64) -> f64 {
    let (mut now, mut valid_until, mut asked) = (0.0_f64, 0.0_f64, 0_u64);
    for n in 0..READS {
        let uniform = (Draw::new(SEED, n).bits() >> 11) as f64 / (1_u64 << 53) as f64;
        now += -(1.0 - uniform).ln() / RATE;
        if now >= valid_until {
            asked += 1;
            valid_until = now + term;
        }
    }
    asked as f64 / READS as f64
}

fn main() -> ExitCode {
    let mut found = Findings::default();
    let mut table = Table::new(&["lease in seconds", "1/(1 + R·t)", "counted"]);
    for term in TERMS {
        let expected = 1.0 / (1.0 + RATE * f64::from(term));
        let counted = traffic(f64::from(term));
        found.near(format!("a lease of {term} s"), counted, expected, 0.03);
        table.row(&[&term, &format!("{expected:.3}"), &format!("{counted:.3}")]);
    }
    found.table("lock-leases", table);
    found.conclude()
}
