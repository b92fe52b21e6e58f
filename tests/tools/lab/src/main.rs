//! The runner behind `cargo lab`: finds out what works, and says so.
//!
//! **Idea.** A test passes only on positive evidence: it ran to its end in its own process, within its limits, and
//! said so, with the number of its checks, over a channel that printing cannot reach ([`channel`]). Everything else
//! has a name ([`verdict`]).
//!
//! **Trade-offs.** A process per test costs milliseconds and buys that an exit, an abort or a hang is one test's
//! affair. Learner's code shares a process with its test, so this guards against accident and the known tricks, not
//! against hostile native code.
//!
//! **Where to look.** [`testing`] builds and runs a stage: [`cargo`] for the build, [`launcher`] and [`process`] for the
//! process and its limits, [`channel`] for the verdict. [`manifest`] reads `lab.toml`, [`progress`] keeps what is
//! reached, [`screen`], [`grade`] and [`junit`] show it.
//!
//! Architecture invariant: no async runtime, no syn, no dependency on a lab: the first screen waits for this crate.

// What `check`, `replay` and the screen will use is here before them.
#![allow(dead_code)]

mod args;
mod bugs;
mod cargo;
mod channel;
mod check;
mod durable;
mod error;
mod grade;
mod junit;
mod launcher;
mod list;
mod manifest;
mod mine;
mod patch;
mod points;
mod process;
mod progress;
mod release;
mod rust_text;
mod scratch;
mod screen;
mod seed_key;
mod skeleton;
mod style;
mod test_command;
mod testing;
mod verdict;
mod workbook;

use crate::args::Args;
use crate::error::Error;
use crate::seed_key::SeedKey;
use crate::workbook::Workbook;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, rest)) if first == launcher::SUBCOMMAND => Err(launcher::become_program(rest)),
        _ => run(arguments),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

const GOOD: u8 = 0;
const NOT_GREEN: u8 = 1;

fn code(good: bool) -> u8 {
    if good { GOOD } else { NOT_GREEN }
}

fn run(arguments: Vec<OsString>) -> Result<u8, Error> {
    let args = Args::parse(arguments)?;
    if args.plain {
        style::set_plain();
    }
    if args.help || args.command == "help" {
        print!("{}", args::HELP);
        return Ok(GOOD);
    }
    let workbook = Workbook::open()?;
    if args.version {
        println!("workbook {}", workbook.version());
        return Ok(GOOD);
    }
    match args.command.as_str() {
        "test" => test_command::test(&workbook, &args).map(code),
        "list" => list::list(&workbook, &args).map(|()| GOOD),
        "next" => list::next(&workbook, &args).map(|()| GOOD),
        "goto" => list::goto(&workbook, &args).map(|()| GOOD),
        "check" => check::check(&workbook, &args).map(code),
        "grade" => grade_command(&workbook, &args).map(code),
        "explore" => Err(Error::Usage(
            "`explore` comes with the Raft lab; until then `cargo lab replay` shows a run step by step".into(),
        )),
        other => Err(Error::Usage(format!(
            "there is no command `{other}`; `cargo lab --help` lists them"
        ))),
    }
}

fn grade_command(workbook: &Workbook, args: &Args) -> Result<bool, Error> {
    args.at_most(1)?;
    let lab = args.word(0).map(|name| workbook.lab(name)).transpose()?;
    let key = match &args.seed_key {
        Some(path) => SeedKey::read(path)?,
        None => SeedKey::public(),
    };
    grade::grade(workbook, lab, args.format()?, &key)
}
