//! Sequential clients of random runs.

use crate::check::Checker;
use crate::key::{Draw, FaultKey, FaultKind};
use crate::queue::What;
use crate::scenario::{Ask, Turn};
use crate::seat::{CLIENT, Waiting};
use crate::time::{micros, ms};
use crate::world::World;
use node::Node;

/// Where a client stands.
pub(crate) struct Process<N: Node> {
    nth: u64,
    number: u64,
    /// What it will ask when it has thought.
    next: Option<Ask<N>>,
    /// Its open call.
    open: Option<usize>,
    ended: bool,
    /// So many first operations are left out: a shrunk run.
    skips: u64,
}

impl<N: Node, C: Checker<N>> World<N, C> {
    pub(crate) fn begin_clients(&mut self) {
        for number in 0..self.core.scenario.clients.len() {
            let kept = self.core.net.fate.kept.iter().flatten();
            let skip = kept
                .copied()
                .find(|k| k.kind == FaultKind::Skip && k.a == number as u32);
            self.core.net.fate.happened.extend(skip);
            self.core.clients.push(Process {
                nth: 0,
                number: number as u64,
                next: None,
                open: None,
                ended: false,
                skips: skip.map_or(0, |k| k.n),
            });
            self.core.net.queue.push(0, What::Turn(number as u32));
        }
    }

    /// A client decides on its next operation: after an answer, or when none can come any more.
    pub(crate) fn turn(&mut self, client: u32) {
        let scenario = self.core.scenario.clone();
        let count = self.core.clients.len() as u64;
        let process = &mut self.core.clients[client as usize];
        if let Some(open) = process.open {
            let call = &self.core.net.calls[open];
            if !call.done && !call.gone {
                return;
            }
            if !call.done {
                process.number += count;
            }
            process.open = None;
        }
        if process.ended
            || process.next.is_some()
            || self.core.net.now >= crate::time::micros(scenario.horizon)
        {
            return;
        }
        let nth = process.nth;
        process.nth += 1;
        let turn = Turn {
            client,
            nth,
            draw: Draw::new(self.core.net.fate.seed, Draw::key(CLIENT, client, 0, nth)),
            calls: &self.core.net.calls,
        };
        let ask = (scenario.clients[client as usize].next)(&turn);
        let process = &mut self.core.clients[client as usize];
        let Some(ask) = ask else {
            process.ended = true;
            return;
        };
        let at = self.core.net.now + micros(ask.after);
        process.next = Some(ask);
        self.core.net.queue.push(at, What::Ask(client));
    }

    pub(crate) fn client_asks(&mut self, client: u32) {
        let calm = self.core.net.fate.calm;
        let process = &mut self.core.clients[client as usize];
        let Some(ask) = process.next.take() else {
            return;
        };
        if calm {
            return;
        }
        let skipped = process.nth <= process.skips;
        let Some(i) = self.core.net.place(ask.node).map(usize::from) else {
            panic!(
                "a client asks {}, which is no node of the scenario",
                ask.node
            );
        };
        if skipped {
            let at = self.core.net.now + 1000;
            self.core.net.queue.push(at, What::Turn(client));
            return;
        }
        if !self.core.seats[i].machine.is_up() {
            // Nobody listens there; the client tries again.
            self.core.clients[client as usize].next = Some(ask);
            let at = self.core.net.now + micros(ms(10));
            self.core.net.queue.push(at, What::Ask(client));
            return;
        }
        let number = self.core.clients[client as usize].number;
        let call = self.core.net.calls.len();
        self.core.clients[client as usize].open = Some(call);
        self.plan_giving_up(client, call);
        let nth = self.core.clients[client as usize].nth - 1;
        self.ask(i, ask.op, Some((client, nth as u32)), number);
    }

    fn plan_giving_up(&mut self, client: u32, call: usize) {
        let (now, nth) = (self.core.net.now, self.core.clients[client as usize].nth);
        if let Some(patience) = self.core.scenario.clients[client as usize].patience {
            let at = now + micros(patience);
            self.core.net.queue.push(at, What::GiveUp(call as u32));
        }
        let key = FaultKey::node(FaultKind::Cancel, client, nth - 1);
        if self
            .core
            .net
            .fate
            .has(key, self.core.scenario.faults.cancel)
        {
            self.core.net.fate.note(key);
            let draw = key.draw(self.core.net.fate.seed).again(1);
            let slot = micros(self.core.scenario.faults.slot).max(1);
            self.core
                .net
                .queue
                .push(now + draw.below(slot), What::GiveUp(call as u32));
        }
    }

    /// A client goes away before its answer.
    pub(crate) fn give_up(&mut self, call: usize) {
        let call = &mut self.core.net.calls[call];
        if call.done || call.gone {
            return;
        }
        call.gone = true;
        let (id, node, client) = (call.id, call.node, call.client);
        if let Some(i) = self.core.net.place(node) {
            self.hand(i.into(), Waiting::Cancel(id));
        }
        if let Some(client) = client {
            let now = self.core.net.now;
            self.core.net.queue.push(now, What::Turn(client));
        }
    }
}
