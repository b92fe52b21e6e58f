//! `v3election`: the server campaigns for its client.

use super::super::api::{
    DeleteRange, KeyRange, KeyValue, Put, Range, Revision, SortOrder, SortTarget, Txn, TxnOp,
};
use super::super::pb::v3electionpb::{self as pb, election_server::Election};
use super::super::request::{Header, Ret, WatchSpec};
use super::queue::{created, prefix};
use super::{Answers, Service};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

/// Answers that may wait for an observer; while they do, changes are not looked at.
const QUEUE: usize = 16;

fn no_key<T>() -> Result<T, Status> {
    Err(Status::invalid_argument(
        "\"leader\" field must be provided",
    ))
}

fn not_leader() -> Status {
    Status::unknown("election: not leader")
}

#[tonic::async_trait]
impl Election for Service {
    async fn campaign(
        &self,
        request: tonic::Request<pb::CampaignRequest>,
    ) -> Result<Response<pb::CampaignResponse>, Status> {
        let pb::CampaignRequest { name, lease, value } = request.into_inner();
        let (place, found) = self.take_place(&name, lease, value.clone()).await?;
        if found.is_some_and(|found| *found.value != *value) {
            let (key, lease) = (place.key.clone(), place.lease);
            self.proclaim_value(key, place.revision, lease, value)
                .await?;
        }
        let header = self.wait_turn(&name, &place).await?;
        let leader = pb::LeaderKey {
            name,
            key: place.key,
            rev: place.revision,
            lease: place.lease,
        };
        Ok(Response::new(pb::CampaignResponse {
            header: Some(header.into()),
            leader: Some(leader),
        }))
    }

    async fn proclaim(
        &self,
        request: tonic::Request<pb::ProclaimRequest>,
    ) -> Result<Response<pb::ProclaimResponse>, Status> {
        let pb::ProclaimRequest { leader, value } = request.into_inner();
        let Some(leader) = leader else {
            return no_key();
        };
        let header = self
            .proclaim_value(leader.key, leader.rev, leader.lease, value)
            .await?;
        let header = Some(header.into());
        Ok(Response::new(pb::ProclaimResponse { header }))
    }

    async fn leader(
        &self,
        request: tonic::Request<pb::LeaderRequest>,
    ) -> Result<Response<pb::LeaderResponse>, Status> {
        let (header, kv) = self.elected(&request.into_inner().name).await?;
        let kv = kv.ok_or_else(|| Status::unknown("election: no leader"))?;
        Ok(Response::new(pb::LeaderResponse {
            header: Some(header.into()),
            kv: Some(kv.into()),
        }))
    }

    type ObserveStream = Answers<pb::LeaderResponse>;

    async fn observe(
        &self,
        request: tonic::Request<pb::LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let (sender, answers) = mpsc::channel(QUEUE);
        let service = self.clone();
        let name = request.into_inner().name;
        tokio::spawn(async move {
            tokio::select! {
                ended = service.observe_all(&name, &sender) => {
                    if let Err(why) = ended {
                        let _gone = sender.send(Err(why)).await;
                    }
                }
                () = service.closed() => {}
                () = sender.closed() => {}
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn resign(
        &self,
        request: tonic::Request<pb::ResignRequest>,
    ) -> Result<Response<pb::ResignResponse>, Status> {
        let Some(leader) = request.into_inner().leader else {
            return no_key();
        };
        let delete = DeleteRange {
            keys: KeyRange::one(leader.key.clone()),
            prev_kv: false,
        };
        let txn = Txn {
            compare: vec![created(&leader.key, leader.rev)],
            success: vec![TxnOp::DeleteRange(delete)],
            failure: Vec::new(),
        };
        let (header, _) = self.transact(txn).await?;
        let header = Some(header.into());
        Ok(Response::new(pb::ResignResponse { header }))
    }
}

impl Service {
    async fn proclaim_value(
        &self,
        key: Vec<u8>,
        revision: Revision,
        lease: i64,
        value: Vec<u8>,
    ) -> Result<Header, Status> {
        let compare = vec![created(&key, revision)];
        let put = Put {
            key,
            value,
            lease,
            ..Put::default()
        };
        let txn = Txn {
            compare,
            success: vec![TxnOp::Put(put)],
            failure: Vec::new(),
        };
        match self.transact(txn).await? {
            (header, done) if done.succeeded => Ok(header),
            _ => Err(not_leader()),
        }
    }

    /// Who stands first.
    async fn elected(&self, name: &[u8]) -> Result<(Header, Option<KeyValue>), Status> {
        let range = Range {
            keys: KeyRange::prefix(prefix(name)),
            limit: 1,
            sort_order: SortOrder::Ascend,
            sort_target: SortTarget::Create,
            ..Range::default()
        };
        self.first(range).await
    }

    /// Tells who is elected now, and whenever that changes.
    async fn observe_all(
        &self,
        name: &[u8],
        sender: &mpsc::Sender<Result<pb::LeaderResponse, Status>>,
    ) -> Result<(), Status> {
        let mut last = None;
        loop {
            let (header, kv) = self.elected(name).await?;
            if let Some(kv) = kv
                && last != Some(kv.mod_revision)
            {
                last = Some(kv.mod_revision);
                let response = pb::LeaderResponse {
                    header: Some(header.into()),
                    kv: Some(kv.into()),
                };
                if sender.send(Ok(response)).await.is_err() {
                    return Ok(());
                }
            }
            let spec = WatchSpec {
                keys: KeyRange::prefix(prefix(name)),
                from: header.revision + 1,
                prev_kv: false,
            };
            let mut changes = self.bridge.watch(spec).await?;
            // Any change in the queue may be one of its first place.
            while let Some(Ret::Watching(_)) = changes.recv().await {}
        }
    }
}
