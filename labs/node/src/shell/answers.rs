//! [`Answers`]: what one client waits for.

use super::{Shell, ShellError};
use crate::{Node, OpId};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

/// Answers that may wait for one client. A watch whose client is slower than this is cancelled:
/// without a bound one sleeping client would take all memory.
pub(super) const MAX_WAITING: usize = 4096;

/// What [`Shell::ask`] gave at once.
pub enum Asked<N: Node> {
    /// The only answer.
    Answered(N::Ret),
    /// Answers come later, one or many.
    Waits(Answers<N>),
}

/// Where the machine puts a client's answers.
pub(super) struct Slot<R> {
    pub answers: VecDeque<R>,
    pub end: Option<End>,
    pub waker: Option<Waker>,
}

/// Why no further answer comes.
#[derive(Clone)]
pub(super) enum End {
    Last,
    Failed(ShellError),
}

pub(super) type SharedSlot<R> = Rc<RefCell<Slot<R>>>;

pub(super) fn slot<R>() -> SharedSlot<R> {
    Rc::new(RefCell::new(Slot {
        answers: VecDeque::new(),
        end: None,
        waker: None,
    }))
}

/// The answers to one operation. Dropping it before the last one cancels the operation.
pub struct Answers<N: Node> {
    shell: Shell<N>,
    id: OpId,
    slot: SharedSlot<N::Ret>,
}

impl<N: Node> Answers<N> {
    pub(super) fn new(shell: Shell<N>, id: OpId, slot: SharedSlot<N::Ret>) -> Self {
        Answers { shell, id, slot }
    }

    /// The next answer; `None` after the last one. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<N::Ret>, ShellError> {
        poll_fn(|cx| {
            let mut slot = self.slot.borrow_mut();
            if let Some(ret) = slot.answers.pop_front() {
                return Poll::Ready(Ok(Some(ret)));
            }
            match &slot.end {
                Some(End::Last) => Poll::Ready(Ok(None)),
                Some(End::Failed(why)) => Poll::Ready(Err(why.clone())),
                None => {
                    slot.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<N: Node> Drop for Answers<N> {
    fn drop(&mut self) {
        if self.slot.borrow().end.is_none() {
            self.shell.cancel(self.id);
        }
    }
}
