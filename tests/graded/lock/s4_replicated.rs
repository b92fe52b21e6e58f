//! Stage 4: three ways to survive a lock server's death, of which two lose locks.

mod support;

use dist_lock::{Msg, RegisterRequest, Reply, Ret, Token, View};
use sim::key::FaultKind;
use sim::{Faults, grade, ms};
use support::replicas::*;
use support::*;

#[test]
fn the_primary_answers_before_its_replica_has_heard() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), OneHolder, |w| {
            w.hold(ONE, TWO);
            takes(w, A, "the lock is free, and the replica hears nothing");
            let heard = w.waiting().iter().any(|(from, to, msg)| {
                let with_lease = matches!(msg, Msg::Update(update) if update.lease.is_some());
                (*from, *to) == (ONE, TWO) && with_lease
            });
            w.expect(heard, "the update with A's lease should be under way, and there is none");
            w.release(ONE, TWO);
            w.run_for(ms(10));
            let knows = shows(w, TWO).0 == 1;
            w.expect(knows, "the update has arrived, but the replica does not show A's lease");
            is_refused(w, B, "A holds the lock");
            unlocks(w, A);
            let free = shows(w, TWO).0 == 0;
            w.expect(free, "A has unlocked, but the replica still shows its lease");
        });
    });
}

#[test]
fn the_answer_leaves_before_the_update() {
    grade("D-I1", |t| {
        // The primary dies after the first thing that leaves it.
        t.script(&failover(&[A, B]), (), |w| {
            w.crash_at_effect(ONE, 1);
            takes(w, A, "the primary dies right after its answer");
            let knows = shows(w, TWO).0 > 0;
            w.expect(
                !knows,
                "the primary died after its first message, but the replica heard of it",
            );
        });
    });
}

#[test]
fn a_promoted_replica_keeps_what_it_has_heard() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), OneHolder, |w| {
            takes(w, A, FREE);
            // A renews at 333 and 666 ms.
            w.run_for(ms(690));
            w.crash(ONE);
            w.hold(A, TWO);
            w.hold(A, ONE);
            leads(w, TWO);
            let second = asks_for(w, B, ms(100));
            told(w, second, Ret::Busy, "the replica knows A's lease");
            w.run_for(ms(300));
            holds(w, A, "its renewal of 700 ms was answered");
            let third = asks_for(w, B, ms(100));
            told(w, third, Ret::Busy, "the replica knows A's renewals too");
            w.release(A, TWO);
            w.run_for(ms(300));
            holds(w, A, "A's renewals reach the new primary");
        });
    });
}

#[test]
fn a_failover_in_the_gap_gives_the_lock_twice() {
    grade("D-I1", |t| {
        t.script(&failover(&[A, B]), (), |w| {
            w.drop_next(ONE, TWO, 1);
            takes(w, A, "the lock is free; the replica will not hear of it");
            w.crash(ONE);
            leads(w, TWO);
            let second = asks_for(w, B, ms(100));
            granted(w, second, "the replica leads and has never heard of A's lease");
            for both in [A, B] {
                holds(w, both, "this is what asynchronous replication does: two hold the lock");
            }
        });
    });
}

#[test]
fn asynchronous_failover_loses_locks() {
    grade("D-I1", |t| {
        let faults = Faults {
            drop: 0.02,
            late: 0.05,
            crash: 0.02,
            down_for: ms(4_000)..ms(5_000),
            ..Faults::none()
        };
        let scene = elects(turns(failover(&[A, B, C])), &[TWO])
            .with_faults(faults.only(FaultKind::Crash, &[ONE]))
            .lasting(ms(4_000), ms(2_000));
        let text =
            format!("in {RUNS} runs no lock was lost: does the primary wait for its replica?");
        t.check(violations(&scene) > 0, text);
    });
}

#[test]
fn a_majority_holds_the_lock() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            takes(w, A, "the lock is free on all five servers");
            holds(w, A, "all five servers have granted it");
            is_refused(w, B, "a majority refuses, and nobody needs to wait for the rest");
            unlocks(w, A);
            takes(w, B, "A has given the lock back");
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
                let id = asks_for(w, A, ms(150));
                if enough {
                    granted(w, id, "three of five servers are up and the lock is free");
                    let all = w.answers(id).len();
                    w.expect(all == 1, format!("A should be answered once, and was {all} times"));
                } else {
                    told(w, id, Ret::Busy, "only two of five servers are up");
                }
            });
        }
    });
}

#[test]
fn an_attempt_ends_when_no_majority_is_left() {
    grade("D-I4", |t| {
        // A holds three of five, B gets the other two.
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            for server in &FIVE[3..] {
                w.cut_link(A, *server);
            }
            takes(w, A, "three of five servers hear of it");
            is_refused(w, B, "three of five refuse, two grant");
            for server in &FIVE[3..] {
                let kept = shows(w, *server).0;
                w.expect(kept == 0, "B has given up, but a server still keeps its grant");
            }
            holds(w, A, "B has given back what was B's");
        });
        // As above, but the other two do not answer: no majority is left all the same.
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            for server in &FIVE[3..] {
                w.crash(*server);
            }
            takes(w, A, "three of five servers are up");
            is_refused(w, B, "three of five refuse, and the others can make no majority");
        });
        // Only two of five refuse: the other three are enough.
        t.script(&redlock(&[A, B], &FIVE, ms(0)), OneHolder, |w| {
            for server in &FIVE[2..] {
                w.cut_link(A, *server);
            }
            w.op(A, lock());
            w.run_for(ms(5));
            takes(w, B, "two of five refuse, three grant");
        });
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
            let id = asks_for(w, A, ms(60));
            not_granted(w, id, "there are four answers, of two of five servers");
            doubts(w, A, "two of five are no majority");
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
            let id = asks_for(w, A, ms(95));
            granted(w, id, "all five have granted it, and the answers took 80 ms");
            let until = match w.view(A) {
                Some(View::Client(client)) => client.held.first().and_then(|h| h.valid_until),
                _ => None,
            };
            let latest = sent.as_micros() + (TTL * 99 / 101).as_micros() as u64;
            let until = until.map_or(0, |until| w.true_time(A, until).as_micros());
            let right = (latest - 3_000..=latest).contains(&until);
            let text = format!(
                "A should believe until {latest} µs, the TTL after the sending less the drift, and \
                 believes until {until} µs"
            );
            w.expect(right, text);
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
            w.run_for(ms(300));
            told(w, id, Ret::Busy, "the answers came after 60 ms, the leases last for 50 ms");
            let told = FIVE.into_iter().filter(|s| w.count_sent(A, *s, is_release) > 0);
            let told = told.count();
            w.expect(told == 5, format!("all five should hear a release, and {told} do"));
        });
    });
}

#[test]
fn a_server_that_forgot_is_silent_until_all_leases_have_ended() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &THREE, TTL), OneHolder, |w| {
            let second = amnesia(w);
            told(w, second, Ret::Busy, "server 2 has just restarted and must say nothing");
            w.run_for(TTL);
            let third = asks_for(w, B, ms(150));
            granted(w, third, "server 2 has been up for more than a TTL, and A's lease has ended");
        });
    });
}

#[test]
fn the_silence_ends_after_just_that_time() {
    grade("D-I4", |t| {
        t.script(&redlock(&[A], &THREE, ms(400)), OneHolder, |w| {
            w.run_for(ms(390));
            let early = w.op(A, lock_for(ms(300)));
            w.run_for(ms(8));
            waits(w, early, "the servers are silent for the first 400 ms");
            w.run_for(ms(117));
            told(w, early, Ret::Busy, "A has waited for its 100 ms and heard nothing");
            takes(w, A, "the servers have been up for more than 400 ms");
        });
        t.script(&redlock(&[A], &THREE, ms(400)), OneHolder, |w| {
            w.run_for(ms(399));
            takes(w, A, "its request arrives when exactly 400 ms have passed");
        });
    });
}

#[test]
fn redlock_without_the_delay_loses_locks() {
    grade("D-I1", |t| {
        t.script(&redlock(&[A, B], &THREE, ms(0)), (), |w| {
            let second = amnesia(w);
            granted(w, second, "server 2 has forgotten A and answers at once");
            for both in [A, B] {
                holds(w, both, "this is what a restart without a delay does: two hold the lock");
            }
        });
        let lost = violations(&forgetful(ms(0)));
        t.check(lost > 0, format!("in {RUNS} runs without the delay no lock was lost"));
    });
}

#[test]
fn many_runs_of_redlock_with_the_delay() {
    grade("D-I1", |t| {
        t.swarm(&forgetful(TTL), OneHolder);
    });
}

#[test]
fn a_leader_on_the_register_grants_renews_and_releases() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            let token = a_holds_at_one(w);
            w.run_for(TTL * 3);
            holds(w, A, "A renews");
            let lease = match w.view(ONE) {
                Some(View::Server(server)) => server.leases.first().map(|l| l.token),
                _ => None,
            };
            let text =
                format!("a renewed grant keeps its token, {token}, but the leader shows another");
            w.expect(lease == Some(token), text);
            is_refused(w, B, "A holds the lock");
            let no = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Refused));
            let said = w.count_sent(ONE, B, no) > 0;
            w.expect(
                said,
                "the leader should have answered B with Refused, and said something else",
            );
            unlocks(w, A);
            let owner = registered_owner(w);
            let text =
                format!("A has unlocked, so the record should be free, and it has {owner:?}");
            w.expect(owner.is_none(), text);
            takes(w, B, "A has given the lock back");
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
            waits(w, first, "the grant is not in the register yet");
            w.release(ONE, REGISTER);
            w.run_for(ms(10));
            granted(w, first, "the grant is in the register now");
        });
    });
}

#[test]
fn a_renewal_waits_for_the_register_too() {
    grade("D-I1", |t| {
        // What is asked while the leader cannot reach the register is not answered.
        t.script(&registered(&[A]), OneHolder, |w| {
            a_holds_at_one(w);
            let yes = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Done));
            w.run_for(ms(315));
            let before = w.count_sent(ONE, A, yes);
            w.cut_link(ONE, REGISTER);
            w.run_for(ms(15));
            let said = w.count_sent(ONE, A, yes) - before;
            w.expect(
                said == 0,
                "A's renewal is not in the register, but A was told that it is done",
            );
        });
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
                let id = asks_for(w, B, ms(100));
                second |= locked(w.answer(id));
            }
            w.expect(second, "what is left of A's lease has run out, but B never got the lock");
        });
    });
}

#[test]
fn a_release_waits_for_the_register_too() {
    grade("D-I4", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            a_holds_at_one(w);
            w.hold(ONE, REGISTER);
            let back = w.op(A, unlock());
            w.run_for(ms(10));
            waits(w, back, "the release is not in the register yet");
            w.release(ONE, REGISTER);
            w.run_for(ms(60));
            told(w, back, Ret::Unlocked, "the release is in the register now");
        });
    });
}

#[test]
fn a_leader_that_cannot_write_grants_nothing() {
    grade("D-I1", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            leads(w, ONE);
            w.cut_link(ONE, REGISTER);
            let first = w.op(A, lock());
            w.run_for(ms(20));
            leads(w, TWO);
            w.cut_link(A, TWO);
            w.cut_link(B, ONE);
            let second = asks_for(w, B, ms(200));
            granted(w, second, "the register knows of nobody, and the new leader reads that");
            not_granted(w, first, "the old leader cannot reach the register");
        });
    });
}

#[test]
fn a_holder_asks_again_and_gets_the_same_grant() {
    grade("D-I2", |t| {
        t.script(&registered(&[A]), OneHolder, |w| {
            leads(w, ONE);
            w.drop_next(ONE, A, 1);
            let first = asks_for(w, A, ms(150));
            let token = granted(w, first, "the first answer was lost and A has asked again");
            let text =
                format!("A's only grant is the record's version 1, but its token is {token}");
            w.expect(token == Token(1), text);
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
            takes(w, B, "A died more than a TTL ago");
            w.restart(A);
            is_refused(w, A, "B holds the lock");
            let not_mine = w.op(A, unlock());
            w.run_for(ms(10));
            told(w, not_mine, Ret::NotHeld, "A unlocks what B holds");
            w.run_for(ms(500));
            holds(w, B, "A had nothing to give back");
        });
        // A's release arrives when its lease has ended and B holds the lock.
        t.script(&registered(&[A, B, C]), OneHolder, |w| {
            a_holds_at_one(w);
            w.cut_link(A, TWO);
            w.hold(A, ONE);
            w.op(A, unlock());
            w.run_for(longest(TTL) + ms(50));
            takes(w, B, "A's release has not arrived, and its lease has ended");
            w.release(A, ONE);
            w.run_for(ms(10));
            is_refused(w, C, "A's late release has arrived, and B holds the lock all the same");
        });
    });
}

#[test]
fn an_ended_lease_is_none_to_a_leader() {
    grade("D-I7", |t| {
        // A checkpoint is being written while A's lease ends, so nothing has freed the record yet.
        // What is asked meanwhile is decided when the write is done.
        for renewal in [true, false] {
            t.script(&registered(&[A, B]), OneHolder, |w| {
                a_holds_at_one(w);
                w.cut_link(A, TWO);
                w.hold(A, ONE);
                w.run_for(ms(980));
                w.hold(ONE, REGISTER);
                w.run_for(ms(15));
                let before = w.count_sent(ONE, A, |m| matches!(m, Msg::Reply(_, Reply::Done)));
                if renewal {
                    w.release(A, ONE);
                }
                let id = w.op(B, lock());
                w.run_for(ms(5));
                w.release(ONE, REGISTER);
                w.run_for(ms(10));
                let yes =
                    w.count_sent(ONE, A, |m| matches!(m, Msg::Reply(_, Reply::Done))) - before;
                w.expect(yes == 0, "A's lease had ended, but its renewal was answered Done");
                granted(w, id, "A's lease has ended, and only its record is still there");
            });
        }
    });
}

#[test]
fn a_late_renewal_is_refused_by_a_leader() {
    grade("D-I3", |t| {
        // A's requests arrive when its lease has ended: nobody holds the lock, or B does.
        for taken in [false, true] {
            t.script(&registered(&[A, B]), OneHolder, |w| {
                a_holds_at_one(w);
                w.cut_link(A, TWO);
                w.hold(A, ONE);
                w.run_for(longest(TTL) + ms(50));
                if taken {
                    takes(w, B, "A's renewals have not arrived, and its lease has ended");
                }
                let no = |m: &Msg| matches!(m, Msg::Reply(_, Reply::Missing));
                let before = w.count_sent(ONE, A, no);
                w.release(A, ONE);
                w.run_for(ms(10));
                let refused = w.count_sent(ONE, A, no) > before;
                w.expect(refused, "A's lease has ended, but its renewal was not answered Missing");
                doubts(w, A, "its lease has ended");
            });
        }
    });
}

#[test]
fn tokens_grow_from_leader_to_leader() {
    grade("D-I2", |t| {
        t.script(&registered(&[A, B]), OneHolder, |w| {
            let mut last = Token::NONE;
            for (leader, client) in [(ONE, A), (TWO, B), (ONE, A), (ONE, B)] {
                leads(w, leader);
                let id = asks_for(w, client, ms(150));
                let token = granted(w, id, "the one before has unlocked, and a leader is there");
                let text = format!("token {token} comes after {last}, so it should be larger");
                w.expect(token > last, text);
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
            let early = asks_for(w, B, ms(100));
            told(w, early, Ret::Busy, "A's lease is in the register, and has time left");
            // 610 ms are over, and at most 100 ms of them were not written down.
            w.run_for(ms(550));
            takes(w, B, "A's lease has ended: its TTL, and what was not written down, is over");
        });
        // Nobody asks for it: the leader frees the record by itself, also when it ends before the
        // first checkpoint.
        t.script(&registered(&[A]), OneHolder, |w| {
            a_holds_at_one(w);
            w.crash(A);
            w.run_for(ms(985));
            w.crash(ONE);
            leads(w, TWO);
            w.run_for(TTL);
            let owner = registered_owner(w);
            let text =
                format!("A's lease has ended, so the record should be free, and has {owner:?}");
            w.expect(owner.is_none(), text);
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
                let id = asks_for(w, B, ms(50));
                got = got.or(locked(w.answer(id)).then_some(round));
            }
            // Ten times 300 ms. An election costs at most what was not written down: 100 ms.
            let text = format!(
                "A is dead and there is an election every 300 ms: B should have the lock before \
                 round 7, and got it in round {got:?}"
            );
            w.expect(got.is_some_and(|round| round < 7), text);
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
            holds(w, A, "A renews at the new leader");
            w.resume(ONE);
            w.run_for(ms(20));
            let second = asks_for(w, B, ms(150));
            told(w, second, Ret::Busy, "A holds the lock, whatever the old leader thinks");
            let leads = shows(w, ONE).1;
            w.expect(!leads, "the register has refused the old leader, but it still leads");
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
            let leads = shows(w, ONE).1;
            w.expect(!leads, "the register has refused the old leader, but it still leads");
            let said = w.count_sent(ONE, A, not_leader) > 0;
            w.expect(said, "the old leader's write was refused, but it never said NotLeader to A");
        });
        // The refused write is A's own: its unlock.
        t.script(&registered(&[A]), OneHolder, |w| {
            a_holds_at_one(w);
            w.hold(ONE, REGISTER);
            w.op(A, unlock());
            w.run_for(ms(5));
            w.cut_link(A, ONE);
            w.cut_link(A, TWO);
            // The new leader writes a checkpoint before the old one's write arrives.
            leads(w, TWO);
            w.run_for(ms(120));
            let not_leader = |m: &Msg| matches!(m, Msg::Reply(_, Reply::NotLeader));
            let before = w.count_sent(ONE, A, not_leader);
            w.release(ONE, REGISTER);
            w.run_for(ms(5));
            let said = w.count_sent(ONE, A, not_leader) > before;
            w.expect(said, "the write of A's release was refused, but A was not told NotLeader");
        });
        // Both leaders write the same words over the same version: only the first of them wrote.
        t.script(&registered(&[A]), OneHolder, |w| {
            a_holds_at_one(w);
            // A renews at 343 ms, between two checkpoints, and at 676 ms at the other server.
            w.run_for(ms(295));
            w.hold(ONE, REGISTER);
            let compares =
                |m: &Msg| matches!(m, Msg::ToRegister(_, RegisterRequest::CompareAndSet { .. }));
            let before = w.count_sent(ONE, REGISTER, compares);
            w.run_until(ms(400), |w| w.count_sent(ONE, REGISTER, compares) > before);
            w.run_for(ms(300));
            leads(w, TWO);
            let before = w.count_sent(TWO, REGISTER, compares);
            w.run_until(ms(200), |w| w.count_sent(TWO, REGISTER, compares) > before);
            w.run_for(ms(5));
            w.release(ONE, REGISTER);
            w.run_for(ms(10));
            let leads = shows(w, ONE).1;
            w.expect(!leads, "server 2 wrote A's renewal first, but server 1 still leads");
        });
    });
}

#[test]
fn many_runs_of_leaders_on_the_register() {
    grade("D-I1", |t| {
        let faults = Faults { crash: 0.02, drift: 1.0, pause: 0.03, ..Faults::network() };
        let faults =
            faults.only(FaultKind::Crash, &[ONE, TWO, A]).only(FaultKind::Pause, &[ONE, TWO, A, B]);
        let scene = elects(turns(registered(&[A, B, C])), &[ONE, TWO])
            .with_faults(faults)
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
            holds(w, A, "its last renewal was answered, and 980 ms are not over");
            let second = asks_for(w, B, ms(150));
            told(w, second, Ret::Busy, "A's renewal is in the register with its whole time");
        });
    });
}
