//! Shows a trace as text. The sentences are the simulator's own, written beside the trace; where there are none, the
//! events are listed as they stand.

use crate::error::Error;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The simulator's sentences stand beside the trace.
fn sentences(trace: &Path) -> PathBuf {
    trace.with_extension("txt")
}

/// Removes what an earlier run left, so that nobody takes it for the next one's.
pub fn forget(trace: &Path) -> Result<(), Error> {
    for path in [trace.to_path_buf(), sentences(trace)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The run as text, if it left a trace.
pub fn tell(trace: &Path) -> Result<Option<String>, Error> {
    if let Ok(text) = fs::read_to_string(sentences(trace)) {
        return Ok(Some(text));
    }
    let Ok(text) = fs::read_to_string(trace) else {
        return Ok(None);
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| Error::Manifest {
        file: trace.to_path_buf(),
        line: error.line(),
        message: format!("this is no trace ({error}): run `cargo lab replay` again"),
    })?;
    Ok(Some(listing(&value)))
}

fn listing(trace: &Value) -> String {
    let name = |id: &Value| {
        let nodes = trace["nodes"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let node = nodes.iter().find(|node| node["id"] == *id);
        node.and_then(|node| node["name"].as_str())
            .unwrap_or("?")
            .to_string()
    };
    let mut text = format!("  {}\n", trace["title"].as_str().unwrap_or("a run"));
    for event in trace["events"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
    {
        let micros = event["t"].as_u64().unwrap_or(0);
        let time = format!("{}.{:03} ms", micros / 1000, micros % 1000);
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "  {time:>14}  {:<10} {:<7}",
            name(&event["n"]),
            event["k"].as_str().unwrap_or("?")
        );
        if let Some(said) = event["m"].as_str() {
            let _ = write!(text, " {said}");
        }
        if !event["to"].is_null() {
            let _ = write!(text, " → {}", name(&event["to"]));
        }
        if !event["s"].is_null() {
            let _ = write!(text, "   {}", event["s"]);
        }
        text.push('\n');
    }
    if let Some(invariant) = trace["violation"]["invariant"].as_str() {
        let message = trace["violation"]["message"].as_str().unwrap_or_default();
        let _ = writeln!(text, "  BROKEN: {invariant}: {message}");
    }
    text
}
