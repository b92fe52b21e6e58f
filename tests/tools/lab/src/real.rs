//! `cargo lab real`: hands over to the exercises, which have clients of real systems among their crates.

use crate::args::Args;
use crate::cargo;
use crate::error::Error;
use crate::workbook::Workbook;

/// The exercise's own exit code: 0 it showed what it should, 1 it did not, 3 the real system is not here.
pub fn command(workbook: &Workbook, args: &Args) -> Result<u8, Error> {
    args.at_most(1)?;
    let Some(name) = args.word(0) else {
        return Err(Error::Usage(
            "`real` needs a lab: `cargo lab real lock`; `cargo lab doctor` shows what is installed"
                .into(),
        ));
    };
    let lab = workbook.lab(name)?;
    workbook.require_lib(&lab.name)?;
    if !workbook.root.join("tests/real/Cargo.toml").is_file() {
        return Err(Error::Environment(
            "tests/real is missing: the exercises with real systems come with the workbook's repository".into(),
        ));
    }
    let mut command = cargo::cargo();
    command
        .arg("run")
        .arg("--manifest-path")
        .arg(workbook.root.join("Cargo.toml"));
    command
        .args(["--package", "real", "--", name])
        .current_dir(&workbook.root);
    let status = command.status().map_err(|error| {
        Error::Environment(format!(
            "cannot start cargo ({error}): run `cargo lab doctor`"
        ))
    })?;
    match status.code() {
        Some(code @ 0..=3) => Ok(code as u8),
        Some(130) | None => Err(Error::Interrupted),
        Some(_) => Err(Error::Environment(
            "the exercise did not come to its end; what it said stands above".into(),
        )),
    }
}
