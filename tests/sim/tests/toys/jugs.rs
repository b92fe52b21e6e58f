//! Two jugs of 3 and 5 litres, a tap, and a client who wants 4 litres: six pourings and a look.

use node::{Addr, Ctx, LocalTime, Node, OpId};
use serde::Serialize;
use sim::{Checker, Event, Step, Violation};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pour {
    FillSmall,
    FillBig,
    EmptySmall,
    EmptyBig,
    SmallToBig,
    BigToSmall,
}
use Pour::*;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Jugs {
    small: u8,
    big: u8,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct View {
    small: u8,
    big: u8,
}

impl Node for Jugs {
    type Config = ();
    type Msg = ();
    type Timer = Pour;
    type Op = ();
    type Ret = u8;
    type View = View;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        for pour in [
            FillSmall, FillBig, EmptySmall, EmptyBig, SmallToBig, BigToSmall,
        ] {
            cx.set_timer(pour, Duration::from_secs(1));
        }
        Jugs { small: 0, big: 0 }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, pour: Pour) {
        cx.set_timer(pour, Duration::from_secs(1));
        let (to_big, to_small) = (self.small.min(5 - self.big), self.big.min(3 - self.small));
        match pour {
            FillSmall => self.small = 3,
            FillBig => self.big = 5,
            EmptySmall => self.small = 0,
            EmptyBig => self.big = 0,
            SmallToBig => (self.small, self.big) = (self.small - to_big, self.big + to_big),
            BigToSmall => (self.small, self.big) = (self.small + to_small, self.big - to_small),
        }
    }

    fn on_message(&mut self, _: &mut Ctx<'_, Self>, _: Addr, (): ()) {}

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, (): ()) {
        cx.ret(id, self.big);
    }

    fn view(&self, _: LocalTime) -> View {
        View {
            small: self.small,
            big: self.big,
        }
    }
}

/// Nobody ever sees four litres.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct NeverFour;

impl Checker<Jugs> for NeverFour {
    fn after(&mut self, step: &Step<'_, Jugs>) -> Result<(), Violation> {
        match step.event {
            Event::Ret { ret: 4, .. } => Err(Violation::new("Never four", "four litres are there")),
            _ => Ok(()),
        }
    }
}
