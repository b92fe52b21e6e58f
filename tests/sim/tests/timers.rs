//! A timer that a handler stopped does not fire after that handler, however late the node is.

use node::{Addr, Ctx, LocalTime, Node, OpId};
use serde::{Deserialize, Serialize};
use sim::explore::{Budget, Scope, explore};
use sim::{Ask, Checker, Event, Faults, Scenario, Step, Violation, grade, ms};
use std::time::Duration;

const N: Addr = Addr(0);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Clock {
    rings: u32,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
struct Nothing;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Alarm;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Op {
    Set(u64),
    Stop,
}

impl Node for Clock {
    type Config = ();
    type Msg = Nothing;
    type Timer = Alarm;
    type Op = Op;
    type Ret = ();
    type View = u32;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Clock { rings: 0 }
    }
    fn on_message(&mut self, _cx: &mut Ctx<'_, Self>, _from: Addr, _msg: Nothing) {}
    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, _timer: Alarm) {
        self.rings += 1;
    }
    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        match op {
            Op::Set(after) => cx.set_timer(Alarm, Duration::from_millis(after)),
            Op::Stop => cx.cancel_timer(Alarm),
        }
        cx.ret(id, ());
    }
    fn view(&self, _now: LocalTime) -> u32 {
        self.rings
    }
}

/// No alarm rings after it was stopped, or before the time that it was last set to.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Obeys(Option<LocalTime>);

impl Checker<Clock> for Obeys {
    fn after(&mut self, step: &Step<'_, Clock>) -> Result<(), Violation> {
        let now = step.local_time(step.node);
        match step.event {
            Event::Op { op: Op::Stop, .. } | Event::Crash => self.0 = None,
            Event::Op {
                op: Op::Set(after), ..
            } => self.0 = Some(now + Duration::from_millis(*after)),
            Event::Timer(_) if self.0.is_none_or(|due| now < due) => {
                return Err(Violation::new("Obeys", "it rings all the same"));
            }
            Event::Timer(_) => self.0 = None,
            _ => {}
        }
        Ok(())
    }
}

fn scenario() -> Scenario<Clock> {
    Scenario::new("toy")
        .titled("An alarm clock")
        .node(N, "clock", "clock", ())
        .client("client", |turn| {
            let ops = [Op::Set(5), Op::Set(30), Op::Stop];
            Some(Ask {
                node: N,
                op: turn.one_of(1, &ops).clone(),
                after: Duration::from_millis(turn.draw.again(2).below(12)),
            })
        })
        .patience(ms(20))
        .lasting(ms(2_000), ms(100))
}

#[test]
fn an_alarm_that_came_due_in_a_pause_is_stopped_by_what_waits_before_it() {
    grade("T-I1", |t| {
        for (waits, rings) in [(Op::Stop, 0), (Op::Set(30), 0), (Op::Set(5), 0)] {
            t.script(&scenario(), Obeys::default(), |w| {
                w.op(N, Op::Set(10));
                w.pause(N);
                w.op(N, waits.clone());
                w.run_for(ms(20));
                w.resume(N);
                w.expect_eq(
                    w.view(N),
                    Some(rings),
                    "it was stopped, or set anew, in time",
                );
                w.run_for(ms(100));
                let again = u32::from(waits != Op::Stop);
                w.expect_eq(w.view(N), Some(again), "and rings if it was set anew");
            });
        }
        // What waits behind the alarm comes too late.
        t.script(&scenario(), Obeys::default(), |w| {
            w.op(N, Op::Set(10));
            w.pause(N);
            w.run_for(ms(20));
            w.op(N, Op::Stop);
            w.resume(N);
            w.expect_eq(w.view(N), Some(1), "it was first");
        });
    });
}

#[test]
fn no_run_lets_a_stopped_alarm_ring() {
    grade("T-I1", |t| {
        let mut faults = Faults::all();
        (faults.pause, faults.stall) = (0.3, 0.1);
        faults.pause_for = ms(5)..ms(60);
        t.swarm(&scenario().with_faults(faults), Obeys::default());
    });
}

#[test]
fn no_order_of_events_lets_a_stopped_alarm_ring() {
    let scope = Scope::new()
        .client([(N, Op::Set(10)), (N, Op::Stop), (N, Op::Set(20))])
        .ticks(ms(10), 4)
        .budget(Budget {
            pauses: 2,
            fires: 3,
            ..Budget::NONE
        });
    let seen = explore(&scenario(), Obeys::default(), &scope).expect("there is no prefix");
    assert!(seen.passed(), "{seen}");
    assert!(seen.states > 40, "{seen}");
}
