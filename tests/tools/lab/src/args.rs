//! The command line.

use crate::error::Error;
use crate::grade::Format;
use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;
use std::ffi::OsString;
use std::path::PathBuf;

/// A command with its words and options, not yet checked against the workbook.
#[derive(Debug, Default)]
pub struct Args {
    /// Empty for `cargo lab` alone.
    pub command: String,
    pub words: Vec<String>,
    pub seeds: Option<u64>,
    pub seed: Option<u64>,
    pub keep: Option<String>,
    pub schedule: Option<PathBuf>,
    pub seed_key: Option<PathBuf>,
    pub format: Option<String>,
    pub port: Option<u16>,
    pub mine: bool,
    pub plain: bool,
    pub no_open: bool,
    pub open: bool,
    pub yes: bool,
    pub write: bool,
    pub help: bool,
    pub version: bool,
}

pub const HELP: &str = "\
cargo lab                          open the workbook: test as you save, book in the browser
cargo lab test [LAB [STAGE [TEST]]] grade once; --mine: your own tests, on the reference and on its bugs
cargo lab watch                    test as you save, without the book
cargo lab list                     labs, stages, points
cargo lab next | goto LAB [STAGE]  choose the current stage
cargo lab hint [LAB STAGE]         the next hint: H1 free, H2 -10 %, H3 -30 % of the stage in all; all free once it is done
cargo lab replay [LAB [TEST]]      the last failure as text; --open in the player
cargo lab explore LAB [last|RUN]   your node by hand: choose what happens next; --schedule FILE
cargo lab diff LAB                 yours against the reference
cargo lab solution LAB             the reference; --write takes it, your work is kept
cargo lab reset LAB [STAGE]        the skeleton back; your work is kept under .lab/backup
cargo lab grade [LAB]              points; --format text|json|junit, --seed-key FILE
cargo lab real LAB                 the exercise against the real system
cargo lab doctor                   toolchain, ports, disk, real systems
cargo lab check [LAB]              for authors: skeletons, solutions, bugs, links; --write mends what is derived
                                   (check links, check release: only these)

options  --seeds N  --seed S  --keep FAULTS  --schedule FILE  --plain  --port N  --no-open  --yes
exit     0 good   1 not green   2 usage   3 environment   130 Ctrl-C
";

impl Args {
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut args = Args::default();
        args.read(&mut parser).map_err(|error| {
            Error::Usage(format!("{error}; `cargo lab --help` lists the options"))
        })?;
        Ok(args)
    }

    fn read(&mut self, parser: &mut lexopt::Parser) -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            match argument {
                Long("seeds") => self.seeds = Some(parser.value()?.parse()?),
                Long("seed") => self.seed = Some(parser.value()?.parse()?),
                Long("keep") => self.keep = Some(parser.value()?.string()?),
                Long("schedule") => self.schedule = Some(parser.value()?.into()),
                Long("seed-key") => self.seed_key = Some(parser.value()?.into()),
                Long("format") => self.format = Some(parser.value()?.string()?),
                Long("port") => self.port = Some(parser.value()?.parse()?),
                Long("mine") => self.mine = true,
                Long("plain") => self.plain = true,
                Long("no-open") => self.no_open = true,
                Long("open") => self.open = true,
                Long("write") => self.write = true,
                Short('y') | Long("yes") => self.yes = true,
                Short('h') | Long("help") => self.help = true,
                Short('V') | Long("version") => self.version = true,
                Value(word) if self.command.is_empty() => self.command = word.string()?,
                Value(word) => self.words.push(word.string()?),
                other => return Err(other.unexpected()),
            }
        }
        Ok(())
    }

    pub fn word(&self, index: usize) -> Option<&str> {
        self.words.get(index).map(String::as_str)
    }

    /// Refuses words that the command has no use for.
    pub fn at_most(&self, words: usize) -> Result<(), Error> {
        match self.words.get(words) {
            None => Ok(()),
            Some(word) => Err(Error::Usage(format!(
                "`cargo lab {}` takes no `{word}`; `cargo lab --help` shows what it takes",
                self.command
            ))),
        }
    }

    pub fn format(&self) -> Result<Format, Error> {
        match self.format.as_deref() {
            None | Some("text") => Ok(Format::Text),
            Some("json") => Ok(Format::Json),
            Some("junit") => Ok(Format::Junit),
            Some(other) => Err(Error::Usage(format!(
                "there is no format `{other}`: take text, json or junit"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, Error> {
        Args::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_stand_anywhere() {
        let args = parse("--plain test lock --seed 7 3 --keep=drop:1>2#3,dup:0>1#1").unwrap();
        assert_eq!(args.command, "test");
        assert_eq!(args.words, ["lock", "3"]);
        assert_eq!(args.seed, Some(7));
        assert_eq!(args.keep.as_deref(), Some("drop:1>2#3,dup:0>1#1"));
        assert!(args.plain);
    }

    #[test]
    fn what_is_unknown_is_usage_with_advice() {
        for line in ["--sed 7", "test --seeds many", "test --port 99999"] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            assert!(error.to_string().contains("cargo lab --help"), "{error}");
        }
        assert_eq!(
            parse("grade --format yaml")
                .unwrap()
                .format()
                .unwrap_err()
                .exit_code(),
            2
        );
    }
}
