//! Stage 1: the lock table, and a client that locks and unlocks with one command each.

mod support;

use dist_lock::{LockTable, Name, Owner, Proof, Ret, Token};
use node::LocalTime;
use sim::explore::{Budget, Scope};
use sim::{Faults, grade, ms};
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

/// Until when the lease under `name` lasts, if one lives at `now`.
fn ends(table: &LockTable, now: u64, name: &Name) -> Option<Option<LocalTime>> {
    table.get(at(now), name).map(|lease| lease.until)
}

#[test]
fn a_free_lock_is_granted_once() {
    grade("D-I1", |t| {
        let (mut table, name) = (LockTable::default(), name());
        let empty = table.get(at(100), &name).is_none();
        t.check(empty, "a new table is empty, but get found a lease in it");
        let granted = table.set_if_absent(at(100), &name, &owner("a"), Token(7), Some(TTL));
        t.check(granted, "the lock was free, but set_if_absent returned false");
        let lease = table.get(at(100), &name).cloned();
        t.check(lease.is_some(), "the lock was granted, but get finds no lease");
        if let Some(lease) = lease {
            t.check_eq(lease.owner, owner("a"), "the lease should have the owner that asked");
            t.check_eq(lease.token, Token(7), "the lease should carry the token it was given");
            t.check_eq(lease.until, Some(at(1100)), "the lease should end the TTL after now");
        }
        let before = table.clone();
        for asker in ["b", "a"] {
            let again = table.set_if_absent(at(600), &name, &owner(asker), Token(8), Some(TTL));
            t.check(!again, format!("a holds the lock, but {asker} was granted it"));
            t.check(table == before, "a refusal must change nothing, but the table is another");
        }
        let other = Name::from("other");
        let granted = table.set_if_absent(at(600), &other, &owner("b"), Token(8), None);
        t.check(granted, "only `job` is held, but another name was refused too");
        let until = ends(&table, 1_000_000, &other);
        t.check_eq(until, Some(None), "a lease without a TTL should never end");
    });
}

#[test]
fn an_ended_lease_is_absent() {
    grade("D-I4", |t| {
        let (mut table, name) = held_by_a();
        let last = LocalTime::from_micros(1_099_999);
        let lives = table.get(last, &name).is_some();
        t.check(lives, "the lease lives until 1100 ms, but get missed it a microsecond before");
        let gone = table.get(at(1100), &name).is_none();
        t.check(gone, "the lease has ended at 1100 ms, but get still finds it then");
        let renewed = table.renew(at(1100), &name, &by("a"), TTL);
        t.check(!renewed, "the lease has ended, but renew returned true");
        let gone = table.get(at(1100), &name).is_none();
        t.check(gone, "the lease has ended, but a renewal brought it back");
        let released = table.release(at(1100), &name, &by("a"));
        t.check(!released, "the lease has ended, but release returned true");
        let granted = table.set_if_absent(at(1100), &name, &owner("b"), Token(8), Some(TTL));
        t.check(granted, "a's lease has ended, but the lock was refused to b");
        let holder = table.get(at(1100), &name).map(|l| l.owner.clone());
        t.check_eq(holder, Some(owner("b")), "the lock should now be b's");
    });
}

#[test]
fn only_its_owner_ends_a_lease() {
    grade("D-I3", |t| {
        let (mut table, name) = held_by_a();
        let before = table.clone();
        let strangers = ["b", "", "aa", "A"].map(by);
        for stranger in strangers.into_iter().chain([Proof::Token(Token(6))]) {
            let released = table.release(at(500), &name, &stranger);
            let text = format!("{stranger:?} proves nothing here, but release returned true");
            t.check(!released, text);
        }
        t.check(table == before, "a refused release must change nothing, but the table is another");
        let released = table.release(at(500), &name, &by("a"));
        t.check(released, "a holds the lock, but its release returned false");
        let free = table.get(at(500), &name).is_none();
        t.check(free, "a has released the lock, but get still finds the lease");
        let again = table.release(at(500), &name, &by("a"));
        t.check(!again, "nothing is held any more, but a second release returned true");

        let (mut table, name) = held_by_a();
        let released = table.release(at(500), &name, &Proof::Token(Token(7)));
        t.check(released, "the token of the grant is a proof too, but release returned false");
        table.set_if_absent(at(500), &name, &owner("b"), Token::NONE, Some(TTL));
        let released = table.release(at(500), &name, &Proof::Token(Token::NONE));
        t.check(!released, "having no token proves nothing, but release returned true");
    });
}

#[test]
fn only_its_owner_renews_a_lease() {
    grade("D-I3", |t| {
        let (mut table, name) = held_by_a();
        let before = table.clone();
        for stranger in [by("b"), Proof::Token(Token(6)), Proof::Token(Token::NONE)] {
            let renewed = table.renew(at(500), &name, &stranger, TTL);
            let text = format!("{stranger:?} proves nothing here, but renew returned true");
            t.check(!renewed, text);
        }
        t.check(table == before, "a refused renewal must change nothing, but the table is another");
        let renewed = table.renew(at(500), &name, &by("a"), TTL);
        t.check(renewed, "a holds the lock, but its renewal returned false");
        let until = ends(&table, 500, &name);
        let text = "the lease should end the TTL after the renewal, not on top of what was left";
        t.check_eq(until, Some(Some(at(1500))), text);
        let token = table.get(at(500), &name).map(|l| l.token);
        t.check_eq(token, Some(Token(7)), "a renewed lease is the same grant, with its token");
        let renewed = table.renew(at(550), &name, &Proof::Token(Token(7)), TTL);
        t.check(renewed, "the token of the grant is a proof too, but renew returned false");
        let shorter = table.renew(at(600), &name, &by("a"), ms(10));
        t.check(shorter, "a holds the lock, but its renewal with a shorter TTL returned false");
        let gone = table.get(at(610), &name).is_none();
        t.check(gone, "a renewal for 10 ms ends the lease 10 ms later, but get still finds it");

        let (mut table, name) = (LockTable::default(), name);
        table.set_if_absent(at(100), &name, &owner("a"), Token(7), None);
        table.renew(at(500), &name, &by("a"), TTL);
        let text = "a lease that never ended ends the TTL after its renewal";
        t.check_eq(ends(&table, 500, &name), Some(Some(at(1500))), text);
    });
}

#[test]
fn one_client_after_another() {
    grade("D-I1", |t| {
        t.script(&plain(&[A, B]), watched(), |w| {
            takes(w, A, FREE);
            is_refused(w, B, "A holds the lock");
            unlocks(w, A);
            takes(w, B, "A has given the lock back");
            let acts = w.op(B, act());
            w.run_for(ms(10));
            told(w, acts, Ret::Acted, "B acts under the lock that it holds");
        });
    });
}

#[test]
fn a_late_unlock_frees_nobody_elses_lock() {
    grade("D-I3", |t| {
        t.script(&plain(&[A, B, C]), Ownership::default(), |w| {
            takes(w, A, FREE);
            w.hold(A, SERVER);
            let late = w.op(A, unlock());
            w.run_for(TTL);
            takes(w, B, "A's lease has ended and its release is still under way");
            w.release(A, SERVER);
            w.run_for(ms(10));
            is_refused(w, C, "A's release has arrived, and B holds the lock all the same");
            let lied = w.answer(late) == Some(&Ret::Unlocked);
            w.expect(
                !lied,
                "A's lease had ended before its release arrived, but A was told Unlocked",
            );
        });
    });
}

#[test]
fn an_unlock_is_one_step_of_the_server() {
    grade("D-I3", |t| {
        // Whatever the server says to A, A hears it only when B holds the lock.
        t.script(&plain(&[A, B]), Ownership::default(), |w| {
            takes(w, A, FREE);
            w.run_for(TTL - ms(60));
            w.hold(SERVER, A);
            w.op(A, unlock());
            w.run_for(ms(100));
            takes(w, B, "A has unlocked, and its lease has ended besides");
            w.release(SERVER, A);
            w.run_for(ms(50));
            unlocks(w, B);
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
                takes(w, B, format!("A died after message {sent}, more than a TTL ago"));
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
        let mut scene = plain(&[A, B, C]).with_faults(faults).lasting(ms(4_000), ms(2_000));
        for client in [A, B, C] {
            scene = locks_and_unlocks(scene, client);
        }
        t.swarm(&scene, watched());
    });
}

#[test]
fn every_order_of_two_clients() {
    grade("D-I3", |t| {
        let tick = ms(500);
        let two_ticks = || lock_for(tick * 2);
        let scope = Scope::new()
            .client([(A, two_ticks()), (A, unlock())])
            .client([(B, two_ticks())])
            .budget(Budget { crashes: 1, late: 2, ..Budget::default() })
            .ticks(tick, 4)
            .prompt();
        t.explore(&patient(plain(&[A, B])), watched(), &scope);
    });
}

fn watched() -> (ServiceMutex, Ownership, ReleaseLiveness) {
    Default::default()
}
