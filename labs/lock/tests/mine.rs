//! Your own tests. `cargo lab test lock --mine` runs them on the reference, which they must pass, and on its bugs,
//! which they should catch. The book's page "Your own tests" goes through the first one.

use dist_lock::{Cast, CastConfig, ClientConfig, Name, Op, Ret, ServerConfig, View};
use node::Addr;
use sim::{Scenario, Script, grade, ms};

const SERVER: Addr = Addr(0);
const A: Addr = Addr(1);
const B: Addr = Addr(2);

// ANCHOR: world
/// One lock server, two plain clients, and a network on which every message takes 1 ms.
fn world() -> Scenario<Cast> {
    let client = |identity: &str| {
        CastConfig::Client(ClientConfig {
            identity: identity.to_owned(),
            server: SERVER,
            patience: ms(1_000),
        })
    };
    Scenario::new("lock")
        .node(
            SERVER,
            "server",
            "server",
            CastConfig::Server(ServerConfig::default()),
        )
        .node(A, "client A", "client", client("A"))
        .node(B, "client B", "client", client("B"))
}

fn lock(ttl_ms: u64) -> Op {
    Op::Lock {
        name: Name::from("job"),
        ttl: ms(ttl_ms),
        wait: None,
    }
}

fn unlock() -> Op {
    Op::Unlock {
        name: Name::from("job"),
    }
}

/// Who holds `job`, as the server shows it; the owner's name begins with its client's identity.
fn holder(world: &Script<Cast, ()>) -> Option<String> {
    let Some(View::Server(server)) = world.view(SERVER) else {
        return None;
    };
    let job = server
        .leases
        .iter()
        .find(|lease| lease.name == Name::from("job"));
    job.map(|lease| lease.owner.to_string())
}
// ANCHOR_END: world

// ANCHOR: d1
#[test]
fn a_late_release_leaves_the_next_holder_alone() {
    grade("D-I3 Ownership", |test| {
        test.script(&world(), (), |world| {
            world.op(A, lock(100));
            world.run_for(ms(150)); // A's lease has run out

            let b = world.op(B, lock(1_000));
            world.run_for(ms(10));
            let got_it = matches!(world.answer(b), Some(Ret::Locked { .. }));
            world.expect(got_it, "B gets the lock that has run out");
            let before = holder(world);

            world.op(A, unlock()); // A has noticed nothing
            world.run_for(ms(10));
            world.expect_eq(holder(world), before, "A's late release changed the holder");
        });
    });
}
// ANCHOR_END: d1
