//! Stage 5: a fair queue: one release, one grant, in the order of arrival.

mod support;

use dist_lock::{
    Caller, Cast, LockServer, Msg, Name, Owner, Proof, Reply, Request, Ret, ServerConfig, View,
    WaitQueue, Waiter,
};
use node::{Addr, LocalTime, OpId};
use sim::key::FaultKind;
use sim::{Ask, Checker, Faults, Scenario, Script, Turn, grade, ms};
use std::time::Duration;
use support::*;

/// More clients than the other stages have.
const D: Addr = Addr(4);
const E: Addr = Addr(5);
const MANY: [Addr; 5] = [A, B, C, D, E];

fn at(ms: u64) -> LocalTime {
    LocalTime::from_micros(ms * 1000)
}

fn waiter(owner: &str, call: u64, deadline: u64) -> Waiter {
    Waiter {
        caller: Caller::Client(OpId::external(call)),
        owner: Owner::from(owner),
        ttl: TTL,
        deadline: at(deadline),
    }
}

/// a, b and c wait, in this order, until 300, 100 and 200 ms.
fn three_wait() -> (WaitQueue, Name) {
    let (mut queue, name) = (WaitQueue::default(), name());
    for (i, (owner, deadline)) in [("a", 300), ("b", 100), ("c", 200)].into_iter().enumerate() {
        queue.join(&name, waiter(owner, i as u64, deadline));
    }
    (queue, name)
}

fn owners(waiters: &[Waiter]) -> Vec<Owner> {
    waiters.iter().map(|w| w.owner.clone()).collect()
}

#[test]
fn the_one_who_came_first_is_next() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        for expected in ["a", "b", "c"] {
            let next = queue.next(at(0), &name).map(|w| w.owner);
            t.check_eq(next, Some(Owner::from(expected)), "in the order of arrival");
        }
        t.check_eq(queue.next(at(0), &name), None, "nobody waits any more");
        t.check(!queue.has(&name), "and no empty queue is left behind");
        let other = Name::from("other");
        t.check_eq(queue.next(at(0), &other), None, "nobody ever waited here");
        t.check(!queue.has(&other), "and asking makes no queue");
    });
}

#[test]
fn who_has_no_patience_left_is_not_served() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        queue.next(at(0), &name);
        let next = queue.next(at(100), &name).map(|w| w.owner);
        t.check_eq(
            next,
            Some(Owner::from("c")),
            "b waited until 100 ms, no longer",
        );
        t.check_eq(queue.next(at(100), &name), None, "b is not next");
        t.check(queue.has(&name), "and still stands there, to be told");
        let told = queue.impatient(at(100), &name);
        t.check_eq(owners(&told), vec![Owner::from("b")], "b is told");
        t.check(!queue.has(&name), "and no empty queue is left behind");
    });
}

#[test]
fn all_who_lost_patience_leave_and_nobody_else() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        t.check_eq(queue.impatient(at(99), &name).len(), 0, "nobody yet");
        let left = queue.impatient(at(200), &name);
        let expected = vec![Owner::from("b"), Owner::from("c")];
        t.check_eq(
            owners(&left),
            expected,
            "b and c, in the order of the queue",
        );
        t.check_eq(queue.len(), 1, "a has time until 300 ms");
        let next = queue.next(at(200), &name).map(|w| w.owner);
        t.check_eq(next, Some(Owner::from("a")), "a is next");
        t.check_eq(queue.impatient(at(900), &name).len(), 0, "nobody is left");
        t.check(!queue.has(&name), "and no empty queue");
    });
}

#[test]
fn who_asks_again_keeps_the_place_and_the_deadline() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        queue.join(&name, waiter("a", 77, 900));
        t.check_eq(queue.len(), 3, "a stands there once");
        let next = queue.next(at(0), &name);
        t.check(next.is_some(), "somebody is next");
        if let Some(next) = next {
            t.check_eq(next.owner, Owner::from("a"), "a has kept its place");
            t.check_eq(next.deadline, at(300), "and its deadline");
            let latest = Caller::Client(OpId::external(77));
            t.check_eq(next.caller, latest, "the answer goes to the latest request");
        }
        queue.join(&Name::from("other"), waiter("b", 5, 50));
        t.check_eq(queue.len(), 3, "another name has a queue of its own");
    });
}

fn holds<C: Checker<Cast>>(w: &Script<Cast, C>, who: Addr) -> bool {
    matches!(w.view(who), Some(View::Client(client)) if !client.held.is_empty())
}

/// A holds the lock; the others stand in the queue, in this order, for five seconds.
fn line_up<C: Checker<Cast>>(w: &mut Script<Cast, C>, others: &[Addr]) -> Vec<OpId> {
    let first = w.op(A, lock_waiting(ms(100)));
    w.run_for(ms(20));
    w.expect(locked(w.answer(first)), "A has the lock");
    let mut ids = Vec::new();
    for other in others {
        ids.push(w.op(*other, lock_waiting(ms(5_000))));
        w.run_for(ms(10));
    }
    ids
}

#[test]
fn a_free_lock_is_granted_through_the_queue() {
    grade("D-I1", |t| {
        let all = (ServiceMutex::default(), OneHolder);
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.run_for(TTL * 2);
            w.expect(holds(w, A), "A keeps it as long as it likes");
            w.expect(
                ids.iter().all(|id| w.answer(*id).is_none()),
                "the others wait",
            );
            for (who, id) in [(B, ids[0]), (C, ids[1])] {
                let before = if who == B { A } else { B };
                w.op(before, unlock());
                w.run_for(ms(20));
                w.expect(locked(w.answer(id)), format!("{} is next", letter(who)));
                w.run_for(TTL * 2);
                w.expect(holds(w, who), "and renews");
            }
        });
    });
}

#[test]
fn one_release_wakes_one() {
    grade("D-I6", |t| {
        t.script(&sessions(&MANY), NoHerd::default(), |w| {
            let ids = line_up(w, &[B, C, D, E]);
            let replies = |w: &Script<Cast, NoHerd>| -> usize {
                let reply = |m: &Msg| matches!(m, Msg::Reply(..));
                MANY[2..]
                    .iter()
                    .map(|c| w.count_sent(SERVER, *c, reply))
                    .sum()
            };
            let before = replies(w);
            w.op(A, unlock());
            w.run_for(ms(30));
            w.expect(locked(w.answer(ids[0])), "B has waited longest");
            w.expect_eq(replies(w), before, "the others have heard nothing");
        });
    });
}

#[test]
fn fifty_wait_and_each_release_wakes_one() {
    grade("D-I6", |t| {
        let clients: Vec<Addr> = (1..=50).map(Addr).collect();
        let clients: Vec<Addr> = clients.into_iter().filter(|a| *a != SERVER).collect();
        t.script(&patient_sessions(&clients), NoHerd::default(), |w| {
            let ids = line_up(w, &clients[1..]);
            let grant = |m: &Msg| matches!(m, Msg::Reply(_, dist_lock::Reply::Granted { .. }));
            for (i, id) in ids.iter().enumerate() {
                w.op(clients[i], unlock());
                w.run_for(ms(20));
                w.expect(locked(w.answer(*id)), format!("number {} is next", i + 2));
            }
            let grants: usize = clients
                .iter()
                .map(|c| w.count_sent(SERVER, *c, grant))
                .sum();
            w.expect_eq(grants, clients.len(), "one grant for each of them");
        });
    });
}

/// Sessions that do not ask a silent server again while they stand in its queue.
fn patient_sessions(clients: &[Addr]) -> Scenario<Cast> {
    patient(sessions(clients))
}

#[test]
fn an_ended_lease_passes_to_the_next() {
    grade("D-I4", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.crash(A);
            let got = w.run_until(longest(TTL) + ms(30), |w| locked(w.answer(ids[0])));
            w.expect(
                got,
                "A's lease has ended, and B has the lock without asking again",
            );
            w.crash(B);
            let got = w.run_until(longest(TTL) + ms(30), |w| locked(w.answer(ids[1])));
            w.expect(got, "and C after B");
        });
    });
}

#[test]
fn who_gave_up_waiting_is_passed_over() {
    grade("D-I6", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all, |w| {
            line_up(w, &[]);
            let short = w.op(B, lock_waiting(ms(200)));
            w.run_for(ms(10));
            let long = w.op(C, lock_waiting(ms(5_000)));
            w.run_for(ms(230));
            w.expect_eq(
                w.answer(short).cloned(),
                Some(Ret::Busy),
                "B was told no at its time",
            );
            w.op(A, unlock());
            w.run_for(ms(20));
            w.expect(locked(w.answer(long)), "C gets it");
        });
    });
}

#[test]
fn who_went_away_swallows_no_grant() {
    grade("D-I6", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.cancel(ids[0]);
            w.run_for(ms(10));
            w.op(A, unlock());
            w.run_for(ms(20));
            w.expect(locked(w.answer(ids[1])), "C gets it at once");
        });
    });
}

#[test]
fn who_died_waiting_costs_one_ttl() {
    grade("D-I4", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.crash(B);
            w.op(A, unlock());
            let got = w.run_until(longest(TTL) + ms(60), |w| locked(w.answer(ids[1])));
            w.expect(got, "the dead client's lease ends like any other");
        });
    });
}

#[test]
fn a_grant_after_a_wait_is_rechecked() {
    grade("D-I5", |t| {
        let all = (ServiceMutex::default(), ConservativeClient::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B]);
            w.delay(SERVER, B, ms(200));
            let before = w.count_sent(B, SERVER, is_renewal);
            w.op(A, unlock());
            w.run_for(ms(250));
            w.expect(
                !locked(w.answer(ids[0])),
                "B does not yet know from when it counts",
            );
            w.expect(w.count_sent(B, SERVER, is_renewal) > before, "so it asks");
            w.run_for(ms(250));
            w.expect(locked(w.answer(ids[0])), "now it knows");
        });
    });
}

fn is_renewal(msg: &Msg) -> bool {
    matches!(msg, Msg::Request(_, Request::Renew { .. }))
}

#[test]
fn a_grant_that_came_too_late_is_no_grant() {
    grade("D-I5", |t| {
        let all = (
            ServiceMutex::default(),
            ConservativeClient::default(),
            OneHolder,
        );
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            // The grant is under way for longer than it lasts; by then C has the lock.
            w.hold(SERVER, B);
            w.op(A, unlock());
            w.run_for(longest(TTL) + ms(100));
            w.expect(locked(w.answer(ids[1])), "C has the lock");
            w.release(SERVER, B);
            w.run_for(ms(100));
            w.expect(
                !locked(w.answer(ids[0])),
                "B asks, and hears that it is lost",
            );
            w.expect(holds(w, C), "C still holds it");
        });
    });
}

#[test]
fn a_lost_grant_is_asked_for_again() {
    grade("D-I6", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.drop_next(SERVER, B, 1);
            w.op(A, unlock());
            w.run_for(ms(200));
            w.expect(locked(w.answer(ids[0])), "B asked again and has it");
            w.expect(w.answer(ids[1]).is_none(), "C waits");
        });
    });
}

#[test]
fn a_lost_recheck_is_sent_again() {
    grade("D-I8", |t| {
        let all = (ServiceMutex::default(), ConservativeClient::default());
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B]);
            w.hold(B, SERVER);
            w.op(A, unlock());
            w.run_for(ms(20));
            let lose = w.waiting().iter().any(|(_, _, m)| is_renewal(m));
            w.expect(lose, "B rechecks");
            w.lose(B, SERVER, is_renewal);
            w.release(B, SERVER);
            w.run_for(ms(300));
            w.expect(
                locked(w.answer(ids[0])),
                "and once more, since no answer came",
            );
        });
    });
}

#[test]
fn a_full_queue_says_so() {
    grade("D-I6", |t| {
        let mut scene = sessions(&MANY);
        for place in &mut scene.places {
            if let dist_lock::CastConfig::Server(cfg) = &*place.cfg {
                let mut cfg = cfg.clone();
                cfg.max_waiters = 2;
                place.cfg = std::sync::Arc::new(dist_lock::CastConfig::Server(cfg));
            }
        }
        t.script(&scene, NoHerd::default(), |w| {
            let ids = line_up(w, &[B, C, D]);
            w.expect(w.answer(ids[0]).is_none(), "B waits");
            w.expect_eq(
                w.answer(ids[2]).cloned(),
                Some(Ret::Busy),
                "there is no room for D",
            );
            w.op(A, unlock());
            w.run_for(ms(20));
            w.expect(locked(w.answer(ids[0])), "B is served");
        });
    });
}

/// Whether the program of `addr` may act now.
fn believes<C: Checker<Cast>>(w: &Script<Cast, C>, addr: Addr) -> bool {
    let ahead = |until| w.true_time(addr, until) > w.now();
    matches!(w.view(addr), Some(View::Client(client))
        if client.held.iter().any(|h| h.valid_until.is_none_or(ahead)))
}

/// `by` takes the free lock.
fn holds_now<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) {
    let id = w.op(by, lock());
    w.run_for(ms(10));
    w.expect(locked(w.answer(id)), format!("{} has the lock", letter(by)));
}

/// `by` asks, and waits for up to 10 s.
fn stands_in_line<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) -> OpId {
    let id = w.op(by, lock_waiting(ms(10_000)));
    w.run_for(ms(10));
    w.expect(w.answer(id).is_none(), format!("{} waits", letter(by)));
    id
}

#[test]
fn a_woken_waiter_looks_at_its_lease() {
    grade("D-I5", |t| {
        // The grant's answer takes most of the TTL.
        t.script(&sessions(&[A, B, C]), ConservativeClient::default(), |w| {
            holds_now(w, A);
            let second = stands_in_line(w, B);
            w.run_for(ms(2_000));
            w.delay(SERVER, B, ms(240));
            w.op(A, unlock());
            w.run_for(ms(600));
            w.expect(locked(w.answer(second)), "B has the lock");
            w.run_for(TTL * 2);
            w.expect(believes(w, B), "and keeps it");
        });
        // The answer comes when the lease has ended and C has the lock.
        t.script(&sessions(&[A, B, C]), ConservativeClient::default(), |w| {
            holds_now(w, A);
            let second = stands_in_line(w, B);
            w.isolate(B);
            w.op(A, unlock());
            w.run_for(TTL + ms(10));
            let third = w.op(C, lock());
            w.run_for(ms(10));
            w.expect(
                locked(w.answer(third)),
                "B's lease has ended, C has the lock",
            );
            w.heal();
            w.run_for(TTL);
            w.expect(!locked(w.answer(second)), "B was not told that it has it");
            w.expect(believes(w, C) && !believes(w, B), "C has it");
        });
        // The grant is under way while the program unlocks: nothing may come to life.
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            holds_now(w, A);
            stands_in_line(w, B);
            w.hold(SERVER, B);
            w.op(A, unlock());
            w.run_for(ms(10));
            w.op(B, unlock());
            w.release(SERVER, B);
            w.run_for(TTL + TTL / 2);
            w.expect(!believes(w, B), "B holds nothing");
        });
    });
}

#[test]
fn a_second_grant_revives_nothing() {
    grade("D-I5", |t| {
        // A copy of the grant comes while B gives the lock back.
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            holds_now(w, A);
            stands_in_line(w, B);
            w.duplicate_next(SERVER, B, ms(60));
            w.op(A, unlock());
            w.run_for(ms(20));
            w.expect(believes(w, B), "B has the lock");
            w.hold(SERVER, B);
            w.op(B, unlock());
            w.run_for(ms(80));
            w.expect(!believes(w, B), "B does not hold what it gives back");
            w.release(SERVER, B);
            w.run_for(ms(100));
            w.expect(!believes(w, B), "nor later");
        });
    });
}

#[test]
fn a_confirmation_that_came_too_late_is_none() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            w.delay(SERVER, A, ms(150));
            let (name, ttl, wait) = (name(), ms(100), Some(ms(1_000)));
            let id = w.op(A, dist_lock::Op::Lock { name, ttl, wait });
            w.run_for(ms(2_000));
            let told = w.answers(id).into_iter().any(|ret| locked(Some(ret)));
            w.expect(!told, "A is never told that it holds what has ended");
        });
    });
}

/// A server alone, asked as the RESP front end asks it.
fn server() -> Scenario<LockServer> {
    Scenario::new("lock").node(SERVER, "lock server", "server", ServerConfig::default())
}

#[test]
fn a_client_of_the_server_waits_too() {
    grade("D-I6", |t| {
        t.script(&server(), (), |w| {
            let acquire = |owner: &str, wait: Option<Duration>| Request::Acquire {
                name: name(),
                owner: Owner::from(owner),
                ttl: TTL,
                wait,
            };
            let granted = |answer: Option<&Reply>| matches!(answer, Some(Reply::Granted { .. }));
            let first = w.op(SERVER, acquire("a", None));
            w.expect(granted(w.answer(first)), "a has the lock");
            let second = w.op(SERVER, acquire("b", Some(ms(3_000))));
            let third = w.op(SERVER, acquire("c", Some(ms(3_000))));
            let fourth = w.op(SERVER, acquire("d", Some(ms(400))));
            w.cancel(second);
            w.run_for(ms(399));
            w.expect(w.answer(fourth).is_none(), "d still waits");
            w.run_for(ms(1));
            w.expect_eq(
                w.answer(fourth).cloned(),
                Some(Reply::Refused),
                "d waits no more",
            );
            let proof = Proof::Owner(Owner::from("a"));
            let back = Request::Release {
                name: name(),
                proof,
            };
            w.op(SERVER, back);
            w.expect(granted(w.answer(third)), "c is next: b has gone away");
            w.expect(w.answer(second).is_none(), "b hears nothing");
            let fifth = w.op(SERVER, acquire("e", Some(ms(3_000))));
            w.run_for(TTL - ms(1));
            w.expect(w.answer(fifth).is_none(), "e waits");
            w.run_for(ms(1));
            w.expect(
                granted(w.answer(fifth)),
                "c's lease has ended, at that very moment",
            );
            w.run_for(ms(3_000));
            w.expect(
                w.timers(SERVER).is_empty(),
                "with nobody waiting no timer is left",
            );
        });
    });
}

#[test]
fn a_plain_delete_serves_the_queue_too() {
    grade("D-I6", |t| {
        t.script(&server(), (), |w| {
            let acquire = |owner: &str| Request::Acquire {
                name: name(),
                owner: Owner::from(owner),
                ttl: TTL,
                wait: Some(ms(3_000)),
            };
            w.op(SERVER, acquire("a"));
            let second = w.op(SERVER, acquire("b"));
            w.op(SERVER, Request::Delete { name: name() });
            let granted = matches!(w.answer(second), Some(Reply::Granted { .. }));
            w.expect(granted, "whatever frees the lock, the next one gets it");
            let third = w.op(SERVER, acquire("c"));
            let ttl = Some(ms(10));
            w.op(SERVER, Request::Expire { name: name(), ttl });
            w.run_for(ms(10));
            let granted = matches!(w.answer(third), Some(Reply::Granted { .. }));
            w.expect(granted, "also when its end has been moved forward");
        });
    });
}

#[test]
fn many_runs_of_a_queue() {
    grade("D-I6", |t| {
        let mut faults = Faults::network();
        (faults.drift, faults.late) = (1.0, 0.1);
        (faults.pause, faults.crash, faults.cancel) = (0.02, 0.02, 0.05);
        let faults = faults
            .only(FaultKind::Crash, &[A, B, C])
            .only(FaultKind::Pause, &[A, B, C]);
        let mut scene = sessions(&[A, B, C])
            .with_faults(faults)
            .lasting(ms(5_000), ms(4_000));
        for client in [A, B, C] {
            scene = takes_turns(scene, client);
        }
        let all = (
            ServiceMutex::default(),
            OneHolder,
            Ownership::default(),
            ConservativeClient::default(),
            ReleaseLiveness::default(),
        );
        t.swarm(&scene, all);
    });
}

/// Waits for the lock, keeps it a little, unlocks, thinks, … .
fn takes_turns(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer());
        let wait = ms(200 + turn.draw.again(2).below(2_000));
        let op = if had { unlock() } else { lock_waiting(wait) };
        let after = Duration::from_micros(1 + turn.draw.below(600_000));
        Some(Ask { node, op, after })
    })
}
