//! Stage 4: the steps of scripts about replicated lock services, and the runs that count.

use super::*;
use dist_lock::{Ret, Token, View};
use node::OpId;
use sim::key::FaultKind;
use sim::{Checker, Faults, RunSpec, Script};

/// `addr` leads.
pub fn leads<C: Checker<Cast>>(w: &mut Script<Cast, C>, addr: Addr) {
    w.op(addr, Op::Lead);
    w.run_for(ms(10));
}

/// How many leases `server` shows; whether it leads.
pub fn shows<C: Checker<Cast>>(w: &Script<Cast, C>, server: Addr) -> (usize, bool) {
    match w.view(server) {
        Some(View::Server(s)) => (s.leases.len(), s.leads),
        _ => (0, false),
    }
}

/// `by` asks, and has `time` for an answer, also from another server than the first.
pub fn asks_for<C: Checker<Cast>>(w: &mut Script<Cast, C>, by: Addr, time: Duration) -> OpId {
    let id = w.op(by, lock());
    w.run_for(time);
    id
}

/// In how many runs two clients held the lock at once.
pub fn violations(scene: &Scenario<Cast>) -> u64 {
    let fails = |seed: &u64| {
        let spec = RunSpec { seed: *seed, ..RunSpec::default() };
        let failure = sim::run(scene, OneHolder, &spec).failure;
        failure.is_some_and(|f| f.violation.invariant.starts_with("D-I1"))
    };
    (0..RUNS).filter(fails).count() as u64
}

/// Three clients that lock and unlock in turns.
pub fn turns(scene: Scenario<Cast>) -> Scenario<Cast> {
    [A, B, C].into_iter().fold(scene, locks_and_unlocks)
}

/// So many runs show whether a variant loses locks. Their seeds are fixed.
pub const RUNS: u64 = 100;

/// Three servers are the smallest Redlock.
pub const THREE: [Addr; 3] = [FIVE[0], FIVE[1], FIVE[2]];

/// A holds it on servers 1 and 2 of three; 2 forgets; B asks 2 and 3.
pub fn amnesia<C: Checker<Cast>>(w: &mut Script<Cast, C>) -> OpId {
    w.run_for(TTL + ms(100));
    w.cut_link(A, THREE[2]);
    w.cut_link(B, THREE[0]);
    let first = asks_for(w, A, ms(150));
    granted(w, first, "servers 1 and 2 of three are a majority");
    w.crash(THREE[1]);
    w.restart(THREE[1]);
    asks_for(w, B, ms(150))
}

/// Redlock on servers that crash.
pub fn forgetful(silent_for: Duration) -> Scenario<Cast> {
    let faults = Faults {
        crash: 0.05,
        down_for: ms(10)..ms(100),
        drift: 1.0,
        pause: 0.01,
        ..Faults::network()
    };
    turns(redlock(&[A, B, C], &THREE, silent_for))
        .with_faults(faults.only(FaultKind::Crash, &THREE))
        .lasting(ms(5_000), ms(2_500))
}

/// A holds the lock at leader one; returns its token.
pub fn a_holds_at_one<C: Checker<Cast>>(w: &mut Script<Cast, C>) -> Token {
    leads(w, ONE);
    takes(w, A, FREE)
}

/// Who holds the lock, as the register has it.
pub fn registered_owner<C: Checker<Cast>>(w: &Script<Cast, C>) -> Option<String> {
    let Some(View::Register(register)) = w.view(REGISTER) else {
        return None;
    };
    let record = register.records.into_iter().find(|r| r.name == name())?;
    record.owner.map(|owner| owner.to_string())
}
