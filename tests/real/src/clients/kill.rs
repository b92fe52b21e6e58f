//! `kill -9`, again and again: what was answered is there afterwards, and no token comes twice.

use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::resp::Client;
use crate::servers::{self, Build, Folder};
use lock_solution::wire::Frame;
use std::time::Duration;

const ROUNDS: u64 = 12;
const CLIENTS: usize = 6;

/// What one client knows when the server has died under it.
#[derive(Clone, Copy, Default)]
struct Known {
    /// The last counter that was answered, and the last that was sent.
    answered: u64,
    sent: u64,
    /// The largest token that it was given.
    token: i64,
    operations: u64,
}

/// Each round: clients count up and take locks until the server is killed; then it is started
/// again and asked what it remembers.
pub fn rounds() -> Checked {
    let folder = Folder::new()?;
    let mut known = [Known::default(); CLIENTS];
    let mut draw = crate::draw::Draw::new(9);
    for round in 0..ROUNDS {
        let mut server = servers::ours(Build::Dev, Some(folder.path()))?;
        let address = server.address();
        remembers(&address, &mut known, round)?;
        let clients: Vec<_> = known
            .into_iter()
            .enumerate()
            .map(|(number, known)| {
                let address = address.clone();
                std::thread::spawn(move || count_up(number, known, &address))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(30 + draw.below(120)));
        server.kill();
        for (known, client) in known.iter_mut().zip(clients) {
            *known = client
                .join()
                .map_err(|_| Outcome::Failed("a client panicked".into()))??;
        }
    }
    let operations: u64 = known.iter().map(|k| k.operations).sum();
    Ok(format!(
        "{ROUNDS} kills, {operations} answered operations, none lost, no token twice"
    ))
}

fn remembers(address: &str, known: &mut [Known], round: u64) -> Result<(), Outcome> {
    let mut client = Client::connect(address)?;
    for (number, known) in known.iter_mut().enumerate() {
        let found = match client.ask(&["GET", &format!("counter{number}")])? {
            Frame::Bulk(text) => String::from_utf8_lossy(&text).parse()?,
            _ => 0,
        };
        ensure((known.answered..=known.sent).contains(&found), || {
            format!(
                "round {round}: client {number} was answered {}, sent {}, found {found}",
                known.answered, known.sent
            )
        })?;
        known.answered = found;
        known.sent = found;
    }
    let largest = known.iter().map(|k| k.token).max().unwrap_or(0);
    let probe = format!("probe{round}");
    match client.ask(&["LOCK.ACQUIRE", &probe, "me", "PX", "60000"])? {
        Frame::Integer(token) if token > largest => Ok(()),
        other => fail(format!("round {round}: token {other:?} after {largest}")),
    }
}

/// Until the server is gone.
fn count_up(number: usize, mut known: Known, address: &str) -> Result<Known, Outcome> {
    let mut client = Client::connect(address)?;
    let (counter, lock) = (format!("counter{number}"), format!("lock{number}"));
    loop {
        known.sent += 1;
        match client.ask(&["SET", &counter, &known.sent.to_string()]) {
            Ok(Frame::Simple(_)) => known.answered = known.sent,
            Ok(other) => return fail(format!("SET: {other:?}")),
            Err(_killed) => return Ok(known),
        }
        known.operations += 1;
        if !known.sent.is_multiple_of(4) {
            continue;
        }
        let owner = known.sent.to_string();
        match client.ask(&["LOCK.ACQUIRE", &lock, &owner, "PX", "1", "WAIT", "50"]) {
            Ok(Frame::Integer(token)) if token > known.token => known.token = token,
            Ok(Frame::Null) => {}
            Ok(other) => return fail(format!("LOCK.ACQUIRE after {}: {other:?}", known.token)),
            Err(_killed) => return Ok(known),
        }
        known.operations += 1;
    }
}
