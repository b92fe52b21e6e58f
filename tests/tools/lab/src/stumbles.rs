//! What the compiler does not say: words below its errors, and below a green stage that is green by luck.

use crate::rust_text::code_only;
use crate::skeleton;
use crate::workbook::Workbook;

/// A word in the learner's code, and what to use instead.
const WORDS: [(&str, &str); 6] = [
    ("HashMap", "its order differs from run to run: use BTreeMap"),
    ("HashSet", "its order differs from run to run: use BTreeSet"),
    ("Instant", "the simulator has its own time: use cx.now()"),
    (
        "SystemTime",
        "the simulator has its own time: use cx.wall() for dates, cx.now() for durations",
    ),
    (
        "thread::sleep",
        "a handler must not wait: use cx.set_timer(…)",
    ),
    (
        "thread::spawn",
        "a handler is one step: use a message or a timer",
    ),
];

/// Hints for the learner's sources. Words that the reference uses in the same file are in their place there.
pub fn in_sources(workbook: &Workbook, lab: &str) -> Vec<String> {
    let (Ok(yours), Ok(reference)) = (
        skeleton::read_sources(&workbook.lab_folder(lab)),
        skeleton::read_sources(&workbook.solution_folder(lab)),
    ) else {
        // A lab without sources is told elsewhere.
        return Vec::new();
    };
    let mut hints = Vec::new();
    for (path, text) in &yours {
        let ours = reference
            .get(path)
            .map(|text| code_only(text))
            .unwrap_or_default();
        for (index, line) in code_only(text).lines().enumerate() {
            for (word, advice) in WORDS {
                if has_word(line, word) && !ours.lines().any(|line| has_word(line, word)) {
                    let place = format!("labs/{lab}/{}:{}", path.display(), index + 1);
                    hints.push(format!("{place}: `{word}`: {advice}"));
                }
            }
        }
    }
    hints
}

/// Hints for what the compiler said.
pub fn in_errors(said: &str) -> Vec<String> {
    let mut hints = Vec::new();
    let borrows = ["error[E0502]", "error[E0499]", "error[E0503]"];
    if borrows.iter().any(|code| said.contains(code)) && said.contains("cx") {
        hints.push(
            "cx is lent out while cx.disk() is in use: name the value first, `let entry = f(cx.now()); cx.disk().append(\"log\", &entry)`".to_string(),
        );
    }
    let lacks = |what: &str| {
        let (bound, derived) = (format!("`{what}: "), format!("for `{what}`"));
        said.contains(&bound) || said.contains(&derived)
    };
    if lacks("f64") || lacks("f32") {
        hints.push("a node's state is compared and hashed, which a float cannot be: keep integers, for example microseconds".to_string());
    }
    if said.contains("HashMap<") && (said.contains("Hash` is not") || said.contains(": Hash")) {
        hints.push("a node's state is hashed, which a HashMap cannot be: use BTreeMap".to_string());
    }
    hints
}

/// `word` not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        let before = line[..at].chars().next_back().is_some_and(is_part);
        let after = line[at + word.len()..].chars().next().is_some_and(is_part);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_words() {
        assert!(has_word("let a: Instant = Instant::now();", "Instant"));
        assert!(!has_word("let a = InstantCoffee(MyInstant);", "Instant"));
    }

    #[test]
    fn a_borrowed_context_gets_its_remedy() {
        let said =
            "error[E0502]: cannot borrow `*cx` as immutable because it is also borrowed as mutable";
        assert!(in_errors(said)[0].contains("name the value first"));
        assert!(in_errors("error[E0308]: mismatched types").is_empty());
        let said = "error[E0277]: the trait bound `f64: Hash` is not satisfied";
        assert!(in_errors(said)[0].contains("integers"));
        let said = "the trait bound `HashMap<u8, u8>: Hash` is not satisfied";
        assert!(in_errors(said)[0].contains("BTreeMap"));
    }
}
