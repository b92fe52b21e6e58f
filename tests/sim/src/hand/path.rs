//! A path before it is played: what its words mean in the scene.

use super::Scene;
use crate::explore::{Act, Choice, Scope};
use node::{Addr, Node};

/// As much of a path as has a meaning here.
pub(super) struct Plan<'p, N: Node> {
    pub(super) steps: &'p [Choice],
    /// Whose clients ask what the path asks, in its order.
    pub(super) scope: Scope<N>,
    /// Why the next step has none.
    pub(super) refused: Option<String>,
}

/// More clients than any scene has nodes are a mistake in the path.
const MOST_CLIENTS: usize = 64;

pub(super) fn plan<'p, N: Node>(scene: &Scene<N>, path: &'p [Choice]) -> Plan<'p, N> {
    let mut scope = Scope::new();
    let mut refused = None;
    let mut len = path.len();
    for (i, choice) in path.iter().enumerate() {
        if let Err(why) = admit(scene, &mut scope, &choice.act) {
            (refused, len) = (Some(why), i);
            break;
        }
    }
    if path.iter().any(|c| c.act == Act::Tick)
        && let Some(wait) = scene.wait
    {
        scope = scope.ticks(wait, u32::MAX);
    }
    Plan {
        steps: &path[..len],
        scope,
        refused,
    }
}

fn admit<N: Node>(scene: &Scene<N>, scope: &mut Scope<N>, act: &Act) -> Result<(), String> {
    if let Some(stranger) = nodes(act).into_iter().find(|n| scene.place(*n).is_none()) {
        return Err(format!("the scene has no node {stranger}"));
    }
    let Act::Ask { client, node, op } = act else {
        return Ok(());
    };
    if *client >= MOST_CLIENTS {
        return Err(format!("the scene has no client {client}"));
    }
    let mine = || scene.asks.iter().filter(|(n, _)| n == node).map(|(_, o)| o);
    let text = |o: &N::Op| format!("{o:?}");
    let known = mine().find(|o| text(o) == *op);
    let Some(known) = known.or_else(|| mine().find(|o| text(o).starts_with(op.as_str()))) else {
        return Err(format!("the scene's clients do not ask {node} for {op}"));
    };
    while scope.clients.len() <= *client {
        scope.clients.push(Vec::new());
    }
    scope.clients[*client].push((*node, known.clone()));
    Ok(())
}

fn nodes(act: &Act) -> Vec<Addr> {
    match act {
        Act::Deliver { from, to, .. } | Act::Lose { from, to, .. } => vec![*from, *to],
        Act::Fire { node, .. } | Act::Ask { node, .. } => vec![*node],
        Act::Crash(node)
        | Act::Restart(node)
        | Act::Amnesia(node)
        | Act::Pause(node)
        | Act::Resume(node)
        | Act::FinishSync(node) => vec![*node],
        Act::Outside(what) => what.nodes(),
        Act::Tick | Act::Cancel { .. } => Vec::new(),
    }
}
