//! Bytes ↔ values, wherever the bytes are cut.

use crate::client::{encode, listed};
use dist_lock::wire::{
    CommandReader, Decoder, Frame, MAX_BULK, MAX_COMMAND, MAX_DEPTH, MAX_ELEMENTS, MAX_LINE,
    Pipeline, Protocol, WireError, decode,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Instant;
use tokio::io::AsyncReadExt;

fn line() -> impl Strategy<Value = Vec<u8>> {
    vec(
        any::<u8>().prop_filter("no line end", |b| !b"\r\n".contains(b)),
        0..12,
    )
}

fn scalar() -> impl Strategy<Value = Frame> {
    prop_oneof![
        line().prop_map(Frame::Simple),
        line().prop_map(Frame::Error),
        any::<i64>().prop_map(Frame::Integer),
        vec(any::<u8>(), 0..20).prop_map(Frame::Bulk),
        Just(Frame::Null),
        any::<bool>().prop_map(Frame::Boolean),
        line().prop_map(Frame::Double),
        line().prop_map(Frame::BigNumber),
        vec(any::<u8>(), 4..20).prop_map(Frame::Verbatim),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    scalar().prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Frame::Array),
            vec(inner.clone(), 0..5).prop_map(Frame::Set),
            vec(inner.clone(), 0..5).prop_map(Frame::Push),
            vec((inner.clone(), inner), 0..3).prop_map(Frame::Map),
        ]
    })
}

/// All values of a stream that comes in these pieces.
fn decode_pieces<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<Frame>, WireError> {
    let (mut decoder, mut rest, mut frames) = (Decoder::default(), Vec::new(), Vec::new());
    for piece in pieces {
        rest.extend_from_slice(piece);
        loop {
            let (used, frame) = decoder.advance(&rest)?;
            rest.drain(..used);
            match frame {
                Some(frame) => frames.push(frame),
                None => break,
            }
        }
    }
    Ok(frames)
}

/// All commands of a stream that comes in these pieces, as a server reads it.
fn read_pieces<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Result<Vec<Vec<Vec<u8>>>, WireError> {
    let (mut reader, mut rest) = (CommandReader::default(), Vec::new());
    let (mut pipeline, mut commands) = (Pipeline::default(), Vec::new());
    for piece in pieces {
        rest.extend_from_slice(piece);
        let used = reader.read(&rest, &mut pipeline)?;
        rest.drain(..used);
        commands.extend(listed(&pipeline.take_complete()));
    }
    Ok(commands)
}

proptest! {
    #[test]
    fn a_value_comes_back_from_resp3_wherever_it_is_cut(frame in frame(), second in scalar()) {
        let mut bytes = Vec::new();
        frame.encode(Protocol::Resp3, &mut bytes);
        second.encode(Protocol::Resp3, &mut bytes);
        let expected = vec![frame.clone(), second];
        prop_assert_eq!(decode_pieces(bytes.chunks(1)), Ok(expected.clone()));
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            prop_assert_eq!(decode_pieces([a, b].into_iter()), Ok(expected.clone()));
        }
        let (first, used) = decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(first, frame);
        prop_assert_eq!(decode(&bytes[..used - 1]), Ok(None));
    }

    #[test]
    fn what_is_sent_to_an_old_client_has_only_the_types_of_resp2(frame in frame()) {
        let mut bytes = Vec::new();
        frame.encode(Protocol::Resp2, &mut bytes);
        let (old, used) = decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(used, bytes.len());
        fn is_old(frame: &Frame) -> bool {
            match frame {
                Frame::Array(items) => items.iter().all(is_old),
                Frame::Simple(_) | Frame::Error(_) | Frame::Integer(_) => true,
                Frame::Bulk(_) | Frame::Null => true,
                _ => false,
            }
        }
        prop_assert!(is_old(&old), "{old:?}");
    }

    #[test]
    fn commands_are_read_the_same_wherever_they_are_cut(
        commands in vec(vec(vec(any::<u8>(), 0..20), 1..5), 1..5),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes: Vec<u8> = commands.iter().flat_map(|c| encode(c)).collect();
        prop_assert_eq!(read_pieces(bytes.chunks(1)), Ok(commands.clone()));
        let (a, b) = bytes.split_at(cut.index(bytes.len()));
        prop_assert_eq!(read_pieces([a, b].into_iter()), Ok(commands));
    }

    #[test]
    fn no_bytes_make_the_codec_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode_pieces(bytes.chunks(7));
        let _ = read_pieces(bytes.chunks(7));
    }

    #[test]
    fn damaged_values_make_no_panic(frame in frame(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = Vec::new();
        frame.encode(Protocol::Resp3, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let whole = decode_pieces([&bytes[..]].into_iter());
        let pieces = decode_pieces(bytes.chunks(1));
        prop_assert_eq!(whole.is_ok(), pieces.is_ok());
    }
}

fn one(bytes: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, WireError> {
    read_pieces([bytes].into_iter())
}

#[test]
fn a_person_may_type_commands() {
    let typed = b"PING\r\n  set 'a b' \"x\\n\\x41\\\"\"  \nget ''\r\n\r\n";
    let expected: Vec<Vec<Vec<u8>>> = vec![
        vec![b"PING".to_vec()],
        vec![b"set".to_vec(), b"a b".to_vec(), b"x\nA\"".to_vec()],
        vec![b"get".to_vec(), vec![]],
    ];
    assert_eq!(one(typed), Ok(expected.clone()));
    assert_eq!(read_pieces(typed.chunks(1)), Ok(expected.clone()));
    assert_eq!(one(b"get \"a\r\n"), Err(WireError::Quotes));
    assert_eq!(one(b"get 'a'b\r\n"), Err(WireError::Quotes));
}

#[test]
fn an_empty_array_is_no_command() {
    assert_eq!(
        one(b"*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n").map(|c| c.len()),
        Ok(1)
    );
}

#[test]
fn what_is_too_long_or_negative_or_no_number_is_refused_before_it_comes() {
    let bulk = WireError::BadLength("bulk");
    let multibulk = WireError::BadLength("multibulk");
    let cases: Vec<(String, WireError)> = vec![
        ("*1\r\n$-1\r\n".into(), bulk.clone()),
        (format!("*1\r\n${}\r\n", MAX_BULK + 1), bulk.clone()),
        ("*1\r\n$99999999999999999999\r\n".into(), bulk.clone()),
        (
            "*1\r\n$0000000000000000000000000000000".into(),
            bulk.clone(),
        ),
        ("*1\r\n$+1\r\n".into(), bulk.clone()),
        ("*1\r\n$1\n".into(), bulk),
        (format!("*{}\r\n", MAX_ELEMENTS + 1), multibulk.clone()),
        ("*x\r\n".into(), multibulk),
        ("*1\r\n$1\r\nxyz".into(), WireError::NoLineEnd),
        ("x".repeat(MAX_LINE + 2), WireError::LongLine),
    ];
    for (bytes, expected) in cases {
        assert_eq!(one(bytes.as_bytes()), Err(expected.clone()), "{bytes:.40}");
        let pieces = read_pieces(bytes.as_bytes().chunks(3));
        assert_eq!(pieces, Err(expected), "{bytes:.40} in pieces");
    }
    let wanted = "'$'";
    let got = b':';
    assert_eq!(
        one(b"*1\r\n:1\r\n"),
        Err(WireError::Unexpected { wanted, got })
    );
}

#[test]
fn a_command_is_limited_as_a_whole() {
    let part = vec![b'x'; MAX_BULK];
    let parts = vec![part; MAX_COMMAND / MAX_BULK + 1];
    assert_eq!(one(&encode(&parts)), Err(WireError::LongCommand));
    assert_eq!(one(&encode(&parts[1..])).map(|c| c.len()), Ok(1));
}

#[test]
fn replies_are_limited_too() {
    let deep = "*1\r\n".repeat(MAX_DEPTH + 1);
    assert_eq!(decode(deep.as_bytes()), Err(WireError::TooDeep));
    assert_eq!(decode(b"*4097\r\n"), Err(WireError::BadLength("multibulk")));
    assert_eq!(decode(b"$-2\r\n"), Err(WireError::BadLength("bulk")));
    assert_eq!(decode(b":12a\r\n"), Err(WireError::BadLength("integer")));
    assert_eq!(
        decode(b":9223372036854775808\r\n"),
        Err(WireError::BadLength("integer"))
    );
    let least = decode(b":-9223372036854775808\r\n");
    assert_eq!(least, Ok(Some((Frame::Integer(i64::MIN), 23))));
    assert_eq!(decode(b"+a\n"), Err(WireError::NoLineEnd));
}

#[test]
fn a_line_end_inside_an_error_cannot_forge_a_reply() {
    let mut bytes = Vec::new();
    Frame::error("ERR unknown 'a\r\n+OK'").encode(Protocol::Resp2, &mut bytes);
    assert_eq!(bytes, b"-ERR unknown 'a  +OK'\r\n");
}

/// Beginning anew with each byte would take tens of seconds here; going on takes tens of
/// milliseconds.
#[test]
fn one_byte_at_a_time_does_not_cost_the_square_of_the_length() {
    let bytes: Vec<u8> = encode(&vec!["x"; MAX_ELEMENTS]).repeat(8);
    let started = Instant::now();
    assert_eq!(read_pieces(bytes.chunks(1)).map(|c| c.len()), Ok(8));
    assert_eq!(decode_pieces(bytes.chunks(1)).map(|f| f.len()), Ok(8));
    let took = started.elapsed();
    assert!(took.as_secs() < 5, "{took:?}");
}

#[test]
fn values_are_read_from_a_scripted_stream() {
    tokio_test::block_on(async {
        let mut stream = tokio_test::io::Builder::new()
            .read(b"*2\r\n$3\r\nfo")
            .read(b"o\r")
            .read(b"\n:4")
            .read(b"2\r\n+OK\r\n")
            .build();
        let (mut decoder, mut rest, mut frames) = (Decoder::default(), Vec::new(), Vec::new());
        while stream.read_buf(&mut rest).await.expect("reads") > 0 {
            loop {
                // Bytes may be used up although no value is complete.
                let (used, frame) = decoder.advance(&rest).expect("is RESP");
                rest.drain(..used);
                let Some(frame) = frame else { break };
                frames.push(frame);
            }
        }
        let array = Frame::Array(vec![Frame::bulk("foo"), Frame::Integer(42)]);
        assert_eq!(frames, [array, Frame::ok()]);
    });
}
