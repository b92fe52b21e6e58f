//! Between the protobuf messages and the plain types.

use super::api::{
    Compare, Comparison, DeleteRange, Deleted, Event, KeyRange, KeyValue, Member, Put, Range,
    Ranged, SortOrder, SortTarget, Target, Txn, TxnAnswer, TxnDone, TxnOp,
};
use super::error::EtcdError;
use super::pb::{etcdserverpb as pb, mvccpb};
use super::request::Header;
use tonic::{Code, Status};

impl From<EtcdError> for Status {
    fn from(why: EtcdError) -> Status {
        let code = match &why {
            EtcdError::EmptyKey
            | EtcdError::KeyNotFound
            | EtcdError::ValueProvided
            | EtcdError::LeaseProvided
            | EtcdError::TooManyOps
            | EtcdError::DuplicateKey
            | EtcdError::InvalidSortOption
            | EtcdError::BadMemberUrls
            | EtcdError::RequestTooLarge => Code::InvalidArgument,
            EtcdError::Compacted | EtcdError::FutureRevision | EtcdError::LeaseTtlTooLarge => {
                Code::OutOfRange
            }
            EtcdError::NoSpace | EtcdError::TooManyRequests => Code::ResourceExhausted,
            EtcdError::LeaseNotFound | EtcdError::MemberNotFound => Code::NotFound,
            EtcdError::LeaseExists
            | EtcdError::PeerUrlExists
            | EtcdError::MemberNotLearner
            | EtcdError::LearnerNotReady
            | EtcdError::TooManyLearners
            | EtcdError::NotEnoughMembers
            | EtcdError::NotLeader
            | EtcdError::NotForLearners
            | EtcdError::BadTransferee => Code::FailedPrecondition,
            EtcdError::NoLeader
            | EtcdError::LeaderChanged
            | EtcdError::Stopped
            | EtcdError::Timeout
            | EtcdError::Unhealthy => Code::Unavailable,
            EtcdError::Unimplemented(_) => Code::Unimplemented,
            EtcdError::Internal(_) => Code::Internal,
        };
        Status::new(code, why.to_string())
    }
}

impl From<Header> for pb::ResponseHeader {
    fn from(header: Header) -> Self {
        pb::ResponseHeader {
            cluster_id: header.cluster,
            member_id: header.member,
            revision: header.revision,
            raft_term: header.term,
        }
    }
}

impl From<KeyValue> for mvccpb::KeyValue {
    fn from(kv: KeyValue) -> Self {
        mvccpb::KeyValue {
            key: kv.key.to_vec(),
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            value: kv.value.to_vec(),
            lease: kv.lease,
        }
    }
}

fn kvs(kvs: Vec<KeyValue>) -> Vec<mvccpb::KeyValue> {
    kvs.into_iter().map(Into::into).collect()
}

impl From<Event> for mvccpb::Event {
    fn from(event: Event) -> Self {
        let kind = match event.deleted {
            true => mvccpb::event::EventType::Delete,
            false => mvccpb::event::EventType::Put,
        };
        mvccpb::Event {
            r#type: kind.into(),
            kv: Some(event.kv.into()),
            prev_kv: event.prev_kv.map(Into::into),
        }
    }
}

impl From<Member> for pb::Member {
    fn from(member: Member) -> Self {
        pb::Member {
            id: member.id,
            name: member.name,
            peer_ur_ls: member.peer_urls,
            client_ur_ls: member.client_urls,
            is_learner: member.is_learner,
        }
    }
}

impl TryFrom<pb::RangeRequest> for Range {
    type Error = EtcdError;

    fn try_from(request: pb::RangeRequest) -> Result<Self, EtcdError> {
        use pb::range_request as wire;
        let order = wire::SortOrder::try_from(request.sort_order);
        let target = wire::SortTarget::try_from(request.sort_target);
        Ok(Range {
            keys: KeyRange {
                key: request.key,
                end: request.range_end,
            },
            limit: request.limit,
            revision: request.revision,
            sort_order: match order.map_err(|_| EtcdError::InvalidSortOption)? {
                wire::SortOrder::None => SortOrder::None,
                wire::SortOrder::Ascend => SortOrder::Ascend,
                wire::SortOrder::Descend => SortOrder::Descend,
            },
            sort_target: match target.map_err(|_| EtcdError::InvalidSortOption)? {
                wire::SortTarget::Key => SortTarget::Key,
                wire::SortTarget::Version => SortTarget::Version,
                wire::SortTarget::Create => SortTarget::Create,
                wire::SortTarget::Mod => SortTarget::Mod,
                wire::SortTarget::Value => SortTarget::Value,
            },
            serializable: request.serializable,
            keys_only: request.keys_only,
            count_only: request.count_only,
            min_mod_revision: request.min_mod_revision,
            max_mod_revision: request.max_mod_revision,
            min_create_revision: request.min_create_revision,
            max_create_revision: request.max_create_revision,
        })
    }
}

impl From<pb::PutRequest> for Put {
    fn from(request: pb::PutRequest) -> Self {
        Put {
            key: request.key,
            value: request.value,
            lease: request.lease,
            prev_kv: request.prev_kv,
            ignore_value: request.ignore_value,
            ignore_lease: request.ignore_lease,
        }
    }
}

impl From<pb::DeleteRangeRequest> for DeleteRange {
    fn from(request: pb::DeleteRangeRequest) -> Self {
        DeleteRange {
            keys: KeyRange {
                key: request.key,
                end: request.range_end,
            },
            prev_kv: request.prev_kv,
        }
    }
}

impl TryFrom<pb::TxnRequest> for Txn {
    type Error = EtcdError;

    fn try_from(request: pb::TxnRequest) -> Result<Self, EtcdError> {
        let ops = |ops: Vec<pb::RequestOp>| ops.into_iter().map(op).collect::<Result<_, _>>();
        let compare = request.compare.into_iter().map(compare);
        Ok(Txn {
            compare: compare.collect::<Result<_, _>>()?,
            success: ops(request.success)?,
            failure: ops(request.failure)?,
        })
    }
}

fn op(op: pb::RequestOp) -> Result<TxnOp, EtcdError> {
    use pb::request_op::Request;
    // etcd answers an empty operation with this, too.
    Ok(match op.request.ok_or(EtcdError::KeyNotFound)? {
        Request::RequestRange(range) => TxnOp::Range(range.try_into()?),
        Request::RequestPut(put) => TxnOp::Put(put.into()),
        Request::RequestDeleteRange(delete) => TxnOp::DeleteRange(delete.into()),
        Request::RequestTxn(txn) => TxnOp::Txn(txn.try_into()?),
    })
}

fn compare(compare: pb::Compare) -> Result<Compare, EtcdError> {
    use pb::compare::{CompareResult, CompareTarget, TargetUnion};
    let unknown = |_| EtcdError::Internal("unknown comparison: use a newer server".into());
    let number = match &compare.target_union {
        Some(
            TargetUnion::Version(n)
            | TargetUnion::CreateRevision(n)
            | TargetUnion::ModRevision(n)
            | TargetUnion::Lease(n),
        ) => *n,
        _ => 0,
    };
    let target = match CompareTarget::try_from(compare.target).map_err(unknown)? {
        CompareTarget::Version => Target::Version(number),
        CompareTarget::Create => Target::Create(number),
        CompareTarget::Mod => Target::Mod(number),
        CompareTarget::Lease => Target::Lease(number),
        CompareTarget::Value => Target::Value(match compare.target_union {
            Some(TargetUnion::Value(value)) => value,
            _ => Vec::new(),
        }),
    };
    Ok(Compare {
        keys: KeyRange {
            key: compare.key,
            end: compare.range_end,
        },
        comparison: match CompareResult::try_from(compare.result).map_err(unknown)? {
            CompareResult::Equal => Comparison::Equal,
            CompareResult::Greater => Comparison::Greater,
            CompareResult::Less => Comparison::Less,
            CompareResult::NotEqual => Comparison::NotEqual,
        },
        target,
    })
}

/// The answer to a read.
pub fn ranged(header: Option<pb::ResponseHeader>, ranged: Ranged) -> pb::RangeResponse {
    pb::RangeResponse {
        header,
        kvs: kvs(ranged.kvs),
        more: ranged.more,
        count: ranged.count,
    }
}

/// The answer to a put.
pub fn put(header: Option<pb::ResponseHeader>, prev_kv: Option<KeyValue>) -> pb::PutResponse {
    let prev_kv = prev_kv.map(Into::into);
    pb::PutResponse { header, prev_kv }
}

/// The answer to a deletion.
pub fn deleted(header: Option<pb::ResponseHeader>, deleted: Deleted) -> pb::DeleteRangeResponse {
    pb::DeleteRangeResponse {
        header,
        deleted: deleted.count,
        prev_kvs: kvs(deleted.prev_kvs),
    }
}

/// The answer to a transaction.
pub fn txn(header: Option<pb::ResponseHeader>, done: TxnDone) -> pb::TxnResponse {
    use pb::response_op::Response;
    let at = |revision| {
        // Inside a transaction only the revision is set.
        let header = pb::ResponseHeader {
            revision,
            ..pb::ResponseHeader::default()
        };
        Some(header)
    };
    let answers = done.answers.into_iter().zip(done.revisions);
    let responses = answers.map(|(answer, revision)| {
        let response = match answer {
            TxnAnswer::Range(found) => Response::ResponseRange(ranged(at(revision), found)),
            TxnAnswer::Put(prev_kv) => Response::ResponsePut(put(at(revision), prev_kv)),
            TxnAnswer::DeleteRange(gone) => {
                Response::ResponseDeleteRange(deleted(at(revision), gone))
            }
            TxnAnswer::Txn(inner) => Response::ResponseTxn(txn(at(revision), inner)),
        };
        pb::ResponseOp {
            response: Some(response),
        }
    });
    pb::TxnResponse {
        header,
        succeeded: done.succeeded,
        responses: responses.collect(),
    }
}

/// A response in pieces of at most `most` bytes each, or of one event, for a client with a bound on
/// messages.
pub fn fragments(response: pb::WatchResponse, most: usize) -> Vec<pb::WatchResponse> {
    let mut parts: Vec<pb::WatchResponse> = Vec::new();
    let mut size = 0;
    for event in response.events {
        let len = prost::Message::encoded_len(&event) + 16;
        let full = size + len > most;
        if full || parts.is_empty() {
            parts.push(pb::WatchResponse {
                header: response.header,
                watch_id: response.watch_id,
                fragment: true,
                ..pb::WatchResponse::default()
            });
            size = 0;
        }
        size += len;
        if let Some(part) = parts.last_mut() {
            part.events.push(event);
        }
    }
    if let Some(last) = parts.last_mut() {
        last.fragment = false;
    }
    parts
}
