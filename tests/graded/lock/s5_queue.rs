//! Stage 5: a fair queue: one release, one grant, in the order of arrival.

mod support;

use dist_lock::{
    Caller, Cast, CastConfig, Msg, Name, Op, Owner, Proof, Reply, Request, Ret, ServerConfig,
    Token, Waiter,
};
use node::{Addr, OpId};
use sim::key::FaultKind;
use sim::{Faults, Script, grade, ms};
use std::sync::Arc;
use support::waiting::*;
use support::*;

#[test]
fn the_one_who_came_first_is_next() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        for expected in ["a", "b", "c"] {
            let text = "a, b and c came in this order and should be served so";
            let next = next_at(&mut queue, 0, &name);
            t.check_eq(next, Some(Owner::from(expected)), text);
        }
        let text = "all three have been served, so nobody should be next";
        t.check_eq(next_at(&mut queue, 0, &name), None, text);
        t.check(!queue.has(&name), "nobody waits, but an empty queue was left behind");
        let other = Name::from("other");
        let text = "nobody ever waited for this name, so nobody should be next";
        t.check_eq(next_at(&mut queue, 0, &other), None, text);
        t.check(!queue.has(&other), "asking who is next must make no queue, and it did");
    });
}

#[test]
fn who_has_no_patience_left_is_not_served() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        next_at(&mut queue, 0, &name);
        let text = "b waits until 100 ms and no longer, so c should be next at 100 ms";
        t.check_eq(next_at(&mut queue, 100, &name), Some(Owner::from("c")), text);
        let text = "b's patience has ended at 100 ms, so nobody should be next";
        t.check_eq(next_at(&mut queue, 100, &name), None, text);
        t.check(queue.has(&name), "b was passed over and should still stand there, to be told");
        let told = owners(&queue.impatient(at(100), &name));
        t.check_eq(told, vec![Owner::from("b")], "impatient should take out b, and b only");
        t.check(!queue.has(&name), "nobody waits, but an empty queue was left behind");
    });
}

#[test]
fn all_who_lost_patience_leave_and_nobody_else() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        let early = queue.impatient(at(99), &name).len();
        t.check_eq(early, 0, "the shortest patience ends at 100 ms, so nobody should leave at 99");
        let left = owners(&queue.impatient(at(200), &name));
        let expected = vec![Owner::from("b"), Owner::from("c")];
        let text = "at 200 ms b and c should leave, in the order of the queue";
        t.check_eq(left, expected, text);
        t.check_eq(queue.len(), 1, "a has time until 300 ms and should be the only one left");
        let next = next_at(&mut queue, 200, &name);
        t.check_eq(next, Some(Owner::from("a")), "a is left, so a should be next");
        let late = queue.impatient(at(900), &name).len();
        t.check_eq(late, 0, "nobody is left, so nobody should leave");
        t.check(!queue.has(&name), "nobody waits, but an empty queue was left behind");
    });
}

#[test]
fn who_asks_again_keeps_the_place_and_the_deadline() {
    grade("D-I6", |t| {
        let (mut queue, name) = three_wait();
        let ttl = ms(7);
        queue.join(&name, Waiter { ttl, ..waiter("a", 77, 900) });
        t.check_eq(queue.len(), 3, "a has asked twice and should stand in the queue once");
        let next = queue.next(at(0), &name);
        t.check(next.is_some(), "three wait, but nobody is next");
        if let Some(next) = next {
            t.check_eq(next.owner, Owner::from("a"), "a came first and should keep its place");
            t.check_eq(next.deadline, at(300), "a should keep the deadline it came with");
            t.check_eq(next.ttl, TTL, "only the caller should be replaced, not the TTL");
            let latest = Caller::Client(OpId::external(77));
            let text = "the answer should go to a's latest request";
            t.check_eq(next.caller, latest, text);
        }
        queue.join(&Name::from("other"), waiter("b", 5, 50));
        t.check_eq(queue.len(), 3, "b waits for two names and should stand in a queue for each");
    });
}

#[test]
fn a_free_lock_is_granted_through_the_queue() {
    grade("D-I1", |t| {
        let all = (ServiceMutex::default(), OneHolder);
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B, C]);
            w.run_for(TTL * 2);
            holds(w, A, "A renews, and keeps it as long as it likes");
            for id in &ids {
                waits(w, *id, "A holds the lock");
            }
            for (before, who, id) in [(A, B, ids[0]), (B, C, ids[1])] {
                w.op(before, unlock());
                w.run_for(ms(20));
                granted(
                    w,
                    id,
                    format!("{} has unlocked and {} is next", letter(before), letter(who)),
                );
                w.run_for(TTL * 2);
                holds(w, who, "it renews");
            }
        });
    });
}

#[test]
fn a_waiter_gets_the_token_of_its_grant() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            let first = takes(w, A, FREE);
            let id = stands_in_line(w, B);
            a_unlocks(w);
            let second = granted(w, id, "A has unlocked and B is next");
            let text = format!(
                "B's grant is later than A's, but its token {second} is not larger than {first}"
            );
            w.expect(second > first && second != Token::NONE, text);
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
                let others = MANY[2..].iter();
                others.map(|c| w.count_sent(SERVER, *c, reply)).sum()
            };
            let before = replies(w);
            a_unlocks(w);
            granted(w, ids[0], "A has unlocked and B has waited longest");
            let heard = replies(w) - before;
            let text = format!("only B is next, but the others were sent {heard} messages");
            w.expect(heard == 0, text);
        });
    });
}

#[test]
fn fifty_wait_and_each_release_wakes_one() {
    grade("D-I6", |t| {
        let clients: Vec<Addr> = (1..=50).map(Addr).filter(|a| *a != SERVER).collect();
        t.script(&patient(sessions(&clients)), NoHerd::default(), |w| {
            let ids = line_up(w, &clients[1..]);
            for (i, id) in ids.iter().enumerate() {
                w.op(clients[i], unlock());
                w.run_for(ms(20));
                granted(w, *id, format!("the holder has unlocked and number {} is next", i + 2));
            }
            let grant = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Granted { .. }));
            let grants: usize = clients.iter().map(|c| w.count_sent(SERVER, *c, grant)).sum();
            let text = format!(
                "there should be one grant for each of {}, and there are {grants}",
                clients.len()
            );
            w.expect(grants == clients.len(), text);
        });
    });
}

#[test]
fn an_ended_lease_passes_to_the_next() {
    grade("D-I4", |t| {
        let all = (ServiceMutex::default(), NoHerd::default());
        t.script(&sessions(&MANY), all.clone(), |w| {
            let ids = line_up(w, &[B, C]);
            w.crash(A);
            inherits(w, ids[0], "A died");
            w.crash(B);
            inherits(w, ids[1], "B died");
        });
        // Nobody asks again while it waits: the server must look at the queue by itself, each time.
        t.script(&patient(sessions(&MANY)), all, |w| {
            let ids = line_up(w, &[B, C, D, E]);
            w.crash(A);
            w.crash(B);
            w.crash(C);
            w.run_for(TTL * 2);
            inherits(w, ids[2], "A, B and C died one after the other, and C's lease ended");
            w.crash(D);
            inherits(w, ids[3], "D died");
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
            told(w, short, Ret::Busy, "B wanted to wait for 200 ms, and they are over");
            a_unlocks(w);
            granted(w, long, "A has unlocked, B waits no more, and C is next");
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
            a_unlocks(w);
            granted(w, ids[1], "A has unlocked, B has gone away, and C is next");
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
            inherits(w, ids[1], "A unlocked, and dead B got the lock");
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
            let before = renewals(w, B);
            w.op(A, unlock());
            w.run_for(ms(250));
            waits(w, ids[0], "B was granted the lock and cannot know yet from when it counts");
            let asked = renewals(w, B) > before;
            w.expect(asked, "B was granted the lock after a wait, but it has not renewed it");
            w.run_for(ms(250));
            granted(w, ids[0], "B's renewal was answered");
        });
    });
}

#[test]
fn a_recheck_counts_from_its_own_sending() {
    grade("D-I5", |t| {
        // The first is answered slowly; those that B sends in the meantime are lost.
        let all = (ServiceMutex::default(), ConservativeClient::default());
        t.script(&sessions(&[A, B]), all.clone(), |w| {
            let ids = line_up(w, &[B]);
            w.hold(B, SERVER);
            a_unlocks(w);
            w.delay(SERVER, B, ms(200));
            w.deliver(B, SERVER, is_renewal);
            w.run_for(ms(210));
            granted(w, ids[0], "B's first renewal was answered, after 200 ms");
            w.run_for(TTL);
            doubts(w, B, "only B's first renewal has reached the server, more than a TTL ago");
        });
        // The next renewal is due a third of the TTL after the sending, so that one may be lost.
        t.script(&patient(sessions(&[A, B])), all, |w| {
            let ids = line_up(w, &[B]);
            w.delay(SERVER, B, ms(280));
            w.op(A, unlock());
            w.run_for(ms(575));
            granted(w, ids[0], "the grant and the answer to B's renewal took 280 ms each");
            w.drop_next(B, SERVER, 1);
            for _ in 0..20 {
                w.run_for(ms(100));
                holds(w, B, "one renewal was lost, and the next is due in time for its answer");
            }
        });
    });
}

#[test]
fn a_grant_that_came_too_late_is_no_grant() {
    grade("D-I5", |t| {
        let (mutex, belief) = (ServiceMutex::default(), ConservativeClient::default());
        t.script(&sessions(&MANY), (mutex, belief, OneHolder), |w| {
            let ids = line_up(w, &[B, C]);
            // The grant is under way for longer than it lasts; by then C has the lock.
            w.hold(SERVER, B);
            w.op(A, unlock());
            w.run_for(longest(TTL) + ms(100));
            granted(w, ids[1], "B's lease has ended, unused, and C is next");
            w.release(SERVER, B);
            w.run_for(ms(100));
            told(w, ids[0], Ret::Busy, "B asks about its grant and hears that it is lost");
            holds(w, C, "B's lease ended before C's began");
            // What B has sent again and again while it heard nothing stands in the queue.
            unlocks(w, C);
            takes(w, D, "C has unlocked, and B has given up and left the queue");
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
            granted(w, ids[0], "B's grant was lost, and B has asked again");
            waits(w, ids[1], "B holds the lock");
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
            a_unlocks(w);
            let lose = w.waiting().iter().any(|(_, _, m)| is_renewal(m));
            w.expect(lose, "B was granted the lock after a wait, but it has not renewed it");
            w.lose(B, SERVER, is_renewal);
            w.release(B, SERVER);
            w.run_for(ms(300));
            granted(w, ids[0], "B's renewal was lost, and B should have sent another");
        });
    });
}

#[test]
fn an_unlock_while_confirming_gives_the_lock_back() {
    grade("D-I4", |t| {
        let all = (ServiceMutex::default(), OneHolder);
        t.script(&sessions(&MANY), all, |w| {
            let ids = line_up(w, &[B]);
            w.hold(SERVER, B);
            a_unlocks(w);
            let grant = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Granted { .. }));
            w.deliver(SERVER, B, grant);
            w.run_for(ms(5));
            waits(w, ids[0], "B's renewal is not answered yet");
            let back = w.op(B, unlock());
            told(w, ids[0], Ret::NotHeld, "B has unlocked before it knew that it had the lock");
            told(w, back, Ret::Unlocked, "B unlocks a lock that it still waits for");
            w.run_for(ms(10));
            w.release(SERVER, B);
            w.run_for(ms(10));
            doubts(w, B, "the answer to B's renewal arrives after the unlock");
            takes(w, C, "B has unlocked");
        });
    });
}

#[test]
fn a_full_queue_says_so() {
    grade("D-I6", |t| {
        let mut scene = sessions(&MANY);
        for place in &mut scene.places {
            if let CastConfig::Server(cfg) = &*place.cfg {
                let max_waiters = 2;
                let cfg = ServerConfig { max_waiters, ..cfg.clone() };
                place.cfg = Arc::new(CastConfig::Server(cfg));
            }
        }
        t.script(&scene, NoHerd::default(), |w| {
            let ids = line_up(w, &[B, C, D]);
            waits(w, ids[0], "there is room for two, and B was the first");
            told(w, ids[2], Ret::Busy, "there is room for two, and D was the third");
            a_unlocks(w);
            granted(w, ids[0], "A has unlocked and B is next");
        });
    });
}

#[test]
fn a_woken_waiter_looks_at_its_lease() {
    grade("D-I5", |t| {
        // The grant's answer takes some of the TTL, after a long wait.
        t.script(&sessions(&[A, B, C]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            let second = stands_in_line(w, B);
            w.run_for(ms(2_000));
            w.delay(SERVER, B, ms(240));
            w.op(A, unlock());
            w.run_for(ms(600));
            granted(w, second, "the answer to B's renewal has arrived");
            w.run_for(TTL * 2);
            holds(w, B, "B renews, and each renewal is answered");
        });
        // The answer comes when the lease has ended and C has the lock.
        t.script(&sessions(&[A, B, C]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            let second = stands_in_line(w, B);
            w.isolate(B);
            w.op(A, unlock());
            w.run_for(TTL + ms(10));
            takes(w, C, "B's lease has ended");
            w.heal();
            w.run_for(TTL);
            not_granted(w, second, "B's lease had ended before B heard of it");
            holds(w, C, "C renews");
            doubts(w, B, "C holds the lock");
        });
        // The grant is under way while the program unlocks: nothing may come to life.
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            stands_in_line(w, B);
            w.hold(SERVER, B);
            w.op(A, unlock());
            w.run_for(ms(10));
            w.op(B, unlock());
            w.release(SERVER, B);
            w.run_for(TTL + TTL / 2);
            doubts(w, B, "B has unlocked while the grant was under way");
        });
    });
}

#[test]
fn a_second_grant_revives_nothing() {
    grade("D-I5", |t| {
        // A copy of the grant comes while B gives the lock back.
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            stands_in_line(w, B);
            w.duplicate_next(SERVER, B, ms(60));
            a_unlocks(w);
            holds(w, B, "A has unlocked and B was next");
            w.hold(SERVER, B);
            let back = w.op(B, unlock());
            w.run_for(ms(80));
            doubts(w, B, "B gives the lock back, and a copy of its grant has arrived");
            w.release(SERVER, B);
            w.run_for(ms(100));
            doubts(w, B, "B has given the lock back");
            told(w, back, Ret::Unlocked, "B unlocked what it held, whatever arrived twice");
        });
    });
}

#[test]
fn a_confirmation_that_came_too_late_is_none() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            w.delay(SERVER, A, ms(150));
            let (name, ttl, wait) = (name(), ms(100), Some(ms(1_000)));
            let id = w.op(A, Op::Lock { name, ttl, wait });
            w.run_for(ms(2_000));
            not_granted(w, id, "each answer takes 150 ms, and the lease lasts for 100 ms");
            let back = w.count_sent(A, SERVER, is_release);
            w.expect(back > 0, "A does not use the grant, so it should give it back, and did not");
        });
    });
}

#[test]
fn a_client_of_the_server_waits_too() {
    grade("D-I6", |t| {
        t.script(&server(), (), |w| {
            let long = Some(ms(3_000));
            let first = w.op(SERVER, acquire("a", None));
            replied(w, first, GRANTED, "a asks for a free lock");
            let second = w.op(SERVER, acquire("b", long));
            let third = w.op(SERVER, acquire("c", long));
            let fourth = w.op(SERVER, acquire("d", Some(ms(400))));
            w.cancel(second);
            w.run_for(ms(399));
            replied(w, fourth, None, "d waits for 400 ms, and a holds the lock");
            w.run_for(ms(1));
            replied(w, fourth, Some(Reply::Refused), "d's 400 ms are over at this moment");
            let proof = Proof::Owner(Owner::from("a"));
            w.op(SERVER, Request::Release { name: name(), proof });
            replied(w, third, GRANTED, "a has released, b has gone away, and c is next");
            replied(w, second, None, "b has gone away");
            let fifth = w.op(SERVER, acquire("e", long));
            w.run_for(TTL - ms(1));
            replied(w, fifth, None, "c's lease has a millisecond left");
            w.run_for(ms(1));
            replied(w, fifth, GRANTED, "c's lease has ended at this moment");
            no_timer_is_left(w);
        });
    });
}

#[test]
fn a_plain_delete_serves_the_queue_too() {
    grade("D-I6", |t| {
        t.script(&server(), (), |w| {
            let long = Some(ms(3_000));
            w.op(SERVER, acquire("a", long));
            let second = w.op(SERVER, acquire("b", long));
            w.op(SERVER, Request::Delete { name: name() });
            replied(w, second, GRANTED, "the lock was deleted, which frees it, and b is next");
            no_timer_is_left(w);
            let third = w.op(SERVER, acquire("c", long));
            let ttl = Some(ms(10));
            w.op(SERVER, Request::Expire { name: name(), ttl });
            w.run_for(ms(10));
            replied(w, third, GRANTED, "b's lease was made to end by now, and c is next");
        });
    });
}

#[test]
fn many_runs_of_a_queue() {
    grade("D-I6", |t| {
        let mut faults = Faults::network();
        (faults.drift, faults.late) = (1.0, 0.1);
        (faults.pause, faults.crash, faults.cancel) = (0.02, 0.02, 0.05);
        let faults = faults.only(FaultKind::Crash, &[A, B, C]).only(FaultKind::Pause, &[A, B, C]);
        let scene = [A, B, C]
            .into_iter()
            .fold(sessions(&[A, B, C]), waits_and_unlocks)
            .with_faults(faults)
            .lasting(ms(5_000), ms(4_000));
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
