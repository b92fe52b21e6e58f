//! The one error of the runner. Each message says what happened and what to do next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What can stop a command, by who has to act on it.
#[derive(Debug)]
pub enum Error {
    /// The command line cannot be carried out as written.
    Usage(String),
    /// A file of the workbook says something that cannot be.
    Manifest {
        file: PathBuf,
        line: usize,
        message: String,
    },
    /// The file system refused.
    File {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Something outside of the workbook is missing or broken.
    Environment(String),
    /// Ctrl-C.
    Interrupted,
}

impl Error {
    /// The exit code that the table of commands promises.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Manifest { .. } | Error::File { .. } | Error::Environment(_) => 3,
            Error::Interrupted => 130,
        }
    }

    /// For `map_err`: what was being done, to which file.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::File {
            doing,
            path: path.to_path_buf(),
            source,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(message) | Error::Environment(message) => f.write_str(message),
            Error::Manifest {
                file,
                line,
                message,
            } => {
                write!(f, "{}:{line}: {message}", file.display())
            }
            Error::File {
                doing,
                path,
                source,
            } => {
                write!(f, "cannot {doing} {}: {source}. ", path.display())?;
                f.write_str(advice(source))
            }
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull => {
            "The disk is full: nothing was lost; free some space and run the command again"
        }
        io::ErrorKind::PermissionDenied => {
            "Check who owns the file (`ls -l`), then run the command again"
        }
        io::ErrorKind::NotFound => {
            "Check the name; `cargo lab reset LAB` puts a lab's own files back"
        }
        _ => "Mend that and run the command again; `cargo lab doctor` looks at the machine",
    }
}
