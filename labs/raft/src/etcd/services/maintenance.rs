//! `Maintenance`: how this member is, its checksum, a copy of its store, another leader.

use super::super::error::EtcdError;
use super::super::pb::etcdserverpb::{self as pb, maintenance_server::Maintenance};
use super::super::request::{Answer, Request};
use super::{Answers, Service, unexpected};
use sha2::{Digest, Sha256};
use tonic::{Response, Status};

/// The version of the API that is spoken here; clients compare it.
pub const VERSION: &str = "3.4.0";
/// Bytes of a copy in one message.
const CHUNK: usize = 64 << 10;

#[tonic::async_trait]
impl Maintenance for Service {
    /// There is one alarm, that the store is full, and it ends by itself; so the list is empty.
    async fn alarm(
        &self,
        _request: tonic::Request<pb::AlarmRequest>,
    ) -> Result<Response<pb::AlarmResponse>, Status> {
        let (header, _status) = self.ask(Request::Status).await?;
        Ok(Response::new(pb::AlarmResponse {
            header: Some(header.into()),
            alarms: Vec::new(),
        }))
    }

    async fn status(
        &self,
        _request: tonic::Request<pb::StatusRequest>,
    ) -> Result<Response<pb::StatusResponse>, Status> {
        let (header, Answer::Status(status)) = self.ask(Request::Status).await? else {
            return unexpected();
        };
        let no_leader = (status.leader == 0).then(|| EtcdError::NoLeader.to_string());
        Ok(Response::new(pb::StatusResponse {
            version: VERSION.into(),
            db_size: status.size as i64,
            leader: status.leader,
            raft_index: status.committed,
            raft_term: header.term,
            raft_applied_index: status.applied,
            errors: no_leader.into_iter().collect(),
            db_size_in_use: status.size as i64,
            is_learner: status.is_learner,
            header: Some(header.into()),
            ..pb::StatusResponse::default()
        }))
    }

    async fn hash_kv(
        &self,
        request: tonic::Request<pb::HashKvRequest>,
    ) -> Result<Response<pb::HashKvResponse>, Status> {
        let request = Request::HashKv(request.into_inner().revision);
        match self.ask(request).await? {
            (
                header,
                Answer::Hash {
                    hash,
                    revision,
                    compacted,
                },
            ) => Ok(Response::new(pb::HashKvResponse {
                header: Some(header.into()),
                hash,
                compact_revision: compacted,
                hash_revision: revision,
            })),
            _ => unexpected(),
        }
    }

    type SnapshotStream = Answers<pb::SnapshotResponse>;

    /// A copy of the store in pieces, then its SHA-256, for which the client looks.
    async fn snapshot(
        &self,
        _request: tonic::Request<pb::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        let (header, Answer::Snapshot(copy)) = self.ask(Request::Snapshot).await? else {
            return unexpected();
        };
        let checksum = Sha256::digest(&copy).to_vec();
        let header: pb::ResponseHeader = header.into();
        let pieces = copy.len().div_ceil(CHUNK);
        let piece = move |n: usize| {
            let from = n * CHUNK;
            let to = copy.len().min(from + CHUNK);
            let (blob, left) = match n < pieces {
                true => (copy[from..to].to_vec(), copy.len() - to),
                false => (checksum.clone(), 0),
            };
            Ok(pb::SnapshotResponse {
                header: Some(header),
                remaining_bytes: left as u64,
                blob,
                version: VERSION.into(),
            })
        };
        let pieces = tokio_stream::iter((0..=pieces).map(piece));
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn move_leader(
        &self,
        request: tonic::Request<pb::MoveLeaderRequest>,
    ) -> Result<Response<pb::MoveLeaderResponse>, Status> {
        let request = Request::MoveLeader(request.into_inner().target_id);
        let (header, _moved) = self.ask(request).await?;
        let header = Some(header.into());
        Ok(Response::new(pb::MoveLeaderResponse { header }))
    }
}
