//! Values to bytes, in the form of either protocol version.

use super::{Frame, Protocol};

impl Frame {
    /// Appends this value to `out`. RESP2 has no types for some: they take the form that Redis
    /// gives them there (a map becomes a flat array, a boolean an integer).
    pub fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let v3 = protocol == Protocol::Resp3;
        match self {
            Frame::Simple(text) => put_line(b'+', text, out),
            Frame::Error(text) => put_line(b'-', text, out),
            Frame::Integer(n) => put_number(b':', *n, out),
            Frame::Bulk(bytes) => put_bulk(b'$', bytes, out),
            Frame::Null if v3 => out.extend(b"_\r\n"),
            Frame::Null => out.extend(b"$-1\r\n"),
            Frame::Array(items) => put_items(b'*', items, protocol, out),
            Frame::Set(items) => put_items(if v3 { b'~' } else { b'*' }, items, protocol, out),
            Frame::Push(items) => put_items(if v3 { b'>' } else { b'*' }, items, protocol, out),
            Frame::Map(pairs) => {
                let len = pairs.len() as i64;
                put_number(
                    if v3 { b'%' } else { b'*' },
                    if v3 { len } else { 2 * len },
                    out,
                );
                for (key, value) in pairs {
                    key.encode(protocol, out);
                    value.encode(protocol, out);
                }
            }
            Frame::Boolean(yes) if v3 => put_line(b'#', if *yes { b"t" } else { b"f" }, out),
            Frame::Boolean(yes) => put_number(b':', i64::from(*yes), out),
            Frame::Double(text) if v3 => put_line(b',', text, out),
            Frame::BigNumber(text) if v3 => put_line(b'(', text, out),
            Frame::Double(text) | Frame::BigNumber(text) => put_bulk(b'$', text, out),
            Frame::Verbatim(text) if v3 => put_bulk(b'=', text, out),
            // RESP2 has no room for the kind.
            Frame::Verbatim(text) => put_bulk(b'$', text.get(4..).unwrap_or(text), out),
        }
    }
}

/// One line. Whatever would end it early becomes a space: an error may quote a client's bytes.
fn put_line(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    let clean = |b: &u8| if matches!(b, b'\r' | b'\n') { b' ' } else { *b };
    out.extend(text.iter().map(clean));
    out.extend(b"\r\n");
}

/// A number behind its type's byte: an integer, or a length.
fn put_number(kind: u8, n: i64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push(kind);
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// A string behind its length.
pub(crate) fn put_bulk(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    put_number(kind, bytes.len() as i64, out);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn put_items(kind: u8, items: &[Frame], protocol: Protocol, out: &mut Vec<u8>) {
    put_number(kind, items.len() as i64, out);
    for item in items {
        item.encode(protocol, out);
    }
}
