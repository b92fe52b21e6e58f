//! Builds the workbook's book and serves it, with test results in the open page.
//!
//! # Idea
//!
//! A page is Markdown that the stock `mdbook build book` understands as it is. Its figures are lists, tables and folded
//! answers inside custom elements; a few plain JavaScript files under `book/theme` make players, charts and quizzes of
//! them. The only thing that this crate adds to mdBook's output is data: the JSON of each trace is put into the page
//! beside its list, so that the player works from `file://`, where nothing can be fetched.
//!
//! # How to write a figure
//!
//! **A run**, or two runs as tabs. The simulator's trace command writes `book/src/assets/traces/<lab>/<name>.json` and,
//! beside it, `<name>.md`, the list with one sentence an event ([`sim::trace::figure`]). A page includes the list; no
//! blank line is needed, the paths are relative to the page:
//!
//! ```text
//! <trace-player>
//! {{#include ../assets/traces/lock/d4-bug.md}}
//! </trace-player>
//!
//! <trace-player tabs="With this bug | Without it">
//! {{#include ../assets/traces/lock/d4-bug.md}}
//! {{#include ../assets/traces/lock/d4.md}}
//! </trace-player>
//! ```
//!
//! **A chart** draws the table inside it: the first column is the horizontal axis, every other column a series. `type`
//! is `line` (default) or `bar`; `log-x` and `log-y` are logarithmic axes; `y` names the vertical axis.
//!
//! ```text
//! <lab-chart type="line" title="Renewals cost traffic" y="renewals per second" log-x log-y>
//!
//! | TTL in seconds | expected | measured |
//! |---|---|---|
//! | 0.5 | 6 | 5.98 |
//! | 1 | 3 | 3.01 |
//!
//! </lab-chart>
//! ```
//!
//! **A question**: what stands before the list is the question, `answer` counts the options from 1, and the explanation
//! is folded.
//!
//! ```text
//! <lab-quiz answer="2">
//!
//! Which of them can still stop the write?
//!
//! 1. The lock service.
//! 2. The storage.
//!
//! <details><summary>Answer</summary>
//!
//! The storage: it alone sees both tokens.
//!
//! </details>
//! </lab-quiz>
//! ```
//!
//! # Trade-offs
//!
//! The sentences are made once, in Rust, and the player reads them from the page: a page carries each trace twice, as
//! text and as data, and in return terminal, list and player cannot disagree. The server is a hundred lines over `std`
//! and not a framework: it serves one reader on one machine, and the runner waits for this crate to compile.
//!
//! # Where to look
//!
//! [`render`] builds, [`figures`] keeps the lists in step with the traces, [`serve`] serves, also the page of `cargo lab
//! explore` (`serve/explore.*`). The elements are
//! `book/theme/trace-{run,picture,player}.js` (runs) and `book/theme/elements.js` (charts, questions); `book/theme/repairs.css` mends
//! what stock mdBook fails of WCAG 2.2. `browser/run.sh` builds the book and a small one with every kind of figure
//! (`tests/fixture`), serves it, and lets a browser check both; with `MDBOOK=path` of the stock binary it also compares
//! the two books, page by page.
//!
//! Architecture invariant: nothing here knows how a lab is graded. Results come from a file that the runner writes;
//! a hint is asked of the runner, which counts it.

pub mod figures;
pub mod render;
pub mod serve;
