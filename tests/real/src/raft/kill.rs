//! `kill -9` at random moments under load, of one, of two and of all; then damaged files.

use super::client::block_on;
use super::cluster::{Cluster, Kind, MEMBERS};
use super::ctl::Ctl;
use super::history::{Clients, judge};
use crate::draw::Draw;
use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::servers::Build;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Kills of one to three members at a random moment.
const ROUNDS: u64 = 20;
/// How long a cluster may take to answer again.
const AGAIN: Duration = Duration::from_secs(30);

/// Twenty rounds over one history: clients go on all the time, on new keys after each.
pub fn rounds() -> Checked {
    let mut cluster = Cluster::start(Kind::Ours(Build::Dev))?;
    let mut draw = Draw::new(20);
    let (mut all, mut most) = (0, 0);
    let recorded = block_on(async {
        let clients = Clients::start(&cluster, 2);
        for round in 0..ROUNDS {
            tokio::time::sleep(Duration::from_millis(100 + draw.below(400))).await;
            let victims = match draw.below(4) {
                0 => MEMBERS,
                1 => 2,
                _ => 1,
            };
            let first = draw.below(MEMBERS as u64) as usize;
            let victims: Vec<usize> = (0..victims).map(|n| (first + n) % MEMBERS).collect();
            all += u32::from(victims.len() == MEMBERS);
            most += u32::from(victims.len() == 2);
            for at in &victims {
                cluster.kill(*at);
            }
            tokio::time::sleep(Duration::from_millis(draw.below(300))).await;
            for at in victims {
                cluster.up(at)?;
            }
            clients.take_new_keys();
            let before = clients.answered();
            let answers = async {
                while clients.answered() < before + 10 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            if tokio::time::timeout(AGAIN, answers).await.is_err() {
                return fail(format!("round {round}: no ten answers within {AGAIN:?}"));
            }
        }
        Ok(clients.stop().await)
    })?;
    let (answered, open) = judge("kill -9", recorded)?;
    equal(&cluster)?;
    Ok(format!(
        "{ROUNDS} kills ({all} of all members, {most} of two): {answered} answered, {open} open, \
         linearizable, and all members equal"
    ))
}

/// All members have the same keys and the same history.
pub fn equal(cluster: &Cluster) -> Result<(), Outcome> {
    let ctl = Ctl::of(&cluster.endpoints());
    let mut last = String::new();
    for _ in 0..50 {
        last = ctl.run(&["endpoint", "hashkv"])?.text;
        let mut hashes = last.lines().filter_map(|line| line.split(", ").nth(1));
        let first = hashes.next();
        if first.is_some() && last.lines().count() == MEMBERS && hashes.all(|h| Some(h) == first) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    fail(format!("the members are not equal: {last}"))
}

/// A torn last record is cut off with a message; a damaged middle one stops the member.
pub fn damaged_files() -> Checked {
    let mut cluster = Cluster::start(Kind::Ours(Build::Dev))?;
    let ctl = Ctl::of(&cluster.endpoints());
    for n in 0..30 {
        let said = ctl.run(&["put", &format!("k{n}"), "a value that is not so short"])?;
        ensure(said.ok, || said.text.clone())?;
    }
    cluster.kill(2);
    let log = log_file(&cluster.data(2))?;
    // The beginning of one more record, as a crash leaves it that falls into a write. (Cutting into
    // the last record would take back what was synced and acknowledged: no crash does that.)
    // A length, a checksum, and five of the hundred bytes that should follow.
    let begin = [100, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    OpenOptions::new()
        .append(true)
        .open(&log)?
        .write_all(&begin)?;
    cluster.up(2)?;
    cluster.wait_for_leader()?;
    equal(&cluster)?;
    let said = cluster.log(2);
    ensure(said.contains("torn"), || {
        format!("nothing was said of the torn record: {said:?}")
    })?;
    cluster.kill(2);
    let mut file = OpenOptions::new().read(true).write(true).open(&log)?;
    let middle = file.metadata()?.len() / 2;
    let mut byte = [0];
    file.seek(SeekFrom::Start(middle))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(middle))?;
    file.write_all(&[byte[0] ^ 0x10])?;
    drop(file);
    cluster.up(2)?;
    let well = cluster.ended(2, Duration::from_secs(20))?;
    let said = cluster.log(2);
    ensure(!well && said.contains("log"), || {
        format!("a damaged record was not refused: {said:?}")
    })?;
    let last = said.lines().last().unwrap_or_default().to_string();
    let said = ctl.run(&["get", "k7"])?;
    ensure(said.ok, || "the other two do not go on".into())?;
    Ok(format!(
        "a torn record was cut off, a damaged one refused: {last}"
    ))
}

/// The largest file of a member that is appended to: its log.
fn log_file(data: &Path) -> Result<PathBuf, Outcome> {
    let mut found: Option<(u64, PathBuf)> = None;
    let mut folders = vec![data.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            if about.is_dir() {
                folders.push(path);
            } else if entry.file_name().to_string_lossy().contains("log")
                && found.as_ref().is_none_or(|(len, _)| about.len() > *len)
            {
                found = Some((about.len(), path));
            }
        }
    }
    match found {
        Some((_, path)) => Ok(path),
        None => fail("the member has no log"),
    }
}
