//! Stage 1: terms, votes, timers. There are no entries yet but those that servers start with.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{Config, Index, Msg, RequestVote, Role, Term, Vote};
use node::Addr;
use sim::explore::{Budget, Scope};
use sim::{Faults, Scenario, Strike, grade, ms};
use std::time::Duration;
use support::*;

/// A server of `servers` with a log of these terms.
fn one(servers: &[Addr], log: &[u64]) -> One {
    let cfg =
        Config { initial_log: entries(1, log), ..Config::of_stage(1, servers.iter().copied()) };
    One::boot(S1, cfg)
}

/// The answer to a request for a vote: who hears it, its term, and whether it is a yes.
fn answer(sent: &[(Addr, Msg)]) -> Option<(Addr, Term, bool)> {
    match sent {
        [(to, Msg::Vote(Vote { term, vote_granted }))] => Some((*to, *term, *vote_granted)),
        _ => None,
    }
}

#[test]
fn a_vote_goes_to_an_up_to_date_log() {
    grade("Figure 2", |t| {
        for own in logs(3, 3) {
            for index in 0..=4 {
                for term in u64::from(index > 0)..=if index > 0 { 4 } else { 0 } {
                    let mut voter = one(&THREE, &own);
                    let sent = voter.hear(S2, request_vote(7, index, term));
                    let mine = (own.last().copied().unwrap_or(0), own.len() as u64);
                    let yes = (term, index) >= mine;
                    let case = format!(
                        "a server with log {own:?} is asked by one whose log ends at {index} in \
                         term {term}"
                    );
                    t.check_eq(
                        answer(&sent),
                        Some((S2, Term(7), yes)),
                        format!("{case}: the answer"),
                    );
                    let view = voter.view();
                    t.check_eq(view.current_term, Term(7), format!("{case}: its term"));
                    t.check_eq(view.voted_for, yes.then_some(S2), format!("{case}: its vote"));
                    t.check_eq(view.role, Role::Follower, format!("{case}: its part"));
                }
            }
        }
    });
}

#[test]
fn one_vote_in_a_term() {
    grade("Figure 2", |t| {
        let asks: Vec<(Addr, u64)> =
            [S2, S3].into_iter().flat_map(|who| (1..=3).map(move |term| (who, term))).collect();
        for n in 0..asks.len().pow(3) {
            let mut voter = one(&THREE, &[]);
            let (mut term, mut vote) = (0, None);
            let three = [n % 6, n / 6 % 6, n / 36].map(|i| asks[i]);
            for (who, asked) in three {
                if asked > term {
                    (term, vote) = (asked, None);
                }
                let yes = asked == term && vote.is_none_or(|v| v == who);
                if yes {
                    vote = Some(who);
                }
                let sent = voter.hear(who, request_vote(asked, 0, 0));
                let case = format!("asked by {three:?}, at {who} in term {asked}");
                let wanted = Some((who, Term(term), yes));
                t.check_eq(answer(&sent), wanted, format!("{case}: the answer"));
                let view = voter.view();
                let seen = (view.current_term.0, view.voted_for);
                t.check_eq(seen, (term, vote), format!("{case}: term and vote"));
            }
        }
    });
}

#[test]
fn a_candidate_asks_all_others() {
    grade("Figure 2", |t| {
        for log in logs(3, 3) {
            let mut server = one(&FIVE, &log);
            let before = server.view().current_term;
            for round in 1..=2 {
                let term = Term(before.0 + round);
                let mut sent = server.fire(ELECTION);
                sent.sort();
                let request = Msg::RequestVote(RequestVote {
                    term,
                    last_log_index: Index(log.len() as u64),
                    last_log_term: Term(log.last().copied().unwrap_or(0)),
                    transfer: false,
                });
                let wanted: Vec<(Addr, Msg)> =
                    [S2, S3, S4, S5].map(|to| (to, request.clone())).into();
                t.check_eq(sent, wanted, format!("what one with log {log:?} asks"));
                let view = server.view();
                t.check_eq(view.role, Role::Candidate, "its part");
                t.check_eq(view.current_term, term, "its term");
                t.check_eq(view.voted_for, Some(S1), "it votes for itself");
                t.check(server.waits_for(ELECTION), "it waits for the end of this election");
                let sent = server.hear(S2, request_vote(term.0, 9, term.0));
                let seen = answer(&sent);
                t.check_eq(seen, Some((S2, term, false)), "it has no second vote in this term");
            }
        }
        let mut server = one(&THREE, &[]);
        server.hear(S3, append(1, (0, 0), Vec::new(), 0));
        server.fire(ELECTION);
        let view = server.view();
        let seen = (view.role, view.current_term, view.leader_id);
        let wanted = (Role::Candidate, Term(2), None);
        t.check_eq(seen, wanted, "one that followed S3 in term 1 stands: part, term, who leads");
    });
}

#[test]
fn a_candidate_counts_servers_not_votes() {
    grade("Figure 2", |t| {
        for servers in [&FIVE[..], &FIVE[..4], &THREE[..]] {
            let others = &servers[1..servers.len().min(4)];
            let votes: Vec<(Addr, u64, bool)> = others
                .iter()
                .flat_map(|who| {
                    [(1, true), (1, false), (2, true), (2, false)].map(|(t, y)| (*who, t, y))
                })
                .collect();
            let n = votes.len();
            for i in 0..n.pow(3) {
                let mut server = one(servers, &[]);
                server.fire(ELECTION);
                server.fire(ELECTION);
                let three = [i % n, i / n % n, i / n / n].map(|i| votes[i]);
                let mut mine = vec![S1];
                for (who, term, yes) in three {
                    server.hear(who, vote(term, yes));
                    if (term, yes) == (2, true) && !mine.contains(&who) {
                        mine.push(who);
                    }
                    let wins = mine.len() * 2 > servers.len();
                    let case = format!(
                        "{} servers; a candidate of term 2 hears {three:?} (who, term, yes); at {who}",
                        servers.len()
                    );
                    let view = server.view();
                    t.check_eq(view.leads(), wins, format!("{case}: it leads"));
                    t.check_eq(view.current_term, Term(2), format!("{case}: its term"));
                }
            }
        }
        let mut alone = one(&[S1], &[]);
        alone.fire(ELECTION);
        t.check(alone.view().leads(), "a cluster of one has its quorum at once");
    });
}

/// A server as a follower, a candidate, and a leader, of term 1.
fn parts() -> [(&'static str, One); 3] {
    let mut follower = one(&THREE, &[]);
    follower.hear(S3, append(1, (0, 0), Vec::new(), 0));
    let mut candidate = one(&THREE, &[]);
    candidate.fire(ELECTION);
    let mut leader = candidate.clone();
    leader.hear(S2, vote(1, true));
    [("a follower", follower), ("a candidate", candidate), ("a leader", leader)]
}

#[test]
fn a_later_term_makes_a_follower() {
    grade("Figure 2", |t| {
        let messages = [
            ("a refused vote", vote(4, false), None),
            ("a late granted vote", vote(4, true), None),
            ("a request for a vote", request_vote(4, 0, 0), Some(S2)),
            ("a heartbeat", append(4, (0, 0), Vec::new(), 0), None),
            ("an answer to a heartbeat", matched(4, 0), None),
        ];
        for (what, msg, voted) in messages {
            for (part, mut server) in parts() {
                server.hear(S2, msg.clone());
                let (case, view) =
                    (format!("{part} of term 1 hears {what} of term 4"), server.view());
                let seen = (view.role, view.current_term, view.voted_for);
                let wanted = (Role::Follower, Term(4), voted);
                t.check_eq(seen, wanted, format!("{case}: part, term, vote"));
                let leader = matches!(msg, Msg::AppendEntries(_)).then_some(S2);
                t.check_eq(view.leader_id, leader, format!("{case}: who leads"));
                t.check(server.waits_for(ELECTION), format!("{case}: it waits for a leader"));
                t.check(!server.waits_for(HEARTBEAT), format!("{case}: it leads no longer"));
            }
        }
    });
}

#[test]
fn an_old_term_changes_nothing() {
    grade("Figure 2", |t| {
        let messages = [
            ("a refused vote", vote(1, false)),
            ("a granted vote", vote(1, true)),
            ("a request for a vote", request_vote(1, 9, 1)),
            ("a heartbeat", append(1, (0, 0), Vec::new(), 0)),
            ("an answer to a heartbeat", matched(1, 0)),
        ];
        for (part, mut server) in parts() {
            match part {
                "a follower" => drop(server.hear(S3, append(5, (0, 0), Vec::new(), 0))),
                _ => {
                    server.hear(S3, vote(4, false));
                    server.fire(ELECTION);
                    if part == "a leader" {
                        server.hear(S3, vote(5, true));
                    }
                }
            }
            for (what, msg) in &messages {
                let mut server = server.clone();
                let before = server.view();
                let sent = server.hear(S2, msg.clone());
                let case = format!("{part} of term 5 hears {what} of term 1");
                t.check_eq(server.view(), before, format!("{case}: its state"));
                t.check(!server.timer_reset, format!("{case}: its timer goes on"));
                if let Msg::RequestVote(_) = msg {
                    let wanted = Some((S2, Term(5), false));
                    t.check_eq(answer(&sent), wanted, format!("{case}: its answer"));
                }
            }
        }
    });
}

#[test]
fn a_heartbeat_makes_its_sender_the_leader() {
    grade("Figure 2", |t| {
        for (part, mut server) in parts() {
            if part == "a leader" {
                continue;
            }
            let vote = server.view().voted_for;
            let sender = if part == "a follower" { S3 } else { S2 };
            server.hear(sender, append(1, (0, 0), Vec::new(), 0));
            let view = server.view();
            let seen = (view.role, view.current_term, view.leader_id, view.voted_for);
            let wanted = (Role::Follower, Term(1), Some(sender), vote);
            t.check_eq(
                seen,
                wanted,
                format!("{part} hears the leader of its term: part, term, leader, vote"),
            );
            t.check(server.timer_reset, format!("{part}: its timer starts anew"));
            let sent = server.hear(sender, request_vote(1, 0, 0));
            let yes = vote.is_none_or(|v| v == sender);
            t.check_eq(
                answer(&sent),
                Some((sender, Term(1), yes)),
                "its vote in this term is what it was",
            );
        }
    });
}

/// Three servers with timeouts so far apart that S1 stands first.
fn three_calm() -> Scenario<dist_raft::Raft> {
    staggered(1, &[(S1, 150), (S2, 250), (S3, 350)])
}

#[test]
fn three_servers_elect_one() {
    grade("G-I10", |t| {
        t.script(&three_calm(), (ElectionSafety::default(), Monotonic::default()), |w| {
            w.run_for(ms(140));
            w.expect_eq(leaders(w, &THREE), vec![], "nobody leads before the first timeout");
            w.run_for(ms(60));
            w.expect_eq(leaders(w, &THREE), vec![(S1, Term(1))], "who leads, in which term");
            for server in THREE {
                let view = see(w, server);
                let seen = (view.current_term, view.leader_id);
                w.expect_eq(seen, (Term(1), Some(S1)), format!("{server}: the term and who leads"));
            }
            w.run_for(ms(3_500));
            w.expect_eq(leaders(w, &THREE), vec![(S1, Term(1))], "its heartbeats keep it in power");
        });
    });
}

#[test]
fn a_leader_that_is_cut_off_is_replaced() {
    grade("G-I10", |t| {
        let scene = staggered(1, &[(S1, 150), (S2, 250), (S3, 350), (S4, 400), (S5, 450)]);
        t.script(&scene, (ElectionSafety::default(), Monotonic::default()), |w| {
            w.run_for(ms(200));
            w.expect_eq(leaders(w, &FIVE), vec![(S1, Term(1))], "S1 leads first");
            w.isolate(S1);
            w.run_for(ms(400));
            let all = leaders(w, &FIVE);
            w.expect(all.contains(&(S2, Term(2))), format!("S2 takes over; leaders: {all:?}"));
            w.heal();
            w.run_for(ms(100));
            w.expect_eq(leaders(w, &FIVE), vec![(S2, Term(2))], "S1 hears of it and follows");
            w.partition(&[&[S1, S2], &[S3, S4, S5]]);
            w.run_for(ms(600));
            let all = leaders(w, &[S3, S4, S5]);
            w.expect_eq(all, vec![(S3, Term(3))], "three of five elect one of theirs");
            w.expect_eq(leaders(w, &[S1]), vec![], "two of five elect nobody new");
            w.heal();
            w.run_for(ms(1_000));
            let all = leaders(w, &FIVE);
            w.expect_eq(all.len(), 1, format!("one leader in the end: {all:?}"));
            let now = all.clone();
            w.run_for(ms(3_500));
            w.expect_eq(leaders(w, &FIVE), now, "and it stays");
        });
    });
}

#[test]
fn a_late_vote_elects_nobody() {
    grade("G-I1", |t| {
        t.script(&manual(1, &THREE), ElectionSafety::default(), |w| {
            w.hold_all();
            w.fire(S1, &ELECTION);
            w.deliver(S1, S2, is_request_vote);
            // S2's vote of term 1 is under way for long.
            w.fire(S1, &ELECTION);
            w.expect_eq(see(w, S1).current_term, Term(2), "S1 stands again, in term 2");
            w.fire(S3, &ELECTION);
            w.fire(S3, &ELECTION);
            w.deliver(S3, S2, |m| m.term() == Term(2));
            w.deliver(S2, S3, is_granted);
            w.expect_eq(leaders(w, &THREE), vec![(S3, Term(2))], "S3 leads term 2, by S2's vote");
            w.deliver(S2, S1, is_granted);
            w.expect_eq(
                leaders(w, &THREE),
                vec![(S3, Term(2))],
                "a vote of term 1 elects nobody in term 2",
            );
        });
    });
}

#[test]
fn votes_of_two_elections_do_not_add_up() {
    grade("G-I1", |t| {
        t.script(&manual(1, &FIVE), ElectionSafety::default(), |w| {
            w.hold_all();
            w.fire(S1, &ELECTION);
            w.deliver(S1, S2, is_request_vote);
            w.deliver(S2, S1, is_granted);
            // One of the two votes that S1 needs. In term 2 it gets another one.
            w.fire(S1, &ELECTION);
            w.deliver(S1, S3, |m| m.term() == Term(2));
            w.deliver(S3, S1, is_granted);
            w.fire(S4, &ELECTION);
            w.fire(S4, &ELECTION);
            for voter in [S2, S5] {
                w.deliver(S4, voter, |m| m.term() == Term(2));
                w.deliver(voter, S4, is_granted);
            }
            let all = leaders(w, &FIVE);
            w.expect_eq(all, vec![(S4, Term(2))], "S4 has the votes of S2, S5 and its own");
        });
    });
}

#[test]
fn the_same_vote_twice_is_one() {
    grade("G-I1", |t| {
        t.script(&manual(1, &FIVE), ElectionSafety::default(), |w| {
            w.duplicate_next(S2, S1, ms(3));
            for other in [S3, S4, S5] {
                w.cut_link(S1, other);
            }
            w.fire(S1, &ELECTION);
            w.run_for(MOMENT);
            w.expect_eq(leaders(w, &FIVE), vec![], "two of five are no majority");
            w.cut_link(S3, S1);
            w.fire(S3, &ELECTION);
            w.run_for(MOMENT);
            w.expect_eq(leaders(w, &FIVE), vec![(S3, Term(1))], "S3 has three votes");
        });
    });
}

#[test]
fn a_refused_candidate_holds_nobody_up() {
    grade("G-I10", |t| {
        // S1 has the shortest timeout and a log with which it cannot win.
        let mut scene = staggered(1, &[(S1, 150), (S2, 250), (S3, 350)]);
        for (place, log) in scene.places.iter_mut().zip([&[1][..], &[1, 1], &[1, 1]]) {
            let cfg = Config { initial_log: entries(1, log), ..(*place.cfg).clone() };
            place.cfg = cfg.into();
        }
        t.script(&scene, ElectionSafety::default(), |w| {
            let soon = w.run_until(ms(3_000), |w| !leaders(w, &THREE).is_empty());
            w.expect(soon, "a majority can vote for S2, and nobody leads for 3 s");
            w.expect_eq(leaders(w, &[S1]), vec![], "S1 lacks an entry");
            let now = leaders(w, &THREE);
            w.run_for(ms(3_500));
            w.expect_eq(leaders(w, &THREE), now, "the leader stays");
        });
    });
}

#[test]
fn a_voter_waits_for_its_candidate() {
    grade("G-I10", |t| {
        let mut scene = staggered(1, &[(S1, 150), (S2, 160), (S3, 350)]);
        scene.delay = ms(6)..ms(7);
        t.script(&scene, ElectionSafety::default(), |w| {
            // S2 votes for S1 at 156 ms, and would stand by itself at 160 ms.
            w.run_for(ms(200));
            w.expect_eq(
                leaders(w, &THREE),
                vec![(S1, Term(1))],
                "whoever votes waits a timeout for the outcome",
            );
        });
    });
}

#[test]
fn candidates_that_collide_stand_at_different_times() {
    grade("G-I10", |t| {
        t.script(&cluster(1, &THREE), ElectionSafety::default(), |w| {
            for (server, draw) in [(S1, 170), (S2, 230), (S3, 290)] {
                w.next_within(server, &[ms(draw); 40]);
            }
            // All three time out at 150 ms, and each votes for itself.
            w.run_for(ms(155));
            w.expect_eq(leaders(w, &THREE), vec![], "a split vote");
            let soon = w.run_until(ms(3_000), |w| !leaders(w, &THREE).is_empty());
            w.expect(soon, "timeouts drawn at random end a split vote; nobody leads for 3 s");
        });
    });
}

#[test]
fn a_stale_leader_keeps_nobody_from_standing() {
    grade("G-I10", |t| {
        let scene = staggered(1, &[(S1, 150), (S2, 250), (S3, 350)]);
        t.script(&scene, ElectionSafety::default(), |w| {
            w.run_for(ms(200));
            w.expect_eq(leaders(w, &THREE), vec![(S1, Term(1))], "S1 leads first");
            // S1 hears nothing any more, and goes on sending.
            w.cut_link(S2, S1);
            w.cut_link(S3, S1);
            w.fire(S2, &ELECTION);
            w.run_for(MOMENT);
            w.expect(leaders(w, &[S2]) == vec![(S2, Term(2))], "S2 leads term 2");
            w.crash(S2);
            // S3 hears heartbeats of term 1 only; with those nobody would ever lead.
            w.heal_link(S3, S1);
            w.run_for(ms(800));
            let leading = leaders(w, &[S1, S3]);
            let newest = leading.iter().map(|(_, term)| *term).max();
            w.expect(newest > Some(Term(2)), format!("a leader of a term after 2: {leading:?}"));
        });
    });
}

/// All draw 299 ms, again and again, so that their votes stay split.
fn the_longest_timeout_is_drawn_too(t: &mut sim::Test) {
    t.script(&cluster(1, &THREE), ElectionSafety::default(), |w| {
        for server in THREE {
            w.next_within(server, &[ms(299); 80]);
        }
        w.run_for(ms(155));
        for term in 1..=5 {
            for server in THREE {
                let seen = see(w, server).current_term;
                w.expect_eq(seen, Term(term), format!("{server}: its term, 5 ms after it stood"));
            }
            w.run_for(ms(289));
            for server in THREE {
                let seen = see(w, server).current_term;
                let case =
                    format!("{server}: its term, 294 ms after it stood, with a draw of 299 ms");
                w.expect_eq(seen, Term(term), case);
            }
            w.run_for(ms(10));
        }
    });
}

/// Votes are split in some terms, then `first` draws a short timeout and the others long ones.
fn whoever_draws_the_least_leads(t: &mut sim::Test, first: Addr) {
    t.script(&cluster(1, &THREE), ElectionSafety::default(), |w| {
        for server in THREE {
            w.next_within(server, &[ms(200); 4]);
            let own = if server == first { ms(160) } else { ms(240 + 10 * u64::from(server.0)) };
            w.next_within(server, &[own; 40]);
        }
        w.run_until(ms(3_000), |w| !leaders(w, &THREE).is_empty());
        let seen: Vec<Addr> = leaders(w, &THREE).into_iter().map(|(server, _)| server).collect();
        let case = format!("who leads when {first} draws the shortest timeout after split votes");
        w.expect_eq(seen, vec![first], case);
    });
}

#[test]
fn each_timeout_is_drawn_from_the_whole_range() {
    grade("G-I10", |t| {
        the_longest_timeout_is_drawn_too(t);
        for first in THREE {
            whoever_draws_the_least_leads(t, first);
        }
    });
}

#[test]
fn every_order_of_two_elections() {
    grade("G-I1", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 2, ..Budget::default() })
            .only_timers(|_, timer| *timer == ELECTION);
        let invariants = (ElectionSafety::default(), DurableVote::default());
        t.explore(&manual(1, &THREE), invariants, &scope);
    });
}

#[test]
fn every_order_after_a_lost_election() {
    grade("G-I1", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 1, ..Budget::default() })
            .only_timers(|_, timer| *timer == ELECTION);
        let invariants = (ElectionSafety::default(), Monotonic::default());
        t.script(&manual_with(1, &[(S1, &[1]), (S2, &[]), (S3, &[1, 1])]), invariants, |w| {
            w.hold_all();
            w.fire(S1, &ELECTION);
            w.fire(S3, &ELECTION);
            w.deliver(S1, S2, is_request_vote);
            w.deliver(S3, S1, is_request_vote);
            w.fire(S1, &ELECTION);
            w.explore(&scope);
        });
    });
}

/// After this time without faults a leader is there; ten timeouts more, and it is still there.
const HEALED: Duration = ms(2_700);
const LASTS: Duration = ms(3_000);

#[test]
fn many_elections_with_a_bad_network() {
    grade("G-I1", |t| {
        let mut faults = Faults::network();
        (faults.drop, faults.duplicate, faults.late) = (0.08, 0.08, 0.15);
        faults.late_by = ms(1)..ms(400);
        (faults.pause, faults.stall, faults.drift) = (0.01, 0.002, 0.5);
        faults.pause_for = ms(50)..ms(500);
        let faults = faults
            .aim("cut off the leader", leads, Strike::Isolate, 0.1)
            .aim("mute the leader", leads, Strike::Mute, 0.1)
            .aim("pause a candidate", stands, Strike::Stall, 0.1);
        let logs: [&[u64]; 5] = [&[1, 1], &[1], &[1, 1], &[], &[1, 1]];
        let horizon = ms(2_000);
        let cfg = Config::of_stage(1, FIVE);
        let scene = with_logs(cfg, &FIVE, |addr| entries(1, logs[addr.0 as usize - 1]))
            .with_faults(faults)
            .lasting(horizon, HEALED + LASTS);
        let invariants = (
            ElectionSafety::default(),
            Monotonic::default(),
            DurableVote::default(),
            StableLeader::by(horizon + HEALED),
            Lively::new(),
        );
        t.swarm(&scene, invariants);
        Lively::check(t, 0);
    });
}
