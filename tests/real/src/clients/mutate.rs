//! The codec and the server under damaged input, for a bounded time: known commands with bytes
//! changed, removed, doubled and cut.
//!
//! This is mutation from a corpus without looking at which code ran, on the stable toolchain:
//! weaker than a fuzzer that is guided by coverage, and it runs wherever the tests run.

use crate::draw::Draw;
use crate::outcome::{Checked, Outcome, ensure, fail};
use crate::resp::{Client, encode};
use crate::servers::{self, Build, Process};
use lock_solution::wire::{CommandReader, Decoder, Frame, Pipeline};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

const IN_PROCESS: Duration = Duration::from_secs(10);
const OVER_SOCKETS: usize = 400;

fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = [
        "SET k v NX PX 100",
        "GET k",
        "DEL a b c",
        "PEXPIRE k 5",
        "HELLO 3",
        "PING",
        "INFO",
        "LOCK.ACQUIRE n o PX 50 WAIT 5",
        "LOCK.RENEW n 1 PX 50",
        "LOCK.RELEASE n 1",
        "SCRIPT LOAD x",
        "CLIENT SETINFO LIB-NAME x",
        "CONFIG GET *",
        "SET k v GET KEEPTTL XX",
    ]
    .iter()
    .map(|line| encode(&line.split(' ').collect::<Vec<_>>()))
    .collect();
    let script = "local r = redis.call('set', KEYS[1], ARGV[1]) return {r, redis.pcall('get')}";
    corpus.push(encode(&["EVAL", script, "1", "k", "v"]));
    corpus.push(b"set \"a\\x41\" 'b' px 5\r\nget a\r\n".to_vec());
    corpus.push(
        b"*3\r\n%1\r\n+a\r\n:1\r\n~1\r\n#t\r\n>1\r\n,1.5\r\n=7\r\ntxt:abc\r\n(99\r\n_\r\n".to_vec(),
    );
    corpus.push(b"*2147483647\r\n*-2147483648\r\n$2147483647\r\n$-0\r\n".to_vec());
    corpus
}

fn mutated(corpus: &[Vec<u8>], draw: &mut Draw) -> Vec<u8> {
    let pick = |draw: &mut Draw| corpus[draw.below(corpus.len() as u64) as usize].clone();
    let mut bytes = pick(draw);
    for _ in 0..draw.below(3) {
        bytes.extend(pick(draw));
    }
    for _ in 0..draw.below(6) {
        let at = draw.below(bytes.len() as u64) as usize;
        let telling = b"\r\n*$+-:%~0129\"'\\";
        match draw.below(5) {
            0 => bytes[at] = draw.next() as u8,
            1 => bytes[at] = telling[draw.below(telling.len() as u64) as usize],
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, telling[draw.below(telling.len() as u64) as usize]),
            _ => bytes.truncate(at + 1),
        }
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// Commands in one piece and in many must be the same, and so must the verdict.
fn decode_both_ways(bytes: &[u8], piece: usize) -> bool {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut reader, mut rest) = (CommandReader::default(), Vec::new());
        let mut pipeline = Pipeline::default();
        for piece in pieces {
            rest.extend_from_slice(piece);
            match reader.read(&rest, &mut pipeline) {
                Ok(used) => drop(rest.drain(..used)),
                Err(why) => return (pipeline, Some(why)),
            }
        }
        (pipeline, None)
    };
    let frames = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut decoder, mut rest, mut frames) = (Decoder::default(), Vec::new(), Vec::new());
        for piece in pieces {
            rest.extend_from_slice(piece);
            loop {
                match decoder.advance(&rest) {
                    Ok((used, frame)) => {
                        rest.drain(..used);
                        match frame {
                            Some(frame) => frames.push(frame),
                            None => break,
                        }
                    }
                    Err(why) => return (frames, Some(why)),
                }
            }
        }
        (frames, None)
    };
    read(&mut [bytes].into_iter()) == read(&mut bytes.chunks(piece))
        && frames(&mut [bytes].into_iter()) == frames(&mut bytes.chunks(piece))
}

/// Ten seconds of the codec alone, then some hundred connections to a server.
pub fn fuzz() -> Checked {
    let corpus = corpus();
    let mut draw = Draw::new(0x5eed);
    let started = Instant::now();
    let mut inputs = 0_u64;
    while started.elapsed() < IN_PROCESS {
        for _ in 0..100 {
            let bytes = mutated(&corpus, &mut draw);
            let piece = 1 + draw.below(9) as usize;
            match catch_unwind(|| decode_both_ways(&bytes, piece)) {
                Ok(true) => inputs += 1,
                Ok(false) => {
                    return fail(format!(
                        "in pieces of {piece} another result: {}",
                        bytes.escape_ascii()
                    ));
                }
                Err(_) => return fail(format!("the codec panicked: {}", bytes.escape_ascii())),
            }
        }
    }
    let server = servers::ours(Build::Dev, None)?;
    for _ in 0..OVER_SOCKETS {
        let bytes = mutated(&corpus, &mut draw);
        throw(&server, &bytes)?;
    }
    let pong = Client::connect(&server.address())?.ask(&["PING"])?;
    ensure(pong == Frame::simple("PONG"), || format!("{pong:?}"))?;
    Ok(format!(
        "{inputs} damaged inputs in {IN_PROCESS:?} (seed 0x5eed), {OVER_SOCKETS} to a server"
    ))
}

/// Whatever it answers must be RESP, and the connection must end once we have ended it.
fn throw(server: &Process, bytes: &[u8]) -> Result<(), Outcome> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => {}
        Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(why) => return fail(format!("{why} after {}", bytes.escape_ascii())),
    }
    let (mut decoder, mut rest) = (Decoder::default(), said.as_slice());
    loop {
        match decoder.advance(rest) {
            Ok((_, None)) => return Ok(()),
            Ok((used, Some(_))) => rest = &rest[used..],
            Err(why) => {
                return fail(format!(
                    "no RESP ({why}) in answer to {}",
                    bytes.escape_ascii()
                ));
            }
        }
    }
}
