//! Our lock server beside Redis under `redis-benchmark`: operations per CPU second of the server.
//!
//! Pairs of runs, the one right after the other and in turns, so that both meet the same machine.
//! What counts is the processor time of the server's process (`/proc/PID/stat`, all its threads):
//! a busy machine changes it little, while operations per second of wall time also measure the
//! client, which takes about as much as the server.

use crate::outcome::{Checked, Outcome, ensure, fail, run_all};
use crate::servers::{self, Build, Folder, GET_REDIS, Process};
use std::io::ErrorKind;
use std::process::{Command, ExitCode};

/// Pairs of runs for each line.
const PAIRS: usize = 7;
/// Clock ticks a second in `/proc`, the same on every Linux of today.
const TICKS: f64 = 100.0;

/// One line of the table.
struct Line {
    name: &'static str,
    durable: bool,
    command: &'static str,
    pipeline: u32,
    operations: u32,
}

const LINES: [Line; 8] = [
    line("in memory", false, "set", 1, 150_000),
    line("in memory", false, "get", 1, 150_000),
    line("in memory", false, "set", 16, 1_500_000),
    line("in memory", false, "get", 16, 1_500_000),
    line("durable", true, "set", 1, 60_000),
    line("durable", true, "get", 1, 150_000),
    line("durable", true, "set", 16, 600_000),
    line("durable", true, "get", 16, 1_500_000),
];

const fn line(
    name: &'static str,
    durable: bool,
    command: &'static str,
    pipeline: u32,
    operations: u32,
) -> Line {
    Line {
        name,
        durable,
        command,
        pipeline,
        operations,
    }
}

/// Runs the comparison. With `quick`, two pairs of each and a tenth of the operations.
pub fn run(quick: bool) -> ExitCode {
    println!("operations per CPU second of the server; median (least to most) of the pairs\n");
    println!("| | | Redis | of it in the kernel | ours | of it in the kernel | ours / Redis |");
    println!("|---|---|---|---|---|---|---|");
    let check: fn() -> Checked = if quick {
        || all(2, 10)
    } else {
        || all(PAIRS, 1)
    };
    run_all([("bench", check)])
}

fn all(pairs: usize, shrink: u32) -> Checked {
    let folder = Folder::new()?;
    for durable in [false, true] {
        let redis = servers::redis(durable)?;
        let data = durable.then(|| folder.path());
        let ours = servers::ours(Build::Release, data)?;
        for line in LINES.iter().filter(|line| line.durable == durable) {
            compare(line, pairs, line.operations / shrink, &redis, &ours)?;
        }
    }
    Ok(format!("{} lines, {pairs} pairs each", LINES.len()))
}

/// One run of one server.
#[derive(Clone, Copy)]
struct Run {
    per_cpu_second: f64,
    kernel: f64,
}

fn compare(
    line: &Line,
    pairs: usize,
    operations: u32,
    redis: &Process,
    ours: &Process,
) -> Result<(), Outcome> {
    // The first of all warms up the branch predictors, the table and the files.
    measure(line, operations / 10, redis)?;
    measure(line, operations / 10, ours)?;
    let (mut theirs, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..pairs {
        let (r, o) = if pair % 2 == 0 {
            let r = measure(line, operations, redis)?;
            (r, measure(line, operations, ours)?)
        } else {
            let o = measure(line, operations, ours)?;
            (measure(line, operations, redis)?, o)
        };
        ratios.push(o.per_cpu_second / r.per_cpu_second);
        theirs.push(r);
        own.push(o);
    }
    let speeds = |runs: &[Run]| spread(runs.iter().map(|r| r.per_cpu_second / 1000.0), 0);
    let kernel = |runs: &[Run]| {
        let mut shares: Vec<f64> = runs.iter().map(|r| r.kernel * 100.0).collect();
        shares.sort_by(f64::total_cmp);
        shares[shares.len() / 2]
    };
    println!(
        "| {} | {} -P {} | {} k | {:.0} % | {} k | {:.0} % | {} |",
        line.name,
        line.command,
        line.pipeline,
        speeds(&theirs),
        kernel(&theirs),
        speeds(&own),
        kernel(&own),
        spread(ratios.into_iter(), 2),
    );
    Ok(())
}

/// `median (least to most)`.
pub fn spread(values: impl Iterator<Item = f64>, digits: usize) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first(), values.last()) else {
        return String::new();
    };
    let median = values[values.len() / 2];
    format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
}

fn measure(line: &Line, operations: u32, server: &Process) -> Result<Run, Outcome> {
    let before = processor_time(server.pid())?;
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port.to_string(), "-t", line.command])
        .args(["-n", &operations.to_string()])
        .args(["-P", &line.pipeline.to_string(), "-q"])
        .output();
    let output = match output {
        Ok(output) => output,
        Err(why) if why.kind() == ErrorKind::NotFound => {
            return Err(Outcome::not_run("redis-benchmark", GET_REDIS));
        }
        Err(why) => return fail(format!("redis-benchmark does not start: {why}")),
    };
    ensure(output.status.success(), || "redis-benchmark failed".into())?;
    let after = processor_time(server.pid())?;
    let (user, kernel) = (after.0 - before.0, after.1 - before.1);
    ensure(user + kernel > 0.0, || "too short to measure".into())?;
    Ok(Run {
        per_cpu_second: f64::from(operations) / (user + kernel),
        kernel: kernel / (user + kernel),
    })
}

/// Seconds in the process' own code and in the kernel for it.
pub fn processor_time(pid: u32) -> Result<(f64, f64), Outcome> {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return Err(Outcome::not_run("/proc", "run this on Linux"));
    };
    // The name, in parentheses, may contain spaces; behind it come state and numbers.
    let numbers = stat.rsplit(')').next().unwrap_or_default();
    let mut numbers = numbers.split_whitespace().skip(11);
    let mut next = || -> Result<f64, Outcome> {
        match numbers.next().map(str::parse::<f64>) {
            Some(Ok(ticks)) => Ok(ticks / TICKS),
            _ => fail("/proc/PID/stat is not as expected"),
        }
    };
    Ok((next()?, next()?))
}
