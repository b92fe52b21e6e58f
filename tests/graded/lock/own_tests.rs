//! The further examples of the book's page "Your own tests". They catch no bug that has points.

// ANCHOR: world
use dist_lock::{
    Cast, CastConfig, Name, Op, Ret, ServerConfig, SessionConfig, StorageConfig, Value, View,
};
use node::Addr;
use sim::{Scenario, Script, grade, ms};

const A: Addr = Addr(1);
const B: Addr = Addr(2);
const SERVER: Addr = Addr(10);
const STORAGE: Addr = Addr(20);

/// Two sessions, a lock server that gives tokens, and a storage that takes 5 ms for a write.
fn fenced() -> Scenario<Cast> {
    let session = |identity: &str| {
        CastConfig::Session(SessionConfig {
            identity: identity.to_owned(),
            servers: vec![SERVER],
            storage: Some(STORAGE),
            drift_ppm: 1_000,
            retry_after: ms(50),
            patience: ms(300),
        })
    };
    let server = CastConfig::Server(ServerConfig { fencing: true, ..ServerConfig::default() });
    let storage = CastConfig::Storage(StorageConfig { write_time: ms(5) });
    Scenario::new("lock")
        .node(A, "session A", "session", session("A"))
        .node(B, "session B", "session", session("B"))
        .node(SERVER, "server", "server", server)
        .node(STORAGE, "storage", "storage", storage)
}

/// Whether `by` gets the lock `job` for 1 s within 10 ms. A session renews it until it unlocks.
fn gets_the_lock(world: &mut Script<Cast, ()>, by: Addr) -> bool {
    let (name, ttl) = (Name::from("job"), ms(1_000));
    let id = world.op(by, Op::Lock { name, ttl, wait: None });
    world.run_for(ms(10));
    matches!(world.answer(id), Some(Ret::Locked { .. }))
}

/// What `by` is told 20 ms after it asked the storage to write `text`.
fn writes(world: &mut Script<Cast, ()>, by: Addr, text: &str) -> Option<Ret> {
    let (name, value) = (Name::from("job"), Value::from(text));
    let id = world.op(by, Op::Write { name, value });
    world.run_for(ms(20));
    world.answer(id).cloned()
}

/// What stands in the storage's only cell.
fn stands(world: &Script<Cast, ()>) -> Option<Value> {
    let Some(View::Storage(storage)) = world.view(STORAGE) else {
        return None; // It is down.
    };
    storage.cells.first().map(|cell| cell.value.clone())
}
// ANCHOR_END: world

// ANCHOR: restart
#[test]
fn what_the_storage_has_confirmed_is_there_after_a_crash() {
    grade("D-I2 Fencing", |test| {
        test.script(&fenced(), (), |world| {
            let got_it = gets_the_lock(world, A);
            world.expect(got_it, "A gets the lock");
            let told = writes(world, A, "first");
            world.expect_eq(told, Some(Ret::Written), "A writes");

            world.crash(STORAGE); // its disk keeps what was synced, and nothing else
            world.run_for(ms(200));
            world.restart(STORAGE);
            let first = Some(Value::from("first"));
            world.expect_eq(stands(world), first, "a confirmed write is lost");

            let told = writes(world, A, "second"); // A still holds the lock
            world.expect_eq(told, Some(Ret::Written), "A writes again");
        });
    });
}
// ANCHOR_END: restart

// ANCHOR: wall
#[test]
fn a_step_of_the_wall_clock_ends_no_lease() {
    grade("D-I1 Mutual exclusion", |test| {
        test.script(&fenced(), (), |world| {
            let got_it = gets_the_lock(world, A);
            world.expect(got_it, "A gets the lock");
            let one_hour = 3_600 * 1_000_000; // µs
            world.step_wall(SERVER, one_hour);
            let b_too = gets_the_lock(world, B);
            world.expect(!b_too, "A's time is not over, and B has the lock too");
        });
    });
}
// ANCHOR_END: wall

// ANCHOR: pause
#[test]
fn a_session_that_slept_too_long_knows_that_it_lost() {
    grade("D-I1 Mutual exclusion", |test| {
        test.script(&fenced(), (), |world| {
            let got_it = gets_the_lock(world, A);
            world.expect(got_it, "A gets the lock");
            world.pause(A); // no renewal leaves A now
            world.run_for(ms(1_100));
            let got_it = gets_the_lock(world, B);
            world.expect(got_it, "B gets the lock that nobody renewed");
            world.resume(A);
            let told = writes(world, A, "late");
            world.expect_eq(told, Some(Ret::NotHeld), "A wrote without the lock");
        });
    });
}
// ANCHOR_END: pause
