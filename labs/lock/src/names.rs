//! The small types that everything else speaks of.

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Bytes with a meaning: any bytes (clients choose them), cheap to clone, readable in a trace.
macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<[u8]>);

        impl $name {
            /// Takes the bytes as they are.
            pub fn new(bytes: impl AsRef<[u8]>) -> Self {
                $name(bytes.as_ref().into())
            }
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name::new(text)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&String::from_utf8_lossy(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", String::from_utf8_lossy(&self.0))
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                // A trace is for people; a wire carries the bytes.
                if to.is_human_readable() {
                    to.collect_str(self)
                } else {
                    to.serialize_bytes(&self.0)
                }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_byte_buf(Bytes).map(|b| $name(b.into()))
            }
        }
    };
}

bytes_type! {
    /// What is locked.
    Name
}
bytes_type! {
    /// Who holds it: the value that stands under the name. It must be unique over all clients *and
    /// all acquisitions*, or a late release of an earlier acquisition ends a later one.
    Owner
}
bytes_type! {
    /// What a storage keeps under a name.
    Value
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = Vec<u8>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }
    fn visit_bytes<E: Error>(self, v: &[u8]) -> Result<Vec<u8>, E> {
        Ok(v.to_vec())
    }
    fn visit_str<E: Error>(self, v: &str) -> Result<Vec<u8>, E> {
        Ok(v.as_bytes().to_vec())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// A fencing token: the number of a grant. A later grant of the same name has a larger one, for
/// ever, whatever crashes.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Token(pub u64);

impl Token {
    /// Of a grant made without fencing (stages 1 and 2).
    pub const NONE: Token = Token(0);
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Names one request of a client, and its reply. `op` is the number of the operation for whose
/// sake it is sent, so it is not used again after a restart; `seq` counts within the operation.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct RequestId {
    /// The operation's number.
    pub op: u64,
    /// Grows with each request that is sent for this operation.
    pub seq: u32,
}
