//! Commands as a server reads them: many at a time, in one piece of memory, without a tree.

use super::{MAX_BULK, MAX_COMMAND, MAX_ELEMENTS, MAX_LENGTH_LINE, MAX_LINE};
use super::{WireError, integer, unexpected};

/// Commands that arrived together, in order. All arguments stand in one buffer: a pipeline of
/// sixteen commands costs three allocations and not sixty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Pipeline {
    bytes: Vec<u8>,
    /// Where each argument ends in `bytes`.
    ends: Vec<u32>,
    /// Where each command ends in `ends`.
    commands: Vec<u32>,
}

/// One command of a [`Pipeline`]: its name is argument 0.
#[derive(Clone, Copy, Debug)]
pub struct Command<'p> {
    bytes: &'p [u8],
    /// Where argument 0 begins.
    begin: usize,
    ends: &'p [u32],
}

impl<'p> Command<'p> {
    /// The number of arguments, the name included; never 0.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// Never: a command has a name.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
    /// Argument `index`; `None` behind the last one.
    pub fn get(&self, index: usize) -> Option<&'p [u8]> {
        let end = *self.ends.get(index)? as usize;
        let begin = match index {
            0 => self.begin,
            _ => self.ends[index - 1] as usize,
        };
        self.bytes.get(begin..end)
    }
    /// Argument `index`; empty behind the last one.
    pub fn arg(&self, index: usize) -> &'p [u8] {
        self.get(index).unwrap_or_default()
    }
    /// The arguments from `first` on.
    pub fn from(&self, first: usize) -> impl Iterator<Item = &'p [u8]> + use<'p> {
        let this = *self;
        (first..this.len()).map(move |i| this.arg(i))
    }
}

impl Pipeline {
    /// One command, from its arguments.
    pub fn of<A: AsRef<[u8]>>(args: impl IntoIterator<Item = A>) -> Pipeline {
        let mut pipeline = Pipeline::default();
        for arg in args {
            pipeline.push(arg.as_ref());
        }
        pipeline.end_command();
        pipeline
    }
    /// The number of complete commands.
    pub fn len(&self) -> usize {
        self.commands.len()
    }
    /// Whether there is no complete command.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
    /// Command `index`, if it is there.
    pub fn get(&self, index: usize) -> Option<Command<'_>> {
        let last = *self.commands.get(index)? as usize;
        let first = match index {
            0 => 0,
            _ => self.commands[index - 1] as usize,
        };
        Some(Command {
            bytes: &self.bytes,
            begin: self.begin_of(first),
            ends: &self.ends[first..last],
        })
    }

    /// Where argument number `arg` of all begins.
    fn begin_of(&self, arg: usize) -> usize {
        match arg {
            0 => 0,
            _ => self.ends[arg - 1] as usize,
        }
    }

    fn push(&mut self, arg: &[u8]) {
        self.bytes.extend_from_slice(arg);
        self.ends.push(self.bytes.len() as u32);
    }

    fn end_command(&mut self) {
        self.commands.push(self.ends.len() as u32);
    }

    /// The number of bytes of all arguments.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Takes out the complete commands and leaves what there is of the next one.
    pub fn take_complete(&mut self) -> Pipeline {
        let args = self.commands.last().map_or(0, |last| *last as usize);
        let mut taken = std::mem::take(self);
        if args < taken.ends.len() {
            let begin = taken.begin_of(args);
            self.bytes.extend_from_slice(&taken.bytes[begin..]);
            let ends = taken.ends[args..].iter();
            self.ends.extend(ends.map(|end| end - begin as u32));
            taken.bytes.truncate(begin);
            taken.ends.truncate(args);
        }
        taken
    }
}

/// Reads commands from a stream, wherever it is cut into pieces.
#[derive(Clone, Debug, Default)]
pub struct CommandReader {
    /// Arguments that the command still needs; 0 between two commands.
    missing: usize,
    /// Bytes of the arguments that it has.
    size: usize,
    /// How far a pending inline command has been searched for its end.
    searched: usize,
}

impl CommandReader {
    /// Reads from the front of `input` (what was not used before, and what has come since) as far
    /// as it goes. Returns how many bytes were used up; they must not be passed again.
    pub fn read(&mut self, input: &[u8], into: &mut Pipeline) -> Result<usize, WireError> {
        let mut at = 0;
        while let Some(used) = self.step(&input[at..], into)? {
            at += used;
        }
        Ok(at)
    }

    /// One header, one argument or one inline command; `None` if it is not complete.
    fn step(&mut self, input: &[u8], into: &mut Pipeline) -> Result<Option<usize>, WireError> {
        let Some(&kind) = input.first() else {
            return Ok(None);
        };
        if self.missing > 0 {
            return self.argument(kind, input, into);
        }
        if kind != b'*' {
            return self.inline(input, into);
        }
        let Some((count, used)) = length(&input[1..], "multibulk")? else {
            return Ok(None);
        };
        if count > MAX_ELEMENTS as i64 {
            return Err(WireError::BadLength("multibulk"));
        }
        // Redis takes an empty or absent array as no command at all.
        self.missing = usize::try_from(count).unwrap_or(0);
        self.size = 0;
        Ok(Some(1 + used))
    }

    fn argument(
        &mut self,
        kind: u8,
        input: &[u8],
        into: &mut Pipeline,
    ) -> Result<Option<usize>, WireError> {
        if kind != b'$' {
            return Err(unexpected("'$'", kind));
        }
        let Some((len, used)) = length(&input[1..], "bulk")? else {
            return Ok(None);
        };
        let len = match usize::try_from(len) {
            Ok(len) if len <= MAX_BULK => len,
            _ => return Err(WireError::BadLength("bulk")),
        };
        if self.size + len > MAX_COMMAND {
            return Err(WireError::LongCommand);
        }
        let Some(body) = input.get(1 + used..1 + used + len + 2) else {
            return Ok(None);
        };
        let (arg, end) = body.split_at(len);
        if end != b"\r\n" {
            return Err(WireError::NoLineEnd);
        }
        into.push(arg);
        self.size += len;
        self.missing -= 1;
        if self.missing == 0 {
            into.end_command();
        }
        Ok(Some(1 + used + len + 2))
    }

    /// A command as a person types it: words in one line, with quotes.
    fn inline(&mut self, input: &[u8], into: &mut Pipeline) -> Result<Option<usize>, WireError> {
        let from = self.searched.min(input.len());
        let Some(at) = input[from..].iter().position(|b| *b == b'\n') else {
            self.searched = input.len();
            return if input.len() > MAX_LINE {
                Err(WireError::LongLine)
            } else {
                Ok(None)
            };
        };
        let end = from + at;
        self.searched = 0;
        if end > MAX_LINE {
            return Err(WireError::LongLine);
        }
        let words = split_words(&input[..end]).ok_or(WireError::Quotes)?;
        if words.len() > MAX_ELEMENTS {
            return Err(WireError::BadLength("multibulk"));
        }
        if !words.is_empty() {
            for word in words {
                into.push(&word);
            }
            into.end_command();
        }
        Ok(Some(end + 1))
    }
}

/// The number in a line that begins here, and the line's length with its end.
fn length(input: &[u8], of: &'static str) -> Result<Option<(i64, usize)>, WireError> {
    // The usual case by far: one digit.
    if let [digit @ b'0'..=b'9', b'\r', b'\n', ..] = input {
        return Ok(Some((i64::from(digit - b'0'), 3)));
    }
    let window = &input[..input.len().min(MAX_LENGTH_LINE)];
    let Some(end) = window.iter().position(|b| *b == b'\n') else {
        return if window.len() == MAX_LENGTH_LINE {
            Err(WireError::BadLength(of))
        } else {
            Ok(None)
        };
    };
    let text = window[..end].strip_suffix(b"\r");
    let number = text.and_then(integer).ok_or(WireError::BadLength(of))?;
    Ok(Some((number, end + 1)))
}

/// The words of an inline command. In double quotes `\n \r \t \b \a \xHH` and an escaped character
/// mean what they mean in C; in single quotes only `\'`. `None` if a quote does not end, or ends
/// inside a word.
fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while let Some((&first, after)) = rest.split_first() {
        let (word, behind) = match first {
            b'"' | b'\'' => {
                let (word, behind) = quoted(after, first)?;
                if behind.first().is_some_and(|b| !b.is_ascii_whitespace()) {
                    return None;
                }
                (word, behind)
            }
            _ => {
                let stop = |b: &u8| b.is_ascii_whitespace();
                let end = rest.iter().position(stop).unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = behind.trim_ascii_start();
    }
    Some(words)
}

/// The text up to the closing quote, and what stands behind it.
fn quoted(text: &[u8], quote: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                word.push(b'\'');
                rest = after;
            }
            [b'\\', b'x', high, low, after @ ..]
                if quote == b'"' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] if *byte == quote => return Some((word, after)),
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
