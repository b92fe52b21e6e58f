//! The Raft lab against the real thing: our `raft-server` and Debian's etcd, the same clients, the
//! same faults, the same checker.
//!
//! | file | what is there |
//! |---|---|
//! | `raft/cluster.rs` | three processes, ours or etcd's: start, kill, stop, start again |
//! | `raft/proxy.rs` | links between members that can be cut |
//! | `raft/client.rs` | a small client over the generated code |
//! | `raft/ctl.rs`, `raft/tools.rs` | `etcdctl`, side by side |
//! | `raft/first.rs`, `raft/crate_client.rs` | the crate `etcd-client`: first contact, and all of it |
//! | `raft/members.rs` | learners, promotion, removal, another leader, a copy |
//! | `raft/history.rs` | concurrent clients, recorded and judged |
//! | `raft/kill.rs` | `kill -9` of some and of all, damaged files |
//! | `raft/exercise.rs` | the table of faults |
//! | `raft/bench.rs` | ours beside etcd |
//! | `raft/proto.rs` | the committed code is what the `.proto` files generate |

mod bench;
mod client;
mod cluster;
mod crate_client;
mod ctl;
mod exercise;
mod first;
mod history;
mod kill;
mod members;
mod proto;
mod proxy;
mod tools;

use crate::outcome::{Checked, run_all};
use std::process::ExitCode;

type Check = fn() -> Checked;

/// The checks, by name.
const CHECKS: [(&str, Check); 9] = [
    ("proto", proto::same),
    ("etcdctl", tools::side_by_side),
    ("etcdctl-faults", tools::while_one_is_down),
    ("members", members::come_and_go),
    ("first-contact", first::contact),
    ("etcd-client", crate_client::runs),
    ("history", history::linearizable),
    ("kill-9", kill::rounds),
    ("damage", kill::damaged_files),
];

/// `raft [--solution]`, `raft checks`, `raft NAME…`, `raft exercise`, `raft bench [--quick]`,
/// `raft proto [--write]`.
pub fn run(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => return run_all([("exercise", exercise::learner as Check)]),
        ["--solution"] | ["exercise"] => {
            return run_all([("exercise", exercise::reference as Check)]);
        }
        ["checks"] => return run_all(CHECKS),
        ["bench"] => return bench::run(false),
        ["bench", "--quick"] => return bench::run(true),
        ["proto", "--write"] => return run_all([("proto", proto::write as Check)]),
        _ => {}
    }
    let known = |name: &&str| CHECKS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = words.iter().find(|name| !known(name)) {
        let all: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "no check is called {unknown}; there are: {}, and checks for all of them, exercise, bench [--quick], proto --write",
            all.join(", ")
        );
        return ExitCode::from(2);
    }
    run_all(CHECKS.into_iter().filter(|(name, _)| words.contains(name)))
}
