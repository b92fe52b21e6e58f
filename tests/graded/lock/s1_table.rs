//! Stage 1: the lock table, and a client that locks and unlocks with one command each.

mod support;

use dist_lock::{Cast, LockTable, Name, Owner, Proof, Ret, Token};
use node::LocalTime;
use sim::explore::{Budget, Scope};
use sim::{Ask, Faults, Scenario, Turn, grade, ms};
use support::*;

fn at(ms: u64) -> LocalTime {
    LocalTime::from_micros(ms * 1000)
}
fn owner(text: &str) -> Owner {
    Owner::from(text)
}
fn by(text: &str) -> Proof {
    Proof::Owner(owner(text))
}

/// A table in which "a" holds the lock from 100 ms to 1100 ms.
fn held_by_a() -> (LockTable, Name) {
    let (mut table, name) = (LockTable::default(), name());
    table.set_if_absent(at(100), &name, &owner("a"), Token(7), Some(TTL));
    (table, name)
}

#[test]
fn a_free_lock_is_granted_once() {
    grade("D-I1", |t| {
        let (mut table, name) = (LockTable::default(), name());
        t.check(table.get(at(100), &name).is_none(), "a new table is empty");
        let granted = table.set_if_absent(at(100), &name, &owner("a"), Token(7), Some(TTL));
        t.check(granted, "a free lock is granted");
        let lease = table.get(at(100), &name).cloned();
        t.check(lease.is_some(), "the lease stands in the table");
        if let Some(lease) = lease {
            t.check_eq(lease.owner, owner("a"), "its owner");
            t.check_eq(lease.token, Token(7), "its token");
            t.check_eq(lease.until, Some(at(1100)), "its end: the TTL after now");
        }
        let before = table.clone();
        let again = table.set_if_absent(at(600), &name, &owner("b"), Token(8), Some(TTL));
        t.check(!again, "a held lock is refused");
        t.check(table == before, "a refusal changes nothing");
        let again = table.set_if_absent(at(600), &name, &owner("a"), Token(8), Some(TTL));
        t.check(
            !again && table == before,
            "not even for the holder: it is held",
        );
        let other = Name::from("other");
        let granted = table.set_if_absent(at(600), &other, &owner("b"), Token(8), None);
        t.check(granted, "another name is free");
        let until = table.get(at(1_000_000), &other).map(|l| l.until);
        t.check_eq(until, Some(None), "without a TTL it never ends");
    });
}

#[test]
fn an_ended_lease_is_absent() {
    grade("D-I4", |t| {
        let (mut table, name) = held_by_a();
        let last = LocalTime::from_micros(1_099_999);
        t.check(table.get(last, &name).is_some(), "it lives until its end");
        t.check(
            table.get(at(1100), &name).is_none(),
            "at its end it is gone",
        );
        t.check(
            !table.renew(at(1100), &name, &by("a"), TTL),
            "an ended lease is not renewed",
        );
        t.check(table.get(at(1100), &name).is_none(), "and not brought back");
        t.check(!table.release(at(1100), &name, &by("a")), "nor released");
        let granted = table.set_if_absent(at(1100), &name, &owner("b"), Token(8), Some(TTL));
        t.check(granted, "the lock is free for another");
        let holder = table.get(at(1100), &name).map(|l| l.owner.clone());
        t.check_eq(holder, Some(owner("b")), "who holds it now");
    });
}

#[test]
fn only_its_owner_ends_a_lease() {
    grade("D-I3", |t| {
        let (mut table, name) = held_by_a();
        let before = table.clone();
        for stranger in ["b", "", "aa", "A"] {
            let released = table.release(at(500), &name, &by(stranger));
            t.check(!released, format!("{stranger:?} is not the owner"));
        }
        let released = table.release(at(500), &name, &Proof::Token(Token(6)));
        t.check(!released, "another token is no proof");
        t.check(table == before, "a refused release changes nothing");
        let released = table.release(at(500), &name, &by("a"));
        t.check(released, "the owner ends its lease");
        t.check(table.get(at(500), &name).is_none(), "the lock is free");
        t.check(
            !table.release(at(500), &name, &by("a")),
            "a second time there is nothing",
        );

        let (mut table, name) = held_by_a();
        let released = table.release(at(500), &name, &Proof::Token(Token(7)));
        t.check(released, "its token is a proof too");
        table.set_if_absent(at(500), &name, &owner("b"), Token::NONE, Some(TTL));
        let released = table.release(at(500), &name, &Proof::Token(Token::NONE));
        t.check(!released, "having no token proves nothing");
    });
}

#[test]
fn only_its_owner_renews_a_lease() {
    grade("D-I3", |t| {
        let (mut table, name) = held_by_a();
        let before = table.clone();
        t.check(
            !table.renew(at(500), &name, &by("b"), TTL),
            "b is not the owner",
        );
        t.check(table == before, "a refused renewal changes nothing");
        t.check(
            table.renew(at(500), &name, &by("a"), TTL),
            "the owner renews",
        );
        let lease = table.get(at(500), &name).cloned();
        let until = lease.as_ref().and_then(|l| l.until);
        t.check_eq(
            until,
            Some(at(1500)),
            "from now, not on top of what was left",
        );
        t.check_eq(
            lease.map(|l| l.token),
            Some(Token(7)),
            "it is the same grant",
        );
        let shorter = table.renew(at(600), &name, &by("a"), ms(10));
        t.check(
            shorter && table.get(at(610), &name).is_none(),
            "a shorter TTL counts too",
        );
    });
}

#[test]
fn one_client_after_another() {
    grade("D-I1", |t| {
        t.script(&plain(&[A, B]), watched(), |w| {
            let first = w.op(A, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(first)), "A has the lock");
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(second).cloned(),
                Some(Ret::Busy),
                "B does not get it",
            );
            let back = w.op(A, unlock());
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(back).cloned(),
                Some(Ret::Unlocked),
                "A gives it back",
            );
            let third = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(third)), "B has the lock");
            let acts = w.op(B, act());
            w.run_for(ms(10));
            w.expect_eq(w.answer(acts).cloned(), Some(Ret::Acted), "B acts under it");
        });
    });
}

#[test]
fn a_late_unlock_frees_nobody_elses_lock() {
    grade("D-I3", |t| {
        t.script(&plain(&[A, B, C]), Ownership::default(), |w| {
            w.op(A, lock());
            w.run_for(ms(10));
            w.hold(A, SERVER);
            let late = w.op(A, unlock());
            w.run_for(TTL);
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(
                locked(w.answer(second)),
                "A's lease has ended, B has the lock",
            );
            w.release(A, SERVER);
            w.run_for(ms(10));
            let third = w.op(C, lock());
            w.run_for(ms(10));
            w.expect_eq(w.answer(third).cloned(), Some(Ret::Busy), "B still has it");
            let told = w.answer(late).cloned();
            w.expect(
                told != Some(Ret::Unlocked),
                "A is not told that it gave the lock back",
            );
        });
    });
}

#[test]
fn an_unlock_is_one_step_of_the_server() {
    grade("D-I3", |t| {
        // Whatever the server says to A, A hears it only when B holds the lock.
        t.script(&plain(&[A, B]), Ownership::default(), |w| {
            w.op(A, lock());
            w.run_for(TTL - ms(50));
            w.hold(SERVER, A);
            w.op(A, unlock());
            w.run_for(ms(100));
            let second = w.op(B, lock());
            w.run_for(ms(10));
            w.expect(locked(w.answer(second)), "B has the lock");
            w.release(SERVER, A);
            w.run_for(ms(50));
            let held = w.op(B, unlock());
            w.run_for(ms(10));
            w.expect_eq(
                w.answer(held).cloned(),
                Some(Ret::Unlocked),
                "B had it all the time",
            );
        });
    });
}

#[test]
fn a_dead_client_leaves_no_lock_for_ever() {
    grade("D-I4", |t| {
        // A dies after each of its first messages in turn.
        for sent in 1..=3 {
            t.script(&plain(&[A, B]), ReleaseLiveness::default(), |w| {
                w.hold(A, SERVER);
                w.op(A, lock());
                for _ in 1..sent {
                    w.release(A, SERVER);
                    w.hold(A, SERVER);
                    w.run_for(ms(10));
                }
                w.crash(A);
                w.release(A, SERVER);
                w.run_for(TTL + TTL / 10);
                let second = w.op(B, lock());
                w.run_for(ms(10));
                let told = locked(w.answer(second));
                w.expect(
                    told,
                    format!("A died after message {sent}; a TTL later the lock is free"),
                );
            });
        }
    });
}

#[test]
fn many_runs_with_a_bad_network() {
    grade("D-I1", |t| {
        let mut faults = Faults::network();
        (faults.crash, faults.pause, faults.late) = (0.01, 0.02, 0.1);
        faults = faults.only(sim::FaultKind::Crash, &[A, B, C]);
        let mut scene = plain(&[A, B, C])
            .with_faults(faults)
            .lasting(ms(4_000), ms(2_000));
        for client in [A, B, C] {
            scene = takes_turns(scene, client);
        }
        t.swarm(&scene, watched());
    });
}

/// Locks, thinks, unlocks, thinks, … .
fn takes_turns(scene: Scenario<Cast>, node: node::Addr) -> Scenario<Cast> {
    scene.client(letter(node), move |turn: &Turn<'_, Cast>| {
        let had = locked(turn.last_answer());
        let op = if had { unlock() } else { lock() };
        let longest = if had { 1_500_000 } else { 300_000 };
        let after = std::time::Duration::from_micros(1 + turn.draw.below(longest));
        Some(Ask { node, op, after })
    })
}

#[test]
fn every_order_of_two_clients() {
    grade("D-I3", |t| {
        let tick = ms(500);
        let two_ticks = || lock_for(tick * 2);
        let scope = Scope::new()
            .client([(A, two_ticks()), (A, unlock())])
            .client([(B, two_ticks())])
            .budget(Budget {
                crashes: 1,
                late: 2,
                ..Budget::default()
            })
            .ticks(tick, 4)
            .prompt();
        t.explore(&patient(plain(&[A, B])), watched(), &scope);
    });
}

fn watched() -> (ServiceMutex, Ownership, ReleaseLiveness) {
    Default::default()
}
