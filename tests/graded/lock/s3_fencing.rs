//! Stage 3: tokens that only grow, and a storage that looks at them.

mod support;

use dist_lock::{Name, Op, Ret, Token, Value};
use sim::explore::{Budget, Scope};
use sim::{Faults, grade, ms};
use support::storage::*;
use support::*;

#[test]
fn the_holder_writes_as_often_as_it_likes() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            takes(w, A, FREE);
            for text in ["one", "two", "three"] {
                writes(w, A, text);
            }
            unlocks(w, A);
            let late = w.op(A, write("four"));
            w.run_for(ms(20));
            told(w, late, Ret::NotHeld, "A has unlocked and writes");
            says(w, "three", "A had no lock for its last write");
        });
    });
}

#[test]
fn the_next_holder_writes_too() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), (), |w| {
            a_is_open(w);
            unlocks(w, A);
            takes(w, B, "A has given the lock back");
            writes(w, B, "second");
            writes(w, B, "third");
        });
    });
}

#[test]
fn each_cell_has_tokens_of_its_own() {
    grade("D-I2", |t| {
        // B writes elsewhere, under another lock and a later token: that concerns A's cell in no way.
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A, FREE);
            let (name, other) = (Name::from("job"), Name::from("other"));
            let (ttl, wait) = (TTL, None);
            let of_b = other.clone();
            w.op(B, Op::Lock { name: of_b, ttl, wait });
            w.run_for(ms(10));
            let value = Value::from("of B");
            let id = w.op(B, Op::Write { name: other.clone(), value });
            w.run_for(ms(20));
            told(w, id, Ret::Written, "B holds `other` and writes there");
            writes(w, A, "of A");
            w.crash(STORAGE);
            w.restart(STORAGE);
            w.run_for(ms(10));
            for (cell, text) in [(name, "of A"), (other, "of B")] {
                let kept = stands(w, &cell) == Some(Value::from(text));
                let text =
                    format!("{text:?} was written to `{cell}`, but after a restart it is gone");
                w.expect(kept, text);
            }
        });
    });
}

#[test]
fn tokens_grow_from_grant_to_grant() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            let mut last = Token::NONE;
            for round in 0..60 {
                let by = if round % 2 == 0 { A } else { B };
                let next = takes(w, by, "the one before has unlocked, or died a TTL ago");
                grows(w, &mut last, next);
                if round % 7 == 6 {
                    // Nobody unlocks: the lease ends with its holder.
                    w.crash(by);
                    w.run_for(TTL + TTL / 10);
                    w.restart(by);
                } else {
                    unlocks(w, by);
                }
            }
        });
    });
}

#[test]
fn tokens_grow_over_restarts() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            let mut last = Token::NONE;
            for round in 0..8 {
                let by = if round % 2 == 0 { A } else { B };
                let next = takes(w, by, FREE);
                grows(w, &mut last, next);
                unlocks(w, by);
                server_restarts(w);
            }
        });
    });
}

#[test]
fn a_restart_after_any_number_of_grants_repeats_no_token() {
    grade("D-I2", |t| {
        for grants in 1..=40 {
            t.script(&fenced(&[A]), Fencing::default(), |w| {
                let mut last = Token::NONE;
                for life in [grants, 1] {
                    for _ in 0..life {
                        let next = takes(w, A, format!("{grants} grants, then a restart"));
                        grows(w, &mut last, next);
                        unlocks(w, A);
                    }
                    server_restarts(w);
                }
            });
        }
    });
}

#[test]
fn a_grant_leaves_when_its_token_is_durable() {
    grade("D-I2", |t| {
        // The server dies between any two effects of the handler that grants, with nothing on its
        // disk but what was synced; then B asks.
        for before in 0..3 {
            for cut in 0..6 {
                t.script(&fenced(&[A, B]), Fencing::default(), |w| {
                    for _ in 0..before {
                        takes(w, A, FREE);
                        unlocks(w, A);
                    }
                    w.crash_at_effect(SERVER, cut);
                    w.op(A, lock());
                    w.run_for(ms(10));
                    w.crash(A);
                    server_restarts(w);
                    takes(w, B, "the server has restarted, without any lease");
                });
            }
        }
    });
}

#[test]
fn tokens_ignore_the_wall_clock() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A, FREE);
            unlocks(w, A);
            w.step_wall(SERVER, -3_600_000_000);
            takes(w, B, FREE);
            w.op(B, unlock());
            w.crash(SERVER);
            w.step_wall(SERVER, -3_600_000_000);
            w.restart(SERVER);
            w.run_for(ms(10));
            takes(w, A, FREE);
        });
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            let first = takes(w, A, FREE);
            let text = format!("the first token of all should be 1, and is {first}");
            w.expect(first == Token(1), text);
        });
    });
}

#[test]
fn a_write_that_was_on_its_way_is_refused() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A, FREE);
            w.hold(A, STORAGE);
            // The check is made, the write has left, and then it takes its time.
            let late = w.op(A, write("from A"));
            w.run_for(ms(150));
            w.pause(A);
            w.run_for(TTL);
            takes(w, B, "A has stood still for a TTL");
            writes(w, B, "from B");
            w.resume(A);
            w.release(A, STORAGE);
            w.run_for(ms(50));
            refused(w, late);
        });
    });
}

#[test]
fn a_paused_writer_is_refused() {
    grade("D-I2", |t| {
        // A stands still for two TTL just before its write leaves; the storage knows it already.
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            a_is_open(w);
            w.pause_at_effect(A, 0);
            let late = w.op(A, write("from A"));
            w.run_for(TTL * 2);
            takes(w, B, "A has stood still for two TTL");
            writes(w, B, "from B");
            w.resume(A);
            w.run_for(ms(50));
            refused(w, late);
        });
    });
}

#[test]
fn an_open_proves_nothing_about_later() {
    grade("D-I2", |t| {
        // A is open. B writes while A's next write is on its way.
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            a_is_open(w);
            w.hold(A, STORAGE);
            let late = w.op(A, write("from A"));
            b_follows_dead_a(w);
            writes(w, B, "from B");
            w.release(A, STORAGE);
            w.run_for(ms(50));
            refused(w, late);
        });
    });
}

#[test]
fn the_check_is_made_when_the_write_takes_effect() {
    grade("D-I2", |t| {
        // Both writes wait for the device: B's first, A's behind it.
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            a_is_open(w);
            w.hold(A, STORAGE);
            let late = w.op(A, write("from A"));
            b_follows_dead_a(w);
            writes(w, B, "before");
            w.op(B, write("from B"));
            w.run_for(ms(2));
            w.release(A, STORAGE);
            w.run_for(ms(50));
            refused(w, late);
        });
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A, FREE);
            let late = write_under_way(w, A, "from A");
            b_follows_dead_a(w);
            write_under_way(w, B, "from B");
            // The device has not reached B's write when A's arrives.
            w.deliver(B, STORAGE, is_write);
            w.run_for(ms(1));
            w.deliver(A, STORAGE, is_write);
            w.run_for(ms(50));
            refused(w, late);
        });
    });
}

#[test]
fn a_storage_remembers_over_a_restart() {
    grade("D-I2", |t| {
        for cut in 0..5 {
            t.script(&fenced(&[A, B]), Fencing::default(), |w| {
                takes(w, A, FREE);
                let late = write_under_way(w, A, "from A");
                b_follows_dead_a(w);
                let first = w.op(B, write("from B"));
                w.run_for(ms(5));
                w.crash_at_effect(STORAGE, cut);
                w.run_for(ms(15));
                let done = w.answer(first) == Some(&Ret::Written);
                if w.view(STORAGE).is_some() {
                    w.crash(STORAGE);
                }
                w.restart(STORAGE);
                w.run_for(ms(10));
                if done {
                    says(w, "from B", "B was told Written, and then the storage restarted");
                    w.release(A, STORAGE);
                    w.run_for(ms(20));
                    refused(w, late);
                }
            });
        }
        // The holder's second write is as durable as its first.
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            a_is_open(w);
            writes(w, A, "second");
            w.crash(STORAGE);
            w.restart(STORAGE);
            w.run_for(ms(10));
            says(w, "second", "A was told Written, and then the storage restarted");
        });
    });
}

#[test]
fn an_early_no_spares_the_write() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A, FREE);
            w.hold(A, STORAGE);
            let late = w.op(A, write("from A"));
            w.run_for(ms(100));
            let newest = b_writes_beside_a(w);
            let before = w.count_sent(A, STORAGE, is_write);
            w.release(A, STORAGE);
            w.run_for(ms(20));
            told(w, late, Ret::Stale, "A opens the cell after B has written");
            names_the_newest(w, newest);
            let sent = w.count_sent(A, STORAGE, is_write) - before;
            w.expect(sent == 0, "A was refused at the opening, but sent its write all the same");
        });
    });
}

#[test]
fn a_refused_writer_is_told_who_was_there() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            a_is_open(w);
            let newest = b_writes_beside_a(w);
            let late = w.op(A, write("from A"));
            w.run_for(ms(20));
            told(w, late, Ret::Stale, "A writes after B, and still believes to hold the lock");
            refused(w, late);
            names_the_newest(w, newest);
        });
    });
}

#[test]
fn in_doubt_it_does_not_write() {
    grade("D-I2", |t| {
        // The storage's yes to the opening arrives when A's lease is in doubt.
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            takes(w, A, FREE);
            w.cut_link(A, SERVER);
            w.run_for(ms(850));
            w.delay(STORAGE, A, ms(128));
            let late = w.op(A, write("from A"));
            w.run_for(ms(160));
            told(w, late, Ret::NotHeld, "the storage says yes when A's deadline has passed");
            let sent = w.count_sent(A, STORAGE, is_write);
            w.expect(sent == 0, "A is in doubt, but it has sent its write");
        });
        // It arrives when A has unlocked, and when A has locked anew: the write was not meant then.
        for anew in [false, true] {
            t.script(&fenced(&[A, B]), Fencing::default(), |w| {
                takes(w, A, FREE);
                w.hold(STORAGE, A);
                let late = w.op(A, write("from A"));
                w.run_for(ms(10));
                unlocks(w, A);
                takes(w, B, "A has unlocked");
                writes(w, B, "from B");
                unlocks(w, B);
                if anew {
                    takes(w, A, "B has unlocked");
                }
                w.release(STORAGE, A);
                w.run_for(ms(20));
                told(w, late, Ret::NotHeld, "the lock under which A asked for the write is gone");
                refused(w, late);
            });
        }
    });
}

#[test]
fn no_bad_write_under_any_pause() {
    grade("D-I2", |t| {
        let mut faults = Faults::network();
        (faults.drift, faults.late) = (1.0, 0.1);
        (faults.pause, faults.stall) = (0.03, 0.01);
        (faults.crash, faults.cut, faults.slow_sync) = (0.01, 0.005, 0.1);
        faults.wall_step = 0.01;
        faults.late_by = ms(1)..ms(1_500);
        faults.pause_for = ms(100)..ms(2_500);
        let mut scene = fenced(&[A, B, C]).with_faults(faults).lasting(ms(6_000), ms(2_500));
        for client in [A, B, C] {
            scene = writes_under_the_lock(scene, client);
        }
        t.swarm(&scene, (Fencing::default(), NoResurrection::default()));
    });
}

#[test]
fn every_order_of_two_writers() {
    grade("D-I2", |t| {
        // A holds the lock and is open; what it sends now may be under way for long.
        let tick = ms(500);
        let scope = Scope::new()
            .client([(A, write("from A"))])
            .client([(B, lock_for(tick * 2)), (B, write("from B"))])
            .budget(Budget { late: 3, ..Budget::default() })
            .ticks(tick, 4)
            .prompt();
        t.script(&patient(fenced(&[A, B])), Fencing::default(), |w| {
            w.op(A, lock_for(tick * 2));
            w.run_for(ms(10));
            writes(w, A, "first");
            w.explore(&scope);
        });
    });
}
