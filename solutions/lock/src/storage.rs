//! Stage 3: what the lock protects. It cannot see the lock; it can see a number.

use crate::message::{Msg, Op, Ret, StorageReply, StorageRequest, Timer};
use crate::names::{Name, Owner, RequestId, Token, Value};
use crate::view::{CellView, StorageView};
use node::{Addr, Ctx, LocalTime, Node, OpId, load, save};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How a storage is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StorageConfig {
    /// How long the device takes for one write.
    pub write_time: Duration,
}

/// The file with all cells.
pub const CELLS_FILE: &str = "cells";

/// What stands in one cell, and under which token it was written: the two are one value, so that
/// no crash can separate them.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// The content.
    pub value: Value,
    /// Of the writer.
    pub token: Token,
    /// The writer.
    pub owner: Owner,
}

/// A write that the device has not reached yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Queued {
    /// Whom to answer.
    pub from: Addr,
    /// Under which name.
    pub id: RequestId,
    /// Where it goes.
    pub name: Name,
    /// What it says.
    pub cell: Cell,
}

/// A storage with a slow device: writes wait in a queue and take effect one by one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Storage {
    cells: BTreeMap<Name, Cell>,
    queue: VecDeque<Queued>,
}

impl Storage {
    /// **Task 3.3** (an early no): the answer to a writer that announces itself with `token`.
    ///
    /// [`StorageReply::Stale`] with the newest token if a larger one than `token` has written to
    /// the cell `name`, otherwise [`StorageReply::Done`]. It saves a late writer its trouble; it
    /// proves nothing about any later moment.
    fn open(&self, name: &Name, token: Token) -> StorageReply {
        match self.cells.get(name) {
            Some(cell) if cell.token > token => StorageReply::Stale { newest: cell.token },
            _ => StorageReply::Done,
        }
    }

    /// **Task 3.4** (check and write in one step): the device has reached the write `queued`.
    /// Now it takes effect, or is refused.
    ///
    /// It is refused with [`StorageReply::Stale`], and changes nothing, if a larger token than its
    /// own has written to this cell, however long ago; the holder of the newest token may write as
    /// often as it likes. Otherwise the cell is replaced and all cells are put on the disk
    /// ([`node::save`] to [`CELLS_FILE`]) and synced before [`StorageReply::Done`] leaves: neither
    /// the data nor the token may be lost with a crash after that. Answer `queued.from` with
    /// [`Msg::FromStorage`] under the name `queued.id`.
    fn take_effect(&mut self, cx: &mut Ctx<'_, Self>, queued: Queued) {
        let reply = self.open(&queued.name, queued.cell.token);
        if reply == StorageReply::Done {
            self.cells.insert(queued.name, queued.cell);
            save(&mut cx.disk(), CELLS_FILE, &self.cells);
            cx.disk().sync(CELLS_FILE);
        }
        cx.send(queued.from, Msg::FromStorage(queued.id, reply));
    }
}

impl Node for Storage {
    type Config = StorageConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = StorageView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        Storage {
            cells: load(&cx.disk(), CELLS_FILE).unwrap_or_default(),
            queue: VecDeque::new(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        let Msg::ToStorage(id, request) = msg else {
            return;
        };
        match request {
            StorageRequest::Open { name, token } => {
                let reply = self.open(&name, token);
                cx.send(from, Msg::FromStorage(id, reply));
            }
            StorageRequest::Write {
                name,
                token,
                owner,
                value,
            } => {
                if self.queue.is_empty() {
                    cx.set_timer(Timer::Device, cx.cfg().write_time);
                }
                let cell = Cell {
                    value,
                    token,
                    owner,
                };
                self.queue.push_back(Queued {
                    from,
                    id,
                    name,
                    cell,
                });
            }
        }
    }

    fn on_timer(&mut self, cx: &mut Ctx<'_, Self>, timer: Timer) {
        if timer == Timer::Device
            && let Some(queued) = self.queue.pop_front()
        {
            self.take_effect(cx, queued);
            if !self.queue.is_empty() {
                cx.set_timer(Timer::Device, cx.cfg().write_time);
            }
        }
    }

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, _op: Op) {
        cx.ret(id, Ret::NotHere);
    }

    fn view(&self, _now: LocalTime) -> StorageView {
        let cells = self.cells.iter().map(|(name, cell)| CellView {
            name: name.clone(),
            value: cell.value.clone(),
            owner: cell.owner.clone(),
            token: cell.token,
        });
        StorageView {
            cells: cells.collect(),
        }
    }
}
