//! What `read_records` makes of a log whose end, or whose middle, is not what was written.

use node::driver::{self, DiskOp, Env, FileName, Moment, Output};
use node::{Addr, Ctx, LocalTime, Node, OpId, WallTime, read_records, record};
use serde::Serialize;
use std::ops::Range;
use std::time::Duration;

/// Reads the log at boot and shows what it found.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
struct Reader {
    records: Vec<String>,
    good_len: u64,
    bad_len: u64,
    damaged: bool,
}

impl Node for Reader {
    type Config = ();
    type Msg = ();
    type Timer = ();
    type Op = ();
    type Ret = ();
    type View = Reader;
    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let found = read_records(&cx.disk(), "log");
        Reader {
            records: found.records,
            good_len: found.good_len,
            bad_len: found.bad_len,
            damaged: found.damaged,
        }
    }
    fn on_message(&mut self, _: &mut Ctx<'_, Self>, _: Addr, (): ()) {}
    fn on_timer(&mut self, _: &mut Ctx<'_, Self>, (): ()) {}
    fn on_op(&mut self, _: &mut Ctx<'_, Self>, _: OpId, (): ()) {}
    fn view(&self, _: LocalTime) -> Reader {
        self.clone()
    }
}

/// A disk with one file.
struct OneFile(Vec<u8>);

impl Env for OneFile {
    fn read(&self, _: &str) -> Option<&[u8]> {
        Some(&self.0)
    }
    fn list(&self, _: &str) -> Vec<String> {
        vec!["log".into()]
    }
    fn free_bytes(&self) -> u64 {
        u64::MAX
    }
    fn apply(&mut self, _: &FileName, _: &DiskOp) {}
    fn choose(&mut self, _: u32) -> u32 {
        0
    }
    fn within(&mut self, within: Range<Duration>) -> Duration {
        within.start
    }
}

fn read(bytes: Vec<u8>) -> Reader {
    let at = Moment {
        me: Addr(1),
        now: LocalTime::default(),
        wall: WallTime::from_unix_micros(0),
    };
    driver::boot::<Reader>(at, &(), &mut OneFile(bytes), &mut Output::default())
}

/// Three records, and where each begins.
fn log() -> (Vec<u8>, [usize; 3]) {
    let all = ["first", "second", "third"].map(|text| record(&text));
    let starts = [0, all[0].len(), all[0].len() + all[1].len()];
    (all.concat(), starts)
}

#[test]
fn every_torn_end_leaves_the_whole_records_and_is_no_damage() {
    let (bytes, [_, _, third]) = log();
    for len in third..bytes.len() {
        let found = read(bytes[..len].to_vec());
        assert_eq!(found.records, ["first", "second"], "cut to {len} bytes");
        assert_eq!(
            (found.good_len, found.bad_len),
            (third as u64, (len - third) as u64)
        );
        assert!(!found.damaged, "cut to {len} bytes");
    }
}

#[test]
fn every_changed_byte_in_the_middle_is_damage() {
    let (bytes, [_, second, third]) = log();
    for at in second..third {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        let found = read(bytes);
        assert_eq!(found.records, ["first"], "byte {at} is changed");
        assert!(found.damaged, "byte {at} is changed");
    }
}

#[test]
fn a_whole_last_record_with_a_changed_content_is_damage() {
    let (mut bytes, _) = log();
    *bytes.last_mut().expect("there are bytes") ^= 1;
    assert!(read(bytes).damaged);
}

#[test]
fn an_end_that_reads_as_zeros_is_torn() {
    let (mut bytes, [_, _, third]) = log();
    bytes.truncate(third);
    bytes.extend(record(&"x".repeat(2000)));
    let grown = bytes.len();
    // The file had its new length, and only its first sectors had reached the disk.
    bytes[1024..grown].fill(0);
    let found = read(bytes.clone());
    assert_eq!((found.records.len(), found.damaged), (2, false));
    bytes[third..grown].fill(0);
    assert!(!read(bytes).damaged);
}
