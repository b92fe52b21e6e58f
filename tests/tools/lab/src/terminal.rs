//! Single keys from the terminal, and the terminal as it was afterwards.

use std::io::Read;
use std::sync::mpsc::Sender;
use std::thread;

/// While this lives, keys come one by one and are not echoed.
pub struct Keys {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

/// Ctrl-C arrives as a key, so that what was started can be stopped and the terminal mended.
pub const CTRL_C: u8 = 3;

impl Keys {
    /// Without a terminal there are no keys.
    pub fn listen<T: Send + 'static>(
        send: Sender<T>,
        wrap: impl Fn(u8) -> T + Send + 'static,
    ) -> Keys {
        let keys = Keys::single();
        thread::spawn(move || {
            for byte in std::io::stdin().lock().bytes() {
                let Ok(byte) = byte else {
                    break;
                };
                if send.send(wrap(byte)).is_err() {
                    break;
                }
            }
        });
        keys
    }

    #[cfg(unix)]
    fn single() -> Keys {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let input = std::io::stdin();
        let Ok(before) = tcgetattr(&input) else {
            return Keys { before: None };
        };
        let mut now = before.clone();
        now.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        // If it cannot be set, keys need Enter; nothing else changes.
        let _ = tcsetattr(&input, OptionalActions::Now, &now);
        Keys {
            before: Some(before),
        }
    }

    #[cfg(not(unix))]
    fn single() -> Keys {
        Keys {}
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            use rustix::termios::{OptionalActions, tcsetattr};
            // A terminal that is gone needs no mending.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
