//! What checkers, traces and pages see of a node. Given: a right lock of any other shape inside
//! shows itself through these.

use crate::names::{Name, Owner, Token, Value};
use node::LocalTime;
use serde::{Serialize, Serializer};

/// What a node of the lab shows; which form depends on its role.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(untagged)]
pub enum View {
    /// A lock server.
    Server(ServerView),
    /// A lock client: what its program may believe.
    Client(ClientView),
    /// A storage.
    Storage(StorageView),
    /// The replicated register.
    Register(RegisterView),
}

/// A lock server: who holds what.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct ServerView {
    /// The leases that live now, by name.
    pub leases: Vec<LeaseView>,
    /// Who waits, in the order in which they will be served.
    pub waiting: Vec<WaiterView>,
    /// Whether it grants locks (a replica does not).
    pub leads: bool,
}

/// One grant, as a server sees it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct LeaseView {
    /// What is locked.
    pub name: Name,
    /// Who holds it.
    pub owner: Owner,
    /// The grant's number.
    pub token: Token,
    /// When it ends, on the server's clock; `None` never ends.
    #[serde(serialize_with = "micros")]
    pub until: Option<LocalTime>,
}

/// One that waits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct WaiterView {
    /// For what.
    pub name: Name,
    /// Who.
    pub owner: Owner,
}

/// A lock client: what its program may act on now.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct ClientView {
    /// The locks that the program believes to hold at this moment.
    pub held: Vec<HeldView>,
}

/// A lock that a client believes to hold.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct HeldView {
    /// Which.
    pub name: Name,
    /// Under which value.
    pub owner: Owner,
    /// The grant's number.
    pub token: Token,
    /// Until when it believes so, on the client's clock; `None` for a client that never doubts.
    #[serde(serialize_with = "micros")]
    pub valid_until: Option<LocalTime>,
}

/// A storage: the cells.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct StorageView {
    /// By name.
    pub cells: Vec<CellView>,
}

/// One cell of a storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct CellView {
    /// Its name.
    pub name: Name,
    /// What stands there.
    pub value: Value,
    /// Who wrote it.
    pub owner: Owner,
    /// The writer's token.
    pub token: Token,
}

/// The replicated register.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
pub struct RegisterView {
    /// By name.
    pub records: Vec<RecordView>,
}

/// One record of the register.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct RecordView {
    /// Its name.
    pub name: Name,
    /// How often it was changed.
    pub version: u64,
    /// Who holds the lock; `None` is free.
    pub owner: Option<Owner>,
}

/// A `LocalTime` means nothing elsewhere and so cannot be serialised; a trace shows it as a number.
fn micros<S: Serializer>(time: &Option<LocalTime>, to: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => to.serialize_some(&time.as_micros()),
        None => to.serialize_none(),
    }
}
