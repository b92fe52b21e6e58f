//! Watches: a client that does not read, revisions that are gone, and leases' keys.

use crate::cluster::{Member, get, local, members, put, refused, settled};
use dist_raft::etcd::pb::etcdserverpb as pb;
use pb::watch_client::WatchClient;
use pb::watch_request::RequestUnion;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

/// One stream of watches.
pub struct Watches {
    asks: mpsc::Sender<pb::WatchRequest>,
    pub answers: Streaming<pb::WatchResponse>,
}

impl Watches {
    /// Opens a stream with a first watch on it, and waits until that stands.
    pub async fn open(member: &Member, key: &str, from: i64) -> Watches {
        let (asks, requests) = mpsc::channel(16);
        asks.send(create(key, from)).await.expect("is taken");
        let mut client = WatchClient::new(member.channel().await);
        let answers = client.watch(ReceiverStream::new(requests)).await;
        let answers = answers.expect("opens").into_inner();
        let mut watches = Watches { asks, answers };
        assert!(watches.next().await.created);
        watches
    }

    pub async fn add(&self, key: &str, from: i64) {
        self.asks.send(create(key, from)).await.expect("is taken");
    }

    pub async fn next(&mut self) -> pb::WatchResponse {
        let answer = self.answers.message().await;
        answer.expect("goes on").expect("has not ended")
    }
}

fn create(key: &str, start_revision: i64) -> pb::WatchRequest {
    let create = pb::WatchCreateRequest {
        key: key.into(),
        start_revision,
        ..pb::WatchCreateRequest::default()
    };
    pb::WatchRequest {
        request_union: Some(RequestUnion::CreateRequest(create)),
    }
}

#[test]
fn a_watcher_that_does_not_read_misses_nothing_and_holds_up_nobody() {
    local(async {
        let cluster = members(1, |_| {}).await;
        settled(&cluster).await;
        let mut slow = Watches::open(&cluster[0], "k", 0).await;
        let mut quick = Watches::open(&cluster[0], "k", 0).await;
        let mut kv = cluster[0].kv().await;
        // More than the connection's window and the server's queue for one watch hold.
        const PUTS: usize = 6_000;
        let mut first = 0;
        for n in 0..PUTS {
            let value = format!("{n:0200}");
            let done = kv.put(put("k", value)).await.expect("is served");
            let revision = done.into_inner().header.expect("has one").revision;
            first = if n == 0 { revision } else { first };
            let seen = quick.next().await;
            let seen = seen.events[0].kv.as_ref().expect("has one").mod_revision;
            assert_eq!(seen, revision, "the quick one is up to date");
        }
        let mut next = first;
        while next < first + PUTS as i64 {
            for event in slow.next().await.events {
                let kv = event.kv.expect("has one");
                assert_eq!(kv.mod_revision, next, "in order, each once");
                next += 1;
            }
        }
    });
}

#[test]
fn what_was_compacted_is_refused_and_the_rest_is_not() {
    local(async {
        let cluster = members(3, |_| {}).await;
        settled(&cluster).await;
        let mut kv = cluster[1].kv().await;
        let mut revisions = Vec::new();
        for n in 0..5 {
            let done = kv.put(put("k", n.to_string())).await.expect("is served");
            revisions.push(done.into_inner().header.expect("has one").revision);
        }
        let at = |revision| pb::RangeRequest {
            revision,
            ..get("k")
        };
        let compact = |revision| pb::CompactionRequest {
            revision,
            physical: true,
        };
        kv.compact(compact(revisions[2])).await.expect("is done");
        let gone = "required revision has been compacted";
        refused(kv.range(at(revisions[1])).await, Code::OutOfRange, gone);
        refused(
            kv.compact(compact(revisions[1])).await,
            Code::OutOfRange,
            gone,
        );
        let future = "required revision is a future revision";
        refused(
            kv.range(at(revisions[4] + 9)).await,
            Code::OutOfRange,
            future,
        );
        refused(
            kv.compact(compact(revisions[4] + 9)).await,
            Code::OutOfRange,
            future,
        );
        // At the revision itself, everything can be read; at each member.
        for member in &cluster {
            let mut kv = member.kv().await;
            let found = kv.range(at(revisions[2])).await.expect("is served");
            assert_eq!(found.into_inner().kvs[0].value, b"2");
        }
        let mut watches = Watches::open(&cluster[0], "k", revisions[2]).await;
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let events = watches.next().await.events;
            seen.extend(
                events
                    .into_iter()
                    .map(|e| e.kv.expect("has one").mod_revision),
            );
        }
        assert_eq!(seen, revisions[2..]);
        watches.add("k", revisions[0]).await;
        let mut told = watches.next().await;
        if told.created && !told.canceled {
            told = watches.next().await;
        }
        assert!(told.canceled);
        assert_eq!(told.compact_revision, revisions[2]);
    });
}

#[test]
fn a_watch_goes_on_at_another_member() {
    local(async {
        let mut cluster = members(3, |_| {}).await;
        settled(&cluster).await;
        let mut watches = Watches::open(&cluster[0], "k", 0).await;
        let mut kv = cluster[1].kv().await;
        kv.put(put("k", "1")).await.expect("is served");
        let first = watches.next().await;
        let seen = first.header.expect("has one").revision;
        let mut gone = cluster.remove(0);
        gone.stop();
        assert!(watches.answers.message().await.is_err());
        assert_eq!(gone.ended().await, Ok(()));
        while kv.put(put("k", "2")).await.is_err() {}
        let mut watches = Watches::open(&cluster[1], "k", seen + 1).await;
        let told = watches.next().await;
        assert_eq!(told.events[0].kv.as_ref().expect("has one").value, b"2");
    });
}
