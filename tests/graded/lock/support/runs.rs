//! What the clients of random runs do: each turn asks for one thing, a random while after the last
//! answer.

use super::*;
use dist_lock::Ret;
use sim::{Ask, Turn};

/// A time between nothing and `longest`.
fn up_to(draw: u64) -> Duration {
    Duration::from_micros(1 + draw)
}

/// Locks, keeps it for a while, which may be longer than the TTL, unlocks, thinks, … .
pub fn locks_and_unlocks(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer());
        let op = if had { unlock() } else { lock() };
        let longest = if had { 1_500_000 } else { 300_000 };
        let after = up_to(turn.draw.below(longest));
        Some(Ask { node, op, after })
    })
}

/// Locks, acts now and then, unlocks, thinks, … .
pub fn acts_under_the_lock(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer()) || turn.last_answer() == Some(&Ret::Acted);
        let op = match turn.draw.below(3) {
            _ if !had => lock(),
            0 => unlock(),
            _ => act(),
        };
        let longest = if had { 1_000_000 } else { 300_000 };
        let after = up_to(turn.draw.again(1).below(longest));
        Some(Ask { node, op, after })
    })
}

/// Locks, writes a few times, unlocks, … .
pub fn writes_under_the_lock(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let last = turn.last_answer();
        let had = locked(last) || last == Some(&Ret::Written);
        let op = match turn.draw.below(4) {
            _ if !had => lock(),
            0 => unlock(),
            _ => write(&format!("{} {}", letter(node), turn.nth)),
        };
        let longest = if had { 300_000 } else { 200_000 };
        let after = up_to(turn.draw.again(1).below(longest));
        Some(Ask { node, op, after })
    })
}

/// Waits for the lock, keeps it a little, unlocks, thinks, … .
pub fn waits_and_unlocks(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer());
        let wait = ms(200 + turn.draw.again(2).below(2_000));
        let op = if had { unlock() } else { lock_waiting(wait) };
        let after = up_to(turn.draw.below(600_000));
        Some(Ask { node, op, after })
    })
}

/// Somebody who now and then tells one of `servers` to lead; the first of them at once, if there is
/// a choice.
pub fn elects(scene: Scenario<Cast>, servers: &'static [Addr]) -> Scenario<Cast> {
    scene.client("watcher", move |turn: &Turn<'_, Cast>| {
        let node = *turn.one_of(2, servers);
        let first = turn.nth == 0 && servers.len() > 1;
        let wait = 200_000 + turn.draw.below(1_500_000);
        let after = Duration::from_micros(if first { 1 } else { wait });
        let op = Op::Lead;
        Some(Ask { node, op, after })
    })
}
