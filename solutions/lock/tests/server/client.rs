//! A server in this process, or as a process of its own, and a small client for it.

use dist_lock::net::{NetConfig, Server};
use dist_lock::wire::{Decoder, Frame, Pipeline};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// Runs a test on one thread with real time.
pub fn local(test: impl Future<Output = ()>) {
    run(test, false);
}

/// As [`local`], on a clock that jumps ahead when everybody waits.
pub fn paused(test: impl Future<Output = ()>) {
    run(test, true);
}

/// On the clock of [`paused`]: everybody else goes on until they all wait, and then so much time
/// has passed at once.
pub async fn pass(time: Duration) {
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout(time, never).await;
}

fn run(test: impl Future<Output = ()>, paused: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .expect("a runtime starts");
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

/// A server without a socket and without a disk.
pub fn server() -> Server {
    Server::start(NetConfig::default()).expect("a server without a disk starts")
}

/// A connection to it.
pub fn connect(server: &Server) -> Client<DuplexStream> {
    let (near, far) = duplex(1 << 20);
    let server = server.clone();
    tokio::task::spawn_local(async move { server.talk(far).await });
    Client::new(near)
}

pub struct Client<S> {
    pub stream: S,
    decoder: Decoder,
    rest: Vec<u8>,
}

impl<S: AsyncReadExt + AsyncWriteExt + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Client {
            stream,
            decoder: Decoder::default(),
            rest: Vec::new(),
        }
    }

    /// Sends a command, written as in a shell, and waits for its reply.
    pub async fn ask(&mut self, command: &str) -> Frame {
        self.send(command).await;
        self.reply().await.expect("the connection is open")
    }

    pub async fn send(&mut self, command: &str) {
        let bytes = encode(&words(command));
        self.stream.write_all(&bytes).await.expect("can be written");
    }

    /// The next reply; `None` at the end of the connection.
    pub async fn reply(&mut self) -> Option<Frame> {
        loop {
            let (used, frame) = self.decoder.advance(&self.rest).expect("replies are RESP");
            self.rest.drain(..used);
            if frame.is_some() {
                return frame;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(n) => self.rest.extend_from_slice(&buffer[..n]),
            }
        }
    }
}

/// Words apart by spaces; in single quotes a word may have some.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace().map(String::from)),
            _ => words.push(part.to_string()),
        }
    }
    words
}

/// A command as clients send it.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let args = args.iter().map(Frame::bulk).collect();
    let mut bytes = Vec::new();
    Frame::Array(args).encode(Default::default(), &mut bytes);
    bytes
}

/// A pipeline as a list of its commands' arguments.
pub fn listed(pipeline: &Pipeline) -> Vec<Vec<Vec<u8>>> {
    (0..pipeline.len())
        .filter_map(|i| pipeline.get(i))
        .map(|c| c.from(0).map(<[u8]>::to_vec).collect())
        .collect()
}

pub fn ok() -> Frame {
    Frame::ok()
}
pub fn int(n: i64) -> Frame {
    Frame::Integer(n)
}
pub fn text(text: &str) -> Frame {
    Frame::bulk(text)
}

/// Whether this is an error that begins like this.
pub fn is_error(frame: &Frame, begins: &str) -> bool {
    matches!(frame, Frame::Error(e) if e.starts_with(begins.as_bytes()))
}

/// A folder of this test's own, gone when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lock-server-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
