//! Stage 2: a session that renews its lease, and knows until when it may believe.

mod support;

use dist_lock::{Cast, Msg, Ret, deadline};
use node::{Addr, LocalTime};
use sim::explore::{Budget, Scope};
use sim::{Checker, FaultKind, Faults, Script, grade, ms};
use std::time::Duration;
use support::*;

#[test]
fn the_deadline_counts_from_the_sending() {
    grade("D-I5", |t| {
        let at = LocalTime::from_micros;
        let (sent, ten) = (at(5_000_000), ms(10_000));
        let text = "without drift the deadline should be the whole TTL after the sending";
        t.check_eq(deadline(sent, ten, 0), at(15_000_000), text);
        // 10 s · 0.99 / 1.01 = 9.80198… s, and never rounded up.
        let text = "with 1 % of drift, 10 s should count as 10 s · 0.99 / 1.01, rounded down";
        t.check_eq(deadline(sent, ten, 10_000), at(14_801_980), text);
        let text = "with 100 ppm of drift, 1 ms should count as 999 µs, rounded down";
        t.check_eq(deadline(sent, ms(1), 100), at(5_000_999), text);
        let text = "a clock that may stand still gives no time at all";
        t.check_eq(deadline(sent, ten, 1_000_000), sent, text);
        let long = deadline(sent, Duration::from_secs(1 << 40), 10_000);
        t.check(long > sent, "a very long TTL should give a late deadline, but it overflowed");
    });
}

#[test]
fn a_session_keeps_its_lock() {
    grade("D-I8", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            takes(w, A, FREE);
            for _ in 0..50 {
                w.run_for(ms(100));
                holds(w, A, "A's renewals are all answered");
            }
            let sent = renewals(w, A);
            let text = format!("in 5 TTL there should be about 15 renewals, and there were {sent}");
            w.expect((14..=16).contains(&sent), text);
            is_refused(w, B, "A holds the lock");
            let back = w.op(A, unlock());
            doubts(w, A, "A has begun to unlock");
            w.run_for(ms(10));
            told(w, back, Ret::Unlocked, "A unlocks what it holds");
            takes(w, B, "A has given the lock back");
            let sent = renewals(w, A);
            w.run_for(TTL);
            renewed_no_more(w, A, sent, "A has given the lock back");
        });
    });
}

#[test]
fn the_server_frees_what_is_not_renewed() {
    grade("D-I4", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(490));
            w.crash(A);
            w.run_for(TTL);
            takes(w, B, "A's last renewal is more than a TTL ago");
        });
    });
}

#[test]
fn a_slow_answer_shortens_the_belief() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            w.delay(SERVER, A, ms(250));
            let first = w.op(A, lock());
            w.run_for(ms(260));
            granted(w, first, "the grant took 250 ms");
            // From now on an answer comes only when the next renewal has been sent already.
            for slow in [250, 400] {
                w.delay(SERVER, A, ms(slow));
                for _ in 0..20 {
                    w.run_for(TTL / 10);
                    holds(w, A, format!("every renewal is answered, {slow} ms later"));
                }
            }
            w.cut_link(A, SERVER);
            w.run_for(TTL);
            doubts(w, A, "no renewal has reached the server for a TTL");
        });
    });
}

#[test]
fn a_slow_grant_is_renewed_in_time() {
    grade("D-I8", |t| {
        // The lease began when the request was sent, so a third of it is nearly over.
        t.script(&sessions(&[A]), watched(), |w| {
            w.delay(SERVER, A, ms(280));
            let first = w.op(A, lock());
            w.run_for(ms(290));
            granted(w, first, "the grant took 280 ms");
            w.drop_next(A, SERVER, 1);
            for _ in 0..20 {
                w.run_for(ms(100));
                holds(w, A, "one renewal was lost, and the next is due in time for its answer");
            }
        });
    });
}

#[test]
fn a_grant_that_came_too_late_is_none() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            w.delay(SERVER, A, ms(150));
            let first = w.op(A, lock_for(ms(100)));
            w.run_for(ms(145));
            waits(w, first, "the grant is still under way");
            let before = w.count_sent(A, SERVER, is_release);
            w.run_for(ms(15));
            told(w, first, Ret::Busy, "the grant's deadline had passed before it arrived");
            doubts(w, A, "the grant's deadline had passed before it arrived");
            let back = w.count_sent(A, SERVER, is_release) - before;
            w.expect(back > 0, "A does not use the grant, so it should give it back, and did not");
        });
    });
}

#[test]
fn two_clocks_may_disagree() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            // The worst case: the server's clock is as fast as it may be, A's as slow.
            w.set_rate(SERVER, DRIFT_PPM as i32);
            w.set_rate(A, -(DRIFT_PPM as i32));
            w.op(A, lock_for(TTL * 10));
            w.run_for(ms(10));
            holds(w, A, "A asked for a lock that was free");
            w.run_for(TTL * 5);
            w.cut_link(A, SERVER);
            w.run_for(TTL * 10);
            doubts(w, A, "no renewal has reached the server for a TTL");
        });
    });
}

#[test]
fn in_doubt_it_stops() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            w.isolate(A);
            let early = w.op(A, act());
            w.run_for(ms(900));
            told(w, early, Ret::Acted, "A acts at once after the grant");
            holds(w, A, "less than 980 ms have passed since the last answered sending");
            w.run_for(ms(75));
            let late = w.op(A, act());
            told(w, late, Ret::NotHeld, "A asks more than 980 ms after its last answered sending");
            doubts(w, A, "more than 980 ms have passed");
            w.run_for(ms(50));
            takes(w, B, "A's lease has ended");
            w.heal();
            w.run_for(TTL);
            doubts(w, A, "B holds the lock");
            is_refused(w, A, "B holds the lock, and A may ask anew");
        });
        // 1010 ms · 0.99 / 1.01 are 990 ms: at that very moment the deadline is not ahead any more.
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            w.op(A, lock_for(ms(1_010)));
            w.run_for(ms(10));
            w.isolate(A);
            w.run_for(ms(980));
            let late = w.op(A, act());
            told(w, late, Ret::NotHeld, "A asks at the very moment of its deadline");
        });
    });
}

/// A has the lock since 10 ms ago; from then on nothing that the server says reaches it.
fn unheard<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    takes(w, A, FREE);
    w.hold(SERVER, A);
    w.run_for(ms(975));
    doubts(w, A, "nothing was answered since the grant, and its deadline has passed");
}

#[test]
fn what_is_in_doubt_is_forgotten() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            unheard(w);
            let sent = renewals(w, A);
            w.run_for(ms(100));
            renewed_no_more(w, A, sent, "the lock is in doubt");
            w.release(SERVER, A);
            w.run_for(ms(10));
            doubts(w, A, "the timer has found the lock in doubt; then an old yes arrives");
            w.run_for(TTL);
            renewed_no_more(w, A, sent, "the lock was in doubt and is forgotten");
        });
        // The timer of the lock that has run out fires while A asks for the next one.
        t.script(&sessions(&[A]), watched(), |w| {
            takes(w, A, FREE);
            w.cut_link(A, SERVER);
            w.run_for(ms(975));
            w.heal_link(A, SERVER);
            w.delay(A, SERVER, ms(30));
            let again = w.op(A, lock());
            w.run_for(ms(45));
            granted(w, again, "A's first lease has ended, and it has asked anew");
        });
    });
}

#[test]
fn an_unlock_in_doubt_says_so() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A]), watched(), |w| {
            unheard(w);
            let back = w.op(A, unlock());
            w.run_for(ms(5));
            w.release(SERVER, A);
            w.run_for(ms(5));
            told(w, back, Ret::NotHeld, "A unlocks what is in doubt");
            doubts(w, A, "A has unlocked; then an old yes to a renewal arrives");
            let sent = renewals(w, A);
            w.run_for(TTL);
            renewed_no_more(w, A, sent, "A has unlocked");
        });
    });
}

#[test]
fn an_unlock_while_asking_gives_the_lock_back() {
    grade("D-I4", |t| {
        // The server has granted it; A does not know that yet.
        t.script(&sessions(&[A, B]), watched(), |w| {
            w.hold(SERVER, A);
            let asked = asks(w, A);
            let back = w.op(A, unlock());
            told(w, asked, Ret::NotHeld, "A has unlocked before it heard of the grant");
            told(w, back, Ret::Unlocked, "A unlocks a lock that it still asks for");
            w.run_for(ms(10));
            takes(w, B, "A has unlocked, and its release has arrived");
            w.release(SERVER, A);
            w.run_for(ms(10));
            doubts(w, A, "the grant arrives after the unlock");
        });
    });
}

#[test]
fn an_unlock_is_answered_by_the_server() {
    grade("D-I4", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            takes(w, A, FREE);
            w.cut_link(A, SERVER);
            let first = w.op(A, unlock());
            w.run_for(ms(20));
            waits(w, first, "the release was lost, so the lock is not given back yet");
            let second = w.op(A, unlock());
            told(w, second, Ret::NotHeld, "A unlocks what it is giving back already");
            w.heal_link(A, SERVER);
            w.run_for(ms(60));
            told(w, first, Ret::Unlocked, "the release was sent again and has arrived");
            takes(w, B, "A has given the lock back");
        });
        // The answer to the last renewal says no: what was renewed is gone. The unlock is answered.
        t.script(&sessions(&[A]), (), |w| {
            takes(w, A, FREE);
            w.run_for(ms(320));
            w.hold(A, SERVER);
            w.run_for(ms(20));
            let back = w.op(A, unlock());
            w.crash(SERVER);
            w.restart(SERVER);
            w.release(A, SERVER);
            w.run_for(ms(10));
            told(w, back, Ret::NotHeld, "the server has forgotten the lease that A releases");
        });
    });
}

#[test]
fn a_pause_is_noticed_before_the_next_act() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            w.pause(A);
            w.run_for(TTL);
            takes(w, B, "A stood still for a TTL");
            let stale = w.op(A, act());
            w.resume(A);
            w.run_for(ms(10));
            told(w, stale, Ret::NotHeld, "A goes on after a TTL and wants to act");
        });
    });
}

#[test]
fn a_lost_lease_is_given_up_at_once() {
    grade("D-I5", |t| {
        // The server forgets its leases: the next renewal says so.
        t.script(&sessions(&[A]), (), |w| {
            takes(w, A, FREE);
            w.run_for(ms(90));
            w.crash(SERVER);
            w.restart(SERVER);
            w.run_for(TTL / 3);
            doubts(w, A, "the server has answered that there is nothing to renew");
            let sent = renewals(w, A);
            w.run_for(TTL);
            renewed_no_more(w, A, sent, "the lease is lost");
            takes(w, A, "A has lost the lock, and nobody holds it");
        });
    });
}

#[test]
fn a_step_of_the_wall_clock_ends_no_lease() {
    grade("D-I1", |t| {
        t.script(&sessions(&[A, B]), ServiceMutex::default(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(90));
            w.step_wall(SERVER, 3_600_000_000);
            is_refused(w, B, "the server's date has jumped, and A's lease lives");
        });
    });
}

#[test]
fn a_step_back_of_the_wall_clock_keeps_no_lease() {
    grade("D-I4", |t| {
        t.script(&sessions(&[A, B]), ReleaseLiveness::default(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(90));
            w.step_wall(SERVER, -50_000);
            w.crash(A);
            w.run_for(TTL + ms(20));
            takes(w, B, "A died more than a TTL ago, whatever the server's date says");
        });
    });
}

#[test]
fn a_late_renewal_leaves_anothers_lease_alone() {
    grade("D-I3", |t| {
        t.script(&sessions(&[A, B]), Ownership::default(), |w| {
            takes(w, A, FREE);
            w.hold(A, SERVER);
            w.run_for(TTL);
            takes(w, B, "A's renewals have not arrived, and its lease has ended");
            w.run_for(ms(90));
            w.release(A, SERVER);
            w.run_for(ms(50));
            holds(w, B, "A's old renewals have arrived");
        });
    });
}

#[test]
fn nothing_is_renewed_after_unlock() {
    grade("D-I7", |t| {
        // The program unlocks before it has heard of the grant, and the release is lost.
        t.script(&sessions(&[A, B]), NoResurrection::default(), |w| {
            w.hold(SERVER, A);
            asks(w, A);
            w.drop_next(A, SERVER, 1);
            w.op(A, unlock());
            w.release(SERVER, A);
            w.run_for(TTL + TTL / 2);
            doubts(w, A, "A has unlocked before it heard of the grant");
            takes(w, B, "nobody has renewed A's grant for more than a TTL");
        });
        // The program unlocks while a renewal is under way, and all its releases are lost.
        t.script(&sessions(&[A, B]), NoResurrection::default(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(310));
            w.hold(SERVER, A);
            w.run_for(ms(20));
            w.cut_link(A, SERVER);
            w.op(A, unlock());
            w.release(SERVER, A);
            w.run_for(ms(400));
            w.heal_link(A, SERVER);
            w.run_for(TTL);
            doubts(w, A, "A has unlocked while a renewal was under way");
            takes(w, B, "nobody has renewed A's grant for more than a TTL");
        });
    });
}

#[test]
fn a_lost_renewal_is_followed_by_another() {
    grade("D-I8", |t| {
        for (from, to) in [(A, SERVER), (SERVER, A)] {
            t.script(&sessions(&[A, B]), watched(), |w| {
                takes(w, A, FREE);
                for round in 1..=3 {
                    w.drop_next(from, to, 1);
                    for _ in 0..20 {
                        w.run_for(ms(100));
                        holds(w, A, format!("loss {round}: one message from {from} to {to}"));
                    }
                }
                is_refused(w, B, "A holds the lock");
            });
        }
    });
}

#[test]
fn an_older_answer_never_shortens_the_belief() {
    grade("D-I8", |t| {
        t.script(&sessions(&[A]), watched(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(90));
            // The answers to two renewals arrive in the wrong order.
            w.hold(SERVER, A);
            w.run_for(ms(650));
            let answer = |n| move |m: &Msg| matches!(m, Msg::Reply(id, _) if id.seq == n);
            let seq = |(_, _, m): &(Addr, Addr, &Msg)| match m {
                Msg::Reply(id, _) => Some(id.seq),
                _ => None,
            };
            let mut seqs: Vec<u32> = w.waiting().iter().filter_map(seq).collect();
            seqs.sort_unstable();
            let text = format!("two renewals should be answered by now, not {}", seqs.len());
            w.expect(seqs.len() >= 2, text);
            for seq in seqs.into_iter().rev() {
                w.deliver(SERVER, A, answer(seq));
            }
            // From here on nothing more comes back: what is believed follows from the later one.
            w.run_for(ms(850));
            holds(
                w,
                A,
                "the later renewal was answered, 980 ms are not over, an older yes followed",
            );
        });
    });
}

#[test]
fn each_answer_counts_from_its_own_sending() {
    grade("D-I5", |t| {
        // The answer to one renewal arrives when the next was sent, and is lost.
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(290));
            w.delay(SERVER, A, ms(400));
            w.run_for(ms(100));
            w.cut_link(A, SERVER);
            w.run_for(TTL * 2);
            doubts(w, A, "only the first renewal has reached the server, two TTL ago");
        });
    });
}

#[test]
fn a_second_copy_of_an_answer_changes_nothing() {
    grade("D-I7", |t| {
        // The grant's answer comes once more: while A renews, and while it gives the lock back.
        t.script(&sessions(&[A, B]), watched(), |w| {
            w.duplicate_next(SERVER, A, ms(800));
            w.op(A, lock());
            for _ in 0..30 {
                w.run_for(ms(100));
                holds(w, A, "its renewals are answered, whatever else arrives twice");
            }
        });
        t.script(&sessions(&[A, B]), watched(), |w| {
            w.duplicate_next(SERVER, A, ms(100));
            w.op(A, lock());
            w.run_for(ms(50));
            w.cut_link(A, SERVER);
            let back = w.op(A, unlock());
            w.run_for(ms(150));
            doubts(w, A, "A gives the lock back, and a copy of the grant has arrived");
            w.heal_link(A, SERVER);
            w.run_for(ms(200));
            told(w, back, Ret::Unlocked, "A's release has reached the server");
            takes(w, B, "A has given the lock back");
        });
        // A renewal's answer comes once more, when nothing else of A's reaches the server.
        t.script(&sessions(&[A]), watched(), |w| {
            takes(w, A, FREE);
            w.run_for(ms(310));
            w.duplicate_next(SERVER, A, ms(800));
            w.run_for(ms(80));
            w.cut_link(A, SERVER);
            w.run_for(TTL);
            doubts(w, A, "one renewal was answered, twice, and it is more than a TTL old");
        });
    });
}

#[test]
fn many_runs_with_drift_pauses_and_steps() {
    grade("D-I5", |t| {
        let mut faults = Faults::network();
        (faults.drift, faults.late) = (1.0, 0.1);
        (faults.pause, faults.stall) = (0.02, 0.005);
        (faults.wall_step, faults.crash) = (0.02, 0.01);
        faults.pause_for = ms(100)..ms(2_500);
        let faults = faults
            .only(FaultKind::Crash, &[A, B, C])
            .only(FaultKind::Pause, &[A, B, C])
            .only(FaultKind::Stall, &[A, B, C]);
        let mut scene = sessions(&[A, B, C]).with_faults(faults).lasting(ms(5_000), ms(2_500));
        for client in [A, B, C] {
            scene = acts_under_the_lock(scene, client);
        }
        t.swarm(&scene, (watched(), ReleaseLiveness::default()));
    });
}

#[test]
fn every_order_of_two_sessions() {
    grade("D-I5", |t| {
        let tick = ms(500);
        let scope = Scope::new()
            .client([(A, lock_for(tick * 2)), (A, unlock())])
            .client([(B, lock_for(tick * 2))])
            .budget(Budget { pauses: 1, late: 1, ..Budget::default() })
            .ticks(tick, 3)
            .prompt();
        let all = (ServiceMutex::default(), Ownership::default(), ConservativeClient::default());
        t.explore(&patient(sessions(&[A, B])), all, &scope);
    });
}

fn watched() -> (ServiceMutex, Ownership, ConservativeClient, NoResurrection) {
    Default::default()
}
