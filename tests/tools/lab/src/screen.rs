//! A stage's result as a person reads it.

use crate::launcher::Enforced;
use crate::style::{Color, paint};
use crate::verdict::{StageResult, TestResult, Verdict};
use std::fmt::Write;

/// Lines of a failed test's output that are shown.
const OUTPUT_LINES: usize = 200;

pub fn stage(lab: &str, result: &StageResult) -> String {
    let mut text = String::new();
    let heading = format!("{lab} {}", result.stage);
    // Writing to a String does not fail.
    let _ = writeln!(
        text,
        "  {}   {}",
        paint(Color::Bold, &heading),
        summary(result)
    );
    let width = result.tests.iter().map(|test| test.name.len()).max();
    for (index, one) in result.tests.iter().enumerate() {
        let next = result.tests.get(index + 1);
        let repeated = one.verdict == Verdict::NotBuilt
            && next.is_some_and(|n| n.verdict == Verdict::NotBuilt && n.message == one.message);
        // One reason for all of them stands below the last.
        match repeated {
            true => text.push_str(&heading_of(one, width.unwrap_or(0))),
            false => text.push_str(&test(one, width.unwrap_or(0))),
        }
    }
    text
}

fn summary(result: &StageResult) -> String {
    let total = result.tests.len();
    let passed = result.count(Verdict::Passed);
    let todo = result.count(Verdict::Todo);
    let not_built = result.count(Verdict::NotBuilt);
    let failed = total - passed - todo - not_built;
    let mut parts = Vec::new();
    for (count, word) in [
        (passed, "passed"),
        (failed, "failed"),
        (todo, "to do"),
        (not_built, "not built"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let noun = if total == 1 { "test" } else { "tests" };
    format!("{total} {noun}: {}", parts.join(", "))
}

/// One test alone.
pub fn one(result: &TestResult) -> String {
    test(result, 0)
}

fn heading_of(test: &TestResult, width: usize) -> String {
    let color = match test.verdict {
        Verdict::Passed => Color::Green,
        Verdict::Todo | Verdict::NotBuilt => Color::Yellow,
        _ => Color::Red,
    };
    let word = paint(color, &format!("{:<10}", test.verdict.word()));
    let beside = match (test.verdict, &test.location) {
        (Verdict::Passed, _) => String::new(),
        (Verdict::Todo, _) => test.message.clone(),
        (_, Some(location)) => location.clone(),
        _ => String::new(),
    };
    let line = format!("    {word}  {:<width$}   {beside}", test.name);
    format!("{}\n", line.trim_end())
}

fn test(test: &TestResult, width: usize) -> String {
    let mut text = heading_of(test, width);
    if !matches!(test.verdict, Verdict::Passed | Verdict::Todo) {
        for line in detail(test) {
            let _ = writeln!(text, "                {line}");
        }
        text.push_str(&printed(test));
    }
    text
}

fn detail(test: &TestResult) -> Vec<String> {
    let mut lines: Vec<String> = test.message.lines().map(str::to_string).collect();
    if test.verdict == Verdict::Failed
        && let Some(first) = lines.first_mut()
        && !first.starts_with(&test.invariant)
    {
        *first = format!("{}: {first}", test.invariant);
    }
    let mut how = Vec::new();
    if let Some(seed) = test.seed {
        how.push(match test.faults {
            // Leaving out operations is no fault.
            Some(of) => {
                let left = test.kept.iter().filter(|k| !k.starts_with("skip:"));
                format!("seed {seed}, {} faults left of {of}", left.count())
            }
            None => format!("seed {seed}"),
        });
    }
    how.extend(test.replay.clone());
    if !how.is_empty() {
        lines.push(how.join(" · "));
    }
    lines
}

/// The last lines of what the code printed.
pub fn printed(test: &TestResult) -> String {
    let lines: Vec<&str> = test.output.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let from = lines.len().saturating_sub(OUTPUT_LINES);
    let mut text = match from {
        0 => "                it printed:\n".to_string(),
        _ => format!("                it printed ({from} earlier lines left out):\n"),
    };
    for line in &lines[from..] {
        let _ = writeln!(text, "                | {line}");
    }
    text
}

/// What this system cannot hold a test to.
pub fn limits() -> String {
    match Enforced::here().complaint() {
        Some(complaint) => format!("  note: {complaint}\n"),
        None => String::new(),
    }
}
