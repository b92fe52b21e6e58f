//! CPU time, and rows of a table.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;

/// Seconds of CPU time of this process, all threads.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Seconds of CPU time that `work` takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = cpu();
    let value = black_box(work());
    (value, cpu() - start)
}

/// Prints the median of `values` with the least and the greatest.
pub fn row(name: &str, unit: &str, mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let median = values[values.len() / 2];
    println!(
        "{name:<52} {median:>12.1} {unit} ({:.1} to {:.1})",
        values[0],
        values[values.len() - 1]
    );
    median
}
