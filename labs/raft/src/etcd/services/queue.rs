//! First come, first served: a key for each who waits, ordered by the revision that made it. The
//! keys have the names that etcd's own clients give them, so both kinds may wait in one queue.

use super::super::api::{
    Compare, Comparison, KeyRange, KeyValue, LeaseId, Put, Range, Revision, SortOrder, SortTarget,
    Target, Txn, TxnAnswer, TxnOp,
};
use super::super::error::EtcdError;
use super::super::request::{Answer, Header, Request, Ret, WatchSpec};
use super::super::store::Done;
use super::Service;
use tonic::Status;

/// The lease of one who brought none, in seconds.
const OWN_TTL: i64 = 60;

/// A place in a queue.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub key: Vec<u8>,
    /// The revision that made the key.
    pub revision: Revision,
    pub lease: LeaseId,
}

/// The keys of a queue.
pub(super) fn prefix(name: &[u8]) -> Vec<u8> {
    [name, b"/"].concat()
}

/// Takes a waiter's key away if it is dropped before its turn came: its client went away.
struct Leaving {
    service: Service,
    key: Option<Vec<u8>>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let service = self.service.clone();
            tokio::spawn(async move {
                let _gone = service.delete(key).await;
            });
        }
    }
}

impl Service {
    /// Stands in the queue, or finds that this lease stands there already.
    pub(super) async fn take_place(
        &self,
        name: &[u8],
        lease: LeaseId,
        value: Vec<u8>,
    ) -> Result<(Place, Option<KeyValue>), Status> {
        let lease = match lease {
            0 => self.own_lease().await?,
            lease => lease,
        };
        let key = [name, b"/", format!("{lease:x}").as_bytes()].concat();
        let put = Put {
            key: key.clone(),
            value,
            lease,
            ..Put::default()
        };
        let get = Range {
            keys: KeyRange::one(key.clone()),
            ..Range::default()
        };
        let txn = Txn {
            compare: vec![created(&key, 0)],
            success: vec![TxnOp::Put(put)],
            failure: vec![TxnOp::Range(get)],
        };
        let (header, mut done) = self.transact(txn).await?;
        let found = match done.answers.pop() {
            Some(TxnAnswer::Range(mut found)) => found.kvs.pop(),
            _ => None,
        };
        let revision = found
            .as_ref()
            .map_or(header.revision, |kv| kv.create_revision);
        let place = Place {
            key,
            revision,
            lease,
        };
        Ok((place, found))
    }

    async fn own_lease(&self) -> Result<LeaseId, Status> {
        let grant = Request::LeaseGrant {
            id: 0,
            ttl: OWN_TTL,
        };
        match self.ask(grant).await? {
            (_, Answer::Granted { id, .. }) => Ok(id),
            _ => Err(Status::internal("no lease was granted")),
        }
    }

    /// Waits until nobody stands before this place. If it is dropped before, the place is given up.
    pub(super) async fn wait_turn(&self, name: &[u8], place: &Place) -> Result<Header, Status> {
        let mut leaving = Leaving {
            service: self.clone(),
            key: Some(place.key.clone()),
        };
        loop {
            let range = Range {
                keys: KeyRange::prefix(prefix(name)),
                limit: 1,
                sort_order: SortOrder::Descend,
                sort_target: SortTarget::Create,
                max_create_revision: place.revision - 1,
                ..Range::default()
            };
            let (header, before) = self.first(range).await?;
            let Some(before) = before else {
                break self.check_place(place, header, &mut leaving).await;
            };
            let key = before.key.to_vec();
            tokio::select! {
                gone = self.deleted(key, header.revision) => gone?,
                () = self.closed() => return Err(EtcdError::Stopped.into()),
            }
        }
    }

    /// The lease may have run out while its holder waited.
    async fn check_place(
        &self,
        place: &Place,
        header: Header,
        leaving: &mut Leaving,
    ) -> Result<Header, Status> {
        let range = Range {
            keys: KeyRange::one(place.key.clone()),
            ..Range::default()
        };
        let (_, mine) = self.first(range).await?;
        leaving.key = None;
        match mine {
            Some(_) => Ok(header),
            None => Err(Status::unknown("mutex: session is expired")),
        }
    }

    /// Ready when the key, which there was at `revision`, has been deleted.
    async fn deleted(&self, key: Vec<u8>, revision: Revision) -> Result<(), Status> {
        let mut from = revision + 1;
        loop {
            let spec = WatchSpec {
                keys: KeyRange::one(key.clone()),
                from,
                prev_kv: false,
            };
            let mut changes = self.bridge.watch(spec).await?;
            loop {
                match changes.recv().await {
                    Some(Ret::Events { events, .. }) if events.iter().any(|e| e.deleted) => {
                        return Ok(());
                    }
                    Some(Ret::Events { header, resume, .. }) => {
                        from = resume.unwrap_or(header.revision + 1);
                    }
                    Some(Ret::Watching(_)) => {}
                    // It is looked for anew.
                    Some(Ret::Compacted(..)) => return Ok(()),
                    Some(Ret::Failed(_, why)) => return Err(why.into()),
                    _ => break,
                }
            }
            if *self.closing.borrow() {
                return Err(EtcdError::Stopped.into());
            }
        }
    }

    pub(super) async fn first(&self, range: Range) -> Result<(Header, Option<KeyValue>), Status> {
        match self.ask(Request::Range(range)).await? {
            (header, Answer::Range(found)) => Ok((header, found.kvs.into_iter().next())),
            _ => Err(Status::internal("a read was answered with something else")),
        }
    }

    pub(super) async fn transact(
        &self,
        txn: Txn,
    ) -> Result<(Header, super::super::api::TxnDone), Status> {
        match self.ask(Request::Txn(txn)).await? {
            (header, Answer::Done(Done::Txn(done))) => Ok((header, done)),
            _ => Err(Status::internal(
                "a transaction was answered with something else",
            )),
        }
    }

    pub(super) async fn delete(&self, key: Vec<u8>) -> Result<Header, Status> {
        let delete = super::super::api::DeleteRange {
            keys: KeyRange::one(key),
            prev_kv: false,
        };
        Ok(self.ask(Request::DeleteRange(delete)).await?.0)
    }
}

/// The condition that a key was made by this revision; 0: that there is no such key.
pub(super) fn created(key: &[u8], revision: Revision) -> Compare {
    Compare {
        keys: KeyRange::one(key),
        comparison: Comparison::Equal,
        target: Target::Create(revision),
    }
}
