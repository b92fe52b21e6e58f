//! `cargo lab explore LAB`: the learner's own node by hand, in a page of the book.
//!
//! The page belongs to the book's server, which asks `cargo lab explore LAB --format json` for every click: a question
//! on standard input, an answer on standard output. Nothing is kept between two of them but the built program, so a
//! saved file is in the next answer. The crate docs of `sim::hand` tell the path of one click.

mod ask;
mod program;
mod saved;
mod start;

use crate::args::Args;
use crate::book;
use crate::error::Error;
use crate::grade::Format;
use crate::list;
use crate::manifest::Lab;
use crate::style;
use crate::workbook::Workbook;

pub use saved::{replay, try_paths};

/// The test target of a lab that has scenes.
const TARGET: &str = "explore";

pub fn command(workbook: &Workbook, args: &Args) -> Result<u8, Error> {
    args.at_most(2)?;
    let lab = match args.word(0) {
        Some(name) => workbook.lab(name)?,
        None => list::current(workbook, &list::load(workbook)?)?.0,
    };
    if !has_scenes(workbook, lab) {
        return Err(Error::Usage(format!(
            "the lab `{}` has no scenes to explore (tests/graded/{0}/explore.rs)",
            lab.name
        )));
    }
    workbook.require_lib(&lab.name)?;
    match args.format()? {
        Format::Json => {
            style::put(&format!("{}\n", ask::answer(workbook, lab)?));
            Ok(crate::GOOD)
        }
        Format::Junit => Err(Error::Usage("`explore` has no junit form".into())),
        Format::Text => open(workbook, lab, args),
    }
}

fn has_scenes(workbook: &Workbook, lab: &Lab) -> bool {
    let file = workbook.graded_folder(&lab.name).join("explore.rs");
    file.is_file()
}

/// Builds, so that the compiler speaks where it is heard, and opens the page.
fn open(workbook: &Workbook, lab: &Lab, args: &Args) -> Result<u8, Error> {
    let from = start::fragment(workbook, args)?;
    if program::find(workbook, lab, false)?.is_err() {
        style::put("  your code does not compile yet: mend that, then explore\n");
        return Ok(crate::NOT_GREEN);
    }
    let page = format!("explore-{}.html{from}", lab.name);
    book::open_page(workbook, args, "explore", &page)?;
    Ok(crate::GOOD)
}
