//! A trace as the lines that a terminal shows.

use std::fmt::Write as _;

use super::faults::fault_text;
use super::narrate::field_name;
use super::{Narrator, Trace, clock_text, value_text};

/// The whole run: its title, who takes part, the faults that were kept, a line an event with what it changed, the
/// violation. Times are true times.
pub fn text(trace: &Trace) -> String {
    let mut out = format!("  {}\n", trace.title);
    let mut narrator = Narrator::new(trace);
    let called = |id: u32| format!("{} (n{id})", narrator.name(id));
    let nodes: Vec<_> = trace.nodes.iter().map(|lane| called(lane.id)).collect();
    out += &format!("  nodes: {}\n", nodes.join(", "));
    for kept in &trace.kept {
        let words = kept
            .parse()
            .map(|key| fault_text(key, |id| narrator.name(id)));
        out += &format!("  kept: {kept}  {}\n", words.unwrap_or_default());
    }
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
