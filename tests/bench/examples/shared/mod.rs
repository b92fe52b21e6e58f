//! Tables that the book includes: printed, written (`--write`), or compared (`--check`).

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

/// A Markdown table.
pub struct Table {
    text: String,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        let rule = vec!["---"; columns.len()];
        let text = format!("| {} |\n|{}|\n", columns.join(" | "), rule.join("|"));
        Table { text }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&dyn Display]) {
        let cells: Vec<String> = cells.iter().map(|cell| cell.to_string()).collect();
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

/// What an example found: its tables, and what was outside its band.
#[derive(Default)]
pub struct Findings {
    tables: Vec<(&'static str, String)>,
    faults: Vec<String>,
}

// Each example uses its part of it.
#[allow(dead_code)]
impl Findings {
    /// A table, and the name of the book's file for it.
    pub fn table(&mut self, name: &'static str, table: Table) {
        self.tables.push((name, table.text));
    }

    /// Counts as a fault unless `seen` is within `band` (0.03 is 3 %) of `wanted`.
    pub fn near(&mut self, what: impl Display, seen: f64, wanted: f64, band: f64) {
        let within = (seen / wanted - 1.0).abs() <= band;
        let band = band * 100.0;
        self.holds(
            within,
            format!("{what}: {seen} is not within {band} % of {wanted}"),
        );
    }

    /// Counts as a fault unless it holds.
    pub fn holds(&mut self, holds: bool, what: impl Display) {
        if !holds {
            self.faults.push(what.to_string());
        }
    }

    /// Prints the tables; writes or compares the book's files if the arguments say so.
    pub fn conclude(mut self) -> ExitCode {
        let mode = std::env::args().nth(1);
        let folder = PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../book/src/assets/tables"
        ));
        for (name, text) in &self.tables {
            println!("{text}");
            let file = folder.join(format!("{name}.md"));
            match mode.as_deref() {
                Some("--write") => {
                    let written =
                        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text));
                    if let Err(error) = written {
                        self.faults.push(format!("{}: {error}", file.display()));
                    }
                }
                Some("--check") if std::fs::read_to_string(&file).ok().as_ref() != Some(text) => {
                    let file = file.display();
                    self.faults
                        .push(format!("{file} differs: run this example with --write"));
                }
                _ => {}
            }
        }
        for fault in &self.faults {
            eprintln!("{fault}");
        }
        ExitCode::from(u8::from(!self.faults.is_empty()))
    }
}
