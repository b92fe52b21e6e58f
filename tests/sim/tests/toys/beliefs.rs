//! What is believed of [`super::frail`]: one checker, told which belief to watch.

#![allow(dead_code, missing_docs)] // Each test uses its own part of it.

use super::frail::{A, B, C, Frail, View};
use sim::{Checker, Event, Step, Violation};

/// One belief.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Aspect {
    /// Of three messages sent at once, all or none come.
    NoneLost,
    /// No message comes twice.
    NoneTwice,
    /// What is sent first comes first.
    InOrder,
    /// Two nodes that run hear each other.
    Heard,
    /// Who is heard hears.
    BothWays,
    /// Whom two hear, they hear as well.
    NoBridge,
    /// What was written is there after a restart, synced or not.
    Written,
    /// A record is whole or absent.
    WholeRecords,
    /// The effects of one handler all happen, or none.
    WholeHandlers,
    /// A disk outlives its machine.
    DiskStays,
    /// The date goes on as time does.
    DateGoesOn,
    /// Two clocks of one machine agree.
    ClocksAgree,
    /// A timer fires when it is due.
    TimersInTime,
    /// What one handler sends, it sends at once.
    AtOnce,
    /// A sync takes no time.
    SyncsAreFast,
    /// What was synced is there after a restart (the node believes in a second try).
    Synced,
    /// There is room on the disk.
    Room,
    /// Clients wait.
    ClientsWait,
}

/// Watches one belief.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Belief {
    pub aspect: Aspect,
    told_last: Option<u64>,
    told: u64,
    asked: Option<u64>,
    /// Ticks of A and B when they began to miss each other.
    apart_since: Option<(u64, u64)>,
    /// Ticks of B when A began to miss it and B heard A.
    deaf_since: Option<u64>,
}

impl Belief {
    pub fn of(aspect: Aspect) -> Self {
        Belief {
            aspect,
            told_last: None,
            told: 0,
            asked: None,
            apart_since: None,
            deaf_since: None,
        }
    }

    /// Neither hears the other for long, and both go on ticking.
    fn both_deaf(&mut self, a: &View, b: &View) -> bool {
        if a.since[1] < 5 || b.since[0] < 5 {
            self.apart_since = None;
            return false;
        }
        let since = *self.apart_since.get_or_insert((a.ticks, b.ticks));
        a.ticks > since.0 + 1 && b.ticks > since.1 + 1
    }

    /// One way: A hears nothing of B for long, while B goes on ticking and hears A.
    fn one_way(&mut self, a: &View, b: &View) -> bool {
        if a.since[1] < 5 || b.since[0] > 1 {
            self.deaf_since = None;
            return false;
        }
        let since = *self.deaf_since.get_or_insert(b.ticks);
        b.ticks >= since + 10
    }

    fn remember(&mut self, step: &Step<'_, Frail>) {
        match step.event {
            Event::Op { op, .. } => self.asked = Some(*op),
            Event::Ret { ret: true, .. } => {
                self.told_last = self.asked;
                self.told += 1;
            }
            _ => {}
        }
    }

    fn holds(&mut self, step: &Step<'_, Frail>) -> bool {
        let (a, b, c) = (step.view(A), step.view(B), step.view(C));
        let all = || step.views().map(|(_, v)| v.seen);
        match self.aspect {
            Aspect::NoneLost => !all().any(|s| s.lost),
            Aspect::WholeHandlers => !all().any(|s| s.halved),
            Aspect::NoneTwice => !all().any(|s| s.doubled),
            Aspect::InOrder => !all().any(|s| s.reordered),
            Aspect::Heard => match (a, b) {
                (Some(a), Some(b)) => !self.both_deaf(a, b),
                _ => true,
            },
            Aspect::BothWays => match (a, b) {
                (Some(a), Some(b)) => !self.one_way(a, b),
                _ => true,
            },
            Aspect::NoBridge => match (a, b, c) {
                (Some(a), Some(b), Some(c)) => {
                    let deaf = a.since[1] >= 5 && b.since[0] >= 5;
                    let bridge = a.since[2] <= 2 && b.since[2] <= 2;
                    !(deaf && bridge && c.since[0] <= 2 && c.since[1] <= 2)
                }
                _ => true,
            },
            Aspect::Written => a.is_none_or(|a| a.logged >= self.told_last),
            Aspect::Synced => a.is_none_or(|a| a.synced >= self.told),
            Aspect::WholeRecords => !all().any(|s| s.torn),
            Aspect::DiskStays => !all().any(|s| s.replaced),
            Aspect::DateGoesOn => !all().any(|s| s.stepped),
            Aspect::ClocksAgree => !all().any(|s| s.drifts >= 20),
            Aspect::TimersInTime => !all().any(|s| s.late),
            Aspect::AtOnce => b.is_none_or(|b| !apart(b, 3, 4)),
            Aspect::SyncsAreFast => b.is_none_or(|b| !apart(b, 0, 3)),
            Aspect::Room => !all().any(|s| s.full),
            Aspect::ClientsWait => !all().any(|s| s.cancelled),
        }
    }

    fn broken(&self) -> Violation {
        Violation::new(format!("{:?}", self.aspect), "the belief was wrong")
    }
}

/// True if of some operation the later part came three ticks or more behind the earlier one.
fn apart(view: &View, earlier: usize, later: usize) -> bool {
    let gap = |p: &super::frail::Parts| Some(p[later]?.saturating_sub(p[earlier]?));
    view.parts.values().any(|p| gap(p).is_some_and(|g| g >= 3))
}

impl Checker<Frail> for Belief {
    fn after(&mut self, step: &Step<'_, Frail>) -> Result<(), Violation> {
        self.remember(step);
        if self.holds(step) {
            Ok(())
        } else {
            Err(self.broken())
        }
    }
}
