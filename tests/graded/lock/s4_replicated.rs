//! Stage 4: three ways to survive a lock server's death, of which two lose locks.

mod support;

use dist_lock::{Cast, Msg, Op, RegisterRequest, Reply, Request, Ret, Token, View};
use node::{Addr, OpId};
use sim::key::FaultKind;
use sim::{Ask, Checker, Faults, RunSpec, Scenario, Script, Turn, grade, ms};
use std::time::Duration;
use support::*;

/// Three servers are the smallest Redlock.
const THREE: [Addr; 3] = [FIVE[0], FIVE[1], FIVE[2]];
/// So many runs show whether a variant loses locks. Their seeds are fixed.
const RUNS: u64 = 100;

/// Which of A and B believe to hold the lock now.
fn holders<C: Checker<Cast>>(w: &Script<Cast, C>) -> Vec<Addr> {
    let believes = |addr: &Addr| {
        matches!(w.view(*addr), Some(View::Client(client)) if client.held.iter().any(|h| {
            h.valid_until.is_none_or(|until| w.now() < w.true_time(*addr, until))
        }))
    };
    [A, B].into_iter().filter(believes).collect()
}

fn answer<C: Checker<Cast>>(w: &Script<Cast, C>, id: OpId) -> Option<Ret> {
    w.answer(id).cloned()
}

/// `by` asks, and is answered within 10 ms or not at all.
fn asks<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) -> OpId {
    let id = w.op(by, lock());
    w.run_for(ms(10));
    id
}

/// `addr` leads.
fn leads<C: Checker<Cast>>(w: &mut Script<Cast, C>, addr: Addr) {
    w.op(addr, Op::Lead);
    w.run_for(ms(10));
}

#[test]
fn the_primary_answers_before_its_replica_has_heard() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), OneHolder, |w| {
            w.hold(ONE, TWO);
            let first = asks(w, A);
            w.expect(locked(w.answer(first)), "A has its answer");
            let heard = w.waiting().iter().any(|(from, to, msg)| {
                let with_lease = matches!(msg, Msg::Update(update) if update.lease.is_some());
                (*from, *to) == (ONE, TWO) && with_lease
            });
            w.expect(heard, "the update with the lease is still under way");
            w.release(ONE, TWO);
            w.run_for(ms(10));
            let knows = matches!(w.view(TWO), Some(View::Server(s)) if s.leases.len() == 1);
            w.expect(knows, "now the replica knows the lease");
            let refused = asks(w, B);
            w.expect_eq(answer(w, refused), Some(Ret::Busy), "B is refused");
            let done = w.op(A, unlock());
            w.run_for(ms(10));
            w.expect_eq(answer(w, done), Some(Ret::Unlocked), "A gives it back");
            let free = matches!(w.view(TWO), Some(View::Server(s)) if s.leases.is_empty());
            w.expect(free, "and the replica hears of that too");
        });
    });
}

#[test]
fn the_answer_leaves_before_the_update() {
    grade("D-I1", |t| {
        // The primary dies after the first thing that leaves it.
        t.script(&failover(&[A, B]), (), |w| {
            w.crash_at_effect(ONE, 1);
            let first = asks(w, A);
            w.expect(locked(w.answer(first)), "A has its answer");
            let knows = matches!(w.view(TWO), Some(View::Server(s)) if !s.leases.is_empty());
            w.expect(!knows, "and the replica will never hear of it");
        });
    });
}

#[test]
fn a_promoted_replica_keeps_what_it_has_heard() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), OneHolder, |w| {
            let first = asks(w, A);
            w.expect(locked(w.answer(first)), "A has the lock");
            w.run_for(ms(500));
            w.crash(ONE);
            leads(w, TWO);
            let second = w.op(B, lock());
            w.run_for(ms(100));
            w.expect_eq(
                answer(w, second),
                Some(Ret::Busy),
                "the lease has moved along",
            );
            w.run_for(ms(400));
            w.expect_eq(holders(w), vec![A], "A's renewals reach the new primary");
        });
    });
}

#[test]
fn a_failover_in_the_gap_gives_the_lock_twice() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), (), |w| {
            w.drop_next(ONE, TWO, 1);
            let first = asks(w, A);
            w.expect(locked(w.answer(first)), "A has its answer");
            w.crash(ONE);
            leads(w, TWO);
            let second = w.op(B, lock());
            w.run_for(ms(100));
            w.expect(locked(w.answer(second)), "the replica knows of nobody");
            w.expect_eq(holders(w), vec![A, B], "both hold the lock: so it is");
        });
    });
}

#[test]
fn asynchronous_failover_loses_locks() {
    grade("D-I1", |t| {
        let scene = watched(failover(&[A, B, C]), &[TWO])
            .with_faults(
                Faults {
                    drop: 0.02,
                    late: 0.05,
                    crash: 0.02,
                    down_for: ms(4_000)..ms(5_000),
                    ..Faults::none()
                }
                .only(FaultKind::Crash, &[ONE]),
            )
            .lasting(ms(4_000), ms(2_000));
        let lost = violations(&scene);
        t.check(
            lost > 0,
            format!("in {RUNS} runs no lock was lost: does the primary wait for its replica?"),
        );
    });
}

/// In how many runs two clients held the lock at once.
fn violations(scene: &Scenario<Cast>) -> u64 {
    let fails = |seed: &u64| {
        let spec = RunSpec {
            seed: *seed,
            ..RunSpec::default()
        };
        let failure = sim::run(scene, OneHolder, &spec).failure;
        failure.is_some_and(|f| f.violation.invariant.starts_with("D-I1"))
    };
    (0..RUNS).filter(fails).count() as u64
}

/// Clients that lock and unlock in turns, and somebody who now and then tells one of `servers` to
/// lead.
fn watched(mut scene: Scenario<Cast>, servers: &'static [Addr]) -> Scenario<Cast> {
    for client in [A, B, C] {
        scene = takes_turns(scene, client);
    }
    if servers.is_empty() {
        return scene;
    }
    scene.client("watcher", move |turn: &Turn<'_, Cast>| {
        let node = *turn.one_of(2, servers);
        let first = turn.nth == 0 && servers.len() > 1;
        let wait = 200_000 + turn.draw.below(1_500_000);
        let after = Duration::from_micros(if first { 1 } else { wait });
        Some(Ask {
            node,
            op: Op::Lead,
            after,
        })
    })
}

/// Locks, keeps it for a while, unlocks or forgets to.
fn takes_turns(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer());
        let op = if had { unlock() } else { lock() };
        let longest = if had { 1_500_000 } else { 300_000 };
        let after = Duration::from_micros(1 + turn.draw.below(longest));
        Some(Ask { node, op, after })
    })
}

#[test]
fn a_majority_holds_the_lock() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            let first = asks(w, A);
            w.expect(locked(w.answer(first)), "A has all five");
            w.expect_eq(holders(w), vec![A], "and believes so");
            let refused = asks(w, B);
            w.expect_eq(
                answer(w, refused),
                Some(Ret::Busy),
                "B hears no from a majority, and does not wait for the rest",
            );
            w.op(A, unlock());
            w.run_for(ms(10));
            let second = asks(w, B);
            w.expect(locked(w.answer(second)), "B after A");
        });
    });
}

#[test]
fn three_of_five_are_enough_and_two_are_not() {
    grade("D-I1", |t| {
        for (down, enough) in [(2, true), (3, false)] {
            t.script(&redlock(&[A], &FIVE, ms(0)), OneHolder, |w| {
                for server in &FIVE[..down] {
                    w.crash(*server);
                }
                let id = w.op(A, lock());
                w.run_for(ms(150));
                w.expect_eq(
                    locked(w.answer(id)),
                    enough,
                    format!("{} of five answer: A has the lock", 5 - down),
                );
                w.expect_eq(w.answer(id).is_some(), true, "A is answered");
            });
        }
    });
}

#[test]
fn a_server_that_answers_twice_counts_once() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            for server in &FIVE[2..] {
                w.crash(*server);
            }
            for server in &FIVE[..2] {
                w.duplicate_next(*server, A, ms(5));
            }
            let id = w.op(A, lock());
            w.run_for(ms(60));
            w.expect(!locked(w.answer(id)), "four answers of two servers");
            w.expect(holders(w).is_empty(), "are no majority");
        });
    });
}

#[test]
fn the_belief_of_a_redlock_counts_from_the_sending() {
    grade("D-I5", |t| {
        t.script(&redlock(&[A], &FIVE, ms(0)), OneHolder, |w| {
            for server in FIVE {
                w.delay(server, A, ms(80));
            }
            let sent = w.now();
            let id = w.op(A, lock());
            w.run_for(ms(95));
            w.expect(locked(w.answer(id)), "A has the lock");
            let until = match w.view(A) {
                Some(View::Client(client)) => client.held.first().and_then(|h| h.valid_until),
                _ => None,
            };
            let latest = sent.as_micros() + (TTL * 99 / 101).as_micros() as u64;
            let until = until.map(|until| w.true_time(A, until).as_micros());
            w.expect(
                until.is_some_and(|until| until <= latest),
                "until the TTL after the sending, less the drift",
            );
        });
    });
}

#[test]
fn a_majority_that_comes_too_late_is_given_back() {
    grade("D-I5", |t| {
        t.script(&redlock(&[A], &FIVE, ms(0)), OneHolder, |w| {
            for server in FIVE {
                w.delay(server, A, ms(60));
            }
            let id = w.op(A, lock_for(ms(50)));
            w.run_for(ms(80));
            w.expect_eq(
                answer(w, id),
                Some(Ret::Busy),
                "the leases had ended by then",
            );
            let back = |m: &Msg| matches!(m, Msg::Request(_, Request::Release { .. }));
            let told = FIVE.into_iter().filter(|s| w.count_sent(A, *s, back) > 0);
            w.expect_eq(told.count(), 5, "and every server is told so");
        });
    });
}

/// A holds it on servers 1 and 2 of three; 2 forgets; B asks 2 and 3.
fn amnesia<C: Checker<Cast>>(w: &mut Script<Cast, C>) -> (OpId, OpId) {
    w.run_for(TTL + ms(100));
    w.cut_link(A, THREE[2]);
    w.cut_link(B, THREE[0]);
    let first = w.op(A, lock());
    w.run_for(ms(150));
    w.crash(THREE[1]);
    w.restart(THREE[1]);
    let second = w.op(B, lock());
    w.run_for(ms(150));
    (first, second)
}

#[test]
fn a_server_that_forgot_is_silent_until_all_leases_have_ended() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &THREE, TTL), OneHolder, |w| {
            let (first, second) = amnesia(w);
            w.expect(locked(w.answer(first)), "A has two of three");
            w.expect_eq(answer(w, second), Some(Ret::Busy), "server 2 says nothing");
            w.run_for(TTL);
            let third = w.op(B, lock());
            w.run_for(ms(150));
            w.expect(locked(w.answer(third)), "after that B gets it");
        });
    });
}

#[test]
fn the_silence_ends_after_just_that_time() {
    grade("D-I4", |t| {
        t.script(&redlock(&[A], &THREE, ms(400)), OneHolder, |w| {
            w.run_for(ms(390));
            let early = w.op(A, lock_for(ms(300)));
            w.run_for(ms(5));
            w.expect(
                !locked(w.answer(early)),
                "nobody answers in the first 400 ms",
            );
            w.run_for(ms(120));
            w.expect_eq(answer(w, early), Some(Ret::Busy), "A has given up");
            let late = asks(w, A);
            w.expect(locked(w.answer(late)), "from then on they do");
        });
    });
}

#[test]
fn redlock_without_the_delay_loses_locks() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &THREE, ms(0)), (), |w| {
            let (first, second) = amnesia(w);
            w.expect(locked(w.answer(first)), "A has two of three");
            w.expect(locked(w.answer(second)), "B has two of three: one forgot A");
            w.expect_eq(holders(w), vec![A, B], "both hold the lock");
        });
        let lost = violations(&forgetful(ms(0)));
        t.check(lost > 0, format!("in {RUNS} runs no lock was lost"));
    });
}

/// Redlock on servers that crash.
fn forgetful(silent_for: Duration) -> Scenario<Cast> {
    let faults = Faults {
        crash: 0.05,
        down_for: ms(10)..ms(100),
        drift: 1.0,
        pause: 0.01,
        ..Faults::network()
    };
    let servers = THREE.to_vec();
    watched(redlock(&[A, B, C], &THREE, silent_for), &[])
        .with_faults(faults.only(FaultKind::Crash, &servers))
        .lasting(ms(5_000), ms(2_500))
}

#[test]
fn many_runs_of_redlock_with_the_delay() {
    grade("D-I1", |t| {
        t.swarm(&forgetful(TTL), OneHolder);
    });
}

/// A holds the lock at leader one.
fn a_holds_at_one<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    leads(w, ONE);
    let first = asks(w, A);
    w.expect(locked(w.answer(first)), "A has the lock");
}

#[test]
fn a_leader_on_the_register_grants_renews_and_releases() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.run_for(TTL * 3);
            w.expect_eq(holders(w), vec![A], "A renews");
            let refused = asks(w, B);
            w.expect_eq(answer(w, refused), Some(Ret::Busy), "B is refused");
            let done = w.op(A, unlock());
            w.run_for(ms(10));
            w.expect_eq(answer(w, done), Some(Ret::Unlocked), "A gives it back");
            let second = asks(w, B);
            w.expect(locked(w.answer(second)), "B after A");
        });
    });
}

#[test]
fn a_grant_waits_for_the_register() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            leads(w, ONE);
            w.hold(ONE, REGISTER);
            let first = asks(w, A);
            w.expect_eq(answer(w, first), None, "what is not written is not granted");
            w.release(ONE, REGISTER);
            w.run_for(ms(10));
            w.expect(locked(w.answer(first)), "once it is written it is");
        });
    });
}

#[test]
fn a_leader_that_cannot_write_grants_nothing() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            leads(w, ONE);
            w.cut_link(ONE, REGISTER);
            w.op(A, lock());
            w.run_for(ms(20));
            leads(w, TWO);
            w.cut_link(A, TWO);
            w.cut_link(B, ONE);
            let second = w.op(B, lock());
            w.run_for(ms(200));
            w.expect(locked(w.answer(second)), "the register knows of nobody");
        });
    });
}

#[test]
fn a_holder_asks_again_and_gets_the_same_grant() {
    grade("D-I2", |t| {
        t.script(&registered(&[A]), OneHolder, |w| {
            leads(w, ONE);
            w.drop_next(ONE, A, 1);
            let first = w.op(A, lock());
            w.run_for(ms(150));
            w.expect(locked(w.answer(first)), "the second request is answered");
            let grants = |m: &Msg| {
                let record = |r: &RegisterRequest| {
                    matches!(r, RegisterRequest::CompareAndSet { record: Some(r), .. } if r.left == r.ttl)
                };
                matches!(m, Msg::ToRegister(_, request) if record(request))
            };
            w.expect_eq(w.count_sent(ONE, REGISTER, grants), 1, "one grant was written");
        });
    });
}

#[test]
fn only_the_owner_renews_and_releases_at_a_leader() {
    grade("D-I3", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            // B was granted it long ago, in another life: its late requests must change nothing.
            w.crash(A);
            w.run_for(longest(TTL) + ms(50));
            let second = asks(w, B);
            w.expect(locked(w.answer(second)), "B after A");
            w.restart(A);
            let third = asks(w, A);
            w.expect_eq(answer(w, third), Some(Ret::Busy), "A is refused");
            let not_mine = w.op(A, unlock());
            w.run_for(ms(10));
            w.expect_eq(
                answer(w, not_mine),
                Some(Ret::NotHeld),
                "A has nothing to give back",
            );
            w.run_for(ms(500));
            w.expect_eq(holders(w), vec![B], "B still holds it");
        });
    });
}

#[test]
fn a_renewal_waits_for_the_register_too() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.cut_link(A, TWO);
            // The leader has written down how much is left, and is then cut off.
            w.run_for(ms(300));
            w.cut_link(ONE, REGISTER);
            w.run_for(ms(40));
            w.crash(ONE);
            leads(w, TWO);
            let mut second = false;
            for _ in 0..10 {
                let id = w.op(B, lock());
                w.run_for(ms(100));
                second |= locked(w.answer(id));
            }
            w.expect(second, "what is left of A's lease runs out, B has the lock");
        });
    });
}

#[test]
fn a_late_renewal_is_refused_by_a_leader() {
    grade("D-I3", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.cut_link(A, TWO);
            w.hold(A, ONE);
            w.run_for(longest(TTL) + ms(50));
            let second = asks(w, B);
            w.expect(locked(w.answer(second)), "B after A");
            let no = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Missing));
            let before = w.count_sent(ONE, A, no);
            w.release(A, ONE);
            w.run_for(ms(10));
            let refused = w.count_sent(ONE, A, no) > before;
            w.expect(refused, "A's renewals find nothing of A's");
        });
    });
}

#[test]
fn tokens_grow_from_leader_to_leader() {
    grade("D-I2", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            let mut last = Token::NONE;
            for (leader, client) in [(ONE, A), (TWO, B), (ONE, A), (ONE, B)] {
                leads(w, leader);
                let id = w.op(client, lock());
                w.run_for(ms(150));
                let Some(Ret::Locked { token }) = answer(w, id) else {
                    return w.expect(false, "the lock is free, so it is granted");
                };
                w.expect(token > last, format!("token {token} after {last}"));
                last = token;
                w.op(client, unlock());
                w.run_for(ms(150));
            }
        });
    });
}

#[test]
fn a_new_leader_neither_forgets_a_lease_nor_begins_it_anew() {
    grade("D-I4", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.crash(A);
            w.run_for(ms(500));
            w.crash(ONE);
            leads(w, TWO);
            let early = w.op(B, lock());
            w.run_for(ms(100));
            w.expect_eq(
                answer(w, early),
                Some(Ret::Busy),
                "the lease of A has moved along",
            );
            // 610 ms are over, and at most 100 ms of them were not written down.
            w.run_for(ms(550));
            let late = asks(w, B);
            w.expect(locked(w.answer(late)), "and has ended after its TTL");
        });
    });
}

#[test]
fn repeated_elections_do_not_keep_a_dead_holders_lock() {
    grade("D-I4", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.crash(A);
            let mut got = None;
            for round in 0..10 {
                leads(w, if round % 2 == 0 { TWO } else { ONE });
                w.run_for(ms(240));
                let id = w.op(B, lock());
                w.run_for(ms(50));
                got = got.or(locked(w.answer(id)).then_some(round));
            }
            // Ten times 300 ms. An election costs at most what was not written down: 100 ms.
            w.expect(
                got.is_some_and(|round| round < 7),
                "A is dead, its TTL long over, and B has the lock",
            );
        });
    });
}

#[test]
fn an_old_leader_that_wakes_up_ends_nobodys_lease() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.run_for(ms(50));
            w.pause(ONE);
            leads(w, TWO);
            // A's renewals go on at the new leader. To the old one A's lease has ended.
            w.run_for(TTL + ms(200));
            w.expect_eq(holders(w), vec![A], "A has renewed at the new leader");
            w.resume(ONE);
            w.run_for(ms(20));
            let second = w.op(B, lock());
            w.run_for(ms(150));
            w.expect_eq(answer(w, second), Some(Ret::Busy), "A holds it");
            let old = matches!(w.view(ONE), Some(View::Server(s)) if s.leads);
            w.expect(!old, "the old leader has stepped down");
        });
    });
}

#[test]
fn a_refused_writer_says_that_it_does_not_lead() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.cut_link(ONE, REGISTER);
            leads(w, TWO);
            w.run_for(ms(250));
            w.heal_link(ONE, REGISTER);
            w.op(A, unlock());
            w.run_for(ms(250));
            let not_leader = |m: &Msg| matches!(m, Msg::Reply(_, Reply::NotLeader));
            let old = matches!(w.view(ONE), Some(View::Server(s)) if s.leads);
            w.expect(!old, "the old leader has stepped down");
            w.expect(
                w.count_sent(ONE, A, not_leader) > 0,
                "and A was told to ask another",
            );
        });
    });
}

#[test]
fn many_runs_of_leaders_on_the_register() {
    grade("D-I1", |t| {
        let faults = Faults {
            crash: 0.02,
            drift: 1.0,
            pause: 0.03,
            ..Faults::network()
        };
        let scene = watched(registered(&[A, B, C]), &[ONE, TWO])
            .with_faults(
                faults
                    .only(FaultKind::Crash, &[ONE, TWO, A])
                    .only(FaultKind::Pause, &[ONE, TWO, A, B]),
            )
            .lasting(ms(5_000), ms(2_500));
        t.swarm(&scene, OneHolder);
    });
}

#[test]
fn a_renewal_moves_along_with_its_whole_time() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            // Renewals leave at 333 and 666 ms; checkpoints have written down less before that.
            w.run_for(ms(670));
            w.crash(ONE);
            leads(w, TWO);
            w.hold(A, TWO);
            w.hold(A, ONE);
            // By its last renewal A may believe for most of a TTL from 666 ms on.
            w.run_for(ms(700));
            w.expect_eq(holders(w), vec![A], "A still believes, and may");
            let second = w.op(B, lock());
            w.run_for(ms(150));
            w.expect_eq(
                answer(w, second),
                Some(Ret::Busy),
                "the new leader knows that too",
            );
        });
    });
}
