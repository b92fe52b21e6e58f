//! `Cluster`: the members.

use super::super::pb::etcdserverpb::{self as pb, cluster_server::Cluster};
use super::super::request::{Answer, Request};
use super::{Service, unexpected};
use tonic::{Response, Status};

type Found = (pb::ResponseHeader, Option<pb::Member>, Vec<pb::Member>);

impl Service {
    async fn members(&self, request: Request) -> Result<Found, Status> {
        match self.ask(request).await? {
            (header, Answer::Members { about, all }) => {
                let all = all.into_iter().map(Into::into).collect();
                Ok((header.into(), about.map(Into::into), all))
            }
            _ => unexpected::<()>().map(|_| Found::default()),
        }
    }
}

#[tonic::async_trait]
impl Cluster for Service {
    async fn member_add(
        &self,
        request: tonic::Request<pb::MemberAddRequest>,
    ) -> Result<Response<pb::MemberAddResponse>, Status> {
        let request = request.into_inner();
        let request = Request::MemberAdd {
            peer_urls: request.peer_ur_ls,
            learner: request.is_learner,
        };
        let (header, member, members) = self.members(request).await?;
        Ok(Response::new(pb::MemberAddResponse {
            header: Some(header),
            member,
            members,
        }))
    }

    async fn member_remove(
        &self,
        request: tonic::Request<pb::MemberRemoveRequest>,
    ) -> Result<Response<pb::MemberRemoveResponse>, Status> {
        let request = Request::MemberRemove(request.into_inner().id);
        let (header, _, members) = self.members(request).await?;
        let header = Some(header);
        Ok(Response::new(pb::MemberRemoveResponse { header, members }))
    }

    async fn member_update(
        &self,
        request: tonic::Request<pb::MemberUpdateRequest>,
    ) -> Result<Response<pb::MemberUpdateResponse>, Status> {
        let request = request.into_inner();
        let request = Request::MemberUpdate {
            id: request.id,
            peer_urls: request.peer_ur_ls,
        };
        let (header, _, members) = self.members(request).await?;
        let header = Some(header);
        Ok(Response::new(pb::MemberUpdateResponse { header, members }))
    }

    async fn member_list(
        &self,
        request: tonic::Request<pb::MemberListRequest>,
    ) -> Result<Response<pb::MemberListResponse>, Status> {
        let serializable = !request.into_inner().linearizable;
        let request = Request::MemberList { serializable };
        let (header, _, members) = self.members(request).await?;
        let header = Some(header);
        Ok(Response::new(pb::MemberListResponse { header, members }))
    }

    async fn member_promote(
        &self,
        request: tonic::Request<pb::MemberPromoteRequest>,
    ) -> Result<Response<pb::MemberPromoteResponse>, Status> {
        let request = Request::MemberPromote(request.into_inner().id);
        let (header, _, members) = self.members(request).await?;
        let header = Some(header);
        Ok(Response::new(pb::MemberPromoteResponse { header, members }))
    }
}
