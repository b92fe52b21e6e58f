//! A trace as the list that a page of the book includes.

use std::fmt::Write as _;

use super::narrate::field_name;
use super::{Narrator, Trace, clock_text, value_text};

/// The whole run as HTML without a blank line, for `{{#include}}` in a page: the title, one item an event, the
/// violation. `name` is the trace's place below `book/src/assets/traces`, without its ending: `lock/d1-bug`.
///
/// With JavaScript the player takes its sentences from this list; without it, in the stock build and in print, the list
/// is the figure.
pub fn figure(trace: &Trace, name: &str) -> String {
    let mut out = String::new();
    let mut narrator = Narrator::new(trace);
    let mut line = |text: String| writeln!(out, "{text}").expect("a String takes every write");
    line(format!(
        r#"<div class="trace" data-trace="{}">"#,
        escape(name)
    ));
    line(format!(
        r#"<p class="trace-title"><strong>{}</strong></p>"#,
        escape(&trace.title)
    ));
    line(r#"<ol class="trace-events">"#.to_owned());
    for event in &trace.events {
        let (sentence, changes) = narrator.tell(event);
        let changes: Vec<_> = changes
            .iter()
            .map(|c| format!("{} = {}", field_name(&c.field), value_text(&c.now)))
            .collect();
        let changes = if changes.is_empty() {
            String::new()
        } else {
            format!(
                r#" <span class="trace-change">[{}]</span>"#,
                escape(&changes.join("; "))
            )
        };
        let (time, sentence) = (clock_text(event.t), escape(&sentence));
        line(format!(
            r#"<li><span class="trace-time">{time}:</span> <span class="trace-text">{sentence}</span>{changes}</li>"#
        ));
    }
    line("</ol>".to_owned());
    if let Some(broken) = &trace.violation {
        line(format!(
            r#"<p class="trace-violation"><strong>{} is broken at {}:</strong> {}</p>"#,
            escape(&broken.invariant),
            clock_text(broken.t),
            escape(&broken.message)
        ));
    }
    line("</div>".to_owned());
    out
}

/// `text` as HTML. Braces too: a page's `{{#include}}` is looked for in what was included.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '{' => out.push_str("&#123;"),
            '\n' | '\r' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}
