//! Stage 2: a session that renews its lease, and knows until when it may believe.

mod support;

use dist_lock::{Cast, Msg, Request, Ret, View, deadline};
use node::{Addr, LocalTime};
use sim::explore::{Budget, Scope};
use sim::{Ask, Checker, FaultKind, Faults, Scenario, Script, Turn, grade, ms};
use std::time::Duration;
use support::*;

fn holds<C: Checker<Cast>>(w: &Script<Cast, C>, addr: Addr) -> bool {
    matches!(w.view(addr), Some(View::Client(client)) if !client.held.is_empty())
}

fn renewals<C: Checker<Cast>>(w: &Script<Cast, C>, from: Addr) -> usize {
    w.count_sent(from, SERVER, |m| {
        matches!(
            m,
            Msg::Request(_, Request::Renew { .. } | Request::Expire { .. })
        )
    })
}

#[test]
fn the_deadline_counts_from_the_sending() {
    grade("D-I5", |t| {
        let sent = LocalTime::from_micros(5_000_000);
        let at = |us| LocalTime::from_micros(us);
        let ten = ms(10_000);
        t.check_eq(
            deadline(sent, ten, 0),
            at(15_000_000),
            "no drift: the whole TTL",
        );
        // 10 s · 0.99 / 1.01 = 9.80198… s, and never rounded up.
        t.check_eq(deadline(sent, ten, 10_000), at(14_801_980), "1 % of drift");
        t.check_eq(
            deadline(sent, ms(1), 100),
            at(5_000_999),
            "100 ppm of drift",
        );
        t.check_eq(
            deadline(sent, ten, 1_000_000),
            sent,
            "a clock that may stand still",
        );
        let long = Duration::from_secs(1 << 40);
        t.check(
            deadline(sent, long, 10_000) > sent,
            "a very long TTL does not overflow",
        );
    });
}

#[test]
fn a_session_keeps_its_lock() {
    grade("D-I8", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            let first = w.op(A, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(first)), "A has the lock");
            for _ in 0..50 {
                w.run_for(ms(100));
                w.expect(holds(w, A), "A holds it, far beyond one TTL");
            }
            let sent = renewals(w, A);
            w.expect(
                (14..=16).contains(&sent),
                format!("3 renewals a TTL, not {sent} in 5"),
            );
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(second).cloned(),
                Some(Ret::Busy),
                "B does not get it",
            );
            let back = w.op(A, unlock());
            w.expect(!holds(w, A), "from the unlock on A believes nothing");
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(back).cloned(),
                Some(Ret::Unlocked),
                "A gives it back",
            );
            let third = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(third)), "B has the lock");
            let sent = renewals(w, A);
            w.run_for(TTL);
            w.expect_eq(renewals(w, A), sent, "A's renewals have stopped");
        });
    });
}

#[test]
fn the_server_frees_what_is_not_renewed() {
    grade("D-I4", |t| {
        t.script(&sessions(&[A, B]), watched(), |w| {
            w.op(A, lock());
            w.run_for(ms(500));
            w.crash(A);
            w.run_for(TTL);
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(
                locked(w.answer(second)),
                "a TTL after A's last renewal B has the lock",
            );
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
            w.expect(locked(w.answer(first)), "A has the lock");
            w.run_for(TTL * 2);
            w.expect(holds(w, A), "renewals with slow answers keep it");
            w.cut_link(A, SERVER);
            w.run_for(TTL);
            w.expect(!holds(w, A), "without renewals the belief ends");
        });
    });
}

#[test]
fn a_grant_that_came_too_late_is_none() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            w.delay(SERVER, A, ms(150));
            let first = w.op(A, lock_for(ms(100)));
            w.run_for(ms(160));
            let told = w.answer(first).cloned();
            w.expect_eq(told, Some(Ret::Busy), "its deadline had passed");
            w.expect(!holds(w, A), "A believes nothing");
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
            w.expect(holds(w, A), "A has the lock");
            w.run_for(TTL * 5);
            w.cut_link(A, SERVER);
            w.run_for(TTL * 10);
            w.expect(!holds(w, A), "it has ended");
        });
    });
}

#[test]
fn in_doubt_it_stops() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(10));
            w.isolate(A);
            let early = w.op(A, act());
            w.run_for(ms(900));
            w.expect_eq(
                w.answer(early).cloned(),
                Some(Ret::Acted),
                "at first A may act",
            );
            w.expect(holds(w, A), "and believes so for nearly a TTL");
            w.run_for(ms(75));
            let late = w.op(A, act());
            w.expect_eq(
                w.answer(late).cloned(),
                Some(Ret::NotHeld),
                "then it may not",
            );
            w.expect(!holds(w, A), "and shows so");
            w.run_for(ms(50));
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(second)), "B has the lock");
            w.heal();
            w.run_for(TTL);
            w.expect(!holds(w, A), "nothing that was under way brings it back");
            let again = w.op(A, lock());
            w.run_for(ms(10));
            w.expect_eq(w.answer(again).cloned(), Some(Ret::Busy), "A may ask anew");
        });
    });
}

#[test]
fn a_pause_is_noticed_before_the_next_act() {
    grade("D-I5", |t| {
        t.script(&sessions(&[A, B]), ConservativeClient::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(10));
            w.pause(A);
            w.run_for(TTL);
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(second)), "B has the lock");
            let stale = w.op(A, act());
            w.resume(A);
            w.run_for(ms(10));
            w.expect_eq(w.answer(stale).cloned(), Some(Ret::NotHeld), "A notices");
        });
    });
}

#[test]
fn a_lost_lease_is_given_up_at_once() {
    grade("D-I5", |t| {
        // The server forgets its leases: the next renewal says so.
        t.script(&sessions(&[A]), (), |w| {
            w.op(A, lock());
            w.run_for(ms(100));
            w.crash(SERVER);
            w.restart(SERVER);
            w.run_for(TTL / 3);
            w.expect(!holds(w, A), "A was told that there is nothing to renew");
            let sent = renewals(w, A);
            w.run_for(TTL);
            w.expect_eq(renewals(w, A), sent, "and renews no more");
            let again = w.op(A, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(again)), "it can be taken anew");
        });
    });
}

#[test]
fn a_step_of_the_wall_clock_ends_no_lease() {
    grade("D-I1", |t| {
        t.script(&sessions(&[A, B]), ServiceMutex::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(100));
            w.step_wall(SERVER, 3_600_000_000);
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(second).cloned(),
                Some(Ret::Busy),
                "A's lease has not ended",
            );
        });
    });
}

#[test]
fn a_step_back_of_the_wall_clock_keeps_no_lease() {
    grade("D-I4", |t| {
        t.script(&sessions(&[A, B]), ReleaseLiveness::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(100));
            w.step_wall(SERVER, -50_000);
            w.crash(A);
            w.run_for(TTL + ms(20));
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(
                locked(w.answer(second)),
                "a TTL after A's death the lock is free",
            );
        });
    });
}

#[test]
fn a_late_renewal_leaves_anothers_lease_alone() {
    grade("D-I3", |t| {
        t.script(&sessions(&[A, B]), Ownership::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(10));
            w.hold(A, SERVER);
            w.run_for(TTL);
            let second = w.op(B, lock());
            w.run_for(ms(100));
            w.expect(
                locked(w.answer(second)),
                "A's renewals did not arrive, B has the lock",
            );
            w.release(A, SERVER);
            w.run_for(ms(50));
            w.expect(holds(w, B), "they arrive, and change nothing");
        });
    });
}

#[test]
fn nothing_is_renewed_after_unlock() {
    grade("D-I7", |t| {
        // The program unlocks before it has heard of the grant, and the release is lost.
        t.script(&sessions(&[A, B]), NoResurrection::default(), |w| {
            w.hold(SERVER, A);
            w.op(A, lock());
            w.run_for(ms(10));
            w.drop_next(A, SERVER, 1);
            w.op(A, unlock());
            w.release(SERVER, A);
            w.run_for(TTL + TTL / 2);
            w.expect(!holds(w, A), "A holds nothing");
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(
                locked(w.answer(second)),
                "the grant that nobody wanted has ended",
            );
        });
        // The program unlocks while a renewal is under way, and all its releases are lost.
        t.script(&sessions(&[A, B]), NoResurrection::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(320));
            w.hold(SERVER, A);
            w.run_for(ms(20));
            w.cut_link(A, SERVER);
            w.op(A, unlock());
            w.release(SERVER, A);
            w.run_for(ms(400));
            w.heal_link(A, SERVER);
            w.run_for(TTL);
            w.expect(!holds(w, A), "A holds nothing");
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(second)), "the lease has ended");
        });
    });
}

#[test]
fn a_lost_renewal_is_followed_by_another() {
    grade("D-I8", |t| {
        for (from, to) in [(A, SERVER), (SERVER, A)] {
            t.script(&sessions(&[A, B]), watched(), |w| {
                w.op(A, lock());
                w.run_for(ms(100));
                for round in 1..=3 {
                    w.drop_next(from, to, 1);
                    for _ in 0..20 {
                        w.run_for(ms(100));
                        w.expect(holds(w, A), format!("A survives loss {round}"));
                    }
                }
                let second = w.op(B, lock());
                w.run_for(ms(10));
                w.expect_eq(
                    w.answer(second).cloned(),
                    Some(Ret::Busy),
                    "B does not get it",
                );
            });
        }
    });
}

#[test]
fn an_older_answer_never_shortens_the_belief() {
    grade("D-I8", |t| {
        t.script(&sessions(&[A]), watched(), |w| {
            w.op(A, lock());
            w.run_for(ms(100));
            // The answers to two renewals arrive in the wrong order.
            w.hold(SERVER, A);
            w.run_for(ms(650));
            let answer = |n| move |m: &Msg| matches!(m, Msg::Reply(id, _) if id.seq == n);
            let mut seqs: Vec<u32> = w
                .waiting()
                .iter()
                .filter_map(|(_, _, m)| match m {
                    Msg::Reply(id, _) => Some(id.seq),
                    _ => None,
                })
                .collect();
            seqs.sort_unstable();
            w.expect(seqs.len() >= 2, "two renewals are answered");
            for seq in seqs.into_iter().rev() {
                w.deliver(SERVER, A, answer(seq));
            }
            // From here on nothing more comes back: what is believed follows from the later one.
            w.run_for(ms(850));
            w.expect(holds(w, A), "the later renewal counts");
        });
    });
}

#[test]
fn each_answer_counts_from_its_own_sending() {
    grade("D-I5", |t| {
        // The answer to one renewal arrives when the next was sent, and is lost.
        t.script(&sessions(&[A]), ConservativeClient::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(300));
            w.delay(SERVER, A, ms(400));
            w.run_for(ms(100));
            w.cut_link(A, SERVER);
            w.run_for(TTL * 2);
            w.expect(
                !holds(w, A),
                "the belief ends with the renewal that arrived",
            );
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
                w.expect(holds(w, A), "A goes on holding the lock");
            }
        });
        t.script(&sessions(&[A, B]), watched(), |w| {
            w.duplicate_next(SERVER, A, ms(100));
            w.op(A, lock());
            w.run_for(ms(50));
            w.cut_link(A, SERVER);
            let back = w.op(A, unlock());
            w.run_for(ms(150));
            w.expect(!holds(w, A), "A does not hold what it gives back");
            w.heal_link(A, SERVER);
            w.run_for(ms(200));
            w.expect_eq(
                w.answer(back).cloned(),
                Some(Ret::Unlocked),
                "it is given back",
            );
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(second)), "B has the lock");
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
        let mut scene = sessions(&[A, B, C])
            .with_faults(faults)
            .lasting(ms(5_000), ms(2_500));
        for client in [A, B, C] {
            scene = takes_turns(scene, client);
        }
        let all = (
            ServiceMutex::default(),
            Ownership::default(),
            ConservativeClient::default(),
            NoResurrection::default(),
            ReleaseLiveness::default(),
        );
        t.swarm(&scene, all);
    });
}

/// Locks, acts now and then, unlocks, thinks, … .
fn takes_turns(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer()) || turn.last_answer() == Some(&Ret::Acted);
        let op = match turn.draw.below(3) {
            _ if !had => lock(),
            0 => unlock(),
            _ => act(),
        };
        let longest = if had { 1_000_000 } else { 300_000 };
        let after = Duration::from_micros(1 + turn.draw.again(1).below(longest));
        Some(Ask { node, op, after })
    })
}

#[test]
fn every_order_of_two_sessions() {
    grade("D-I5", |t| {
        let tick = ms(500);
        let scope = Scope::new()
            .client([(A, lock_for(tick * 2)), (A, unlock())])
            .client([(B, lock_for(tick * 2))])
            .budget(Budget {
                pauses: 1,
                late: 1,
                ..Budget::default()
            })
            .ticks(tick, 3)
            .prompt();
        let all = (
            ServiceMutex::default(),
            Ownership::default(),
            ConservativeClient::default(),
        );
        t.explore(&patient(sessions(&[A, B])), all, &scope);
    });
}

fn watched() -> (ServiceMutex, Ownership, ConservativeClient, NoResurrection) {
    Default::default()
}
