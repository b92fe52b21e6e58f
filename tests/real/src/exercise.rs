//! `real lock`: a session's process is stopped for twice its TTL, in the middle of a write. Once
//! without a fence at the storage, once with one.

pub mod holder;
pub mod storage;

use crate::outcome::{Outcome, ensure, fail};
use crate::resp::Client;
use crate::servers::{self, Build, Process};
use holder::{Holder, Said, Setup};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use storage::Entry;

/// How long a grant lasts unless it is renewed.
const TTL: Duration = Duration::from_secs(1);
/// No step takes longer, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to run.
pub struct Options {
    /// The reference's session instead of the learner's.
    pub solution: bool,
    /// Our server keeps the locks instead of Redis.
    pub ours: bool,
}

/// Runs the exercise. 0: without the fence a bad write landed, with it none did. 1: not so.
/// 3: Redis is not here.
pub fn run(options: &Options) -> ExitCode {
    match exercise(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Outcome::NotRun { missing, get }) => {
            println!("not run: {missing} is missing; {get}");
            ExitCode::from(3)
        }
        Err(Outcome::Failed(text) | Outcome::Passed(text)) => {
            println!("failed: {text}");
            ExitCode::FAILURE
        }
    }
}

fn exercise(options: &Options) -> Result<(), Outcome> {
    let whose = if options.solution {
        "the reference's"
    } else {
        "your"
    };
    let locks = if options.ours {
        "our lock-server"
    } else {
        "Redis"
    };
    println!(
        "Two processes run {whose} session against {locks}; TTL {} ms.",
        TTL.as_millis()
    );
    println!("\n1. The storage takes every write.\n");
    let bad = one_run(options, false)?;
    let Some(bad) = bad.violation else {
        return fail(
            "without a fence no bad write landed: the pause did not hit a write under way. Nothing \
             is shown about the cure; run it again on a quieter machine",
        );
    };
    println!("\n   {bad}");
    println!(
        "\n2. The storage keeps the largest token beside the data and refuses a smaller one.\n"
    );
    let good = one_run(options, true)?;
    if let Some(bad) = good.violation {
        return fail(format!("with the fence a bad write landed: {bad}"));
    }
    ensure(good.refused > 0, || {
        "with the fence nothing was refused: the pause did not hit a write under way; run it again"
            .into()
    })?;
    println!(
        "\n   The same pause, two holders again, {} write refused, no bad write.",
        good.refused
    );
    Ok(())
}

/// What the storage's log shows of one run.
struct Shown {
    violation: Option<String>,
    refused: usize,
}

fn one_run(options: &Options, fenced: bool) -> Result<Shown, Outcome> {
    let redis = servers::redis(false)?;
    let ours: Option<Process> = match options.ours {
        true => Some(servers::ours(Build::Dev, None)?),
        false => None,
    };
    let setup = |name: &str| Setup {
        name: name.into(),
        locks: ours.as_ref().unwrap_or(&redis).address(),
        storage: redis.address(),
        fenced,
        ours: options.ours,
        solution: options.solution,
        lock_name: "job",
        ttl: TTL,
    };
    let mut storage = Client::connect(&redis.address())?;
    let a = Holder::start(&setup("A"))?;
    a.wait_for(PATIENCE, |said| matches!(said, Said::Written(_)))?;
    let Said::Writing(late) = a.wait_for(PATIENCE, |said| matches!(said, Said::Writing(_)))? else {
        return fail("a holder did not write");
    };
    a.stop()?;
    let stopped = Instant::now();
    println!("   A is stopped (SIGSTOP), with its write {late} under way.");
    let b = Holder::start(&setup("B"))?;
    b.wait_for(PATIENCE, |said| matches!(said, Said::Locked(_)))?;
    println!(
        "   B has the lock {} ms later.",
        stopped.elapsed().as_millis()
    );
    b.wait_for(PATIENCE, |said| matches!(said, Said::Written(_)))?;
    std::thread::sleep((2 * TTL).saturating_sub(stopped.elapsed()));
    a.go_on()?;
    println!(
        "   A goes on (SIGCONT) after {} ms.",
        stopped.elapsed().as_millis()
    );
    storage::wait_for(&mut storage, &late, PATIENCE)?;
    b.forget();
    b.wait_for(PATIENCE, |said| matches!(said, Said::Written(_)))?;
    let entries = storage::read_log(&mut storage)?;
    drop((a, b));
    show(&entries);
    judge(&entries)
}

fn show(entries: &[Entry]) {
    println!("\n   The storage's log:\n\n     ms  token  value  by    the lock was then");
    let start = entries.first().map_or(0, |e| e.micros);
    for e in entries {
        println!(
            "   {:>4}  {:>5}  {:<5}  {}  {}{}",
            (e.micros - start) / 1000,
            e.token,
            e.value,
            e.owner
                .split(['-', '#', ':', '/'])
                .next()
                .unwrap_or(&e.owner),
            if e.lock.is_empty() {
                "not in this Redis"
            } else {
                &e.lock
            },
            if e.taken { "" } else { "   REFUSED" },
        );
    }
}

fn judge(entries: &[Entry]) -> Result<Shown, Outcome> {
    let verdict = storage::judge(entries);
    let holders: std::collections::BTreeSet<u64> = entries.iter().map(|e| e.token).collect();
    ensure(holders.len() >= 2, || {
        "only one holder wrote: the lease did not end".into()
    })?;
    let refused = entries.iter().filter(|e| !e.taken).count();
    let violation = match &verdict {
        verdict if verdict.passed() => None,
        sim::linear::Verdict::NotLinearizable(_) => {
            let mut newest = 0;
            let bad = entries.iter().filter(|e| {
                let older = e.taken && e.token < newest;
                newest = newest.max(e.token);
                older
            });
            let bad: Vec<&str> = bad.map(|e| e.value.as_str()).collect();
            let bad = bad.join(", ");
            Some(format!(
                "Two holders: {bad} of an older holder landed after a newer holder's write. D-I2 is violated; \
                 the history checker: {verdict}"
            ))
        }
        unknown => return fail(format!("the history checker: {unknown}")),
    };
    Ok(Shown { violation, refused })
}
