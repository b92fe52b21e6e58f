//! The lock server on a socket. Given.
//!
//! **How it works.** One thread. A connection reads what has come, decodes all complete commands
//! of it, asks the node for them as one batch, and writes the replies in one piece: a pipeline of
//! sixteen commands costs one read and one write.
//!
//! **Bounds.** A command and its parts (`wire.rs`), a batch (one read), the replies of a batch
//! before they are written (`resp.rs`), the number of connections, and what all of them together
//! hold back of half-sent commands and untaken replies ([`NetConfig::max_buffered`]). A client that
//! takes no replies for [`NetConfig::write_timeout`] is closed; one that sends nothing may stay.
//!
//! | file | what is there |
//! |---|---|
//! | `net.rs` | [`run`]: accept, serve, stop; [`Server`] |
//! | `net/connection.rs` | one client: read, ask, write |

mod connection;

use crate::resp::{RespConfig, RespServer};
use connection::Connection;
use node::Addr;
use node::shell::{Shell, ShellConfig, ShellError};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

/// How the server is run.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// The folder in which its state survives a crash; `None` keeps it in memory.
    pub data: Option<PathBuf>,
    /// Connections at one time.
    pub max_clients: usize,
    /// How long a client may take nothing of a reply before it is closed.
    pub write_timeout: Duration,
    /// Bytes of half-sent commands and of untaken replies, of all connections together.
    pub max_buffered: usize,
    /// The server behind the socket; `durable` is set by `data`.
    pub resp: RespConfig,
}

impl Default for NetConfig {
    fn default() -> Self {
        NetConfig {
            data: None,
            max_clients: 10_100,
            write_timeout: Duration::from_secs(10),
            max_buffered: 256 << 20,
            resp: RespConfig::default(),
        }
    }
}

/// Bytes that one read takes at most.
const READ: usize = 64 << 10;
/// How long a stop waits for replies that are being written.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long to wait when no socket can be had.
const NO_SOCKETS: Duration = Duration::from_millis(50);

/// What all connections share.
struct Shared {
    shell: Shell<RespServer>,
    config: NetConfig,
    /// Where bytes are read to: an idle connection has no buffer of its own.
    scratch: RefCell<Vec<u8>>,
    /// See [`NetConfig::max_buffered`].
    buffered: Cell<usize>,
    /// Connections that owe a reply.
    busy: Cell<usize>,
    next_client: Cell<u64>,
}

/// Serves clients of `listener` until `shutdown` is ready, then finishes what was begun. An error
/// if the node could not start or had to stop: a broken or full disk.
pub async fn run(
    listener: TcpListener,
    config: NetConfig,
    shutdown: impl Future,
) -> Result<(), ShellError> {
    LocalSet::new()
        .run_until(serve(listener, config, shutdown))
        .await
}

async fn serve(
    listener: TcpListener,
    config: NetConfig,
    shutdown: impl Future,
) -> Result<(), ShellError> {
    let server = Server::start(config)?;
    let mut connections = JoinSet::new();
    tokio::select! {
        biased;
        why = server.shared.shell.stopped() => return Err(why),
        _ = shutdown => {}
        () = accept(&listener, &server, &mut connections) => {}
    }
    drop(listener);
    let ended = server.stop().await;
    connections.shutdown().await;
    ended
}

/// A server without a socket: [`run`] brings it streams, and so do tests. It lives inside a
/// [`LocalSet`].
#[derive(Clone)]
pub struct Server {
    shared: Rc<Shared>,
}

impl Server {
    /// Boots the node; reads its folder, if it has one.
    pub fn start(config: NetConfig) -> Result<Server, ShellError> {
        let mut shell_config = ShellConfig::new(Addr(0));
        shell_config.data = config.data.clone();
        let mut resp = config.resp.clone();
        resp.durable = config.data.is_some();
        let shared = Rc::new(Shared {
            shell: Shell::boot(shell_config, Arc::new(resp))?,
            config,
            scratch: RefCell::new(vec![0; READ]),
            buffered: Cell::new(0),
            busy: Cell::new(0),
            next_client: Cell::new(1),
        });
        Ok(Server { shared })
    }

    /// Serves one client until it goes away or is closed.
    pub async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let client = self.shared.next_client.get();
        self.shared.next_client.set(client + 1);
        Connection::new(stream, Rc::clone(&self.shared), client)
            .run()
            .await;
    }

    /// Finishes what was begun: what waits for the disk is written, what is answered is sent.
    pub async fn stop(&self) -> Result<(), ShellError> {
        let ended = self.shared.shell.shutdown().await;
        let quiet = async {
            while self.shared.busy.get() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        // Who takes no replies now has had them.
        let _ = timeout(LAST_WORDS, quiet).await;
        ended
    }

    /// How many fsyncs the disk has done.
    pub fn fsyncs(&self) -> u64 {
        self.shared.shell.fsyncs()
    }
}

async fn accept(listener: &TcpListener, server: &Server, connections: &mut JoinSet<()>) {
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < server.shared.config.max_clients => {
                    // Without it a small reply may wait for 40 ms; a failure costs only that.
                    let _ = stream.set_nodelay(true);
                    let server = server.clone();
                    connections.spawn_local(async move { server.talk(stream).await });
                }
                Ok((stream, _)) => refuse(stream),
                // No file descriptor is left, usually: wait until a connection ends.
                Err(_) => sleep(NO_SOCKETS).await,
            },
        }
    }
}

fn refuse(mut stream: TcpStream) {
    tokio::task::spawn_local(async move {
        let text = b"-ERR max number of clients reached\r\n";
        let _ = timeout(LAST_WORDS, stream.write_all(text)).await;
    });
}
