//! The report as JUnit XML: a suite per stage, a case per test.

use crate::grade::Report;
use crate::verdict::{LabResult, StageResult, TestResult, Verdict};
use std::fmt::Write;

pub fn report(report: &Report) -> String {
    let stages = || report.labs.iter().flat_map(|lab| &lab.stages);
    let total: usize = stages().map(|stage| stage.tests.len()).sum();
    let count = |wanted: Class| -> usize { stages().map(|stage| count(stage, wanted)).sum() };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String does not fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"workbook\" tests=\"{total}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
        count(Class::Failure),
        count(Class::Error),
        count(Class::Skipped)
    );
    for lab in &report.labs {
        for stage in &lab.stages {
            suite(&mut xml, lab, stage);
        }
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// JUnit knows three ways not to pass: a check said no, something broke, it was not tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn class(verdict: Verdict) -> Class {
    match verdict {
        Verdict::Passed => Class::Passed,
        Verdict::Failed => Class::Failure,
        Verdict::Todo => Class::Skipped,
        _ => Class::Error,
    }
}

fn count(stage: &StageResult, wanted: Class) -> usize {
    let tests = stage.tests.iter();
    tests.filter(|test| class(test.verdict) == wanted).count()
}

fn suite(xml: &mut String, lab: &LabResult, stage: &StageResult) {
    let seconds: f64 = stage.tests.iter().map(|test| test.seconds).sum();
    let _ = writeln!(
        xml,
        "  <testsuite name=\"{} {}: {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">",
        escape(&lab.lab),
        stage.stage,
        escape(&stage.title),
        stage.tests.len(),
        count(stage, Class::Failure),
        count(stage, Class::Error),
        count(stage, Class::Skipped)
    );
    let _ = writeln!(
        xml,
        "    <properties><property name=\"points\" value=\"{}\"/><property name=\"max\" value=\"{}\"/><property name=\"hints_used\" value=\"{}\"/></properties>",
        stage.points, stage.max, stage.hints_used
    );
    for test in &stage.tests {
        case(xml, lab, stage, test);
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, lab: &LabResult, stage: &StageResult, test: &TestResult) {
    let _ = write!(
        xml,
        "    <testcase classname=\"{}.s{}\" name=\"{}\" time=\"{:.3}\"",
        escape(&lab.lab),
        stage.stage,
        escape(&test.name),
        test.seconds
    );
    let element = match class(test.verdict) {
        Class::Passed => {
            xml.push_str("/>\n");
            return;
        }
        Class::Failure => "failure",
        Class::Error => "error",
        Class::Skipped => "skipped",
    };
    let _ = write!(xml, "><{element} ");
    if element != "skipped" {
        let _ = write!(xml, "type=\"{}\" ", test.verdict.name());
    }
    let _ = write!(
        xml,
        "message=\"{}: {}\"",
        escape(&test.invariant),
        escape(&test.message)
    );
    match (&test.replay, element) {
        (Some(replay), "failure" | "error") => {
            let _ = write!(xml, ">{}</{element}>", escape(replay));
        }
        _ => xml.push_str("/>"),
    }
    xml.push_str("</testcase>\n");
}

/// Markup and what XML 1.0 cannot hold at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_and_control_characters_are_made_safe() {
        assert_eq!(
            super::escape("a<b> & \"c\"\n\u{7}"),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}"
        );
    }
}
