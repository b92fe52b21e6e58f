//! The storage: a hash in Redis, written by scripts that keep a log of what they took and refused.
//! The log is the only witness that the exercise believes.

use crate::outcome::{Outcome, fail};
use crate::resp::Client;
use lock_solution::wire::Frame;
use sim::history::{History, Instant, Operation, Told};
use sim::linear::{self, Model, Verdict};
use std::time::Duration;

const OPEN: &str = "\
local newest = tonumber(redis.call('hget', KEYS[1], 'token') or '0')
if ARGV[2] == 'fenced' and tonumber(ARGV[1]) < newest then return newest end
if tonumber(ARGV[1]) > newest then redis.call('hset', KEYS[1], 'token', ARGV[1]) end
return 0";

/// With `fenced`: compares and writes in one step. In any case the log says what happened, when by
/// Redis's clock, and who held the lock at that moment.
const WRITE: &str = "\
local newest = tonumber(redis.call('hget', KEYS[1], 'token') or '0')
local token = tonumber(ARGV[1])
local taken = not (ARGV[4] == 'fenced' and token < newest)
local now = redis.call('time')
redis.call('rpush', KEYS[2], now[1] * 1000000 + now[2], ARGV[1], ARGV[2], ARGV[3],
    redis.call('get', KEYS[3]) or '', taken and 'taken' or 'refused')
if not taken then return newest end
redis.call('hset', KEYS[1], 'value', ARGV[3], 'token', math.max(token, newest))
return 0";

/// The command for a session's `Open`.
pub fn open(token: u64, fenced: bool) -> Vec<Vec<u8>> {
    let token = token.to_string();
    words(&["EVAL", OPEN, "1", "cell", &token, mode(fenced)])
}

/// The command for a session's `Write`.
pub fn write(token: u64, owner: &str, value: &str, fenced: bool) -> Vec<Vec<u8>> {
    let token = token.to_string();
    words(&[
        "EVAL",
        WRITE,
        "3",
        "cell",
        "log",
        "job",
        &token,
        owner,
        value,
        mode(fenced),
    ])
}

fn mode(fenced: bool) -> &'static str {
    if fenced { "fenced" } else { "open" }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|w| w.as_bytes().to_vec()).collect()
}

/// One write, as the storage saw it.
pub struct Entry {
    /// When, by Redis's clock.
    pub micros: u64,
    /// The writer's token.
    pub token: u64,
    /// The writer.
    pub owner: String,
    /// What.
    pub value: String,
    /// Who held the lock at that moment, if the lock is in the same Redis.
    pub lock: String,
    /// Whether it was taken.
    pub taken: bool,
}

/// Reads the log.
pub fn read_log(client: &mut Client) -> Result<Vec<Entry>, Outcome> {
    let Frame::Array(items) = client.ask(&["LRANGE", "log", "0", "-1"])? else {
        return fail("the storage has no log");
    };
    let mut words = Vec::new();
    for item in items {
        let Frame::Bulk(bytes) = item else {
            return fail("the storage's log is damaged");
        };
        words.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let mut entries = Vec::new();
    for e in words.chunks_exact(6) {
        entries.push(Entry {
            micros: e[0].parse::<f64>()? as u64,
            token: e[1].parse()?,
            owner: e[2].clone(),
            value: e[3].clone(),
            lock: e[4].clone(),
            taken: e[5] == "taken",
        });
    }
    Ok(entries)
}

/// Waits until the log speaks of this value.
pub fn wait_for(client: &mut Client, value: &str, patience: Duration) -> Result<(), Outcome> {
    let started = std::time::Instant::now();
    while started.elapsed() < patience {
        if read_log(client)?.iter().any(|entry| entry.value == value) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    fail(format!(
        "the write {value}, under way when its process was stopped, never arrived"
    ))
}

/// What D-I2 asks of a storage: it takes a token if and only if it has seen no larger one.
struct FencedCell;

impl Model for FencedCell {
    type Op = u64;
    type Ret = bool;
    type Key = ();
    type State = u64;

    fn key(&self, _: &u64) {}
    fn start(&self, (): &()) -> u64 {
        0
    }
    fn apply(&self, newest: &u64, token: &u64, taken: Option<&bool>) -> Option<u64> {
        match taken {
            Some(true) if token < newest => None,
            Some(false) => (token < newest).then_some(*newest),
            _ => Some(*newest.max(token)),
        }
    }
}

/// Judges the log with the checker that judges histories in the simulator.
pub fn judge(entries: &[Entry]) -> Verdict {
    // One script runs after the other, so the entries' order is the order of events.
    let operations = entries.iter().enumerate().map(|(i, entry)| {
        let at = |place: usize| Instant {
            place: place as u64,
            at: place as u64,
        };
        Operation {
            id: i as u64,
            client: entry.token as u32,
            op: entry.token,
            invoked: at(2 * i),
            returned: Some(Told {
                when: at(2 * i + 1),
                ret: entry.taken,
            }),
            more: Vec::new(),
        }
    });
    linear::check(&FencedCell, &History::from_times(operations), linear::STEPS)
}
