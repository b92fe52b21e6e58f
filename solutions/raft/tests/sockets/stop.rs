//! A member that is asked to stop: it hands over, finishes what was begun, and loses nothing.

use crate::cluster::{Folder, get, leader, local, members, put, settled};
use dist_raft::etcd::pb::etcdserverpb as pb;
use pb::watch_client::WatchClient;
use std::collections::BTreeMap;
use tokio::task::JoinSet;
use tonic::Code;

#[test]
fn a_leader_that_stops_hands_over_and_loses_no_answer() {
    local(async {
        let mut cluster = members(3, |config| {
            // So long that no election can explain who leads next.
            config.election_timeout = std::time::Duration::from_secs(2);
            config.heartbeat = std::time::Duration::from_millis(50);
        })
        .await;
        settled(&cluster).await;
        let at = leader(&cluster).await;
        let term = cluster[at].status().await.raft_term;
        let kv = cluster[at].kv().await;
        let mut watch = WatchClient::new(cluster[at].channel().await);
        let (asks, requests) = tokio::sync::mpsc::channel(1);
        let create = pb::WatchCreateRequest {
            key: b"k".to_vec(),
            ..pb::WatchCreateRequest::default()
        };
        let create = pb::watch_request::RequestUnion::CreateRequest(create);
        let create = pb::WatchRequest {
            request_union: Some(create),
        };
        asks.send(create).await.expect("is taken");
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        let mut watch = watch.watch(requests).await.expect("opens").into_inner();
        assert!(watch.message().await.expect("stands").expect("one").created);

        let mut puts = JoinSet::new();
        for client in 0..8 {
            let mut kv = kv.clone();
            puts.spawn(async move {
                let mut done = 0;
                // Until it is told that this member stops.
                while kv
                    .put(put(&format!("p{client}"), format!("{}", done + 1)))
                    .await
                    .is_ok()
                {
                    done += 1;
                }
                (client, done)
            });
        }
        let mut kv = kv;
        while kv
            .range(get("p0"))
            .await
            .expect("is served")
            .into_inner()
            .count
            == 0
        {}
        let mut stopped = cluster.remove(at);
        stopped.stop();
        let mut done = BTreeMap::new();
        while let Some(ended) = puts.join_next().await {
            let (client, count) = ended.expect("no panic");
            done.insert(client, count);
        }
        let told = watch.message().await.expect_err("the stream ends");
        assert_eq!(told.code(), Code::Unavailable, "{told}");
        assert_eq!(stopped.ended().await, Ok(()));
        let next = leader(&cluster).await;
        assert!(cluster[next].status().await.raft_term > term);
        let mut kv = cluster[0].kv().await;
        for (client, count) in done {
            let found = kv.range(get(&format!("p{client}"))).await;
            let found = found.expect("is served").into_inner();
            let there: u64 = found.kvs.first().map_or(0, |kv| {
                let text = String::from_utf8_lossy(&kv.value);
                text.parse().expect("a number")
            });
            assert!(
                there >= count,
                "{client}: {count} was answered, {there} is there"
            );
        }
    });
}

#[test]
fn all_stop_and_start_again_with_what_they_had() {
    let folder = Folder::new("again");
    let mut revision = 0;
    for round in 0..3 {
        local(async {
            let mut cluster = members(3, |config| {
                config.data = Some(folder.path().join(config.id.to_string()));
                // Images and logs that are cut short are part of it.
                config.limits.log_bytes = 4 << 10;
            })
            .await;
            settled(&cluster).await;
            let mut kv = cluster[round].kv().await;
            let before = kv
                .range(get("counter"))
                .await
                .expect("is served")
                .into_inner();
            let header = before.header.expect("has one");
            assert!(header.revision > revision, "a revision was lost");
            let there = before.kvs.first().map_or(0, |kv| kv.version);
            assert_eq!(there, round as i64 * 40);
            for n in 0..40 {
                let put = put("counter", format!("{n}{}", "x".repeat(200)));
                let done = kv.put(put).await.expect("is served").into_inner();
                revision = done.header.expect("has one").revision;
            }
            for member in &mut cluster {
                member.stop();
            }
            for member in cluster {
                assert_eq!(member.ended().await, Ok(()));
            }
        });
    }
}
