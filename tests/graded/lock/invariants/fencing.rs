use dist_lock::{Cast, CellView, Msg, Name, Owner, Reply, Request, RequestId, Token, View};
use node::Addr;
use sim::{Checker, Event, Step, Violation};
use std::collections::BTreeMap;

/// **D-I2 Fencing.** The tokens of a name grow strictly from grant to grant, over restarts of the
/// server too; and no write of an earlier grant takes effect after a write of a later one.
///
/// Grants are ordered as their answers left the server, so no token is believed for the order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Fencing {
    /// What each request asked for.
    asked: BTreeMap<(Addr, RequestId), (Name, Owner)>,
    grants: BTreeMap<Name, Vec<(Owner, Token)>>,
    cells: BTreeMap<(Addr, Name), (CellView, usize)>,
}

impl Checker<Cast> for Fencing {
    fn watches_messages(&self) -> bool {
        true
    }

    fn after(&mut self, step: &Step<'_, Cast>) -> Result<(), Violation> {
        match step.event {
            Event::Sent { msg: Msg::Request(id, Request::Acquire { name, owner, .. }), .. } => {
                let asked = (name.clone(), owner.clone());
                self.asked.insert((step.node, *id), asked);
            }
            Event::Sent { to, msg: Msg::Reply(id, Reply::Granted { token }) } => {
                self.granted(to, *id, *token, step.node)?
            }
            _ => {}
        }
        if let Some(View::Storage(storage)) = step.stepped() {
            for cell in &storage.cells {
                self.stands(step.node, cell)?;
            }
        }
        Ok(())
    }
}

impl Fencing {
    fn granted(
        &mut self,
        to: Addr,
        id: RequestId,
        token: Token,
        server: Addr,
    ) -> Result<(), Violation> {
        let Some((name, owner)) = self.asked.get(&(to, id)).cloned() else {
            return Ok(());
        };
        let grants = self.grants.entry(name.clone()).or_default();
        let grant = (owner, token);
        // The same grant told once more.
        if grants.last() == Some(&grant) {
            return Ok(());
        }
        if let Some((before, newest)) = grants.iter().max_by_key(|(_, token)| *token)
            && token <= *newest
        {
            let message = format!(
                "{name} was granted to {} with token {token} after {before} had token {newest}",
                grant.0
            );
            return Err(Violation::new("D-I2 Fencing", message).at([server]));
        }
        grants.push(grant);
        Ok(())
    }

    fn stands(&mut self, storage: Addr, cell: &CellView) -> Result<(), Violation> {
        let key = (storage, cell.name.clone());
        let before = self.cells.get(&key);
        if before.is_some_and(|(before, _)| before == cell) {
            return Ok(());
        }
        let grants = self.grants.get(&cell.name).map_or(&[][..], Vec::as_slice);
        let exact = |(owner, token): &(Owner, Token)| *owner == cell.owner && *token == cell.token;
        let owners = |(owner, _): &(Owner, Token)| *owner == cell.owner;
        let place = grants.iter().rposition(exact);
        let Some(place) = place.or_else(|| grants.iter().rposition(owners)) else {
            return Ok(());
        };
        if let Some((before, newer)) = before
            && place < *newer
        {
            let message = format!(
                "the storage took {:?} of {} with token {} into {} after {:?} of the later holder \
                 {} with token {}",
                cell.value,
                cell.owner,
                cell.token,
                cell.name,
                before.value,
                before.owner,
                before.token
            );
            return Err(Violation::new("D-I2 Fencing", message).at([storage]));
        }
        self.cells.insert(key, (cell.clone(), place));
        Ok(())
    }
}
