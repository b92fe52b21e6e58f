//! `v3lock`: the server waits for its client.

use super::super::pb::v3lockpb::{self as pb, lock_server::Lock};
use super::Service;
use tonic::{Response, Status};

#[tonic::async_trait]
impl Lock for Service {
    async fn lock(
        &self,
        request: tonic::Request<pb::LockRequest>,
    ) -> Result<Response<pb::LockResponse>, Status> {
        let pb::LockRequest { name, lease } = request.into_inner();
        let (place, _) = self.take_place(&name, lease, Vec::new()).await?;
        let header = self.wait_turn(&name, &place).await?;
        Ok(Response::new(pb::LockResponse {
            header: Some(header.into()),
            key: place.key,
        }))
    }

    async fn unlock(
        &self,
        request: tonic::Request<pb::UnlockRequest>,
    ) -> Result<Response<pb::UnlockResponse>, Status> {
        let header = self.delete(request.into_inner().key).await?;
        let header = Some(header.into());
        Ok(Response::new(pb::UnlockResponse { header }))
    }
}
