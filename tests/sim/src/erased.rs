//! [`Erased`]: any checker behind one type, so that the simulator is compiled once for a lab's node
//! and not once for each set of invariants. It is most of what a saved file costs to test.

use crate::check::{Checker, Step, Violation};
use node::Node;
use std::any::Any;
use std::hash::{Hash, Hasher};

/// A checker whose type is forgotten.
pub struct Erased<N: Node>(Box<dyn Inner<N>>);

impl<N: Node> Erased<N> {
    /// Forgets the checker's type.
    pub fn new(checker: impl Checker<N>) -> Self {
        Erased(Box::new(checker))
    }
}

trait Inner<N: Node>: Any {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation>;
    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation>;
    fn watches_messages(&self) -> bool;
    fn copy(&self) -> Box<dyn Inner<N>>;
    fn same(&self, other: &dyn Any) -> bool;
    fn feed(&self, hasher: &mut dyn Hasher);
    fn as_any(&self) -> &dyn Any;
}

impl<N: Node, C: Checker<N>> Inner<N> for C {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        Checker::after(self, step)
    }
    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        Checker::at_end(self, step)
    }
    fn watches_messages(&self) -> bool {
        Checker::watches_messages(self)
    }
    fn copy(&self) -> Box<dyn Inner<N>> {
        Box::new(self.clone())
    }
    fn same(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<C>().is_some_and(|other| self == other)
    }
    fn feed(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<N: Node> Clone for Erased<N> {
    fn clone(&self) -> Self {
        // By name: a `Box` of a checker could be taken for a checker itself.
        Erased(Inner::copy(&*self.0))
    }
}
impl<N: Node> PartialEq for Erased<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.same(other.0.as_any())
    }
}
impl<N: Node> Eq for Erased<N> {}
impl<N: Node> Hash for Erased<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.feed(state);
    }
}

impl<N: Node> Checker<N> for Erased<N> {
    fn after(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        self.0.after(step)
    }
    fn at_end(&mut self, step: &Step<'_, N>) -> Result<(), Violation> {
        self.0.at_end(step)
    }
    fn watches_messages(&self) -> bool {
        self.0.watches_messages()
    }
}
