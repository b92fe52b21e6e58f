//! Frames between nodes: four bytes of length (little-endian), then a message in postcard.
//!
//! A connection carries one direction. It begins with a hello (magic number, then the sender's
//! address); the network is trusted, so the address is believed. A frame that is too long or does
//! not decode ends the connection. What does not fit a peer's queue is dropped: a node must live
//! with lost messages anyway, and it must not wait for a slow peer.

use super::{Shell, ShellConfig};
use crate::{Addr, Data, Node};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const MAGIC: [u8; 4] = *b"ndw1";
const FIRST_RETRY: Duration = Duration::from_millis(20);
const LAST_RETRY: Duration = Duration::from_secs(1);
/// A peer that takes nothing for so long is connected to anew.
const STUCK: Duration = Duration::from_secs(10);
/// Frames that have piled up are written together, up to about this many bytes.
const WRITE_TOGETHER: usize = 64 << 10;
/// Connections from peers at one time.
const MAX_CONNECTIONS: usize = 1024;

/// The queues to the other nodes.
pub(super) struct Peers {
    me: Addr,
    /// Messages that may wait for one peer.
    room: usize,
    queues: BTreeMap<Addr, Peer>,
}

struct Peer {
    socket: String,
    queue: mpsc::Sender<Vec<u8>>,
}

/// Starts a task for each peer that keeps a connection to it.
pub(super) fn connect_all(config: &ShellConfig) -> Peers {
    let mut peers = Peers {
        me: config.me,
        room: config.peer_queue.max(1),
        queues: BTreeMap::new(),
    };
    for (addr, socket) in &config.peers {
        peers.reach(*addr, Some(socket));
    }
    peers
}

impl Peers {
    /// From now on `addr` is reached at this socket, or not at all.
    pub fn reach(&mut self, addr: Addr, socket: Option<&str>) {
        let known = self.queues.get(&addr).map(|peer| peer.socket.as_str());
        if addr == self.me || known == socket {
            return;
        }
        // Its task ends when its queue is gone.
        self.queues.remove(&addr);
        if let Some(socket) = socket {
            let (queue, frames) = mpsc::channel(self.room);
            let socket = socket.to_string();
            tokio::task::spawn_local(keep_connected(self.me, socket.clone(), frames));
            self.queues.insert(addr, Peer { socket, queue });
        }
    }

    /// Queues a message; it is lost if the peer is unknown or its queue is full.
    pub fn send(&self, to: Addr, msg: &impl Data) {
        let Some(Peer { queue, .. }) = self.queues.get(&to) else {
            return;
        };
        let frame = postcard::to_extend(msg, vec![0; 4]);
        if let Ok(mut frame) = frame {
            let len = (frame.len() - 4) as u32;
            frame[..4].copy_from_slice(&len.to_le_bytes());
            let _lost = queue.try_send(frame);
        }
    }

    pub fn close(&mut self) {
        self.queues.clear();
    }
}

async fn keep_connected(me: Addr, socket: String, mut frames: mpsc::Receiver<Vec<u8>>) {
    let mut retry = FIRST_RETRY;
    while !frames.is_closed() {
        if let Ok(Ok(stream)) = tokio::time::timeout(STUCK, TcpStream::connect(&socket)).await {
            retry = FIRST_RETRY;
            if write_frames(stream, me, &mut frames).await.is_ok() {
                return;
            }
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
    }
}

/// Writes what is queued until the queue is closed (`Ok`) or the connection breaks.
async fn write_frames(
    mut stream: TcpStream,
    me: Addr,
    frames: &mut mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(me.0.to_le_bytes());
    let (mut reader, mut writer) = stream.split();
    let mut nothing = [0];
    loop {
        tokio::time::timeout(STUCK, writer.write_all(&bytes)).await??;
        bytes.clear();
        tokio::select! {
            biased;
            frame = frames.recv() => match frame {
                Some(frame) => bytes.extend(frame),
                None => return Ok(()),
            },
            // A peer never answers on this connection: whatever is read is its end.
            _ = reader.read(&mut nothing) => return Err(std::io::ErrorKind::ConnectionReset.into()),
        }
        while bytes.len() < WRITE_TOGETHER {
            let Ok(frame) = frames.try_recv() else { break };
            bytes.extend(frame);
        }
    }
}

/// Takes connections from peers and brings the node what they send, until it stops.
pub(super) async fn accept<N: Node>(shell: Shell<N>, listener: TcpListener, max_frame: usize) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _why = shell.stopped() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let shell = shell.clone();
                    connections.spawn_local(async move {
                        let _ended = read_frames(shell, stream, max_frame).await;
                    });
                }
                // Out of file descriptors, usually: wait for some to come back.
                Err(_) => tokio::time::sleep(FIRST_RETRY).await,
            },
        }
    }
}

/// Effects behind the disk beyond which a peer is read more slowly.
const MAX_QUEUED: usize = 65_536;

async fn read_frames<N: Node>(
    shell: Shell<N>,
    stream: TcpStream,
    max_frame: usize,
) -> std::io::Result<()> {
    let broken = || std::io::Error::from(std::io::ErrorKind::InvalidData);
    let mut reader = BufReader::with_capacity(WRITE_TOGETHER, stream);
    let mut magic = [0; 4];
    reader.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(broken());
    }
    let from = Addr(reader.read_u32_le().await?);
    let mut body = Vec::new();
    loop {
        let len = reader.read_u32_le().await? as usize;
        if len > max_frame {
            return Err(broken());
        }
        body.clear();
        // Room grows with what really comes: a length alone reserves nothing.
        let read = (&mut reader)
            .take(len as u64)
            .read_to_end(&mut body)
            .await?;
        if read < len {
            return Ok(());
        }
        let msg = match postcard::take_from_bytes(&body) {
            Ok((msg, [])) => msg,
            _ => return Err(broken()),
        };
        shell.room(MAX_QUEUED).await;
        shell.deliver(from, msg);
    }
}
