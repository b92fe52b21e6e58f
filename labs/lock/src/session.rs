//! Stage 2: a client that knows until when it may believe to hold a lock, and keeps it alive.

mod given;

use crate::message::{Msg, Proof, Request, Ret, StorageRequest, Timer};
use crate::names::{Name, Owner, RequestId, Token, Value};
use node::{Addr, Ctx, LocalTime, OpId};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a session is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionConfig {
    /// First part of the owner values that it makes up; no two clients share it.
    pub identity: String,
    /// The lock servers. One, but in stage 4; the next is asked when one does not answer.
    pub servers: Vec<Addr>,
    /// Where [`crate::Op::Write`] goes (stage 3).
    pub storage: Option<Addr>,
    /// How far any clock's rate is off, at most, in parts per million.
    pub drift_ppm: u32,
    /// After so long without an answer a request is sent again.
    pub retry_after: Duration,
    /// After so long without an answer the program is told [`Ret::Unknown`].
    pub patience: Duration,
}

/// **Task 2.1** (from which instant?): until when a client may believe that it holds a lease.
///
/// `sent` is what the client's clock showed when the request *left*; the server's lease of `ttl`
/// began some time after that. Any clock may run `drift_ppm` parts per million too fast or too
/// slow against true time, this client's and the server's, at worst in opposite directions. With
/// ρ = `drift_ppm` / 1,000,000 the answer is `sent` + `ttl`·(1−ρ)/(1+ρ), rounded down to a
/// microsecond. Compute in whole numbers (`u128` has room).
pub fn deadline(sent: LocalTime, ttl: Duration, drift_ppm: u32) -> LocalTime {
    todo!("task 2.1")
}

/// What a session knows of one lock, from the asking to the giving back.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    /// The value that it puts under the name; unique for this acquisition.
    pub owner: Owner,
    /// The grant's number.
    pub token: Token,
    /// How long a grant lasts.
    pub ttl: Duration,
    /// How long the server was asked to let us queue.
    pub wait: Option<Duration>,
    /// Where it stands.
    pub phase: Phase,
    /// When the request that asked for it was first sent.
    pub asked_at: LocalTime,
    /// In [`Phase::Held`]: from this moment on it is in doubt.
    pub valid_until: LocalTime,
    /// When each renewal that is not answered yet was sent.
    pub renewals: BTreeMap<RequestId, LocalTime>,
    /// Whether the storage has been told of our token (stage 3).
    pub opened: bool,
    /// The request whose answer the program waits for, and when it stops waiting.
    asking: RequestId,
    give_up_at: LocalTime,
    next_seq: u32,
}

impl Held {
    /// A name for the next request about this lock.
    pub fn next_id(&mut self) -> RequestId {
        self.next_seq += 1;
        RequestId {
            op: self.asking.op,
            seq: self.next_seq,
        }
    }
}

/// Where a lock stands with its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// The server has been asked; the program waits for the answer to this operation.
    Asking(OpId),
    /// Granted after a wait: a renewal is under way that will say from when it counts (stage 5).
    Confirming(OpId),
    /// Granted, and renewed at every third of its TTL.
    Held,
    /// It is being given back; the program waits for the answer to this operation.
    Releasing(OpId),
}

/// A write under way to the storage.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Writing {
    id: OpId,
    name: Name,
    /// Under which acquisition the program asked for it; a later one is not meant.
    owner: Owner,
    value: Value,
}

/// A lock client with a lease: it renews, and stops when in doubt.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Session {
    locks: BTreeMap<Name, Held>,
    writes: BTreeMap<RequestId, Writing>,
    /// Which of the servers is asked, and whether it has left a request unanswered.
    server: usize,
    silent: bool,
}

impl Session {
    /// **Task 2.2** (the grant arrives): the server has granted `name`, in answer to the request
    /// that was first sent at [`Held::asked_at`].
    ///
    /// Only a lock in [`Phase::Asking`] is concerned: the program may have given it back while the
    /// grant was under way, and then nothing of it may come to life. Keeps the token and the
    /// deadline ([`deadline`]), goes to [`Phase::Held`], sets [`Timer::Renew`] to a third of the
    /// TTL after the request was sent, and answers the program's operation with [`Ret::Locked`].
    /// A grant whose deadline has passed before it arrived is given back instead
    /// ([`Session::give_back`]) and the program is told [`Ret::Busy`].
    fn granted(&mut self, cx: &mut Ctx<'_, Self>, name: &Name, token: Token) {
        todo!("task 2.2")
    }

    /// **Task 2.3** (may I?): the lock `name`, if the program may act on it at the moment `now`:
    /// it is in [`Phase::Held`] and its deadline is still ahead. Asked immediately before each
    /// effect, never earlier.
    fn holds(&self, now: LocalTime, name: &Name) -> Option<&Held> {
        todo!("task 2.3")
    }

    /// **Task 2.4** (keep it alive): [`Timer::Renew`] of `name` has fired.
    ///
    /// Only a lock in [`Phase::Held`] is concerned: the timer may be that of an earlier lock of this
    /// name, which the program has since asked for anew. One that is in doubt ([`Session::holds`])
    /// is forgotten: it is not renewed, and the program's next question is answered with no.
    /// Otherwise sends a [`Request::Renew`] of one's own lease ([`Session::ask`]) under a fresh
    /// [`Held::next_id`], writes down in [`Held::renewals`] when it was sent, and sets the timer for
    /// a third of the TTL from now: whether or not an answer comes, so that a lost renewal is
    /// followed by another.
    fn renew(&mut self, cx: &mut Ctx<'_, Self>, name: &Name) {
        todo!("task 2.4")
    }

    /// **Task 2.5** (the renewal's answer): the server has answered the renewal `id` of `name`.
    ///
    /// Only a lock in [`Phase::Held`] is concerned. `renewed` says whether the server still knew
    /// the lease. If so, the deadline moves to what follows from the moment at which *this*
    /// renewal was sent ([`Held::renewals`]); answers may overtake each other, so it never moves
    /// back. If not, the lock is lost: it is forgotten at once and its timer is stopped.
    ///
    /// A yes that comes after the old deadline counts like any other, as long as the lock has not
    /// been forgotten: the server has kept the lease, and the new deadline says how long. An `id`
    /// that [`Held::renewals`] does not know has been answered before: ignore it, whatever it says.
    fn renewed(&mut self, cx: &mut Ctx<'_, Self>, name: &Name, id: RequestId, renewed: bool) {
        todo!("task 2.5")
    }

    /// **Task 2.6** (give it back): the program asks, with operation `id`, to unlock `name`.
    ///
    /// From this handler on the program must not believe to hold the lock, and nothing may be
    /// renewed: stop [`Timer::Renew`] before anything is sent. A lock that is held goes to
    /// [`Phase::Releasing`] and [`Session::ask_release`] asks the server; the answer follows later.
    /// A lock that the program still waits for, in [`Phase::Asking`] or [`Phase::Confirming`], is
    /// given back at once ([`Session::give_back`]), since the server may have granted it or may yet:
    /// the operation that asked for it is answered [`Ret::NotHeld`], and this one [`Ret::Unlocked`].
    /// Whatever is not ours, or in doubt, is forgotten and answered [`Ret::NotHeld`]: nobody knows
    /// whether it was ours until now. One that is being released already is answered
    /// [`Ret::NotHeld`] and left alone.
    fn unlock(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, name: &Name) {
        todo!("task 2.6")
    }

    /// **Task 3.5** (what can the resource know?): sends the program's write to `storage`, if the
    /// program may still act on the lock ([`Session::holds`]); the storage has said yes to our
    /// [`StorageRequest::Open`] a moment ago.
    ///
    /// The [`StorageRequest::Write`] goes out under the name `id` and carries the lock's token: by
    /// the time it arrives the lease may have ended, and the storage can know that from the token
    /// alone. Returns whether it was sent.
    fn send_write(
        &mut self,
        cx: &mut Ctx<'_, Self>,
        id: RequestId,
        storage: Addr,
        name: &Name,
        value: &Value,
    ) -> bool {
        todo!("task 3.5")
    }

    /// **Task 5.5** (what changed while waiting?): the server has granted `name` after we stood in
    /// its queue. The grant began at a moment that we do not know, perhaps long after our request
    /// was sent and perhaps long before its answer came, so no deadline follows from it.
    ///
    /// Concerns a lock in [`Phase::Asking`] or (asked again, since no answer came)
    /// [`Phase::Confirming`]. Goes to [`Phase::Confirming`] for the same operation, keeps the
    /// token, and asks the server to renew our own lease, as [`Session::renew`] does: under a fresh
    /// name, with the moment of sending written down in [`Held::renewals`]. Sets
    /// [`Timer::NoAnswer`] of that name to `retry_after`. The program is not answered yet.
    fn recheck(&mut self, cx: &mut Ctx<'_, Self>, name: &Name, token: Token) {
        todo!("task 5.5")
    }

    /// **Task 5.6** (is it still mine?): the server has answered the renewal `id` that
    /// [`Session::recheck`] sent; `renewed` says whether it still knew our lease.
    ///
    /// Concerns a lock in [`Phase::Confirming`] only. If it was renewed and the deadline that
    /// follows from the sending of *this* renewal is still ahead: goes to [`Phase::Held`] with that
    /// deadline, sets [`Timer::Renew`] to a third of the TTL after the sending, and answers the
    /// program with [`Ret::Locked`]. Otherwise gives the lock back ([`Session::give_back`]), also
    /// after a no: a request of ours that was sent twice may stand in the queue again. The program
    /// is told [`Ret::Busy`]. An `id` that [`Held::renewals`] does not know has been answered
    /// before: ignore it.
    fn confirmed(&mut self, cx: &mut Ctx<'_, Self>, name: &Name, id: RequestId, renewed: bool) {
        todo!("task 5.6")
    }
}
