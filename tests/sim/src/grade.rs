//! [`grade`]: one graded test, and its report to the runner.

use crate::check::Checker;
use crate::erased::Erased;
use crate::explore::Scope;
use crate::hunt::{Hunt, hunt};
use crate::key::{FaultKey, KIT_VERSION, print_keys};
use crate::panics::{self, Panic};
use crate::regress::{Regression, Regressions};
use crate::report::{Channel, Record, Settings, Verdict};
use crate::scenario::Scenario;
use crate::script::Script;
use crate::shrink::Shrunk;
use crate::swarm::Failure;
use crate::trace::Trace;
use node::Node;
use std::fmt::{Debug, Display};
use std::panic::{Location, resume_unwind};

/// What a graded test checks with.
pub struct Test {
    invariant: &'static str,
    settings: Settings,
    checks: u64,
    counted: Option<(u64, u64)>,
    failed: Option<Failed>,
    /// Where the scenarios of this test belong to; of tests without one only the runner knows.
    lab: Option<&'static str>,
}

/// Why the test failed. Once it is set it stays, whatever happens to the unwinding.
#[derive(Clone, Debug)]
struct Failed {
    verdict: Verdict,
    invariant: String,
    message: String,
    location: Option<String>,
    seed: Option<u64>,
    kept: Vec<FaultKey>,
    of: usize,
}

/// What a failed test unwinds with.
struct Ended;

/// Runs one graded test. It passes only if its body comes to its end with at least one check and
/// without a panic anywhere, even one that the learner's code has swallowed. The report goes to
/// the runner if there is one; under plain `cargo test` a failure panics with the same message.
#[track_caller]
pub fn grade(invariant: &'static str, body: impl FnOnce(&mut Test)) {
    panics::install();
    panics::forget();
    let channel = Channel::open();
    let mut test = Test {
        invariant,
        settings: Settings::read(),
        checks: 0,
        counted: None,
        failed: None,
        lab: None,
    };
    let result = panics::caught(|| body(&mut test));
    let stray = panics::first_stray(channel.is_some());
    let record = test.judge(result.err(), stray);
    let (passed, text) = (record.outcome == Verdict::Passed, tell(&record));
    if let Some(channel) = channel {
        channel.send(record);
    }
    if !passed {
        panic!("{text}");
    }
}

/// What a person reads under plain `cargo test`.
fn tell(record: &Record) -> String {
    let mut text = format!("{}: {}", record.invariant, record.message);
    if let Some(place) = &record.location {
        text += &format!("\n  at {place}");
    }
    if let Some(seed) = record.seed {
        let faults = record.kept.iter().filter(|k| !k.starts_with("skip:"));
        let (left, of) = (faults.count(), record.of);
        text += &format!("\n  seed {seed}, {left} of its {of} faults are enough");
    }
    if let Some(replay) = &record.replay {
        text += &format!("\n  replay: {replay}");
    }
    text
}

impl Test {
    /// Counts as a check; ends the test as failed if it does not hold.
    #[track_caller]
    pub fn check(&mut self, holds: bool, message: impl Display) {
        self.checks += 1;
        if !holds {
            self.end(Verdict::Failed, message.to_string());
        }
    }

    /// As [`Test::check`] for two values that must be equal.
    #[track_caller]
    pub fn check_eq<T: PartialEq + Debug>(&mut self, seen: T, wanted: T, message: impl Display) {
        self.checks += 1;
        if seen != wanted {
            let text = format!("{message}: seen {seen:?}, wanted {wanted:?}");
            self.end(Verdict::Failed, text);
        }
    }

    /// Says that a budget ran out: the test does not pass, and is not called failed either.
    #[track_caller]
    pub fn unknown(&mut self, message: impl Display) -> ! {
        self.end(Verdict::Unknown, message.to_string())
    }

    /// Runs code that must panic and returns the panic's message; fails the test if it does not.
    #[track_caller]
    pub fn must_panic<T>(&mut self, code: impl FnOnce() -> T) -> String {
        self.checks += 1;
        let result = panics::caught_on_purpose(code);
        match result {
            Ok(_) => self.end(
                Verdict::Failed,
                "this should panic, and did not".to_string(),
            ),
            Err(panic) => match panic.todo() {
                Some(task) => self.end(Verdict::Todo, task.to_string()),
                None => panic.message,
            },
        }
    }

    /// Runs a schedule written by hand. Returns what `play` returns.
    #[track_caller]
    pub fn script<N: Node, C: Checker<N>, T>(
        &mut self,
        scenario: &Scenario<N>,
        checker: C,
        play: impl FnOnce(&mut Script<N, C>) -> T,
    ) -> T {
        let mut played = Script::play(scenario, checker, self.invariant, play);
        self.checks += played.checks;
        played.trace.title = self.settings.story();
        self.settings.write_trace(&played.trace);
        self.lab.get_or_insert(scenario.lab);
        match (played.value, played.failure) {
            (Some(value), None) => value,
            (_, Some(failure)) => {
                let mut failed = Failed::of(&failure, None);
                failed.location = failure
                    .panic
                    .and_then(|p| p.location)
                    .or(played.location)
                    // An exploration is asked for in here; what helps is where the test asked for it.
                    .filter(|place| !place.contains("sim/src/grade.rs"))
                    .or_else(|| Some(here()));
                self.end_as(failed)
            }
            (None, None) => match played.unknown {
                Some(why) => self.end(Verdict::Unknown, why),
                None => self.end(Verdict::Failed, "the script did not come to its end".into()),
            },
        }
    }

    /// Counts a run that was made elsewhere, and ends the test if it failed; `said` tells which run it was.
    #[track_caller]
    pub(crate) fn account(
        &mut self,
        checks: u64,
        trace: &Trace,
        failure: Option<Failure>,
        said: Option<&str>,
    ) {
        self.checks += checks;
        self.settings.write_trace(trace);
        if let Some(failure) = failure {
            let mut failed = Failed::of(&failure, None);
            failed.location = failed.location.or_else(|| Some(here()));
            if let Some(said) = said {
                failed.message += &format!(" ({said})");
            }
            self.end_as(failed);
        }
    }

    /// Tries every order of events in a small scope. A counterexample is printed, and played in the
    /// simulator for its trace; a search that gave up is unknown, which is no pass. `LAB_SCHEDULE`
    /// names a file with a schedule to play instead.
    #[track_caller]
    pub fn explore<N: Node, C: Checker<N>>(
        &mut self,
        scenario: &Scenario<N>,
        checker: C,
        scope: &Scope<N>,
    ) {
        let states = self.script(scenario, checker, |w| w.explore(scope).states);
        self.checks += states as u64;
    }

    /// Runs the scenario with many seeds; a failure is shrunk and reported with its replay line.
    #[track_caller]
    pub fn swarm<N: Node, C: Checker<N>>(&mut self, scenario: &Scenario<N>, checker: C) {
        let recorded = Regressions::of_test(scenario.lab, &self.settings.test);
        self.lab.get_or_insert(scenario.lab);
        let hunt = hunt(scenario, &Erased::new(checker), &self.settings, &recorded);
        let vacuous = hunt.is_vacuous(scenario);
        let Hunt {
            runs,
            hits,
            handlers,
            found,
            mut trace,
            ..
        } = hunt;
        self.checks += handlers;
        if self.settings.count {
            let (h, r) = self.counted.unwrap_or_default();
            self.counted = Some((h + hits, r + runs));
            return;
        }
        if let Some(trace) = &mut trace {
            trace.title = self.settings.story();
            self.settings.write_trace(trace);
        }
        if let Some(shrunk) = found {
            self.report(scenario.lab, shrunk, trace.as_ref());
        }
        if let (Some(why), None) = (vacuous, self.settings.seed) {
            self.end(Verdict::Failed, why);
        }
    }

    #[track_caller]
    fn report(&mut self, lab: &str, shrunk: Shrunk, trace: Option<&Trace>) -> ! {
        let mut failed = Failed::of(&shrunk.failure, Some(&shrunk));
        let (test, seed) = (&self.settings.test, shrunk.seed);
        let keep = print_keys(&shrunk.kept);
        if failed.location.is_none() {
            failed.location = Some(here());
        }
        if failed.verdict == Verdict::Failed && self.settings.seed.is_none() {
            let entry = Regression {
                test: test.clone(),
                seed,
                keep: Some(keep),
                invariant: failed.invariant.clone(),
                ..Regression::default()
            };
            Regressions::remember(lab, entry);
        }
        if let Some(trace) = trace
            && failed.verdict != Verdict::Todo
        {
            let events = trace.events.len();
            failed.message += &format!(" (at {}, event {events} of its trace)", shrunk.failure.at);
        }
        self.end_as(failed)
    }

    #[track_caller]
    fn end(&mut self, verdict: Verdict, message: String) -> ! {
        self.end_as(Failed {
            verdict,
            invariant: self.invariant.to_string(),
            message,
            location: Some(here()),
            seed: None,
            kept: Vec::new(),
            of: 0,
        })
    }

    fn end_as(&mut self, failed: Failed) -> ! {
        self.failed.get_or_insert(failed);
        resume_unwind(Box::new(Ended))
    }

    /// The verdict. A failure that was noted counts before anything that came after it.
    fn judge(self, panic: Option<Panic>, stray: Option<Panic>) -> Record {
        let invariant = self.invariant.to_string();
        let failed = self.failed.or_else(|| {
            let panic = panic.or(stray)?;
            Some(Failed::panicked(invariant.clone(), &panic))
        });
        let failed = failed.or_else(|| {
            (self.checks == 0).then(|| Failed {
                message: "the test came to its end without a single check".to_string(),
                ..Failed::panicked(invariant.clone(), &Panic::default())
            })
        });
        let passed = failed.is_none();
        let replay = failed.as_ref().and_then(|f| match f.verdict {
            Verdict::Todo | Verdict::Passed => None,
            _ => self.settings.replay(self.lab, f.seed, &f.kept),
        });
        let failed = failed.unwrap_or_else(|| Failed::panicked(invariant, &Panic::default()));
        Record {
            v: 1,
            kit: KIT_VERSION,
            nonce: String::new(),
            test: self.settings.test,
            outcome: if passed {
                Verdict::Passed
            } else {
                failed.verdict
            },
            checks: self.checks,
            invariant: failed.invariant,
            seed: failed.seed,
            kept: failed.kept.iter().map(FaultKey::to_string).collect(),
            of: failed.of,
            message: failed.message,
            location: failed.location.map(tidy),
            replay,
            hits: self.counted.map(|(hits, _)| hits),
            runs: self.counted.map(|(_, runs)| runs),
        }
    }
}

impl Failed {
    fn of(failure: &Failure, shrunk: Option<&Shrunk>) -> Self {
        let mut failed = match &failure.panic {
            Some(panic) => Failed::panicked(failure.violation.invariant.clone(), panic),
            None => Failed {
                verdict: Verdict::Failed,
                ..Failed::panicked(failure.violation.invariant.clone(), &Panic::default())
            },
        };
        if failed.verdict != Verdict::Todo {
            failed.message.clone_from(&failure.violation.message);
        }
        if let Some(shrunk) = shrunk {
            failed.seed = Some(shrunk.seed);
            failed.kept.clone_from(&shrunk.kept);
            failed.of = shrunk.of;
        }
        failed
    }

    fn panicked(invariant: String, panic: &Panic) -> Self {
        let todo = panic.todo();
        Failed {
            verdict: if todo.is_some() {
                Verdict::Todo
            } else {
                Verdict::Panicked
            },
            invariant,
            message: todo.unwrap_or(&panic.message).to_string(),
            location: panic.location.clone(),
            seed: None,
            kept: Vec::new(),
            of: 0,
        }
    }
}

/// A place as a reader knows it: the graded tests are reached from a lab's folder by way of `../..`.
fn tidy(place: String) -> String {
    match place.rfind("../") {
        Some(up) => place[up + 3..].to_string(),
        None => place,
    }
}

/// `file:line` of the graded test that called.
#[track_caller]
fn here() -> String {
    let place = Location::caller();
    format!("{}:{}", place.file(), place.line())
}
