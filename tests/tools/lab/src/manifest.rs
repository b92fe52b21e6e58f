//! Reads `tests/graded/catalogue.toml` and `tests/graded/<lab>/lab.toml`, and says file and line of what is wrong.

use crate::error::Error;
use crate::launcher::Limits;
use crate::points::Points;
use serde::Deserialize;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use toml::Spanned;

/// All labs in curriculum order, those in preparation too.
#[derive(Debug, Deserialize)]
pub struct Catalogue {
    #[serde(rename = "lab")]
    pub labs: Vec<CatalogueEntry>,
}

#[derive(Debug, Deserialize)]
pub struct CatalogueEntry {
    pub name: String,
    pub title: String,
    pub real: String,
    pub status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Status {
    #[serde(rename = "ready")]
    Ready,
    #[serde(rename = "in preparation")]
    InPreparation,
}

/// One lab: titles, points and hints have no other source.
#[derive(Debug, Deserialize)]
pub struct Lab {
    #[serde(rename = "lab")]
    pub name: String,
    /// What the curriculum gives it; `cargo lab check` compares it with the stages.
    #[serde(rename = "points")]
    stated_points: Spanned<Points>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
    #[serde(default, rename = "figure")]
    pub figures: Vec<Figure>,
}

/// A run of the reference that the book plays: the trace `name` is what `test` does.
#[derive(Debug, Deserialize)]
pub struct Figure {
    pub name: String,
    pub test: String,
}

/// `[limits]`: what one test of the lab may use, where the usual is not right.
#[derive(Debug, Default, Deserialize)]
struct LimitsTable {
    wall_seconds: Option<u64>,
    cpu_seconds: Option<u64>,
    memory_mib: Option<u64>,
    output_mib: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Stage {
    number: Spanned<u32>,
    pub slug: String,
    pub title: String,
    points: Spanned<Points>,
    #[serde(default)]
    pub own_tests: bool,
    #[serde(default)]
    pub tasks: Vec<String>,
    #[serde(default)]
    pub files: Vec<String>,
    hints: Spanned<Vec<String>>,
    #[serde(rename = "test")]
    tests: Spanned<Vec<Test>>,
}

#[derive(Debug, Deserialize)]
pub struct Test {
    pub name: String,
    pub invariant: String,
    /// The share of the stage; what the test is worth comes from [`Stage::test_points`].
    points: Points,
    pub kind: Kind,
    #[serde(default)]
    pub fault_free: bool,
}

/// Where a test's schedules come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Unit,
    Scripted,
    Explored,
    Swarm,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Unit => "unit",
            Kind::Scripted => "scripted",
            Kind::Explored => "explored",
            Kind::Swarm => "swarm",
        }
    }
}

/// In a ✎ stage this many percent of the points come from the learner's own tests.
pub const OWN_TESTS_PERCENT: u64 = 15;

impl Lab {
    /// Over the stages that are there.
    pub fn points(&self) -> Points {
        self.stages.iter().map(Stage::points).sum()
    }

    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        let mebibytes = |given: Option<u64>, usual| given.map_or(usual, |mib| mib << 20);
        Limits {
            wall: self
                .limits
                .wall_seconds
                .map_or(usual.wall, Duration::from_secs),
            cpu_seconds: self.limits.cpu_seconds.unwrap_or(usual.cpu_seconds),
            memory_bytes: mebibytes(self.limits.memory_mib, usual.memory_bytes),
            output_bytes: mebibytes(self.limits.output_mib, usual.output_bytes),
        }
    }

    pub fn stage(&self, number: u32) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.number() == number)
    }

    /// By number or by slug.
    pub fn find_stage(&self, name: &str) -> Option<&Stage> {
        self.stages
            .iter()
            .find(|stage| stage.slug == name || stage.number().to_string() == name)
    }
}

impl Stage {
    pub fn number(&self) -> u32 {
        *self.number.get_ref()
    }

    pub fn points(&self) -> Points {
        *self.points.get_ref()
    }

    pub fn hints(&self) -> &[String] {
        self.hints.get_ref()
    }

    pub fn tests(&self) -> &[Test] {
        self.tests.get_ref()
    }

    /// The name of the `[[test]]` target and of its file, without `.rs`.
    pub fn target(&self) -> String {
        format!("s{}_{}", self.number(), self.slug.replace('-', "_"))
    }

    pub fn own_points(&self) -> Points {
        match self.own_tests {
            true => self.points().percent(OWN_TESTS_PERCENT),
            false => Points::default(),
        }
    }

    /// What each test is worth, in order: the stage's points, less those of the learner's own tests.
    pub fn test_points(&self) -> Vec<Points> {
        let weights: Vec<Points> = self.tests().iter().map(|test| test.points).collect();
        (self.points() - self.own_points()).split(&weights)
    }
}

pub fn read_catalogue(file: &Path) -> Result<Catalogue, Error> {
    parse(file, &read(file)?)
}

pub fn read_lab(file: &Path) -> Result<Lab, Error> {
    let text = read(file)?;
    let lab: Lab = parse(file, &text)?;
    validate(&lab).map_err(|(span, message)| Error::Manifest {
        file: file.to_path_buf(),
        line: line_of(&text, span.start),
        message,
    })?;
    Ok(lab)
}

/// Whether the points add up, for authors: a lab that is half written can be tried, but not released.
pub fn check_points(file: &Path) -> Result<(), Error> {
    let text = read(file)?;
    let lab: Lab = parse(file, &text)?;
    validate_points(&lab).map_err(|(span, message)| Error::Manifest {
        file: file.to_path_buf(),
        line: line_of(&text, span.start),
        message,
    })
}

fn read(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(Error::file("read", file))
}

fn parse<T: for<'de> Deserialize<'de>>(file: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| Error::Manifest {
        file: file.to_path_buf(),
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        message: format!(
            "{}; tests/README.md has the format",
            error.message().trim_end()
        ),
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

type Complaint = (Range<usize>, String);

fn validate(lab: &Lab) -> Result<(), Complaint> {
    for (index, stage) in lab.stages.iter().enumerate() {
        validate_stage(stage, index as u32 + 1)?;
    }
    Ok(())
}

fn validate_points(lab: &Lab) -> Result<(), Complaint> {
    for stage in &lab.stages {
        let weights: Points = stage.tests().iter().map(|test| test.points).sum();
        let allowed = [stage.points(), stage.points() - stage.own_points()];
        if !allowed.contains(&weights) {
            let message = format!(
                "the tests of stage {} add up to {weights} points, the stage says {}: make them equal",
                stage.number(),
                stage.points()
            );
            return Err((stage.points.span(), message));
        }
    }
    let (total, stated) = (lab.points(), lab.stated_points.get_ref());
    if total != *stated {
        let message =
            format!("the stages add up to {total} points, the lab says {stated}: make them equal");
        return Err((lab.stated_points.span(), message));
    }
    Ok(())
}

fn validate_stage(stage: &Stage, expected: u32) -> Result<(), Complaint> {
    if stage.number() != expected {
        let message = format!(
            "stage {} stands where stage {expected} is due: number them 1, 2, 3, …",
            stage.number()
        );
        return Err((stage.number.span(), message));
    }
    if stage.hints().len() != 3 {
        let message = format!(
            "stage {expected} has {} hints: it needs three, from the idea to nearly the code",
            stage.hints().len()
        );
        return Err((stage.hints.span(), message));
    }
    for (index, test) in stage.tests().iter().enumerate() {
        if stage.tests()[..index]
            .iter()
            .any(|other| other.name == test.name)
        {
            let message = format!(
                "stage {expected} names the test `{}` twice: keep one",
                test.name
            );
            return Err((stage.tests.span(), message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
lab = "toy"
title = "Toy"
points = 20
[[stage]]
number = 1
slug = "sum-up"
title = "Sums"
points = 20
own_tests = true
hints = ["a", "b", "c"]
[[stage.test]]
name = "one"
invariant = "T-I1"
points = 15
kind = "scripted"
[[stage.test]]
name = "two"
invariant = "T-I2"
points = 5
kind = "swarm"
"#;

    fn check(text: &str) -> Result<Lab, Error> {
        let lab: Lab = parse(Path::new("lab.toml"), text)?;
        validate(&lab)
            .and_then(|()| validate_points(&lab))
            .map_err(|(span, message)| Error::Manifest {
                file: "lab.toml".into(),
                line: line_of(text, span.start),
                message,
            })?;
        Ok(lab)
    }

    #[test]
    fn own_tests_take_fifteen_percent_and_the_rest_is_shared() {
        let lab = check(GOOD).unwrap();
        let stage = &lab.stages[0];
        assert_eq!(stage.target(), "s1_sum_up");
        assert_eq!(stage.own_points().to_string(), "3");
        let each: Vec<String> = stage.test_points().iter().map(Points::to_string).collect();
        assert_eq!(each, ["12.75", "4.25"]);
    }

    #[test]
    fn a_missing_field_is_told_with_its_line() {
        let error = check(&GOOD.replace("kind = \"swarm\"\n", "")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("lab.toml:17: missing field `kind`"),
            "{error}"
        );
    }

    #[test]
    fn points_that_do_not_add_up_are_told_with_their_line() {
        let error = check(&GOOD.replace("points = 5", "points = 6")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("lab.toml:9: the tests of stage 1 add up to 21"),
            "{error}"
        );
    }

    #[test]
    fn a_broken_line_is_told_with_its_number() {
        let error = check(&GOOD.replace("slug = ", "slug ")).unwrap_err();
        assert!(error.to_string().starts_with("lab.toml:7: "), "{error}");
    }
}
