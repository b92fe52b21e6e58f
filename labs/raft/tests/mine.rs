//! Your own tests. `cargo lab test raft --mine` runs them on the reference, which they must pass, and on its bugs of
//! stage 2, which they should catch. The book's page "Your own tests" shows how to go about it.

use dist_raft::{Command, Config, Msg, Op, Raft, Term, Timer, View};
use node::Addr;
use sim::{Scenario, Script, grade, ms};

const S1: Addr = Addr(1);
const S2: Addr = Addr(2);
const S3: Addr = Addr(3);

// ANCHOR: world
/// Three servers without a disk. Messages take 1 ms; no timer comes due by itself: fire them.
fn world() -> Scenario<Raft> {
    let mut scenario = Scenario::new("raft");
    for server in [S1, S2, S3] {
        let cfg = Config {
            election_timeout: ms(100_000)..ms(200_000),
            heartbeat: ms(30_000),
            ..Config::of_stage(2, [S1, S2, S3])
        };
        scenario = scenario.node(server, format!("S{}", server.0), "server", cfg);
    }
    scenario
}

/// What a server shows.
fn view(world: &Script<Raft, ()>, server: Addr) -> View {
    world.view(server).unwrap_or_default()
}

/// A client proposes `text`; what the server sends is on its way.
fn propose(world: &mut Script<Raft, ()>, server: Addr, text: &str) {
    world.op(server, Op::Propose(Command::from(text)));
}
// ANCHOR_END: world

// ANCHOR: g7
#[test]
fn a_late_vote_elects_nobody() {
    grade("G-I1 ElectionSafety", |test| {
        test.script(&world(), (), |world| {
            let vote = |msg: &Msg| matches!(msg, Msg::Vote(vote) if vote.vote_granted);
            world.hold_all(); // messages wait until they are delivered one by one

            world.fire(S1, &Timer::Election); // S1 stands in term 1
            world.deliver(S1, S2, |_| true); // S2's vote is under way
            world.fire(S1, &Timer::Election); // and S1 stands again, in term 2

            world.fire(S3, &Timer::Election);
            world.fire(S3, &Timer::Election); // so does S3
            world.deliver(S3, S2, |msg| msg.term() == Term(2));
            world.deliver(S2, S3, vote);
            world.expect(view(world, S3).leads(), "S3 leads term 2, with S2's vote");

            world.deliver(S2, S1, vote); // the vote of term 1, late
            world.expect(!view(world, S1).leads(), "S1 leads term 2 as well");
        });
    });
}
// ANCHOR_END: g7

#[test]
fn a_follower_has_what_its_leader_has() {
    grade("G-I3 LogMatching", |test| {
        test.script(&world(), (), |world| {
            world.fire(S1, &Timer::Election);
            world.run_for(ms(20));
            propose(world, S1, "x");
            world.run_for(ms(20));
            for server in [S2, S3] {
                let (theirs, leaders) = (view(world, server).log, view(world, S1).log);
                world.expect_eq(theirs, leaders, format!("{server}: its log"));
            }
        });
    });
}
