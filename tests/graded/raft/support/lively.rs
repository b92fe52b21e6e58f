use super::invariants::views;
use dist_raft::{Msg, View};
use node::Node;
use sim::{Checker, Step, Test, Violation};
use std::cell::Cell;

thread_local! {
    /// Runs that came to their end, and what happened in them.
    static SEEN: Cell<(u64, u64, u64)> = const { Cell::new((0, 0, 0)) };
}

/// No vacuous pass: counts, over the runs of a swarm, those with a leader at the end, and what they
/// committed. It finds no fault with any run by itself.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lively;

impl Lively {
    /// Begins to count.
    pub fn new() -> Self {
        SEEN.set((0, 0, 0));
        Lively
    }
    /// Whether the runs since then were lively: all with a leader, and with so many entries
    /// committed in the mean.
    #[track_caller]
    pub fn check(t: &mut Test, commits: u64) {
        let (runs, led, committed) = SEEN.get();
        t.check_eq(led, runs, "runs that end with a leader, of all runs");
        // A replay is of one run, and shrinking leaves out what clients ask.
        if runs >= 50 {
            t.check(
                committed >= commits * runs,
                format!(
                    "{committed} entries were committed in {runs} runs: too few to say anything"
                ),
            );
        }
    }
}

impl<N: Node<Msg = Msg, View: AsRef<View>>> Checker<N> for Lively {
    fn after(&mut self, _step: &Step<'_, N>) -> Result<(), Violation> {
        Ok(())
    }
    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        let (runs, led, committed) = SEEN.get();
        let leads = u64::from(views(step).any(|(_, view)| view.leads()));
        let most = views(step).map(|(_, view)| view.commit_index.0).max();
        SEEN.set((runs + 1, led + leads, committed + most.unwrap_or(0)));
        Ok(())
    }
}
