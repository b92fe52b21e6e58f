//! [`Checker`]: an invariant, looked at after every event of a run.

use crate::call::Call;
use crate::time::SimTime;
use node::{Addr, LocalTime, Node, OpId};
use std::hash::Hash;

/// A broken invariant.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Violation {
    /// Its label and name: `D-I2 Fencing`. Shrinking keeps it.
    pub invariant: String,
    /// One sentence of what was seen.
    pub message: String,
    /// The nodes that the sentence speaks of.
    pub nodes: Vec<Addr>,
}

impl Violation {
    /// Says that `invariant` is broken, and how it was seen.
    pub fn new(invariant: impl Into<String>, message: impl Into<String>) -> Self {
        Violation {
            invariant: invariant.into(),
            message: message.into(),
            nodes: Vec::new(),
        }
    }
    /// Names the nodes that the sentence speaks of; a trace marks their lanes.
    pub fn at(mut self, nodes: impl IntoIterator<Item = Addr>) -> Self {
        self.nodes.extend(nodes);
        self
    }
}

/// An invariant with its memory ("one leader per term, ever"). The explorer hashes the memory as a
/// part of the state, so keep it small and free of times where possible.
pub trait Checker<N: Node>: Clone + Eq + Hash + 'static {
    /// Looks at the world after one event.
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation>;
    /// Looks once more when the run is over. `step.event` is [`Event::End`].
    fn at_end(&mut self, _step: &Step<'_, N>) -> Result<(), Violation> {
        Ok(())
    }
    /// True if `after` is to be called with [`Event::Sent`] as well, and if [`Event::Message`] is to
    /// hold the message. It costs a copy of every message.
    fn watches_messages(&self) -> bool {
        false
    }
}

/// What happened. A handler's event comes when its effects have been carried out (or held); the
/// answers among them follow, one [`Event::Ret`] each.
#[derive(Debug)]
pub enum Event<'a, N: Node> {
    /// The node started: first start or recovery.
    Boot,
    /// The node lost all that was not durable, and is down.
    Crash,
    /// The node handled a message.
    Message {
        /// Its sender.
        from: Addr,
        /// What it says, if the checker watches messages.
        msg: Option<&'a N::Msg>,
    },
    /// One of the node's timers fired.
    Timer(&'a N::Timer),
    /// A client asked the node.
    Op {
        /// The operation's name.
        id: OpId,
        /// What was asked.
        op: &'a N::Op,
    },
    /// The client of an operation went away.
    Cancel(OpId),
    /// The node answered a client.
    Ret {
        /// The operation's name.
        id: OpId,
        /// The answer.
        ret: &'a N::Ret,
        /// False if more answers may follow.
        last: bool,
    },
    /// The node sent a message (only if the checker watches messages).
    Sent {
        /// Where it goes.
        to: Addr,
        /// What it says.
        msg: &'a N::Msg,
    },
    /// The node stopped handling: a pause.
    Pause,
    /// The node goes on after a pause, or its slow sync has ended.
    Resume,
    /// The node's clock was stepped, or its rate changed.
    Clock,
    /// The network changed (a link was cut or healed).
    Network,
    /// The run is over.
    End,
}

impl<N: Node> Clone for Event<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<N: Node> Copy for Event<'_, N> {}

/// What a checker may look at. The simulator and the explorer both implement it.
pub trait Look<N: Node> {
    /// All nodes, in the scenario's order.
    fn addrs(&self) -> &[Addr];
    /// The view of a node now; `None` if it is down or in the middle of a step.
    fn view(&self, addr: Addr) -> Option<&N::View>;
    /// When, in true time, the clock of a running node shows (or showed, or will show) `local`.
    fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime;
    /// The node's clock now.
    fn local_time(&self, addr: Addr) -> LocalTime;
    /// What clients asked so far, in the order of their asking. The explorer keeps none: a checker
    /// that is explored remembers what it needs itself.
    fn calls(&self) -> &[Call<N::Op, N::Ret>];
}

/// The world after one event.
pub struct Step<'a, N: Node> {
    /// True time.
    pub now: SimTime,
    /// Where it happened.
    pub node: Addr,
    /// What happened.
    pub event: Event<'a, N>,
    look: &'a dyn Look<N>,
}

impl<'a, N: Node> Step<'a, N> {
    /// Made by drivers.
    pub fn new(now: SimTime, node: Addr, event: Event<'a, N>, look: &'a dyn Look<N>) -> Self {
        Step {
            now,
            node,
            event,
            look,
        }
    }
    /// The view of the node where it happened.
    pub fn stepped(&self) -> Option<&'a N::View> {
        self.look.view(self.node)
    }
    /// The view of one node; `None` if it is down or in the middle of a step.
    pub fn view(&self, addr: Addr) -> Option<&'a N::View> {
        self.look.view(addr)
    }
    /// The views of all nodes that show one.
    pub fn views(&self) -> impl Iterator<Item = (Addr, &'a N::View)> + use<'a, N> {
        let look = self.look;
        look.addrs()
            .iter()
            .filter_map(move |a| look.view(*a).map(|v| (*a, v)))
    }
    /// All nodes.
    pub fn addrs(&self) -> &'a [Addr] {
        self.look.addrs()
    }
    /// When, in true time, the clock of `addr` shows `local`.
    pub fn true_time(&self, addr: Addr, local: LocalTime) -> SimTime {
        self.look.true_time(addr, local)
    }
    /// The clock of `addr` now.
    pub fn local_time(&self, addr: Addr) -> LocalTime {
        self.look.local_time(addr)
    }
    /// What clients asked so far.
    pub fn calls(&self) -> &'a [Call<N::Op, N::Ret>] {
        self.look.calls()
    }
}

macro_rules! checkers {
    ($($name:ident)*) => {
        impl<N: Node, $($name: Checker<N>),*> Checker<N> for ($($name,)*) {
            #[allow(non_snake_case, unused_variables)]
            fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
                let ($($name,)*) = self;
                $($name.after(step)?;)*
                Ok(())
            }
            #[allow(non_snake_case, unused_variables)]
            fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
                let ($($name,)*) = self;
                $($name.at_end(step)?;)*
                Ok(())
            }
            #[allow(non_snake_case)]
            fn watches_messages(&self) -> bool {
                let ($($name,)*) = self;
                false $(|| $name.watches_messages())*
            }
        }
    };
}
checkers!();
checkers!(A);
checkers!(A B);
checkers!(A B C);
checkers!(A B C D);
checkers!(A B C D E);
checkers!(A B C D E F);
