//! From a command's name to its code, and the commands about the connection itself.

use super::reply::Said;
use super::turn::Turn;
use super::{locks, scripts, strings};
use crate::wire::{Command, Frame, Protocol, integer};

/// The Redis version whose commands these are. Clients ask for it before they use a command.
const REDIS_VERSION: &str = "7.0.0";

/// What a command may know and change of its connection.
pub(crate) struct Session<'s> {
    pub client: u64,
    pub protocol: &'s mut Protocol,
    pub close: &'s mut bool,
    /// Whether a script runs it: then it may neither wait nor touch the connection.
    pub scripted: bool,
}

/// The longest name of a command.
const MAX_NAME: usize = 16;

/// Runs one command.
pub(crate) fn run(turn: &mut Turn<'_, '_>, session: &mut Session<'_>, c: Command<'_>) -> Said {
    let mut upper = [0; MAX_NAME];
    let given = c.arg(0);
    let Some(name) = upper.get_mut(..given.len()) else {
        return unknown(c);
    };
    name.copy_from_slice(given);
    name.make_ascii_uppercase();
    let name: &[u8] = name;
    if let Some((at_least, at_most)) = strings::arity(name)
        && !(at_least..=at_most).contains(&c.len())
    {
        return wrong_arity(c);
    }
    match name {
        b"GET" => strings::get(turn, c),
        b"SET" => strings::set(turn, c),
        b"SETNX" => strings::setnx(turn, c),
        b"SETEX" => strings::setex(turn, c, 1000),
        b"PSETEX" => strings::setex(turn, c, 1),
        b"GETSET" => strings::getset(turn, c),
        b"GETDEL" => strings::getdel(turn, c),
        b"GETRANGE" => strings::getrange(turn, c),
        b"STRLEN" => strings::strlen(turn, c),
        b"DEL" | b"UNLINK" => strings::del(turn, c),
        b"EXISTS" => strings::exists(turn, c),
        b"EXPIRE" => strings::expire(turn, c, 1000),
        b"PEXPIRE" => strings::expire(turn, c, 1),
        b"PERSIST" => strings::persist(turn, c),
        b"TTL" => strings::ttl(turn, c, 1000),
        b"PTTL" => strings::ttl(turn, c, 1),
        b"TYPE" => strings::kind(turn, c),
        b"DBSIZE" => strings::dbsize(turn),
        b"FLUSHALL" | b"FLUSHDB" => strings::flush(turn),
        b"LOCK.ACQUIRE" => locks::acquire(turn, session, c),
        b"LOCK.RENEW" => locks::renew(turn, c),
        b"LOCK.RELEASE" => locks::release(turn, c),
        b"PING" if c.len() == 1 => Said::Frame(Frame::simple("PONG")),
        b"PING" | b"ECHO" if c.len() == 2 => Said::Frame(Frame::bulk(c.arg(1))),
        b"TIME" => time(turn),
        b"INFO" => Said::Frame(info(turn)),
        _ if session.scripted => not_in_scripts(name, c),
        b"EVAL" => scripts::eval(turn, c),
        b"EVALSHA" => scripts::evalsha(turn, c),
        b"SCRIPT" => scripts::script(turn, c),
        b"HELLO" => hello(session, c),
        b"CLIENT" => client(session, c),
        b"SELECT" => select(c),
        b"CONFIG" => config(turn, c),
        b"COMMAND" => command(c),
        b"AUTH" => Said::error(
            "ERR AUTH <password> called without any password configured for the default user. \
             This server has no passwords: connect without one",
        ),
        b"QUIT" | b"POST" | b"HOST:" => quit(session, name),
        b"PING" | b"ECHO" => wrong_arity(c),
        _ => unknown(c),
    }
}

fn not_in_scripts(name: &[u8], c: Command<'_>) -> Said {
    match name {
        b"EVAL" | b"EVALSHA" | b"SCRIPT" | b"HELLO" | b"CLIENT" | b"SELECT" | b"CONFIG"
        | b"COMMAND" | b"AUTH" | b"QUIT" => {
            Said::error("ERR This Redis command is not allowed from script")
        }
        b"PING" | b"ECHO" => wrong_arity(c),
        _ => Said::error("ERR Unknown Redis command called from script"),
    }
}

/// Browsers can be made to write to local ports: as in Redis, what begins like HTTP is closed.
fn quit(session: &mut Session<'_>, name: &[u8]) -> Said {
    *session.close = true;
    if name == b"QUIT" {
        Said::Ok
    } else {
        Said::error("ERR this is a RESP server and speaks no HTTP")
    }
}

pub(crate) fn wrong_arity(c: Command<'_>) -> Said {
    let name = quote(c.arg(0)).to_ascii_lowercase();
    Said::error(format!(
        "ERR wrong number of arguments for '{name}' command"
    ))
}

pub(crate) fn syntax_error() -> Said {
    Said::error("ERR syntax error")
}

pub(crate) fn not_an_integer() -> Said {
    Said::error("ERR value is not an integer or out of range")
}

fn unknown(c: Command<'_>) -> Said {
    let mut text = format!(
        "ERR unknown command '{}', with args beginning with: ",
        quote(c.arg(0))
    );
    for arg in c.from(1).take(4) {
        text.push_str(&format!("'{}' ", quote(arg)));
    }
    Said::error(text)
}

/// A client's bytes inside an error: short, and readable.
pub(crate) fn quote(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(128)].escape_ascii().to_string()
}

fn hello(session: &mut Session<'_>, c: Command<'_>) -> Said {
    let wanted = match c.get(1) {
        None => None,
        Some(b"2") => Some(Protocol::Resp2),
        Some(b"3") => Some(Protocol::Resp3),
        Some(other) if integer(other).is_some() => {
            return Said::error("NOPROTO unsupported protocol version");
        }
        Some(_) => {
            return Said::error("ERR Protocol version is not an integer or out of range");
        }
    };
    let mut at = 2;
    while let Some(option) = c.get(at) {
        let takes = match option.to_ascii_uppercase().as_slice() {
            // No passwords here: whoever reaches the port may use it, as in a fresh Redis.
            b"AUTH" => 2,
            b"SETNAME" => 1,
            _ => {
                return Said::error(format!(
                    "ERR Syntax error in HELLO option '{}'",
                    quote(option)
                ));
            }
        };
        at += 1 + takes;
        if at > c.len() {
            return Said::error(format!(
                "ERR Syntax error in HELLO option '{}'",
                quote(option)
            ));
        }
    }
    *session.protocol = wanted.unwrap_or(*session.protocol);
    let version = match session.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let text = |t: &str| Frame::bulk(t);
    Said::Frame(Frame::Map(vec![
        (text("server"), text("lock-server")),
        (text("version"), text(REDIS_VERSION)),
        (text("proto"), Frame::Integer(version)),
        (text("id"), Frame::Integer(session.client as i64)),
        (text("mode"), text("standalone")),
        (text("role"), text("master")),
        (text("modules"), Frame::Array(Vec::new())),
    ]))
}

fn client(session: &mut Session<'_>, c: Command<'_>) -> Said {
    match (c.arg(1).to_ascii_uppercase().as_slice(), c.len()) {
        (b"SETINFO", 4) => match c.arg(2).to_ascii_uppercase().as_slice() {
            b"LIB-NAME" | b"LIB-VER" => Said::Ok,
            _ => Said::error(format!("ERR Unrecognized option '{}'", quote(c.arg(2)))),
        },
        (b"SETNAME", 3) => Said::Ok,
        (b"GETNAME", 2) => Said::null(),
        (b"ID", 2) => Said::integer(session.client as i64),
        (b"SETINFO" | b"SETNAME" | b"GETNAME" | b"ID", _) => wrong_arity(c),
        _ => unknown_subcommand(c),
    }
}

pub(crate) fn unknown_subcommand(c: Command<'_>) -> Said {
    let (name, sub) = (quote(c.arg(0)).to_ascii_uppercase(), quote(c.arg(1)));
    Said::error(format!("ERR unknown subcommand '{sub}'. Try {name} HELP."))
}

fn select(c: Command<'_>) -> Said {
    match (c.len(), integer(c.arg(1))) {
        (2, Some(0)) => Said::Ok,
        (2, Some(_)) => Said::error("ERR DB index is out of range"),
        (2, None) => not_an_integer(),
        _ => wrong_arity(c),
    }
}

/// The two settings that redis-benchmark asks for.
fn config(turn: &Turn<'_, '_>, c: Command<'_>) -> Said {
    if !c.arg(1).eq_ignore_ascii_case(b"GET") {
        return unknown_subcommand(c);
    }
    let durable = turn.cx.cfg().durable;
    let appends = if durable { "yes" } else { "no" };
    let fsync = if durable { "always" } else { "no" };
    let known = [
        ("save", ""),
        ("appendonly", appends),
        ("appendfsync", fsync),
    ];
    let asked = |name: &str| {
        c.from(2)
            .any(|a| a == b"*" || a.eq_ignore_ascii_case(name.as_bytes()))
    };
    let pairs = known.into_iter().filter(|(name, _)| asked(name));
    Said::Frame(Frame::Map(
        pairs
            .map(|(name, value)| (Frame::bulk(name), Frame::bulk(value)))
            .collect(),
    ))
}

/// Nothing to tell: clients go on without it.
fn command(c: Command<'_>) -> Said {
    match c.get(1).map(<[u8]>::to_ascii_uppercase).as_deref() {
        Some(b"COUNT") => Said::integer(0),
        Some(b"DOCS") => Said::Frame(Frame::Map(Vec::new())),
        _ => Said::Frame(Frame::Array(Vec::new())),
    }
}

fn time(turn: &Turn<'_, '_>) -> Said {
    let micros = turn.cx.wall().as_unix_micros();
    let part = |n: i64| Frame::bulk(n.to_string());
    let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    Said::Frame(Frame::Array(vec![part(seconds), part(rest)]))
}

fn info(turn: &Turn<'_, '_>) -> Frame {
    let server = &turn.server;
    let text = format!(
        "# Server\r\nredis_version:{REDIS_VERSION}\r\nserver_name:lock-server\r\nredis_mode:standalone\r\n\
         uptime_in_seconds:{}\r\n\
         # Persistence\r\nloading:0\r\naof_enabled:{}\r\n\
         # Replication\r\nrole:master\r\nconnected_slaves:0\r\n\
         # Locks\r\nnames:{}\r\nwaiting:{}\r\n",
        turn.cx.now().as_micros() / 1_000_000,
        u8::from(turn.cx.cfg().durable),
        server.lock.table.len(),
        server.waiting.len(),
    );
    let mut verbatim = b"txt:".to_vec();
    verbatim.extend(text.into_bytes());
    Frame::Verbatim(verbatim)
}
