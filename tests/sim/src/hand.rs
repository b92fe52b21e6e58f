//! A run by hand: what can happen next is offered, and somebody chooses.
//!
//! **Idea.** A hand is a [`Scene`] and the choices made so far, in the explorer's own words ([`Choice`]). Everything
//! else is computed: [`Hand::look`] plays the path from the start and says where that leads. So stepping back is a
//! shorter path, a link is the path as text, a saved path is a regression, and after a save of the learner's file the
//! same path shows what the new code does.
//!
//! **One click through the files.** The page (`tests/tools/book/src/serve/explore.js`) appends the words of a card's
//! button to its path and posts the path. The book's server (`serve/explore.rs`) hands it to the runner, `cargo lab
//! explore LAB --format json` (`tests/tools/lab/src/explore.rs`), which builds the lab's target `explore` if a source
//! has changed and runs it in a process of its own, within a test's limits. There `tests/graded/<lab>/explore.rs` calls
//! [`serve`] with the lab's scenes. [`Hand::look`] plays the path: [`crate::Script::follow`] takes the steps, the
//! checkers run after each, `offer.rs` lists what can happen next, `frame.rs` is the answer. The way back is the same.
//!
//! **Trade-offs.** A click costs a process and a replay, some milliseconds, and buys that nothing has to be kept in
//! step: no session, no undo, and a node that hangs or aborts takes only its own process along.
//!
//! **Where to look.** [`Scene`] is what a lab's author writes; `retrace.rs` makes a path of a recorded run; [`saved`] is
//! the test that plays saved paths again.

mod frame;
mod offer;
mod path;
mod retrace;
mod saved;
mod scene;
mod serve;
mod words;

use crate::explore::{Choice, NotAChoice};
use crate::panics::{self, Panic};
use crate::script::{Played, Script};
use node::Node;
use std::panic::resume_unwind;

pub use frame::{Broken, Frame, NodeSeen, Parted};
pub use offer::{Deed, Offer, Topic};
pub use retrace::retrace;
pub use saved::saved;
pub use scene::Scene;
pub use serve::serve;

use crate::erased::Erased;
use frame::Seen;

/// What a step that cannot be taken is reported as; no invariant has this name.
const FOLLOW: &str = "the path can be followed";

/// A path through a scene.
pub struct Hand<'s, N: Node> {
    scene: &'s Scene<N>,
    path: Vec<Choice>,
}

/// A path that was played.
struct Walk {
    played: Played<()>,
    /// How many steps were taken.
    taken: usize,
    /// A sentence for each step that was begun.
    said: Vec<String>,
    /// Where it led; `None` if not even the nodes came up, or if a node cannot be looked at.
    seen: Option<Seen>,
    /// What the nodes showed before the newest steps.
    before: Vec<Option<serde_json::Value>>,
    /// A panic outside of a handler: in a `view`, in a checker.
    panic: Option<Panic>,
    /// Why the steps after those that were tried cannot be.
    refused: Option<String>,
}

impl<'s, N: Node> Hand<'s, N> {
    /// At the moment when all nodes of the scene have booted.
    pub fn new(scene: &'s Scene<N>) -> Self {
        Hand::on(scene, Vec::new())
    }

    /// Somewhere along a path. Whether it can be followed shows in [`Hand::look`].
    pub fn on(scene: &'s Scene<N>, path: Vec<Choice>) -> Self {
        Hand { scene, path }
    }

    /// The choices so far.
    pub fn path(&self) -> &[Choice] {
        &self.path
    }

    /// Chooses the next step.
    pub fn take(&mut self, step: &str) -> Result<(), NotAChoice> {
        self.path.push(step.parse()?);
        Ok(())
    }

    /// Takes the last choice back; false if there is none.
    pub fn back(&mut self) -> bool {
        self.path.pop().is_some()
    }

    /// Plays the path and tells where it leads. What changed is told against the state `newest` steps before its end.
    pub fn look(&self, newest: usize) -> Frame {
        frame::frame(self.scene, &self.path, self.walk(newest))
    }

    fn walk(&self, newest: usize) -> Walk {
        let plan = path::plan(self.scene, &self.path);
        let mark = plan.steps.len().saturating_sub(newest);
        let (mut taken, mut panic) = (0, None);
        let (mut said, mut seen, mut before) = (Vec::new(), None, Vec::new());
        let checker: Erased<N> = self.scene.checker.clone();
        let played = Script::play(&self.scene.scenario, checker, FOLLOW, |w| {
            let mut note = |w: &Script<N, Erased<N>>, taken: usize| {
                if taken == mark {
                    before = frame::views(w);
                }
                if let Some(next) = plan.steps.get(taken) {
                    said.push(words::sentence(self.scene, w, next));
                }
            };
            let followed = panics::caught(|| {
                note(w, 0);
                w.follow(&plan.scope, plan.steps, |w| {
                    taken += 1;
                    note(w, taken);
                });
            });
            seen = panics::caught(|| Seen::of(self.scene, w)).ok();
            w.go_on();
            if let Err(why) = followed {
                let message = why.message.clone();
                panic = Some(why);
                resume_unwind(Box::new(message));
            }
            // Nobody says that the run is over, so nobody judges its end.
            w.give_up("it goes on".to_owned())
        });
        Walk {
            played,
            taken,
            said,
            seen,
            before,
            panic,
            refused: plan.refused,
        }
    }
}
