//! The gRPC services: messages to requests, answers to messages.
//!
//! | file | service |
//! |---|---|
//! | `services/kv.rs` | `KV` |
//! | `services/watch.rs` | `Watch`: many watches on one stream |
//! | `services/lease.rs` | `Lease` |
//! | `services/cluster.rs` | `Cluster` |
//! | `services/maintenance.rs` | `Maintenance` |
//! | `services/lock.rs`, `services/election.rs` | `v3lock`, `v3election`: waits that the server does for its client |
//! | `services/queue.rs` | what those two have in common: first come, first served |
//! | `services/refused.rs` | what this server does not do |

pub mod cluster;
pub mod election;
pub mod kv;
pub mod lease;
pub mod lock;
pub mod maintenance;
pub mod queue;
pub mod refused;
pub mod watch;

use super::bridge::Bridge;
use super::error::EtcdError;
use super::request::{Answer, Header, Request};
use std::pin::Pin;
use tokio::sync::watch as signal;
use tokio_stream::Stream;
use tonic::{Response, Status};

/// The answers of a streaming service.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What all services share.
#[derive(Clone)]
pub struct Service {
    bridge: Bridge,
    /// Who leads; 0 if nobody is known to.
    leader: signal::Receiver<u64>,
    /// Turns true when the server stops.
    closing: signal::Receiver<bool>,
}

impl Service {
    /// Services over a node.
    pub fn new(
        bridge: Bridge,
        leader: signal::Receiver<u64>,
        closing: signal::Receiver<bool>,
    ) -> Self {
        Service {
            bridge,
            leader,
            closing,
        }
    }

    /// Asks the node. A request larger than `size` bytes allow is refused before that.
    async fn ask(&self, request: Request) -> Result<(Header, Answer), Status> {
        Ok(self.bridge.ask(request).await?)
    }

    /// Ready when the server stops.
    pub(super) async fn closed(&self) {
        let mut closing = self.closing.clone();
        // An error says that the sender is gone: that is a stop, too.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    /// A client may ask to be refused by a member that knows no leader, and not to wait there.
    fn require_leader<T>(&self, request: &tonic::Request<T>) -> Result<(), Status> {
        if request.metadata().contains_key("hasleader") && *self.leader.borrow() == 0 {
            return Err(EtcdError::NoLeader.into());
        }
        Ok(())
    }
}

/// The largest request, in bytes: etcd's own bound.
pub const MAX_REQUEST: usize = 1_572_864;

fn check_size(message: &impl prost::Message) -> Result<(), Status> {
    if message.encoded_len() > MAX_REQUEST {
        return Err(EtcdError::RequestTooLarge.into());
    }
    Ok(())
}

/// An answer of a kind that the request does not have: a fault of this program.
fn unexpected<T>() -> Result<Response<T>, Status> {
    let what = "an answer of another kind: this is a fault of the server, please report it";
    Err(EtcdError::Internal(what.into()).into())
}
