//! `KV`: reads, writes, transactions, compaction.

use super::super::convert;
use super::super::pb::etcdserverpb::{self as pb, kv_server::Kv};
use super::super::request::{Answer, Request};
use super::super::store::Done;
use super::{Service, check_size, unexpected};
use tonic::{Response, Status};

#[tonic::async_trait]
impl Kv for Service {
    async fn range(
        &self,
        request: tonic::Request<pb::RangeRequest>,
    ) -> Result<Response<pb::RangeResponse>, Status> {
        self.require_leader(&request)?;
        let range = request.into_inner().try_into()?;
        match self.ask(Request::Range(range)).await? {
            (header, Answer::Range(found)) => {
                Ok(Response::new(convert::ranged(Some(header.into()), found)))
            }
            _ => unexpected(),
        }
    }

    async fn put(
        &self,
        request: tonic::Request<pb::PutRequest>,
    ) -> Result<Response<pb::PutResponse>, Status> {
        self.require_leader(&request)?;
        check_size(request.get_ref())?;
        let put = request.into_inner().into();
        match self.ask(Request::Put(put)).await? {
            (header, Answer::Done(Done::Put(prev_kv))) => {
                Ok(Response::new(convert::put(Some(header.into()), prev_kv)))
            }
            _ => unexpected(),
        }
    }

    async fn delete_range(
        &self,
        request: tonic::Request<pb::DeleteRangeRequest>,
    ) -> Result<Response<pb::DeleteRangeResponse>, Status> {
        self.require_leader(&request)?;
        check_size(request.get_ref())?;
        let delete = request.into_inner().into();
        match self.ask(Request::DeleteRange(delete)).await? {
            (header, Answer::Done(Done::DeleteRange(gone))) => {
                Ok(Response::new(convert::deleted(Some(header.into()), gone)))
            }
            _ => unexpected(),
        }
    }

    async fn txn(
        &self,
        request: tonic::Request<pb::TxnRequest>,
    ) -> Result<Response<pb::TxnResponse>, Status> {
        self.require_leader(&request)?;
        check_size(request.get_ref())?;
        let txn = request.into_inner().try_into()?;
        match self.ask(Request::Txn(txn)).await? {
            (header, Answer::Done(Done::Txn(done))) => {
                Ok(Response::new(convert::txn(Some(header.into()), done)))
            }
            _ => unexpected(),
        }
    }

    async fn compact(
        &self,
        request: tonic::Request<pb::CompactionRequest>,
    ) -> Result<Response<pb::CompactionResponse>, Status> {
        // What it frees is freed at once, so `physical` asks for nothing more.
        let request = Request::Compact(request.into_inner().revision);
        let (header, _done) = self.ask(request).await?;
        let header = Some(header.into());
        Ok(Response::new(pb::CompactionResponse { header }))
    }
}
