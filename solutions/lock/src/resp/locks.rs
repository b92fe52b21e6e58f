//! What Redis has no command for: tokens and a fair queue.
//!
//! | command | reply |
//! |---|---|
//! | `LOCK.ACQUIRE name owner PX ms [WAIT ms]` | the fencing token, or nil: held by another (with `WAIT`: for all that time) |
//! | `LOCK.RENEW name token PX ms` | 1, or 0: the lease is lost |
//! | `LOCK.RELEASE name token` | 1, or 0: there was nothing of yours to release |

use super::commands::{Session, not_an_integer, syntax_error};
use super::reply::Said;
use super::strings::no_room;
use super::turn::Turn;
use crate::message::{Proof, Reply, Request};
use crate::names::{Name, Owner, Token};
use crate::wire::{Command, integer};
use std::time::Duration;

/// The longest lease and the longest wait: beyond it microseconds would not fit 64 bits.
const MAX_MILLIS: i64 = i64::MAX / 2000;

/// `LOCK.ACQUIRE name owner PX ms [WAIT ms]`: first come, first served. A repeated call by the
/// owner that waits already keeps its place; the earlier call is answered nil.
pub(crate) fn acquire(turn: &mut Turn<'_, '_>, session: &Session<'_>, c: Command<'_>) -> Said {
    let (mut ttl, mut wait) = (None, None);
    for at in (3..c.len()).step_by(2) {
        let place = match c.arg(at).to_ascii_uppercase().as_slice() {
            b"PX" if ttl.is_none() => &mut ttl,
            b"WAIT" if wait.is_none() => &mut wait,
            _ => return syntax_error(),
        };
        match c.get(at + 1).map(integer) {
            Some(Some(millis)) => *place = Some(millis),
            Some(None) => return not_an_integer(),
            None => return syntax_error(),
        }
    }
    let Some(ttl) = ttl else {
        return syntax_error();
    };
    let (Some(ttl), Some(wait)) = (lifetime(ttl), duration(wait.unwrap_or(0))) else {
        return Said::error("ERR invalid time in 'lock.acquire' command");
    };
    let (name, owner) = (Name::new(c.arg(1)), Owner::new(c.arg(2)));
    if let Some(full) = no_room(turn, &name) {
        return full;
    }
    // Nobody who waits no time at all stands in a queue, not even in an empty one.
    let wait = Some(wait).filter(|wait| !wait.is_zero());
    if session.scripted && wait.is_some() {
        return Said::error("ERR LOCK.ACQUIRE with WAIT is not allowed from script");
    }
    let request = Request::Acquire {
        name: name.clone(),
        owner: owner.clone(),
        ttl,
        wait,
    };
    match turn.try_ask(request) {
        Ok(reply) => acquired(reply),
        Err(number) => {
            let mut waiting = turn.server.waiting.iter();
            let same = waiting.find(|(_, w)| w.name == name && w.owner == owner);
            if let Some((earlier, _)) = same {
                let earlier = *earlier;
                turn.wake(earlier, Reply::Refused);
            }
            Said::Waits(number, name, owner)
        }
    }
}

/// The reply to an acquisition, now or after a wait.
pub(crate) fn acquired(reply: Reply) -> Said {
    match reply {
        Reply::Granted { token } => Said::integer(token.0 as i64),
        Reply::Overloaded => Said::error("ERR too many clients wait for locks: try again later"),
        _ => Said::null(),
    }
}

/// `LOCK.RENEW name token PX ms`
pub(crate) fn renew(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    if !c.arg(3).eq_ignore_ascii_case(b"PX") {
        return syntax_error();
    }
    let (Some(token), Some(millis)) = (token(c.arg(2)), integer(c.arg(4))) else {
        return not_an_integer();
    };
    let Some(ttl) = lifetime(millis) else {
        return Said::error("ERR invalid time in 'lock.renew' command");
    };
    let name = Name::new(c.arg(1));
    let proof = Proof::Token(token);
    let done = turn.ask(Request::Renew { name, proof, ttl });
    Said::bool(done == Reply::Done)
}

/// `LOCK.RELEASE name token`
pub(crate) fn release(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let Some(token) = token(c.arg(2)) else {
        return not_an_integer();
    };
    let name = Name::new(c.arg(1));
    let proof = Proof::Token(token);
    let done = turn.ask(Request::Release { name, proof });
    Said::bool(done == Reply::Done)
}

fn token(text: &[u8]) -> Option<Token> {
    integer(text).and_then(|n| u64::try_from(n).ok()).map(Token)
}

fn duration(millis: i64) -> Option<Duration> {
    let fits = (0..=MAX_MILLIS).contains(&millis);
    fits.then(|| Duration::from_millis(millis as u64))
}

fn lifetime(millis: i64) -> Option<Duration> {
    duration(millis).filter(|ttl| !ttl.is_zero())
}
