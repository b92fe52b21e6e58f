//! A small client over the generated code: what the histories and the bench need, and no retry
//! that would hide what became of a request.

use crate::outcome::Outcome;
use raft_solution::etcd::pb::etcdserverpb as pb;
use raft_solution::etcd::pb::etcdserverpb::kv_client::KvClient;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// One client at one member.
pub struct Client {
    kv: KvClient<Channel>,
}

/// A key's value and how often it was put since it was made.
pub type Seen = Option<(Vec<u8>, i64)>;

fn seen(kv: Option<raft_solution::etcd::pb::mvccpb::KeyValue>) -> Seen {
    kv.map(|kv| (kv.value, kv.version))
}

impl Client {
    /// Connects to `127.0.0.1:port`.
    pub async fn connect(port: u16) -> Result<Client, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"))?
            .connect_timeout(Duration::from_millis(500))
            .tcp_nodelay(true)
            .timeout(PATIENCE);
        let channel = endpoint.connect().await?;
        Ok(Client {
            kv: KvClient::new(channel),
        })
    }

    /// Sets a key; answers what was there before.
    pub async fn put(&mut self, key: &[u8], value: Vec<u8>) -> Result<Seen, tonic::Status> {
        let request = pb::PutRequest {
            key: key.to_vec(),
            value,
            prev_kv: true,
            ..pb::PutRequest::default()
        };
        Ok(seen(self.kv.put(request).await?.into_inner().prev_kv))
    }

    /// Sets a key and asks for nothing else.
    pub async fn set(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), tonic::Status> {
        let request = pb::PutRequest {
            key,
            value,
            ..pb::PutRequest::default()
        };
        self.kv.put(request).await.map(|_| ())
    }

    /// Reads a key.
    pub async fn get(&mut self, key: &[u8]) -> Result<Seen, tonic::Status> {
        let request = pb::RangeRequest {
            key: key.to_vec(),
            ..pb::RangeRequest::default()
        };
        Ok(seen(self.kv.range(request).await?.into_inner().kvs.pop()))
    }

    /// Deletes a key; answers what was there before.
    pub async fn delete(&mut self, key: &[u8]) -> Result<Seen, tonic::Status> {
        let request = pb::DeleteRangeRequest {
            key: key.to_vec(),
            prev_kv: true,
            ..pb::DeleteRangeRequest::default()
        };
        let mut gone = self.kv.delete_range(request).await?.into_inner().prev_kvs;
        Ok(seen(gone.pop()))
    }

    /// Sets a key if it does not exist; answers whether it did not.
    pub async fn make(&mut self, key: &[u8], value: Vec<u8>) -> Result<bool, tonic::Status> {
        use pb::compare::{CompareResult, CompareTarget, TargetUnion};
        let put = pb::PutRequest {
            key: key.to_vec(),
            value,
            ..pb::PutRequest::default()
        };
        let request = pb::TxnRequest {
            compare: vec![pb::Compare {
                result: CompareResult::Equal.into(),
                target: CompareTarget::Create.into(),
                key: key.to_vec(),
                range_end: Vec::new(),
                target_union: Some(TargetUnion::CreateRevision(0)),
            }],
            success: vec![pb::RequestOp {
                request: Some(pb::request_op::Request::RequestPut(put)),
            }],
            failure: Vec::new(),
        };
        Ok(self.kv.txn(request).await?.into_inner().succeeded)
    }
}

/// Runs this on one thread, with as many tasks as it likes.
pub fn block_on<T>(future: impl Future<Output = Result<T, Outcome>>) -> Result<T, Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, future)
}
