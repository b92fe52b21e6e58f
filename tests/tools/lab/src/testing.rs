//! Builds a stage and runs its tests, each in a process of its own.

use crate::cargo::{self, Built, Package};
use crate::error::Error;
use crate::evidence::One;
use crate::launcher::Limits;
use crate::manifest::{Kind, Lab, Stage, Test};
use crate::points::Points;
use crate::process;
use crate::verdict::{StageResult, TestResult, Verdict};
use crate::workbook::Workbook;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// How the tests shall run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub seeds: Option<u64>,
    pub seed: Option<u64>,
    pub keep: Option<String>,
    pub schedule: Option<PathBuf>,
    pub seed_key: Option<String>,
    pub trace: Option<PathBuf>,
    /// The bug that was put in, for the trace's title.
    pub bug: Option<String>,
    /// Run on after a failure and count the seeds that hit.
    pub count: bool,
    pub filter: Filter,
}

/// Which tests of a stage run.
#[derive(Clone, Debug, Default)]
pub enum Filter {
    #[default]
    All,
    Named(String),
    /// The fault-free run that every bug must leave green.
    FaultFree,
    /// Those whose kill does not depend on a lucky seed.
    Deterministic,
    Unit,
    Swarm,
}

impl Filter {
    fn takes(&self, test: &Test) -> bool {
        match self {
            Filter::All => true,
            Filter::Named(name) => test.name == *name,
            Filter::FaultFree => test.fault_free,
            Filter::Deterministic => matches!(test.kind, Kind::Scripted | Kind::Explored),
            Filter::Unit => test.kind == Kind::Unit,
            Filter::Swarm => test.kind == Kind::Swarm,
        }
    }
}

/// Whose code is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Learner,
    Reference,
}

pub fn package(workbook: &Workbook, lab: &str, side: Side) -> Package {
    let (suffix, folder) = match side {
        Side::Learner => ("lab", workbook.lab_folder(lab)),
        Side::Reference => ("solution", workbook.solution_folder(lab)),
    };
    Package {
        name: format!("{lab}-{suffix}"),
        folder,
        workspace: workbook.root.join("Cargo.toml"),
        target: None,
        no_default_features: side == Side::Reference,
        quiet: false,
    }
}

/// One stage after the other from one build; `shown` sees each as it is done.
pub fn run_stages(
    package: &Package,
    lab: &Lab,
    stages: &[&Stage],
    settings: &Settings,
    cancel: &AtomicBool,
    shown: impl FnMut(&StageResult),
) -> Result<(Vec<StageResult>, Built), Error> {
    let built = build(package, stages, cancel)?;
    let results = match built.cancelled {
        true => Vec::new(),
        false => run_built(package, lab, stages, &built, settings, cancel, shown)?,
    };
    Ok((results, built))
}

/// Builds the test programs of the stages.
pub fn build(package: &Package, stages: &[&Stage], cancel: &AtomicBool) -> Result<Built, Error> {
    let targets: Vec<String> = stages.iter().map(|stage| stage.target()).collect();
    cargo::build_tests(package, &targets, cancel)
}

/// Runs what is built.
pub fn run_built(
    package: &Package,
    lab: &Lab,
    stages: &[&Stage],
    built: &Built,
    settings: &Settings,
    cancel: &AtomicBool,
    mut shown: impl FnMut(&StageResult),
) -> Result<Vec<StageResult>, Error> {
    let mut results = Vec::new();
    for stage in stages {
        let bench = Bench {
            package,
            lab,
            settings,
            cancel,
        };
        let result = bench.run_stage(stage, built)?;
        shown(&result);
        results.push(result);
    }
    Ok(results)
}

struct Bench<'a> {
    package: &'a Package,
    lab: &'a Lab,
    settings: &'a Settings,
    cancel: &'a AtomicBool,
}

impl Bench<'_> {
    fn run_stage(&self, stage: &Stage, built: &Built) -> Result<StageResult, Error> {
        let points = stage.test_points();
        let tests: Vec<(&Test, Points)> = stage
            .tests()
            .iter()
            .zip(points)
            .filter(|(test, _)| self.settings.filter.takes(test))
            .collect();
        let results = match built.programs.get(&stage.target()) {
            Some(program) => self.run_all(program, &tests)?,
            None => {
                let reason = built.first_error();
                let not_built = |(test, max): &(&Test, Points)| {
                    blank(test, *max, Verdict::NotBuilt, reason.clone())
                };
                tests.iter().map(not_built).collect()
            }
        };
        Ok(StageResult {
            stage: stage.number(),
            title: stage.title.clone(),
            points: results.iter().map(|test| test.points).sum(),
            max: results.iter().map(|test| test.max).sum(),
            hints_used: 0,
            tests: results,
        })
    }

    /// As many at a time as there are processors; results in the manifest's order.
    fn run_all(&self, program: &Path, tests: &[(&Test, Points)]) -> Result<Vec<TestResult>, Error> {
        let present = names(program, &self.package.folder, self.cancel)?;
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Result<TestResult, Error>)>> = Mutex::default();
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..workers.min(tests.len()) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((test, max)) = tests.get(index) else {
                            break;
                        };
                        let result = match present.contains(&test.name) {
                            true => self.run_one(program, test, *max),
                            false => Ok(blank(test, *max, Verdict::NotBuilt, absent(&test.name))),
                        };
                        if let Ok(mut done) = done.lock() {
                            done.push((index, result));
                        }
                    }
                });
            }
        });
        let mut done = done
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }

    fn run_one(&self, program: &Path, test: &Test, max: Points) -> Result<TestResult, Error> {
        let limits = match self.settings.seeds {
            Some(_) => self.lab.limits().for_many_seeds(),
            None => self.lab.limits(),
        };
        let one = One {
            program,
            folder: &self.package.folder,
            lab: &self.lab.name,
            test: &test.name,
        };
        let evidence = one.run(&limits, self.cancel, |command| {
            self.set_environment(command)
        })?;
        let (verdict, message) = evidence.verdict();
        let mut result = blank(test, max, verdict, message);
        result.seconds = (evidence.ran.seconds * 1000.0).round() / 1000.0;
        result.output = evidence.printed();
        if verdict == Verdict::Passed {
            result.points = max;
        }
        if let Some(record) = evidence.record {
            result.kit = record.kit;
            result.hits = record.hits.zip(record.runs);
            result.checks = record.checks;
            result.seed = record.seed;
            result.kept = record.kept;
            // What every test has is no news.
            result.faults = record.faults.filter(|of| *of > 0);
            result.location = record.location;
            result.replay = record.replay.as_deref().map(quoted);
            if !record.invariant.is_empty() {
                result.invariant = record.invariant;
            }
        }
        Ok(result)
    }

    fn set_environment(&self, command: &mut std::process::Command) {
        let settings = self.settings;
        if let Some(seeds) = settings.seeds {
            command.env("LAB_SEEDS", seeds.to_string());
        }
        if let Some(seed) = settings.seed {
            command.env("LAB_SEED", seed.to_string());
        }
        if let Some(keep) = &settings.keep {
            command.env("LAB_KEEP", keep);
        }
        if let Some(key) = &settings.seed_key {
            command.env("LAB_SEED_KEY", key);
        }
        if let Some(trace) = &settings.trace {
            command.env("LAB_TRACE", trace);
        }
        if let Some(bug) = &settings.bug {
            command.env("LAB_BUG", bug);
        }
        if let Some(schedule) = &settings.schedule {
            command.env("LAB_SCHEDULE", schedule);
        }
        if settings.count {
            command.env("LAB_COUNT", "1");
        }
    }
}

fn absent(name: &str) -> String {
    format!("the stage's file has no test `{name}`: restore tests/graded, or mend lab.toml")
}

fn blank(test: &Test, max: Points, verdict: Verdict, message: String) -> TestResult {
    TestResult::blank(&test.name, &test.invariant, max, verdict, message)
}

/// The tests that a program has, by its own list.
pub fn names(
    program: &Path,
    folder: &Path,
    cancel: &AtomicBool,
) -> Result<BTreeSet<String>, Error> {
    let ran = process::run(program, &Limits::default(), cancel, |command| {
        command
            .args(["--list", "--format", "terse"])
            .current_dir(folder);
    })?;
    let names = ran
        .output
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_string).collect())
}

/// Faults are written `drop:1>2#3`, and a shell would take the `>` for a file.
fn quoted(replay: &str) -> String {
    match replay.split_once(" --keep ") {
        Some((before, keep)) if !keep.contains(['"', '\'', ' ']) => {
            format!("{before} --keep \"{keep}\"")
        }
        _ => replay.to_string(),
    }
}
