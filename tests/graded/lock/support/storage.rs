//! Stage 3: the steps of scripts about tokens and the storage.

use super::*;
use dist_lock::{Msg, Ret, StorageReply, StorageRequest, Token, View};
use node::OpId;
use sim::{Checker, Script};

/// What stands in the storage's cell `name`.
pub fn stands<C: Checker<Cast>>(w: &Script<Cast, C>, name: &Name) -> Option<Value> {
    let Some(View::Storage(storage)) = w.view(STORAGE) else {
        return None;
    };
    let mut cells = storage.cells.into_iter();
    cells.find(|c| c.name == *name).map(|c| c.value)
}

/// The lock's cell must say `text`.
#[track_caller]
pub fn says<C: Checker<Cast>>(w: &mut Script<Cast, C>, text: &str, why: &str) {
    let seen = stands(w, &name()).map_or("nothing".into(), |value| format!("{value:?}"));
    let message = format!("{why}: the storage should hold {text:?}, and holds {seen}");
    w.expect(seen == format!("{text:?}"), message);
}

pub fn is_write(msg: &Msg) -> bool {
    matches!(msg, Msg::ToStorage(_, StorageRequest::Write { .. }))
}

/// `by` writes `text`, and must be told that it is written.
#[track_caller]
pub fn writes<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, text: &str) {
    let id = w.op(by, write(text));
    w.run_for(ms(20));
    let why = format!("{} holds the lock and writes {text:?}", letter(by));
    told(w, id, Ret::Written, &why);
    says(w, text, &why);
}

/// A holds the lock and has written once, so that the storage has opened the cell for it.
pub fn a_is_open<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    takes(w, A, FREE);
    writes(w, A, "first");
}

/// A dies; its lease ends, and B takes the lock.
pub fn b_follows_dead_a<C: Checker<Cast>>(w: &mut Script<Cast, C>) -> Token {
    w.crash(A);
    w.run_for(TTL + TTL / 10);
    takes(w, B, "A died more than a TTL ago")
}

/// The server forgets A's lease, so that B takes the lock and writes while A still believes.
pub fn b_writes_beside_a<C: Checker<Cast>>(w: &mut Script<Cast, C>) -> Token {
    w.crash(SERVER);
    w.restart(SERVER);
    let token = takes(w, B, "the server has forgotten A's lease");
    writes(w, B, "from B");
    token
}

/// The server crashes and comes back with what was on its disk.
pub fn server_restarts<C: Checker<Cast>>(w: &mut Script<Cast, C>) {
    if w.view(SERVER).is_some() {
        w.crash(SERVER);
    }
    w.restart(SERVER);
    w.run_for(ms(10));
}

/// `next` must be larger than `last`, and takes its place.
#[track_caller]
pub fn grows<C: Checker<Cast>>(w: &mut Script<Cast, C>, last: &mut Token, next: Token) {
    let text = format!("token {next} was issued after token {last}: it should be larger");
    w.expect(next > *last, text);
    *last = next;
}

/// A's `late` write must have had no effect beside B's, and A must not think that it had.
#[track_caller]
pub fn refused<C: Checker<Cast>>(w: &mut Script<Cast, C>, late: OpId) {
    says(w, "from B", "B wrote as the later holder, and then A's older write arrived");
    let lied = w.answer(late) == Some(&Ret::Written);
    w.expect(!lied, "A's write must be refused, but A was told Written");
}

/// `by` has opened the cell and sent its write, which waits.
pub fn write_under_way<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, text: &str) -> OpId {
    w.hold(by, STORAGE);
    let id = w.op(by, write(text));
    w.deliver(by, STORAGE, |_| true);
    w.run_for(ms(5));
    id
}

/// The storage must have refused A once, and named `token`.
#[track_caller]
pub fn names_the_newest<C: Checker<Cast>>(w: &mut Script<Cast, C>, token: Token) {
    let no = |m: &Msg| matches!(m, Msg::FromStorage(_, StorageReply::Stale { newest }) if *newest == token);
    let said = w.count_sent(STORAGE, A, no) == 1;
    w.expect(said, format!("Stale should name the newest token, {token}, and names another"));
}
