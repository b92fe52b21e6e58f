//! The commands, one connection at a time. The time stands still unless a test moves it.

use crate::client::{connect, int, is_error, ok, paused, server, text};
use dist_lock::wire::Frame;
use std::time::Duration;
use tokio::time::advance;

/// Commands with their replies, in order, on one connection.
fn session(steps: Vec<(&str, Frame)>) {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        for (command, expected) in steps {
            assert_eq!(client.ask(command).await, expected, "{command}");
        }
    });
}

/// Commands that are errors, with how these begin.
fn errors(steps: &[(&str, &str)]) {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        for (command, begins) in steps {
            let reply = client.ask(command).await;
            assert!(is_error(&reply, begins), "{command}: {reply:?}");
        }
        assert_eq!(client.ask("PING").await, Frame::simple("PONG"));
    });
}

#[test]
fn a_value_is_set_read_and_deleted() {
    session(vec![
        ("GET a", Frame::Null),
        ("SET a 1", ok()),
        ("get a", text("1")),
        ("EXISTS a a b", int(2)),
        ("TYPE a", Frame::simple("string")),
        ("DBSIZE", int(1)),
        ("DEL a b", int(1)),
        ("UNLINK a", int(0)),
        ("TYPE a", Frame::simple("none")),
        ("SET a 1", ok()),
        ("GETDEL a", text("1")),
        ("SET a 1", ok()),
        ("GETSET a 2", text("1")),
        ("SET a abcdef", ok()),
        ("STRLEN a", int(6)),
        ("STRLEN b", int(0)),
        ("GETRANGE a 0 2", text("abc")),
        ("GETRANGE a -3 -2", text("de")),
        ("GETRANGE a -100 100", text("abcdef")),
        ("GETRANGE a 4 2", text("")),
        ("GETRANGE a 0 -100", text("a")),
        ("GETRANGE b 0 2", text("")),
        ("FLUSHALL", ok()),
        ("GET a", Frame::Null),
    ]);
}

#[test]
fn options_of_set_stand_in_any_case_and_order() {
    session(vec![
        ("set k one ex 5 nx", ok()),
        ("SET k two NX PX 5000", Frame::Null),
        ("SET k two px 700 xx", ok()),
        ("PTTL k", int(700)),
        ("SET k three KEEPTTL GET", text("two")),
        ("PTTL k", int(700)),
        ("SET k four XX", ok()),
        ("PTTL k", int(-1)),
        ("SET new v GET NX", Frame::Null),
        ("SET new w NX GET", text("v")),
        ("SET absent v XX", Frame::Null),
        ("SETNX k v", int(0)),
        ("SETNX l v", int(1)),
        ("PSETEX k 100 v", ok()),
        ("PTTL k", int(100)),
        ("SETEX k 100 v", ok()),
        ("TTL k", int(100)),
        ("SET k v PXAT 1", ok()),
        ("GET k", Frame::Null),
    ]);
}

#[test]
fn what_set_does_not_understand_is_an_error_and_sets_nothing() {
    let syntax = "ERR syntax error";
    errors(&[
        ("SET k v NX XX", syntax),
        ("SET k v PX", syntax),
        ("SET k v PX 1 EX 1", syntax),
        ("SET k v PX 1 KEEPTTL", syntax),
        ("SET k v FOO", syntax),
        ("SET k v PX abc", "ERR value is not an integer"),
        ("SET k v PX 0", "ERR invalid expire time in 'set'"),
        ("SET k v EX -1", "ERR invalid expire time in 'set'"),
        ("SET k v PX 9223372036854775807", "ERR invalid expire time"),
        ("SET k", "ERR wrong number of arguments for 'set'"),
        ("GET k l", "ERR wrong number of arguments for 'get'"),
        ("PSETEX k 0 v", "ERR invalid expire time in 'psetex'"),
        ("PEXPIRE k x", "ERR value is not an integer"),
        ("EXPIRE k 1 FOO", "ERR Unsupported option"),
        ("INCR k", "ERR unknown command 'INCR'"),
        ("A-NAME-THAT-IS-MUCH-TOO-LONG k", "ERR unknown command"),
        ("SELECT 1", "ERR DB index is out of range"),
        ("SELECT x", "ERR value is not an integer"),
        ("CONFIG SET a b", "ERR unknown subcommand"),
        ("CLIENT MAINT_NOTIFICATIONS ON", "ERR unknown subcommand"),
        ("AUTH secret", "ERR AUTH <password> called without"),
        ("HELLO 4", "NOPROTO"),
        ("HELLO x", "ERR Protocol version"),
        ("HELLO 3 AUTH a", "ERR Syntax error in HELLO"),
        ("SCRIPT KILL", "ERR unknown subcommand"),
    ]);
}

#[test]
fn a_lease_ends_by_itself_and_can_be_made_longer() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        assert_eq!(client.ask("SET k me NX PX 1000").await, ok());
        advance(Duration::from_millis(999)).await;
        assert_eq!(client.ask("GET k").await, text("me"));
        assert_eq!(client.ask("PTTL k").await, int(1));
        assert_eq!(client.ask("PEXPIRE k 500").await, int(1));
        advance(Duration::from_millis(499)).await;
        assert_eq!(client.ask("GET k").await, text("me"));
        advance(Duration::from_millis(1)).await;
        assert_eq!(client.ask("GET k").await, Frame::Null);
        assert_eq!(client.ask("PEXPIRE k 500").await, int(0));
        assert_eq!(client.ask("TTL k").await, int(-2));
    });
}

#[test]
fn expire_has_the_conditions_of_redis() {
    session(vec![
        ("SET k v", ok()),
        ("EXPIRE k 10 XX", int(0)),
        ("EXPIRE k 10 GT", int(0)),
        ("EXPIRE k 10 NX", int(1)),
        ("EXPIRE k 20 NX", int(0)),
        ("EXPIRE k 5 GT", int(0)),
        ("EXPIRE k 5 LT", int(1)),
        ("TTL k", int(5)),
        ("PERSIST k", int(1)),
        ("PERSIST k", int(0)),
        ("TTL k", int(-1)),
        ("PEXPIRE k -1", int(1)),
        ("EXISTS k", int(0)),
    ]);
}

#[test]
fn what_clients_open_with_is_answered() {
    session(vec![
        ("PING", Frame::simple("PONG")),
        ("PING hello", text("hello")),
        ("ECHO hello", text("hello")),
        ("CLIENT SETINFO LIB-NAME x", ok()),
        ("CLIENT SETNAME x", ok()),
        ("SELECT 0", ok()),
        ("COMMAND", Frame::Array(vec![])),
        ("COMMAND DOCS", Frame::Array(vec![])),
        (
            "CONFIG GET save",
            Frame::Array(vec![text("save"), text("")]),
        ),
        (
            "CONFIG GET appendonly",
            Frame::Array(vec![text("appendonly"), text("no")]),
        ),
    ]);
}

#[test]
fn hello_changes_the_form_of_what_comes_behind_it() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        for command in [
            "GET x",
            "HELLO 3",
            "GET x",
            "CONFIG GET save",
            "HELLO 2",
            "GET x",
        ] {
            client.send(command).await;
        }
        let mut replies = Vec::new();
        for _ in 0..6 {
            replies.push(client.reply().await.expect("is there"));
        }
        assert!(matches!(&replies[1], Frame::Map(pairs) if pairs[2].1 == int(3)));
        assert_eq!(replies[3], Frame::Map(vec![(text("save"), text(""))]));
        assert!(matches!(&replies[4], Frame::Array(items) if items[5] == int(2)));
    });
}

#[test]
fn quit_and_http_close_the_connection() {
    paused(async {
        for (line, expected) in [
            ("QUIT", "+OK"),
            ("POST / HTTP/1.1", "-ERR"),
            ("Host: x", "-ERR"),
        ] {
            let server = server();
            let mut client = connect(&server);
            client.send(line).await;
            client.send("SET k v").await;
            let mut reply = Vec::new();
            client
                .reply()
                .await
                .expect("says it")
                .encode(Default::default(), &mut reply);
            assert!(reply.starts_with(expected.as_bytes()), "{line}");
            assert_eq!(client.reply().await, None);
            assert_eq!(connect(&server).ask("GET k").await, Frame::Null);
        }
    });
}

#[test]
fn a_full_table_takes_no_new_name_and_still_serves_the_old_ones() {
    paused(async {
        let mut config = dist_lock::net::NetConfig::default();
        config.resp.max_names = 2;
        let server = dist_lock::net::Server::start(config).expect("starts");
        let mut client = connect(&server);
        assert_eq!(client.ask("SET a 1").await, ok());
        assert_eq!(client.ask("SET b 1").await, ok());
        for command in [
            "SET c 1",
            "SETNX c 1",
            "LOCK.ACQUIRE c me PX 10",
            "GETSET c 1",
        ] {
            assert!(is_error(&client.ask(command).await, "OOM"), "{command}");
        }
        assert_eq!(client.ask("SET a 2").await, ok());
        assert_eq!(client.ask("DEL b").await, int(1));
        assert_eq!(client.ask("SET c 1").await, ok());
    });
}
