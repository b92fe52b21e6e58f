//! First contact: a configuration key on a cluster of three, put, watched, read.
//!
//! Start three members (the page says how), then
//! `cargo run -p real --features etcd-client --example first_contact_raft`; other addresses than
//! 127.0.0.1:2379, 22379 and 32379 go behind `--`.

use etcd_client::{Client, Error, PutOptions, WatchOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut endpoints: Vec<String> = std::env::args().skip(1).collect();
    if endpoints.is_empty() {
        endpoints = [2379, 22379, 32379]
            .map(|port| format!("127.0.0.1:{port}"))
            .into();
    }
    // Any member will do: one that does not lead asks the one that does.
    let mut client = Client::connect(&endpoints, None).await?;

    let put = client.put("config/limit", "100", None).await?;
    let revision = put.header().map_or(0, |header| header.revision());
    println!("put at revision {revision}");

    // From the revision on, so that no change is missed, whenever the watch stands.
    let from = WatchOptions::new().with_start_revision(revision);
    let mut watch = client.watch("config/limit", Some(from)).await?;

    let options = PutOptions::new().with_prev_key();
    let put = client.put("config/limit", "200", Some(options)).await?;
    println!(
        "before it was {:?}",
        put.prev_key().map(|kv| kv.value_str())
    );

    let mut seen = 0;
    while seen < 2 {
        let Some(response) = watch.message().await? else {
            break;
        };
        for event in response.events() {
            println!("watched {:?}", event.kv().map(|kv| kv.value_str()));
            seen += 1;
        }
    }

    // Linearizable unless one asks for less: this read sees every put that was answered before it.
    let got = client.get("config/limit", None).await?;
    println!("read {:?}", got.kvs().first().map(|kv| kv.value_str()));
    Ok(())
}
