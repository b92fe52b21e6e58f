//! What a command says: a [`Frame`], or one of the few forms that are worth no allocation.

use crate::names::{Name, Owner};
use crate::wire::{Frame, Protocol, put_bulk};

/// A command's reply.
pub(crate) enum Said {
    /// `OK`.
    Ok,
    /// A value as it stands in the table.
    Value(Owner),
    /// Anything else.
    Frame(Frame),
    /// Nothing yet: this request waits for the lock of that name.
    Waits(u64, Name, Owner),
}

impl Said {
    pub fn encode(self, protocol: Protocol, out: &mut Vec<u8>) {
        match self {
            Said::Ok => out.extend_from_slice(b"+OK\r\n"),
            Said::Value(value) => put_bulk(b'$', value.as_bytes(), out),
            Said::Frame(frame) => frame.encode(protocol, out),
            Said::Waits(..) => {}
        }
    }

    /// As a value that a script can look at.
    pub fn into_frame(self) -> Frame {
        match self {
            Said::Ok => Frame::ok(),
            Said::Value(value) => Frame::bulk(value.as_bytes()),
            Said::Frame(frame) => frame,
            Said::Waits(..) => Frame::Null,
        }
    }

    pub fn integer(n: i64) -> Said {
        Said::Frame(Frame::Integer(n))
    }
    pub fn bool(yes: bool) -> Said {
        Said::integer(i64::from(yes))
    }
    pub fn null() -> Said {
        Said::Frame(Frame::Null)
    }
    pub fn error(text: impl Into<String>) -> Said {
        Said::Frame(Frame::error(text))
    }
    pub fn value(value: Option<Owner>) -> Said {
        value.map_or_else(Said::null, Said::Value)
    }
}
