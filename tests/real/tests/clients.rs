//! `cargo test -p real`: the checks of `real clients`. A test of its own main function, because a
//! check that cannot run here must count neither as passed nor as failed: exit code 3.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let status = Command::new(env!("CARGO_BIN_EXE_real"))
        .arg("clients")
        .status();
    match status {
        Ok(status) => ExitCode::from(status.code().map_or(1, |code| code as u8)),
        Err(why) => {
            eprintln!("the checks do not start: {why}");
            ExitCode::FAILURE
        }
    }
}
