//! Stage 5: the log is cut short, and who is far behind is sent an image.
//!
//! One file, however long: a stage's tests are read from the first to the last, and each is a story of its own.
//! What two stages use stands in `support`.

mod support;

use dist_raft::{
    Command, Config, Entry, Index, InstallSnapshot, Kv, KvConfig, KvRet, Membership, Msg, Op,
    Payload, Ret, SnapshotResult, SnapshotTaken, State, Term,
};
use node::Addr;
use sim::explore::{Budget, Scope};
use sim::{Checker, Faults, Scenario, Strike, grade, ms};
use std::time::Duration;
use support::*;

/// More effects than one handler of these scripts has.
const EFFECTS: usize = 14;

/// Three stores that take a snapshot after each `every` entries and send it in small pieces.
fn compacting(every: u64) -> Scenario<Kv> {
    compacting_of(&THREE, every)
}

fn compacting_of(servers: &[Addr], every: u64) -> Scenario<Kv> {
    let cfg = kv_by_hand(small(5, servers, every));
    stores_of(servers, |_| cfg.clone())
}

fn small(stage: u32, servers: &[Addr], every: u64) -> KvConfig {
    let kv = kv(stage, servers);
    KvConfig { raft: Config { chunk_bytes: 16, ..kv.raft }, compact_every: Some(every) }
}

/// The same, with the whole image in one message.
fn in_one_piece(every: u64) -> Scenario<Kv> {
    let cfg = KvConfig { compact_every: Some(every), ..kv_by_hand(kv(5, &THREE)) };
    stores_of(&THREE, |_| cfg.clone())
}

/// What every run of stores keeps to.
fn all() -> (Safety, (ExactlyOnce, Content, Linearizable)) {
    (Safety::default(), (ExactlyOnce::default(), Content::default(), Linearizable))
}

/// Appends n, n+1, … to `x`, as writes of client 1.
#[track_caller]
fn fill<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        append_at(w, server, 1, seq, &format!("{seq} "));
    }
}

/// "1 2 … n ".
fn texts(n: u64) -> String {
    (1..=n).map(|n| format!("{n} ")).collect()
}

/// All servers show that state, after the same entry.
#[track_caller]
fn all_have<C: Checker<Kv>>(w: &mut Shop<C>, servers: &[Addr], n: u64) {
    let most = servers.iter().map(|s| shop(w, *s).applied).max();
    for server in servers {
        let seen = (Some(shop(w, *server).applied), x(w, *server));
        let wanted = (most, Some(texts(n)));
        w.expect_eq(seen, wanted, format!("{server}: its state"));
    }
}

fn is_snapshot(msg: &Msg) -> bool {
    matches!(msg, Msg::InstallSnapshot(_))
}

// --- unit: one server without a disk

/// A server without a disk, set up for this stage.
fn server(me: Addr) -> One {
    let cfg = Config { durable: false, chunk_bytes: 4, ..Config::of_stage(5, THREE) };
    let mut one = One::boot(me, cfg);
    one.ask(Op::Watch);
    one
}

/// S2 follows S1 in term 3; its log has these terms, of which so many entries are committed.
fn follower(terms: &[u64], commit: u64) -> One {
    let mut one = server(S2);
    one.hear(S1, append(3, (0, 0), entries(1, terms), commit));
    one
}

fn compact(one: &mut One, index: u64) -> Vec<Ret> {
    let image = Command::from(format!("image {index}").as_str());
    let index = Index(index);
    one.ask(Op::Compact { index, image }).0
}

/// (index, term) of the snapshot, and the terms behind it.
fn shape(one: &One) -> (u64, u64, Vec<u64>) {
    let view = one.view();
    (view.snapshot_index.0, view.snapshot_term.0, terms(&view))
}

#[test]
fn a_snapshot_takes_the_place_of_the_log() {
    grade("G-I12", |t| {
        let mut one = follower(&[1, 1, 2, 2, 3], 4);
        t.check_eq(compact(&mut one, 2), vec![Ret::Compacted], "the answer");
        let text = "index and term are those of the last entry in it; the rest stays";
        t.check_eq(shape(&one), (2, 1, vec![2, 2, 3]), text);
        compact(&mut one, 3);
        t.check_eq(shape(&one), (3, 2, vec![2, 3]), "a later one");
        compact(&mut one, 2);
        t.check_eq(shape(&one), (3, 2, vec![2, 3]), "an earlier one changes nothing");
        compact(&mut one, 5);
        t.check_eq(shape(&one), (3, 2, vec![2, 3]), "entry 5 is not committed");
        compact(&mut one, 4);
        t.check_eq(shape(&one), (4, 2, vec![3]), "all that is committed");
        one.hear(S1, append(3, (5, 3), Vec::new(), 5));
        compact(&mut one, 5);
        t.check_eq(shape(&one), (5, 3, vec![]), "the whole log");
        let commit = one.view().commit_index;
        t.check_eq(commit, Index(5), "what was committed stays committed");
    });
}

#[test]
fn the_boundary_has_a_term() {
    grade("G-I3", |t| {
        let matched_to = |one: &mut One, msg| match one.hear(S1, msg).pop() {
            Some((_, Msg::Appended(m))) => acknowledged(&Msg::Appended(m)).map(|(_, i)| i.0),
            _ => None,
        };
        let whole = || {
            let mut one = follower(&[1, 2, 2], 3);
            compact(&mut one, 3);
            one
        };
        let next = entries(4, &[3]);
        let seen = matched_to(&mut whole(), append(3, (3, 2), next.clone(), 3));
        t.check_eq(seen, Some(4), "an entry right behind the snapshot");
        let mut one = whole();
        let seen = matched_to(&mut one, append(3, (3, 3), next, 3));
        t.check_eq(seen, None, "the entry before it has another term in the snapshot");
        t.check_eq(shape(&one), (3, 2, vec![]), "nothing was stored");
        let seen = matched_to(&mut whole(), append(3, (1, 1), entries(2, &[2, 2, 3]), 3));
        t.check_eq(seen, Some(4), "a request that begins before the end of the snapshot");
        let mut one = whole();
        matched_to(&mut one, append(3, (0, 0), entries(1, &[1, 2, 2, 3]), 3));
        t.check_eq(shape(&one), (3, 2, vec![3]), "what the snapshot holds is passed over");
    });
}

#[test]
fn the_boundary_counts_in_elections() {
    grade("G-I4", |t| {
        let granted = |one: &mut One, index, term| {
            let sent = one.hear(S3, request_vote(4, index, term));
            sent.iter().any(|(_, msg)| is_granted(msg))
        };
        let whole = || {
            let mut one = follower(&[1, 2, 2], 3);
            compact(&mut one, 3);
            one
        };
        t.check(!granted(&mut whole(), 9, 1), "a log with an earlier last term is not up to date");
        t.check(!granted(&mut whole(), 2, 2), "nor is a shorter one");
        t.check(granted(&mut whole(), 3, 2), "an equal one is");
        // The same as a candidate.
        let sent = whole().fire(ELECTION);
        let asks = sent.iter().find_map(|(_, msg)| match msg {
            Msg::RequestVote(m) => Some((m.last_log_index, m.last_log_term)),
            _ => None,
        });
        let wanted = Some((Index(3), Term(2)));
        t.check_eq(asks, wanted, "a candidate's last entry, if it is in its snapshot");
    });
}

/// S1 sends a piece of its snapshot up to (index, term).
fn piece(label: (u64, u64), offset: u64, data: &str, done: bool) -> Msg {
    Msg::InstallSnapshot(InstallSnapshot {
        term: Term(3),
        last_included_index: Index(label.0),
        last_included_term: Term(label.1),
        membership: Membership::of(THREE),
        offset,
        data: data.as_bytes().to_vec(),
        done,
        round: 1,
    })
}

fn taken(sent: Vec<(Addr, Msg)>) -> Option<SnapshotTaken> {
    sent.into_iter().find_map(|(_, msg)| match msg {
        Msg::SnapshotTaken(m) => Some(m),
        _ => None,
    })
}

/// What it says to a piece: so many bytes are there, or all is.
fn says(one: &mut One, msg: Msg) -> Option<SnapshotResult> {
    taken(one.hear(S1, msg)).map(|m| m.result)
}

#[test]
fn pieces_come_in_any_order() {
    grade("G-I12", |t| {
        let received = |n| Some(SnapshotResult::Received(n));
        let mut one = follower(&[1], 0);
        t.check_eq(says(&mut one, piece((7, 2), 0, "abcd", false)), received(4), "the first");
        t.check_eq(says(&mut one, piece((7, 2), 0, "abcd", false)), received(4), "again");
        t.check_eq(
            says(&mut one, piece((7, 2), 8, "ij", true)),
            received(4),
            "one that came too early",
        );
        t.check_eq(shape(&one), (0, 0, vec![1]), "nothing is installed yet");
        t.check_eq(says(&mut one, piece((7, 2), 4, "efgh", false)), received(8), "the second");
        t.check_eq(says(&mut one, piece((7, 2), 4, "efgh", false)), received(8), "again");
        let last = says(&mut one, piece((7, 2), 8, "ij", true));
        t.check_eq(last, Some(SnapshotResult::Installed), "the last");
        t.check_eq(shape(&one), (7, 2, vec![]), "the snapshot took the place of the log");
        let view = one.view();
        t.check_eq(
            (view.commit_index, view.last_applied),
            (Index(7), Index(7)),
            "it is committed, and applied",
        );
        let again = says(&mut one, piece((7, 2), 8, "ij", true));
        t.check_eq(again, Some(SnapshotResult::Installed), "the last again");
        t.check_eq(shape(&one), (7, 2, vec![]), "and nothing changes");
    });
}

#[test]
fn pieces_of_two_snapshots_do_not_mix() {
    grade("G-I12", |t| {
        let received = |n| Some(SnapshotResult::Received(n));
        let mut one = follower(&[1], 0);
        says(&mut one, piece((7, 2), 0, "abcd", false));
        let other = says(&mut one, piece((9, 2), 0, "ABCD", false));
        t.check_eq(other, received(4), "a newer snapshot begins");
        let mixed = says(&mut one, piece((9, 2), 4, "EF", true));
        t.check_eq(mixed, Some(SnapshotResult::Installed), "and is whole");
        t.check_eq(shape(&one), (9, 2, vec![]), "its label");
        let mut one = follower(&[1], 0);
        says(&mut one, piece((7, 2), 0, "abcd", false));
        let mixed = says(&mut one, piece((9, 2), 4, "EF", true));
        t.check_eq(mixed, received(0), "the end of another one does not fit");
        t.check_eq(shape(&one), (0, 0, vec![1]), "nothing is installed");
        // The same snapshot, of the leader of the next term: it may have other bytes.
        let mut one = follower(&[1], 0);
        says(&mut one, piece((7, 2), 0, "abcd", false));
        let Msg::InstallSnapshot(mut next) = piece((7, 2), 4, "ef", true) else {
            unreachable!("that is what it makes");
        };
        next.term = Term(4);
        let mixed = taken(one.hear(S3, Msg::InstallSnapshot(next))).map(|m| m.result);
        t.check_eq(
            mixed,
            received(0),
            "another leader's piece does not go on with the first one's",
        );
    });
}

#[test]
fn a_snapshot_that_is_old_news_changes_nothing() {
    grade("G-I12", |t| {
        let mut one = follower(&[1, 2, 2, 3], 3);
        for index in [2, 3] {
            let before = one.view();
            let said = says(&mut one, piece((index, 2), 0, "old", true));
            t.check_eq(said, Some(SnapshotResult::Installed), "it has all that");
            t.check_eq(one.view(), before, "nothing changes");
        }
        compact(&mut one, 3);
        let before = one.view();
        let said = says(&mut one, piece((2, 2), 0, "old", true));
        t.check_eq(said, Some(SnapshotResult::Installed), "older than its own snapshot");
        t.check_eq(one.view(), before, "nothing changes");
        let Msg::InstallSnapshot(mut old) = piece((9, 2), 0, "old", true) else {
            unreachable!("that is what it makes");
        };
        old.term = Term(2);
        let before = one.view();
        let said = taken(one.hear(S3, Msg::InstallSnapshot(old))).map(|m| m.result);
        t.check_eq(said, Some(SnapshotResult::OldTerm), "of a leader that was replaced");
        t.check_eq(one.view(), before, "nothing changes");
        // Nor does an answer from an earlier reign of the same leader.
        let mut one = server(S1);
        one.fire(ELECTION);
        one.fire(ELECTION);
        one.hear(S2, vote(2, true));
        t.check(one.view().leads(), "S1 leads term 2");
        let answer = SnapshotTaken {
            term: Term(1),
            round: 9,
            last_included_index: Index(1),
            result: SnapshotResult::Installed,
        };
        let before = one.view();
        one.hear(S2, Msg::SnapshotTaken(answer));
        t.check_eq(one.view(), before, "S2 took a snapshot in term 1");
    });
}

#[test]
fn what_the_snapshot_matches_stays() {
    grade("G-I4", |t| {
        let mut one = follower(&[1, 2, 2, 3], 1);
        let said = says(&mut one, piece((3, 2), 0, "three", true));
        t.check_eq(said, Some(SnapshotResult::Installed), "it has all that");
        let view = one.view();
        t.check_eq(view.last_index(), Index(4), "entry 4 was acknowledged, and stays");
        t.check_eq(view.term_at(Index(4)), Some(Term(3)), "its term");
        t.check(view.commit_index >= Index(3), "what is in a snapshot is committed");
        // A log that differs there goes, and all of it.
        let mut one = follower(&[1, 1, 1, 1, 1], 1);
        says(&mut one, piece((3, 2), 0, "three", true));
        t.check_eq(shape(&one), (3, 2, vec![]), "an entry of another term: the whole log goes");
        let mut one = follower(&[1, 2], 1);
        says(&mut one, piece((3, 2), 0, "three", true));
        t.check_eq(shape(&one), (3, 2, vec![]), "a log that ends before");
    });
}

#[test]
fn the_image_holds_what_a_server_needs() {
    grade("G-I9", |t| {
        let mut state = State::default();
        state.apply(write(1, 1, add("x", "a ")));
        state.apply(write(2, 1, put("y", "b")));
        state.applied = Index(5);
        let image = state.image();
        let mut other = State::default();
        other.apply(write(3, 1, put("z", "gone")));
        other.restore(&image);
        t.check_eq(other.applied, Index(5), "the last entry in it");
        t.check_eq(other.store.clone(), state.store.clone(), "the values, and no others");
        let again = other.apply(write(1, 1, add("x", "a ")));
        t.check_eq(again, KvRet::Done(None), "a write that is in it is known");
        let again = other.apply(write(3, 1, put("z", "new")));
        t.check_eq(again, KvRet::Done(None), "one that is not is new");
    });
}

fn config(voters: &[Addr], term: u64) -> Entry {
    Entry { term: Term(term), payload: Payload::Config(Membership::of(voters.iter().copied())) }
}

/// How many servers vote.
fn voters(one: &One) -> usize {
    one.view().membership.voters.len()
}

#[test]
fn a_membership_in_the_log_is_in_the_snapshot() {
    grade("G-I12", |t| {
        let cfg = Config::of_stage(5, THREE);
        let mut one = One::boot(S2, cfg.clone());
        one.ask(Op::Watch);
        let mut log = entries(1, &[1]);
        log.push(config(&[S1, S2, S3, S4], 1));
        log.extend(entries(3, &[1]));
        log.push(config(&FIVE, 1));
        one.hear(S1, append(3, (0, 0), log, 3));
        compact(&mut one, 3);
        t.check_eq(voters(&one), 5, "the latest is in the log still");
        let index = one.view().membership_index;
        t.check_eq(index, Index(4), "there");
        let mut again = One::boot_from(S2, cfg, one.files.clone());
        again.ask(Op::Watch);
        t.check_eq(voters(&again), 5, "after a restart too");
        // A leader of a later term drops entry 4: the snapshot's is in force.
        for mut one in [one, again] {
            one.hear(S3, append(4, (3, 1), entries(4, &[4]), 3));
            let text = "the servers as of the snapshot's last entry";
            t.check_eq(voters(&one), 4, text);
        }
        // The label of a leader's snapshot counts, whatever this log held.
        let mut one = server(S2);
        let mut log = entries(1, &[1]);
        log.push(config(&[S1, S2, S3, S4], 1));
        one.hear(S1, append(3, (0, 0), log, 1));
        t.check_eq(voters(&one), 4, "a membership that is not committed");
        let Msg::InstallSnapshot(mut m) = piece((7, 2), 0, "seven", true) else {
            unreachable!("that is what it makes");
        };
        m.membership = Membership::of(FIVE);
        one.hear(S1, Msg::InstallSnapshot(m));
        t.check_eq(shape(&one), (7, 2, vec![]), "a snapshot takes its place");
        t.check_eq(voters(&one), 5, "and brings its own membership");
        // Its own entry may be the last one in a snapshot; and without a snapshot the one before it counts.
        for cut in [0, 2] {
            let mut one = One::boot(S2, Config::of_stage(5, THREE));
            one.ask(Op::Watch);
            let mut log = entries(1, &[1]);
            log.push(config(&[S1, S2, S3, S4], 1));
            log.push(config(&FIVE, 1));
            one.hear(S1, append(3, (0, 0), log, 2));
            compact(&mut one, cut);
            let mut one = One::boot_from(S2, Config::of_stage(5, THREE), one.files.clone());
            one.ask(Op::Watch);
            one.hear(S3, append(4, (2, 1), entries(3, &[4]), 2));
            t.check_eq(voters(&one), 4, format!("cut at {cut}: the servers as of entry 2"));
        }
    });
}

// --- scripted

#[test]
fn logs_are_cut_short_while_all_is_well() {
    grade("G-I12", |t| {
        t.script(&compacting(3), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=10);
            beat(w, S1);
            all_have(w, &THREE, 10);
            for server in THREE {
                let view = see(w, server);
                let short = view.snapshot_index >= Index(8) && view.log.len() <= 3;
                w.expect(short, format!("{server}: its log is short, in {view:?}"));
            }
            reads(w, S1, Some(&texts(10)), "and nothing is lost");
        });
    });
}

#[test]
fn a_server_that_was_away_is_sent_a_snapshot() {
    grade("G-I12", |t| {
        t.script(&compacting(4), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=2);
            w.isolate(S3);
            fill(w, S1, 3..=14);
            w.heal();
            // Each piece may take a heartbeat.
            for _ in 0..6 {
                beat(w, S1);
            }
            let sent = w.count_sent(S1, S3, is_snapshot);
            w.expect(sent > 1, "S1 has no longer what S3 lacks: it sends pieces of a snapshot");
            all_have(w, &THREE, 14);
            fill(w, S1, 15..=16);
            beat(w, S1);
            all_have(w, &THREE, 16);
        });
    });
}

#[test]
fn a_client_is_remembered_in_a_snapshot() {
    grade("G-I9", |t| {
        t.script(&compacting(4), all(), |w| {
            elect(w, S1);
            append_at(w, S1, 7, 1, "once ");
            w.isolate(S3);
            append_at(w, S1, 7, 2, "only ");
            for n in 1..=8 {
                append_at(w, S1, 1, n, &format!("{n} "));
            }
            w.heal();
            for _ in 0..6 {
                beat(w, S1);
            }
            w.isolate(S1);
            lead(w, S3, 2);
            // The client never heard of its answer.
            let again = ask(w, S3, 7, 2, "only ");
            settle(w, S3, again);
            w.expect_eq(w.answer(again).cloned(), done(Some("once ")), "as it was told before");
            let wanted = format!("once only {}", texts(8));
            reads(w, S3, Some(&wanted), "each once");
        });
    });
}

#[test]
fn a_client_is_remembered_after_restarts() {
    grade("G-I9", |t| {
        t.script(&compacting(3), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=7);
            beat(w, S1);
            for server in THREE {
                w.crash(server);
            }
            for server in THREE {
                w.restart(server);
            }
            elect(w, S2);
            let again = ask(w, S2, 1, 7, "7 ");
            settle(w, S2, again);
            w.expect_eq(w.answer(again).cloned(), done(Some(&texts(6))), "as it was told before");
            fill(w, S2, 8..=9);
            beat(w, S2);
            all_have(w, &THREE, 9);
        });
    });
}

#[test]
fn entries_behind_a_snapshot_survive_a_restart() {
    grade("G-I4", |t| {
        t.script(&compacting(5), all(), |w| {
            elect(w, S1);
            for round in 0..4 {
                fill(w, S1, 3 * round + 1..=3 * round + 3);
                beat(w, S1);
                for server in THREE {
                    w.crash(server);
                }
                for server in THREE {
                    w.restart(server);
                }
                lead_again(w, S1);
                beat(w, S1);
                all_have(w, &THREE, 3 * round + 3);
            }
        });
    });
}

#[track_caller]
fn lead_again<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr) {
    for _ in 0..6 {
        if see(w, server).leads() {
            return;
        }
        stand(w, server);
    }
    w.expect(false, format!("S{} leads in the end", server.0));
}

#[test]
fn a_compaction_is_cut_off_at_any_effect() {
    grade("G-I4", |t| {
        for k in 0..EFFECTS {
            t.script(&compacting(3), all(), |w| {
                elect(w, S1);
                fill(w, S1, 1..=1);
                beat(w, S1);
                // The next entry, or the news that it is committed, makes S2 cut its log short.
                w.isolate(S3);
                w.crash_at_effect(S2, k);
                ask(w, S1, 1, 2, "2 ");
                beat(w, S1);
                wake(w, S2);
                w.crash_at_effect(S2, k);
                beat(w, S1);
                reboot(w, S2);
                beat(w, S1);
                fill(w, S1, 2..=4);
                // What S2 has acknowledged it must have.
                w.crash(S1);
                w.crash(S2);
                w.restart(S2);
                w.heal();
                lead_again(w, S2);
                fill(w, S2, 5..=6);
                w.restart(S1);
                for _ in 0..6 {
                    beat(w, S2);
                }
                all_have(w, &THREE, 6);
            });
        }
    });
}

#[test]
fn a_log_and_its_snapshot_are_never_both_gone() {
    grade("G-I4", |t| {
        for k in 0..EFFECTS {
            t.script(&compacting(3), all(), |w| {
                elect(w, S1);
                fill(w, S1, 1..=1);
                beat(w, S1);
                // S1 and S2 cut their logs, and both crash within.
                w.isolate(S3);
                ask(w, S1, 1, 2, "2 ");
                w.crash_at_effect(S1, k);
                w.crash_at_effect(S2, k);
                beat_if_up(w, S1);
                for server in [S1, S2] {
                    reboot(w, server);
                }
                // Whose log is longer depends on where they crashed.
                for server in [S2, S1, S2, S1] {
                    if leaders(w, &[S1, S2]).is_empty() {
                        stand(w, server);
                    }
                }
                let leader = leaders(w, &[S1, S2]).first().map_or(S1, |(s, _)| *s);
                fill(w, leader, 2..=3);
                w.heal();
                for _ in 0..6 {
                    beat(w, leader);
                }
                all_have(w, &THREE, 3);
            });
        }
    });
}

#[track_caller]
fn beat_if_up<C: Checker<Kv>>(w: &mut Shop<C>, server: Addr) {
    w.run_for(MOMENT);
    for _ in 0..3 {
        if w.view(server).is_some() && w.timers(server).contains(&&HEARTBEAT) {
            w.fire(server, &HEARTBEAT);
        }
        w.run_for(MOMENT);
    }
}

#[test]
fn an_installation_is_cut_off_at_any_effect() {
    grade("G-I12", |t| {
        for k in 0..EFFECTS {
            t.script(&compacting(4), all(), |w| {
                elect(w, S1);
                fill(w, S1, 1..=2);
                w.isolate(S3);
                fill(w, S1, 3..=9);
                w.heal();
                w.crash_at_effect(S3, k);
                for _ in 0..8 {
                    beat(w, S1);
                    wake(w, S3);
                }
                all_have(w, &THREE, 9);
                w.crash(S3);
                w.restart(S3);
                w.isolate(S1);
                lead_again(w, S3);
                fill(w, S3, 10..=11);
                let state = x(w, S3);
                w.expect_eq(state, Some(texts(11)), "S3 leads on with all of it");
            });
        }
    });
}

#[test]
fn a_log_that_a_snapshot_replaced_is_gone_for_good() {
    grade("G-I7", |t| {
        for k in 0..EFFECTS {
            t.script(&compacting(6), all(), |w| {
                // S3 leads first; most of its log is its own, and longer than what is committed.
                elect(w, S3);
                fill(w, S3, 1..=1);
                beat(w, S3);
                w.isolate(S3);
                for seq in 1..=12 {
                    ask(w, S3, 9, seq, "lost ");
                }
                lead_again(w, S1);
                fill(w, S1, 2..=6);
                // S3 hears of S1's term. Then it crashes while a snapshot takes the place of that log,
                // or anywhere around it.
                w.hold(S3, S1);
                w.heal();
                w.fire(S1, &HEARTBEAT);
                w.run_for(MOMENT);
                w.crash_at_effect(S3, k);
                w.release(S3, S1);
                for _ in 0..8 {
                    beat(w, S1);
                    wake(w, S3);
                }
                all_have(w, &THREE, 6);
                // S2 is away: what S1 and S3 have is committed.
                w.isolate(S2);
                fill(w, S1, 7..=8);
                reboot(w, S3);
                w.crash(S1);
                w.heal();
                lead_again(w, S3);
                beat(w, S3);
                all_have(w, &[S2, S3], 8);
            });
        }
    });
}

#[test]
fn a_full_window_hides_no_compaction() {
    grade("G-I10", |t| {
        t.script(&compacting(4), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=2);
            beat(w, S1);
            // S1 sends to S3 until the window is full; none of it arrives. Then it cuts its log.
            w.isolate(S3);
            let ids: Vec<_> = (1..=12).map(|n| ask(w, S1, 20 + n, 1, &format!("w{n} "))).collect();
            for id in ids {
                settle(w, S1, id);
                w.expect(matches!(w.answer(id), Some(KvRet::Done(_))), "S1 and S2 go on");
            }
            let index = see(w, S1).snapshot_index;
            w.expect(index > see(w, S3).last_index(), "what S3 lacks is in S1's snapshot only");
            w.heal();
            for _ in 0..4 {
                beat(w, S1);
            }
            // Two that reach each other are a quorum, whichever two.
            w.isolate(S2);
            append_at(w, S1, 1, 3, "3 ");
            beat(w, S1);
            w.expect_eq(x(w, S3), x(w, S1), "S3 has caught up");
        });
    });
}

#[test]
fn a_snapshot_that_comes_late_turns_nothing_back() {
    grade("G-I12", |t| {
        t.script(&compacting(4), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=1);
            w.isolate(S3);
            fill(w, S1, 2..=5);
            w.hold(S1, S3);
            w.heal();
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            let mut late = Vec::new();
            // S3 gets the pieces, and a copy of each stays under way.
            for _ in 0..20 {
                let waiting = w.waiting();
                let to_s3 = |(from, to, _): &(Addr, Addr, &Msg)| (*from, *to) == (S1, S3);
                let Some(msg) = waiting.into_iter().find(to_s3).map(|(.., m)| m.clone()) else {
                    break;
                };
                if is_snapshot(&msg) {
                    late.push(msg.clone());
                }
                w.deliver(S1, S3, |m| *m == msg);
                w.run_for(ms(2));
            }
            w.expect(!late.is_empty(), "S1 sends a snapshot");
            // The same pieces once more: S1 repeats what has no answer.
            w.cut_link(S3, S1);
            w.release(S1, S3);
            w.heal();
            fill(w, S1, 6..=7);
            for _ in 0..4 {
                beat(w, S1);
            }
            all_have(w, &THREE, 7);
        });
    });
}

#[test]
fn a_copy_of_a_snapshot_turns_nothing_back() {
    grade("G-I12", |t| {
        t.script(&in_one_piece(4), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=1);
            w.isolate(S3);
            fill(w, S1, 2..=4);
            w.heal();
            // Whatever S1 sends to S3 now comes twice, and the second time it is late.
            w.hold(S3, S1);
            for _ in 0..20 {
                w.duplicate_next(S1, S3, ms(3_000));
                if !give(w, S3, S1, any) {
                    w.fire(S1, &HEARTBEAT);
                    w.run_for(ms(2));
                }
            }
            w.release(S3, S1);
            let sent = w.count_sent(S1, S3, is_snapshot);
            w.expect(sent > 0, "S1 has cut its log: it sends a snapshot");
            // S3 goes on, and cuts its log behind that snapshot.
            fill(w, S1, 5..=10);
            beat(w, S1);
            let (applied, behind) = (shop(w, S3).applied, see(w, S3).snapshot_index);
            w.expect(behind >= Index(8), "S3 has a later snapshot of its own");
            w.run_for(ms(4_000));
            w.expect_eq(shop(w, S3).applied, applied, "what S3 had applied");
            fill(w, S1, 11..=12);
            beat(w, S1);
            all_have(w, &THREE, 12);
        });
    });
}

#[test]
fn what_stands_behind_a_snapshot_that_matches_is_kept() {
    grade("G-I4", |t| {
        t.script(&in_one_piece(6), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=2);
            beat(w, S1);
            // Four entries are under way, and a heartbeat overtakes them on the way to S3: it says
            // that it lacks them.
            for other in [S2, S3] {
                hold_between(w, S1, other);
            }
            for seq in 3..=6 {
                ask(w, S1, 1, seq, &format!("{seq} "));
            }
            w.fire(S1, &HEARTBEAT);
            w.run_for(MOMENT);
            give(w, S1, S3, |m| is_append(m) && !is_full(m));
            // Then it has all of them, and does not know that any is committed.
            while give(w, S1, S3, is_full) {}
            // S2 has all but the last. They are committed, and S1 cuts its log behind them.
            for _ in 0..3 {
                give(w, S1, S2, is_full);
            }
            while give(w, S2, S1, any) {}
            // Only now S1 hears that S3 lacks them: it sends a snapshot.
            give(w, S3, S1, |m| is_appended(m) && !is_match(m));
            give(w, S1, S3, is_snapshot);
            // S3's copy of the last entry counts: it has acknowledged it.
            w.cut_link(S1, S2);
            w.release(S3, S1);
            w.run_for(MOMENT);
            w.crash(S1);
            w.release_all();
            for server in [S3, S2, S3, S2] {
                if leaders(w, &[S2, S3]).is_empty() {
                    stand(w, server);
                }
            }
            let leader = leaders(w, &[S2, S3]).first().map_or(S3, |(s, _)| *s);
            append_at(w, leader, 2, 1, "end ");
            beat(w, leader);
            let seen = [S2, S3].map(|server| x(w, server));
            w.expect_eq(seen[0].clone(), seen[1].clone(), "S2 and S3 have the same");
        });
    });
}

/// Delivers one such message from `from` to `to`, if one waits.
#[track_caller]
fn give<C: Checker<Kv>>(
    w: &mut Shop<C>,
    from: Addr,
    to: Addr,
    which: impl Fn(&Msg) -> bool,
) -> bool {
    let mut waiting = w.waiting().into_iter();
    let waits = waiting.any(|(a, b, msg)| (a, b) == (from, to) && which(msg));
    if waits {
        w.deliver(from, to, which);
        w.run_for(ms(2));
    }
    waits
}

#[test]
fn a_copy_of_a_snapshot_after_a_restart_drops_no_entry() {
    grade("G-I4", |t| {
        t.script(&in_one_piece(6), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=1);
            w.isolate(S3);
            fill(w, S1, 2..=6);
            w.heal();
            for _ in 0..6 {
                w.duplicate_next(S1, S3, ms(3_000));
                w.fire(S1, &HEARTBEAT);
                w.run_for(MOMENT);
            }
            // S2 is away: what S1 and S3 have is committed.
            w.isolate(S2);
            fill(w, S1, 7..=8);
            w.crash(S3);
            w.restart(S3);
            w.cut_link(S1, S3);
            w.run_for(ms(4_000));
            w.crash(S1);
            w.heal();
            lead_again(w, S3);
            beat(w, S3);
            all_have(w, &[S2, S3], 8);
        });
    });
}

#[test]
fn pieces_are_lost_and_leaders_change() {
    grade("G-I12", |t| {
        for lost in 0..5 {
            t.script(&compacting(4), all(), |w| {
                elect(w, S1);
                fill(w, S1, 1..=1);
                w.isolate(S3);
                fill(w, S1, 2..=6);
                w.heal();
                w.drop_next(S1, S3, lost);
                w.fire(S1, &HEARTBEAT);
                w.run_for(ms(3));
                w.drop_next(S3, S1, lost);
                w.fire(S1, &HEARTBEAT);
                w.run_for(ms(4));
                // Half of it is there; S1 takes a newer one and goes on sending.
                fill(w, S1, 7..=10);
                w.drop_next(S1, S3, lost);
                w.isolate(S1);
                lead_again(w, S2);
                w.fire(S2, &HEARTBEAT);
                w.run_for(ms(lost as u64 + 2));
                fill(w, S2, 11..=12);
                w.heal();
                for _ in 0..6 {
                    beat(w, S2);
                }
                all_have(w, &THREE, 12);
            });
        }
    });
}

#[test]
fn logs_of_different_lengths_meet_at_the_boundary() {
    grade("G-I3", |t| {
        // Each server cuts its log at its own time, so requests begin before, at and behind it.
        for (a, b) in [(2, 5), (3, 4), (5, 2), (4, 100), (100, 3)] {
            let cfg = |every| kv_by_hand(small(5, &THREE, every));
            let scene = stores_of(&THREE, |s| cfg(if s == S1 { a } else { b }));
            t.script(&scene, all(), |w| {
                elect(w, S1);
                fill(w, S1, 1..=4);
                beat(w, S1);
                w.isolate(S1);
                ask(w, S1, 9, 1, "lost ");
                w.run_for(MOMENT);
                lead_again(w, S2);
                fill(w, S2, 5..=7);
                w.heal();
                for _ in 0..4 {
                    beat(w, S2);
                }
                all_have(w, &THREE, 7);
                w.isolate(S2);
                lead_again(w, S1);
                fill(w, S1, 8..=9);
                w.heal();
                for _ in 0..4 {
                    beat(w, S1);
                }
                all_have(w, &THREE, 9);
            });
        }
    });
}

#[test]
fn a_leader_whose_log_is_empty_leads() {
    grade("G-I10", |t| {
        t.script(&compacting(1), all(), |w| {
            elect(w, S1);
            fill(w, S1, 1..=5);
            beat(w, S1);
            w.crash(S1);
            lead_again(w, S2);
            fill(w, S2, 6..=7);
            w.restart(S1);
            beat(w, S2);
            all_have(w, &THREE, 7);
            w.crash(S2);
            lead_again(w, S1);
            fill(w, S1, 8..=8);
            all_have(w, &[S1], 8);
        });
    });
}

#[test]
fn every_crash_around_a_snapshot() {
    grade("G-I4", |t| {
        let scope = Scope::new().budget(Budget { cuts: 1, ..Budget::default() });
        let invariants = (
            (LeaderCompleteness::default(), StateMachineSafety::default()),
            (DurableVote::default(), Content::default()),
        );
        let scope = scope.only_timers(|_, _| false);
        t.script(&compacting(3), invariants, |w| {
            elect(w, S1);
            fill(w, S1, 1..=1);
            beat(w, S1);
            w.isolate(S3);
            w.hold_all();
            ask(w, S1, 1, 2, "2 ");
            w.explore(&scope);
        });
    });
}

// --- swarm

/// After this time without faults a leader is there, and all have its log soon after.
const HEALED: Duration = ms(2_700);
const LASTS: Duration = ms(500);

#[test]
fn many_snapshots_and_all_faults() {
    grade("G-I12", |t| {
        let mut faults = Faults::all();
        (faults.drop, faults.late, faults.duplicate) = (0.04, 0.08, 0.06);
        faults.late_by = ms(1)..ms(400);
        (faults.crash, faults.cut) = (0.02, 0.004);
        (faults.slow_sync, faults.bad_sync) = (0.04, 0.002);
        faults.down_for = ms(10)..ms(500);
        faults.partition = 0.06;
        let faults = faults
            .aim("crash the leader", shop_leads, Strike::Crash, 0.04)
            .aim("cut the leader's handler", shop_leads, Strike::Cut, 0.05)
            .aim("cut off the leader", shop_leads, Strike::Isolate, 0.08)
            .aim("cut a follower's handler", |v| !shop_leads(v), Strike::Cut, 0.05);
        let horizon = ms(1_400);
        let scene = stores_of(&THREE, |_| small(5, &THREE, 4))
            .with_faults(faults)
            .lasting(horizon, HEALED + LASTS);
        let scene = with_shoppers(scene, 4, ms(30)).patience(ms(300));
        let state = (ExactlyOnce::default(), Content::default(), Linearizable);
        let lively = (StableLeader::by(horizon + HEALED), Progress, Busy::new());
        t.swarm(&scene, (Safety::default(), state, lively));
        let least = Deeds {
            elections: 150,
            writes: 1_000,
            reads: 800,
            installs: 100,
            compactions: 1_000,
            ..Deeds::default()
        };
        Busy::check(t, least);
    });
}
