//! Colour where a terminal wants it. No meaning hangs on colour alone: a word stands beside each.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static PLAIN: AtomicBool = AtomicBool::new(false);

/// `--plain`: as if there were no terminal.
pub fn set_plain() {
    PLAIN.store(true, Ordering::Relaxed);
}

/// A terminal that understands more than lines, on both sides.
pub fn interactive() -> bool {
    !PLAIN.load(Ordering::Relaxed)
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
}

fn wanted() -> bool {
    !PLAIN.load(Ordering::Relaxed)
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

pub fn errors_in_color() -> bool {
    wanted() && std::io::stderr().is_terminal()
}

fn output_in_color() -> bool {
    wanted() && std::io::stdout().is_terminal()
}

/// Writes to standard output. Nobody reads on (`cargo lab list | head`): nothing more to do, and no reason to panic.
pub fn put(text: &str) {
    let mut out = std::io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        std::process::exit(0);
    }
}

/// Asks on the terminal; only `y` is yes.
pub fn confirm(question: &str) -> bool {
    put(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.is_ok() && answer.trim().eq_ignore_ascii_case("y")
}

#[derive(Clone, Copy)]
pub enum Color {
    Green,
    Red,
    Yellow,
    Dim,
    Bold,
}

/// `text` for standard output.
pub fn paint(color: Color, text: &str) -> String {
    painted(output_in_color(), color, text)
}

/// `text` for standard error.
pub fn paint_error(color: Color, text: &str) -> String {
    painted(errors_in_color(), color, text)
}

fn painted(wanted: bool, color: Color, text: &str) -> String {
    if !wanted {
        return text.to_string();
    }
    let code = match color {
        Color::Green => "32",
        Color::Red => "1;31",
        Color::Yellow => "33",
        Color::Dim => "2",
        Color::Bold => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Drops escape sequences: `ESC [ … letter`.
pub fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            // Parameters end at the first letter.
            let _ = characters.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    #[test]
    fn escape_sequences_are_dropped_and_nothing_else() {
        let colored = "\x1b[1m\x1b[38;5;9merror\x1b[0m: [x]\n";
        assert_eq!(super::without_colors(colored), "error: [x]\n");
    }
}
