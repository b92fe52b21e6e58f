//! Stage 3: what survives a crash, wherever it falls.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{Config, Index, Op, Raft, Role, Term};
use node::Addr;
use sim::disk::Kept;
use sim::explore::{Budget, Scope};
use sim::{Checker, Faults, Strike, grade, ms};
use std::time::Duration;
use support::*;

/// More effects than one handler of these scripts has.
const EFFECTS: usize = 10;

/// Lets `server` lead some later term.
#[track_caller]
fn lead_on<C: Checker<Raft>>(w: &mut Play<C>, server: Addr) {
    for _ in 0..6 {
        if w.timers(server).contains(&&HEARTBEAT) {
            w.fire(server, &HEARTBEAT);
            w.run_for(MOMENT);
            if see(w, server).leads() {
                return;
            }
        }
        stand(w, server);
        if see(w, server).leads() {
            return;
        }
    }
    w.expect(false, format!("S{} leads in the end", server.0));
}

#[test]
fn three_servers_with_disks_agree() {
    grade("G-I13", |t| {
        let scene = staggered(3, &[(S1, 150), (S2, 250), (S3, 350)]);
        t.script(&scene, (Safety::default(), Told::default()), |w| {
            let watches = THREE.map(|s| w.op(s, Op::Watch));
            w.run_for(ms(200));
            for text in ["a", "b", "c"] {
                propose(w, S1, text);
                w.run_for(ms(80));
            }
            let wanted = ["a", "b", "c"].map(String::from).to_vec();
            for (server, watch) in THREE.into_iter().zip(watches) {
                let seen = told(w, watch);
                w.expect_eq(seen, wanted.clone(), format!("{server}: what it tells"));
            }
            w.expect(w.count_syncs(S2) > 0, "S2 has synced what it acknowledged");
        });
    });
}

#[test]
fn a_restart_forgets_nothing() {
    grade("G-I7", |t| {
        t.script(&manual(3, &THREE), (Safety::default(), Told::default()), |w| {
            elect(w, S1);
            for text in ["a", "b", "c"] {
                propose(w, S1, text);
            }
            beat(w, S1);
            for round in 0..3 {
                let before = THREE.map(|s| see(w, s));
                w.run_for(ms(100));
                for server in THREE {
                    w.crash(server);
                }
                for (server, before) in THREE.into_iter().zip(before) {
                    w.restart(server);
                    let after = see(w, server);
                    w.expect_eq(
                        after.current_term,
                        before.current_term,
                        format!("{server}: its term"),
                    );
                    w.expect_eq(after.voted_for, before.voted_for, format!("{server}: its vote"));
                    w.expect_eq(commands(&after), commands(&before), format!("{server}: its log"));
                    let seen = (after.role, after.commit_index);
                    w.expect_eq(
                        seen,
                        (Role::Follower, Index(0)),
                        format!("{server}: part and commit index"),
                    );
                }
                let watches = THREE.map(|s| w.op(s, Op::Watch));
                let leader = [S2, S3, S1][round];
                elect(w, leader);
                propose(w, leader, &format!("{round}"));
                beat(w, leader);
                for (server, watch) in THREE.into_iter().zip(watches) {
                    let seen = told(w, watch);
                    let wanted = commands(&see(w, leader));
                    w.expect_eq(
                        seen,
                        wanted,
                        format!("{server}: what it tells, from the beginning"),
                    );
                }
            }
        });
    });
}

#[test]
fn a_vote_survives_a_crash_at_any_effect() {
    grade("G-I7", |t| {
        for older in [false, true] {
            for k in 0..EFFECTS {
                let invariants =
                    (DurableVote::default(), ElectionSafety::default(), Monotonic::default());
                t.script(&manual(3, &THREE), invariants, |w| {
                    if older {
                        // An election before, so that there is a vote of an older term to mix up.
                        elect(w, S3);
                        w.run_for(MOMENT);
                    }
                    w.isolate(S3);
                    w.crash_at_effect(S2, k);
                    w.fire(S1, &ELECTION);
                    w.run_for(MOMENT);
                    reboot(w, S2);
                    w.heal();
                    // S3 has not heard of it, and stands in the same term.
                    w.cut_link(S1, S3);
                    w.cut_link(S3, S1);
                    lead_or_lose(w, S3, see(w, S1).current_term);
                    w.heal();
                    lead_on(w, S2);
                });
            }
        }
    });
}

/// `server` stands in `term`, and may win or not.
#[track_caller]
fn lead_or_lose<C: Checker<Raft>>(w: &mut Play<C>, server: Addr, term: Term) {
    if see(w, server).leads() {
        // It leads an older term, and has heard of nobody: it starts again.
        w.crash(server);
        w.restart(server);
    }
    while see(w, server).current_term < term {
        w.fire(server, &ELECTION);
    }
    w.run_for(MOMENT);
}

#[test]
fn a_candidate_that_crashes_has_voted() {
    grade("G-I7", |t| {
        for k in 0..EFFECTS {
            let invariants =
                (DurableVote::default(), ElectionSafety::default(), Monotonic::default());
            t.script(&manual(3, &THREE), invariants, |w| {
                w.crash_at_effect(S1, k);
                w.fire(S1, &ELECTION);
                w.run_for(MOMENT);
                reboot(w, S1);
                // S2 stands in the same term, if it has not heard of it yet.
                w.fire(S2, &ELECTION);
                w.run_for(MOMENT);
                lead_on(w, S3);
            });
        }
    });
}

#[test]
fn what_is_acknowledged_survives_a_crash_at_any_effect() {
    grade("G-I4", |t| {
        for k in 0..EFFECTS {
            for texts in [1, 3] {
                let invariants = (
                    LeaderCompleteness::default(),
                    StateMachineSafety::default(),
                    LogMatching::default(),
                );
                t.script(&manual(3, &THREE), invariants, |w| {
                    elect(w, S1);
                    w.isolate(S3);
                    propose(w, S1, "a");
                    beat(w, S1);
                    w.crash_at_effect(S2, k);
                    for n in 0..texts {
                        propose(w, S1, &format!("{n}"));
                    }
                    w.run_for(MOMENT);
                    reboot(w, S2);
                    // What S1 has committed, S2 and S3 have to know without it.
                    w.crash(S1);
                    w.heal();
                    lead_on(w, S2);
                    w.restart(S1);
                    propose(w, S2, "last");
                    beat(w, S2);
                    let wanted = commands(&see(w, S2));
                    for server in THREE {
                        w.expect_eq(
                            commands(&see(w, server)),
                            wanted.clone(),
                            format!("{server}: its log"),
                        );
                    }
                });
            }
        }
    });
}

#[test]
fn an_answer_waits_for_the_disk() {
    grade("G-I7", |t| {
        t.script(&manual(3, &THREE), Safety::default(), |w| {
            elect(w, S1);
            w.isolate(S3);
            w.slow_sync(S2);
            propose(w, S1, "a");
            w.run_for(MOMENT);
            w.expect_eq(
                see(w, S1).commit_index,
                Index(0),
                "S2's disk is not ready: nothing is committed",
            );
            w.expect_eq(
                w.count_sent(S2, S1, is_match),
                w.count_sent(S2, S1, |m| acknowledged(m).is_some_and(|a| a.1 == Index(0))),
                "S2 has acknowledged no entry",
            );
            w.finish_sync(S2);
            beat(w, S1);
            w.expect_eq(see(w, S1).commit_index, Index(1), "now it has");
        });
    });
}

#[test]
fn a_leader_that_crashes_at_any_effect_loses_nothing() {
    grade("G-I4", |t| {
        for k in 0..EFFECTS {
            let invariants = (
                LeaderCompleteness::default(),
                StateMachineSafety::default(),
                LogMatching::default(),
            );
            t.script(&manual(3, &THREE), invariants, |w| {
                elect(w, S1);
                w.isolate(S3);
                propose(w, S1, "a");
                beat(w, S1);
                w.crash_at_effect(S1, k);
                w.op(S1, Op::Propose("b".into()));
                w.run_for(MOMENT);
                reboot(w, S1);
                w.run_for(MOMENT);
                w.crash(S2);
                w.heal();
                // S2 may have b, and S1 not any more; S1 and S3 may go on without it.
                lead_on(w, S1);
                propose(w, S1, "c");
                beat(w, S1);
                w.restart(S2);
                beat(w, S1);
                let wanted = commands(&see(w, S1));
                for server in THREE {
                    w.expect_eq(
                        commands(&see(w, server)),
                        wanted.clone(),
                        format!("{server}: its log"),
                    );
                }
            });
        }
    });
}

#[test]
fn what_was_overwritten_does_not_come_back() {
    grade("G-I3", |t| {
        for k in 0..EFFECTS {
            t.script(&manual(3, &FIVE), Safety::default(), |w| {
                elect(w, S1);
                propose(w, S1, "a");
                beat(w, S1);
                // S1 and S2 have entries that S3, the next leader, has not.
                w.partition(&[&[S1, S2], &[S3, S4, S5]]);
                for text in ["b", "c", "d"] {
                    propose(w, S1, text);
                }
                beat(w, S1);
                w.expect_eq(see(w, S2).log.len(), 4, "S2 has them");
                elect(w, S3);
                propose(w, S3, "new");
                beat(w, S3);
                w.crash_at_effect(S2, k);
                w.heal_link(S3, S2);
                w.heal_link(S2, S3);
                beat(w, S3);
                reboot(w, S2);
                beat(w, S3);
                w.crash(S2);
                w.restart(S2);
                beat(w, S3);
                w.expect_eq(
                    commands(&see(w, S2)),
                    commands(&see(w, S3)),
                    "S2's log after a second restart",
                );
                w.heal();
                w.crash(S3);
                lead_on(w, S2);
                w.restart(S3);
                propose(w, S2, "last");
                beat(w, S2);
                for server in FIVE {
                    w.expect_eq(
                        commands(&see(w, server)),
                        commands(&see(w, S2)),
                        format!("{server}: its log"),
                    );
                }
            });
        }
    });
}

#[test]
fn a_torn_record_is_dropped_for_good() {
    grade("G-I7", |t| {
        for whole in 0..=2 {
            for torn in [0, 1, 5, 9, 12, usize::MAX] {
                t.script(&manual(3, &THREE), Safety::default(), |w| {
                    elect(w, S1);
                    w.isolate(S3);
                    propose(w, S1, "first");
                    beat(w, S1);
                    // The disk has part of what S2 has not acknowledged yet.
                    w.slow_sync(S2);
                    for text in ["second entry", "third entry"] {
                        propose(w, S1, text);
                    }
                    w.run_for(MOMENT);
                    w.crash_keeping(S2, |_| Kept { whole, torn });
                    w.restart(S2);
                    let seen = commands(&see(w, S2));
                    w.expect(
                        seen.first().is_some_and(|c| c == "first"),
                        "the synced entry is there",
                    );
                    for text in ["fourth", "fifth"] {
                        propose(w, S1, text);
                    }
                    beat(w, S1);
                    let wanted = commands(&see(w, S1));
                    w.expect_eq(commands(&see(w, S2)), wanted.clone(), "S2 has caught up");
                    w.crash(S2);
                    w.restart(S2);
                    w.expect_eq(
                        commands(&see(w, S2)),
                        wanted,
                        "and has it after the next crash, too",
                    );
                });
            }
        }
    });
}

#[test]
fn a_damaged_record_stops_the_server() {
    grade("G-I7", |t| {
        let cfg = Config::of_stage(3, [S1]);
        let mut server = One::boot(S1, cfg.clone());
        server.fire(ELECTION);
        for text in ["first entry", "second entry", "third entry"] {
            server.ask(Op::Propose(text.into()));
        }
        let again = One::boot_from(S1, cfg.clone(), server.files.clone()).view();
        t.check_eq(commands(&again), commands(&server.view()), "a whole log is read");
        let place = |bytes: &[u8]| bytes.windows(6).position(|w| w == b"second");
        let found = server.files.0.iter().find_map(|(name, b)| Some((name.clone(), place(b)?)));
        t.check(found.is_some(), "the entries are on the disk, as they are");
        let Some((name, at)) = found else { return };
        let mut files = server.files.clone();
        if let Some(bytes) = files.0.get_mut(&name) {
            std::sync::Arc::make_mut(bytes)[at] ^= 1;
        }
        // It may have been acknowledged: going on without it would break that promise.
        let said = t.must_panic(|| One::boot_from(S1, cfg, files));
        t.check(said.contains(&name), format!("it names the file {name:?}; it says: {said}"));
    });
}

#[test]
fn an_old_word_of_the_disk_counts_for_nothing() {
    grade("G-I6", |t| {
        t.script(&manual(3, &THREE), MatchIndex::default(), |w| {
            elect(w, S1);
            w.isolate(S1);
            // S1's disk is ready with x and y, and S1 does not hear of it for long.
            w.hold(S1, S1);
            propose(w, S1, "x");
            propose(w, S1, "y");
            w.run_for(MOMENT);
            elect(w, S2);
            propose(w, S2, "z");
            beat(w, S2);
            w.heal();
            beat(w, S2);
            w.expect_eq(commands(&see(w, S1)), vec!["z".to_string()], "S1's log");
            elect(w, S1);
            while w.waiting().iter().any(|(from, to, _)| (*from, *to) == (S1, S1)) {
                w.deliver(S1, S1, any);
            }
            w.expect_eq(see(w, S1).last_index(), Index(1), "S1 has one entry, and counts no more");
        });
    });
}

#[test]
fn a_failed_sync_is_not_tried_again() {
    grade("G-I7", |t| {
        for skip in 0..3 {
            t.script(&manual(3, &THREE), Safety::default(), |w| {
                elect(w, S1);
                w.isolate(S3);
                for n in 0..skip {
                    propose(w, S1, &format!("{n}"));
                    beat(w, S1);
                }
                w.fail_next_sync(S2);
                propose(w, S1, "lost by the disk");
                beat(w, S1);
                reboot(w, S2);
                beat(w, S1);
                w.crash(S1);
                w.heal();
                lead_on(w, S2);
            });
        }
    });
}

#[test]
fn an_old_entry_on_a_majority_is_not_committed_after_crashes() {
    grade("G-I5", |t| {
        let invariants = (StateMachineSafety::default(), LogMatching::default());
        t.script(&manual(3, &THREE), invariants, |w| {
            // Figure 8 with three servers, by crashes and one cut.
            lead(w, S2, 1);
            lead(w, S1, 2);
            w.isolate(S1);
            propose(w, S1, "e2");
            w.run_for(MOMENT);
            w.crash(S1);
            lead(w, S3, 3);
            w.isolate(S3);
            propose(w, S3, "e3");
            w.run_for(MOMENT);
            w.restart(S1);
            w.heal_link(S1, S2);
            w.heal_link(S2, S1);
            lead(w, S1, 4);
            beat(w, S1);
            w.expect_eq(commands(&see(w, S2)), vec!["e2".to_string()], "S2 has e2 from S1");
            w.crash(S1);
            w.heal();
            lead(w, S3, 5);
            propose(w, S3, "e5");
            beat(w, S3);
            w.restart(S1);
            beat(w, S3);
            let wanted = ["e3", "e5"].map(String::from).to_vec();
            for server in THREE {
                w.expect_eq(
                    commands(&see(w, server)),
                    wanted.clone(),
                    format!("{server}: its log"),
                );
            }
        });
    });
}

#[test]
fn a_majority_that_crashes_keeps_what_was_committed() {
    grade("G-I4", |t| {
        let invariants = (LeaderCompleteness::default(), StateMachineSafety::default());
        t.script(&manual(3, &FIVE), invariants, |w| {
            elect(w, S1);
            for n in 0..5 {
                propose(w, S1, &format!("{n}"));
            }
            beat(w, S1);
            w.isolate(S5);
            propose(w, S1, "last");
            w.run_for(MOMENT);
            let committed = see(w, S1).commit_index;
            w.expect_eq(committed, Index(6), "four of five have all six");
            for server in [S1, S2, S3, S4] {
                w.crash(server);
            }
            w.heal();
            for server in [S2, S3] {
                w.restart(server);
            }
            stand(w, S5);
            stand(w, S5);
            w.expect_eq(leaders(w, &[S5]), vec![], "S5 lacks an entry");
            lead_on(w, S2);
            w.restart(S1);
            w.restart(S4);
            propose(w, S2, "more");
            beat(w, S2);
            for server in FIVE {
                let seen = (see(w, server).commit_index, see(w, server).log.len());
                w.expect_eq(seen, (Index(7), 7), format!("{server}: commit index and length"));
            }
        });
    });
}

#[test]
fn every_crash_around_a_vote() {
    grade("G-I7", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 1, cuts: 1, ..Budget::default() })
            .only_timers(|server, timer| server == S3 && *timer == ELECTION);
        let invariants = (DurableVote::default(), ElectionSafety::default());
        t.script(&manual(3, &THREE), invariants, |w| {
            w.hold_all();
            w.fire(S1, &ELECTION);
            w.lose(S1, S3, is_request_vote);
            w.explore(&scope);
        });
    });
}

#[test]
fn every_crash_around_an_entry() {
    grade("G-I4", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 1, cuts: 1, ..Budget::default() })
            .torn()
            .only_timers(|server, timer| server != S1 && *timer == ELECTION);
        let invariants =
            (LeaderCompleteness::default(), StateMachineSafety::default(), DurableVote::default());
        t.script(&manual(3, &THREE), invariants, |w| {
            elect(w, S1);
            w.hold_all();
            propose(w, S1, "a");
            w.lose(S1, S3, is_full);
            w.explore(&scope);
        });
    });
}

/// After this time without faults a leader is there, and all have its log soon after.
const HEALED: Duration = ms(2_700);
const LASTS: Duration = ms(500);

#[test]
fn many_crashes() {
    grade("G-I7", |t| {
        let mut faults = Faults::all();
        (faults.drop, faults.late) = (0.03, 0.05);
        (faults.crash, faults.cut) = (0.03, 0.006);
        (faults.slow_sync, faults.bad_sync) = (0.05, 0.003);
        faults.down_for = ms(10)..ms(600);
        faults.slow_for = ms(1)..ms(80);
        let faults = faults
            .aim("crash the leader", leads, Strike::Crash, 0.08)
            .aim("cut the leader's handler", leads, Strike::Cut, 0.08)
            .aim("cut a candidate's handler", stands, Strike::Cut, 0.15)
            .aim("slow the leader's disk", leads, Strike::SlowSync, 0.1)
            .aim("cut off the leader", leads, Strike::Isolate, 0.05);
        let horizon = ms(2_500);
        let cfg = Config { max_entries: 3, ..Config::of_stage(3, FIVE) };
        let scene = with_logs(cfg, &FIVE, |_| Vec::new())
            .with_faults(faults)
            .lasting(horizon, HEALED + LASTS);
        let scene = with_clients(scene, 3, ms(200));
        let lively = (StableLeader::by(horizon + HEALED), Progress, Lively::new());
        t.swarm(&scene, (Safety::default(), Told::default(), lively));
        Lively::check(t, 5);
    });
}
