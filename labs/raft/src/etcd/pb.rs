//! The protobuf messages and service traits, generated from `proto/*.proto` and committed: building
//! needs no `protoc`. `cargo run -p real -- raft proto --write` writes them anew.
#![allow(missing_docs, rustdoc::all, clippy::all, clippy::too_many_lines)]

/// Keys and events.
pub mod mvccpb {
    include!("pb/mvccpb.in");
}
/// The services of etcd's v3 API.
pub mod etcdserverpb {
    include!("pb/etcdserverpb.in");
}
/// Locks that the server takes for its client.
pub mod v3lockpb {
    include!("pb/v3lockpb.in");
}
/// Elections that the server holds for its client.
pub mod v3electionpb {
    include!("pb/v3electionpb.in");
}
