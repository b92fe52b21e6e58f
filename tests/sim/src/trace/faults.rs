//! A kept fault in words.

use crate::key::{FaultKey, FaultKind as Kind};

/// `message 3 from client A to server is lost`; `name` says what a reader calls a node.
pub(super) fn fault_text(key: FaultKey, name: impl Fn(u32) -> String) -> String {
    let (n, node) = (key.n & !FaultKey::COPY, name(key.a));
    let copy = if key.n & FaultKey::COPY != 0 {
        "the copy of "
    } else {
        ""
    };
    let message = || format!("{copy}message {n} from {node} to {}", name(key.b));
    let inside = || match key.name.is_none() {
        true => format!("{} handles {}", name(key.b), message()),
        false => format!("{node} handles {} {n}", key.name),
    };
    match key.kind {
        Kind::Drop => format!("{} is lost", message()),
        Kind::Duplicate => format!("{} arrives twice", message()),
        Kind::Late => format!("{} is late", message()),
        Kind::Partition => format!("links are cut in time slot {n}"),
        Kind::Crash => format!("{node} crashes in time slot {n}"),
        Kind::Cut => format!("a crash while {}", inside()),
        Kind::Amnesia => format!("{node} loses its disk in time slot {n}"),
        Kind::Step => format!("the date of {node} steps in time slot {n}"),
        Kind::Drift => format!("the clocks of {node} drift"),
        Kind::Pause => format!("{node} stands still in time slot {n}"),
        Kind::Stall => format!("a standstill while {}", inside()),
        Kind::SlowSync => format!("sync {n} of {node} is slow"),
        Kind::BadSync => format!("sync {n} of {node} fails"),
        Kind::FullDisk => format!("the disk of {node} is full in time slot {n}"),
        Kind::Aimed => format!("aimed fault {} strikes in time slot {n}", key.a),
        Kind::Skip => format!("client {} leaves out its first {n} operations", key.a),
        Kind::Cancel => format!("client {} goes away in its operation {n}", key.a),
    }
}
