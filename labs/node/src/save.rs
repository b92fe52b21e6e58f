//! Values on a disk: one value in a file, or a log of records.

use crate::{DiskRef, Node};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Puts `value` in place of the content of `file`. It is durable after `disk.sync(file)`.
pub fn save<N: Node>(disk: &mut DiskRef<'_, N>, file: &str, value: &impl Serialize) {
    disk.replace(file, encode(value));
}

/// The value that [`save`] put there; `None` if there is no such file.
///
/// # Panics
/// If the file does not decode, or has bytes behind the value. `replace` is atomic, so no crash
/// leaves such a file: the disk is broken, and a node that went on would forget what it promised.
pub fn load<N: Node, T: DeserializeOwned>(disk: &DiskRef<'_, N>, file: &str) -> Option<T> {
    let bytes = disk.read(file)?;
    // postcard ignores bytes behind the value, and zeros decode as many a type: refuse a remainder.
    match postcard::take_from_bytes(&bytes) {
        Ok((value, [])) => Some(value),
        Ok((_, rest)) => panic!(
            "broken disk: {} bytes behind the value in file {file:?}; restore it from a copy",
            rest.len()
        ),
        Err(why) => {
            panic!("broken disk: file {file:?} does not decode ({why}); restore it from a copy")
        }
    }
}

/// What [`read_records`] found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Records<T> {
    /// The whole records, in order.
    pub records: Vec<T>,
    /// Bytes up to the end of the last whole record; truncate the file to this before appending.
    pub good_len: u64,
    /// Bytes behind it: a torn last record, or a damaged one and all that followed it.
    pub bad_len: u64,
    /// True if those bytes are not what a crash in the middle of an append leaves: a whole record
    /// follows, or the record's length is there and its content is wrong. It was synced perhaps.
    pub damaged: bool,
}

const HEADER: usize = 8;
/// What a disk writes at once: a piece of a file that was never written reads as zeros.
const SECTOR: usize = 512;

/// Adds one record to a log, see [`record`].
pub fn append_record<N: Node>(disk: &mut DiskRef<'_, N>, file: &str, value: &impl Serialize) {
    disk.append(file, record(value));
}

/// The bytes of one record of a log: length (u32), CRC-32 (u32), both little-endian, then the value.
pub fn record(value: &impl Serialize) -> Vec<u8> {
    let body = encode(value);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Reads a log up to its first bad record. An absent file is an empty log.
pub fn read_records<N: Node, T: DeserializeOwned>(disk: &DiskRef<'_, N>, file: &str) -> Records<T> {
    let bytes = disk.read(file).unwrap_or_default();
    let mut records = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((record, after)) = first_record(rest) {
        records.push(record);
        rest = after;
    }
    let bad_len = rest.len() as u64;
    let good_len = bytes.len() - rest.len();
    Records {
        records,
        good_len: good_len as u64,
        bad_len,
        damaged: is_damaged::<T>(&bytes, good_len),
    }
}

/// Whether what stands at `bad` is something else than the torn end of the file.
fn is_damaged<T: DeserializeOwned>(bytes: &[u8], bad: usize) -> bool {
    let rest = &bytes[bad..];
    if (1..rest.len()).any(|at| first_record::<T>(&rest[at..]).is_some()) {
        return true;
    }
    let Some(len) = rest
        .first_chunk()
        .map(|len| u32::from_le_bytes(*len) as usize)
    else {
        return false;
    };
    let end = HEADER.saturating_add(len);
    if end > rest.len() {
        return false;
    }
    // The file had grown, and its last sectors had not been written.
    let mut from = bad;
    while from < bad + end {
        let to = (from / SECTOR + 1) * SECTOR;
        if bytes[from..to.min(bad + end)].iter().all(|b| *b == 0) {
            return false;
        }
        from = to;
    }
    true
}

fn first_record<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, &[u8])> {
    let (header, rest) = bytes.split_at_checked(HEADER)?;
    let (len, crc) = header.split_at(4);
    let len = u32::from_le_bytes(len.try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    let (body, after) = rest.split_at_checked(len)?;
    if crc32fast::hash(body) != crc {
        return None;
    }
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Some((value, after)),
        _ => None,
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // Fails only for types that postcard cannot hold (a sequence of unknown length).
    postcard::to_stdvec(value).expect("a saved value has a postcard encoding")
}
