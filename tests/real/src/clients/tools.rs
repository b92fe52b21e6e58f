//! The tools that come with Redis.

use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::servers::{self, Build, GET_REDIS, Process};
use std::io::ErrorKind;
use std::process::Command;

fn tool(name: &str, server: &Process, args: &[&str]) -> Result<String, Outcome> {
    let port = server.port.to_string();
    match Command::new(name).args(["-p", &port]).args(args).output() {
        Ok(done) if done.status.success() => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => fail(format!("{name}: {}", String::from_utf8_lossy(&done.stderr))),
        Err(why) if why.kind() == ErrorKind::NotFound => Err(Outcome::not_run(name, GET_REDIS)),
        Err(why) => fail(format!("{name} does not start: {why}")),
    }
}

/// Commands with the lines that redis-cli prints.
const SESSION: &[(&str, &str)] = &[
    ("PING", "PONG"),
    ("set job alice px 30000 nx", "OK"),
    ("SET job bob NX PX 30000", ""),
    ("GET job", "alice"),
    ("DEL job", "1"),
    ("LOCK.ACQUIRE job alice PX 30000", "2"),
    ("LOCK.ACQUIRE job bob PX 30000", ""),
    ("LOCK.ACQUIRE job bob PX 30000 WAIT 100", ""),
    ("LOCK.RENEW job 2 PX 60000", "1"),
    ("LOCK.RENEW job 9 PX 60000", "0"),
    ("LOCK.RELEASE job 2", "1"),
    ("LOCK.ACQUIRE job bob PX 30000 WAIT 100", "3"),
    ("LOCK.RELEASE job 2", "0"),
    ("LOCK.RELEASE job 3", "1"),
    ("EXISTS job", "0"),
];

/// A session by hand, in both protocols.
pub fn redis_cli() -> Checked {
    let server = servers::ours(Build::Dev, None)?;
    for (command, expected) in SESSION {
        let args: Vec<&str> = command.split(' ').collect();
        let said = tool("redis-cli", &server, &args)?;
        ensure(said.trim() == *expected, || format!("{command}: {said:?}"))?;
    }
    let hello = tool("redis-cli", &server, &["-3", "HELLO"])?;
    ensure(hello.contains("proto 3"), || format!("HELLO: {hello:?}"))?;
    let script = ["EVAL", "return {KEYS[1], ARGV[1]}", "1", "k", "v"];
    let said = tool("redis-cli", &server, &script)?;
    ensure(said == "k\nv\n", || format!("EVAL: {said:?}"))?;
    Ok(format!("{} commands, RESP2 and RESP3", SESSION.len() + 2))
}

/// Runs through without an error. How fast it is says `real bench`.
pub fn redis_benchmark() -> Checked {
    let server = servers::ours(Build::Dev, None)?;
    for pipeline in ["1", "16"] {
        let args = [
            "-t",
            "ping,set,get",
            "-n",
            "20000",
            "-q",
            "-P",
            pipeline,
            "-e",
        ];
        let said = tool("redis-benchmark", &server, &args)?;
        let done = said.matches("requests per second").count();
        let bad = said.to_ascii_lowercase().contains("error");
        ensure(done == 4 && !bad, || format!("-P {pipeline}: {said}"))?;
    }
    Ok("ping, set, get; -P 1 and -P 16".into())
}
