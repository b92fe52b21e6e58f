//! One step of the server: what it asks of the lock server, what that touched, what leaves at the
//! end.

use super::{LOCK, Replies, RespServer};
use crate::message::{Reply, Request};
use crate::names::Name;
use crate::server::LockServer;
use node::{Ctx, Node, OpId};
use std::collections::VecDeque;

/// One handler's run.
pub(crate) struct Turn<'t, 'c> {
    pub server: &'t mut RespServer,
    pub cx: &'t mut Ctx<'c, RespServer>,
    /// Names whose lease may have changed in this step, each once.
    touched: Vec<Name>,
    /// Requests of others that this step has answered.
    woken: VecDeque<(u64, Reply)>,
    /// What is told at the end, behind the journal's sync.
    replies: Vec<(OpId, Replies, bool)>,
}

impl<'t, 'c> Turn<'t, 'c> {
    pub fn new(server: &'t mut RespServer, cx: &'t mut Ctx<'c, RespServer>) -> Self {
        Turn {
            server,
            cx,
            touched: Vec::new(),
            woken: VecDeque::new(),
            replies: Vec::new(),
        }
    }

    /// Runs a handler of the lock server inside; what it tells those who wait is kept for later.
    pub fn lock(&mut self, run: impl FnOnce(&mut LockServer, &mut Ctx<'_, LockServer>)) {
        let lock = &mut self.server.lock;
        for answer in self.cx.scope(&LOCK, |cx| run(lock, cx)) {
            self.woke(answer.id.number(), answer.ret);
        }
    }

    /// The lock server has answered a request of an earlier step.
    fn woke(&mut self, number: u64, reply: Reply) {
        if let Some(waiting) = self.server.waiting.get(&number) {
            let name = waiting.name.clone();
            self.touch(&name);
            self.woken.push_back((number, reply));
        }
    }

    /// Asks the lock server. `Err`: the request waits, under this number.
    pub fn try_ask(&mut self, request: Request) -> Result<Reply, u64> {
        if changes(&request) {
            self.touch(request.name());
        }
        let number = self.server.next_request;
        self.server.next_request += 1;
        let lock = &mut self.server.lock;
        let id = OpId::inner(number);
        let answers = self.cx.scope(&LOCK, |cx| lock.on_op(cx, id, request));
        let mut own = Err(number);
        for answer in answers {
            match answer.id.number() {
                this if this == number => own = Ok(answer.ret),
                other => self.woke(other, answer.ret),
            }
        }
        own
    }

    /// Asks the lock server for something that is answered at once.
    pub fn ask(&mut self, request: Request) -> Reply {
        // Only an acquisition that may wait is not answered in its own step.
        self.try_ask(request).unwrap_or(Reply::Overloaded)
    }

    fn touch(&mut self, name: &Name) {
        if self.server.journal.is_on() && !self.touched.contains(name) {
            self.touched.push(name.clone());
        }
    }

    /// Answers a request that waits in another batch, at the end of this step.
    pub fn wake(&mut self, number: u64, reply: Reply) {
        self.woken.push_back((number, reply));
    }

    pub fn ret(&mut self, op: OpId, replies: Replies, last: bool) {
        self.replies.push((op, replies, last));
    }

    /// Lets those go on who waited for what this step did, journals what changed, and only then
    /// answers.
    pub fn finish(mut self) {
        while let Some((number, reply)) = self.woken.pop_front() {
            self.go_on(number, reply);
        }
        if !self.touched.is_empty() {
            let RespServer { journal, lock, .. } = self.server;
            journal.write(self.cx, lock, &self.touched);
        }
        for (op, replies, last) in self.replies {
            if last {
                self.cx.ret(op, replies);
            } else {
                self.cx.ret_more(op, replies);
            }
        }
    }
}

fn changes(request: &Request) -> bool {
    !matches!(request, Request::Get { .. } | Request::TimeLeft { .. })
}
