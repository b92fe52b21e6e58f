//! Stage 3: tokens that only grow, and a storage that looks at them.

mod support;

use dist_lock::{Cast, Msg, Ret, StorageRequest, Token, Value, View};
use node::{Addr, OpId};
use sim::explore::{Budget, Scope};
use sim::{Ask, Checker, Faults, Scenario, Script, Turn, grade, ms};
use std::time::Duration;
use support::*;

/// The token of a lock that was granted.
fn token<C: Checker<Cast>>(w: &Script<Cast, C>, id: OpId) -> Option<Token> {
    match w.answer(id) {
        Some(Ret::Locked { token }) => Some(*token),
        _ => None,
    }
}

/// What stands in the storage's cell.
fn stands<C: Checker<Cast>>(w: &Script<Cast, C>) -> Option<Value> {
    match w.view(STORAGE) {
        Some(View::Storage(storage)) => storage.cells.first().map(|c| c.value.clone()),
        _ => None,
    }
}

fn is_write(msg: &Msg) -> bool {
    matches!(msg, Msg::ToStorage(_, StorageRequest::Write { .. }))
}

/// `by` locks, and must get the lock; returns its token.
fn takes<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) -> Token {
    let id = w.op(by, lock());
    w.run_for(ms(10));
    let token = token(w, id);
    w.expect(
        token.is_some(),
        format!("client {} has the lock", letter(by)),
    );
    token.unwrap_or_default()
}

/// `by` writes `text`, and must be told that it is written.
fn writes<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, text: &str) {
    let id = w.op(by, write(text));
    w.run_for(ms(20));
    let told = w.answer(id).cloned();
    w.expect_eq(
        told,
        Some(Ret::Written),
        format!("{} writes {text}", letter(by)),
    );
    w.expect_eq(
        stands(w),
        Some(Value::from(text)),
        "what stands in the storage",
    );
}

/// A holds the lock and has written once, so that the storage has opened the cell for it.
fn a_is_open<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    takes(w, A);
    writes(w, A, "first");
}

#[test]
fn the_holder_writes_as_often_as_it_likes() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            takes(w, A);
            for text in ["one", "two", "three"] {
                writes(w, A, text);
            }
            w.op(A, unlock());
            w.run_for(ms(10));
            let late = w.op(A, write("four"));
            w.run_for(ms(20));
            w.expect_eq(
                w.answer(late).cloned(),
                Some(Ret::NotHeld),
                "not without the lock",
            );
            w.expect_eq(stands(w), Some(Value::from("three")), "nothing was written");
        });
    });
}

#[test]
fn the_next_holder_writes_too() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), (), |w| {
            a_is_open(w);
            w.op(A, unlock());
            w.run_for(ms(10));
            takes(w, B);
            writes(w, B, "second");
            writes(w, B, "third");
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
                let next = takes(w, by);
                w.expect(next > last, format!("token {next} comes after {last}"));
                last = next;
                if round % 7 == 6 {
                    // Nobody unlocks: the lease ends with its holder.
                    w.crash(by);
                    w.run_for(TTL + TTL / 10);
                    w.restart(by);
                } else {
                    w.op(by, unlock());
                    w.run_for(ms(10));
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
                let next = takes(w, by);
                w.expect(next > last, format!("token {next} comes after {last}"));
                last = next;
                w.op(by, unlock());
                w.run_for(ms(10));
                w.crash(SERVER);
                w.restart(SERVER);
                w.run_for(ms(10));
            }
        });
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
                        takes(w, A);
                        w.op(A, unlock());
                        w.run_for(ms(10));
                    }
                    w.crash_at_effect(SERVER, cut);
                    w.op(A, lock());
                    w.run_for(ms(10));
                    w.crash(A);
                    if w.view(SERVER).is_some() {
                        w.crash(SERVER);
                    }
                    w.restart(SERVER);
                    w.run_for(ms(10));
                    takes(w, B);
                });
            }
        }
    });
}

#[test]
fn tokens_ignore_the_wall_clock() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A);
            w.op(A, unlock());
            w.run_for(ms(10));
            w.step_wall(SERVER, -3_600_000_000);
            takes(w, B);
            w.op(B, unlock());
            w.crash(SERVER);
            w.step_wall(SERVER, -3_600_000_000);
            w.restart(SERVER);
            w.run_for(ms(10));
            takes(w, A);
        });
    });
}

#[test]
fn a_write_that_was_on_its_way_is_refused() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A);
            w.hold(A, STORAGE);
            // The check is made, the write has left, and then it takes its time.
            let late = w.op(A, write("from A"));
            w.run_for(ms(150));
            w.pause(A);
            w.run_for(TTL);
            takes(w, B);
            writes(w, B, "from B");
            w.resume(A);
            w.release(A, STORAGE);
            w.run_for(ms(50));
            w.expect_eq(
                stands(w),
                Some(Value::from("from B")),
                "what stands in the storage",
            );
            let told = w.answer(late).cloned();
            w.expect(told != Some(Ret::Written), "A is not told that it wrote");
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
            takes(w, B);
            writes(w, B, "from B");
            w.resume(A);
            w.run_for(ms(50));
            w.expect_eq(
                stands(w),
                Some(Value::from("from B")),
                "what stands in the storage",
            );
            let told = w.answer(late).cloned();
            w.expect(told != Some(Ret::Written), "A is not told that it wrote");
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
            w.op(A, write("from A"));
            w.crash(A);
            w.run_for(TTL + TTL / 10);
            takes(w, B);
            writes(w, B, "from B");
            w.release(A, STORAGE);
            w.run_for(ms(50));
            w.expect_eq(
                stands(w),
                Some(Value::from("from B")),
                "what stands in the storage",
            );
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
            w.op(A, write("from A"));
            w.crash(A);
            w.run_for(TTL + TTL / 10);
            takes(w, B);
            let open = w.op(B, write("before"));
            w.run_for(ms(20));
            w.expect_eq(w.answer(open).cloned(), Some(Ret::Written), "B is open");
            w.op(B, write("from B"));
            w.run_for(ms(2));
            w.release(A, STORAGE);
            w.run_for(ms(50));
            w.expect_eq(
                stands(w),
                Some(Value::from("from B")),
                "what stands in the storage",
            );
        });
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A);
            w.hold(A, STORAGE);
            w.op(A, write("from A"));
            w.deliver(A, STORAGE, |_| true);
            w.run_for(ms(5));
            w.expect(
                w.waiting().iter().any(|(_, _, m)| is_write(m)),
                "A's write is on its way",
            );
            w.crash(A);
            w.run_for(TTL + TTL / 10);
            takes(w, B);
            w.hold(B, STORAGE);
            w.op(B, write("from B"));
            w.deliver(B, STORAGE, |_| true);
            w.run_for(ms(5));
            // The device has not reached B's write when A's arrives.
            w.deliver(B, STORAGE, is_write);
            w.run_for(ms(1));
            w.deliver(A, STORAGE, is_write);
            w.run_for(ms(50));
            w.expect_eq(
                stands(w),
                Some(Value::from("from B")),
                "what stands in the storage",
            );
        });
    });
}

#[test]
fn a_storage_remembers_over_a_restart() {
    grade("D-I2", |t| {
        for cut in 0..5 {
            t.script(&fenced(&[A, B]), Fencing::default(), |w| {
                takes(w, A);
                w.hold(A, STORAGE);
                w.op(A, write("from A"));
                w.deliver(A, STORAGE, |_| true);
                w.run_for(ms(5));
                w.crash(A);
                w.run_for(TTL + TTL / 10);
                takes(w, B);
                let first = w.op(B, write("from B"));
                w.run_for(ms(5));
                w.crash_at_effect(STORAGE, cut);
                w.run_for(ms(15));
                let told = w.answer(first).cloned();
                if w.view(STORAGE).is_some() {
                    w.crash(STORAGE);
                }
                w.restart(STORAGE);
                w.run_for(ms(10));
                if told == Some(Ret::Written) {
                    let kept = stands(w) == Some(Value::from("from B"));
                    w.expect(kept, "what B was told to be written is there after a crash");
                    w.release(A, STORAGE);
                    w.run_for(ms(20));
                    let kept = stands(w) == Some(Value::from("from B"));
                    w.expect(kept, "and A's older write is still refused");
                }
            });
        }
    });
}

#[test]
fn an_early_no_spares_the_write() {
    grade("D-I2", |t| {
        t.script(&fenced(&[A, B]), Fencing::default(), |w| {
            takes(w, A);
            w.hold(A, STORAGE);
            let late = w.op(A, write("from A"));
            w.run_for(ms(100));
            // The server forgets A's lease, so that B gets the lock while A still believes.
            w.crash(SERVER);
            w.restart(SERVER);
            takes(w, B);
            writes(w, B, "from B");
            let before = w.count_sent(A, STORAGE, is_write);
            w.release(A, STORAGE);
            w.run_for(ms(20));
            w.expect_eq(
                w.answer(late).cloned(),
                Some(Ret::Stale),
                "A hears it at the opening",
            );
            w.expect_eq(
                w.count_sent(A, STORAGE, is_write),
                before,
                "and does not write",
            );
        });
    });
}

#[test]
fn in_doubt_it_does_not_write() {
    grade("D-I2", |t| {
        // The storage's yes to the opening arrives when A's lease is in doubt.
        t.script(&fenced(&[A]), Fencing::default(), |w| {
            takes(w, A);
            w.cut_link(A, SERVER);
            w.run_for(ms(850));
            w.delay(STORAGE, A, ms(128));
            let late = w.op(A, write("from A"));
            w.run_for(ms(160));
            w.expect_eq(
                w.answer(late).cloned(),
                Some(Ret::NotHeld),
                "A asks itself once more",
            );
            w.expect_eq(w.count_sent(A, STORAGE, is_write), 0, "and sends nothing");
        });
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
        let mut scene = fenced(&[A, B, C])
            .with_faults(faults)
            .lasting(ms(6_000), ms(2_500));
        for client in [A, B, C] {
            scene = writes_under_the_lock(scene, client);
        }
        t.swarm(&scene, (Fencing::default(), NoResurrection::default()));
    });
}

/// Locks, writes a few times, unlocks, … .
fn writes_under_the_lock(scene: Scenario<Cast>, node: Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let last = turn.last_answer();
        let had = locked(last) || last == Some(&Ret::Written);
        let op = match turn.draw.below(4) {
            _ if !had => lock(),
            0 => unlock(),
            _ => write(&format!("{} {}", letter(node), turn.nth)),
        };
        let longest = if had { 300_000 } else { 200_000 };
        let after = Duration::from_micros(1 + turn.draw.again(1).below(longest));
        Some(Ask { node, op, after })
    })
}

#[test]
fn every_order_of_two_writers() {
    grade("D-I2", |t| {
        // A holds the lock and is open; what it sends now may be under way for long.
        let tick = ms(500);
        let scope = Scope::new()
            .client([(A, write("from A"))])
            .client([(B, lock_for(tick * 2)), (B, write("from B"))])
            .budget(Budget {
                late: 3,
                ..Budget::default()
            })
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

#[test]
fn a_restart_after_any_number_of_grants_repeats_no_token() {
    grade("D-I2", |t| {
        for grants in 1..=40 {
            t.script(&fenced(&[A]), Fencing::default(), |w| {
                let mut last = Token::NONE;
                for life in [grants, 1] {
                    for _ in 0..life {
                        let next = takes(w, A);
                        w.expect(
                            next > last,
                            format!("after {grants} grants and a restart: token {next} comes after {last}"),
                        );
                        last = next;
                        w.op(A, unlock());
                        w.run_for(ms(10));
                    }
                    w.crash(SERVER);
                    w.restart(SERVER);
                    w.run_for(ms(10));
                }
            });
        }
    });
}
