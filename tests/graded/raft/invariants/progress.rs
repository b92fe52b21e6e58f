use super::views;
use dist_raft::{Msg, View};
use node::Node;
use sim::{Checker, Step, Violation};

const NAME: &str = "G-I13 Progress";

/// **G-I13 Progress.** Some time after the last fault all servers have the leader's log, and know
/// to be committed what the leader knows to be.
///
/// An entry of the leader's own term is committed by then. Earlier ones need such an entry behind
/// them (§5.4.2), and before stage 4 no leader makes one by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Progress;

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for Progress {
    fn after(&mut self, _step: &Step<'_, N>) -> Result<(), Violation> {
        Ok(())
    }

    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let leads = views(step).filter(|(_, view)| view.leads());
        let Some((leader, of)) = leads.max_by_key(|(_, view)| view.current_term) else {
            return Err(Violation::new(NAME, "nobody leads at the end"));
        };
        let last = of.last_index();
        if of.term_at(last) == Some(of.current_term) && of.commit_index < last {
            let message = format!(
                "{leader} leads undisturbed, and entry {last} of its own term is not committed (commit index {})",
                of.commit_index
            );
            return Err(Violation::new(NAME, message).at([leader]));
        }
        for addr in step.addrs().iter().copied() {
            let Some(view) = step.view(addr).map(AsRef::as_ref) else {
                return Err(Violation::new(NAME, format!("{addr} shows nothing at the end")));
            };
            let (ends, commit): (_, _) = (view.last_index(), view.commit_index);
            let member = of.membership.has(addr);
            let own = of.term_at(last) == Some(of.current_term);
            // What a follower has beyond the leader's log goes when an entry takes its place.
            let same = view.term_at(last) == of.term_at(last) && (ends == last || !own);
            if member && (!same || commit < of.commit_index) {
                let message = format!(
                    "{leader} leads undisturbed with a log up to {last} and commit index {}; {addr} has a log up to {ends} and commit index {commit}",
                    of.commit_index
                );
                return Err(Violation::new(NAME, message).at([leader, addr]));
            }
        }
        Ok(())
    }
}
