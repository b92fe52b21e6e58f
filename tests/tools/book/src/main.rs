//! `lab-book build`, `lab-book serve`, `lab-book figures`.

use std::path::PathBuf;
use std::process::ExitCode;

use lab_book::serve::{Options, serve};
use lab_book::{figures, render};
use lexopt::prelude::*;

const USAGE: &str = "\
Usage:
  lab-book build [--book DIR] [--out DIR]      build the book (default: book/ into book/book)
  lab-book serve [--book DIR] [--out DIR] [--port N] [--results FILE] [--trace FILE]
                                               build, serve on 127.0.0.1, rebuild on change
  lab-book figures [--book DIR] [--check]      write (or check) the lists of the traces under src/assets/traces
  lab-book figure FILE NAME                    print one trace's list";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("lab-book: {message}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Work(message)) => {
            eprintln!("lab-book: {message}");
            ExitCode::FAILURE
        }
    }
}

enum Failure {
    Usage(String),
    Work(String),
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

#[derive(Default)]
struct Arguments {
    words: Vec<String>,
    book: Option<PathBuf>,
    out: Option<PathBuf>,
    results: Option<PathBuf>,
    trace: Option<PathBuf>,
    port: u16,
    check: bool,
}

fn arguments() -> Result<Arguments, Failure> {
    let mut found = Arguments {
        port: 4173,
        ..Arguments::default()
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("book") => found.book = Some(parser.value()?.into()),
            Long("out") => found.out = Some(parser.value()?.into()),
            Long("results") => found.results = Some(parser.value()?.into()),
            Long("trace") => found.trace = Some(parser.value()?.into()),
            Long("port") => found.port = parser.value()?.parse()?,
            Long("check") => found.check = true,
            Long("help") | Short('h') => found.words.push("help".to_owned()),
            Value(word) => found.words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(found)
}

fn run() -> Result<(), Failure> {
    let given = arguments()?;
    let words: Vec<&str> = given.words.iter().map(String::as_str).collect();
    if let ["figure", file, name] = words[..] {
        let list = figures::list(name, file.as_ref()).map_err(Failure::Work)?;
        print!("{list}");
        return Ok(());
    }
    if words.contains(&"help") {
        println!("{USAGE}");
        return Ok(());
    }
    let here = std::env::current_dir().map_err(|error| Failure::Work(error.to_string()))?;
    let book = given
        .book
        .map_or_else(|| render::find_book(&here), Ok)
        .map_err(Failure::Work)?;
    let book = here.join(book);
    // mdBook takes a relative output folder as one inside the book.
    let out = here.join(given.out.unwrap_or_else(|| book.join("book")));
    let done = match words[..] {
        ["build"] => {
            render::build(&book, &out).map(|()| println!("{}", out.join("index.html").display()))
        }
        ["serve"] => serve(Options {
            book,
            out,
            port: given.port,
            results: given.results,
            trace: given.trace,
        }),
        ["figures"] => lists(&book, given.check),
        _ => return Err(Failure::Usage("say what to do".to_owned())),
    };
    done.map_err(Failure::Work)
}

fn lists(book: &std::path::Path, check: bool) -> Result<(), String> {
    let differed = figures::update(&book.join("src/assets/traces"), !check)?;
    if check && !differed.is_empty() {
        return Err(format!(
            "the list differs from its trace: {}; run `lab-book figures`",
            differed.join(", ")
        ));
    }
    println!(
        "{} lists {}",
        differed.len(),
        if check { "differ" } else { "written" }
    );
    Ok(())
}
