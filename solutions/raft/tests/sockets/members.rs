//! Members that come and go, and leadership that moves.

use crate::cluster::{
    Member, Sockets, config, get, leader, local, members, put, refused, settled, start,
};
use dist_raft::etcd::net::NetError;
use dist_raft::etcd::pb::etcdserverpb as pb;
use std::collections::BTreeMap;
use tonic::Code;

fn learner(peer: u16) -> pb::MemberAddRequest {
    pb::MemberAddRequest {
        peer_ur_ls: vec![format!("http://127.0.0.1:{peer}")],
        is_learner: true,
    }
}

async fn hash(member: &Member) -> (u32, i64) {
    let request = pb::HashKvRequest::default();
    let told = member.maintenance().await.hash_kv(request).await;
    let told = told.expect("is told").into_inner();
    (told.hash, told.header.expect("has one").revision)
}

/// Starts member 4, which joins these.
fn join(cluster: &[Member], sockets: Sockets) -> Member {
    let mut peers: BTreeMap<u32, String> = BTreeMap::new();
    for member in cluster {
        peers.insert(member.id as u32, format!("127.0.0.1:{}", member.peer));
    }
    peers.insert(4, format!("127.0.0.1:{}", sockets.peer));
    let mut config = config(4, &peers);
    config.join = true;
    config.client_urls = vec![format!("http://127.0.0.1:{}", sockets.client)];
    start(sockets, config)
}

#[test]
fn a_member_joins_through_a_snapshot_in_pieces_and_leaves() {
    local(async {
        let cluster = members(3, |config| config.limits.log_bytes = 1 << 20).await;
        settled(&cluster).await;
        let mut kv = cluster[0].kv().await;
        // Three times as much as the log may hold: who comes now needs the image, in many pieces.
        for n in 0..32 {
            let done = kv.put(put(&format!("k{n}"), vec![n; 100_000])).await;
            done.expect("is served");
        }
        let sockets = Sockets::bind().await;
        let mut admin = cluster[1].cluster().await;
        let added = admin.member_add(learner(sockets.peer)).await;
        let added = added.expect("is added").into_inner();
        let id = added.member.expect("has one").id;
        assert_eq!(id, 4);
        let twice = admin.member_add(learner(sockets.peer)).await;
        refused(twice, Code::FailedPrecondition, "Peer URLs already exists");
        // It has not even been started.
        let promote = || pb::MemberPromoteRequest { id };
        refused(
            admin.member_promote(promote()).await,
            Code::FailedPrecondition,
            "in sync with leader",
        );
        let fourth = join(&cluster, sockets);
        while let Err(why) = admin.member_promote(promote()).await {
            let behind = why.message().contains("in sync with leader");
            assert!(behind || why.code() == Code::Unavailable, "{why}");
        }
        let mut own = fourth.kv().await;
        let found = loop {
            // A voter as soon as it knows that it is one.
            match own.range(get("k31")).await {
                Ok(found) => break found.into_inner(),
                Err(why) => assert!(why.message().contains("learner"), "{why}"),
            }
        };
        assert_eq!(found.kvs[0].value, vec![31; 100_000]);
        let before = hash(&cluster[0]).await;
        while hash(&fourth).await != before {}
        refused(
            admin.member_promote(promote()).await,
            Code::FailedPrecondition,
            "can only promote a learner",
        );
        let remove = || pb::MemberRemoveRequest { id };
        admin.member_remove(remove()).await.expect("is removed");
        assert_eq!(fourth.ended().await, Err(NetError::Removed));
        refused(
            admin.member_remove(remove()).await,
            Code::NotFound,
            "member not found",
        );
        let list = admin
            .member_list(pb::MemberListRequest { linearizable: true })
            .await;
        assert_eq!(list.expect("is told").into_inner().members.len(), 3);
        kv.put(put("k", "after")).await.expect("is served");
    });
}

#[test]
fn leadership_moves_where_it_is_told_to() {
    local(async {
        let cluster = members(3, |_| {}).await;
        settled(&cluster).await;
        for _ in 0..5 {
            let from = leader(&cluster).await;
            let to = (from + 1) % cluster.len();
            let request = pb::MoveLeaderRequest {
                target_id: cluster[to].id,
            };
            let not_here = cluster[to].maintenance().await.move_leader(request).await;
            refused(not_here, Code::FailedPrecondition, "not leader");
            let moved = cluster[from].maintenance().await.move_leader(request).await;
            moved.expect("moves");
            assert_eq!(leader(&cluster).await, to);
            let mut kv = cluster[from].kv().await;
            kv.put(put("k", "v")).await.expect("is served");
        }
        let at = leader(&cluster).await;
        let nobody = pb::MoveLeaderRequest { target_id: 9 };
        let refusal = cluster[at].maintenance().await.move_leader(nobody).await;
        refused(refusal, Code::FailedPrecondition, "bad leader transferee");
    });
}
