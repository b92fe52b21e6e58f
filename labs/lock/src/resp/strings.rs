//! The commands of Redis's strings that locks are made of. Options stand in any case and order.

use super::commands::{not_an_integer, quote, syntax_error};
use super::reply::Said;
use super::turn::Turn;
use crate::message::{Reply, Request, TimeLeft, When};
use crate::names::{Name, Owner};
use crate::wire::{Command, Frame, integer};
use std::time::Duration;

/// The least and the most arguments of these commands, their name included.
pub(crate) fn arity(name: &[u8]) -> Option<(usize, usize)> {
    let any = usize::MAX;
    Some(match name {
        b"GET" | b"GETDEL" | b"PERSIST" | b"TTL" | b"PTTL" | b"TYPE" | b"STRLEN" => (2, 2),
        b"SET" | b"EXPIRE" | b"PEXPIRE" => (3, any),
        b"SETNX" | b"GETSET" => (3, 3),
        b"GETRANGE" => (4, 4),
        b"SETEX" | b"PSETEX" => (4, 4),
        b"DEL" | b"UNLINK" | b"EXISTS" => (2, any),
        b"DBSIZE" | b"TIME" => (1, 1),
        b"LOCK.ACQUIRE" => (5, 7),
        b"LOCK.RENEW" => (5, 5),
        b"LOCK.RELEASE" => (3, 3),
        b"EVAL" | b"EVALSHA" => (3, any),
        b"CLIENT" | b"CONFIG" | b"SCRIPT" => (2, any),
        _ => return None,
    })
}

fn lookup(turn: &mut Turn<'_, '_>, name: &Name) -> Option<Owner> {
    match turn.ask(Request::Get { name: name.clone() }) {
        Reply::Value(value) => value,
        _ => None,
    }
}

fn time_left(turn: &mut Turn<'_, '_>, name: &Name) -> TimeLeft {
    match turn.ask(Request::TimeLeft { name: name.clone() }) {
        Reply::TimeLeft(left) => left,
        _ => TimeLeft::Absent,
    }
}

/// Puts a value there, if there is room for one more name.
fn put(
    turn: &mut Turn<'_, '_>,
    name: Name,
    value: &[u8],
    ttl: Option<Duration>,
    when: When,
) -> Reply {
    let owner = Owner::new(value);
    let request = Request::Set {
        name,
        owner,
        ttl,
        when,
    };
    turn.ask(request)
}

/// An error, if the table is full and `name` is not in it.
pub(crate) fn no_room(turn: &mut Turn<'_, '_>, name: &Name) -> Option<Said> {
    let full = turn.server.lock.table.len() >= turn.cx.cfg().max_names;
    if !full || lookup(turn, name).is_some() {
        return None;
    }
    Some(Said::error(
        "OOM command not allowed: the table is full; delete names, or give them a time to live",
    ))
}

pub(crate) fn get(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    Said::value(lookup(turn, &Name::new(c.arg(1))))
}

/// What stands behind `SET key value`.
struct SetOptions {
    when: When,
    ttl: Option<Duration>,
    keep_ttl: bool,
    get: bool,
}

/// `SET key value [NX | XX] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]`
pub(crate) fn set(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let options = match set_options(turn, c) {
        Ok(options) => options,
        Err(said) => return said,
    };
    let name = Name::new(c.arg(1));
    if let Some(full) = no_room(turn, &name) {
        return full;
    }
    let mut ttl = options.ttl;
    if options.keep_ttl
        && let TimeLeft::Left(left) = time_left(turn, &name)
    {
        ttl = Some(left);
    }
    if !options.get {
        return match put(turn, name, c.arg(2), ttl, options.when) {
            Reply::Granted { .. } => Said::Ok,
            _ => Said::null(),
        };
    }
    let before = lookup(turn, &name);
    put(turn, name, c.arg(2), ttl, options.when);
    Said::value(before)
}

fn set_options(turn: &Turn<'_, '_>, c: Command<'_>) -> Result<SetOptions, Said> {
    let mut options = SetOptions {
        when: When::Always,
        ttl: None,
        keep_ttl: false,
        get: false,
    };
    let mut at = 3;
    while let Some(option) = c.get(at) {
        let timed = options.ttl.is_some() || options.keep_ttl;
        let has_value = at + 1 < c.len();
        match option.to_ascii_uppercase().as_slice() {
            b"NX" if options.when != When::IfPresent => options.when = When::IfAbsent,
            b"XX" if options.when != When::IfAbsent => options.when = When::IfPresent,
            b"GET" => options.get = true,
            b"KEEPTTL" if options.ttl.is_none() => options.keep_ttl = true,
            unit @ (b"EX" | b"PX" | b"EXAT" | b"PXAT") if !timed && has_value => {
                at += 1;
                options.ttl = Some(lifetime(turn, unit, c.arg(at))?);
            }
            _ => return Err(syntax_error()),
        }
        at += 1;
    }
    Ok(options)
}

fn lifetime(turn: &Turn<'_, '_>, unit: &[u8], text: &[u8]) -> Result<Duration, Said> {
    let n = integer(text).ok_or_else(not_an_integer)?;
    let invalid = || Said::error("ERR invalid expire time in 'set' command");
    let millis = if unit.starts_with(b"EX") {
        n.checked_mul(1000)
    } else {
        Some(n)
    };
    let millis = millis
        .filter(|m| *m > 0 && *m <= MAX_MILLIS)
        .ok_or_else(invalid)?;
    if unit.ends_with(b"AT") {
        // A date that has passed leaves the value dead at once.
        let left = millis - turn.cx.wall().as_unix_micros() / 1000;
        return Ok(Duration::from_millis(left.max(0) as u64));
    }
    Ok(Duration::from_millis(millis as u64))
}

/// The longest life: beyond it microseconds would not fit 64 bits.
const MAX_MILLIS: i64 = i64::MAX / 2000;

pub(crate) fn setnx(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let name = Name::new(c.arg(1));
    if let Some(full) = no_room(turn, &name) {
        return full;
    }
    let reply = put(turn, name, c.arg(2), None, When::IfAbsent);
    Said::bool(matches!(reply, Reply::Granted { .. }))
}

/// `SETEX key seconds value`, `PSETEX key millis value`
pub(crate) fn setex(turn: &mut Turn<'_, '_>, c: Command<'_>, unit: i64) -> Said {
    let Some(n) = integer(c.arg(2)) else {
        return not_an_integer();
    };
    let Some(millis) = n.checked_mul(unit).filter(|m| *m > 0 && *m <= MAX_MILLIS) else {
        let command = quote(c.arg(0)).to_ascii_lowercase();
        return Said::error(format!("ERR invalid expire time in '{command}' command"));
    };
    let name = Name::new(c.arg(1));
    if let Some(full) = no_room(turn, &name) {
        return full;
    }
    let ttl = Some(Duration::from_millis(millis as u64));
    put(turn, name, c.arg(3), ttl, When::Always);
    Said::Ok
}

pub(crate) fn getset(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let name = Name::new(c.arg(1));
    if let Some(full) = no_room(turn, &name) {
        return full;
    }
    let before = lookup(turn, &name);
    put(turn, name, c.arg(2), None, When::Always);
    Said::value(before)
}

pub(crate) fn getdel(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let name = Name::new(c.arg(1));
    let before = lookup(turn, &name);
    turn.ask(Request::Delete { name });
    Said::value(before)
}

pub(crate) fn strlen(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let value = lookup(turn, &Name::new(c.arg(1)));
    Said::integer(value.map_or(0, |value| value.as_bytes().len() as i64))
}

/// `GETRANGE key start end`: both ends included, counted from behind if negative.
pub(crate) fn getrange(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let (Some(start), Some(end)) = (integer(c.arg(2)), integer(c.arg(3))) else {
        return not_an_integer();
    };
    let value = lookup(turn, &Name::new(c.arg(1)));
    let bytes = value.as_ref().map(Owner::as_bytes).unwrap_or_default();
    let len = bytes.len() as i64;
    let place = |n: i64| if n < 0 { (len + n.max(-len)).max(0) } else { n };
    let (start, end) = (place(start), place(end).min(len - 1));
    if start > end {
        return Said::Frame(Frame::bulk(b""));
    }
    Said::Frame(Frame::bulk(&bytes[start as usize..=end as usize]))
}

pub(crate) fn del(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let mut deleted = 0;
    for key in c.from(1) {
        let name = Name::new(key);
        deleted += i64::from(turn.ask(Request::Delete { name }) == Reply::Done);
    }
    Said::integer(deleted)
}

pub(crate) fn exists(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let there = c
        .from(1)
        .filter(|key| lookup(turn, &Name::new(key)).is_some());
    Said::integer(there.count() as i64)
}

/// `EXPIRE key seconds [NX | XX | GT | LT]`, `PEXPIRE key millis […]`
pub(crate) fn expire(turn: &mut Turn<'_, '_>, c: Command<'_>, unit: i64) -> Said {
    let Some(n) = integer(c.arg(2)) else {
        return not_an_integer();
    };
    let Some(millis) = n.checked_mul(unit).filter(|m| *m <= MAX_MILLIS) else {
        let command = quote(c.arg(0)).to_ascii_lowercase();
        return Said::error(format!("ERR invalid expire time in '{command}' command"));
    };
    let name = Name::new(c.arg(1));
    let left = time_left(turn, &name);
    let ttl = Duration::from_millis(millis.max(0) as u64);
    for option in c.from(3) {
        let allowed = match (option.to_ascii_uppercase().as_slice(), left) {
            (b"NX", left) => !matches!(left, TimeLeft::Left(_)),
            (b"XX", left) => matches!(left, TimeLeft::Left(_)),
            // No end is later than any.
            (b"GT", TimeLeft::Left(left)) => ttl > left,
            (b"GT", _) => false,
            (b"LT", TimeLeft::Left(left)) => ttl < left,
            (b"LT", _) => true,
            _ => return Said::error(format!("ERR Unsupported option {}", quote(option))),
        };
        if !allowed {
            return Said::bool(false);
        }
    }
    let request = if millis <= 0 {
        Request::Delete { name }
    } else {
        Request::Expire {
            name,
            ttl: Some(ttl),
        }
    };
    Said::bool(turn.ask(request) == Reply::Done)
}

pub(crate) fn persist(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let name = Name::new(c.arg(1));
    if !matches!(time_left(turn, &name), TimeLeft::Left(_)) {
        return Said::bool(false);
    }
    Said::bool(turn.ask(Request::Expire { name, ttl: None }) == Reply::Done)
}

/// `TTL`, `PTTL`: −2 without such a name, −1 without an end.
pub(crate) fn ttl(turn: &mut Turn<'_, '_>, c: Command<'_>, unit: i64) -> Said {
    Said::integer(match time_left(turn, &Name::new(c.arg(1))) {
        TimeLeft::Absent => -2,
        TimeLeft::Forever => -1,
        TimeLeft::Left(left) => {
            let millis = i64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i64::MAX);
            // Rounded to the nearest unit, as Redis does.
            millis.saturating_add(unit / 2) / unit
        }
    })
}

pub(crate) fn kind(turn: &mut Turn<'_, '_>, c: Command<'_>) -> Said {
    let there = lookup(turn, &Name::new(c.arg(1))).is_some();
    Said::Frame(Frame::simple(if there { "string" } else { "none" }))
}

pub(crate) fn dbsize(turn: &Turn<'_, '_>) -> Said {
    Said::integer(turn.server.lock.table.view(turn.cx.now()).len() as i64)
}

pub(crate) fn flush(turn: &mut Turn<'_, '_>) -> Said {
    for lease in turn.server.lock.table.view(turn.cx.now()) {
        turn.ask(Request::Delete { name: lease.name });
    }
    Said::Ok
}
