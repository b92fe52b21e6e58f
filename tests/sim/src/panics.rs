//! Panics of a learner's code: caught, kept with their place, told from a task that is still to do.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, Once};

/// A panic that was caught.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Panic {
    /// Its message.
    pub message: String,
    /// `file:line`, if known.
    pub location: Option<String>,
}

impl Panic {
    /// The name of the task, if the panic says that a task is still to do.
    pub fn todo(&self) -> Option<&str> {
        let text = self.message.strip_prefix("not yet implemented")?;
        Some(text.strip_prefix(": ").unwrap_or(text))
    }
}

thread_local! {
    /// Depth of [`caught`]: the hook stays silent inside.
    static WATCHED: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
    /// The first panic of this thread.
    static OWN: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();
/// The first panic of the process.
static FIRST: Mutex<Option<Panic>> = Mutex::new(None);

/// Installs the hook that notes every panic with its place. Idempotent.
pub(crate) fn install() {
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let seen = describe(info);
            if let Ok(mut first) = FIRST.lock() {
                first.get_or_insert_with(|| seen.clone());
            }
            OWN.with(|own| {
                if let Ok(mut own) = own.try_borrow_mut() {
                    own.get_or_insert_with(|| seen.clone());
                }
            });
            LAST.with(|last| {
                if let Ok(mut last) = last.try_borrow_mut() {
                    *last = Some(seen);
                }
            });
            if WATCHED.get() == 0 {
                before(info);
            }
        }));
    });
}

/// The first panic that the hook has seen: in this thread, or in any if the process runs this one
/// test only. Code that swallows its own panic cannot hide it from here.
pub(crate) fn first_stray(any_thread: bool) -> Option<Panic> {
    if any_thread {
        return FIRST.lock().ok().and_then(|first| first.clone());
    }
    OWN.with(|own| own.borrow().clone())
}

/// Forgets what [`first_stray`] knows: before a graded test begins.
pub(crate) fn forget() {
    if let Ok(mut first) = FIRST.lock() {
        *first = None;
    }
    OWN.with(|own| own.borrow_mut().take());
}

/// A node that stopped on purpose: its panic is no stray. Others, before or after it, stay.
pub(crate) fn forgive(panic: &Panic) {
    let same = |seen: &mut Option<Panic>| {
        if seen.as_ref() == Some(panic) {
            *seen = None;
        }
    };
    if let Ok(mut first) = FIRST.lock() {
        same(&mut first);
    }
    OWN.with(|own| same(&mut own.borrow_mut()));
}

/// As [`caught`], for a panic that a test wants: it is no stray.
pub(crate) fn caught_on_purpose<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    let (first, own) = (first_stray(true), first_stray(false));
    let result = caught(code);
    if let Ok(mut slot) = FIRST.lock() {
        *slot = first;
    }
    OWN.with(|slot| *slot.borrow_mut() = own);
    result
}

/// Runs `code`; a panic is returned.
pub(crate) fn caught<T>(code: impl FnOnce() -> T) -> Result<T, Panic> {
    install();
    WATCHED.set(WATCHED.get() + 1);
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    WATCHED.set(WATCHED.get() - 1);
    result.map_err(|payload| {
        let message = text(payload.as_ref());
        LAST.with(|last| last.borrow_mut().take())
            .filter(|p| p.message == message)
            .unwrap_or(Panic {
                message,
                location: None,
            })
    })
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    Panic {
        message: text(info.payload()),
        location: info
            .location()
            .map(|l| format!("{}:{}", l.file(), l.line())),
    }
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(s) = payload.downcast_ref::<&str>() {
        (*s).to_string()
    } else if let Some(s) = payload.downcast_ref::<String>() {
        s.clone()
    } else {
        "a panic without a text".to_string()
    }
}
