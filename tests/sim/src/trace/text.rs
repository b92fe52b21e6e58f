//! A trace as the lines that a terminal shows.

use std::fmt::Write as _;

use super::narrate::field_name;
use super::{Narrator, Trace, clock_text, value_text};

/// The whole run: its title, a line an event with what it changed, the violation.
pub fn text(trace: &Trace) -> String {
    let mut out = format!("  {}\n", trace.title);
    let mut narrator = Narrator::new(trace);
    let mut line = |text: String| writeln!(out, "{text}").expect("a String takes every write");
    for event in &trace.events {
        let (sentence, changes) = narrator.tell(event);
        line(format!("  {:>12}  {sentence}", clock_text(event.t)));
        for change in changes {
            let (field, now) = (field_name(&change.field), value_text(&change.now));
            line(format!("  {:>12}    {field} = {now}", ""));
        }
    }
    if let Some(broken) = &trace.violation {
        let (at, invariant) = (clock_text(broken.t), &broken.invariant);
        line(format!(
            "  {at:>12}  BROKEN: {invariant}: {}",
            broken.message
        ));
    }
    out
}
