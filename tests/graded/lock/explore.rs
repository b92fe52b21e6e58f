//! What `cargo lab explore lock` offers: the scenes of the stages, and the paths that were saved in them.

mod support;

use dist_lock::{Cast, Op};
use node::Addr;
use sim::hand::{self, Scene};
use sim::{grade, ms};
use support::*;

const PAIR: [Addr; 2] = [A, B];
const THREE: [Addr; 3] = [A, B, C];
const MANY: [Addr; 5] = [A, B, C, Addr(4), Addr(5)];

/// Each of `ops`, asked of each of `clients`.
fn each(clients: &[Addr], ops: impl Fn(Addr) -> Vec<Op>) -> Vec<(Addr, Op)> {
    let of = |client: &Addr| {
        let client = *client;
        ops(client).into_iter().map(move |op| (client, op))
    };
    clients.iter().flat_map(of).collect()
}

fn scenes() -> Vec<Scene<Cast>> {
    let step = ms(100);
    let plainly = |_: Addr| vec![lock(), unlock(), act()];
    let writes = |client| {
        let text = format!("from {}", letter(client));
        vec![lock(), unlock(), write(&text)]
    };
    let table = (ServiceMutex::default(), Ownership::default(), ReleaseLiveness::default());
    let session = (
        ServiceMutex::default(),
        Ownership::default(),
        ConservativeClient::default(),
        NoResurrection::default(),
        ReleaseLiveness::default(),
    );
    let queue = (
        ServiceMutex::default(),
        OneHolder,
        Ownership::default(),
        ConservativeClient::default(),
        NoHerd::default(),
    );
    let waits = |_: Addr| vec![lock_waiting(ms(10_000)), unlock()];
    let leads = |leaders: &[Addr]| {
        let mut asks = each(&PAIR, plainly);
        asks.extend(leaders.iter().map(|leader| (*leader, Op::Lead)));
        asks
    };
    let (mutex, ownership) = ("D-I1 ServiceMutex", "D-I3 Ownership");
    vec![
        Scene::new("plain", plain(&THREE), table)
            .watching([mutex, ownership, "D-I4 ReleaseLiveness"])
            .asking(each(&THREE, plainly))
            .timed(step),
        Scene::new("sessions", sessions(&THREE), session)
            .watching([mutex, ownership, "D-I4 ReleaseLiveness"])
            .watching(["D-I5 ConservativeClient", "D-I7 NoResurrection"])
            .asking(each(&THREE, plainly))
            .timed(step),
        Scene::new("fenced", fenced(&PAIR), (Fencing::default(), NoResurrection::default()))
            .watching(["D-I2 Fencing", "D-I7 NoResurrection"])
            .asking(each(&PAIR, writes))
            .timed(step),
        Scene::new("failover", failover(&PAIR), OneHolder)
            .watching([mutex])
            .asking(leads(&[TWO]))
            .timed(step),
        Scene::new("redlock", redlock(&PAIR, &FIVE[..3], TTL), OneHolder)
            .watching([mutex])
            .asking(each(&PAIR, plainly))
            .timed(step),
        Scene::new("registered", registered(&PAIR), OneHolder)
            .watching([mutex])
            .asking(leads(&[ONE, TWO]))
            .timed(step),
        Scene::new("queue", sessions(&MANY), queue)
            .watching([mutex, ownership, "D-I5 ConservativeClient", "D-I6 NoHerd"])
            .asking(each(&MANY, waits))
            .timed(step),
    ]
}

#[test]
#[ignore = "answers the page of `cargo lab explore lock`"]
fn by_hand() {
    hand::serve(&scenes());
}

#[test]
fn saved_paths() {
    grade("saved paths", |t| hand::saved(t, "lock", &scenes()));
}
