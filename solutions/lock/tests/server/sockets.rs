//! Connections: pieces, pipelines, bad input, slow readers, too many clients, the end.

use crate::client::{
    Client, connect, encode, int, is_error, local, ok, pass, paused, server, text,
};
use dist_lock::net::{NetConfig, Server, run};
use dist_lock::wire::Frame;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

#[test]
fn a_scripted_stream_cut_at_every_byte_gets_the_same_replies() {
    paused(async {
        let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\nGET k\r\n*1\r\n$4\r\nPING\r\n";
        let replies = b"+OK\r\n$2\r\n\r\n\r\n+PONG\r\n";
        for at in 0..=bytes.len() {
            let (a, b) = bytes.split_at(at);
            let (near, far) = duplex(1024);
            let server = server();
            tokio::task::spawn_local(async move { server.talk(far).await });
            let (mut reader, mut writer) = tokio::io::split(near);
            writer.write_all(a).await.expect("writes");
            tokio::task::yield_now().await;
            writer.write_all(b).await.expect("writes");
            let mut got = vec![0; replies.len()];
            reader.read_exact(&mut got).await.expect("reads");
            assert_eq!(got, replies, "cut at {at}");
        }
    });
}

#[test]
fn a_mock_that_checks_each_write_is_answered_as_scripted() {
    paused(async {
        let server = server();
        let stream = tokio_test::io::Builder::new()
            .read(b"*1\r\n$4\r\nPI")
            .read(b"NG\r\n*1\r\n$4\r\nPING\r\n")
            .write(b"+PONG\r\n+PONG\r\n")
            .wait(Duration::from_secs(3600))
            .read(b"GET a\r\nHELLO\r\n*1\r\n$9999999\r\n")
            .write(b"$-1\r\n*14\r\n$6\r\nserver\r\n$11\r\nlock-server\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n")
            .write(b"$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n")
            .write(b"$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n")
            .write(b"-ERR Protocol error: invalid bulk length\r\n")
            .build();
        server.talk(stream).await;
    });
}

#[test]
fn bad_input_is_answered_after_what_came_before_it_and_then_closed() {
    paused(async {
        let server = server();
        for (bytes, says) in [
            (
                &b"*1\r\n$-5\r\n"[..],
                "ERR Protocol error: invalid bulk length",
            ),
            (
                b"*99999999\r\n",
                "ERR Protocol error: invalid multibulk length",
            ),
            (b"*1\r\n!3\r\n", "ERR Protocol error: expected '$', got '!'"),
            (b"set \"x\r\n", "ERR Protocol error: unbalanced quotes"),
        ] {
            let mut client = connect(&server);
            client
                .stream
                .write_all(b"SET k v\r\n")
                .await
                .expect("writes");
            client.stream.write_all(bytes).await.expect("writes");
            assert_eq!(client.reply().await, Some(ok()));
            let error = client.reply().await.expect("an error comes");
            assert!(is_error(&error, says), "{error:?}");
            assert_eq!(client.reply().await, None);
        }
    });
}

#[test]
fn a_long_pipeline_is_answered_in_order() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        let mut bytes = Vec::new();
        for i in 0..20_000 {
            bytes.extend(encode(&["SET", "k", &i.to_string()]));
            bytes.extend(encode(&["GET", "k"]));
        }
        let (mut reader, mut writer) = tokio::io::split(client.stream);
        tokio::task::spawn_local(async move { writer.write_all(&bytes).await });
        let mut all = Vec::new();
        let mut replies = 0;
        let mut decoder = dist_lock::wire::Decoder::default();
        while replies < 40_000 {
            assert!(reader.read_buf(&mut all).await.expect("reads") > 0);
            let mut used = 0;
            while let (n, Some(frame)) = decoder.advance(&all[used..]).expect("is RESP") {
                used += n;
                let expected = if replies % 2 == 0 {
                    ok()
                } else {
                    text(&(replies / 2).to_string())
                };
                assert_eq!(frame, expected);
                replies += 1;
            }
            all.drain(..used);
        }
        client = connect(&server);
        assert_eq!(client.ask("DBSIZE").await, int(1));
    });
}

/// Asks for far more than it reads.
async fn slow_reader(server: &Server, value: usize) -> Client<tokio::io::DuplexStream> {
    let mut client = connect(server);
    client
        .stream
        .write_all(&encode(&["SET", "big", &"x".repeat(value)]))
        .await
        .expect("writes");
    assert_eq!(client.reply().await, Some(ok()));
    let get = encode(&["GET", "big"]).repeat(2000);
    client.stream.write_all(&get).await.expect("writes");
    client
}

#[test]
fn a_client_that_reads_slowly_gets_everything_if_it_reads_in_time() {
    paused(async {
        let server = server();
        let mut client = slow_reader(&server, 20_000).await;
        for _ in 0..2000 {
            assert!(matches!(client.reply().await, Some(Frame::Bulk(v)) if v.len() == 20_000));
            pass(Duration::from_millis(1)).await;
        }
    });
}

#[test]
fn a_client_that_reads_nothing_is_closed_and_the_others_are_served() {
    paused(async {
        let server = server();
        let mut slow = slow_reader(&server, 400_000).await;
        let mut other = connect(&server);
        assert_eq!(other.ask("PING").await, Frame::simple("PONG"));
        pass(Duration::from_secs(11)).await;
        let mut read = Vec::new();
        slow.stream.read_to_end(&mut read).await.expect("reads");
        assert!(
            read.len() < 4 << 20,
            "{} bytes were kept for it",
            read.len()
        );
        assert_eq!(other.ask("PING").await, Frame::simple("PONG"));
    });
}

#[test]
fn half_sent_commands_have_a_common_limit() {
    paused(async {
        let config = NetConfig {
            max_buffered: 1 << 20,
            ..NetConfig::default()
        };
        let server = Server::start(config).expect("starts");
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut client = connect(&server);
            let half = [
                b"*2\r\n$3\r\nGET\r\n$400000\r\n".to_vec(),
                vec![b'x'; 300_000],
            ]
            .concat();
            client.stream.write_all(&half).await.expect("writes");
            clients.push(client);
        }
        pass(Duration::from_secs(2)).await;
        let mut refused = 0;
        for mut client in clients {
            let reply = tokio::time::timeout(Duration::from_millis(10), client.reply()).await;
            if let Ok(Some(error)) = reply {
                assert!(is_error(&error, "ERR the server holds too much"));
                refused += 1;
            }
        }
        assert!((1..8).contains(&refused), "{refused} were refused");
        assert_eq!(connect(&server).ask("PING").await, Frame::simple("PONG"));
    });
}

#[test]
fn beyond_the_limit_of_clients_one_is_told_and_closed() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let at = listener.local_addr().expect("has one");
        let config = NetConfig {
            max_clients: 2,
            ..NetConfig::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::task::spawn_local(run(listener, config, stopped));
        let tcp = || async { Client::new(TcpStream::connect(at).await.expect("connects")) };
        let (mut a, mut b) = (tcp().await, tcp().await);
        assert_eq!(a.ask("PING").await, Frame::simple("PONG"));
        assert_eq!(b.ask("PING").await, Frame::simple("PONG"));
        let mut c = tcp().await;
        let error = c.reply().await.expect("is told");
        assert!(is_error(&error, "ERR max number of clients"), "{error:?}");
        assert_eq!(c.reply().await, None);
        drop(a);
        loop {
            let mut d = tcp().await;
            d.send("PING").await;
            if d.reply().await == Some(Frame::simple("PONG")) {
                break;
            }
        }
        stop.send(()).expect("the server runs");
        assert_eq!(server.await.expect("no panic"), Ok(()));
        assert_eq!(b.reply().await, None);
    });
}
