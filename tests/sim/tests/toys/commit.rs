//! Two-phase commit with presumed abort. A process coordinates, and a participant runs inside it.

use node::{Addr, Ctx, LocalTime, Node, OpId, Role, append_record, read_records};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// A timer is a message to oneself: ask again, or give up and decide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Msg {
    Prepare,
    Vote(bool),
    Decide(bool),
    /// A prepared participant asks what was decided.
    Ask,
}

const WAIT: Duration = Duration::from_millis(100);

pub struct Config {
    pub coordinator: Addr,
    pub participants: Vec<Addr>,
    /// The bug: the decision is sent before it is logged.
    pub sends_first: bool,
}

/// Logs `None` when it is prepared, then what was decided.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Participant(Vec<Option<bool>>);

impl Participant {
    fn log(&mut self, cx: &mut Ctx<'_, Self>, record: Option<bool>) {
        self.0.push(record);
        append_record(&mut cx.disk(), "log", &record);
        cx.disk().sync("log");
    }
}

impl Node for Participant {
    type Config = Config;
    type Msg = Msg;
    type Timer = Msg;
    type Op = ();
    type Ret = bool;
    type View = Option<bool>;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        let found = read_records(&cx.disk(), "log");
        cx.disk().truncate("log", found.good_len);
        cx.set_timer(Msg::Ask, WAIT);
        Participant(found.records)
    }
    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Prepare if self.0.is_empty() => {
                let yes = cx.choose(2) == 0;
                self.log(cx, (!yes).then_some(false));
                cx.set_timer(Msg::Ask, WAIT);
                cx.send(from, Msg::Vote(yes));
            }
            Msg::Decide(commit) if self.0 == [None] => self.log(cx, Some(commit)),
            _ => {}
        }
    }
    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, _: Msg) {
        if self.0 == [None] {
            cx.set_timer(Msg::Ask, WAIT);
            cx.send(cx.cfg().coordinator, Msg::Ask);
        }
    }
    fn on_op(&mut self, _: &mut Ctx<'_, Self>, _: OpId, (): ()) {}
    fn view(&self, _: LocalTime) -> Option<bool> {
        self.0.last().copied().flatten()
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Process {
    inner: Participant,
    open: Option<OpId>,
    yes: BTreeSet<Addr>,
    decided: Option<bool>,
}

const INNER: Role<Process, Participant> = Role {
    dir: "participant/",
    cfg: |c| c,
    msg: |m| m,
    timer: |t| t,
};

impl Process {
    fn decide(&mut self, cx: &mut Ctx<'_, Self>, commit: bool) {
        self.decided = Some(commit);
        for sends in [cx.cfg().sends_first, !cx.cfg().sends_first] {
            if sends {
                cx.send_all(&cx.cfg().participants, Msg::Decide(commit));
            } else {
                append_record(&mut cx.disk(), "decision", &commit);
                cx.disk().sync("decision");
            }
        }
        if let Some(id) = self.open.take() {
            cx.ret(id, commit);
        }
    }
}

impl Node for Process {
    type Config = Config;
    type Msg = Msg;
    type Timer = Msg;
    type Op = ();
    type Ret = bool;
    type View = Option<bool>;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        Process {
            inner: cx.scope_boot(&INNER),
            open: None,
            yes: BTreeSet::new(),
            decided: read_records(&cx.disk(), "decision").records.pop(),
        }
    }
    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match (msg, self.decided) {
            (Msg::Prepare | Msg::Decide(_), _) => {
                // A participant is asked nothing, so it answers nothing.
                let _ = cx.scope(&INNER, |cx| self.inner.on_message(cx, from, msg));
            }
            (_, Some(commit)) => cx.send(from, Msg::Decide(commit)),
            (Msg::Vote(true), None) if self.open.is_some() => {
                self.yes.insert(from);
                if self.yes.len() == cx.cfg().participants.len() {
                    self.decide(cx, true);
                }
            }
            (Msg::Ask, None) if self.open.is_some() => {}
            // A no; or it was never begun, or forgotten in a crash: presumed to be aborted.
            (Msg::Vote(_) | Msg::Ask, None) => self.decide(cx, false),
        }
    }
    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Msg) {
        if timer == Msg::Ask {
            let _ = cx.scope(&INNER, |cx| self.inner.on_timer(cx, timer));
        } else if self.decided.is_none() {
            self.decide(cx, false);
        }
    }
    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, (): ()) {
        if let Some(commit) = self.decided {
            return cx.ret(id, commit);
        }
        self.open = Some(id);
        cx.set_timer(Msg::Decide(false), WAIT);
        cx.send_all(&cx.cfg().participants, Msg::Prepare);
    }
    fn view(&self, now: LocalTime) -> Option<bool> {
        self.decided.or(self.inner.view(now))
    }
}
