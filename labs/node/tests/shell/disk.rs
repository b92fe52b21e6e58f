//! Files, fsync, group commit, and disks that fail.

use crate::toy::{Op, boot, on_disk};
use crate::{Folder, local};
use node::shell::{Asked, ShellError};
use std::os::unix::fs::symlink;

#[test]
fn answers_wait_for_the_disk_and_survive_a_restart() {
    let folder = Folder::new();
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots");
        assert!(matches!(shell.ask(Op::Append(1)), Ok(Asked::Waits(_))));
        assert_eq!(shell.call(Op::Append(2)).await, Ok(2));
        assert_eq!(shell.call(Op::Vote(3)).await, Ok(3));
    });
    // No shutdown: the process might as well have been killed.
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots again");
        assert_eq!(shell.view().log, [1, 2]);
        assert_eq!(shell.view().vote, Some(3));
    });
}

#[test]
fn the_syncs_of_many_handlers_are_merged() {
    let folder = Folder::new();
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots");
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..50 {
            let shell = shell.clone();
            clients.spawn_local(async move {
                for i in 0..10 {
                    let n = client * 10 + i;
                    assert_eq!(shell.call(Op::Append(n)).await, Ok(n));
                }
            });
        }
        while let Some(done) = clients.join_next().await {
            done.expect("no client fails");
        }
        let fsyncs = shell.fsyncs();
        assert!(fsyncs <= 60, "500 syncs took {fsyncs} fsyncs");
    });
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots again");
        assert_eq!(shell.view().log.len(), 500);
    });
}

#[test]
fn an_answer_behind_a_sync_waits_even_if_it_needs_no_disk() {
    let folder = Folder::new();
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots");
        let Ok(Asked::Waits(_first)) = shell.ask(Op::Append(1)) else {
            panic!("an append waits for the disk");
        };
        let Ok(Asked::Waits(mut behind)) = shell.ask(Op::Echo(2)) else {
            panic!("an answer overtook a sync");
        };
        assert_eq!(behind.next().await, Ok(Some(2)));
    });
}

#[test]
fn a_replaced_file_reaches_the_disk_with_its_sync() {
    let folder = Folder::new();
    let file = folder.path().join("state/vote");
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots");
        assert_eq!(shell.call(Op::Vote(1)).await, Ok(1));
        assert_eq!(shell.call(Op::VoteOnly(2)).await, Ok(2));
        assert_eq!(shell.view().vote, Some(2));
        assert_eq!(shell.call(Op::Append(9)).await, Ok(9));
        assert_eq!(std::fs::read(&file).expect("is there"), [1]);
        assert_eq!(shell.call(Op::Vote(3)).await, Ok(3));
        assert_eq!(std::fs::read(&file).expect("is there"), [3]);
    });
    let left: Vec<_> = std::fs::read_dir(folder.path().join("state"))
        .expect("is there")
        .collect();
    assert_eq!(left.len(), 1, "a temporary file was left: {left:?}");
}

#[test]
fn a_shutdown_writes_what_was_not_synced() {
    let folder = Folder::new();
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots");
        assert_eq!(shell.call(Op::AppendOnly(5)).await, Ok(5));
        assert_eq!(shell.shutdown().await, Ok(()));
    });
    local(async {
        let shell = boot(on_disk(folder.path())).expect("boots again");
        assert_eq!(shell.view().log, [5]);
    });
}

#[test]
fn one_folder_serves_one_process_at_a_time() {
    let folder = Folder::new();
    local(async {
        let _shell = boot(on_disk(folder.path())).expect("boots");
        let second = boot(on_disk(folder.path())).err();
        assert_eq!(second, Some(ShellError::InUse(folder.path().into())));
    });
}

#[test]
fn a_damaged_file_is_named() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("state")).expect("can be made");
    std::fs::write(folder.path().join("state/vote"), [1, 0, 0]).expect("can be written");
    local(async {
        let why = boot(on_disk(folder.path())).err().expect("must not boot");
        let text = why.to_string();
        assert!(text.contains("state/vote"), "{text}");
    });
}

#[test]
fn a_capacity_that_is_used_up_stops_the_node_as_a_full_disk() {
    let folder = Folder::new();
    local(async {
        let mut config = on_disk(folder.path());
        config.capacity = 20;
        let shell = boot(config).expect("boots");
        assert_eq!(shell.call(Op::Append(1)).await, Ok(1));
        assert_eq!(shell.call(Op::Append(2)).await, Ok(2));
        let why = shell.call(Op::Append(3)).await;
        assert!(matches!(why, Err(ShellError::DiskFull(_))), "{why:?}");
    });
}

/// `/dev/full` takes a write as a full disk does; `/dev/null` takes writes but cannot be synced.
#[test]
fn a_full_disk_and_a_failed_sync_stop_the_node_and_no_answer_leaves() {
    for (device, text) in [("/dev/full", "is full"), ("/dev/null", "failed")] {
        let folder = Folder::new();
        local(async {
            let shell = boot(on_disk(folder.path())).expect("boots");
            symlink(device, folder.path().join("log")).expect("can be linked");
            let why = shell.call(Op::Append(1)).await.expect_err("must fail");
            let said = why.to_string();
            assert!(said.contains(text) && said.contains("log"), "{said}");
            assert_eq!(shell.call(Op::Echo(1)).await, Err(why.clone()));
            assert_eq!(shell.shutdown().await, Err(why));
        });
    }
}
