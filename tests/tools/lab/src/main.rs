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
//! **Where to look.** [`testing`] builds and runs a stage: [`cargo`] for the build, [`evidence`], [`launcher`] and
//! [`process`] for the process and its limits, [`channel`] for the verdict. [`manifest`] reads `lab.toml`, [`progress`] keeps what is
//! reached, [`explore`] answers for the page of a node by hand, [`screen`], [`grade`] and [`junit`] show it.
//!
//! Architecture invariant: no async runtime, no syn, no dependency on a lab: the first screen waits for this crate.

mod args;
mod backup;
mod book;
mod bugs;
mod cargo;
mod channel;
mod check;
mod compare;
mod doctor;
mod durable;
mod error;
mod evidence;
mod explore;
mod grade;
mod hint;
mod home;
mod junit;
mod launcher;
mod list;
mod manifest;
mod mine;
mod patch;
mod points;
mod process;
mod progress;
mod real;
mod regressions;
mod release;
mod replay;
mod reset;
mod results;
mod rust_text;
mod scratch;
mod screen;
mod seed_key;
mod skeleton;
mod stumbles;
mod style;
mod terminal;
mod test_command;
mod testing;
mod trace;
mod verdict;
mod watch;
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
        Err(error @ Error::Interrupted) => ExitCode::from(error.exit_code()),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

const GOOD: u8 = 0;
const NOT_GREEN: u8 = 1;
const ENVIRONMENT: u8 = 3;

fn code(good: bool) -> u8 {
    if good { GOOD } else { NOT_GREEN }
}

fn run(arguments: Vec<OsString>) -> Result<u8, Error> {
    let args = Args::parse(arguments)?;
    if args.plain {
        style::set_plain();
    }
    if args.help || args.command == "help" {
        style::put(args::HELP);
        return Ok(GOOD);
    }
    let workbook = Workbook::open()?;
    if args.version {
        style::put(&format!("workbook {}\n", workbook.version()));
        return Ok(GOOD);
    }
    match args.command.as_str() {
        "" => home::run(&workbook, &args, true),
        "watch" => home::run(&workbook, &args, false),
        "test" => test_command::test(&workbook, &args).map(code),
        "list" => list::list(&workbook, &args).map(|()| GOOD),
        "next" => list::next(&workbook, &args).map(|()| GOOD),
        "goto" => list::goto(&workbook, &args).map(|()| GOOD),
        "hint" => hint::command(&workbook, &args).map(|()| GOOD),
        "replay" => replay::replay(&workbook, &args).map(code),
        "diff" => compare::diff(&workbook, &args).map(|()| GOOD),
        "solution" => compare::solution(&workbook, &args).map(|()| GOOD),
        "reset" => reset::reset(&workbook, &args).map(|()| GOOD),
        "real" => real::command(&workbook, &args),
        "doctor" => {
            doctor::command(&workbook, &args).map(|good| if good { GOOD } else { ENVIRONMENT })
        }
        "check" => check::check(&workbook, &args).map(code),
        "grade" => grade_command(&workbook, &args).map(code),
        "explore" => explore::command(&workbook, &args),
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
