//! Concurrent clients at all members, what they asked and what they were told, and the checker.
//!
//! A request that ends with an error may have been done, or may yet be: it stays open. How often a
//! key was put since it was made is a part of what a client sees, so a put that is done twice shows.

use super::client::{Client, Seen, block_on};
use super::cluster::{Cluster, Kind, MEMBERS};
use crate::draw::Draw;
use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::servers::Build;
use rustix::process::Signal;
use sim::history::{History, Instant, Operation, Told};
use sim::linear::{self, Model, Verdict};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant as Clock};

/// Clients at one time.
const CLIENTS: u32 = 8;
/// Keys that they meet at, at one time.
const KEYS: u64 = 3;

/// What a client asks of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Its value.
    Get,
    /// To set it.
    Put(Vec<u8>),
    /// To delete it.
    Delete,
    /// To set it if it does not exist.
    Make(Vec<u8>),
}

/// What a client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ret {
    /// What the key was.
    Seen(Seen),
    /// Whether it was made.
    Made(bool),
}

/// One operation: which key, and what.
pub type Op = (u64, Ask);
/// What was recorded.
pub type Recorded = Vec<Operation<Op, Ret>>;

/// One key.
pub struct OneKey;

impl Model for OneKey {
    type Op = Op;
    type Ret = Ret;
    type Key = u64;
    type State = Seen;

    fn key(&self, op: &Op) -> u64 {
        op.0
    }
    fn start(&self, _: &u64) -> Seen {
        None
    }
    fn apply(&self, state: &Seen, op: &Op, ret: Option<&Ret>) -> Option<Seen> {
        let put = |value: &Vec<u8>| {
            let times = state.as_ref().map_or(0, |(_, times)| *times);
            Some((value.clone(), times + 1))
        };
        let (after, told) = match &op.1 {
            Ask::Get => (state.clone(), Ret::Seen(state.clone())),
            Ask::Put(value) => (put(value), Ret::Seen(state.clone())),
            Ask::Delete => (None, Ret::Seen(state.clone())),
            Ask::Make(value) if state.is_none() => (put(value), Ret::Made(true)),
            Ask::Make(_) => (state.clone(), Ret::Made(false)),
        };
        ret.is_none_or(|ret| *ret == told).then_some(after)
    }
}

/// What the clients share.
struct Shared {
    ports: Vec<u16>,
    clock: Clock,
    stop: Cell<bool>,
    recorded: RefCell<Recorded>,
    next: Cell<u64>,
    /// Keys that they met at before.
    past_keys: Cell<u64>,
}

/// Clients that go on in the background until they are stopped.
pub struct Clients {
    shared: Rc<Shared>,
    tasks: tokio::task::JoinSet<()>,
}

impl Clients {
    /// Starts them; call it inside [`block_on`].
    pub fn start(cluster: &Cluster, round: u64) -> Clients {
        let shared = Rc::new(Shared {
            ports: cluster.members.iter().map(|m| m.client).collect(),
            clock: Clock::now(),
            stop: Cell::new(false),
            recorded: RefCell::default(),
            next: Cell::new(0),
            past_keys: Cell::new(0),
        });
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..CLIENTS {
            let shared = Rc::clone(&shared);
            tasks.spawn_local(async move { shared.client(number, round).await });
        }
        Clients { shared, tasks }
    }

    /// Operations that were answered so far.
    pub fn answered(&self) -> usize {
        let recorded = self.shared.recorded.borrow();
        recorded.iter().filter(|op| op.returned.is_some()).count()
    }

    /// From now on they write to new keys, and only read the old ones. A key that stays in use
    /// gathers open requests with each kill, and the checker must try all their orders.
    pub fn take_new_keys(&self) {
        let past = &self.shared.past_keys;
        past.set(past.get() + KEYS);
    }

    /// Lets them finish, and tells what happened.
    pub async fn stop(mut self) -> Recorded {
        self.shared.stop.set(true);
        while self.tasks.join_next().await.is_some() {}
        self.shared.recorded.take()
    }
}

impl Shared {
    async fn client(&self, number: u32, round: u64) {
        let mut draw = Draw::new(round * 1000 + u64::from(number));
        let mut connection = None;
        while !self.stop.get() {
            let client = match &mut connection {
                Some(client) => client,
                None => {
                    let port = self.ports[draw.below(self.ports.len() as u64) as usize];
                    match Client::connect(port).await {
                        Ok(client) => connection.insert(client),
                        Err(_down) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            continue;
                        }
                    }
                }
            };
            if self.ask(client, number, &mut draw).await.is_err() {
                // Another member, perhaps.
                connection = None;
            }
        }
    }

    fn micros(&self) -> u64 {
        self.clock.elapsed().as_micros() as u64
    }

    async fn ask(&self, client: &mut Client, number: u32, draw: &mut Draw) -> Result<(), ()> {
        let id = self.next.replace(self.next.get() + 1);
        let value = id.to_string().into_bytes();
        let ask = match draw.below(10) {
            0..4 => Ask::Get,
            4..8 => Ask::Put(value),
            8 => Ask::Delete,
            _ => Ask::Make(value),
        };
        let past = self.past_keys.get();
        let place = match ask {
            Ask::Get if draw.below(2) == 0 => draw.below(past + KEYS),
            _ => past + draw.below(KEYS),
        };
        let key = format!("key{place}").into_bytes();
        let moment = |at| Instant { place: 0, at };
        let mut operation = Operation {
            id,
            client: number,
            op: (place, ask.clone()),
            invoked: moment(self.micros()),
            returned: None,
            more: Vec::new(),
        };
        let answer = match ask {
            Ask::Get => client.get(&key).await.map(Ret::Seen),
            Ask::Put(value) => client.put(&key, value).await.map(Ret::Seen),
            Ask::Delete => client.delete(&key).await.map(Ret::Seen),
            Ask::Make(value) => client.make(&key, value).await.map(Ret::Made),
        };
        let when = moment(self.micros());
        let failed = answer.is_err();
        operation.returned = answer.ok().map(|ret| Told { when, ret });
        self.recorded.borrow_mut().push(operation);
        if failed { Err(()) } else { Ok(()) }
    }
}

/// Judges a history; answers how many operations were answered and how many stayed open.
pub fn judge(what: &str, recorded: Recorded) -> Result<(usize, usize), Outcome> {
    let answered = recorded.iter().filter(|op| op.returned.is_some()).count();
    let open = recorded.len() - answered;
    let verdict = linear::check(&OneKey, &History::from_times(recorded), linear::STEPS);
    ensure(verdict.passed(), || format!("{what}: {verdict}"))?;
    Ok((answered, open))
}

/// A value that nobody wrote, in one answer, must be found, or the check says nothing.
fn spoilt_is_found(mut recorded: Recorded) -> Result<(), Outcome> {
    let told = recorded.iter_mut().filter_map(|op| op.returned.as_mut());
    let mut seen = told.filter(|told| matches!(told.ret, Ret::Seen(_)));
    let Some(told) = seen.nth(20) else {
        return fail("the history has too few answers");
    };
    told.ret = Ret::Seen(Some((b"nobody's".to_vec(), 1)));
    let verdict = linear::check(&OneKey, &History::from_times(recorded), linear::STEPS);
    ensure(matches!(verdict, Verdict::NotLinearizable(_)), || {
        format!("a spoilt history was not found: {verdict}")
    })
}

/// Ours and etcd, each with a member that is stopped and goes on (SIGSTOP, SIGCONT), and one that
/// is killed and started again.
pub fn linearizable() -> Checked {
    let mut said = Vec::new();
    for kind in [Kind::Ours(Build::Dev), Kind::Etcd] {
        let mut cluster = Cluster::start(kind)?;
        let recorded = block_on(async {
            let clients = Clients::start(&cluster, 1);
            let pause = |ms| tokio::time::sleep(Duration::from_millis(ms));
            pause(500).await;
            for at in 0..MEMBERS {
                cluster.signal(at, Signal::STOP)?;
                pause(1500).await;
                cluster.signal(at, Signal::CONT)?;
                pause(500).await;
                cluster.kill(at);
                pause(700).await;
                cluster.up(at)?;
                pause(700).await;
            }
            Ok(clients.stop().await)
        })?;
        spoilt_is_found(recorded.clone())?;
        let (answered, open) = judge(kind.name(), recorded)?;
        let name = kind.name();
        said.push(format!("{name}: {answered} answered, {open} open"));
    }
    Ok(format!("linearizable: {}", said.join("; ")))
}
