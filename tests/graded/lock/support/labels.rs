//! How traces show the lab: what messages, operations, timers and leases are called.

use dist_lock::{
    Cast, Msg, Op, Proof, RegisterReply, RegisterRequest, Reply, Request, Ret, StorageReply,
    StorageRequest, Timer, View,
};
use sim::trace::Class;
use sim::{BandLabel, Label, Show};

/// How traces show the lab.
pub fn show() -> Show<Cast> {
    Show {
        msg: |msg| match msg {
            Msg::Request(_, request) => label(request_text(request), Class::Request),
            Msg::Reply(_, reply) => match reply {
                Reply::Refused | Reply::Missing | Reply::NotLeader | Reply::Overloaded => {
                    label(format!("{reply:?}"), Class::Refusal)
                }
                Reply::Granted { token } if token.0 > 0 => {
                    label(format!("granted · token {token}"), Class::Reply)
                }
                Reply::Granted { .. } => label("granted", Class::Reply),
                Reply::Value(Some(owner)) => label(format!("it is {owner}"), Class::Reply),
                Reply::Value(None) => label("nothing is there", Class::Reply),
                other => label(format!("{other:?}"), Class::Reply),
            },
            Msg::ToStorage(_, StorageRequest::Open { token, .. }) => {
                label(format!("open · token {token}"), Class::Request)
            }
            Msg::ToStorage(_, StorageRequest::Write { token, value, .. }) => {
                label(format!("write {value} · token {token}"), Class::Request)
            }
            Msg::FromStorage(_, StorageReply::Done) => label("done", Class::Reply),
            Msg::FromStorage(_, StorageReply::Stale { newest }) => {
                label(format!("stale: token {newest} was here"), Class::Refusal)
            }
            Msg::Update(update) => match &update.lease {
                Some(lease) => label(format!("update: {} has it", lease.owner), Class::Gossip),
                None => label("update: free", Class::Gossip),
            },
            Msg::ToRegister(_, request) => label(register_text(request), Class::Request),
            Msg::FromRegister(_, reply) => match reply {
                RegisterReply::All(records) => {
                    label(format!("the records: {}", records.len()), Class::Reply)
                }
                RegisterReply::Written { version } => {
                    label(format!("written, version {}", version.0), Class::Reply)
                }
                RegisterReply::Conflict { version, .. } => {
                    let text = format!("not written: version {} is there", version.0);
                    label(text, Class::Refusal)
                }
            },
        },
        op: |op| match op {
            Op::Lock { name, .. } => format!("lock {name}"),
            Op::Unlock { name } => format!("unlock {name}"),
            Op::Act { name } => format!("act under {name}"),
            Op::Write { value, .. } => format!("write {value}"),
            Op::Lead => "lead".into(),
        },
        ret: |ret| match ret {
            Ret::Locked { token } if token.0 > 0 => format!("locked · token {token}"),
            Ret::Locked { .. } => "locked".into(),
            other => format!("{other:?}").to_lowercase(),
        },
        timer: |timer| match timer {
            Timer::Renew(_) => "time to renew".into(),
            Timer::NoAnswer(_) => "no answer".into(),
            Timer::Queue(_) => "look at the queue".into(),
            Timer::Device => "the device is ready".into(),
            Timer::Checkpoint => "checkpoint".into(),
            Timer::Ended(_) => "a lease has ended".into(),
        },
        bands,
        dull: |_| false,
    }
}

fn label(text: impl Into<String>, class: Class) -> Label {
    let text = text.into();
    Label { text, class }
}

fn request_text(request: &Request) -> String {
    match request {
        Request::Set { owner, ttl, .. } => match ttl {
            Some(ttl) => format!("set {owner} for {} ms", ttl.as_millis()),
            None => format!("set {owner}"),
        },
        Request::Get { .. } => "get".into(),
        Request::Delete { .. } => "delete".into(),
        Request::Expire { .. } => "expire".into(),
        Request::TimeLeft { .. } => "time left?".into(),
        Request::Acquire { owner, .. } => format!("acquire for {owner}"),
        Request::Renew { proof, .. } => format!("renew {}", whose(proof)),
        Request::Release { proof, .. } => format!("release {}", whose(proof)),
    }
}

fn whose(proof: &Proof) -> String {
    match proof {
        Proof::Owner(owner) => format!("what {owner} holds"),
        Proof::Token(token) => format!("the grant with token {token}"),
    }
}

fn register_text(request: &RegisterRequest) -> String {
    let RegisterRequest::CompareAndSet { expect, record, .. } = request else {
        return "read all records".into();
    };
    let what = match record {
        Some(record) => format!("{} has it for {} ms", record.owner, record.left.as_millis()),
        None => "free".into(),
    };
    format!("write over version {}: {what}", expect.0)
}

fn bands(view: &View) -> Vec<BandLabel> {
    match view {
        View::Server(server) => server
            .leases
            .iter()
            .map(|lease| BandLabel {
                text: match lease.token.0 {
                    0 => format!("lease → {}", lease.owner),
                    token => format!("lease → {} · token {token}", lease.owner),
                },
                until: lease.until,
            })
            .collect(),
        View::Client(client) => client
            .held
            .iter()
            .map(|held| BandLabel { text: format!("holds {}", held.name), until: held.valid_until })
            .collect(),
        View::Storage(_) | View::Register(_) => Vec::new(),
    }
}
