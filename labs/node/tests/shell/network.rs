//! Messages between nodes over TCP.

use crate::local;
use crate::toy::{Hello, Op, Toy, boot};
use node::Addr;
use node::shell::{Shell, ShellConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const MAX_FRAME: usize = 1024;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let socket = listener.local_addr().expect("has one").to_string();
    (listener, socket)
}

fn node_at(me: u32, peers: &[(u32, &String)]) -> Shell<Toy> {
    let mut config = ShellConfig::new(Addr(me));
    config.peers = peers
        .iter()
        .map(|(a, s)| (Addr(*a), (*s).clone()))
        .collect();
    boot(config).expect("boots")
}

#[test]
fn messages_to_an_address_in_this_process_take_no_socket() {
    local(async {
        let one = node_at(1, &[]);
        let (queue, mut routed) = tokio::sync::mpsc::unbounded_channel();
        one.route(Addr(2), move |msg: Hello| {
            queue.send(msg).expect("is taken")
        });
        assert_eq!(one.call(Op::Greet(Addr(2), 7)).await, Ok(7));
        assert_eq!(routed.recv().await, Some(Hello(7)));
    });
}

async fn until(mut done: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !done() {
        assert!(started.elapsed().as_secs() < 10, "it never happened");
        tokio::task::yield_now().await;
    }
}

#[test]
fn messages_arrive_in_order_and_a_node_may_write_to_itself() {
    local(async {
        let (listener, socket) = listener().await;
        let one = node_at(1, &[(2, &socket)]);
        let two = node_at(2, &[]);
        let serving = two.clone();
        tokio::task::spawn_local(async move { serving.listen(listener, MAX_FRAME).await });
        for n in 0..100 {
            assert_eq!(one.call(Op::Greet(Addr(2), n)).await, Ok(n));
        }
        assert_eq!(one.call(Op::Greet(Addr(1), 7)).await, Ok(7));
        until(|| two.view().heard.len() == 100 && one.view().heard.len() == 1).await;
        let expected: Vec<_> = (0..100).map(|n| (Addr(1), n)).collect();
        assert_eq!(two.view().heard, expected);
    });
}

#[test]
fn a_peer_that_comes_back_is_reached_again() {
    local(async {
        let (first, socket) = listener().await;
        let one = node_at(1, &[(2, &socket)]);
        let (mut stream, _) = first.accept().await.expect("one connects");
        let mut hello = [0; 8];
        stream.read_exact(&mut hello).await.expect("a hello comes");
        drop((stream, first));
        let again = TcpListener::bind(&socket).await.expect("binds again");
        let two = node_at(2, &[]);
        let serving = two.clone();
        tokio::task::spawn_local(async move { serving.listen(again, MAX_FRAME).await });
        until(|| {
            assert!(one.ask(Op::Greet(Addr(2), 1)).is_ok());
            !two.view().heard.is_empty()
        })
        .await;
    });
}

#[test]
fn what_does_not_fit_a_queue_is_dropped_and_nobody_waits() {
    local(async {
        let (_nobody_accepts, socket) = listener().await;
        let one = node_at(1, &[(2, &socket)]);
        for n in 0..100_000 {
            assert_eq!(one.call(Op::Greet(Addr(2), n)).await, Ok(n));
        }
    });
}

#[test]
fn a_frame_that_is_too_long_or_no_message_ends_its_connection_only() {
    local(async {
        let (listener, socket) = listener().await;
        let two = node_at(2, &[]);
        let serving = two.clone();
        tokio::task::spawn_local(async move { serving.listen(listener, MAX_FRAME).await });
        let bad: [&[u8]; 3] = [
            b"GET / HTTP/1.1\r\n\r\n",
            b"ndw1\x01\0\0\0\xff\xff\xff\xff",
            {
                // Two bytes where one is a whole message.
                b"ndw1\x01\0\0\0\x02\0\0\0\x01\x01"
            },
        ];
        for bytes in bad {
            let mut stream = TcpStream::connect(&socket).await.expect("connects");
            stream.write_all(bytes).await.expect("writes");
            let mut rest = Vec::new();
            let end = stream.read_to_end(&mut rest).await;
            assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        }
        let mut good = TcpStream::connect(&socket).await.expect("connects");
        for byte in b"ndw1\x01\0\0\0\x01\0\0\0\x2a" {
            good.write_all(&[*byte]).await.expect("writes");
        }
        until(|| two.view().heard == [(Addr(1), 42)]).await;
    });
}
