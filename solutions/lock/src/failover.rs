//! Stage 4, first variant: a primary that answers first and tells its replica afterwards.

use crate::message::{Msg, Op, Proof, Reply, Request, Ret, TimeLeft, Timer};
use crate::names::{Name, RequestId, Token};
use crate::replica::{Record, Update};
use crate::table::{Lease, LockTable};
use crate::view::ServerView;
use node::{Addr, Ctx, LocalTime, Node, OpId};

/// How one of the pair is set up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailoverConfig {
    /// The other one.
    pub peer: Addr,
    /// Whether it leads from the start.
    pub primary: bool,
}

/// One of a pair of lock servers. [`Op::Lead`] promotes the replica, as Redis Sentinel would.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Failover {
    table: LockTable,
    leads: bool,
    /// The number of the last update that was sent, or taken over.
    updates: u64,
}

impl Failover {
    /// **Task 4.1** (asynchronous replication): carries out `request` as the primary, as Redis
    /// does: the client has its answer *before* the replica has heard anything.
    ///
    /// Carries it out on the table ([`Failover::apply`]), answers `from` with [`Msg::Reply`], and
    /// only then tells the peer what stands under the name now: an [`Msg::Update`] with the next
    /// number and the lease as a [`Record`] ([`Failover::record`]). Waits for nobody.
    fn serve(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, id: RequestId, request: Request) {
        let now = cx.now();
        let name = request.name().clone();
        let reply = self.apply(now, request);
        cx.send(from, Msg::Reply(id, reply));
        self.updates += 1;
        let update = Update {
            number: self.updates,
            lease: self.record(now, &name),
            name,
        };
        cx.send(cx.cfg().peer, Msg::Update(update));
    }

    /// The request on the table, without fencing.
    fn apply(&mut self, now: LocalTime, request: Request) -> Reply {
        let done = |yes| if yes { Reply::Done } else { Reply::Missing };
        match request {
            Request::Acquire {
                name, owner, ttl, ..
            } => {
                let token = Token::NONE;
                let ours = Proof::Owner(owner.clone());
                let again = self.table.get(now, &name).is_some_and(|l| l.is_of(&ours));
                let granted = self
                    .table
                    .set_if_absent(now, &name, &owner, token, Some(ttl));
                if granted || again {
                    Reply::Granted { token }
                } else {
                    Reply::Refused
                }
            }
            Request::Renew { name, proof, ttl } => done(self.table.renew(now, &name, &proof, ttl)),
            Request::Release { name, proof } => done(self.table.release(now, &name, &proof)),
            _ => Reply::Refused,
        }
    }

    /// The lease under `name` in a form that means something on another node.
    fn record(&self, now: LocalTime, name: &Name) -> Option<Record> {
        let lease = self.table.get(now, name)?;
        let TimeLeft::Left(left) = self.table.time_left(now, name) else {
            return None;
        };
        Some(Record {
            owner: lease.owner.clone(),
            token: lease.token,
            ttl: left,
            left,
        })
    }

    /// The replica hears of a change.
    fn take_over(&mut self, now: LocalTime, update: Update) {
        if update.number <= self.updates {
            return;
        }
        self.updates = update.number;
        match update.lease {
            Some(record) => {
                let lease = Lease {
                    owner: record.owner,
                    token: record.token,
                    until: Some(now + record.left),
                };
                self.table.set(update.name, lease);
            }
            None => {
                self.table.delete(now, &update.name);
            }
        }
    }
}

impl Node for Failover {
    type Config = FailoverConfig;
    type Msg = Msg;
    type Timer = Timer;
    type Op = Op;
    type Ret = Ret;
    type View = ServerView;

    fn boot(cx: &mut Ctx<'_, Self>) -> Self {
        Failover {
            table: LockTable::default(),
            leads: cx.cfg().primary,
            updates: 0,
        }
    }

    fn on_message(&mut self, cx: &mut Ctx<'_, Self>, from: Addr, msg: Msg) {
        match msg {
            Msg::Request(id, request) if self.leads => self.serve(cx, from, id, request),
            Msg::Request(id, _) => cx.send(from, Msg::Reply(id, Reply::NotLeader)),
            Msg::Update(update) if !self.leads => self.take_over(cx.now(), update),
            _ => {}
        }
    }

    fn on_timer(&mut self, _cx: &mut Ctx<'_, Self>, _timer: Timer) {}

    fn on_op(&mut self, cx: &mut Ctx<'_, Self>, id: OpId, op: Op) {
        if op == Op::Lead {
            self.leads = true;
            cx.ret(id, Ret::Leading);
        } else {
            cx.ret(id, Ret::NotHere);
        }
    }

    fn view(&self, now: LocalTime) -> ServerView {
        ServerView {
            leases: self.table.view(now),
            waiting: Vec::new(),
            leads: self.leads,
        }
    }
}
