//! The words for what happens in a state.

use super::choice::{Act, Choice, Fate};
use super::expand::Pick;
use super::state::{Ground, State};
use node::Node;

impl<N: Node> Ground<N> {
    /// The words for what happened in `state`.
    pub(super) fn choice<C>(&self, state: &State<N, C>, pick: Pick, fate: &Fate) -> Choice {
        let link = |packet: usize| {
            let flight = &state.net[packet];
            (
                flight.from,
                self.addrs[flight.to],
                format!("{:?}", flight.msg),
            )
        };
        let act = match pick {
            Pick::Deliver { packet, stays } => {
                let (from, to, msg) = link(packet);
                Act::Deliver {
                    from,
                    to,
                    msg,
                    stays,
                }
            }
            Pick::Lose { packet } => {
                let (from, to, msg) = link(packet);
                Act::Lose { from, to, msg }
            }
            Pick::Fire { seat, timer } => Act::Fire {
                node: self.addrs[seat],
                timer: format!("{:?}", state.seats[seat].timers[timer].timer),
            },
            Pick::Tick => Act::Tick,
            Pick::Ask { client } => {
                let asked = usize::from(state.rest.clients[client].asked);
                let (node, op) = &self.scope.clients[client][asked];
                Act::Ask {
                    client,
                    node: *node,
                    op: format!("{op:?}"),
                }
            }
            Pick::Cancel { client } => Act::Cancel { client },
            Pick::Crash { seat } => Act::Crash(self.addrs[seat]),
            Pick::Restart {
                seat,
                erased: false,
            } => Act::Restart(self.addrs[seat]),
            Pick::Restart { seat, erased: true } => Act::Amnesia(self.addrs[seat]),
            Pick::Pause { seat } => Act::Pause(self.addrs[seat]),
            Pick::Resume { seat } => Act::Resume(self.addrs[seat]),
            Pick::FinishSync { seat } => Act::FinishSync(self.addrs[seat]),
        };
        Choice {
            act,
            fate: fate.clone(),
        }
    }
}
