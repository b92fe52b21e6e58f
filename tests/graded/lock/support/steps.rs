//! The steps that scripts are made of. Each says in a whole sentence what should have happened and
//! what did; `why` is that sentence's beginning.

use super::*;
use dist_lock::{Msg, Request, Ret, Token, View};
use node::OpId;
use sim::{Checker, Script};
use std::fmt::Display;

/// A message's way there takes 1 ms: this is time for two questions and their answers.
const SOON: Duration = ms(10);

/// Why one who asks should have the lock.
pub const FREE: &str = "the lock is free";

/// Whether an operation was answered with a lock.
pub fn locked(answer: Option<&Ret>) -> bool {
    matches!(answer, Some(Ret::Locked { .. }))
}

/// The operation `id` must have been answered with `wanted`.
#[track_caller]
pub fn told<C: Checker<Cast>>(w: &mut Script<Cast, C>, id: OpId, wanted: Ret, why: impl Display) {
    let seen = w.answer(id).cloned();
    let text = format!("{why}: the answer should be {wanted:?}, and is {}", said(&seen));
    w.expect(seen == Some(wanted), text);
}

/// The operation `id` must have been answered with the lock; returns its token.
#[track_caller]
pub fn granted<C: Checker<Cast>>(w: &mut Script<Cast, C>, id: OpId, why: impl Display) -> Token {
    let seen = w.answer(id).cloned();
    let text = format!("{why}: the answer should be Locked, and is {}", said(&seen));
    w.expect(locked(seen.as_ref()), text);
    match seen {
        Some(Ret::Locked { token }) => token,
        _ => Token::NONE,
    }
}

/// The operation `id` must never have been answered with the lock.
#[track_caller]
pub fn not_granted<C: Checker<Cast>>(w: &mut Script<Cast, C>, id: OpId, why: impl Display) {
    let granted = w.answers(id).into_iter().any(|ret| locked(Some(ret)));
    w.expect(!granted, format!("{why}: the answer must not be Locked, and it is"));
}

/// The operation `id` must not have been answered.
#[track_caller]
pub fn waits<C: Checker<Cast>>(w: &mut Script<Cast, C>, id: OpId, why: impl Display) {
    let seen = w.answer(id).cloned();
    let text = format!("{why}: there should be no answer yet, and it is {}", said(&seen));
    w.expect(seen.is_none(), text);
}

fn said(answer: &Option<Ret>) -> String {
    answer.as_ref().map_or("missing".into(), |ret| format!("{ret:?}"))
}

/// Whether the program of `addr` may believe now that it holds the lock.
pub fn believes<C: Checker<Cast>>(w: &Script<Cast, C>, addr: Addr) -> bool {
    let ahead = |until| w.now() < w.true_time(addr, until);
    matches!(w.view(addr), Some(View::Client(client))
        if client.held.iter().any(|h| h.valid_until.is_none_or(ahead)))
}

/// `addr` must believe to hold the lock.
#[track_caller]
pub fn holds<C: Checker<Cast>>(w: &mut Script<Cast, C>, addr: Addr, why: impl Display) {
    let (holds, who) = (believes(w, addr), letter(addr));
    w.expect(holds, format!("{why}: {who} should hold the lock, and does not"));
}

/// `addr` must not believe to hold the lock.
#[track_caller]
pub fn doubts<C: Checker<Cast>>(w: &mut Script<Cast, C>, addr: Addr, why: impl Display) {
    let (holds, who) = (believes(w, addr), letter(addr));
    w.expect(!holds, format!("{why}: {who} must not believe to hold the lock, and does"));
}

/// `by` asks for the lock, and has time for an answer.
#[track_caller]
pub fn asks<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) -> OpId {
    let id = w.op(by, lock());
    w.run_for(SOON);
    id
}

/// `by` asks for the lock and must have it at once; returns its token.
#[track_caller]
pub fn takes<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, why: impl Display) -> Token {
    let id = asks(w, by);
    granted(w, id, format!("{} asks; {why}", letter(by)))
}

/// `by` asks for the lock and must be told at once that it is taken.
#[track_caller]
pub fn is_refused<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, why: impl Display) {
    let id = asks(w, by);
    told(w, id, Ret::Busy, format!("{} asks; {why}", letter(by)));
}

/// `by` unlocks and must be told at once that it has given the lock back.
#[track_caller]
pub fn unlocks<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr) {
    let id = w.op(by, unlock());
    w.run_for(SOON);
    told(w, id, Ret::Unlocked, format!("{} unlocks what it holds", letter(by)));
}

/// Whether this is a renewal: by `Renew`, or by the raw command.
pub fn is_renewal(msg: &Msg) -> bool {
    matches!(msg, Msg::Request(_, Request::Renew { .. } | Request::Expire { .. }))
}

/// Whether this gives a lock back.
pub fn is_release(msg: &Msg) -> bool {
    matches!(msg, Msg::Request(_, Request::Release { .. }))
}

/// How many renewals `from` has sent to the lock server.
pub fn renewals<C: Checker<Cast>>(w: &Script<Cast, C>, from: Addr) -> usize {
    w.count_sent(from, SERVER, is_renewal)
}

/// Renewals of `from` must have been `wanted` so far.
#[track_caller]
pub fn renewed_no_more<C: Checker<Cast>>(
    w: &mut Script<Cast, C>,
    from: Addr,
    before: usize,
    why: impl Display,
) {
    let (more, who) = (renewals(w, from) - before, letter(from));
    let text = format!("{why}: {who} must send no more renewals, and it has sent {more}");
    w.expect(more == 0, text);
}
