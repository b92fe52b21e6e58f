//! Stage 2: AppendEntries, both sides, and the commit rule. Memory only: nobody crashes.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{
    AppendResult, Appended, Config, Entry, Index, Membership, Msg, Op, Payload, Raft, Ret, Role,
    Term,
};
use node::Addr;
use sim::explore::{Budget, Scope};
use sim::{Checker, Faults, Strike, grade, ms};
use std::time::Duration;
use support::*;

/// A server of `servers` with a log of these terms.
fn one(me: Addr, servers: &[Addr], log: &[u64]) -> One {
    let cfg =
        Config { initial_log: entries(1, log), ..Config::of_stage(2, servers.iter().copied()) };
    One::boot(me, cfg)
}

/// Whether two logs may exist side by side: where they have the same term, they are equal before.
fn match_each_other(a: &[u64], b: &[u64]) -> bool {
    let same = |i: &usize| a[*i] == b[*i];
    let last = (0..a.len().min(b.len())).rev().find(same);
    last.is_none_or(|i| a[..i] == b[..i])
}

/// Pairs of a leader's log and a follower's, of which the leader could be elected in term 4.
fn pairs(longest: usize) -> Vec<(Vec<u64>, Vec<u64>)> {
    let all = logs(longest, 3);
    let both = all.iter().flat_map(|a| all.iter().map(move |b| (a, b)));
    let fit = both.filter(|(a, b)| match_each_other(a, b));
    fit.map(|(a, b)| (a.clone(), b.clone())).collect()
}

/// The answer to AppendEntries, without its round.
fn answer(sent: &[(Addr, Msg)]) -> Option<(Term, AppendResult)> {
    match sent {
        [(_, Msg::Appended(Appended { term, result, .. }))] => Some((*term, result.clone())),
        _ => None,
    }
}

/// What Figure 2 says of a request: the follower's log after it, and how far it matches.
fn figure_2(log: &[u64], leader: &[u64], prev: usize, n: usize) -> (Vec<u64>, Option<usize>) {
    let term_at = |log: &[u64], i: usize| {
        if i == 0 { Some(0) } else { log.get(i - 1).copied() }
    };
    if term_at(log, prev) != term_at(leader, prev) {
        return (log.to_vec(), None);
    }
    let mut after = log.to_vec();
    for (i, term) in leader.iter().enumerate().skip(prev).take(n) {
        if after.get(i) != Some(term) {
            after.truncate(i);
            after.push(*term);
        }
    }
    (after, Some(prev + n))
}

#[test]
fn a_follower_keeps_what_matches() {
    grade("Figure 2", |t| {
        for (leader, log) in pairs(4) {
            for prev in 0..=leader.len() {
                for n in 0..=(leader.len() - prev).min(3) {
                    for commit in [0, prev as u64, leader.len() as u64 + 1] {
                        follower_case(t, &leader, &log, (prev, n), commit);
                    }
                }
            }
        }
    });
}

fn follower_case(
    t: &mut sim::Test,
    leader: &[u64],
    log: &[u64],
    (prev, n): (usize, usize),
    commit: u64,
) {
    let mut follower = one(S2, &THREE, log);
    let behind = (prev as u64, if prev == 0 { 0 } else { leader[prev - 1] });
    let all = entries(1, leader);
    let msg = append(4, behind, all[prev..prev + n].to_vec(), commit);
    let sent = follower.hear(S1, msg);
    let (after, proven) = figure_2(log, leader, prev, n);
    let case = || {
        format!(
            "a follower with log {log:?} hears a leader with log {leader:?}: {n} entries behind \
             {prev}, commit index {commit}"
        )
    };
    let view = follower.view();
    t.check_eq(terms(&view), after, format!("{}: its log", case()));
    let (result, commits) = match proven {
        Some(proven) => (AppendResult::Match(Index(proven as u64)), commit.min(proven as u64)),
        None => match answer(&sent) {
            // How a conflict is told is the leader's affair.
            Some((_, told @ AppendResult::Conflict(_))) => (told, 0),
            _ => (AppendResult::OldTerm, 0),
        },
    };
    t.check_eq(answer(&sent), Some((Term(4), result)), format!("{}: its answer", case()));
    t.check_eq(view.commit_index, Index(commits), format!("{}: its commit index", case()));
    let seen = (view.role, view.leader_id, view.current_term);
    t.check_eq(seen, (Role::Follower, Some(S1), Term(4)), format!("{}: whom it follows", case()));
}

#[test]
fn requests_come_in_any_order() {
    grade("Figure 2", |t| {
        for (leader, log) in pairs(3) {
            let all = entries(1, &leader);
            let requests: Vec<(usize, usize)> = (0..=leader.len())
                .flat_map(|prev| (0..=leader.len() - prev).map(move |n| (prev, n)))
                .collect();
            for first in &requests {
                for second in &requests {
                    let mut follower = one(S2, &THREE, &log);
                    let (mut wanted, mut commit) = (log.clone(), 0);
                    for (prev, n) in [*first, *second] {
                        let behind = (prev as u64, if prev == 0 { 0 } else { leader[prev - 1] });
                        let known = leader.len() as u64;
                        follower.hear(S1, append(4, behind, all[prev..prev + n].to_vec(), known));
                        let (after, proven) = figure_2(&wanted, &leader, prev, n);
                        wanted = after;
                        commit = commit.max(proven.unwrap_or(0) as u64);
                    }
                    let view = follower.view();
                    let case = format!(
                        "a follower with log {log:?} hears a leader with log {leader:?}: {first:?}, \
                         then {second:?} (behind, entries)"
                    );
                    t.check_eq(terms(&view), wanted, format!("{case}: its log"));
                    t.check_eq(
                        view.commit_index,
                        Index(commit),
                        format!("{case}: its commit index"),
                    );
                }
            }
        }
        a_membership_goes_with_its_entry(t);
    });
}

/// An entry of term 2 with a membership of four goes, because it conflicts with one of a later leader or
/// stands behind one that does: the membership before it is in force again.
fn a_membership_goes_with_its_entry(t: &mut sim::Test) {
    let of = |servers: &[Addr]| Membership::of(servers.iter().copied());
    let four = Entry { term: Term(2), payload: Payload::Config(of(&FIVE[..4])) };
    for before in 0..=2 {
        for behind in 0..=1 {
            // The log is of term 1, then comes the membership, then more of term 2.
            let mut log = entries(1, &[1, 1][..before]);
            let at = before as u64 + 1;
            let mut follower = one(S2, &THREE, &[]);
            log.push(four.clone());
            log.extend(entries(at + 1, &[2][..behind]));
            follower.hear(S1, append(2, (0, 0), log, 0));
            let case = format!(
                "an entry at {at} says that there are four servers, {behind} behind it: its membership"
            );
            let seen = |one: &One| (one.view().membership, one.view().membership_index);
            t.check_eq(seen(&follower), (of(&FIVE[..4]), Index(at)), case.clone());
            for from in 0..=before as u64 {
                // An entry behind `from` conflicts: that of the membership, or one before it.
                let mut follower = follower.clone();
                let sent = entries(from + 1, &[3]);
                let prev = (from, u64::from(from > 0));
                follower.hear(S3, append(3, prev, sent, 0));
                t.check_eq(
                    seen(&follower),
                    (of(&THREE), Index(0)),
                    format!("{case} when a leader of term 3 has put another entry behind {from}"),
                );
            }
        }
    }
}

/// S1 of `servers` as the leader of the term after its log's last, or of term 1.
fn leader_of(servers: &[Addr], log: &[u64]) -> One {
    let mut leader = one(S1, servers, log);
    leader.fire(ELECTION);
    let term = leader.view().current_term.0;
    for voter in &servers[1..] {
        leader.hear(*voter, vote(term, true));
    }
    leader
}

#[test]
fn a_leader_commits_what_a_majority_has() {
    grade("Figure 2", |t| {
        for servers in [&THREE[..], &FIVE[..4], &FIVE[..]] {
            let others = &servers[1..];
            for log in [&[][..], &[1], &[1, 2]] {
                for news in 0..=2 {
                    let last = log.len() + news;
                    let mut leader = leader_of(servers, log);
                    let term = leader.view().current_term.0;
                    for n in 0..news {
                        leader.ask(Op::Propose(format!("{n}").as_str().into()));
                    }
                    for case in 0..(last + 1).pow(others.len() as u32) {
                        let reached: Vec<usize> = (0..others.len() as u32)
                            .map(|i| case / (last + 1).pow(i) % (last + 1))
                            .collect();
                        let mut leader = leader.clone();
                        for (from, index) in others.iter().zip(&reached) {
                            leader.hear(*from, matched(term, *index as u64));
                        }
                        let mut copies = [&reached[..], &[last]].concat();
                        copies.sort_unstable_by(|a, b| b.cmp(a));
                        let quorum = copies[servers.len() / 2];
                        // Only an entry of the leader's own term is committed by counting.
                        let wanted = if quorum > log.len() { quorum } else { 0 };
                        let seen = leader.view().commit_index;
                        t.check_eq(
                            seen,
                            Index(wanted as u64),
                            format!(
                                "a leader of term {term} whose log begins with terms {log:?} and has {news} \
                                 new entries; the others match up to {reached:?}: its commit index"
                            ),
                        );
                    }
                }
            }
        }
    });
}

#[test]
fn a_leader_counts_answers_of_its_own_term() {
    grade("Figure 2", |t| {
        let mut leader = leader_of(&FIVE, &[1, 1]);
        leader.ask(Op::Propose("new".into()));
        let before = leader.view();
        for term in 0..before.current_term.0 {
            for from in &FIVE[1..] {
                leader.hear(*from, matched(term, 3));
                leader.hear(*from, matched(term, 2));
            }
            let view = leader.view();
            let seen = (view.commit_index, view.match_index.clone());
            let wanted = (before.commit_index, before.match_index.clone());
            t.check_eq(
                seen,
                wanted,
                format!("after answers of term {term}: commit and match indexes"),
            );
        }
        let (mine, later) = (before.current_term.0, before.current_term.0 + 1);
        leader.hear(S2, matched(mine, 3));
        leader.hear(S2, matched(mine, 3));
        t.check_eq(leader.view().commit_index, Index(0), "one follower twice is one");
        leader.hear(S3, matched(mine, 3));
        t.check_eq(
            leader.view().commit_index,
            Index(3),
            "two followers and the leader are three of five",
        );
        leader.hear(S4, matched(later, 3));
        t.check_eq(
            leader.view().role,
            Role::Follower,
            "an answer of a later term ends its leadership",
        );
        t.check_eq(leader.view().commit_index, Index(3), "what is committed stays so");
    });
}

/// Lets a leader and one follower talk until they have no more to say; heartbeats start them anew.
fn talk(leader: &mut One, follower: &mut One, rounds: usize) -> usize {
    let mut said = 0;
    for _ in 0..rounds {
        let mut sent = leader.fire(HEARTBEAT);
        while let Some((to, msg)) = (!sent.is_empty()).then(|| sent.remove(0)) {
            if to != S2 {
                continue;
            }
            said += 1;
            if said > 500 {
                return said;
            }
            for (_, back) in follower.hear(S1, msg) {
                sent.extend(leader.hear(S2, back));
            }
        }
    }
    said
}

#[test]
fn a_follower_with_any_log_catches_up() {
    grade("G-I13", |t| {
        for (theirs, log) in pairs(4) {
            let mut leader = one(S1, &THREE, &theirs);
            leader.hear(S3, vote(3, false));
            leader.fire(ELECTION);
            leader.hear(S3, vote(4, true));
            let mut follower = one(S2, &THREE, &log);
            let said = talk(&mut leader, &mut follower, 8);
            let case = format!("a leader with log {theirs:?} and a follower with log {log:?}");
            t.check(said <= 500, format!("{case}: they never stop"));
            leader.ask(Op::Propose("new".into()));
            talk(&mut leader, &mut follower, 8);
            let (a, b) = (leader.view(), follower.view());
            t.check_eq(commands(&b), commands(&a), format!("{case}: the logs in the end"));
            let seen = (a.commit_index, b.commit_index);
            let wanted = (a.last_index(), a.last_index());
            t.check_eq(seen, wanted, format!("{case}: the commit indexes in the end"));
        }
    });
}

#[test]
fn three_servers_agree_on_a_log() {
    grade("G-I13", |t| {
        let scene = staggered(2, &[(S1, 150), (S2, 250), (S3, 350)]);
        t.script(&scene, (Safety::default(), Told::default()), |w| {
            let watches = THREE.map(|s| w.op(s, Op::Watch));
            w.run_for(ms(200));
            for text in ["a", "b", "c"] {
                propose(w, S1, text);
                w.run_for(ms(80));
            }
            for (server, watch) in THREE.into_iter().zip(watches) {
                let seen = told(w, watch);
                w.expect_eq(
                    seen,
                    vec!["a".into(), "b".into(), "c".into()],
                    format!("{server}: what it tells"),
                );
            }
            let id = w.op(S2, Op::Propose("d".into()));
            let seen = w.answer(id).cloned();
            w.expect_eq(seen, Some(Ret::NotLeader { hint: Some(S1) }), "S2 names the leader");
            w.run_for(ms(3_500));
            w.expect_eq(leaders(w, &THREE), vec![(S1, Term(1))], "S1 still leads");
        });
    });
}

#[test]
fn a_second_leader_goes_on_with_the_log() {
    grade("G-I13", |t| {
        t.script(&manual(2, &THREE), (Safety::default(), Told::default()), |w| {
            let watches = THREE.map(|s| w.op(s, Op::Watch));
            elect(w, S1);
            for n in 0..40 {
                // Batches: many are committed by one answer.
                propose(w, S1, &format!("{n}"));
                if n % 13 == 12 {
                    beat(w, S1);
                }
            }
            beat(w, S1);
            elect(w, S2);
            propose(w, S2, "more");
            beat(w, S2);
            let wanted: Vec<String> =
                (0..40).map(|n| format!("{n}")).chain(["more".into()]).collect();
            for (server, watch) in THREE.into_iter().zip(watches) {
                let seen = told(w, watch);
                w.expect_eq(seen, wanted.clone(), format!("{server}: what it tells"));
            }
        });
    });
}

/// S1 has proposed e2 in term 2, alone. S3 has proposed e3 in term 3, alone. S1 leads term 4 and
/// has sent e2 to S2. All by cuts: S1 and S3 hear nothing of each other.
fn up_to_figure_8<C: Checker<Raft>>(w: &mut Play<C>) {
    lead(w, S2, 1);
    lead(w, S1, 2);
    w.isolate(S1);
    propose(w, S1, "e2");
    beat(w, S1);
    lead(w, S3, 3);
    w.isolate(S3);
    propose(w, S3, "e3");
    beat(w, S3);
    w.heal_link(S1, S2);
    w.heal_link(S2, S1);
    lead(w, S1, 4);
    beat(w, S1);
    w.expect_eq(commands(&see(w, S2)), vec!["e2".to_string()], "S2 has e2 from S1");
}

/// S1 is cut off, S3 is back.
fn s3_comes_back<C: Checker<Raft>>(w: &mut Play<C>) {
    w.isolate(S1);
    w.heal_link(S2, S3);
    w.heal_link(S3, S2);
}

#[test]
fn an_old_entry_on_a_majority_is_not_committed() {
    grade("G-I5", |t| {
        let invariants = (StateMachineSafety::default(), LogMatching::default());
        t.script(&manual(2, &THREE), invariants, |w| {
            up_to_figure_8(w);
            // Figure 8: S3 still can, and does, overwrite e2.
            s3_comes_back(w);
            lead(w, S3, 5);
            propose(w, S3, "e4");
            beat(w, S3);
            w.expect_eq(
                commands(&see(w, S2)),
                vec!["e3".to_string(), "e4".to_string()],
                "S2's log",
            );
            w.expect_eq(
                see(w, S3).commit_index,
                Index(2),
                "S3 commits e3 with an entry of its own term",
            );
        });
    });
}

#[test]
fn an_old_entry_is_committed_with_a_new_one() {
    grade("G-I4", |t| {
        let invariants = (LeaderCompleteness::default(), StateMachineSafety::default());
        t.script(&manual(2, &THREE), invariants, |w| {
            up_to_figure_8(w);
            propose(w, S1, "e4");
            beat(w, S1);
            w.expect_eq(
                see(w, S1).commit_index,
                Index(2),
                "e4 is of S1's term and on a majority: both are committed",
            );
            s3_comes_back(w);
            beat(w, S3);
            stand(w, S3);
            w.expect_eq(leaders(w, &[S3]), vec![], "S3 lacks e4, and is refused");
            lead(w, S2, 6);
            beat(w, S2);
            let wanted = vec!["e2".to_string(), "e4".to_string()];
            w.expect_eq(commands(&see(w, S3)), wanted, "S3 gives up its e3");
        });
    });
}

/// S1 has [a b c] of term 1, of which all have a; S2 leads term 2 with [a d e], all committed by S2
/// and S3. S1 has been cut off since a.
fn a_divergent_log<C: Checker<Raft>>(w: &mut Play<C>) {
    elect(w, S1);
    propose(w, S1, "a");
    beat(w, S1);
    w.isolate(S1);
    propose(w, S1, "b");
    propose(w, S1, "c");
    elect(w, S2);
    propose(w, S2, "d");
    propose(w, S2, "e");
    beat(w, S2);
    w.expect_eq(see(w, S2).commit_index, Index(3), "S2 commits d and e");
}

#[test]
fn a_heartbeat_commits_no_more_than_it_proves() {
    grade("G-I5", |t| {
        t.script(&manual(2, &THREE), StateMachineSafety::default(), |w| {
            a_divergent_log(w);
            w.hold(S2, S1);
            w.heal();
            w.fire(S2, &HEARTBEAT);
            w.deliver(S2, S1, is_append);
            w.expect_eq(see(w, S1).commit_index.0.min(2), 1, "S1 has a, and something else than d");
            w.release(S2, S1);
            beat(w, S2);
            let wanted = ["a", "d", "e"].map(String::from).to_vec();
            w.expect_eq(commands(&see(w, S1)), wanted, "S1's log in the end");
            w.expect_eq(see(w, S1).commit_index, Index(3), "S1's commit index in the end");
        });
    });
}

#[test]
fn a_refused_request_commits_nothing() {
    grade("G-I5", |t| {
        t.script(&manual(2, &THREE), StateMachineSafety::default(), |w| {
            a_divergent_log(w);
            w.heal_link(S2, S3);
            // A leader whose first request does not match at S1.
            elect(w, S3);
            propose(w, S3, "f");
            beat(w, S3);
            w.expect_eq(see(w, S3).commit_index, Index(4), "S3 commits f");
            w.hold(S3, S1);
            w.heal();
            w.fire(S3, &HEARTBEAT);
            w.deliver(S3, S1, is_append);
            w.run_for(MOMENT);
            w.release(S3, S1);
            beat(w, S3);
            let wanted = ["a", "d", "e", "f"].map(String::from).to_vec();
            w.expect_eq(commands(&see(w, S1)), wanted, "S1's log in the end");
        });
    });
}

#[test]
fn a_late_request_shortens_no_log() {
    grade("G-I4", |t| {
        let invariants = (LeaderCompleteness::default(), StateMachineSafety::default());
        t.script(&manual(2, &THREE), invariants, |w| {
            elect(w, S1);
            w.isolate(S3);
            // The request with x comes to S2 twice, the second time late.
            w.duplicate_next(S1, S2, ms(150));
            propose(w, S1, "x");
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            w.hold(S2, S1);
            propose(w, S1, "y");
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            // S1 commits both, and S2 does not hear of it.
            w.cut_link(S1, S2);
            w.release(S2, S1);
            w.run_for(MOMENT);
            w.expect_eq(see(w, S1).commit_index, Index(2), "S1 and S2 have both");
            w.run_for(ms(200));
            w.isolate(S1);
            w.heal_link(S2, S3);
            w.heal_link(S3, S2);
            elect(w, S2);
            propose(w, S2, "z");
            beat(w, S2);
            let wanted = ["x", "y", "z"].map(String::from).to_vec();
            w.expect_eq(commands(&see(w, S3)), wanted, "what S2 kept, it gives on");
        });
    });
}

#[test]
fn a_late_request_of_an_old_leader_is_refused() {
    grade("G-I3", |t| {
        t.script(&manual(2, &THREE), Safety::default(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            w.hold(S1, S2);
            w.hold(S1, S3);
            propose(w, S1, "b");
            w.run_for(MOMENT);
            elect(w, S2);
            propose(w, S2, "c");
            beat(w, S2);
            let before = see(w, S3);
            w.release(S1, S3);
            w.release(S1, S2);
            w.run_for(MOMENT);
            w.expect_eq(see(w, S3), before, "S3 is in term 2: it takes nothing of term 1");
            beat(w, S2);
            let wanted = ["a", "c"].map(String::from).to_vec();
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
fn an_answer_of_an_older_term_counts_for_nothing() {
    grade("G-I6", |t| {
        t.script(&manual(2, &FIVE), (MatchIndex::default(), LeaderCompleteness::default()), |w| {
            elect(w, S1);
            // S2's answer to x1 and x2 is under way for long.
            for other in [S3, S4, S5] {
                w.cut_link(S1, other);
            }
            w.hold(S2, S1);
            propose(w, S1, "x1");
            w.run_for(MOMENT);
            w.deliver(S2, S1, is_match);
            propose(w, S1, "x2");
            w.run_for(MOMENT);
            w.heal();
            // S3 leads term 2 and puts z in place of x1, at S1 and S2.
            w.cut_link(S3, S2);
            w.cut_link(S3, S1);
            elect(w, S3);
            for other in [S4, S5] {
                w.cut_link(S3, other);
            }
            w.heal_link(S3, S2);
            w.heal_link(S3, S1);
            propose(w, S3, "z");
            beat(w, S3);
            let z = vec!["z".to_string()];
            w.expect_eq(commands(&see(w, S2)), z.clone(), "S2's log");
            w.expect_eq(commands(&see(w, S1)), z, "S1's log");
            w.isolate(S3);
            // S1 leads again. The old answer says that S2 has two entries.
            w.cut_link(S2, S1);
            elect(w, S1);
            w.heal_link(S2, S1);
            w.cut_link(S1, S2);
            propose(w, S1, "y");
            w.release(S2, S1);
            w.run_for(MOMENT);
            let view = see(w, S1);
            let of_s2 = view.match_index.iter().find(|(s, _)| *s == S2).map_or(0, |(_, i)| i.0);
            w.expect(of_s2 < 2, "S1 takes an answer of term 1 for one of now");
        });
    });
}

#[test]
fn entries_of_a_lost_leader_give_way() {
    grade("G-I3", |t| {
        t.script(&manual(2, &FIVE), (Safety::default(), Told::default()), |w| {
            // Each of three leaders leaves entries that nobody else has.
            for (leader, texts) in [(S1, ["a", "b"]), (S2, ["c", "d"]), (S3, ["e", "f"])] {
                elect(w, leader);
                w.isolate(leader);
                for text in texts {
                    propose(w, leader, text);
                }
                beat(w, leader);
            }
            w.heal();
            beat(w, S1);
            beat(w, S2);
            beat(w, S3);
            w.expect_eq(leaders(w, &FIVE), vec![(S3, Term(3))], "S3 leads term 3");
            let wanted = ["e", "f"].map(String::from).to_vec();
            for server in FIVE {
                w.expect_eq(
                    commands(&see(w, server)),
                    wanted.clone(),
                    format!("{server}: its log"),
                );
                w.expect_eq(
                    see(w, server).commit_index,
                    Index(2),
                    format!("{server}: its commit index"),
                );
            }
        });
    });
}

#[test]
fn every_order_of_requests_and_answers() {
    grade("G-I5", |t| {
        // S1 leads with x under way; messages may come twice, and S2 may stand.
        let scope = Scope::new()
            .client([(S1, Op::Propose("y".into()))])
            .budget(Budget { fires: 1, duplicates: 1, ..Budget::default() })
            .only_timers(|server, timer| server == S2 && *timer == ELECTION);
        t.script(&manual(2, &THREE), Safety::default(), |w| {
            elect(w, S1);
            w.isolate(S3);
            propose(w, S1, "x");
            w.explore(&scope);
        });
    });
}

#[test]
fn every_order_around_figure_8() {
    grade("G-I4", |t| {
        let scope = Scope::new().budget(Budget { fires: 2, ..Budget::default() }).only_timers(
            |server, timer| match *timer {
                ELECTION => server == S3,
                _ => true,
            },
        );
        let invariants = (LeaderCompleteness::default(), StateMachineSafety::default());
        t.script(&manual(2, &THREE), invariants, |w| {
            up_to_figure_8(w);
            w.heal_link(S2, S3);
            w.heal_link(S3, S2);
            beat(w, S3);
            w.explore(&scope);
        });
    });
}

/// After this time without faults a leader is there, and all have its log soon after.
const HEALED: Duration = ms(2_700);
const LASTS: Duration = ms(500);

#[test]
fn many_logs_over_a_bad_network() {
    grade("G-I5", |t| {
        let mut faults = Faults::network();
        (faults.drop, faults.duplicate, faults.late) = (0.05, 0.08, 0.1);
        faults.late_by = ms(1)..ms(500);
        (faults.pause, faults.stall, faults.drift) = (0.01, 0.003, 0.5);
        faults.pause_for = ms(50)..ms(500);
        let faults = faults
            .aim("cut off the leader", leads, Strike::Isolate, 0.12)
            .aim("mute the leader", leads, Strike::Mute, 0.06)
            .aim("deafen the leader", leads, Strike::Deafen, 0.06)
            .aim("pause a candidate", stands, Strike::Stall, 0.1);
        let horizon = ms(2_500);
        let cfg = Config { max_entries: 3, ..Config::of_stage(2, FIVE) };
        let scene = with_logs(cfg, &FIVE, |_| Vec::new())
            .with_faults(faults)
            .lasting(horizon, HEALED + LASTS);
        let scene = with_clients(scene, 3, ms(200));
        let lively = (StableLeader::by(horizon + HEALED), Progress, Lively::new());
        t.swarm(&scene, (Safety::default(), Told::default(), lively));
        Lively::check(t, 10);
    });
}
