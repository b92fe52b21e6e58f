//! Stage 6: the servers change, a leader that works is left alone, and reads need no round.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{
    AppendResult, Appended, Change, Config, Conflict, Entry, Index, Kv, KvConfig, KvOp, KvRet,
    Membership, Msg, Op, Payload, Raft, Refusal, Ret, Role, Term, Timer, Vote,
};
use node::Addr;
use sim::explore::{Budget, Scope};
use sim::{Ask, Checker, Faults, Scenario, Strike, Turn, grade, ms};
use std::time::Duration;
use support::*;

const FOUR: [Addr; 4] = [S1, S2, S3, S4];

/// What every run keeps to.
fn all() -> (Safety, Told, UsableConfigs) {
    Default::default()
}

/// An operator asks `leader` for a change, and it is done in the end.
#[track_caller]
fn change<C: Checker<Raft>>(w: &mut Play<C>, leader: Addr, change: Change) {
    let id = w.op(leader, Op::Change(change));
    beat(w, leader);
    let answer = w.answer(id).cloned();
    let done = matches!(answer, Some(Ret::Changed { .. }));
    w.expect(done, format!("{change:?} at S{}: {answer:?}", leader.0));
}

fn refused(ret: Option<&Ret>) -> bool {
    matches!(ret, Some(Ret::Refused(_)))
}

fn voters<C: Checker<Raft>>(w: &Play<C>, server: Addr) -> Vec<Addr> {
    see(w, server).membership.voters.into_iter().collect()
}

// --- unit: one server without a disk

/// S1 leads term 1 of three; time stands still.
fn leader(voters: &[Addr]) -> Alone<Raft> {
    let cfg = Config { durable: false, ..Config::of_stage(6, voters.iter().copied()) };
    let mut one: Alone<Raft> = Alone::boot(S1, cfg);
    one.fire(ELECTION);
    for voter in &voters[1..] {
        one.hear(*voter, pre_voted(1, true));
    }
    for voter in &voters[1..] {
        one.hear(*voter, vote(1, true));
    }
    one
}

fn pre_voted(term: u64, vote_granted: bool) -> Msg {
    let term = Term(term);
    Msg::PreVoted(Vote { term, vote_granted })
}

fn pre_vote(term: u64, last: (u64, u64)) -> Msg {
    let Msg::RequestVote(m) = request_vote(term, last.0, last.1) else {
        unreachable!("that is what it makes");
    };
    Msg::PreVote(m)
}

/// What it says at once to a change.
fn asks(one: &mut Alone<Raft>, change: Change) -> Option<Ret> {
    let (number, _) = one.ask(Op::Change(change));
    one.answer(number)
}

fn no(why: Refusal) -> Option<Ret> {
    Some(Ret::Refused(why))
}

#[test]
fn a_change_begins_when_it_may() {
    grade("G-I11", |t| {
        let mut one = leader(&THREE);
        let add = Change::AddVoter(S4);
        t.check_eq(
            asks(&mut one, add),
            no(Refusal::NoCommitInTerm),
            "before an entry of the own term is committed",
        );
        one.hear(S2, matched(1, 1));
        t.check_eq(asks(&mut one, Change::AddVoter(S2)), no(Refusal::AlreadyThere), "a voter");
        t.check_eq(
            asks(&mut one, Change::AddLearner(S2)),
            no(Refusal::AlreadyThere),
            "a voter as a learner",
        );
        t.check_eq(asks(&mut one, Change::Promote(S4)), no(Refusal::NotThere), "no server");
        t.check_eq(asks(&mut one, Change::Remove(S4)), no(Refusal::NotThere), "no server");
        t.check_eq(
            asks(&mut one, Change::Promote(S2)),
            no(Refusal::AlreadyThere),
            "a voter already",
        );
        let (begun, _) = one.ask(Op::Change(add));
        t.check_eq(one.answer(begun), None, "now it begins");
        let view = one.view();
        t.check(view.membership.voters.contains(&S4), "and is in force at once");
        let second = asks(&mut one, Change::Remove(S3));
        t.check_eq(second, no(Refusal::ChangePending), "one at a time");
        one.cancel(begun);
        let second = asks(&mut one, Change::Remove(S3));
        t.check_eq(second, no(Refusal::ChangePending), "whether its client waits or not");
        one.hear(S2, matched(1, 2));
        t.check_eq(one.view().commit_index, Index(1), "two of four are no quorum");
        let second = asks(&mut one, Change::Remove(S3));
        t.check_eq(second, no(Refusal::ChangePending), "it is still under way");
        one.hear(S3, matched(1, 2));
        t.check_eq(one.view().commit_index, Index(2), "three of four are");
        t.check_eq(asks(&mut one, Change::Remove(S3)), None, "the next one begins");
        t.check(!one.view().membership.has(S3), "it is in force at once");
        // What was there before the change is committed first, and the change is not done yet.
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        one.ask(Op::Propose("a".into()));
        let (begun, _) = one.ask(Op::Change(add));
        for follower in [S2, S3] {
            one.hear(follower, matched(1, 2));
        }
        t.check_eq(one.view().commit_index, Index(2), "the entry before it");
        t.check_eq(one.answer(begun), None, "the change is under way");
        for follower in [S2, S3] {
            one.hear(follower, matched(1, 3));
        }
        let done = matches!(one.answer(begun), Some(Ret::Changed { index: Index(3), .. }));
        t.check(done, "now it is done");
        let mut one: Alone<Raft> =
            Alone::boot(S2, Config { durable: false, ..Config::of_stage(6, THREE) });
        one.hear(S1, append(3, (0, 0), entries(1, &[3]), 1));
        let hint = Some(S1);
        t.check_eq(asks(&mut one, add), Some(Ret::NotLeader { hint }), "S2 follows S1");
        t.check_eq(one.view().last_index(), Index(1), "and appends nothing");
    });
}

#[test]
fn who_has_left_never_comes_back() {
    grade("G-I7", |t| {
        let mut one = leader(&THREE);
        for (index, follower) in [(1, S2), (2, S2), (3, S3)] {
            if index == 2 {
                asks(&mut one, Change::Remove(S3));
            }
            one.hear(follower, matched(1, index));
        }
        t.check_eq(one.view().membership.voters.len(), 2, "S3 has left");
        one.hear(S2, matched(1, 2));
        for change in [Change::AddVoter(S3), Change::AddLearner(S3)] {
            t.check_eq(asks(&mut one, change), no(Refusal::WasRemoved), format!("{change:?}"));
        }
        let again = asks(&mut one, Change::Promote(S3));
        t.check(again.as_ref().is_some_and(|r| matches!(r, Ret::Refused(_))), "nor by promotion");
        // A learner leaves as a voter does.
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        asks(&mut one, Change::AddLearner(S4));
        one.hear(S2, matched(1, 2));
        t.check(one.view().membership.has(S4), "S4 learns");
        asks(&mut one, Change::Remove(S4));
        t.check(!one.view().membership.has(S4), "and has left");
        one.hear(S2, matched(1, 3));
        t.check_eq(asks(&mut one, Change::AddLearner(S4)), no(Refusal::WasRemoved), "for good");
    });
}

/// S4 follows S1 in term 1, and is its learner.
fn learner() -> Alone<Raft> {
    let nobody: [Addr; 0] = [];
    let mut one: Alone<Raft> =
        Alone::boot(S4, Config { durable: false, ..Config::of_stage(6, nobody) });
    let learners = [S4].into();
    let membership = Membership { learners, ..Membership::of(THREE) };
    let entry = Entry { term: Term(1), payload: Payload::Config(membership) };
    one.hear(S1, append(1, (0, 0), vec![entry], 1));
    one
}

#[test]
fn a_learner_is_promoted_when_it_has_caught_up() {
    grade("G-I10", |t| {
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        for n in 0..20 {
            one.ask(Op::Propose(format!("{n}").as_str().into()));
        }
        one.hear(S2, matched(1, 21));
        t.check_eq(one.view().commit_index, Index(21), "a long log");
        asks(&mut one, Change::AddLearner(S4));
        one.hear(S2, matched(1, 22));
        t.check(one.view().membership.learners.contains(&S4), "S4 learns");
        t.check_eq(asks(&mut one, Change::Promote(S4)), no(Refusal::NotCaughtUp), "it has nothing");
        one.hear(S4, matched(1, 5));
        t.check_eq(asks(&mut one, Change::Promote(S4)), no(Refusal::NotCaughtUp), "it has little");
        one.hear(S4, matched(1, 22));
        t.check_eq(asks(&mut one, Change::Promote(S4)), None, "it has everything");
        t.check(one.view().membership.voters.contains(&S4), "S4 votes");
        t.check(one.view().membership.learners.is_empty(), "and is no learner any more");
        // Nine tenths of what is committed, and what is not committed does not matter.
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        asks(&mut one, Change::AddLearner(S4));
        for n in 0..18 {
            one.ask(Op::Propose(format!("{n}").as_str().into()));
        }
        one.hear(S2, matched(1, 20));
        t.check_eq(one.view().commit_index, Index(20), "twenty entries are committed");
        for _ in 0..5 {
            one.ask(Op::Propose("more".into()));
        }
        one.hear(S4, matched(1, 17));
        t.check_eq(asks(&mut one, Change::Promote(S4)), no(Refusal::NotCaughtUp), "17 of 20");
        one.hear(S4, matched(1, 18));
        t.check_eq(asks(&mut one, Change::Promote(S4)), None, "18 of 20 are nine tenths");
        // A learner that is made a voter without more ado.
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        asks(&mut one, Change::AddLearner(S4));
        one.hear(S2, matched(1, 2));
        t.check_eq(asks(&mut one, Change::AddVoter(S4)), None, "a learner may be added as a voter");
        let now = one.view().membership;
        t.check(now.voters.contains(&S4), "it votes");
        t.check(now.learners.is_empty(), "and is no learner any more, this way either");
        // A learner does not stand.
        let mut one = leaderless(learner());
        t.check(one.view().membership.learners.contains(&S4), "S4 learns that it learns");
        t.check_eq(one.fire(ELECTION), Vec::new(), "no leader is heard: it asks nobody");
    });
}

#[test]
fn the_last_voter_stays() {
    grade("G-I10", |t| {
        let mut one = leader(&[S1]);
        t.check(one.view().leads(), "a cluster of one");
        t.check_eq(asks(&mut one, Change::Remove(S1)), no(Refusal::LastVoter), "it would be none");
        let done = matches!(asks(&mut one, Change::AddLearner(S4)), Some(Ret::Changed { .. }));
        t.check(done, "a change of one is committed at once");
        t.check_eq(
            asks(&mut one, Change::Remove(S1)),
            no(Refusal::LastVoter),
            "a learner is no voter",
        );
    });
}

#[test]
fn a_server_asks_before_it_stands() {
    grade("G-I10", |t| {
        let cfg = Config {
            durable: false,
            initial_log: entries(1, &[1, 2]),
            ..Config::of_stage(6, FIVE)
        };
        let one: Alone<Raft> = Alone::boot(S2, cfg);
        t.check_eq(one.view().current_term, Term(2), "its term");
        // A boot may count as having heard a leader: let it wait by asking twice.
        let asked = |sent: &[(Addr, Msg)]| {
            let asks = sent.iter().filter_map(|(to, msg)| match msg {
                Msg::PreVote(m) => Some((*to, m.term, m.last_log_index, m.last_log_term)),
                _ => None,
            });
            let mut asks = asks.collect::<Vec<_>>();
            asks.sort();
            asks
        };
        let mut one = leaderless(one);
        let sent = one.fire(ELECTION);
        let wanted: Vec<_> = [S1, S3, S4, S5].map(|to| (to, Term(3), Index(2), Term(2))).into();
        // In any order.
        t.check_eq(
            asked(&sent),
            wanted,
            "it asks all others about the next term, with the end of its log",
        );
        let view = one.view();
        t.check_eq(
            (view.current_term, view.role),
            (Term(2), Role::PreCandidate),
            "and has not entered it",
        );
        t.check(one.waits_for(ELECTION), "it will ask again");
        let stands = |sent: &[(Addr, Msg)]| sent.iter().any(|(_, msg)| is_request_vote(msg));
        t.check(!stands(&one.hear(S1, pre_voted(3, true))), "two of five are no quorum");
        t.check(!stands(&one.hear(S1, pre_voted(3, true))), "the same consent again");
        t.check(!stands(&one.hear(S3, pre_voted(2, false))), "a refusal");
        t.check(!stands(&one.hear(S4, pre_voted(2, true))), "a consent to an earlier election");
        let sent = one.hear(S5, pre_voted(3, true));
        t.check(stands(&sent), "three are a quorum: it stands");
        let wished = |sent: &[(Addr, Msg)]| {
            sent.iter().any(|(_, msg)| matches!(msg, Msg::RequestVote(m) if m.transfer))
        };
        t.check(!wished(&sent), "of itself: no leader wished it, and voters may keep to theirs");
        t.check_eq(one.view().current_term, Term(3), "in the term that it asked about");
        t.check_eq(one.view().role, Role::Candidate, "with no vote but its own");
        // It stands in vain, with one vote, and asks about the next term.
        one.hear(S1, vote(3, true));
        let mut one = leaderless(one);
        one.fire(ELECTION);
        t.check_eq(one.view().role, Role::PreCandidate, "it asks again");
        t.check(
            !stands(&one.hear(S4, pre_voted(4, true))),
            "a vote in term 3 is no consent to term 4",
        );
        let sent = one.hear(S5, pre_voted(4, true));
        t.check(stands(&sent), "two consents and its own are a quorum");
        t.check(!wished(&sent), "again of itself");
    });
}

/// A server that has heard no leader for long.
fn leaderless(mut one: Alone<Raft>) -> Alone<Raft> {
    one.wait(ms(1_000));
    one
}

#[test]
fn a_consent_changes_nothing() {
    grade("G-I10", |t| {
        let cfg = |me| {
            let cfg = Config { durable: false, ..Config::of_stage(6, THREE) };
            Alone::<Raft>::boot(me, cfg)
        };
        let said = |sent: Vec<(Addr, Msg)>| {
            sent.into_iter().find_map(|(_, msg)| match msg {
                Msg::PreVoted(m) => Some((m.vote_granted, m.term.0)),
                _ => None,
            })
        };
        // S2 has a log up to (2, term 2), and is in term 3; it heard S1 long ago.
        let fresh = || {
            let mut one = cfg(S2);
            one.hear(S1, append(3, (0, 0), entries(1, &[1, 2]), 0));
            leaderless(one)
        };
        let mut one = fresh();
        let before = one.view();
        let answer = said(one.hear(S3, pre_vote(4, (2, 2))));
        t.check_eq(
            answer,
            Some((true, 4)),
            "a log as good, no leader heard: it would, in that term",
        );
        t.check(!one.timer_reset, "the election timer runs on");
        t.check_eq(one.view(), before.clone(), "term, vote and leader are what they were");
        t.check_eq(
            said(one.hear(S1, pre_vote(4, (5, 2)))),
            Some((true, 4)),
            "it may consent to many",
        );
        let answer = said(one.hear(S3, pre_vote(9, (2, 2))));
        t.check_eq(answer, Some((true, 9)), "in a term far ahead");
        t.check_eq(one.view(), before, "which it does not enter");
        let cases = [
            ((4, (1, 2)), "a shorter log"),
            ((4, (7, 1)), "an earlier last term"),
            ((3, (2, 2)), "the term that it is in"),
            ((2, (2, 2)), "a term that has passed"),
        ];
        for ((term, last), what) in cases {
            let mut one = fresh();
            let answer = said(one.hear(S3, pre_vote(term, last)));
            t.check_eq(answer, Some((false, 3)), format!("{what}: no, and its own term is 3"));
        }
        let mut one = fresh();
        one.hear(S1, append(3, (2, 2), Vec::new(), 0));
        let answer = said(one.hear(S3, pre_vote(4, (2, 2))));
        t.check_eq(answer, Some((false, 3)), "it has just heard a leader");
        let mut one = leaderless(leader(&THREE));
        let answer = said(one.hear(S3, pre_vote(2, (1, 1))));
        t.check_eq(answer, Some((false, 1)), "a leader hears itself");
    });
}

#[test]
fn who_hears_a_leader_keeps_to_it() {
    grade("G-I10", |t| {
        let cfg = Config { durable: false, ..Config::of_stage(6, THREE) };
        let mut one: Alone<Raft> = Alone::boot(S2, cfg);
        one.hear(S1, append(3, (0, 0), Vec::new(), 0));
        let sent = one.hear(S3, request_vote(4, 9, 3));
        t.check(!sent.iter().any(|(_, msg)| is_granted(msg)), "it has just heard S1: no vote");
        t.check_eq(one.view().current_term, Term(3), "and no new term");
        let Msg::RequestVote(mut m) = request_vote(4, 9, 3) else {
            unreachable!("that is what it makes");
        };
        m.transfer = true;
        let sent = one.hear(S3, Msg::RequestVote(m));
        t.check(sent.iter().any(|(_, msg)| is_granted(msg)), "S1 itself asked for this election");
        let mut one = leaderless(one);
        let sent = one.hear(S1, request_vote(5, 9, 3));
        t.check(sent.iter().any(|(_, msg)| is_granted(msg)), "nothing was heard for long");
    });
}

#[test]
fn the_leaders_word_makes_a_candidate() {
    grade("G-I10", |t| {
        let follower = || {
            let cfg = Config { durable: false, ..Config::of_stage(6, THREE) };
            let mut one: Alone<Raft> = Alone::boot(S2, cfg);
            one.hear(S1, append(3, (0, 0), entries(1, &[3]), 0));
            one
        };
        let now = |term| Msg::TimeoutNow { term: Term(term) };
        let stands = |sent: &[(Addr, Msg)]| {
            sent.iter().any(
                |(_, msg)| matches!(msg, Msg::RequestVote(m) if m.transfer && m.term == Term(4)),
            )
        };
        t.check(
            stands(&follower().hear(S1, now(3))),
            "its leader's: it stands at once, by the leader's wish",
        );
        t.check(!stands(&follower().hear(S3, now(3))), "another server's");
        let mut one = follower();
        one.hear(S3, append(4, (0, 0), Vec::new(), 0));
        let sent = one.hear(S1, now(3));
        t.check(sent.is_empty() && one.view().role == Role::Follower, "an earlier leader's, late");
        let mut one = follower();
        one.hear(S3, append(4, (0, 0), Vec::new(), 0));
        one.hear(S1, append(5, (0, 0), Vec::new(), 0));
        let sent = one.hear(S1, now(3));
        t.check(
            sent.is_empty() && one.view().role == Role::Follower,
            "its leader's, from an earlier reign",
        );
        let mut one = follower();
        one.hear(S1, now(3));
        let term = one.view().current_term;
        one.hear(S1, now(3));
        t.check_eq(one.view().current_term, term, "the same word again");
        let mut one = learner();
        let sent = one.hear(S1, now(1));
        t.check(
            sent.is_empty() && one.view().role == Role::Follower,
            "S4 learns, and may not stand: not at its leader's word either",
        );
        t.check_eq(one.view().current_term, Term(1), "it stays in its leader's term");
        // The leader gives its word when the target has its whole log, and gives it once.
        let tells = |sent: &[(Addr, Msg)]| {
            let words = sent.iter().filter(|(_, msg)| matches!(msg, Msg::TimeoutNow { .. }));
            words.map(|(to, _)| *to).collect::<Vec<_>>()
        };
        let mut one = leader(&THREE);
        one.hear(S2, matched(1, 1));
        one.ask(Op::Propose("a".into()));
        let (_, sent) = one.ask(Op::Transfer(S2));
        t.check_eq(
            tells(&sent),
            vec![],
            "S2 has what is committed, and lacks an entry that is not: no word yet",
        );
        let sent = one.hear(S3, matched(1, 2));
        t.check_eq(tells(&sent), vec![], "S3 has it, and S2 does not");
        let sent = one.hear(S2, matched(1, 2));
        t.check_eq(tells(&sent), vec![S2], "S2 has it: it is told");
        let sent = [one.hear(S2, matched(1, 2)), one.hear(S3, matched(1, 2)), one.fire(HEARTBEAT)]
            .concat();
        let sent = [sent, one.hear(S2, matched(1, 2))].concat();
        t.check_eq(tells(&sent), vec![], "once");
        one.fire(Timer::Transfer);
        let (_, sent) = one.ask(Op::Transfer(S2));
        t.check_eq(tells(&sent), vec![S2], "a new handover has its own word");
    });
}

#[test]
fn a_lease_says_nothing_of_the_commit_index() {
    grade("G-I8", |t| {
        let cfg = Config {
            durable: false,
            initial_log: entries(1, &[1, 1]),
            ..Config::of_stage(6, THREE)
        };
        let mut one: Alone<Raft> = leaderless(Alone::boot(S1, cfg));
        one.fire(ELECTION);
        one.hear(S2, pre_voted(2, true));
        let sent = one.hear(S2, vote(2, true));
        t.check(one.view().leads(), "S1 leads term 2");
        // S2 lacks an entry before the no-op: it answers the round, and matches nothing yet.
        let of_round = |sent: &[(Addr, Msg)], result| {
            let rounds = sent.iter().filter_map(|(_, msg)| match msg {
                Msg::AppendEntries(m) => Some(m.round),
                _ => None,
            });
            Msg::Appended(Appended {
                term: Term(2),
                round: rounds.max().unwrap_or_default(),
                result,
            })
        };
        let conflict = Conflict { prev_log_index: Index(2), term: None, first_index: Index(2) };
        one.hear(S2, of_round(&sent, AppendResult::Conflict(conflict)));
        let (read, sent) = one.ask(Op::Read);
        t.check_eq(
            one.answer(read),
            None,
            "a quorum hears S1; it does not know yet what its predecessor committed",
        );
        let sent = [sent, one.fire(HEARTBEAT)].concat();
        one.hear(S2, of_round(&sent, AppendResult::Match(Index(3))));
        let index = Index(3);
        t.check_eq(one.answer(read), Some(Ret::ReadAt { index }), "now it does");
        // And that is all that a read waits for while the lease lasts: S1 asks nobody again.
        let (read, sent) = one.ask(Op::Read);
        t.check_eq(one.answer(read), Some(Ret::ReadAt { index }), "a read under the lease");
        t.check_eq(sent, Vec::new(), "without a message");
        let until = one.view().lease_until;
        t.check(until.is_some(), "the lease is shown");
        one.wait(ms(200));
        let (read, _) = one.ask(Op::Read);
        t.check_eq(one.answer(read), None, "it is over: S1 has to ask");
    });
}

// --- scripted: members

#[test]
fn a_server_is_added_and_another_leaves() {
    grade("G-I11", |t| {
        t.script(&members(&THREE, &[S4]), all(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            change(w, S1, Change::AddLearner(S4));
            beat(w, S1);
            w.expect_eq(see(w, S4).commit_index, Index(3), "the learner has the log");
            change(w, S1, Change::Promote(S4));
            change(w, S1, Change::Remove(S2));
            propose(w, S1, "b");
            beat(w, S1);
            for server in [S1, S3, S4] {
                let seen = (voters(w, server), see(w, server).commit_index);
                w.expect_eq(
                    seen,
                    (vec![S1, S3, S4], Index(6)),
                    format!("{server}: voters, commit index"),
                );
            }
        });
    });
}

#[test]
fn a_learner_counts_for_nothing() {
    grade("G-I4", |t| {
        t.script(&members(&THREE, &[S4, S5]), all(), |w| {
            elect(w, S1);
            beat(w, S1);
            change(w, S1, Change::AddLearner(S4));
            change(w, S1, Change::AddLearner(S5));
            let before = see(w, S1).commit_index;
            cut_between(w, S1, S2);
            cut_between(w, S1, S3);
            propose(w, S1, "a");
            beat(w, S1);
            w.expect_eq(
                see(w, S1).commit_index,
                before,
                "two learners and a voter are no quorum of three",
            );
            w.heal();
            beat(w, S1);
            w.expect_eq(see(w, S1).commit_index, before.next(), "the voters have it");
        });
    });
}

/// S1 leads term 1 of four and asks to remove S4, which nobody hears of; S1 restarts. S3 leads term 2
/// with the votes of S2 and S4, as S1 hears; what S3 sends as a leader waits.
fn a_change_that_nobody_has_heard_of<C: Checker<Raft>>(w: &mut Play<C>) {
    elect(w, S1);
    propose(w, S1, "a");
    beat(w, S1);
    w.isolate(S1);
    w.op(S1, Op::Change(Change::Remove(S4)));
    w.run_for(MOMENT);
    w.expect_eq(voters(w, S1), vec![S1, S2, S3], "S1's servers");
    w.crash(S1);
    w.restart(S1);
    w.heal();
    for other in [S1, S2, S4] {
        hold_between(w, S3, other);
    }
    w.fire(S3, &ELECTION);
    for other in [S1, S2, S4] {
        w.deliver(S3, other, is_request_vote);
        w.run_for(ms(2));
    }
    for other in [S2, S4] {
        w.deliver(other, S3, is_granted);
    }
    w.run_for(ms(2));
    w.expect(see(w, S3).leads(), "S3 leads term 2");
}

#[test]
fn a_change_waits_for_an_entry_of_the_own_term() {
    grade("G-I11", |t| {
        t.script(&members(&FOUR, &[]), all(), |w| {
            a_change_that_nobody_has_heard_of(w);
            let id = w.op(S3, Op::Change(Change::Remove(S1)));
            // Only S4 hears S3 now.
            cut_between(w, S3, S1);
            cut_between(w, S3, S2);
            for (from, to) in [(S1, S3), (S3, S1), (S3, S2)] {
                while w.waiting().iter().any(|(a, b, _)| (*a, *b) == (from, to)) {
                    w.lose(from, to, any);
                }
            }
            w.release_all();
            beat(w, S3);
            // S1 stands with the servers that its own log names.
            cut_between(w, S1, S3);
            cut_between(w, S1, S4);
            cut_between(w, S2, S4);
            lead_or_not(w, S1);
            propose_if_leading(w, S1, "b");
            propose_if_leading(w, S3, "c");
            w.heal();
            for _ in 0..3 {
                beat(w, S1);
                beat(w, S3);
            }
            let answer = w.answer(id).cloned();
            w.expect(
                !matches!(answer, Some(Ret::Changed { .. })),
                format!("S3 had committed nothing of its own; it says {answer:?}"),
            );
        });
    });
}

/// `server` stands until it leads, some times at most.
#[track_caller]
fn lead_or_not<C: Checker<Raft>>(w: &mut Play<C>, server: Addr) {
    for _ in 0..3 {
        if !see(w, server).leads() {
            stand(w, server);
        }
    }
}

#[track_caller]
fn propose_if_leading<C: Checker<Raft>>(w: &mut Play<C>, server: Addr, text: &str) {
    if see(w, server).leads() {
        w.op(server, Op::Propose(text.into()));
        beat(w, server);
    }
}

#[test]
fn every_order_around_a_change() {
    grade("G-I11", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 1, ..Budget::default() })
            .only_timers(|server, timer| server == S1 && *timer == ELECTION)
            .client([(S3, Op::Change(Change::Remove(S1)))]);
        let invariants =
            (UsableConfigs::default(), ElectionSafety::default(), StateMachineSafety::default());
        t.script(&members(&FOUR, &[]), invariants, |w| {
            a_change_that_nobody_has_heard_of(w);
            w.hold_all();
            w.lose(S1, S3, is_vote);
            w.lose(S3, S1, is_append);
            cut_between(w, S3, S1);
            cut_between(w, S1, S4);
            w.cut_link(S2, S3);
            w.explore(&scope);
        });
    });
}

#[test]
fn one_change_at_a_time() {
    grade("G-I11", |t| {
        t.script(&members(&FIVE, &[]), all(), |w| {
            elect(w, S1);
            beat(w, S1);
            for other in [S3, S4, S5] {
                cut_between(w, S1, other);
                cut_between(w, S2, other);
            }
            w.op(S1, Op::Change(Change::Remove(S5)));
            w.run_for(MOMENT);
            let second = w.op(S1, Op::Change(Change::Remove(S4)));
            beat(w, S1);
            let answer = w.answer(second);
            let said = refused(answer);
            w.expect(
                said,
                format!(
                    "S1 has not committed the first; to the second it says {:?}",
                    w.answer(second)
                ),
            );
            stand(w, S3);
            propose_if_leading(w, S3, "a");
            propose_if_leading(w, S1, "b");
            w.heal();
            beat(w, S3);
        });
    });
}

#[test]
fn the_servers_after_a_restart_are_those_in_the_log() {
    grade("G-I11", |t| {
        t.script(&members(&THREE, &[S4, S5]), all(), |w| {
            elect(w, S1);
            beat(w, S1);
            change(w, S1, Change::AddVoter(S4));
            change(w, S1, Change::AddVoter(S5));
            beat(w, S1);
            for a in [S2, S3] {
                for b in [S1, S4, S5] {
                    cut_between(w, a, b);
                }
                w.crash(a);
            }
            for a in [S2, S3] {
                w.restart(a);
            }
            lead_or_not(w, S2);
            w.expect_eq(leaders(w, &[S2]), vec![], "two of five elect nobody");
            propose_if_leading(w, S1, "a");
            w.heal();
            let leader = if see(w, S1).leads() { S1 } else { S4 };
            lead_or_not(w, leader);
            beat(w, leader);
        });
    });
}

#[test]
fn a_leader_that_leaves_does_not_count_itself() {
    grade("G-I4, G-I5", |t| {
        t.script(&members(&FOUR, &[]), all(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            for other in [S2, S3, S4] {
                w.hold(other, S1);
            }
            w.op(S1, Op::Change(Change::Remove(S1)));
            w.run_for(MOMENT);
            // All have the change; what comes after it gets through to S2 only.
            w.cut_link(S1, S3);
            w.cut_link(S1, S4);
            w.op(S1, Op::Propose("b".into()));
            w.run_for(MOMENT);
            // One answer tells of both.
            let answers = |w: &Play<_>| {
                let waiting = w.waiting();
                let of_s2 =
                    waiting.iter().filter(|(from, to, m)| (*from, *to) == (S2, S1) && is_match(m));
                of_s2.count()
            };
            while answers(w) > 1 {
                w.lose(S2, S1, is_match);
            }
            w.release(S2, S1);
            w.run_for(MOMENT);
            w.isolate(S1);
            w.isolate(S2);
            for other in [S3, S4] {
                heal_between(w, S3, other);
            }
            lead_or_not(w, S3);
            w.expect(see(w, S3).leads(), "S3 and S4 are a quorum of the three that stay");
            propose(w, S3, "c");
            beat(w, S3);
            w.release_all();
            w.heal();
            for _ in 0..2 {
                beat(w, S3);
            }
        });
    });
}

#[test]
fn a_leader_that_is_removed_goes() {
    grade("G-I10", |t| {
        t.script(&members(&THREE, &[]), all(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            let id = w.op(S1, Op::Change(Change::Remove(S1)));
            beat(w, S1);
            let answer = w.answer(id).cloned();
            let done = matches!(answer, Some(Ret::Changed { .. }));
            w.expect(done, format!("S1 sees to its own removal, and says {answer:?}"));
            w.expect_eq(leaders(w, &[S1]), vec![], "then it leads no more");
            let more = w.op(S1, Op::Propose("b".into()));
            let answer = w.answer(more).cloned();
            let gone = matches!(answer, Some(Ret::NotLeader { .. }));
            w.expect(gone, format!("nor takes anything; it says {answer:?}"));
            for server in [S2, S3] {
                w.expect_eq(voters(w, server), vec![S2, S3], "who is left");
            }
            lead_or_not(w, S2);
            propose(w, S2, "c");
            beat(w, S2);
            let seen = [S2, S3].map(|s| see(w, s).commit_index);
            w.expect_eq(seen, [Index(5); 2], "the two go on");
        });
    });
}

#[test]
fn a_server_that_lost_its_disk_does_not_come_back() {
    grade("G-I7", |t| {
        t.script(
            &members(&THREE, &[]),
            (ElectionSafety::default(), StateMachineSafety::default()),
            |w| {
                elect(w, S1);
                propose(w, S1, "a");
                beat(w, S1);
                change(w, S1, Change::Remove(S2));
                w.crash(S2);
                w.restart_with_amnesia(S2);
                for again in [Change::AddVoter(S2), Change::AddLearner(S2)] {
                    let id = w.op(S1, Op::Change(again));
                    beat(w, S1);
                    let answer = w.answer(id);
                    let said = refused(answer);
                    w.expect(
                        said,
                        format!(
                            "{again:?}: S2 may have forgotten what it promised; S1 says {:?}",
                            w.answer(id)
                        ),
                    );
                }
            },
        );
    });
}

#[test]
fn a_snapshot_holds_the_servers_too() {
    grade("G-I12", |t| {
        t.script(&members(&THREE, &[S4]), all(), |w| {
            let watch = w.op(S1, Op::Watch);
            elect(w, S1);
            beat(w, S1);
            change(w, S1, Change::AddLearner(S4));
            w.isolate(S4);
            change(w, S1, Change::Promote(S4));
            change(w, S1, Change::Remove(S3));
            propose(w, S1, "a");
            beat(w, S1);
            w.expect(!w.answers(watch).is_empty(), "S1's state machine is told");
            let (index, image) = (see(w, S1).last_applied, "image".into());
            w.op(S1, Op::Compact { index, image });
            w.run_for(MOMENT);
            w.heal();
            w.isolate(S2);
            for _ in 0..4 {
                beat(w, S1);
            }
            w.expect_eq(voters(w, S4), vec![S1, S2, S4], "S4 has the servers from the snapshot");
            w.expect_eq(see(w, S4).snapshot_index, index, "it was sent one");
            w.crash(S1);
            w.crash(S4);
            w.restart(S1);
            w.restart(S4);
            for server in [S1, S4] {
                w.expect_eq(voters(w, server), vec![S1, S2, S4], "also after a restart");
            }
            lead_or_not(w, S4);
            propose(w, S4, "b");
            beat(w, S4);
            w.expect_eq(see(w, S1).commit_index, see(w, S4).last_index(), "S1 and S4 are a quorum");
        });
    });
}

// --- scripted: handing over

#[test]
fn leadership_is_handed_over() {
    grade("G-I10", |t| {
        t.script(&members(&THREE, &[]), all(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            let id = w.op(S1, Op::Transfer(S2));
            w.run_for(MOMENT);
            beat(w, S1);
            w.expect_eq(leaders(w, &THREE), vec![(S2, Term(2))], "S2 leads the next term");
            w.expect_eq(w.answer(id).cloned(), Some(Ret::Transferred), "and S1 says so");
            propose(w, S2, "b");
            beat(w, S2);
            w.expect_eq(see(w, S3).commit_index, Index(4), "all is committed");
        });
    });
}

#[test]
fn the_next_leader_has_the_whole_log_first() {
    grade("G-I10", |t| {
        t.script(&members(&THREE, &[]), all(), |w| {
            elect(w, S1);
            beat(w, S1);
            w.isolate(S2);
            propose(w, S1, "a");
            propose(w, S1, "b");
            beat(w, S1);
            let id = w.op(S1, Op::Transfer(S2));
            w.run_for(MOMENT);
            let refused = w.op(S1, Op::Propose("c".into()));
            let answer = w.answer(refused).cloned();
            let busy = matches!(answer, Some(Ret::NotLeader { .. }));
            w.expect(busy, format!("who hands over takes no more; it says {answer:?}"));
            w.heal();
            for _ in 0..3 {
                beat(w, S1);
            }
            w.expect_eq(
                leaders(w, &THREE),
                vec![(S2, Term(2))],
                "S2 catches up, and leads the next term",
            );
            w.expect_eq(w.answer(id).cloned(), Some(Ret::Transferred), "S1 says so");
        });
    });
}

#[test]
fn a_handover_is_given_up() {
    grade("G-I10", |t| {
        t.script(&members(&THREE, &[]), all(), |w| {
            elect(w, S1);
            beat(w, S1);
            w.crash(S2);
            let id = w.op(S1, Op::Transfer(S2));
            w.run_for(MOMENT);
            let late = w.timers(S1).contains(&&Timer::Transfer);
            w.expect(late, "S1 waits for an election timeout");
            w.fire(S1, &Timer::Transfer);
            let answer = w.answer(id).cloned();
            w.expect_eq(answer, Some(Ret::Refused(Refusal::TransferTimedOut)), "then it gives up");
            propose(w, S1, "a");
            beat(w, S1);
            w.expect_eq(see(w, S3).commit_index, Index(2), "and goes on leading");
            let other = w.op(S1, Op::Transfer(S3));
            w.run_for(MOMENT);
            beat(w, S1);
            w.expect_eq(w.answer(other).cloned(), Some(Ret::Transferred), "S3 takes over");
        });
    });
}

// --- scripted: a leader that works is left alone, and one that does not is replaced

/// Servers with the usual clocks, of which S1 leads first.
fn alive(servers: &[Addr]) -> Scenario<Raft> {
    let timeouts: Vec<(Addr, u64)> = servers.iter().map(|s| (*s, 140 + 10 * s.0 as u64)).collect();
    staggered(6, &timeouts)
}

/// Runs until `server` leads.
#[track_caller]
fn wait_for<C: Checker<Raft>>(w: &mut Play<C>, server: Addr) -> Term {
    let led = w.run_until(ms(3_000), |w| see(w, server).leads());
    w.expect(led, format!("S{} leads", server.0));
    see(w, server).current_term
}

/// Somebody of `among` leads within three seconds, and commits what it is asked.
#[track_caller]
fn works<C: Checker<Raft>>(w: &mut Play<C>, among: &[Addr], why: &str) {
    let mut done = false;
    for _ in 0..60 {
        w.run_for(ms(50));
        let leading = leaders(w, among).into_iter().max_by_key(|(_, term)| *term);
        let Some((leader, _)) = leading else { continue };
        let id = w.op(leader, Op::Propose("works".into()));
        let Some(Ret::Accepted { index, term }) = w.answer(id).cloned() else {
            continue;
        };
        w.run_for(ms(60));
        let view = see(w, leader);
        done |= view.commit_index >= index && view.term_at(index) == Some(term);
        if done {
            return;
        }
    }
    w.expect(
        done,
        format!("{why}: {} servers can all reach each other, and nobody leads them", among.len()),
    );
}

#[test]
fn a_leader_that_is_heard_stays() {
    grade("G-I10", |t| {
        t.script(&alive(&FIVE), all(), |w| {
            let term = wait_for(w, S1);
            for n in 0..20 {
                w.run_for(ms(150));
                propose(w, S1, &format!("{n}"));
            }
            w.run_for(ms(100));
            w.expect_eq(leaders(w, &FIVE), vec![(S1, term)], "the same leader, in the same term");
            w.expect_eq(see(w, S5).commit_index, Index(21), "and all is committed");
        });
    });
}

#[test]
fn a_server_that_comes_back_disturbs_nobody() {
    grade("G-I10", |t| {
        for away in 0..3 {
            t.script(&alive(&THREE), all(), |w| {
                let term = wait_for(w, S1);
                w.run_for(ms(200));
                match away {
                    // S3 is cut off, or hears nobody, or hears S2 alone.
                    0 => w.isolate(S3),
                    1 => {
                        w.cut_link(S1, S3);
                        w.cut_link(S2, S3);
                    }
                    _ => w.cut_link(S1, S3),
                }
                for n in 0..20 {
                    w.run_for(ms(150));
                    let leads = leaders(w, &[S1]);
                    w.expect_eq(leads, vec![(S1, term)], "S1 reaches S2, and leads on");
                    propose(w, S1, &format!("{n}"));
                }
                w.heal();
                w.run_for(ms(1_500));
                w.expect_eq(
                    leaders(w, &THREE),
                    vec![(S1, term)],
                    "S3 is back, and S1 leads on in its term",
                );
                w.expect_eq(see(w, S3).commit_index, Index(21), "S3 has what it missed");
            });
        }
    });
}

#[test]
fn a_removed_server_disturbs_nobody() {
    grade("G-I10", |t| {
        t.script(&alive(&FOUR), all(), |w| {
            let term = wait_for(w, S1);
            w.run_for(ms(200));
            w.isolate(S4);
            let id = w.op(S1, Op::Change(Change::Remove(S4)));
            w.run_for(ms(200));
            w.expect(
                matches!(w.answer(id), Some(Ret::Changed { .. })),
                "S4 is removed, and does not know",
            );
            w.heal();
            for _ in 0..10 {
                w.run_for(ms(200));
                w.expect_eq(leaders(w, &FOUR), vec![(S1, term)], "it asks, and is not heeded");
            }
        });
    });
}

#[test]
fn a_later_term_is_heard_of() {
    grade("G-I10", |t| {
        t.script(&alive(&THREE), all(), |w| {
            wait_for(w, S1);
            w.run_for(ms(200));
            // S3 wins consents, and nothing more: it stands again and again in vain.
            w.isolate(S1);
            hold_between(w, S2, S3);
            let in_vain = |msg: &Msg| !is_request_vote(msg) && !matches!(msg, Msg::PreVote(_));
            for _ in 0..3_000 {
                w.run_for(ms(1));
                if see(w, S3).current_term >= Term(5) {
                    break;
                }
                let asks = |w: &Play<_>, from: Addr, to: Addr| {
                    let mut waiting = w.waiting().into_iter();
                    waiting.any(|(a, b, m)| (a, b) == (from, to) && matches!(m, Msg::PreVote(_)))
                };
                if asks(w, S3, S2) {
                    w.deliver(S3, S2, |m| matches!(m, Msg::PreVote(_)));
                    w.run_for(ms(1));
                }
                pass(w, S2, S3, in_vain);
            }
            let far = see(w, S3).current_term;
            w.expect(far >= Term(5), format!("S3 has come to {far:?}"));
            // S1 and S2 go on without it.
            cut_between(w, S2, S3);
            w.release_all();
            heal_between(w, S1, S2);
            works(w, &[S1, S2], "S3 is cut off");
            let term = see(w, S2).current_term;
            w.expect(term < far, format!("S1 and S2 are in {term:?}"));
            // S1 is gone. S2 has the longer log, S3 the later term.
            w.crash(S1);
            w.heal();
            works(w, &[S2, S3], "S1 is down");
        });
    });
}

#[test]
fn a_leader_that_reaches_no_quorum_gives_way() {
    grade("G-I10", |t| {
        t.script(
            &staggered(6, &[(S4, 140), (S1, 170), (S2, 180), (S3, 190), (S5, 200)]),
            all(),
            |w| {
                wait_for(w, S4);
                w.run_for(ms(200));
                // S4 reaches S2 only; S1, S2 and S3 reach each other.
                w.isolate(S5);
                for other in [S1, S3] {
                    cut_between(w, S4, other);
                }
                works(w, &[S1, S2, S3], "S4 reaches S2 alone");
            },
        );
        // Only voters count, among whom it looks for a quorum and in the quorum that it looks for.
        let heard_by = |heard: &[Addr]| {
            let mut one = leader(&THREE);
            one.hear(S2, matched(1, 1));
            for (learner, index) in [(S4, 2), (S5, 3)] {
                asks(&mut one, Change::AddLearner(learner));
                one.hear(S2, matched(1, index));
            }
            one.wait(ms(150));
            one.fire(Timer::Quorum);
            for other in heard {
                one.hear(*other, matched(1, 3));
            }
            one.wait(ms(150));
            one.fire(Timer::Quorum);
            one.view()
        };
        let view = heard_by(&[S2]);
        t.check_eq(view.membership.learners.len(), 2, "two learners");
        t.check(view.leads(), "S2 answers, and two of three voters are a quorum: S1 leads on");
        t.check(
            !heard_by(&[S4, S5]).leads(),
            "two learners answer, and no other voter does: S1 gives way",
        );
    });
}

/// Cuts a network of five in some way.
type Cuts = fn(&mut Play<(Safety, Told, UsableConfigs)>);

#[test]
fn a_connected_quorum_has_a_leader() {
    grade("G-I10", |t| {
        let shapes: [(&str, &[Addr], Cuts); 6] = [
            ("S1 hears nobody", &[S2, S3, S4, S5], |w| {
                for other in [S2, S3, S4, S5] {
                    w.cut_link(other, S1);
                }
            }),
            ("nobody hears S1", &[S2, S3, S4, S5], |w| {
                for other in [S2, S3, S4, S5] {
                    w.cut_link(S1, other);
                }
            }),
            ("S1 and S2 are cut off together", &[S3, S4, S5], |w| {
                w.partition(&[&[S1, S2], &[S3, S4, S5]]);
            }),
            ("S1 hears S2 alone, all hear S1", &[S2, S3, S4, S5], |w| {
                for other in [S3, S4, S5] {
                    w.cut_link(other, S1);
                }
            }),
            ("S1 and S5 reach S3 alone", &[S2, S3, S4], |w| {
                for other in [S2, S4, S5] {
                    cut_between(w, S1, other);
                }
                for other in [S2, S4] {
                    cut_between(w, S5, other);
                }
            }),
            ("S1 and S2 do not reach each other", &[S2, S3, S4, S5], |w| cut_between(w, S1, S2)),
        ];
        for (why, among, cuts) in shapes {
            t.script(&alive(&FIVE), all(), |w| {
                wait_for(w, S1);
                w.run_for(ms(200));
                cuts(w);
                // A leader from before counts as well, if it still gets things done.
                let all_or_some = if why.ends_with("each other") { &FIVE[..] } else { among };
                works(w, all_or_some, why);
                w.heal();
                works(w, &FIVE, "all is healed");
            });
        }
    });
}

/// A figure of the book: what no Raft gives. S5 alone reaches the others, and its log is old.
#[test]
fn a_hub_with_an_old_log_has_no_leader() {
    grade("G-I1", |t| {
        let timeouts = [(S1, 150), (S2, 160), (S3, 170), (S4, 180), (S5, 100)];
        let mut scene = staggered(6, &timeouts);
        for place in &mut scene.places {
            let terms: &[u64] = if place.addr == S5 { &[1] } else { &[1, 1] };
            let initial_log = entries(1, terms);
            let cfg = (*place.cfg).clone();
            place.cfg = Config { initial_log, ..cfg }.into();
        }
        t.script(&scene, all(), |w| {
            for (i, a) in FOUR.into_iter().enumerate() {
                for b in &FOUR[i + 1..] {
                    cut_between(w, a, *b);
                }
            }
            w.run_for(ms(230));
            w.expect_eq(leaders(w, &FIVE), Vec::new(), "nobody can win");
        });
    });
}

// --- scripted: leases, on stores with the usual clocks

fn three_stores() -> Scenario<Kv> {
    stores(6, &THREE)
}

/// S2 stands `s2` after it last heard a leader, S3 the longest after.
#[track_caller]
fn draws<C: Checker<Kv>>(w: &mut Shop<C>, s2: Duration, s3: Duration) {
    w.next_within(S2, &[s2; 400]);
    w.next_within(S3, &[s3; 400]);
}

/// S1 leads, has done a, and holds a lease if it uses any.
#[track_caller]
fn s1_leads<C: Checker<Kv>>(w: &mut Shop<C>, limit: Duration) {
    let led = w.run_until(limit, |w| see(w, S1).leads());
    w.expect(led, "S1 leads");
    let id = ask(w, S1, 1, 1, "a ");
    w.run_until(limit, |w| w.answer(id).is_some());
    w.expect_eq(w.answer(id).cloned(), done(None), "a is done");
}

/// S2 leads in the end, within `limit`, and has done b. In the meantime and after that S1 is asked
/// for reads all the time; the history tells whether what it said was right.
#[track_caller]
fn s2_takes_over<C: Checker<Kv>>(w: &mut Shop<C>, step: Duration, steps: u32) {
    let mut written = None;
    for _ in 0..steps {
        w.run_for(step);
        if written.is_none() && see(w, S2).leads() {
            written = Some(ask(w, S2, 2, 1, "b "));
            w.run_for(ms(6));
        }
        if see(w, S1).leads() {
            w.op(S1, get("x"));
        }
    }
    let told = written.and_then(|id| w.answer(id).cloned());
    w.expect_eq(told, done(Some("a ")), "S2 has taken over, and done b");
}

#[test]
fn reads_under_a_lease() {
    grade("G-I8", |t| {
        t.script(&three_stores(), Linearizable, |w| {
            draws(w, ms(250), ms(299));
            s1_leads(w, ms(3_000));
            for seq in 2..12 {
                let id = w.op(S1, get("x"));
                w.run_for(ms(100));
                let read = matches!(w.answer(id), Some(KvRet::Value(Some(_))));
                w.expect(read, "S1 answers");
                let id = ask(w, S1, 1, seq, &format!("{seq} "));
                w.run_for(ms(30));
                w.expect(matches!(w.answer(id), Some(KvRet::Done(_))), "S1 writes");
            }
        });
    });
}

#[test]
fn a_lease_ends_by_the_clock() {
    grade("G-I8", |t| {
        for offset in 0..15 {
            t.script(&three_stores(), Linearizable, |w| {
                draws(w, ms(160), ms(299));
                s1_leads(w, ms(3_000));
                w.run_for(ms(300 + 10 * offset));
                w.isolate(S1);
                s2_takes_over(w, ms(5), 100);
            });
        }
    });
}

#[test]
fn a_lease_begins_when_its_round_is_sent() {
    grade("G-I8", |t| {
        for offset in 0..5 {
            t.script(&three_stores(), Linearizable, |w| {
                draws(w, ms(150), ms(299));
                s1_leads(w, ms(3_000));
                // Answers take long from here on.
                w.delay(S2, S1, ms(100));
                w.delay(S3, S1, ms(100));
                w.run_for(ms(300 + 10 * offset));
                w.isolate(S1);
                s2_takes_over(w, ms(5), 80);
            });
        }
    });
}

#[test]
fn a_lease_bears_clocks_that_drift() {
    grade("G-I8", |t| {
        let cfg = || {
            let kv = kv(6, &THREE);
            let raft = Config {
                election_timeout: ms(10_000)..ms(20_000),
                heartbeat: ms(2_000),
                ..kv.raft
            };
            KvConfig { raft, ..kv }
        };
        for offset in 0..4 {
            t.script(&stores_of(&THREE, |_| cfg()), Linearizable, |w| {
                // S1's clock is slow, the others' are fast, by as much as is agreed.
                w.set_rate(S1, -10_000);
                w.set_rate(S2, 10_000);
                w.set_rate(S3, 10_000);
                draws(w, ms(10_000), ms(19_000));
                w.fire(S1, &ELECTION);
                s1_leads(w, ms(1_000));
                w.run_for(ms(10_000 + 500 * offset));
                w.isolate(S1);
                w.run_for(ms(7_000));
                s2_takes_over(w, ms(10), 600);
            });
        }
    });
}

#[test]
fn a_lease_ends_when_a_handover_begins() {
    grade("G-I8", |t| {
        t.script(&three_stores(), Linearizable, |w| {
            draws(w, ms(250), ms(299));
            s1_leads(w, ms(3_000));
            w.run_for(ms(210));
            w.op(S1, KvOp::Transfer(S2));
            w.cut_link(S2, S1);
            w.cut_link(S3, S1);
            s2_takes_over(w, ms(3), 60);
        });
    });
}

#[test]
fn a_lease_does_not_come_back_after_a_handover() {
    grade("G-I8", |t| {
        t.script(&three_stores(), Linearizable, |w| {
            draws(w, ms(250), ms(299));
            s1_leads(w, ms(3_000));
            w.run_for(ms(210));
            let term = see(w, S1).current_term;
            // The answers to a round are under way when S2 is told to stand.
            w.hold(S3, S1);
            w.cut_link(S2, S1);
            let before = w.count_sent(S1, S3, is_append);
            w.run_until(ms(60), |w| w.count_sent(S1, S3, is_append) > before);
            w.run_for(ms(3));
            w.op(S1, KvOp::Transfer(S2));
            w.run_until(ms(30), |w| see(w, S2).leads());
            w.expect(see(w, S2).leads(), "S2 takes over");
            let b = ask(w, S2, 2, 1, "b ");
            w.run_for(ms(6));
            w.expect_eq(w.answer(b).cloned(), done(Some("a ")), "S2 has done b");
            // S3 answered S1 before it voted for S2.
            let old = |m: &Msg| matches!(m, Msg::Appended(m) if m.term <= term);
            while w.waiting().iter().any(|(a, b, m)| (*a, *b) == (S3, S1) && old(m)) {
                w.deliver(S3, S1, old);
            }
            for _ in 0..10 {
                if see(w, S1).leads() {
                    w.op(S1, get("x"));
                }
                w.run_for(ms(3));
            }
        });
    });
}

#[test]
fn voters_keep_to_a_leader_with_a_lease() {
    grade("G-I8", |t| {
        for offset in 0..10 {
            t.script(&three_stores(), Linearizable, |w| {
                draws(w, ms(150 + offset), ms(299));
                s1_leads(w, ms(3_000));
                w.run_for(ms(200));
                // S2 hears S1 no more; S3 does.
                cut_between(w, S1, S2);
                let mut written = None;
                for _ in 0..250 {
                    w.run_for(ms(2));
                    if written.is_none() && see(w, S2).leads() {
                        w.cut_link(S3, S1);
                        written = Some(ask(w, S2, 2, 1, "b "));
                        w.run_for(ms(4));
                    }
                    if see(w, S1).leads() {
                        w.op(S1, get("x"));
                    }
                }
            });
        }
    });
}

#[test]
fn a_voter_that_restarts_keeps_to_a_leader_with_a_lease() {
    grade("G-I8", |t| {
        for offset in 0..15 {
            t.script(&three_stores(), Linearizable, |w| {
                draws(w, ms(150), ms(299));
                s1_leads(w, ms(3_000));
                w.run_for(ms(200));
                cut_between(w, S1, S2);
                w.run_for(ms(300 + 10 * offset));
                w.crash(S3);
                w.restart(S3);
                w.next_within(S3, &[ms(299); 100]);
                w.cut_link(S1, S3);
                w.cut_link(S3, S1);
                let mut written = None;
                for _ in 0..100 {
                    w.run_for(ms(3));
                    if written.is_none() && see(w, S2).leads() {
                        written = Some(ask(w, S2, 2, 1, "b "));
                        w.run_for(ms(4));
                    }
                    if see(w, S1).leads() {
                        w.op(S1, get("x"));
                    }
                }
            });
        }
    });
}

#[test]
fn a_leader_that_stood_still_has_no_lease() {
    grade("G-I8", |t| {
        for how in 0..3 {
            t.script(&three_stores(), Linearizable, |w| {
                draws(w, ms(200), ms(299));
                s1_leads(w, ms(3_000));
                w.run_for(ms(220));
                match how {
                    0 => w.pause(S1),
                    1 => w.pause_at_effect(S1, 0),
                    _ => w.pause_at_effect(S1, 1),
                }
                w.run_for(ms(1_000));
                w.expect(see(w, S2).leads(), "S2 has taken over");
                let b = ask(w, S2, 2, 1, "b ");
                w.run_for(ms(20));
                w.expect_eq(w.answer(b).cloned(), done(Some("a ")), "b is done");
                w.resume(S1);
                for _ in 0..10 {
                    w.op(S1, get("x"));
                    w.run_for(ms(2));
                }
            });
        }
    });
}

// --- swarm

/// After this time without faults a leader is there, and all have its log soon after.
const HEALED: Duration = ms(3_000);
const LASTS: Duration = ms(700);
const SPARES: [Addr; 2] = [Addr(6), Addr(7)];

/// Three servers and two spare ones, clients, and an operator who changes the servers.
fn changing() -> Scenario<Kv> {
    let cfg = |voters: &[Addr]| {
        let kv = kv(6, voters);
        let raft = Config { chunk_bytes: 64, ..kv.raft };
        let compact_every = Some(12);
        KvConfig { raft, compact_every }
    };
    let mut scene = stores_of(&THREE, |_| cfg(&THREE));
    for spare in SPARES {
        scene = scene.node(spare, format!("S{}", spare.0), "server", cfg(&[]));
    }
    let scene = with_shoppers(scene, 3, ms(40));
    scene.client("operator", |turn: &Turn<'_, Kv>| Some(operate(turn))).patience(ms(300))
}

fn operate(turn: &Turn<'_, Kv>) -> Ask<Kv> {
    let last = turn.past().next();
    let node = match last.map(|call| (call.node, call.answer())) {
        Some((_, Some(KvRet::NotLeader { hint: Some(hint) }))) => *hint,
        Some((node, Some(KvRet::Changed | KvRet::Refused(_)))) => node,
        _ => *turn.one_of(1, &THREE),
    };
    let (old, new) = (*turn.one_of(2, &THREE), *turn.one_of(3, &SPARES));
    let op = match turn.draw.again(4).below(16) {
        0..4 => KvOp::Change(Change::AddLearner(new)),
        4..9 => KvOp::Change(Change::Promote(new)),
        9 => KvOp::Change(Change::AddVoter(new)),
        10 => KvOp::Change(Change::Remove(old)),
        _ => KvOp::Transfer(*turn.one_of(5, &[S1, S2, S3, SPARES[0], SPARES[1]])),
    };
    let after = ms(1 + turn.draw.again(6).below(60));
    Ask { node, op, after }
}

#[test]
fn many_changes_and_all_faults() {
    grade("G-I11", |t| {
        let mut faults = Faults::all();
        (faults.drop, faults.late) = (0.03, 0.05);
        (faults.crash, faults.cut) = (0.01, 0.001);
        faults.down_for = ms(10)..ms(400);
        let faults = faults
            .aim("crash the leader", shop_leads, Strike::Crash, 0.03)
            .aim("cut the leader's handler", shop_leads, Strike::Cut, 0.03)
            .aim("cut off the leader", shop_leads, Strike::Isolate, 0.05)
            .aim("deafen the leader", shop_leads, Strike::Deafen, 0.04)
            .aim("mute the leader", shop_leads, Strike::Mute, 0.04)
            .aim("pause the leader", shop_leads, Strike::Pause, 0.04)
            .aim("stall the leader", shop_leads, Strike::Stall, 0.03);
        let horizon = ms(1_300);
        let scene = changing().with_faults(faults).lasting(horizon, HEALED + LASTS);
        let state = (ExactlyOnce::default(), Content::default(), Linearizable);
        let lively = (StableLeader::by(horizon + HEALED), Progress, Busy::new());
        let safety = (Safety::default(), UsableConfigs::default());
        t.swarm(&scene, (safety, state, lively));
        let least = Deeds {
            elections: 80,
            writes: 400,
            reads: 400,
            changes: 40,
            transfers: 10,
            ..Deeds::default()
        };
        Busy::check(t, least);
    });
}
