//! `LOCK.*`: tokens and the fair queue.

use crate::client::{connect, int, is_error, ok, paused, server, text};
use dist_lock::wire::Frame;
use std::time::Duration;
use tokio::time::{Instant, advance};

#[test]
fn tokens_grow_with_each_grant_and_prove_ownership() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        assert_eq!(client.ask("LOCK.ACQUIRE l a PX 1000").await, int(1));
        assert_eq!(client.ask("LOCK.ACQUIRE l b PX 1000").await, Frame::Null);
        assert_eq!(client.ask("GET l").await, text("a"));
        assert_eq!(client.ask("LOCK.RENEW l 2 PX 5000").await, int(0));
        assert_eq!(client.ask("LOCK.RENEW l 1 px 5000").await, int(1));
        assert_eq!(client.ask("PTTL l").await, int(5000));
        assert_eq!(client.ask("LOCK.RELEASE l 2").await, int(0));
        assert_eq!(client.ask("LOCK.RELEASE l 1").await, int(1));
        assert_eq!(client.ask("LOCK.RENEW l 1 PX 5000").await, int(0));
        assert_eq!(client.ask("SET l c NX PX 10").await, ok());
        assert_eq!(client.ask("LOCK.ACQUIRE l b PX 1000").await, Frame::Null);
        advance(Duration::from_millis(10)).await;
        assert_eq!(client.ask("LOCK.ACQUIRE l b PX 1000").await, int(3));
    });
}

#[test]
fn mistakes_are_named() {
    paused(async {
        let server = server();
        let mut client = connect(&server);
        for (command, begins) in [
            (
                "LOCK.ACQUIRE l a",
                "ERR wrong number of arguments for 'lock.acquire'",
            ),
            ("LOCK.ACQUIRE l a PX x", "ERR value is not an integer"),
            ("LOCK.ACQUIRE l a WAIT 5", "ERR syntax error"),
            ("LOCK.ACQUIRE l a PX 5 PX 6", "ERR syntax error"),
            ("LOCK.ACQUIRE l a PX 5 WAIT", "ERR syntax error"),
            ("LOCK.ACQUIRE l a PX 0", "ERR invalid time"),
            ("LOCK.ACQUIRE l a PX 5 WAIT -1", "ERR invalid time"),
            ("LOCK.RENEW l x PX 5", "ERR value is not an integer"),
            ("LOCK.RENEW l 1 EX 5", "ERR syntax error"),
            ("LOCK.RELEASE l -1", "ERR value is not an integer"),
            (
                "EVAL 'return redis.call(\"lock.acquire\",\"l\",\"a\",\"px\",5,\"wait\",5)' 0",
                "ERR LOCK.ACQUIRE with WAIT",
            ),
        ] {
            let reply = client.ask(command).await;
            assert!(is_error(&reply, begins), "{command}: {reply:?}");
        }
    });
}

#[test]
fn one_release_wakes_the_first_who_waits_and_nobody_else() {
    paused(async {
        let server = server();
        let mut holder = connect(&server);
        assert_eq!(holder.ask("LOCK.ACQUIRE l holder PX 60000").await, int(1));
        let mut waiters = Vec::new();
        for i in 0..3 {
            let mut waiter = connect(&server);
            waiter
                .send(&format!("LOCK.ACQUIRE l w{i} WAIT 30000 PX 60000"))
                .await;
            tokio::task::yield_now().await;
            advance(Duration::from_millis(1)).await;
            waiters.push(waiter);
        }
        assert_eq!(holder.ask("LOCK.RELEASE l 1").await, int(1));
        for (i, waiter) in waiters.iter_mut().enumerate() {
            let token = 2 + i as i64;
            assert_eq!(waiter.reply().await, Some(int(token)));
            assert_eq!(holder.ask("GET l").await, text(&format!("w{i}")));
            assert_eq!(waiter.ask(&format!("LOCK.RELEASE l {token}")).await, int(1));
        }
    });
}

#[test]
fn a_wait_ends_with_nil_when_its_time_is_over_and_with_a_grant_when_a_lease_ends() {
    paused(async {
        let server = server();
        let (mut a, mut b) = (connect(&server), connect(&server));
        let started = Instant::now();
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 1000").await, int(1));
        assert_eq!(
            b.ask("LOCK.ACQUIRE l b PX 1000 WAIT 400").await,
            Frame::Null
        );
        assert_eq!(started.elapsed().as_millis(), 400);
        assert_eq!(b.ask("LOCK.ACQUIRE l b PX 1000 WAIT 5000").await, int(2));
        assert_eq!(started.elapsed().as_millis(), 1000);
        // No time to wait is no place in the queue.
        assert_eq!(a.ask("LOCK.ACQUIRE m a PX 1000 WAIT 0").await, int(3));
        assert_eq!(b.ask("LOCK.ACQUIRE m b PX 1000 WAIT 0").await, Frame::Null);
    });
}

#[test]
fn commands_behind_one_that_waits_wait_too_and_those_before_it_are_answered() {
    paused(async {
        let server = server();
        let (mut a, mut b) = (connect(&server), connect(&server));
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 1000").await, int(1));
        for command in [
            "PING",
            "LOCK.ACQUIRE l b PX 1000 WAIT 5000",
            "GET l",
            "HELLO 3",
            "GET no",
        ] {
            b.send(command).await;
        }
        assert_eq!(b.reply().await, Some(Frame::simple("PONG")));
        assert_eq!(a.ask("GET l").await, text("a"));
        assert_eq!(a.ask("DEL l").await, int(1));
        assert_eq!(b.reply().await, Some(int(2)));
        assert_eq!(b.reply().await, Some(text("b")));
        assert!(matches!(b.reply().await, Some(Frame::Map(_))));
        assert_eq!(b.reply().await, Some(Frame::Null));
    });
}

#[test]
fn a_client_that_goes_away_leaves_the_queue() {
    paused(async {
        let server = server();
        let (mut a, mut gone, mut c) = (connect(&server), connect(&server), connect(&server));
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 60000").await, int(1));
        gone.send("LOCK.ACQUIRE l gone PX 60000 WAIT 50000").await;
        tokio::task::yield_now().await;
        advance(Duration::from_millis(1)).await;
        c.send("LOCK.ACQUIRE l c PX 60000 WAIT 50000").await;
        drop(gone);
        advance(Duration::from_millis(1)).await;
        assert_eq!(a.ask("LOCK.RELEASE l 1").await, int(1));
        assert_eq!(c.reply().await, Some(int(2)));
        assert_eq!(a.ask("GET l").await, text("c"));
    });
}

#[test]
fn a_waiter_that_asks_again_on_another_connection_keeps_its_place() {
    paused(async {
        let server = server();
        let (mut a, mut b, mut again) = (connect(&server), connect(&server), connect(&server));
        assert_eq!(a.ask("LOCK.ACQUIRE l a PX 60000").await, int(1));
        b.send("LOCK.ACQUIRE l b PX 60000 WAIT 50000").await;
        tokio::task::yield_now().await;
        advance(Duration::from_millis(1)).await;
        again.send("LOCK.ACQUIRE l b PX 60000 WAIT 50000").await;
        assert_eq!(b.reply().await, Some(Frame::Null));
        assert_eq!(a.ask("LOCK.RELEASE l 1").await, int(1));
        assert_eq!(again.reply().await, Some(int(2)));
    });
}
