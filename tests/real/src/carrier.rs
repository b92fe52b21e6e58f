//! Carries what a session says to real systems and back: locks to Redis (or to our server), writes
//! to the storage, a hash in Redis. Compiled twice, against the learner's crate and the reference:
//! `super::dist_lock` is the one or the other.

use super::dist_lock::{
    Msg, Name, Owner, Proof, Reply, Request, RequestId, Session, SessionConfig, StorageReply,
    StorageRequest, Token,
};
use super::dist_lock::{Op, Ret, Value};
use crate::exercise::holder::{self, Said, Setup};
use crate::exercise::storage;
use crate::resp::AsyncClient;
use lock_solution::wire::Frame;
use node::Addr;
use node::shell::{Shell, ShellConfig, ShellError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const ME: Addr = Addr(0);
const LOCKS: Addr = Addr(1);
const STORAGE: Addr = Addr(2);

/// Runs a session until this process' input ends: takes the lock, writes, and writes again.
pub async fn run(setup: Setup) -> Result<(), ShellError> {
    let config = SessionConfig {
        identity: setup.name.clone(),
        servers: vec![LOCKS],
        storage: Some(STORAGE),
        drift_ppm: 10_000,
        retry_after: Duration::from_millis(300),
        patience: Duration::from_secs(2),
    };
    let shell: Shell<Session> = Shell::boot(ShellConfig::new(ME), Arc::new(config))?;
    let (to_locks, from_session) = mpsc::unbounded_channel();
    shell.route(LOCKS, move |msg| drop(to_locks.send(msg)));
    tokio::task::spawn_local(carry_locks(shell.clone(), from_session, setup.clone()));
    let (to_storage, from_session) = mpsc::unbounded_channel();
    shell.route(STORAGE, move |msg| drop(to_storage.send(msg)));
    tokio::task::spawn_local(carry_writes(shell.clone(), from_session, setup.clone()));
    tokio::select! {
        ended = hold(&shell, &setup) => ended,
        () = holder::input_ended() => Ok(()),
    }
}

/// The program that has a session: it locks, and writes for as long as the session says yes.
async fn hold(shell: &Shell<Session>, setup: &Setup) -> Result<(), ShellError> {
    let name = Name::from(setup.lock_name);
    let mut number = 0;
    loop {
        let lock = Op::Lock {
            name: name.clone(),
            ttl: setup.ttl,
            wait: None,
        };
        match shell.call(lock).await? {
            Ret::Locked { token } => holder::say(Said::Locked(token.0)),
            _ => {
                tokio::time::sleep(holder::BETWEEN_TRIES).await;
                continue;
            }
        }
        loop {
            number += 1;
            let value = Value::new(format!("{}{number}", setup.name));
            let write = Op::Write {
                name: name.clone(),
                value: value.clone(),
            };
            match shell.call(write).await? {
                Ret::Written => holder::say(Said::Written(value.to_string())),
                Ret::Stale => holder::say(Said::Stale(value.to_string())),
                other => {
                    holder::say(Said::Lost(format!("{other:?}")));
                    break;
                }
            }
            tokio::time::sleep(holder::BETWEEN_WRITES).await;
        }
    }
}

async fn carry_locks(
    shell: Shell<Session>,
    mut requests: mpsc::UnboundedReceiver<Msg>,
    setup: Setup,
) {
    let mut server = AsyncClient::new(&setup.locks);
    while let Some(msg) = requests.recv().await {
        let Msg::Request(id, request) = msg else {
            continue;
        };
        let Some(command) = command(&request, setup.ours) else {
            eprintln!("the exercise does not carry this request: {request:?}");
            continue;
        };
        // No answer is a lost message: the session asks again.
        if let Ok(frame) = server.ask(&command).await {
            let reply = reply(&request, &frame);
            shell.deliver(LOCKS, Msg::Reply(id, reply));
        }
    }
}

/// Redis has no tokens: a counter beside the lock, in the script that takes it.
const ACQUIRE: &str = "\
local owner = redis.call('get', KEYS[1])
if owner == ARGV[1] then return tonumber(redis.call('get', KEYS[2])) end
if owner then return false end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('incr', KEYS[2])";
const RENEW: &str = "\
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return 0";
const RELEASE: &str = "\
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
return 0";

fn command(request: &Request, ours: bool) -> Option<Vec<Vec<u8>>> {
    let words = |parts: &[&[u8]]| Some(parts.iter().map(|p| p.to_vec()).collect());
    let millis = |ttl: &Duration| ttl.as_millis().to_string().into_bytes();
    let name = request.name().as_bytes();
    let counter = [name, b":token"].concat();
    match request {
        Request::Acquire { owner, ttl, .. } if ours => {
            words(&[b"LOCK.ACQUIRE", name, owner.as_bytes(), b"PX", &millis(ttl)])
        }
        Request::Acquire { owner, ttl, .. } => {
            let script = ACQUIRE.as_bytes();
            words(&[
                b"EVAL",
                script,
                b"2",
                name,
                &counter,
                owner.as_bytes(),
                &millis(ttl),
            ])
        }
        Request::Renew {
            proof: Proof::Owner(owner),
            ttl,
            ..
        } => {
            let script = RENEW.as_bytes();
            words(&[b"EVAL", script, b"1", name, owner.as_bytes(), &millis(ttl)])
        }
        Request::Release {
            proof: Proof::Owner(owner),
            ..
        } => words(&[b"EVAL", RELEASE.as_bytes(), b"1", name, owner.as_bytes()]),
        _ => None,
    }
}

fn reply(request: &Request, frame: &Frame) -> Reply {
    match (request, frame) {
        (Request::Acquire { .. }, Frame::Integer(token)) => Reply::Granted {
            token: Token(token.unsigned_abs()),
        },
        (Request::Acquire { .. }, _) => Reply::Refused,
        (_, Frame::Integer(1)) => Reply::Done,
        _ => Reply::Missing,
    }
}

async fn carry_writes(
    shell: Shell<Session>,
    mut requests: mpsc::UnboundedReceiver<Msg>,
    setup: Setup,
) {
    let mut redis = AsyncClient::new(&setup.storage);
    while let Some(msg) = requests.recv().await {
        let Msg::ToStorage(id, request) = msg else {
            continue;
        };
        let command = match &request {
            StorageRequest::Open { token, .. } => storage::open(token.0, setup.fenced),
            StorageRequest::Write {
                token,
                owner,
                value,
                ..
            } => {
                // The session has checked its lease and said yes; the write is on its way. Here a
                // process may be stopped for any time: this is where the exercise stops it.
                holder::say(Said::Writing(value.to_string()));
                tokio::time::sleep(holder::ON_ITS_WAY).await;
                let owner = text(owner);
                storage::write(token.0, &owner, &value.to_string(), setup.fenced)
            }
        };
        if let Ok(frame) = redis.ask(&command).await {
            answer(&shell, id, &frame);
        }
    }
}

fn answer(shell: &Shell<Session>, id: RequestId, frame: &Frame) {
    let reply = match frame {
        Frame::Integer(newest) if *newest > 0 => StorageReply::Stale {
            newest: Token(newest.unsigned_abs()),
        },
        Frame::Integer(_) => StorageReply::Done,
        other => {
            eprintln!("the storage answered {other:?}");
            return;
        }
    };
    shell.deliver(STORAGE, Msg::FromStorage(id, reply));
}

fn text(owner: &Owner) -> String {
    owner.to_string()
}
