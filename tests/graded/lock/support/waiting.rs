//! Stage 5: queues for the unit tests, and the steps of scripts about those who wait.

use super::*;
use dist_lock::{Caller, LockServer, Owner, Reply, Request, Ret, Timer, Token, WaitQueue, Waiter};
use node::{LocalTime, OpId};
use sim::{Checker, Script};

/// More clients than the other stages have.
pub const D: Addr = Addr(4);
pub const E: Addr = Addr(5);
pub const MANY: [Addr; 5] = [A, B, C, D, E];

pub fn at(ms: u64) -> LocalTime {
    LocalTime::from_micros(ms * 1000)
}

pub fn waiter(owner: &str, call: u64, deadline: u64) -> Waiter {
    Waiter {
        caller: Caller::Client(OpId::external(call)),
        owner: Owner::from(owner),
        ttl: TTL,
        deadline: at(deadline),
    }
}

/// a, b and c wait, in this order, until 300, 100 and 200 ms.
pub fn three_wait() -> (WaitQueue, Name) {
    let (mut queue, name) = (WaitQueue::default(), name());
    for (i, (owner, deadline)) in [("a", 300), ("b", 100), ("c", 200)].into_iter().enumerate() {
        queue.join(&name, waiter(owner, i as u64, deadline));
    }
    (queue, name)
}

pub fn owners(waiters: &[Waiter]) -> Vec<Owner> {
    waiters.iter().map(|w| w.owner.clone()).collect()
}

pub fn next_at(queue: &mut WaitQueue, ms: u64, name: &Name) -> Option<Owner> {
    queue.next(at(ms), name).map(|w| w.owner)
}

/// A holds the lock; the others stand in the queue, in this order, for five seconds.
pub fn line_up<C: Checker<Cast>>(w: &mut Script<Cast, C>, others: &[Addr]) -> Vec<OpId> {
    let first = w.op(A, lock_waiting(ms(100)));
    w.run_for(ms(20));
    granted(w, first, "A asks for a free lock, by way of the queue");
    let mut ids = Vec::new();
    for other in others {
        ids.push(w.op(*other, lock_waiting(ms(5_000))));
        w.run_for(ms(10));
    }
    ids
}

/// A lets go; what follows has 20 ms of time.
pub fn a_unlocks<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    w.op(A, unlock());
    w.run_for(ms(20));
}

/// `id` must be answered with the lock when a lease ends, without anybody asking again.
#[track_caller]
pub fn inherits<C: Checker<Cast>>(w: &mut Script<Cast, C>, id: OpId, why: &str) {
    w.run_until(longest(TTL) + ms(60), |w| locked(w.answer(id)));
    granted(w, id, format!("{why}, more than a TTL ago"));
}

/// `by` asks, and waits for up to 10 s.
pub fn stands_in_line<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) -> OpId {
    let id = w.op(by, lock_waiting(ms(10_000)));
    w.run_for(ms(10));
    waits(w, id, format!("{} stands in the queue", letter(by)));
    id
}

/// A server alone, asked as the RESP front end asks it.
pub fn server() -> Scenario<LockServer> {
    Scenario::new("lock").node(SERVER, "lock server", "server", ServerConfig::default())
}

pub fn acquire(owner: &str, wait: Option<Duration>) -> Request {
    Request::Acquire { name: name(), owner: Owner::from(owner), ttl: TTL, wait }
}

pub const GRANTED: Option<Reply> = Some(Reply::Granted { token: Token::NONE });

/// The server must have answered `id` with `wanted`; `None` is not at all.
#[track_caller]
pub fn replied(w: &mut Script<LockServer, ()>, id: OpId, wanted: Option<Reply>, why: &str) {
    let seen = w.answer(id).cloned();
    let text = format!("{why}: the reply should be {wanted:?}, and is {seen:?}");
    w.expect(seen == wanted, text);
}

/// With nobody waiting the server must have no timer for the queue.
#[track_caller]
pub fn no_timer_is_left(w: &mut Script<LockServer, ()>) {
    let queue = |timer: &&Timer| matches!(timer, Timer::Queue(_));
    let left = w.timers(SERVER).into_iter().filter(queue).count();
    w.expect(left == 0, "nobody waits, so no timer should be left for the queue, and one is");
}
