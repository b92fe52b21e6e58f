//! What became of a check: passed, failed, or not run. The last is never counted as the first.

use std::process::ExitCode;

/// One check's end.
pub enum Outcome {
    /// It held; with what was measured.
    Passed(String),
    /// It did not.
    Failed(String),
    /// Something that it needs is not here.
    NotRun {
        /// What.
        missing: String,
        /// How to get it.
        get: String,
    },
}

/// A check's result while it runs: `?` on anything that fails fails the check.
pub type Checked = Result<String, Outcome>;

impl Outcome {
    /// What is not here, and how to get it.
    pub fn not_run(missing: impl Into<String>, get: impl Into<String>) -> Outcome {
        Outcome::NotRun {
            missing: missing.into(),
            get: get.into(),
        }
    }
}

impl<E: std::error::Error> From<E> for Outcome {
    fn from(why: E) -> Outcome {
        Outcome::Failed(why.to_string())
    }
}

/// Fails the check, with a text.
pub fn fail<T>(text: impl Into<String>) -> Result<T, Outcome> {
    Err(Outcome::Failed(text.into()))
}

/// Fails the check unless `yes`.
pub fn ensure(yes: bool, text: impl FnOnce() -> String) -> Result<(), Outcome> {
    if yes { Ok(()) } else { fail(text()) }
}

/// Runs checks one after the other and prints a line for each and a sum at the end. Exit code 0
/// if all passed, 1 if one failed, 3 if none failed but one was not run.
pub fn run_all<'n>(checks: impl IntoIterator<Item = (&'n str, fn() -> Checked)>) -> ExitCode {
    let (mut passed, mut failed, mut not_run) = (0, 0, 0);
    for (name, check) in checks {
        match check().map_or_else(|why| why, Outcome::Passed) {
            Outcome::Passed(text) => {
                passed += 1;
                println!("passed   {name}: {text}");
            }
            Outcome::Failed(text) => {
                failed += 1;
                println!("FAILED   {name}: {text}");
            }
            Outcome::NotRun { missing, get } => {
                not_run += 1;
                println!("not run  {name}: {missing} is missing; {get}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {not_run} skipped");
    match (failed, not_run) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(3),
        _ => ExitCode::FAILURE,
    }
}
