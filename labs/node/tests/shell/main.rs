//! The tokio driver, with toy nodes.

mod disk;
mod network;
mod steps;
mod toy;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of this test's own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("node-shell-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a test on one thread, as a shell wants it.
fn local(test: impl Future<Output = ()>) {
    run(test, false);
}

/// As [`local`], on a clock that jumps to the next timer when all tasks wait.
fn paused(test: impl Future<Output = ()>) {
    run(test, true);
}

fn run(test: impl Future<Output = ()>, paused: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .expect("a runtime starts");
    tokio::task::LocalSet::new().block_on(&runtime, test);
}
