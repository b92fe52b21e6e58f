//! The Raft lab against the real thing: our `raft-server` and Debian's etcd, the same clients, the
//! same faults, the same checker.
//!
//! | file | what is there |
//! |---|---|
//! | `raft/cluster.rs` | three processes, ours or etcd's: start, kill, stop, start again |
//! | `raft/proxy.rs` | links between members that can be cut |
//! | `raft/client.rs` | a small client over the generated code |
//! | `raft/ctl.rs`, `raft/tools.rs` | `etcdctl`, side by side |
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
const CHECKS: [(&str, Check); 8] = [
    ("proto", proto::same),
    ("etcdctl", tools::side_by_side),
    ("etcdctl-faults", tools::while_one_is_down),
    ("members", members::come_and_go),
    ("etcd-client", crate_client::runs),
    ("history", history::linearizable),
    ("kill-9", kill::rounds),
    ("damage", kill::damaged_files),
];

/// `raft [NAME…]`, `raft exercise`, `raft bench [--quick]`, `raft proto [--write]`.
pub fn run(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["bench"] => return bench::run(false),
        ["bench", "--quick"] => return bench::run(true),
        ["exercise"] => return run_all([("exercise", exercise::table as Check)]),
        ["proto", "--write"] => return run_all([("proto", proto::write as Check)]),
        _ => {}
    }
    let known = |name: &&str| CHECKS.iter().any(|(known, _)| known == name);
    if let Some(unknown) = words.iter().find(|name| !known(name)) {
        let all: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "no check is called {unknown}; there are: {}, and exercise, bench [--quick], proto --write",
            all.join(", ")
        );
        return ExitCode::from(2);
    }
    let wanted = |name: &str| words.is_empty() || words.contains(&name);
    run_all(CHECKS.into_iter().filter(|(name, _)| wanted(name)))
}
