//! Requests that are too large, too many of them, connections that say nothing or nonsense.

use crate::cluster::{PATIENCE, get, local, members, put, refused, settled};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Code;

#[test]
fn a_request_that_is_too_large_is_refused_and_the_next_is_served() {
    local(async {
        let cluster = members(1, |_| {}).await;
        settled(&cluster).await;
        let mut kv = cluster[0].kv().await;
        let fits = kv.put(put("big", vec![b'x'; 1_500_000])).await;
        fits.expect("1.5 MB are within etcd's bound");
        let large = kv.put(put("large", vec![b'x'; 1_600_000])).await;
        refused(large, Code::InvalidArgument, "request is too large");
        // Beyond this it is not even decoded.
        let huge = kv.put(put("huge", vec![b'x'; 32 << 20])).await;
        assert!(huge.is_err());
        let found = kv.range(get("big")).await.expect("is served").into_inner();
        assert_eq!(found.kvs[0].value.len(), 1_500_000);
        for absent in ["large", "huge"] {
            let found = kv.range(get(absent)).await.expect("is served").into_inner();
            assert_eq!(found.count, 0, "{absent}");
        }
    });
}

#[test]
fn requests_that_wait_have_a_bound() {
    local(async {
        // One member of three: it never has a leader, so everything waits.
        let mut cluster = members(3, |config| {
            config.limits.max_pending = 8;
            config.limits.request_timeout = Duration::from_millis(500);
        })
        .await;
        for other in &mut cluster[1..] {
            other.stop();
        }
        let alone = cluster.remove(0);
        for other in cluster {
            assert_eq!(other.ended().await, Ok(()));
        }
        let kv = alone.kv().await;
        let mut puts = JoinSet::new();
        for n in 0..50 {
            let mut kv = kv.clone();
            puts.spawn(async move { kv.put(put(&format!("k{n}"), "v")).await });
        }
        let (mut too_many, mut late) = (0, 0);
        while let Some(answer) = puts.join_next().await {
            let why = answer.expect("no panic").expect_err("nobody leads");
            match why.code() {
                Code::ResourceExhausted => too_many += 1,
                Code::Unavailable => late += 1,
                _ => panic!("{why}"),
            }
        }
        assert!(late <= 8, "{late} waited");
        assert_eq!(too_many + late, 50);
        // What waited was given up, so there is room again: the next one waits, too.
        let mut kv = kv;
        refused(
            kv.put(put("again", "v")).await,
            Code::Unavailable,
            "request timed out",
        );
    });
}

#[test]
fn idle_connections_cost_nobody_an_answer_and_have_a_bound() {
    local(async {
        let most = 200;
        let cluster = members(1, |config| config.max_clients = most).await;
        settled(&cluster).await;
        let at = ("127.0.0.1", cluster[0].client);
        let mut kv = cluster[0].kv().await;
        let mut idle = Vec::new();
        // More than there is room for: the last ones wait in the listener.
        for _ in 0..most + 20 {
            idle.push(TcpStream::connect(at).await.expect("connects"));
        }
        for n in 0..50 {
            let value = n.to_string();
            kv.put(put("k", value)).await.expect("is served");
        }
        let late = cluster[0].client;
        let waits = tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", late)).await?;
            // The beginning of HTTP/2 and an empty SETTINGS; a server answers with its own.
            stream
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                .await?;
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await?;
            stream.read_u8().await
        });
        kv.put(put("k", "last")).await.expect("is served");
        assert!(!waits.is_finished(), "it is one too many");
        drop(idle);
        let served = timeout(PATIENCE, waits).await.expect("has its turn");
        served.expect("no panic").expect("is served");
    });
}

#[test]
fn nonsense_ends_its_own_connection_only() {
    local(async {
        let cluster = members(3, |_| {}).await;
        settled(&cluster).await;
        let client = cluster[0].client;
        let peer = cluster[0].peer;
        // A hello in the name of member 2, then a length of 4 GB, then one that decodes to nothing.
        let hello = [&b"ndw1"[..], &2u32.to_le_bytes()].concat();
        let long = [&hello[..], &u32::MAX.to_le_bytes()].concat();
        let empty = [&hello[..], &3u32.to_le_bytes(), &[255, 255, 255]].concat();
        for (port, bytes) in [
            (client, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            (client, vec![0xff; 100]),
            (peer, b"hello?".to_vec()),
            (peer, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            (peer, long),
            (peer, empty),
        ] {
            let stream = TcpStream::connect(("127.0.0.1", port)).await;
            let mut stream = stream.expect("connects");
            stream.write_all(&bytes).await.expect("writes");
            if bytes == b"hello?" {
                // Six bytes are no whole hello: it waits for the rest, which never comes.
                stream.shutdown().await.expect("ends");
            }
            let mut read = Vec::new();
            // A reset is an end as well.
            let _end = stream.read_to_end(&mut read).await;
        }
        let mut kv = cluster[0].kv().await;
        kv.put(put("k", "v")).await.expect("is served");
    });
}
