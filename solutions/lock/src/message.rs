//! What nodes say to each other, and what clients ask of them.

use crate::names::{Name, Owner, RequestId, Token, Value};
use crate::replica::{RegisterReply, RegisterRequest, Update};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Every message of the lab: all roles of one simulation share it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    /// A client asks a lock server.
    Request(RequestId, Request),
    /// A lock server answers.
    Reply(RequestId, Reply),
    /// A client asks a storage.
    ToStorage(RequestId, StorageRequest),
    /// A storage answers.
    FromStorage(RequestId, StorageReply),
    /// A primary tells its replica (stage 4).
    Update(Update),
    /// A leader asks the replicated register (stage 4).
    ToRegister(RequestId, RegisterRequest),
    /// The register answers.
    FromRegister(RequestId, RegisterReply),
}

/// When a [`Request::Set`] takes effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum When {
    /// Whatever is there (`SET`).
    Always,
    /// Only if nothing lives under the name (`SET … NX`).
    IfAbsent,
    /// Only if something does (`SET … XX`).
    IfPresent,
}

/// By what a client shows that a lock is its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Proof {
    /// The value it put there.
    Owner(Owner),
    /// The fencing token it was given.
    Token(Token),
}

/// What a lock server is asked. Each request is one atomic step of the server.
///
/// The raw commands ([`Request::Set`], `Get`, `Delete`, `Expire`, `TimeLeft`) are there as they are
/// in Redis, so that the famous mistakes can be made with them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Puts `owner` under `name`. Answered [`Reply::Granted`] or [`Reply::Refused`].
    Set {
        /// What is locked.
        name: Name,
        /// The value.
        owner: Owner,
        /// How long it lives; `None` is for ever.
        ttl: Option<Duration>,
        /// The condition.
        when: When,
    },
    /// Answered [`Reply::Value`].
    Get {
        /// What to look up.
        name: Name,
    },
    /// Removes whatever is there. Answered [`Reply::Done`], or [`Reply::Missing`].
    Delete {
        /// What to remove.
        name: Name,
    },
    /// Sets a new time to live on whatever is there. Answered [`Reply::Done`], or
    /// [`Reply::Missing`].
    Expire {
        /// What to change.
        name: Name,
        /// From now; `None` is for ever.
        ttl: Option<Duration>,
    },
    /// Answered [`Reply::TimeLeft`].
    TimeLeft {
        /// What to look up.
        name: Name,
    },
    /// Takes the lock, waiting for it if `wait` says so, first come, first served. Answered
    /// [`Reply::Granted`] or [`Reply::Refused`]. Asking again as the present owner is answered
    /// with the same grant, which is *not* made longer.
    Acquire {
        /// What is locked.
        name: Name,
        /// Who asks; unique for each acquisition.
        owner: Owner,
        /// How long the grant lasts unless it is renewed.
        ttl: Duration,
        /// How long to stand in the queue (stage 5); `None` is not at all.
        wait: Option<Duration>,
    },
    /// Makes one's own grant last `ttl` from now. Answered [`Reply::Done`], or [`Reply::Missing`].
    Renew {
        /// What is locked.
        name: Name,
        /// Why it is ours.
        proof: Proof,
        /// From now.
        ttl: Duration,
    },
    /// Ends one's own grant, or leaves the queue. Answered [`Reply::Done`], or [`Reply::Missing`].
    Release {
        /// What is locked.
        name: Name,
        /// Why it is ours.
        proof: Proof,
    },
}

impl Request {
    /// What it is about.
    pub fn name(&self) -> &Name {
        match self {
            Request::Set { name, .. }
            | Request::Get { name }
            | Request::Delete { name }
            | Request::Expire { name, .. }
            | Request::TimeLeft { name }
            | Request::Acquire { name, .. }
            | Request::Renew { name, .. }
            | Request::Release { name, .. } => name,
        }
    }
}

/// What [`Reply::TimeLeft`] says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum TimeLeft {
    /// Nothing lives there.
    Absent,
    /// It never ends.
    Forever,
    /// So long.
    Left(Duration),
}

/// What a lock server answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is yours from the moment the server took the request.
    Granted {
        /// The grant's number; [`Token::NONE`] from a server without fencing.
        token: Token,
    },
    /// Another holds it, or the condition did not hold.
    Refused,
    /// The change was made.
    Done,
    /// There is nothing of yours to change. For the holder this means: it is lost.
    Missing,
    /// What stands there.
    Value(Option<Owner>),
    /// How long it still lives.
    TimeLeft(TimeLeft),
    /// You stood in the queue and the lock was released: ask once more (stage 5).
    AskAgain,
    /// This server does not lead; ask another (stage 4).
    NotLeader,
    /// Too many wait already. Nothing was done.
    Overloaded,
}

/// What a storage is asked (stage 3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum StorageRequest {
    /// Announces a writer.
    Open {
        /// The cell.
        name: Name,
        /// The writer's fencing token.
        token: Token,
    },
    /// Puts `value` into the cell. The device is slow: it takes effect in a later handler.
    Write {
        /// The cell.
        name: Name,
        /// The writer's fencing token.
        token: Token,
        /// For the trace: who writes.
        owner: Owner,
        /// What to write.
        value: Value,
    },
}

/// What a storage answers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum StorageReply {
    /// Opened, or written and durable.
    Done,
    /// A larger token was here before: you no longer hold the lock.
    Stale {
        /// That token.
        newest: Token,
    },
}

/// What a program asks of its lock client: [`crate::Client`], [`crate::Session`], … .
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Op {
    /// Take the lock. Answered [`Ret::Locked`], [`Ret::Busy`] or [`Ret::Unknown`].
    Lock {
        /// What to lock.
        name: Name,
        /// How long a grant lasts unless it is renewed.
        ttl: Duration,
        /// How long to queue; `None` is not at all.
        wait: Option<Duration>,
    },
    /// Give it back. Answered [`Ret::Unlocked`], [`Ret::NotHeld`] or [`Ret::Unknown`].
    Unlock {
        /// What to unlock.
        name: Name,
    },
    /// Do what the lock protects, now. Answered [`Ret::Acted`] at once, or [`Ret::NotHeld`].
    Act {
        /// Under which lock.
        name: Name,
    },
    /// Write to the storage what the lock protects (stage 3). Answered [`Ret::Written`],
    /// [`Ret::NotHeld`], [`Ret::Stale`] or [`Ret::Unknown`].
    Write {
        /// Under which lock, and to which cell.
        name: Name,
        /// What to write.
        value: Value,
    },
    /// For servers of stage 4, from whoever watches over them: you lead from here on. Answered
    /// [`Ret::Leading`].
    Lead,
}

/// What a program is told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ret {
    /// The lock is held.
    Locked {
        /// The grant's number.
        token: Token,
    },
    /// Another holds it; or this client does already.
    Busy,
    /// It was ours and is given back.
    Unlocked,
    /// It is not ours (any more). Nothing was done.
    NotHeld,
    /// It was done under the lock.
    Acted,
    /// It is written and durable.
    Written,
    /// The storage has seen a later holder. Nothing was written.
    Stale,
    /// No answer came in time: it may have happened, or may yet.
    Unknown,
    /// It leads, or will as soon as it has read what it needs.
    Leading,
    /// This node does not do that.
    NotHere,
}

/// Every timer of the lab.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Timer {
    /// A holder renews.
    Renew(Name),
    /// A request has not been answered: send it again, or give up.
    NoAnswer(RequestId),
    /// A server looks at the queue for this name: a lease or a waiter's patience ends.
    Queue(Name),
    /// A storage's device is ready for the next write.
    Device,
    /// A leader saves how much of each lease is left.
    Checkpoint,
    /// A leader looks whether the lease of this name has ended.
    Ended(Name),
}
