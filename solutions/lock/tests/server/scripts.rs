//! Scripts in Lua, as clients send them.

use crate::client::{connect, int, is_error, local, ok, paused, server, text};
use dist_lock::wire::Frame;

#[test]
fn a_script_sees_keys_arguments_and_the_table() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        assert_eq!(client.ask("SET k me").await, ok());
        let release = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end";
        // Quotes inside the script: the small client of these tests splits at them.
        let release = release.replace('\'', "\"");
        let release = format!("EVAL '{release}' 1 k");
        assert_eq!(client.ask(&format!("{release} you")).await, int(0));
        assert_eq!(client.ask(&format!("{release} me")).await, int(1));
        assert_eq!(client.ask("GET k").await, Frame::Null);
    });
}

#[test]
fn values_take_the_forms_of_redis_both_ways() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        let cases = [
            ("return 3.99", int(3)),
            ("return -3.99", int(-3)),
            ("return true", int(1)),
            ("return false", Frame::Null),
            ("return nil", Frame::Null),
            ("return \"x\"", text("x")),
            (
                "return {1,{2},nil,3}",
                Frame::Array(vec![int(1), Frame::Array(vec![int(2)])]),
            ),
            ("return {ok=\"FINE\"}", Frame::simple("FINE")),
            ("return redis.status_reply(\"FINE\")", Frame::simple("FINE")),
            ("return {err=\"MY error\"}", Frame::error("MY error")),
            (
                "return redis.error_reply(\"-MY error\")",
                Frame::error("MY error"),
            ),
            (
                "return redis.error_reply(\"mine\")",
                Frame::error("ERR mine"),
            ),
            ("return redis.call(\"set\",\"k\",1)", ok()),
            ("return redis.call(\"set\",\"k\",2,\"nx\")", Frame::Null),
            ("return redis.call(\"set\",\"k\",2,\"nx\") == false", int(1)),
            ("return redis.call(\"get\",\"k\") == \"1\"", int(1)),
            ("return redis.call(\"set\",\"k\",1).ok", text("OK")),
            ("return redis.pcall(\"get\").err ~= nil", int(1)),
            (
                "local good, e = pcall(redis.call, \"get\") return e.err ~= nil and not good",
                int(1),
            ),
            ("return redis.call(\"pttl\",\"no\")", int(-2)),
            (
                "return redis.sha1hex(\"\")",
                text("da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ),
            ("return tostring(1/3):sub(1,4) .. #ARGV", text("0.330")),
        ];
        for (script, expected) in cases {
            let reply = client.ask(&format!("EVAL '{script}' 0")).await;
            assert_eq!(reply, expected, "{script}");
        }
    });
}

#[test]
fn scripts_are_found_by_their_hash_until_they_are_flushed() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        let sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
        let by_sha = format!("EVALSHA {sha} 0");
        assert!(is_error(&client.ask(&by_sha).await, "NOSCRIPT "));
        assert_eq!(client.ask("SCRIPT LOAD 'return 1'").await, text(sha));
        assert_eq!(client.ask(&by_sha.to_uppercase()).await, int(1));
        let exists = format!("SCRIPT EXISTS {sha} abc");
        assert_eq!(
            client.ask(&exists).await,
            Frame::Array(vec![int(1), int(0)])
        );
        assert_eq!(client.ask("SCRIPT FLUSH").await, ok());
        assert!(is_error(&client.ask(&by_sha).await, "NOSCRIPT "));
        assert_eq!(client.ask("EVAL 'return 1' 0").await, int(1));
        assert_eq!(client.ask(&by_sha).await, int(1));
    });
}

const ENDLESS: &str = "ERR the script was ended after";

/// Scripts with a mistake, and how their errors begin.
const WRONG: &[(&str, &str)] = &[
    (
        "return redis.call(\"nope\")",
        "ERR Unknown Redis command called from script",
    ),
    (
        "return redis.call(\"eval\",\"return 1\",0)",
        "ERR This Redis command is not allowed",
    ),
    (
        "return redis.call(\"get\")",
        "ERR wrong number of arguments for 'get'",
    ),
    (
        "return redis.call()",
        "ERR Please specify at least one argument",
    ),
    (
        "return redis.call({})",
        "ERR Lua redis lib command arguments",
    ),
    (
        "x = 1",
        "ERR user_script:1: Script attempted to create global",
    ),
    (
        "return x",
        "ERR user_script:1: Script attempted to access nonexistent",
    ),
    (
        "return os.time()",
        "ERR user_script:1: Script attempted to access",
    ),
    (
        "return loadstring(\"return 1\")()",
        "ERR user_script:1: Script attempted",
    ),
    ("error(\"mine\")", "ERR user_script:1: mine"),
    ("error({err=\"MINE at once\"})", "MINE at once"),
    ("return redis.call(", "ERR Error compiling script"),
    ("while true do end", ENDLESS),
    (
        "while true do pcall(function() while true do end end) end",
        ENDLESS,
    ),
    (
        "local function f() return pcall(f) end while true do f() end",
        "ERR",
    ),
    (
        "local t = \"x\" while true do t = t .. t end",
        "ERR not enough memory",
    ),
    ("local t = {} while true do t[#t + 1] = {} end", "ERR"),
    ("return (\"x\"):rep(2000000)", "ERR the script"),
    ("local t = {} t[1] = t return t", "ERR the script"),
    (
        "local s = (\"x\"):rep(100000) local t = {} for i = 1, 1000 do t[i] = s end return t",
        "ERR the script",
    ),
    (
        "local function f(n) return 1 + f(n + 1) end return f(1)",
        "ERR",
    ),
];

#[test]
fn a_script_that_goes_wrong_is_an_error_and_the_server_goes_on() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        for (script, begins) in WRONG {
            let reply = client.ask(&format!("EVAL '{script}' 0")).await;
            assert!(is_error(&reply, begins), "{script}: {reply:?}");
        }
        for (command, begins) in [
            ("EVAL 'return 1' 2 k", "ERR Number of keys can't be greater"),
            ("EVAL 'return 1' -1", "ERR Number of keys can't be negative"),
            ("EVAL 'return 1' x", "ERR value is not an integer"),
            ("SCRIPT LOAD 'return ('", "ERR Error compiling"),
        ] {
            assert!(is_error(&client.ask(command).await, begins), "{command}");
        }
        assert_eq!(client.ask("PING").await, Frame::simple("PONG"));
    });
}

#[test]
fn precompiled_code_is_not_taken() {
    local(async {
        let server = server();
        let mut client = connect(&server);
        let reply = client.ask("EVAL '\u{1b}LuaQ' 0").await;
        assert!(is_error(&reply, "ERR Error compiling script"), "{reply:?}");
    });
}

#[test]
fn a_script_leaves_nothing_behind_for_the_next_one() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        let spoil = "getmetatable(\"\").__index = function() return 1 end string.rep = nil rawset(_G, \"y\", 1)";
        client.ask(&format!("EVAL '{spoil}' 0")).await;
        let look = "return {(\"x\"):rep(2), tostring(rawget(_G, \"y\"))}";
        let reply = client.ask(&format!("EVAL '{look}' 0")).await;
        assert_eq!(reply, Frame::Array(vec![text("xx"), text("nil")]));
    });
}

#[test]
fn a_script_wakes_who_waits_for_what_it_released() {
    paused(async {
        let server = server();
        let (mut a, mut b) = (connect(&server), connect(&server));
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 60000").await, int(1));
        b.send("LOCK.ACQUIRE l b PX 60000 WAIT 50000").await;
        tokio::task::yield_now().await;
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        let both = "redis.call(\"del\", \"l\") return redis.call(\"get\", \"l\")";
        assert_eq!(a.ask(&format!("EVAL '{both}' 0")).await, text("b"));
        assert_eq!(b.reply().await, Some(int(2)));
    });
}
