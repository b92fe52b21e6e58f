//! `--data`: what survives, and what a broken disk does.

use crate::client::{Client, Folder, connect, encode, int, is_error, local, ok, text};
use dist_lock::net::{NetConfig, Server};
use dist_lock::wire::Frame;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn durable(folder: &Folder) -> Server {
    let config = NetConfig {
        data: Some(folder.path().into()),
        ..NetConfig::default()
    };
    Server::start(config).expect("a server with a folder starts")
}

#[test]
fn the_table_the_leases_and_the_tokens_survive() {
    let folder = Folder::new();
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        assert_eq!(client.ask("SET forever 1").await, ok());
        assert_eq!(client.ask("SET lease 1 PX 60000").await, ok());
        assert_eq!(client.ask("SET short 1 PX 1").await, ok());
        assert_eq!(client.ask("SET gone 1").await, ok());
        assert_eq!(client.ask("DEL gone").await, int(1));
        assert_eq!(client.ask("LOCK.ACQUIRE lock me PX 60000").await, int(1));
        assert_eq!(client.ask("LOCK.ACQUIRE other me PX 60000").await, int(2));
        assert_eq!(client.ask("LOCK.RELEASE other 2").await, int(1));
        assert_eq!(
            client
                .ask("EVAL 'return redis.call(\"set\",\"by-script\",1)' 0")
                .await,
            ok()
        );
    });
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        // What is left of its millisecond passes here.
        while client.ask("GET short").await != Frame::Null {}
        assert_eq!(client.ask("GET forever").await, text("1"));
        assert_eq!(client.ask("TTL forever").await, int(-1));
        assert_eq!(client.ask("TTL lease").await, int(60));
        assert_eq!(client.ask("GET by-script").await, text("1"));
        for name in ["short", "gone", "other"] {
            assert_eq!(
                client.ask(&format!("GET {name}")).await,
                Frame::Null,
                "{name}"
            );
        }
        assert_eq!(client.ask("LOCK.RENEW lock 1 PX 9000").await, int(1));
        let Frame::Integer(token) = client.ask("LOCK.ACQUIRE other me PX 60000").await else {
            panic!("the lock is free");
        };
        assert!(token > 2, "token {token} was issued before");
    });
}

#[test]
fn a_grant_to_a_waiter_survives() {
    let folder = Folder::new();
    local(async {
        let server = durable(&folder);
        let (mut a, mut b) = (connect(&server), connect(&server));
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 20").await, int(1));
        assert_eq!(b.ask("LOCK.ACQUIRE l b PX 60000 WAIT 60000").await, int(2));
    });
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        assert_eq!(client.ask("GET l").await, text("b"));
        assert_eq!(client.ask("LOCK.RELEASE l 2").await, int(1));
    });
}

#[test]
fn clients_share_fsyncs_and_a_pipeline_takes_few() {
    let folder = Folder::new();
    local(async {
        let server = durable(&folder);
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let mut client = connect(&server);
            clients.spawn_local(async move {
                for i in 0..20 {
                    assert_eq!(client.ask(&format!("SET k {i}")).await, ok());
                }
            });
        }
        while let Some(done) = clients.join_next().await {
            done.expect("no client fails");
        }
        let shared = server.fsyncs();
        assert!(shared <= 60, "400 sets of 20 clients took {shared} fsyncs");
        let mut client = connect(&server);
        let pipeline = encode(&["SET", "k", "v"]).repeat(100);
        client.stream.write_all(&pipeline).await.expect("writes");
        for _ in 0..100 {
            assert_eq!(client.reply().await, Some(ok()));
        }
        let pipelined = server.fsyncs() - shared;
        assert!(pipelined <= 3, "a pipeline of 100 took {pipelined} fsyncs");
    });
}

#[test]
fn the_journal_is_written_anew_before_it_grows_without_end() {
    let folder = Folder::new();
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        let big = "x".repeat(100_000);
        for i in 0..200 {
            let set = encode(&["SET", &format!("k{}", i % 10), &format!("{i}{big}")]);
            client.stream.write_all(&set).await.expect("writes");
            assert_eq!(client.reply().await, Some(ok()));
        }
    });
    let journal = std::fs::metadata(folder.path().join("journal")).expect("is there");
    assert!(journal.len() < 10 << 20, "{} bytes", journal.len());
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        assert_eq!(client.ask("DBSIZE").await, int(10));
        let Frame::Bulk(value) = client.ask("GET k9").await else {
            panic!("k9 is there");
        };
        assert!(value.starts_with(b"199x"));
    });
}

#[test]
fn a_torn_record_at_the_end_is_cut_off_and_a_damaged_one_before_it_is_named() {
    let folder = Folder::new();
    let journal = folder.path().join("journal");
    let sets = |values: &'static [&'static str]| {
        local(async {
            let server = durable(&folder);
            let mut client = connect(&server);
            for value in values {
                assert_eq!(client.ask(&format!("SET k {value}")).await, ok());
            }
        });
    };
    sets(&["first", "second"]);
    let bytes = std::fs::read(&journal).expect("is there");
    std::fs::write(&journal, &bytes[..bytes.len() - 3]).expect("can be written");
    local(async {
        assert_eq!(connect(&durable(&folder)).ask("GET k").await, text("first"));
    });
    sets(&["second", "third"]);
    let mut bytes = std::fs::read(&journal).expect("is there");
    bytes[12] ^= 1;
    std::fs::write(&journal, &bytes).expect("can be written");
    local(async {
        let config = NetConfig {
            data: Some(folder.path().into()),
            ..NetConfig::default()
        };
        let why = Server::start(config)
            .err()
            .expect("must not start")
            .to_string();
        assert!(why.contains("byte 0 of file \"journal\""), "{why}");
    });
}

#[test]
fn a_full_disk_is_told_to_the_client_and_ends_the_server() {
    let folder = Folder::new();
    local(async {
        let server = durable(&folder);
        let mut client = connect(&server);
        symlink("/dev/full", folder.path().join("journal")).expect("can be linked");
        let error = client.ask("SET k v").await;
        assert!(is_error(&error, "ERR the disk is full"), "{error:?}");
        assert_eq!(client.reply().await, None);
        assert!(server.stop().await.is_err());
    });
}

fn start(folder: &Folder) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lock-server"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("is piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("says where it listens");
    let at = line.split_whitespace().nth(3).expect("names the address");
    (child, at.trim_end_matches(',').to_string())
}

#[test]
fn what_was_answered_survives_kill_9() {
    let folder = Folder::new();
    let mut least = 0;
    for round in 0..5 {
        let (mut child, at) = start(&folder);
        local(async {
            let tcp = TcpStream::connect(&at).await.expect("connects");
            let mut client = Client::new(tcp);
            let found = match client.ask("GET counter").await {
                Frame::Bulk(text) => String::from_utf8_lossy(&text).parse().expect("a number"),
                _ => 0,
            };
            assert!(
                found >= least,
                "round {round}: {found} is there, {least} was answered"
            );
            let mut n = found;
            let started = std::time::Instant::now();
            while started.elapsed().as_millis() < 60 {
                n += 1;
                assert_eq!(client.ask(&format!("SET counter {n}")).await, ok());
                least = n;
            }
            // One more that nobody waits for: it may be there or not.
            client.send(&format!("SET counter {}", n + 1)).await;
            child.kill().expect("kill -9");
        });
        child.wait().expect("it is dead");
    }
}
