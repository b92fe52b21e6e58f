//! The tokio driver: one [`Node`] on real sockets, real files and a real clock.
//!
//! **Idea.** One thread, no lock. The node stands in an `Rc<RefCell<…>>` and whoever has an input
//! for it (a connection's task, a timer, a peer's frame) runs the handler right there and carries
//! out its effects in order. An operation whose answer waits for no disk is answered before
//! [`Shell::ask`] returns: no channel, no wake-up, no allocation but the node's own.
//!
//! **Trade-offs.** A handler that takes long holds up everybody: the price of one atomic step at
//! a time. More than one core is used only by the disk's thread.
//!
//! **How it works.** Effects run in order up to the first `sync`. From there on they wait in a
//! queue while a thread of the disk writes and calls fsync; handlers go on running, and their
//! effects queue up behind. When the fsync is done, *all* that queued up meanwhile goes to the
//! disk as one batch: this is group commit, and nothing leaves before what it depends on is
//! durable. A failed write, a failed fsync and a full disk stop the node; nothing is tried again.
//!
//! | file | what is there |
//! |---|---|
//! | `mod.rs` | [`Shell`]: start a node, ask it, stop it |
//! | `machine.rs` | the node, and one step of it |
//! | `effects.rs` | effects in order, the queue behind a sync, batches |
//! | `config.rs`, `error.rs` | [`ShellConfig`], [`ShellError`] |
//! | `answers.rs` | [`Answers`]: what a client waits for |
//! | `clock.rs` | pending timers |
//! | `image.rs` | what handlers read: files in memory, randomness |
//! | `folder.rs` | opening the data folder |
//! | `files.rs` | the disk's thread: write, fsync, rename, merge |
//! | `peers.rs` | frames to and from other nodes |
//!
//! Architecture invariant: no handler ever runs inside another one, and no borrow of the machine
//! is held over an `.await`.

mod answers;
mod clock;
mod config;
mod effects;
mod error;
mod files;
mod folder;
mod image;
mod machine;
mod peers;

pub use answers::{Answers, Asked};
pub use config::ShellConfig;
pub use error::ShellError;

use crate::driver::Input;
use crate::{Addr, Node};
use machine::Machine;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// One running node. Clones are handles to the same node.
///
/// It lives on one thread: make it inside a [`tokio::task::LocalSet`].
pub struct Shell<N: Node> {
    inner: Rc<Inner<N>>,
}

impl<N: Node> Clone for Shell<N> {
    fn clone(&self) -> Self {
        Shell {
            inner: Rc::clone(&self.inner),
        }
    }
}

struct Inner<N: Node> {
    machine: RefCell<Machine<N>>,
    /// The earliest timer has changed, or the node sent itself a message.
    clock: Notify,
    /// Something waits for the disk.
    disk: Notify,
    /// A batch is done, or the node has stopped.
    settled: Notify,
}

impl<N: Node> Shell<N> {
    /// Reads the disk, boots the node and starts its timers, its disk and its peers' connections.
    pub fn boot(config: ShellConfig, node: Arc<N::Config>) -> Result<Self, ShellError> {
        let (image, writer) = match &config.data {
            Some(dir) => {
                let (files, writer) = folder::open(dir)?;
                (image::Image::new(files, config.capacity), Some(writer))
            }
            None => (image::Image::new(BTreeMap::new(), config.capacity), None),
        };
        let peers = peers::connect_all(&config);
        let machine = Machine::boot(config.me, node, image, writer.is_some(), peers)?;
        let shell = Shell {
            inner: Rc::new(Inner {
                machine: RefCell::new(machine),
                clock: Notify::new(),
                disk: Notify::new(),
                settled: Notify::new(),
            }),
        };
        tokio::task::spawn_local(clock::run(shell.clone()));
        if let Some(writer) = writer {
            tokio::task::spawn_local(effects::run(shell.clone(), writer));
        }
        shell.after_step();
        Ok(shell)
    }

    /// Asks the node for `op`, now. If its answer waits for no disk and no other event, it is
    /// here at once.
    pub fn ask(&self, op: N::Op) -> Result<Asked<N>, ShellError> {
        let asked = self.inner.machine.borrow_mut().ask(op)?;
        self.after_step();
        Ok(match asked {
            machine::Outcome::Answered(ret) => Asked::Answered(ret),
            machine::Outcome::Waits(id, slot) => Asked::Waits(Answers::new(self.clone(), id, slot)),
        })
    }

    /// Asks for `op` and waits for its first answer. Dropping the future cancels the operation.
    pub async fn call(&self, op: N::Op) -> Result<N::Ret, ShellError> {
        match self.ask(op)? {
            Asked::Answered(ret) => Ok(ret),
            Asked::Waits(mut answers) => answers.next().await?.ok_or(ShellError::Stopped),
        }
    }

    /// Hands the node a message, as if it had come from `from`.
    pub fn deliver(&self, from: Addr, msg: N::Msg) {
        self.input(Input::Message(from, msg));
    }

    /// From now on messages to `to` are handed to `route` instead of a socket: a node, or a real
    /// system's client, in this process. It runs inside the step, so it must only hand over (to a
    /// channel, say), and call nothing of this shell.
    pub fn route(&self, to: Addr, route: impl Fn(N::Msg) + 'static) {
        let mut machine = self.inner.machine.borrow_mut();
        machine.routes.insert(to, Box::new(route));
    }

    /// From now on `to` is reached at this socket (`host:port`), or not at all: for nodes that come
    /// and go while this one runs.
    pub fn reach(&self, to: Addr, socket: Option<&str>) {
        let mut machine = self.inner.machine.borrow_mut();
        // A node that has stopped reaches nobody any more.
        if machine.failed.is_none() {
            machine.peers.reach(to, socket);
        }
    }

    /// Takes messages from other nodes on this listener, until the node stops.
    pub async fn listen(&self, listener: tokio::net::TcpListener, max_frame: usize) {
        peers::accept(self.clone(), listener, max_frame).await;
    }

    /// What the node shows now.
    pub fn view(&self) -> N::View {
        self.inner.machine.borrow().view()
    }

    /// How many fsyncs of files the disk has done: with group commit fewer than were asked for.
    pub fn fsyncs(&self) -> u64 {
        self.inner.machine.borrow().fsyncs
    }

    /// Waits until the node has stopped, and says why.
    pub async fn stopped(&self) -> ShellError {
        loop {
            let settled = self.inner.settled.notified();
            if let Some(why) = self.failure() {
                return why;
            }
            settled.await;
        }
    }

    /// Why the node has stopped, if it has.
    pub fn failure(&self) -> Option<ShellError> {
        self.inner.machine.borrow().failed.clone()
    }

    /// Waits until what queues behind the disk is fewer than `effects`. Servers call this before
    /// they take more work from a client.
    pub async fn room(&self, effects: usize) {
        loop {
            let settled = self.inner.settled.notified();
            {
                let machine = self.inner.machine.borrow();
                if machine.failed.is_some() || machine.queued() < effects {
                    return;
                }
            }
            settled.await;
        }
    }

    /// Stops the node gracefully: takes no new input, finishes what waits for the disk, gives the
    /// last answers. Returns why it had stopped before, if it had.
    pub async fn shutdown(&self) -> Result<(), ShellError> {
        self.inner.machine.borrow_mut().closing = true;
        loop {
            let settled = self.inner.settled.notified();
            match self.failure() {
                Some(ShellError::Stopped) => return Ok(()),
                Some(why) => return Err(why),
                None => {}
            }
            if self.inner.machine.borrow().idle() {
                self.fail(ShellError::Stopped);
                continue;
            }
            self.inner.disk.notify_one();
            settled.await;
        }
    }

    /// The client of `id` went away.
    fn cancel(&self, id: crate::OpId) {
        self.inner.machine.borrow_mut().forget(id);
        self.input(Input::Cancel(id));
    }

    fn input(&self, input: machine::InputOf<N>) {
        self.inner.machine.borrow_mut().input(input);
        self.after_step();
    }

    fn fail(&self, why: ShellError) {
        self.inner.machine.borrow_mut().fail(why);
        self.after_step();
    }

    /// Wakes the tasks that a step gave work to.
    fn after_step(&self) {
        let wants = std::mem::take(&mut self.inner.machine.borrow_mut().wants);
        if wants.clock {
            self.inner.clock.notify_one();
        }
        if wants.disk {
            self.inner.disk.notify_one();
        }
        if wants.settled {
            self.inner.clock.notify_one();
            self.inner.disk.notify_one();
            self.inner.settled.notify_waiters();
        }
    }
}
