//! Just enough of Rust's lexical structure to find a function's body: what is code, and what is text in it.

/// The end of the token that begins at `at`, if it is a comment, a string or a character; the byte after it.
fn skip_text(source: &[u8], at: usize) -> Option<usize> {
    match source[at] {
        b'/' if source.get(at + 1) == Some(&b'/') => Some(line_end(source, at)),
        b'/' if source.get(at + 1) == Some(&b'*') => Some(block_comment_end(source, at)),
        b'"' => Some(string_end(source, at)),
        b'r' => raw_string_end(source, at),
        b'\'' => character_end(source, at),
        _ => None,
    }
}

fn line_end(source: &[u8], at: usize) -> usize {
    let rest = source[at..].iter().position(|byte| *byte == b'\n');
    rest.map_or(source.len(), |length| at + length)
}

/// Block comments nest.
fn block_comment_end(source: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < source.len() {
        match source.get(at..at + 2) {
            Some(b"/*") => {
                depth += 1;
                at += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    source.len()
}

fn string_end(source: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < source.len() {
        match source[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    source.len()
}

/// `r"…"`, `r#"…"#`, also after `b` or `c`; not the identifier `r` and not `r#match`.
fn raw_string_end(source: &[u8], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|before| source[before]);
    let is_prefixed = |byte: u8| (byte == b'b' || byte == b'c') && !word_before(source, at - 1);
    if before.is_some_and(|byte| is_word(byte) && !is_prefixed(byte)) {
        return None;
    }
    let hashes = source[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    if source.get(at + 1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut at = at + 2 + hashes;
    while at < source.len() {
        let closes = source[at] == b'"'
            && source[at + 1..]
                .iter()
                .take(hashes)
                .filter(|b| **b == b'#')
                .count()
                == hashes;
        if closes {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(source.len())
}

fn word_before(source: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .is_some_and(|before| is_word(source[before]))
}

/// `'x'` and `'\''`, not the lifetime `'x`.
fn character_end(source: &[u8], at: usize) -> Option<usize> {
    if source.get(at + 1) == Some(&b'\\') {
        let close = source
            .get(at + 3..)?
            .iter()
            .position(|byte| *byte == b'\'')?;
        return Some(at + 3 + close + 1);
    }
    // A character may be up to four bytes long.
    let end = (at + 2..=at + 5).find(|end| source.get(*end) == Some(&b'\''))?;
    let inside = std::str::from_utf8(&source[at + 1..end]).ok()?;
    (inside.chars().count() == 1).then_some(end + 1)
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Where the body of the first function at or after `from` begins and ends, braces included.
pub fn next_body(source: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = source.as_bytes();
    let mut at = from;
    let mut function = false;
    let mut brackets = 0_i32;
    while at < bytes.len() {
        if let Some(end) = skip_text(bytes, at) {
            at = end;
            continue;
        }
        match bytes[at] {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets -= 1,
            b'{' if function && brackets == 0 => return Some((at, close(bytes, at)?)),
            b';' if function && brackets == 0 => return None,
            b'f' if bytes[at..].starts_with(b"fn ") && !word_before(bytes, at) => function = true,
            _ => {}
        }
        at += 1;
    }
    None
}

/// The byte after the brace that closes the one at `open`.
fn close(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0;
    let mut at = open;
    while at < bytes.len() {
        if let Some(end) = skip_text(bytes, at) {
            at = end;
            continue;
        }
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The source with comments, strings and characters blanked out, line by line as before: for finding words in code.
pub fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match skip_text(bytes, at) {
            Some(end) => {
                let end = end.min(bytes.len());
                code.extend(
                    bytes[at..end]
                        .iter()
                        .map(|b| if *b == b'\n' { b'\n' } else { b' ' }),
                );
                at = end;
            }
            None => {
                code.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(source: &str) -> &str {
        let (from, to) = next_body(source, 0).unwrap();
        &source[from..to]
    }

    #[test]
    fn braces_in_text_do_not_count() {
        let source = r##"fn f<'a>(x: &'a str) -> char { let a = "}"; let b = r#"}"}"#; /* } /* } */ */
            // }
            let c = '}'; let d = '\''; let e = b'{'; if x == "\"}" { d } else { '\u{7d}' } } fn g() {}"##;
        assert!(body(source).ends_with("'\\u{7d}' } }"), "{}", body(source));
    }

    #[test]
    fn a_body_begins_after_the_signature() {
        assert_eq!(
            body("fn f([a, b]: [u8; { 2 }]) -> u8 where u8: Copy { a }"),
            "{ a }"
        );
        assert_eq!(body("pub(crate) async fn r#fn() { 1 }"), "{ 1 }");
        assert_eq!(body("#[doc = \"fn x() { }\"]\nconst fn f() { 2 }"), "{ 2 }");
        assert_eq!(next_body("trait T { fn f(&self); }", 0), None);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(
            body("fn f<'a, 'b>(x: &'a u8, y: &'b u8) { 'l: loop { break 'l } }"),
            "{ 'l: loop { break 'l } }"
        );
        assert_eq!(
            body("fn f() { let é = 'é'; let brace = '{'; }"),
            "{ let é = 'é'; let brace = '{'; }"
        );
    }

    #[test]
    fn code_without_its_text_keeps_its_lines() {
        let code = code_only("let a = \"HashMap\"; // HashMap\nHashMap::new()");
        assert_eq!(code.lines().count(), 2);
        assert_eq!(code.matches("HashMap").count(), 1);
    }
}
