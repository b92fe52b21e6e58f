//! Each bug, put into the reference, must be killed by its stage: by a script or by the explorer, not by luck.

use super::say;
use super::traces::Traces;
use crate::args::Args;
use crate::bugs::{self, Bug, Variant};
use crate::cargo::{Built, Package};
use crate::error::Error;
use crate::manifest::{Kind, Lab, Stage};
use crate::scratch::Scratch;
use crate::skeleton::Sources;
use crate::style;
use crate::testing::{self, Filter, Settings};
use crate::verdict::{TestResult, Verdict};
use crate::workbook::Workbook;
use std::sync::atomic::AtomicBool;

/// Seeds for the swarm's rate, which is recorded and proves nothing.
const SWARM_SEEDS: u64 = 2000;

static NEVER: AtomicBool = AtomicBool::new(false);

/// What the folders `bugs` and `variants` hold.
pub struct Pages {
    bugs: Vec<Bug>,
    variants: Vec<Variant>,
}

pub fn read(workbook: &Workbook, lab: &Lab) -> Result<Pages, Error> {
    let graded = workbook.graded_folder(&lab.name);
    Ok(Pages {
        bugs: bugs::read_bugs(&graded, lab)?,
        variants: bugs::read_variants(&graded, lab)?,
    })
}

pub fn check(workbook: &Workbook, lab: &Lab, pages: &Pages, args: &Args) -> Result<bool, Error> {
    let Pages { bugs, variants } = pages;
    let scratch = Scratch::of(workbook, &lab.name)?;
    let mut traces = Traces::of(workbook, lab, args.write)?;
    let seeds = args.seeds.unwrap_or(SWARM_SEEDS);
    let mut good = true;
    for bug in bugs {
        let mutant = Mutant::lay(&scratch, lab, bug)?;
        let (killed, line) = match mutant {
            Ok(mutant) => mutant.try_to_kill(bug, seeds, &mut traces)?,
            Err(why) => (false, format!("{} DOES NOT APPLY: {why}", bug.id)),
        };
        good &= killed;
        style::put(&format!("{line}\n"));
    }
    good &= traces.finish()?;
    for variant in variants {
        good &= check_variant(&scratch, lab, variant)?;
    }
    let text = format!(
        "{}: {} bugs, {} right variants",
        lab.name,
        bugs.len(),
        variants.len()
    );
    Ok(say(good, "bugs", &text))
}

struct Mutant<'a> {
    lab: &'a Lab,
    /// The bug's stage and those before it.
    stages: Vec<&'a Stage>,
    package: Package,
    built: Built,
}

impl<'a> Mutant<'a> {
    fn lay(scratch: &Scratch, lab: &'a Lab, bug: &Bug) -> Result<Result<Self, String>, Error> {
        let mut sources: Sources = scratch.reference().clone();
        if let Err(why) = bug.patch.apply(&mut sources) {
            return Ok(Err(format!("{why} ({})", bug.file.display())));
        }
        let package = scratch.lay(&sources)?;
        let stages: Vec<&Stage> = lab
            .stages
            .iter()
            .filter(|s| s.number() <= bug.stage)
            .collect();
        let built = testing::build(&package, &stages, &NEVER)?;
        if built.programs.len() < stages.len() {
            return Ok(Err(format!(
                "{} ({})",
                built.first_error(),
                bug.file.display()
            )));
        }
        Ok(Ok(Mutant {
            lab,
            stages,
            package,
            built,
        }))
    }

    fn run(&self, stages: &[&Stage], settings: &Settings) -> Result<Vec<TestResult>, Error> {
        let (package, built) = (&self.package, &self.built);
        let results =
            testing::run_built(package, self.lab, stages, built, settings, &NEVER, |_| ())?;
        Ok(results.into_iter().flat_map(|stage| stage.tests).collect())
    }

    fn run_only(&self, stages: &[&Stage], filter: Filter) -> Result<Vec<TestResult>, Error> {
        let settings = Settings {
            filter,
            ..Settings::default()
        };
        self.run(stages, &settings)
    }

    fn try_to_kill(
        &self,
        bug: &Bug,
        seeds: u64,
        traces: &mut Traces<'_>,
    ) -> Result<(bool, String), Error> {
        let id = &bug.id;
        let quiet = self.run_only(&self.stages, Filter::FaultFree)?;
        if let Some(test) = quiet.iter().find(|test| test.verdict != Verdict::Passed) {
            let line = format!("{id} TOO COARSE: {} fails without a fault", test.name);
            return Ok((false, line));
        }
        let own: Vec<&Stage> = self.stages.last().copied().into_iter().collect();
        let swarm = self.swarm_rate(&own, seeds)?;
        let results = self.run_only(&own, Filter::Deterministic)?;
        let failed: Vec<&TestResult> = results
            .iter()
            .filter(|test| test.verdict == Verdict::Failed)
            .collect();
        let names_it = |test: &&&TestResult| names(&bug.invariant, &test.invariant);
        if let Some(test) = failed.iter().find(names_it) {
            if let Some(stage) = own.first() {
                traces.of_bug(id, stage, &test.name, (&self.package, &self.built))?;
            }
            let kind = self.kind_of(&test.name).map_or("?", Kind::word);
            let invariant = label(&test.invariant);
            let line = format!(
                "{id} killed by {} ({invariant}, {kind}; {swarm})",
                test.name
            );
            return Ok((true, line));
        }
        let beside = match failed.first() {
            Some(test) => format!(
                "{} fails, but names {} instead of {}",
                test.name, test.invariant, bug.invariant
            ),
            None => swarm,
        };
        Ok((false, format!("{id} SURVIVED ({beside})")))
    }

    /// "swarm 12/2000": the hits of the stage's swarm tests, of which the best counts.
    fn swarm_rate(&self, stage: &[&Stage], seeds: u64) -> Result<String, Error> {
        let settings = Settings {
            filter: Filter::Swarm,
            seeds: Some(seeds),
            count: true,
            ..Settings::default()
        };
        let results = self.run(stage, &settings)?;
        let best = results
            .iter()
            .filter_map(|test| test.hits)
            .max_by_key(|(hits, _)| *hits);
        Ok(match best {
            Some((hits, runs)) => format!("swarm {hits}/{runs}"),
            None => "no swarm".into(),
        })
    }

    fn kind_of(&self, name: &str) -> Option<Kind> {
        let mut tests = self.stages.iter().flat_map(|stage| stage.tests());
        tests.find(|test| test.name == name).map(|test| test.kind)
    }
}

/// Whether the reported invariant is (one of) the bug's: "D-I2 Fencing" is D-I2.
fn names(bug: &str, reported: &str) -> bool {
    bug.split([',', ' '])
        .any(|one| !one.is_empty() && one == label(reported))
}

fn label(invariant: &str) -> &str {
    invariant.split(' ').next().unwrap_or(invariant)
}

/// A right solution of another shape passes everything.
fn check_variant(scratch: &Scratch, lab: &Lab, variant: &Variant) -> Result<bool, Error> {
    let mut sources = scratch.reference().clone();
    if let Err(why) = variant.patch.apply(&mut sources) {
        let text = format!(
            "{} does not apply: {why} ({})",
            variant.id,
            variant.file.display()
        );
        return Ok(say(false, "variant", &text));
    }
    let package = scratch.lay(&sources)?;
    let stages: Vec<&Stage> = lab.stages.iter().collect();
    let settings = Settings::default();
    let (results, _) = testing::run_stages(&package, lab, &stages, &settings, &NEVER, |_| ())?;
    let failed: Vec<&TestResult> = results
        .iter()
        .flat_map(|stage| &stage.tests)
        .filter(|test| test.verdict != Verdict::Passed)
        .collect();
    let text = match failed.is_empty() {
        true => format!("{}: another right solution passes every stage", variant.id),
        false => format!(
            "{}: a right solution is accused: {}",
            variant.id,
            super::ends(&failed)
        ),
    };
    Ok(say(failed.is_empty(), "variant", &text))
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_kill_counts_only_if_it_names_the_bugs_invariant() {
        assert!(names("D-I2", "D-I2 Fencing"));
        assert!(names("D-I3, D-I1", "D-I1"));
        assert!(!names("D-I1", "D-I11"));
        assert!(!names("D-I1", ""));
    }
}
