//! Stage 4: a store whose writes are done exactly once and whose reads are never stale.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{
    AppendResult, ClientId, Entry, Index, Known, Kv, KvOp, KvRet, Msg, Op, Payload, Ret, Sessions,
    State, Term, Update, encode,
};
use node::Addr;
use sim::explore::{Budget, Scope};
use sim::{Checker, Faults, Strike, grade, ms};
use std::time::Duration;
use support::*;

// --- unit: the state machine

#[test]
fn the_table_knows_each_clients_last_write() {
    grade("G-I9", |t| {
        let mut table = Sessions::default();
        let (a, b) = (ClientId(1), ClientId(2));
        t.check_eq(table.look_up(a, 1), Known::New, "a client that never wrote");
        table.record(a, 1, Some("before".into()));
        let told = Known::Done(Some("before".into()));
        t.check_eq(table.look_up(a, 1), told, "its last write, with its answer");
        t.check_eq(table.look_up(a, 2), Known::New, "its next write");
        t.check_eq(table.look_up(a, 7), Known::New, "a write after some that were lost");
        t.check_eq(table.look_up(b, 1), Known::New, "another client's first write");
        table.record(a, 2, None);
        t.check_eq(table.look_up(a, 2), Known::Done(None), "the last write now");
        t.check_eq(table.look_up(a, 1), Known::Old, "the one before it");
        table.record(b, 5, None);
        t.check_eq(table.look_up(a, 3), Known::New, "the next of the first client");
        t.check_eq(table.look_up(b, 4), Known::Old, "an earlier one of the second");
    });
}

#[test]
fn a_write_is_applied_once() {
    grade("G-I9", |t| {
        let mut state = State::default();
        let answer = |before: Option<&str>| KvRet::Done(before.map(String::from));
        let first = write(1, 1, add("x", "a "));
        t.check_eq(state.apply(first.clone()), answer(None), "the first write");
        t.check_eq(state.apply(first.clone()), answer(None), "the same again");
        let second = write(1, 2, add("x", "b "));
        t.check_eq(state.apply(second.clone()), answer(Some("a ")), "the next");
        t.check_eq(state.apply(second), answer(Some("a ")), "the same again");
        t.check_eq(state.apply(first.clone()), KvRet::OldWrite, "one from before");
        let second = write(1, 2, add("x", "b "));
        let twice = "the second after a late copy of the first";
        t.check_eq(state.apply(second), answer(Some("a ")), twice);
        t.check_eq(state.apply(first), KvRet::OldWrite, "and once more the first");
        let other = write(2, 1, add("x", "c "));
        t.check_eq(state.apply(other), answer(Some("a b ")), "of another client");
        let x = state.store.get("x").map(String::as_str);
        t.check_eq(x, Some("a b c "), "the value in the end");
        // What a write found when it was done is its answer, whatever stands there now.
        let third = write(1, 3, Update::Delete { key: "x".into() });
        t.check_eq(state.apply(third.clone()), answer(Some("a b c ")), "a deletion");
        state.apply(write(2, 2, put("x", "d ")));
        t.check_eq(state.apply(third), answer(Some("a b c ")), "the same again");
        let x = state.store.get("x").map(String::as_str);
        t.check_eq(x, Some("d "), "and it deletes no later value");
        let swap = |seq, from: &str, to: &str| Update::Swap {
            key: "x".into(),
            from: Some(from.into()),
            to: format!("{to}{seq} "),
        };
        t.check_eq(
            state.apply(write(2, 3, swap(3, "?", "e"))),
            answer(Some("d ")),
            "a swap of another value",
        );
        t.check_eq(
            state.apply(write(2, 4, swap(4, "d ", "f"))),
            answer(Some("d ")),
            "a swap of this one",
        );
        let x = state.store.get("x").map(String::as_str);
        t.check_eq(x, Some("f4 "), "the second took effect");
    });
}

fn command(term: u64, client: u64, seq: u64, text: &str) -> Entry {
    let write = write(client, seq, add("x", text));
    let (term, payload) = (Term(term), Payload::Command(encode(&write)));
    Entry { term, payload }
}

/// S1 alone leads term 1 of three; the others have its first entry.
fn leads_alone(stage: u32) -> Alone<Kv> {
    let mut one = Alone::boot(S1, diskless(kv(stage, &THREE)));
    one.fire(ELECTION);
    one.hear(S2, vote(1, true));
    one.hear(S2, matched(1, 1));
    one.hear(S3, matched(1, 1));
    one
}

#[test]
fn an_answer_goes_to_the_write_of_its_term() {
    grade("G-I8", |t| {
        let mut one = leads_alone(4);
        t.check_eq(one.view().raft.commit_index, Index(1), "S1 leads, and has committed its no-op");
        let (mine, _) = one.ask(KvOp::Write(write(1, 1, add("x", "mine "))));
        t.check_eq(one.answer(mine), None, "one copy is no quorum");
        // S2 leads term 2 by now, and has put other entries into that place and committed them.
        let entries = vec![command(2, 2, 1, "theirs "), command(2, 2, 2, "more ")];
        one.hear(S2, append(2, (1, 1), entries, 3));
        let told = one.answer(mine);
        let lost = matches!(told, None | Some(KvRet::NotLeader { .. }));
        t.check(
            lost,
            format!("another entry was committed in its place; its client is told {told:?}"),
        );
        let x = one.view().store.get("x").cloned();
        t.check_eq(x, Some("theirs more ".into()), "the value at S1");
        t.check(one.answer(mine).is_some(), "nobody waits for ever");
    });
}

#[test]
fn a_batch_is_answered_one_by_one() {
    grade("G-I8", |t| {
        let mut one = leads_alone(4);
        let ask = |one: &mut Alone<Kv>, client, text| {
            one.ask(KvOp::Write(write(client, 1, add("x", text)))).0
        };
        let a = ask(&mut one, 1, "a ");
        let b = ask(&mut one, 2, "b ");
        let c = ask(&mut one, 3, "c ");
        // All are committed by one answer, then the last by another.
        one.hear(S2, matched(1, 3));
        t.check_eq(one.answer(a), done(None), "the first");
        t.check_eq(one.answer(b), done(Some("a ")), "the second");
        t.check_eq(one.answer(c), None, "the third is not committed");
        one.hear(S3, matched(1, 4));
        t.check_eq(one.answer(c), done(Some("a b ")), "now it is");
        let view = one.view();
        t.check_eq(view.applied, Index(4), "the last entry in the state");
        t.check_eq(view.sessions.len(), 3, "clients in the table");
        let answers = one.told.len();
        one.hear(S2, matched(1, 4));
        t.check_eq(one.told.len(), answers, "nobody is told twice");
    });
}

// --- unit: rounds of a read

/// The rounds of the requests that were sent to `to`.
fn rounds(sent: &[(Addr, Msg)], to: Addr) -> Vec<u64> {
    let of = sent.iter().filter(|(addr, _)| *addr == to);
    of.filter_map(|(_, msg)| match msg {
        Msg::AppendEntries(m) => Some(m.round),
        _ => None,
    })
    .collect()
}

fn answered(round: u64, index: u64) -> Msg {
    let Msg::Appended(mut m) = matched(1, index) else {
        unreachable!("that is what it makes");
    };
    m.round = round;
    Msg::Appended(m)
}

#[test]
fn a_read_waits_for_answers_to_a_later_round() {
    grade("G-I8", |t| {
        let mut one = leads_alone(4);
        let before = rounds(&one.fire(HEARTBEAT), S2);
        let (read, sent) = one.ask(get("x"));
        t.check_eq(one.answer(read), None, "S1 cannot know yet that it still leads");
        for round in before {
            one.hear(S2, answered(round, 1));
            one.hear(S3, answered(round, 1));
        }
        t.check_eq(one.answer(read), None, "those rounds began before the question");
        let sent = [sent, one.fire(HEARTBEAT)].concat();
        let round = rounds(&sent, S2).into_iter().max().unwrap_or_default();
        t.check(round > 0, "a round begins after the question");
        one.hear(S2, answered(round, 1));
        t.check_eq(one.answer(read), value(None), "S1 and S2 are a quorum");
    });
}

#[test]
fn a_read_counts_voters_once() {
    grade("G-I8", |t| {
        let mut one: Alone<Kv> = Alone::boot(S1, diskless(kv(4, &FIVE)));
        one.fire(ELECTION);
        for voter in [S2, S3] {
            one.hear(voter, vote(1, true));
        }
        for follower in [S2, S3, S4, S5] {
            one.hear(follower, matched(1, 1));
        }
        let (read, sent) = one.ask(get("x"));
        let sent = [sent, one.fire(HEARTBEAT)].concat();
        let round = rounds(&sent, S2).into_iter().max().unwrap_or_default();
        for _ in 0..3 {
            one.hear(S2, answered(round, 1));
            t.check_eq(
                one.answer(read),
                None,
                "two of five are no quorum, however often one answers",
            );
        }
        one.hear(S4, answered(round, 1));
        t.check_eq(one.answer(read), value(None), "three are");
    });
}

#[test]
fn a_conflict_answers_a_round_too() {
    grade("G-I8", |t| {
        let mut one = leads_alone(4);
        let (read, sent) = one.ask(get("x"));
        let sent = [sent, one.fire(HEARTBEAT)].concat();
        let round = rounds(&sent, S2).into_iter().max().unwrap_or_default();
        let Msg::Appended(mut m) = matched(1, 0) else {
            unreachable!("that is what it makes");
        };
        (m.round, m.result) = (round, AppendResult::OldTerm);
        m.term = Term(0);
        one.hear(S2, Msg::Appended(m.clone()));
        t.check_eq(one.answer(read), None, "an answer of an older term says nothing");
        one.hear(S3, answered(round, 1));
        t.check_eq(one.answer(read), value(None), "S1 and S3 are a quorum");
    });
}

// --- scripted

#[test]
fn a_store_serves_its_clients() {
    grade("G-I8", |t| {
        let all = (Linearizable, ExactlyOnce::default(), Content::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            reads(w, S1, None, "nothing was written");
            append_at(w, S1, 1, 1, "a ");
            append_at(w, S1, 2, 1, "b ");
            reads(w, S1, Some("a b "), "what was written");
            let ids: Vec<_> = (1..=6).map(|n| ask(w, S1, 10 + n, 1, &format!("{n} "))).collect();
            beat(w, S1);
            for id in ids {
                let done = matches!(w.answer(id), Some(KvRet::Done(_)));
                w.expect(done, "each of a batch is done");
            }
            reads(w, S1, Some("a b 1 2 3 4 5 6 "), "all, in the order of the log");
            let id = w.op(S2, get("x"));
            let hint = Some(S1);
            w.expect_eq(
                w.answer(id).cloned(),
                Some(KvRet::NotLeader { hint }),
                "S2 knows who leads",
            );
            let id = ask(w, S3, 1, 2, "no ");
            w.expect_eq(w.answer(id).cloned(), Some(KvRet::NotLeader { hint }), "and so does S3");
            for server in THREE {
                let seen = (shop(w, server).applied, x(w, server));
                let wanted = (Index(9), Some("a b 1 2 3 4 5 6 ".into()));
                w.expect_eq(seen, wanted, format!("{server}: its state"));
            }
        });
    });
}

#[test]
fn a_store_comes_back_after_restarts() {
    grade("G-I9", |t| {
        let all = (Linearizable, ExactlyOnce::default(), Content::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            append_at(w, S1, 1, 2, "b ");
            beat(w, S1);
            for server in THREE {
                w.crash(server);
            }
            for server in THREE {
                w.restart(server);
            }
            elect(w, S2);
            append_at(w, S2, 1, 2, "b ");
            append_at(w, S2, 1, 3, "c ");
            reads(w, S2, Some("a b c "), "each once, over a restart");
        });
    });
}

#[test]
fn a_retry_at_the_next_leader_is_done_once() {
    grade("G-I9", |t| {
        let all = (Linearizable, ExactlyOnce::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            // S1 commits b, and dies before its client hears of it.
            w.cut_link(S2, S1);
            w.cut_link(S3, S1);
            ask(w, S1, 1, 2, "b ");
            w.run_for(MOMENT);
            w.crash(S1);
            elect(w, S2);
            let again = ask(w, S2, 1, 2, "b ");
            settle(w, S2, again);
            w.expect_eq(w.answer(again).cloned(), done(Some("a ")), "b was done on what a left");
            reads(w, S2, Some("a b "), "once");
            w.restart(S1);
            w.heal();
            beat(w, S2);
            w.expect_eq(x(w, S1), Some("a b ".into()), "at S1 too");
        });
    });
}

#[test]
fn a_write_that_is_asked_twice_at_once_is_done_once() {
    grade("G-I9", |t| {
        let all = (Linearizable, ExactlyOnce::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            let first = ask(w, S1, 1, 1, "a ");
            let again = ask(w, S1, 1, 1, "a ");
            let other = ask(w, S1, 2, 1, "b ");
            let third = ask(w, S1, 1, 1, "a ");
            beat(w, S1);
            for id in [first, again, third] {
                w.expect_eq(w.answer(id).cloned(), done(None), "whoever asks is told the same");
            }
            w.expect_eq(w.answer(other).cloned(), done(Some("a ")), "another client's write");
            let next = ask(w, S1, 1, 2, "c ");
            let late = ask(w, S1, 1, 1, "a ");
            beat(w, S1);
            w.expect_eq(w.answer(next).cloned(), done(Some("a b ")), "the next write");
            let old = !matches!(w.answer(late), Some(KvRet::Done(before)) if before.is_some());
            w.expect(old, "a late copy of the first is not done on what stands there now");
            // Nor does that late copy make the client's last write a new one.
            let again = ask(w, S1, 1, 2, "c ");
            beat(w, S1);
            let told = w.answer(again).cloned();
            w.expect_eq(told, done(Some("a b ")), "the next write again is told the same");
            reads(w, S1, Some("a b c "), "each once");
            for server in THREE {
                let seen = shop(w, server).sessions.get(&1).copied();
                w.expect_eq(seen, Some(2), format!("{server}: the client's last write"));
            }
        });
    });
}

#[test]
fn a_write_of_a_lost_leader_is_done_where_it_is_asked_again() {
    grade("G-I9", |t| {
        let all = (Linearizable, ExactlyOnce::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            beat(w, S1);
            w.isolate(S1);
            let lost = ask(w, S1, 1, 2, "b ");
            w.run_for(MOMENT);
            elect(w, S2);
            append_at(w, S2, 2, 1, "c ");
            append_at(w, S2, 1, 2, "b ");
            w.heal();
            beat(w, S2);
            let answer = w.answer(lost).cloned();
            let unknown = matches!(answer, Some(KvRet::NotLeader { .. }));
            w.expect(unknown, format!("S1 gives up its b; its client is told {answer:?}"));
            lead(w, S1, 3);
            reads(w, S1, Some("a c b "), "each once");
        });
    });
}

/// S1 leads and has done `a`, which S2 has too; S3 lacks it. S1 is cut off, S2 leads term 2, and
/// nothing that S2 appends gets through to S3.
fn a_new_leader_that_has_committed_nothing<C: Checker<Kv>>(w: &mut Shop<C>) {
    elect(w, S1);
    beat(w, S1);
    cut_between(w, S1, S3);
    // S2 has the entry, and does not know yet that it is committed.
    w.hold(S2, S1);
    let id = ask(w, S1, 1, 1, "a ");
    w.run_for(MOMENT);
    w.cut_link(S1, S2);
    w.release(S2, S1);
    w.run_for(MOMENT);
    w.expect_eq(w.answer(id).cloned(), done(None), "S1 and S2 have a: it is done");
    w.cut_link(S2, S1);
    hold_between(w, S2, S3);
    w.fire(S2, &ELECTION);
    pass(w, S2, S3, |msg| !is_full(msg));
    let view = see(w, S2);
    w.expect(view.leads(), format!("S2 leads with S3's vote, in {view:?}"));
}

#[test]
fn a_new_leader_knows_what_was_committed_before_it_answers() {
    grade("G-I8", |t| {
        t.script(&stores_by_hand(4, &THREE), Linearizable, |w| {
            a_new_leader_that_has_committed_nothing(w);
            let read = w.op(S2, get("x"));
            for _ in 0..3 {
                pass(w, S2, S3, |msg| !is_full(msg));
                w.fire(S2, &HEARTBEAT);
            }
            pass(w, S2, S3, |msg| !is_full(msg));
            let early = w.answer(read).cloned();
            w.expect(
                early.is_none() || early == value(Some("a ")),
                format!("a was done; S2 reads {early:?}"),
            );
            w.release_all();
            settle(w, S2, read);
            w.expect_eq(w.answer(read).cloned(), value(Some("a ")), "in the end S2 answers");
        });
    });
}

#[test]
fn a_leader_that_was_replaced_answers_no_read() {
    grade("G-I8", |t| {
        t.script(&stores_by_hand(4, &THREE), Linearizable, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            beat(w, S1);
            // The answers to a round from before are under way.
            w.hold(S2, S1);
            w.hold(S3, S1);
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            w.isolate(S1);
            elect(w, S2);
            append_at(w, S2, 2, 1, "b ");
            let read = w.op(S1, get("x"));
            let more = w.op(S1, get("x"));
            w.release(S2, S1);
            w.release(S3, S1);
            w.run_for(MOMENT);
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            let told = (w.answer(read).cloned(), w.answer(more).cloned());
            w.expect_eq(
                told,
                (None, None),
                "S1 leads no quorum any more, and cannot know what stands there",
            );
            w.heal();
            beat(w, S2);
            for id in [read, more] {
                let told = w.answer(id).cloned();
                let refused = matches!(told, Some(KvRet::NotLeader { hint }) if hint != Some(S1));
                w.expect(refused, format!("S1 hears that it was replaced, and says {told:?}"));
            }
            reads(w, S2, Some("a b "), "S2 knows both");
        });
    });
}

#[test]
fn a_read_does_not_join_a_round_that_has_begun() {
    grade("G-I8", |t| {
        t.script(&stores_by_hand(4, &THREE), Linearizable, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            beat(w, S1);
            w.hold(S2, S1);
            w.hold(S3, S1);
            let first = w.op(S1, get("x"));
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            w.isolate(S1);
            elect(w, S2);
            append_at(w, S2, 2, 1, "b ");
            // The first read's round has begun, and was answered, before b.
            let second = w.op(S1, get("x"));
            w.release(S2, S1);
            w.release(S3, S1);
            w.run_for(MOMENT);
            let told = w.answer(second).cloned();
            w.expect_eq(told, None, "the second read was asked after b was done");
            let first = w.answer(first).cloned();
            w.expect(
                first.is_none() || first == value(Some("a ")),
                format!("the first was asked before; it reads {first:?}"),
            );
        });
    });
}

#[test]
fn answers_of_an_earlier_reign_confirm_nothing() {
    grade("G-I8", |t| {
        t.script(&stores_by_hand(4, &THREE), Linearizable, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            beat(w, S1);
            // S1 sends many rounds in term 1; their answers are under way for long.
            w.hold(S2, S1);
            w.hold(S3, S1);
            for _ in 0..8 {
                w.fire(S1, &HEARTBEAT);
            }
            w.run_for(MOMENT);
            // S2 leads term 2, S1 follows it, and then leads term 3: its answers come first.
            w.cut_link(S2, S1);
            w.cut_link(S3, S1);
            elect(w, S2);
            w.heal();
            let old: Vec<(Addr, Msg)> = w
                .waiting()
                .into_iter()
                .filter(|(from, to, _)| *to == S1 && *from != S1)
                .map(|(from, _, msg)| (from, msg.clone()))
                .collect();
            let is_old = |msg: &Msg| old.iter().any(|(_, m)| m == msg);
            for server in [S2, S3] {
                pass_new(w, server, &is_old);
            }
            for _ in 0..4 {
                if see(w, S2).leads() {
                    w.fire(S2, &HEARTBEAT);
                    w.run_for(ms(2));
                }
                pass_new(w, S2, &is_old);
                pass_new(w, S3, &is_old);
            }
            stand(w, S1);
            for _ in 0..6 {
                pass_new(w, S2, &is_old);
                pass_new(w, S3, &is_old);
                w.run_for(ms(2));
            }
            let view = see(w, S1);
            w.expect(view.leads(), format!("S1 leads again, in {view:?}"));
            // It is cut off; S3 leads and writes; then the answers of term 1 come.
            w.isolate(S1);
            elect(w, S3);
            append_at(w, S3, 2, 1, "b ");
            let read = w.op(S1, get("x"));
            for (from, msg) in &old {
                w.deliver(*from, S1, |m| m == msg);
            }
            w.run_for(MOMENT);
            w.expect_eq(w.answer(read).cloned(), None, "they tell of term 1, not of now");
        });
    });
}

/// Delivers what waits from `from` to S1, but not what is old.
#[track_caller]
fn pass_new<C: Checker<Kv>>(w: &mut Shop<C>, from: Addr, old: &impl Fn(&Msg) -> bool) {
    loop {
        let news = |(a, b, msg): &(Addr, Addr, &Msg)| (*a, *b) == (from, S1) && !old(msg);
        let waiting = w.waiting();
        let Some(msg) = waiting.into_iter().find(news).map(|(.., msg)| msg.clone()) else {
            return;
        };
        w.deliver(from, S1, |m| *m == msg);
        w.run_for(ms(1));
    }
}

#[test]
fn a_slow_disk_delays_answers_and_no_more() {
    grade("G-I8", |t| {
        let all = (Linearizable, ExactlyOnce::default());
        t.script(&stores_by_hand(4, &THREE), all, |w| {
            elect(w, S1);
            append_at(w, S1, 1, 1, "a ");
            w.isolate(S3);
            w.slow_sync(S2);
            let b = ask(w, S1, 1, 2, "b ");
            w.run_for(MOMENT);
            w.expect_eq(w.answer(b).cloned(), None, "S2 has not synced b");
            w.crash(S2);
            w.restart(S2);
            w.run_for(MOMENT);
            beat(w, S1);
            w.expect_eq(w.answer(b).cloned(), done(Some("a ")), "S2 has it after its restart");
            reads(w, S1, Some("a b "), "once");
        });
    });
}

#[test]
fn every_order_of_a_read_after_an_election() {
    grade("G-I8", |t| {
        let scope = Scope::new()
            .budget(Budget { fires: 1, ..Budget::default() })
            .only_timers(|server, timer| server == S2 && *timer == HEARTBEAT)
            .client([(S2, Op::Read)])
            .client([(S1, Op::Read)]);
        let invariants = (FreshReads::default(), StateMachineSafety::default());
        t.script(&manual(4, &THREE), invariants, |w| {
            elect(w, S1);
            beat(w, S1);
            cut_between(w, S1, S3);
            w.hold(S2, S1);
            propose(w, S1, "a");
            w.run_for(MOMENT);
            w.cut_link(S1, S2);
            w.release(S2, S1);
            w.run_for(MOMENT);
            w.expect_eq(see(w, S1).commit_index, Index(2), "S1 and S2 have a");
            w.heal();
            w.cut_link(S2, S1);
            hold_between(w, S2, S3);
            w.hold(S1, S2);
            w.hold(S1, S3);
            w.fire(S2, &ELECTION);
            w.deliver(S2, S3, is_request_vote);
            w.explore(&scope);
        });
    });
}

// --- swarm

/// After this time without faults a leader is there, and all have its log soon after.
const HEALED: Duration = ms(2_700);
const LASTS: Duration = ms(300);

#[test]
fn many_clients_and_all_faults() {
    grade("G-I8", |t| {
        let mut faults = Faults::all();
        (faults.drop, faults.late) = (0.04, 0.06);
        faults.late_by = ms(1)..ms(300);
        (faults.crash, faults.cut) = (0.015, 0.002);
        faults.down_for = ms(10)..ms(500);
        let faults = faults
            .aim("crash the leader", shop_leads, Strike::Crash, 0.05)
            .aim("cut the leader's handler", shop_leads, Strike::Cut, 0.04)
            .aim("cut off the leader", shop_leads, Strike::Isolate, 0.1)
            .aim("deafen the leader", shop_leads, Strike::Deafen, 0.05)
            .aim("stall the leader", shop_leads, Strike::Stall, 0.05);
        let horizon = ms(1_400);
        let scene = stores(4, &THREE).with_faults(faults).lasting(horizon, HEALED + LASTS);
        let scene = with_shoppers(scene, 4, ms(40)).patience(ms(300));
        let state = (ExactlyOnce::default(), Content::default(), Linearizable);
        let lively = (StableLeader::by(horizon + HEALED), Progress, Busy::new());
        t.swarm(&scene, (Safety::default(), state, lively));
        let least = Deeds { elections: 200, writes: 1_500, reads: 1_200, ..Deeds::default() };
        Busy::check(t, least);
    });
}

/// One read at a time, of a [`dist_raft::Raft`] alone: what it is told is an index.
#[test]
fn a_read_is_told_an_index() {
    grade("G-I8", |t| {
        t.script(&manual(4, &THREE), FreshReads::default(), |w| {
            elect(w, S1);
            propose(w, S1, "a");
            beat(w, S1);
            let read = w.op(S1, Op::Read);
            w.run_for(MOMENT);
            beat(w, S1);
            let told = w.answer(read).cloned();
            w.expect_eq(told, Some(Ret::ReadAt { index: Index(2) }), "the commit index");
            let other = w.op(S2, Op::Read);
            let told = w.answer(other).cloned();
            w.expect_eq(told, Some(Ret::NotLeader { hint: Some(S1) }), "S2 does not lead");
        });
    });
}
