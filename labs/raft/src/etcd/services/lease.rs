//! `Lease`: grant, revoke, keep alive.

use super::super::error::EtcdError;
use super::super::pb::etcdserverpb::{self as pb, lease_server::Lease};
use super::super::request::{Answer, Request};
use super::{Answers, Service, unexpected};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status, Streaming};

/// Answers that may wait for a client that does not take them; then it is not read from.
const QUEUE: usize = 16;

#[tonic::async_trait]
impl Lease for Service {
    async fn lease_grant(
        &self,
        request: tonic::Request<pb::LeaseGrantRequest>,
    ) -> Result<Response<pb::LeaseGrantResponse>, Status> {
        self.require_leader(&request)?;
        let pb::LeaseGrantRequest { ttl, id } = request.into_inner();
        match self.ask(Request::LeaseGrant { id, ttl }).await? {
            (header, Answer::Granted { id, ttl }) => Ok(Response::new(pb::LeaseGrantResponse {
                header: Some(header.into()),
                id,
                ttl,
                error: String::new(),
            })),
            _ => unexpected(),
        }
    }

    async fn lease_revoke(
        &self,
        request: tonic::Request<pb::LeaseRevokeRequest>,
    ) -> Result<Response<pb::LeaseRevokeResponse>, Status> {
        self.require_leader(&request)?;
        let request = Request::LeaseRevoke(request.into_inner().id);
        let (header, _done) = self.ask(request).await?;
        let header = Some(header.into());
        Ok(Response::new(pb::LeaseRevokeResponse { header }))
    }

    type LeaseKeepAliveStream = Answers<pb::LeaseKeepAliveResponse>;

    async fn lease_keep_alive(
        &self,
        request: tonic::Request<Streaming<pb::LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        self.require_leader(&request)?;
        let (sender, answers) = mpsc::channel(QUEUE);
        tokio::spawn(keep_alive(self.clone(), request.into_inner(), sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn lease_time_to_live(
        &self,
        request: tonic::Request<pb::LeaseTimeToLiveRequest>,
    ) -> Result<Response<pb::LeaseTimeToLiveResponse>, Status> {
        self.require_leader(&request)?;
        let pb::LeaseTimeToLiveRequest { id, keys } = request.into_inner();
        let (header, answer) = self.ask(Request::LeaseTimeToLive(id)).await?;
        let Answer::TimeToLive(life) = answer else {
            return unexpected();
        };
        let mut response = pb::LeaseTimeToLiveResponse {
            header: Some(header.into()),
            id,
            ttl: -1,
            ..pb::LeaseTimeToLiveResponse::default()
        };
        if let Some(life) = life {
            response.ttl = life.left;
            response.granted_ttl = life.granted;
            response.keys = if keys { life.keys } else { Vec::new() };
        }
        Ok(Response::new(response))
    }

    async fn lease_leases(
        &self,
        request: tonic::Request<pb::LeaseLeasesRequest>,
    ) -> Result<Response<pb::LeaseLeasesResponse>, Status> {
        self.require_leader(&request)?;
        match self.ask(Request::Leases).await? {
            (header, Answer::Leases(ids)) => {
                let leases = ids.into_iter().map(|id| pb::LeaseStatus { id }).collect();
                let header = Some(header.into());
                Ok(Response::new(pb::LeaseLeasesResponse { header, leases }))
            }
            _ => unexpected(),
        }
    }
}

async fn keep_alive(
    service: Service,
    mut requests: Streaming<pb::LeaseKeepAliveRequest>,
    answers: mpsc::Sender<Result<pb::LeaseKeepAliveResponse, Status>>,
) {
    loop {
        let request = tokio::select! {
            biased;
            () = service.closed() => {
                let _gone = answers.send(Err(EtcdError::Stopped.into())).await;
                return;
            }
            request = requests.message() => request,
        };
        let Ok(Some(pb::LeaseKeepAliveRequest { id })) = request else {
            return;
        };
        let answer = service.ask(Request::LeaseKeepAlive(id)).await;
        let answer = answer.map(|(header, answer)| pb::LeaseKeepAliveResponse {
            header: Some(header.into()),
            id,
            ttl: match answer {
                Answer::KeptAlive(ttl) => ttl,
                _ => 0,
            },
        });
        let failed = answer.is_err();
        if answers.send(answer).await.is_err() || failed {
            return;
        }
    }
}
