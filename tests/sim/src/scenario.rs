//! [`Scenario`]: who takes part in a run, what clients ask, what may go wrong, how it is shown.

use crate::call::Call;
use crate::fault::Faults;
use crate::key::Draw;
use crate::panics::Panic;
use crate::time::ms;
use crate::trace::Class;
use node::{Addr, LocalTime, Node};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A run without its seed.
pub struct Scenario<N: Node> {
    /// The lab's folder name, `lock`; traces and replay commands carry it.
    pub lab: &'static str,
    /// What a reader sees above a trace.
    pub title: String,
    /// The nodes, in the order in which they boot and are shown.
    pub places: Vec<Place<N>>,
    /// The clients of random runs; scripts ask by themselves.
    pub clients: Vec<Client<N>>,
    /// One-way delay of a message. A script uses the lower end, for every message.
    pub delay: Range<Duration>,
    /// Bound on each clock's rate against true time, in parts per million.
    pub drift_ppm: u32,
    /// How long faults happen and clients ask.
    pub horizon: Duration,
    /// How long the run goes on after that, healed and with nothing new, for what must end well.
    pub quiet: Duration,
    /// What may go wrong.
    pub faults: Faults<N>,
    /// How traces show messages, operations and states.
    pub show: Show<N>,
    /// If set, every message is encoded and decoded on its way, and must come out equal.
    pub wire: bool,
    /// If set, an operation whose node stayed up and that is unanswered when the quiet period ends
    /// is a violation. Set by default: a node that answers nothing passes every other check.
    pub must_answer: bool,
    /// A handler that panics with one of these in its message stops its node, and is no violation.
    pub stops: Vec<&'static str>,
    /// Messages on one link arrive in the order in which they were sent.
    pub fifo: bool,
    /// Of all operations that a swarm's clients ask, at least this share must be answered so.
    pub coverage: Option<(f64, IsGood<N>)>,
    /// More effects in one handler are a violation.
    pub max_effects: usize,
    /// More events in one millisecond of true time are a violation ("send loop").
    pub max_events_per_ms: u32,
}

/// One node of a scenario.
pub struct Place<N: Node> {
    /// Its address.
    pub addr: Addr,
    /// What a reader calls it: `client A`.
    pub name: String,
    /// What it is: `server`, `session`, `storage`.
    pub role: String,
    /// Its configuration.
    pub cfg: Arc<N::Config>,
    /// Room on its disk in bytes.
    pub disk: u64,
}

/// A sequential client: it asks, waits for the answer, thinks, asks again.
pub struct Client<N: Node> {
    /// What a reader calls it.
    pub name: String,
    /// The next operation; `None` ends the client. Pure: it may use only what [`Turn`] offers.
    pub next: NextOp<N>,
    /// After so long without an answer the client gives up (the node hears it in `on_cancel`). The
    /// call stays open for ever, and the client goes on as a new process.
    pub patience: Option<Duration>,
}

/// Whether an answer is a success.
pub type IsGood<N> = fn(&<N as Node>::Ret) -> bool;

/// What a client does next.
pub type NextOp<N> = Arc<dyn Fn(&Turn<'_, N>) -> Option<Ask<N>> + Send + Sync>;

/// One operation of a client.
pub struct Ask<N: Node> {
    /// The node that is asked.
    pub node: Addr,
    /// What is asked.
    pub op: N::Op,
    /// How long the client thinks before it.
    pub after: Duration,
}

/// Where a client stands when it decides on its next operation.
pub struct Turn<'a, N: Node> {
    /// The client's place in the scenario.
    pub client: u32,
    /// How many operations it has asked before.
    pub nth: u64,
    /// Randomness of this turn; `draw.again(1)` is another.
    pub draw: Draw,
    pub(crate) calls: &'a [Call<N::Op, N::Ret>],
}

impl<'a, N: Node> Turn<'a, N> {
    /// This client's calls so far, newest first.
    pub fn past(&self) -> impl Iterator<Item = &'a Call<N::Op, N::Ret>> + use<'a, N> {
        let me = Some(self.client);
        self.calls.iter().rev().filter(move |c| c.client == me)
    }
    /// The answer to the last call, if it came.
    pub fn last_answer(&self) -> Option<&'a N::Ret> {
        self.past().next().and_then(Call::answer)
    }
    /// One of `choices`, drawn; `which` tells draws of one turn apart.
    pub fn one_of<'c, T>(&self, which: u64, choices: &'c [T]) -> &'c T {
        &choices[self.draw.again(which).below(choices.len() as u64) as usize]
    }
}

/// A message's label in a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// What it is to its receiver.
    pub class: Class,
}

/// A stretch on a node's lane: a lease that is held.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BandLabel {
    /// Its text: `lease → A · token 33`.
    pub text: String,
    /// When it ends by itself, on the node's own clock.
    pub until: Option<LocalTime>,
}

/// How traces show a lab.
pub struct Show<N: Node> {
    /// A message.
    pub msg: fn(&N::Msg) -> Label,
    /// What a client asks.
    pub op: fn(&N::Op) -> String,
    /// What it is told.
    pub ret: fn(&N::Ret) -> String,
    /// A timer.
    pub timer: fn(&N::Timer) -> String,
    /// The bands open on a node's lane.
    pub bands: fn(&N::View) -> Vec<BandLabel>,
    /// True for messages that a trace leaves out when they changed nothing: heartbeats.
    pub dull: fn(&N::Msg) -> bool,
}

impl<N: Node> Clone for Show<N> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<N: Node> Copy for Show<N> {}

impl<N: Node> Default for Show<N> {
    fn default() -> Self {
        Show {
            msg: |m| Label {
                text: format!("{m:?}"),
                class: Class::Request,
            },
            op: |o| format!("{o:?}"),
            ret: |r| format!("{r:?}"),
            timer: |t| format!("{t:?}"),
            bands: |_| Vec::new(),
            dull: |_| false,
        }
    }
}

impl<N: Node> Clone for Place<N> {
    fn clone(&self) -> Self {
        Place {
            addr: self.addr,
            name: self.name.clone(),
            role: self.role.clone(),
            cfg: self.cfg.clone(),
            disk: self.disk,
        }
    }
}
impl<N: Node> Clone for Client<N> {
    fn clone(&self) -> Self {
        Client {
            name: self.name.clone(),
            next: self.next.clone(),
            patience: self.patience,
        }
    }
}
impl<N: Node> Clone for Scenario<N> {
    fn clone(&self) -> Self {
        Scenario {
            title: self.title.clone(),
            places: self.places.clone(),
            clients: self.clients.clone(),
            delay: self.delay.clone(),
            faults: self.faults.clone(),
            stops: self.stops.clone(),
            ..*self
        }
    }
}

impl<N: Node> Scenario<N> {
    /// A scenario without nodes, clients and faults: delay 1 to 5 ms, drift 1 %, horizon 5 s and
    /// 2 s of quiet.
    pub fn new(lab: &'static str) -> Self {
        Scenario {
            lab,
            title: String::new(),
            places: Vec::new(),
            clients: Vec::new(),
            delay: ms(1)..ms(5),
            drift_ppm: 10_000,
            horizon: ms(5_000),
            quiet: ms(2_000),
            faults: Faults::none(),
            show: Show::default(),
            wire: false,
            must_answer: true,
            stops: Vec::new(),
            fifo: false,
            coverage: None,
            max_effects: 10_000,
            max_events_per_ms: 20_000,
        }
    }

    /// `text` with each node that it calls `n3` told by its name: `client C (n3)` the first time,
    /// `client C` from then on.
    pub fn with_names(&self, text: &str) -> String {
        let mut told = vec![false; self.places.len()];
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(at) = rest.find('n') {
            let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit);
            let end = at + 1 + digits.count();
            let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            let before = rest[..at].chars().next_back().or(out.chars().next_back());
            let whole = alone(before) && before != Some('(') && alone(rest[end..].chars().next());
            let of = |p: &Place<N>| p.addr.to_string() == rest[at..end] && p.name != rest[at..end];
            out.push_str(&rest[..at]);
            match self.places.iter().position(of) {
                Some(place) if whole => {
                    out.push_str(&self.places[place].name);
                    if !std::mem::replace(&mut told[place], true) {
                        out.push_str(&format!(" ({})", &rest[at..end]));
                    }
                }
                _ => out.push_str(&rest[at..end]),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }

    /// Adds a node.
    pub fn node(
        mut self,
        addr: Addr,
        name: impl Into<String>,
        role: impl Into<String>,
        cfg: N::Config,
    ) -> Self {
        self.places.push(Place {
            addr,
            name: name.into(),
            role: role.into(),
            cfg: Arc::new(cfg),
            disk: u64::MAX,
        });
        self
    }

    /// Adds a client of random runs.
    pub fn client(
        mut self,
        name: impl Into<String>,
        next: impl Fn(&Turn<'_, N>) -> Option<Ask<N>> + Send + Sync + 'static,
    ) -> Self {
        self.clients.push(Client {
            name: name.into(),
            next: Arc::new(next),
            patience: None,
        });
        self
    }

    /// Lets every client give up after so long without an answer.
    pub fn patience(mut self, patience: Duration) -> Self {
        for client in &mut self.clients {
            client.patience = Some(patience);
        }
        self
    }

    /// Sets the title.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets what may go wrong.
    pub fn with_faults(mut self, faults: Faults<N>) -> Self {
        self.faults = faults;
        self
    }

    /// Sets the one-way delay of a message.
    pub fn with_delay(mut self, delay: Range<Duration>) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the bound on each clock's rate against true time.
    pub fn with_drift_ppm(mut self, ppm: u32) -> Self {
        self.drift_ppm = ppm;
        self
    }

    /// Sets how long faults happen, and the quiet time after that.
    pub fn lasting(mut self, horizon: Duration, quiet: Duration) -> Self {
        self.horizon = horizon;
        self.quiet = quiet;
        self
    }

    /// Sets how traces show the lab.
    pub fn shown(mut self, show: Show<N>) -> Self {
        self.show = show;
        self
    }

    /// Encodes and decodes every message on its way.
    pub fn over_the_wire(mut self) -> Self {
        self.wire = true;
        self
    }

    /// Lets a node stop itself on purpose: a panic whose message contains `text` (`broken disk`, say)
    /// takes the node down and is no violation. It stays down until a script starts it again.
    pub fn stops_on(mut self, text: &'static str) -> Self {
        self.stops.push(text);
        self
    }

    /// Lets every link keep the order of its messages, as a connection does: a message that takes
    /// long holds up those behind it. Nothing is late behind others then, and a copy comes right
    /// behind its original; losses stay, for connections break. In a script, held messages still
    /// come as the script says, and the explorer still tries every order.
    pub fn fifo(mut self) -> Self {
        self.fifo = true;
        self
    }

    /// Of all operations that a swarm's clients ask, over all its runs, at least `share` must be
    /// answered so that `good` is true. A swarm in which nothing succeeds shows nothing.
    pub fn must_succeed(mut self, share: f64, good: IsGood<N>) -> Self {
        self.coverage = Some((share, good));
        self
    }

    /// True for the panic of a node that stops on purpose.
    pub(crate) fn is_stop(&self, panic: &Panic) -> bool {
        stops(&self.stops, panic)
    }

    /// Lets operations stay unanswered (a lock that waits for ever).
    pub fn may_stay_unanswered(mut self) -> Self {
        self.must_answer = false;
        self
    }
}

/// True if the panic's message contains one of `texts`; a task to do is never a stop.
pub(crate) fn stops(texts: &[&str], panic: &Panic) -> bool {
    panic.todo().is_none() && texts.iter().any(|text| panic.message.contains(text))
}
