//! The Rust crate `etcd-client` against our members. It is built only with the feature
//! `etcd-client`, for its own build needs `protoc`.

use crate::outcome::Checked;

#[cfg(not(feature = "etcd-client"))]
pub fn runs() -> Checked {
    Err(crate::outcome::Outcome::not_run(
        "the feature etcd-client",
        "install protoc (`apt-get install protobuf-compiler`) and run `cargo run -p real --features etcd-client -- raft`",
    ))
}

#[cfg(feature = "etcd-client")]
pub fn runs() -> Checked {
    use super::client::block_on;
    use super::cluster::{Cluster, Kind};
    use crate::servers::Build;

    let mut cluster = Cluster::start(Kind::Ours(Build::Dev))?;
    block_on(async {
        let endpoints: Vec<String> = cluster.endpoints().split(',').map(Into::into).collect();
        let mut client = etcd_client::Client::connect(&endpoints, None).await?;
        keys(&mut client).await?;
        leases_and_locks(&mut client).await?;
        campaign(&mut client).await?;
        let leader = cluster.leader()?;
        cluster.kill(leader);
        for n in 0..20 {
            // A member that is gone costs one request; the crate goes on with the others.
            if client.put("after", n.to_string(), None).await.is_err() {
                client = etcd_client::Client::connect(&endpoints, None).await?;
            }
        }
        let got = client.get("after", None).await?;
        crate::outcome::ensure(got.count() == 1, || {
            "nothing was written with one down".into()
        })
    })?;
    Ok(
        "keys, transactions, watch, leases, lock, campaign, observe, maintenance, and one killed"
            .into(),
    )
}

#[cfg(feature = "etcd-client")]
type Done = Result<(), crate::outcome::Outcome>;

#[cfg(feature = "etcd-client")]
async fn keys(client: &mut etcd_client::Client) -> Done {
    use crate::outcome::ensure;
    use etcd_client::{
        Compare, CompareOp, DeleteOptions, EventType, GetOptions, PutOptions, Txn, TxnOp,
        WatchOptions,
    };
    client.put("a", "1", None).await?;
    let put = client
        .put("a", "2", Some(PutOptions::new().with_prev_key()))
        .await?;
    ensure(put.prev_key().is_some_and(|kv| kv.value() == b"1"), || {
        "prev_kv".into()
    })?;
    let start = put.header().map_or(0, |header| header.revision());
    let options = WatchOptions::new()
        .with_start_revision(start)
        .with_prev_key();
    let mut watch = client.watch("a", Some(options)).await?;
    client.delete("a", Some(DeleteOptions::new())).await?;
    let (mut id, mut seen) = (0, Vec::new());
    while seen.len() < 2 {
        let Some(response) = watch.message().await? else {
            break;
        };
        id = response.watch_id();
        seen.extend(response.events().iter().map(etcd_client::Event::event_type));
    }
    ensure(seen == [EventType::Put, EventType::Delete], || {
        format!("watched {seen:?}")
    })?;
    watch.cancel(id).await?;
    while !watch.message().await?.is_none_or(|told| told.canceled()) {}
    let txn = Txn::new()
        .when(vec![Compare::version("a", CompareOp::Equal, 0)])
        .and_then(vec![TxnOp::put("a", "3", None), TxnOp::get("a", None)])
        .or_else(vec![]);
    let done = client.txn(txn).await?;
    ensure(done.succeeded() && done.op_responses().len() == 2, || {
        "txn".into()
    })?;
    let all = client
        .get("", Some(GetOptions::new().with_all_keys()))
        .await?;
    ensure(all.count() >= 1, || "get of all".into())?;
    let status = client.status().await?;
    ensure(status.leader() > 0 && !status.version().is_empty(), || {
        "status".into()
    })?;
    ensure(client.member_list().await?.members().len() == 3, || {
        "member list".into()
    })?;
    let mut copy = client.snapshot().await?;
    let mut len = 0;
    while let Some(piece) = copy.message().await? {
        len += piece.blob().len();
    }
    ensure(len % 512 == 32, || format!("a copy of {len} bytes"))
}

#[cfg(feature = "etcd-client")]
async fn leases_and_locks(client: &mut etcd_client::Client) -> Done {
    use crate::outcome::ensure;
    use etcd_client::{LockOptions, PutOptions};
    let lease = client.lease_grant(30, None).await?.id();
    client
        .put("leased", "x", Some(PutOptions::new().with_lease(lease)))
        .await?;
    let (mut keeper, mut answers) = client.lease_keep_alive(lease).await?;
    keeper.keep_alive().await?;
    let kept = answers.message().await?;
    ensure(kept.is_some_and(|kept| kept.ttl() == 30), || {
        "keep alive".into()
    })?;
    let life = client.lease_time_to_live(lease, None).await?;
    ensure(life.granted_ttl() == 30, || "time to live".into())?;
    let held = client
        .lock("lock", Some(LockOptions::new().with_lease(lease)))
        .await?;
    let mut other = client.clone();
    let waiting = tokio::spawn(async move { other.lock("lock", None).await });
    client.unlock(held.key()).await?;
    let second = waiting.await??;
    ensure(second.key() != held.key(), || "two have one lock".into())?;
    client.lease_revoke(lease).await?;
    ensure(client.get("leased", None).await?.count() == 0, || {
        "revoke".into()
    })
}

#[cfg(feature = "etcd-client")]
async fn campaign(client: &mut etcd_client::Client) -> Done {
    use crate::outcome::ensure;
    use etcd_client::{ProclaimOptions, ResignOptions};
    let lease = client.lease_grant(30, None).await?.id();
    let won = client.campaign("post", "me", lease).await?;
    let Some(key) = won.leader().cloned() else {
        return crate::outcome::fail("campaign told no key");
    };
    let mut observer = client.observe("post").await?;
    let options = ProclaimOptions::new().with_leader(key.clone());
    client.proclaim("still me", Some(options)).await?;
    let leader = client.leader("post").await?;
    ensure(
        leader.kv().is_some_and(|kv| kv.value() == b"still me"),
        || "leader".into(),
    )?;
    let seen = observer.message().await?;
    ensure(seen.is_some(), || "observe".into())?;
    client
        .resign(Some(ResignOptions::new().with_leader(key)))
        .await?;
    ensure(client.leader("post").await.is_err(), || "resign".into())
}
