//! RESP, Redis's protocol: bytes ↔ values. Given. Pure: no socket, no clock.
//!
//! **How it works.** [`Decoder`] turns bytes into [`Frame`]s and remembers where it stopped, so a
//! value that comes byte by byte costs no more than one that comes whole. [`Frame::encode`] is the
//! way back, in the form of either protocol version. A server reads commands only, many at a time
//! and without a tree: [`CommandReader`] in `wire/command.rs`.
//!
//! Every length that a peer claims is checked against a limit before anything is done with it, and
//! no room is made for bytes that have not come.

mod command;
mod encode;

pub use command::{Command, CommandReader, Pipeline};
pub(crate) use encode::put_bulk;

use std::fmt;

/// The longest string that is taken, in bytes. A lock's name and owner are short; a script may be
/// some kilobytes.
pub const MAX_BULK: usize = 512 << 10;
/// The most elements of one array, map or set; also the most arguments of one command.
pub const MAX_ELEMENTS: usize = 4096;
/// The most bytes of one command's arguments together.
pub const MAX_COMMAND: usize = 2 << 20;
/// The longest line: an inline command, a status, an error.
pub const MAX_LINE: usize = 64 << 10;
/// How deep arrays may stand inside each other.
pub const MAX_DEPTH: usize = 16;
/// The longest line that holds a length, its end included: `-9223372036854775808\r\n`.
const MAX_LENGTH_LINE: usize = 22;

/// Which form replies have. A connection starts with RESP2 and may ask for RESP3 with `HELLO 3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Protocol {
    /// Version 2: five types.
    #[default]
    Resp2,
    /// Version 3: maps, sets, booleans, doubles, a null of its own.
    Resp3,
}

/// One value of the protocol.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Frame {
    /// `+OK`: a status, one line.
    Simple(Vec<u8>),
    /// `-ERR …`: an error, one line; the first word is its kind.
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3`: any bytes.
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`: nothing.
    Null,
    /// `*2`: values in order.
    Array(Vec<Frame>),
    /// `%1` (RESP3): pairs, in the order in which they were sent.
    Map(Vec<(Frame, Frame)>),
    /// `~2` (RESP3).
    Set(Vec<Frame>),
    /// `>2` (RESP3): told unasked.
    Push(Vec<Frame>),
    /// `#t` (RESP3).
    Boolean(bool),
    /// `,1.5` (RESP3): the digits as they were sent.
    Double(Vec<u8>),
    /// `(123` (RESP3): the digits as they were sent.
    BigNumber(Vec<u8>),
    /// `=7` (RESP3): a text with its kind (three letters) in front.
    Verbatim(Vec<u8>),
}

/// Why bytes are no RESP. After one of these a connection cannot go on: nobody knows where the
/// next value begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WireError {
    /// A value of an unknown type, or another than has to stand here.
    Unexpected {
        /// What has to stand here.
        wanted: &'static str,
        /// The byte that does.
        got: u8,
    },
    /// A length or number that is none, is negative where it must not be, or is over the limit.
    BadLength(&'static str),
    /// A string's bytes are not followed by the end of a line.
    NoLineEnd,
    /// A line without an end within [`MAX_LINE`].
    LongLine,
    /// Arrays inside arrays beyond [`MAX_DEPTH`].
    TooDeep,
    /// A command's arguments are together longer than [`MAX_COMMAND`].
    LongCommand,
    /// An inline command with a quote that does not end.
    Quotes,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Protocol error: ")?;
        match self {
            WireError::Unexpected { wanted, got } => {
                write!(f, "expected {wanted}, got '{}'", got.escape_ascii())
            }
            WireError::BadLength(of) => write!(f, "invalid {of} length"),
            WireError::NoLineEnd => f.write_str("expected the end of a line after a string"),
            WireError::LongLine => f.write_str("too big inline request"),
            WireError::TooDeep => write!(f, "arrays nested deeper than {MAX_DEPTH}"),
            WireError::LongCommand => write!(f, "a command longer than {MAX_COMMAND} bytes"),
            WireError::Quotes => f.write_str("unbalanced quotes in request"),
        }
    }
}
impl std::error::Error for WireError {}

/// The first value in `bytes`, and how many bytes it took; `None` if it is not complete.
///
/// For bytes that keep coming use a [`Decoder`]: this begins anew each time.
pub fn decode(bytes: &[u8]) -> Result<Option<(Frame, usize)>, WireError> {
    let (used, frame) = Decoder::default().advance(bytes)?;
    Ok(frame.map(|frame| (frame, used)))
}

/// Decodes a stream of values, wherever it is cut into pieces.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The arrays that are not complete, outermost first.
    open: Vec<Open>,
    /// How far the pending line has been searched for its end.
    searched: usize,
}

#[derive(Clone, Debug)]
struct Open {
    kind: u8,
    missing: usize,
    items: Vec<Frame>,
}

impl Decoder {
    /// Reads from the front of `input`: what was not used before, and what has come since. Returns
    /// how many bytes were used up, which must not be passed again, and a value if one is
    /// complete. Without a value, more bytes are needed.
    pub fn advance(&mut self, input: &[u8]) -> Result<(usize, Option<Frame>), WireError> {
        let mut at = 0;
        while let Some((mut frame, used)) = self.item(&input[at..])? {
            at += used;
            // A complete item completes the array it stands in, and that one the next.
            while let Some(item) = frame.take() {
                let Some(open) = self.open.last_mut() else {
                    return Ok((at, Some(item)));
                };
                open.items.push(item);
                open.missing -= 1;
                if open.missing > 0 {
                    break;
                }
                frame = self.open.pop().map(Open::close);
            }
        }
        Ok((at, None))
    }

    /// One item and the bytes it took; an item without a value has opened an array.
    fn item(&mut self, input: &[u8]) -> Result<Option<(Option<Frame>, usize)>, WireError> {
        let Some((line, used)) = self.line(input)? else {
            return Ok(None);
        };
        let Some((&kind, text)) = line.split_first() else {
            return Err(unexpected("a type", b'\r'));
        };
        let frame = match kind {
            b'+' => Frame::Simple(text.to_vec()),
            b'-' => Frame::Error(text.to_vec()),
            b':' => Frame::Integer(integer(text).ok_or(WireError::BadLength("integer"))?),
            b',' => Frame::Double(text.to_vec()),
            b'(' => Frame::BigNumber(text.to_vec()),
            b'_' if text.is_empty() => Frame::Null,
            b'#' if text == b"t" || text == b"f" => Frame::Boolean(text == b"t"),
            b'$' | b'=' | b'!' => return bulk(kind, text, input, used),
            b'*' | b'%' | b'~' | b'>' => match self.begin(kind, text)? {
                None => return Ok(Some((None, used))),
                Some(frame) => frame,
            },
            other => return Err(unexpected("a type", other)),
        };
        Ok(Some((Some(frame), used)))
    }

    /// Begins an array; an empty one, or none, is complete at once.
    fn begin(&mut self, kind: u8, text: &[u8]) -> Result<Option<Frame>, WireError> {
        let bad = WireError::BadLength("multibulk");
        let missing = match integer(text) {
            Some(-1) if kind == b'*' => return Ok(Some(Frame::Null)),
            Some(n @ 0..) if n as usize <= MAX_ELEMENTS => n as usize,
            _ => return Err(bad),
        };
        let missing = if kind == b'%' { missing * 2 } else { missing };
        let items = Vec::new();
        let open = Open {
            kind,
            missing,
            items,
        };
        if missing == 0 {
            return Ok(Some(open.close()));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(WireError::TooDeep);
        }
        self.open.push(open);
        Ok(None)
    }

    /// The line at the front, without its end, and its length with it.
    fn line<'i>(&mut self, input: &'i [u8]) -> Result<Option<(&'i [u8], usize)>, WireError> {
        let from = self.searched.min(input.len());
        match input[from..].iter().position(|b| *b == b'\n') {
            Some(at) => {
                let end = from + at;
                self.searched = 0;
                match input[..end].split_last() {
                    Some((b'\r', line)) if line.len() <= MAX_LINE => Ok(Some((line, end + 1))),
                    Some((b'\r', _)) => Err(WireError::LongLine),
                    _ => Err(WireError::NoLineEnd),
                }
            }
            None if input.len() > MAX_LINE => Err(WireError::LongLine),
            None => {
                self.searched = input.len();
                Ok(None)
            }
        }
    }
}

impl Open {
    fn close(self) -> Frame {
        match self.kind {
            b'~' => Frame::Set(self.items),
            b'>' => Frame::Push(self.items),
            b'%' => {
                let mut items = self.items.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    pairs.push((key, value));
                }
                Frame::Map(pairs)
            }
            _ => Frame::Array(self.items),
        }
    }
}

type Item = Option<(Option<Frame>, usize)>;

/// A string with its length in front; `used` bytes of `input` were its header.
fn bulk(kind: u8, length: &[u8], input: &[u8], used: usize) -> Result<Item, WireError> {
    let len = match integer(length) {
        Some(-1) if kind == b'$' => return Ok(Some((Some(Frame::Null), used))),
        Some(n @ 0..) if n as usize <= MAX_BULK => n as usize,
        _ => return Err(WireError::BadLength("bulk")),
    };
    let Some(body) = input.get(used..used + len + 2) else {
        return Ok(None);
    };
    if &body[len..] != b"\r\n" {
        return Err(WireError::NoLineEnd);
    }
    let bytes = body[..len].to_vec();
    let frame = match kind {
        b'!' => Frame::Error(bytes),
        b'=' => Frame::Verbatim(bytes),
        _ => Frame::Bulk(bytes),
    };
    Ok(Some((Some(frame), used + len + 2)))
}

fn unexpected(wanted: &'static str, got: u8) -> WireError {
    WireError::Unexpected { wanted, got }
}

/// A decimal number as Redis takes it: no plus sign, no spaces, no leading zeros, in 64 bits.
pub fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let digit = i64::from(digit - b'0');
        // Counted below zero: there is one more number there.
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

impl Frame {
    /// `+OK`.
    pub fn ok() -> Frame {
        Frame::Simple(b"OK".to_vec())
    }
    /// A status.
    pub fn simple(text: &str) -> Frame {
        Frame::Simple(text.into())
    }
    /// An error; its first word is its kind.
    pub fn error(text: impl Into<String>) -> Frame {
        Frame::Error(text.into().into_bytes())
    }
    /// Any bytes.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Frame {
        Frame::Bulk(bytes.as_ref().to_vec())
    }
}
