//! What open pages are told while they are open.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{Site, http};

/// The last word on each subject, numbered, so that a page that comes late gets what stands and no history.
#[derive(Default)]
pub struct Live {
    said: Mutex<Vec<Said>>,
    changed: Condvar,
}

#[derive(Clone)]
struct Said {
    number: u64,
    subject: &'static str,
    text: String,
}

/// How often a silent stream says that it is alive, which is also how it learns that the page is gone.
const HEARTBEAT: Duration = Duration::from_secs(10);

impl Live {
    /// Says `text` on `subject` to every open page, in place of what was said of it before.
    pub fn say(&self, subject: &'static str, text: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let number = said.iter().map(|one| one.number).max().unwrap_or(0) + 1;
        said.retain(|one| one.subject != subject);
        said.push(Said {
            number,
            subject,
            text: text.to_owned(),
        });
        self.changed.notify_all();
    }

    /// What was said after number `after`, or nothing when a heartbeat is due.
    fn wait(&self, after: u64) -> Vec<Said> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing_new = |said: &mut Vec<Said>| said.iter().all(|one| one.number <= after);
        let waited = self
            .changed
            .wait_timeout_while(said, HEARTBEAT, nothing_new);
        let (said, _) = waited.unwrap_or_else(PoisonError::into_inner);
        said.iter()
            .filter(|one| one.number > after)
            .cloned()
            .collect()
    }

    fn now(&self) -> u64 {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().map(|one| one.number).max().unwrap_or(0)
    }
}

/// Streams to one page until it goes away. A page that opens wants the results that stand, but no old call to reload.
pub fn stream(mut stream: &TcpStream, site: &Site) {
    let head = http::head(200, "text/event-stream", "");
    let mut number = site.live.now();
    let mut text = String::from("retry: 1000\n\n");
    for one in site
        .live
        .wait_none()
        .into_iter()
        .filter(|one| one.subject == "results" || one.subject == "problem")
    {
        text.push_str(&event(&one));
    }
    if stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(text.as_bytes()))
        .is_err()
    {
        return;
    }
    loop {
        let mut text = String::from(": alive\n\n");
        for one in site.live.wait(number) {
            number = number.max(one.number);
            text.push_str(&event(&one));
        }
        if stream
            .write_all(text.as_bytes())
            .and_then(|()| stream.flush())
            .is_err()
        {
            return;
        }
    }
}

impl Live {
    fn wait_none(&self) -> Vec<Said> {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn event(one: &Said) -> String {
    let lines: String = one
        .text
        .lines()
        .map(|line| format!("data: {line}\n"))
        .collect();
    let lines = if lines.is_empty() {
        "data: \n".to_owned()
    } else {
        lines
    };
    format!("event: {}\n{lines}\n", one.subject)
}
