//! What a page of the book offers to link to: the ids of its headings and of its elements, as mdBook makes them.

use std::collections::{BTreeMap, BTreeSet};

/// All ids of a page.
pub fn of_page(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for line in outside_of_code(text) {
        for id in attributes(line) {
            anchors.insert(id);
        }
        if let Some(heading) = heading(line) {
            let (text, own) = own_id(heading);
            let id = own.unwrap_or_else(|| id_of(text));
            let count = seen.entry(id.clone()).or_insert(0);
            anchors.insert(match *count {
                0 => id,
                n => format!("{id}-{n}"),
            });
            *count += 1;
        }
    }
    anchors
}

/// The lines that are not inside of a fence.
pub fn outside_of_code(text: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<&str> = None;
    text.lines().filter(move |line| {
        let start = line.trim_start();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| start.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return true,
            _ => {}
        }
        false
    })
}

fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    (1..=6)
        .contains(&level)
        .then(|| text.strip_prefix(' '))
        .flatten()
        .map(str::trim)
}

/// `Title {#own-id}`.
fn own_id(heading: &str) -> (&str, Option<String>) {
    if let Some(rest) = heading.strip_suffix('}')
        && let Some((text, attributes)) = rest.rsplit_once('{')
        && let Some(id) = attributes
            .split_whitespace()
            .find_map(|word| word.strip_prefix('#'))
    {
        return (text.trim(), Some(id.to_string()));
    }
    (heading, None)
}

/// Lower case; letters, digits, `_` and `-` stay, white space becomes `-`, all else goes.
fn id_of(heading: &str) -> String {
    let text = without_link_targets(heading);
    text.trim()
        .chars()
        .filter_map(|character| match character {
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

/// `[text](target)` → `text`.
fn without_link_targets(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some(at) = rest.find("](") {
        text.push_str(&rest[..at]);
        rest = rest[at..]
            .find(')')
            .map_or("", |close| &rest[at + close + 1..]);
    }
    text + rest
}

fn attributes(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in [" id=\"", " name=\""] {
        for part in line.split(mark).skip(1) {
            if let Some((id, _)) = part.split_once('"') {
                found.push(id.to_string());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_ids_as_in_mdbook() {
        let page = "# D1: `DEL` without a question?\n## Again\n## Again\n### [A link](x.md) here\n## Own {#mine}\n```\n# not this\n```\n<a id=\"spot\"></a>";
        let anchors = of_page(page);
        for id in [
            "d1-del-without-a-question",
            "again",
            "again-1",
            "a-link-here",
            "mine",
            "spot",
        ] {
            assert!(anchors.contains(id), "{id} in {anchors:?}");
        }
        assert!(!anchors.contains("not-this"));
    }
}
