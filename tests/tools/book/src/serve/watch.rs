//! Notices changes by looking: a few dozen files, a few times a second.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use super::Site;
use crate::render;

const PAUSE: Duration = Duration::from_millis(200);

/// What a folder or a file looks like from outside; any change of a file changes it.
pub type Stamp = (usize, u64, Option<SystemTime>);

/// The stamp of everything below the book's sources.
pub fn stamp(book: &Path) -> Stamp {
    let mut total = (0, 0, None);
    let mut open = vec![book.join("src"), book.join("theme"), book.join("book.toml")];
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.flatten().map(|entry| entry.path()));
        } else {
            let (count, bytes, newest) = file(&path);
            total = (total.0 + count, total.1 + bytes, newest.max(total.2));
        }
    }
    total
}

fn file(path: &Path) -> Stamp {
    fs::metadata(path).map_or((0, 0, None), |about| {
        (1, about.len(), about.modified().ok())
    })
}

/// Rebuilds and tells open pages, until the process ends.
pub fn watch(site: &Site, mut pages: Stamp) {
    let (mut results, mut trace) = ((0, 0, None), file(&site.trace));
    loop {
        let now = file(&site.results);
        if now != results {
            results = now;
            tell_results(site);
        }
        let now = file(&site.trace);
        if now != trace {
            trace = now;
            site.live.say("trace", "");
        }
        let now = stamp(&site.book);
        if now != pages {
            pages = now;
            rebuild(site);
        }
        thread::sleep(PAUSE);
    }
}

/// The runner replaces the file in one step, so what does not parse is damaged, and is not shown.
fn tell_results(site: &Site) {
    let Ok(text) = fs::read_to_string(&site.results) else {
        return;
    };
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
        site.live.say("results", &value.to_string());
    }
}

fn rebuild(site: &Site) {
    let held = site.built.write();
    let done = render::build(&site.book, &site.out);
    drop(held);
    match done {
        Ok(()) => {
            site.live.say("problem", "");
            site.live.say("reload", "");
        }
        Err(problem) => {
            eprintln!("lab-book: {problem}");
            site.live.say("problem", &problem);
        }
    }
}
