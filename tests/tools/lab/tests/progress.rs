//! Progress survives what happens to files: a kill at any moment, a full disk, damage.

mod support;

use serde_json::Value;
use std::fs;
use std::time::Instant;
use support::Copy;

fn place(copy: &Copy) -> u64 {
    let text = copy.read(".lab/progress.json");
    let progress: Value = serde_json::from_str(&text).expect("whole");
    progress["current"]["stage"].as_u64().unwrap()
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_file_or_the_new_one() {
    let copy = Copy::of_the_workbook("kill");
    copy.lab("goto toy 1").ends_with(0);
    let start = Instant::now();
    copy.lab("goto toy 2").ends_with(0);
    let whole_run = start.elapsed();
    let steps = 60;
    let mut seen = [0; 3];
    for step in 0..steps {
        copy.lab("goto toy 1").ends_with(0);
        let mut child = copy.command("goto toy 2").spawn().unwrap();
        let start = Instant::now();
        let moment = whole_run * 3 / 2 * step / steps;
        while start.elapsed() < moment {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        seen[place(&copy) as usize] += 1;
        // The next command is not disturbed by what the killed one left.
        copy.lab("list").ends_with(0);
    }
    assert!(
        seen[1] > 0 && seen[2] > 0,
        "the kills came too early or too late: {seen:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let copy = Copy::of_the_workbook("full");
    copy.lab("goto toy 2").ends_with(0);
    // Every write to this device fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", copy.path(".lab/progress.json.new")).unwrap();
    copy.lab("goto toy 1")
        .ends_with(3)
        .has("The disk is full: nothing was lost; free some space");
    assert_eq!(place(&copy), 2);
    copy.lab("goto toy 1").ends_with(0);
    assert_eq!(place(&copy), 1);
}

#[test]
fn a_damaged_file_is_said_kept_aside_and_rebuilt() {
    let copy = Copy::of_the_workbook("damaged");
    copy.lab("goto toy 2").ends_with(0);
    copy.lab("hint toy 2").ends_with(0);
    let whole = copy.read(".lab/progress.json");
    copy.write(".lab/progress.json", &whole[..whole.len() / 2]);
    copy.lab("list")
        .ends_with(0)
        .has("progress.json was damaged")
        .has("rebuilt from its copy");
    copy.lab("next").ends_with(0);
    let kept: Vec<_> = fs::read_dir(copy.path(".lab"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("progress.damaged-"))
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let progress: Value = serde_json::from_str(&copy.read(".lab/progress.json")).unwrap();
    assert_eq!(progress["labs"]["toy"]["2"]["hints_used"], 1);
}

#[test]
fn two_damaged_files_begin_anew_and_say_so() {
    let copy = Copy::of_the_workbook("damaged_both");
    copy.lab("goto toy 2").ends_with(0);
    copy.write(".lab/progress.json", "{");
    copy.write(".lab/progress.copy.json", "{");
    copy.lab("list")
        .ends_with(0)
        .has("rebuilt empty; `cargo lab grade` fills it in again");
    copy.lab("goto toy 1").ends_with(0);
    assert_eq!(place(&copy), 1);
}

#[test]
fn a_lost_file_comes_back_from_its_copy_and_a_newer_one_is_left_alone() {
    let copy = Copy::of_the_workbook("lost");
    copy.lab("goto toy 2").ends_with(0);
    fs::remove_file(copy.path(".lab/progress.json")).unwrap();
    copy.lab("list")
        .ends_with(0)
        .has("progress.json was missing; rebuilt from its copy");
    copy.lab("hint toy 2").ends_with(0);
    assert_eq!(place(&copy), 2);
    copy.edit(".lab/progress.json", "\"version\": 1", "\"version\": 2");
    copy.lab("list")
        .ends_with(3)
        .has("written by a newer workbook");
    assert_eq!(place(&copy), 2);
}

#[test]
fn two_commands_at_once_lose_nothing() {
    let copy = Copy::of_the_workbook("both");
    let lines = ["hint toy 1", "hint toy 2", "hint nasty 1", "goto toy 2"];
    let children: Vec<_> = lines
        .iter()
        .map(|line| copy.command(line).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let progress: Value = serde_json::from_str(&copy.read(".lab/progress.json")).unwrap();
    for (lab, stage) in [("toy", "1"), ("toy", "2"), ("nasty", "1")] {
        assert_eq!(progress["labs"][lab][stage]["hints_used"], 1, "{progress}");
    }
    assert_eq!(progress["current"]["stage"], 2);
}
