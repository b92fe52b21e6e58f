//! Stage 4: a register that never fails and never forgets. Given: it stands for a group of servers
//! that agree by consensus, which is another lab's subject.

use crate::message::{Msg, Op, Ret, Timer};
use crate::names::Name;
use crate::replica::{Record, RegisterReply, RegisterRequest, Version};
use crate::view::{RecordView, RegisterView};
use node::{Addr, Ctx, LocalTime, Node, OpId};
use std::collections::BTreeMap;

/// Records that are read whole and changed only by compare-and-set on their version.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Register {
    records: BTreeMap<Name, (Version, Option<Record>)>,
    /// Who wrote each record: two servers may write the same words over the same version, and only
    /// one of them did.
    writers: BTreeMap<Name, Addr>,
}

impl Register {
    fn answer(&mut self, from: Addr, request: RegisterRequest) -> RegisterReply {
        match request {
            RegisterRequest::ReadAll => {
                let all = self.records.iter();
                RegisterReply::All(
                    all.map(|(name, (version, record))| (name.clone(), *version, record.clone()))
                        .collect(),
                )
            }
            RegisterRequest::CompareAndSet {
                name,
                expect,
                record,
            } => {
                let wrote = self.writers.get(&name) == Some(&from);
                let (version, stands) = self.records.entry(name.clone()).or_default();
                // The same write of the same server once more: its answer was lost.
                if wrote && *version == expect.next() && *stands == record {
                    return RegisterReply::Written { version: *version };
                }
                if *version != expect {
                    return RegisterReply::Conflict {
                        version: *version,
                        record: stands.clone(),
                    };
                }
                *version = version.next();
                *stands = record;
                self.writers.insert(name, from);
                RegisterReply::Written { version: *version }
            }
        }
    }
}

impl Node for Register {
    type Config = ();
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = RegisterView;

    fn boot(_cx: &mut Ctx<'_, Self>) -> Self {
        Register {
            records: BTreeMap::new(),
            writers: BTreeMap::new(),
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        if let Msg::ToRegister(id, request) = msg {
            let reply = self.answer(from, request);
            cx.send(from, Msg::FromRegister(id, reply));
        }
    }

    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, _timer: Timer) {}

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, _op: Op) {
        cx.ret(id, Ret::NotHere);
    }

    fn view(&self, _now: LocalTime) -> RegisterView {
        let records = self.records.iter();
        RegisterView {
            records: records
                .map(|(name, (version, record))| RecordView {
                    name: name.clone(),
                    version: version.0,
                    owner: record.as_ref().map(|r| r.owner.clone()),
                })
                .collect(),
        }
    }
}
