//! A small server for one reader on one machine.
//!
//! It serves the built book, rebuilds it when a page changes, and tells open pages over Server-Sent Events: to load
//! again, what the tests said, that there is a new trace to replay. It listens on the loopback only and refuses a
//! foreign `Host`, so that no other site can read it through a name that it points at this machine; a `POST` must also
//! come from a page of this very server.

mod answer;
mod explore;
mod http;
mod live;
mod watch;

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;

use crate::render;
use live::Live;

/// What to serve, and where.
pub struct Options {
    /// The folder of `book.toml`.
    pub book: PathBuf,
    /// Where the built book goes.
    pub out: PathBuf,
    /// The first port to try; 0 takes any.
    pub port: u16,
    /// The runner's results; default `.lab/results.json` beside the book's folder.
    pub results: Option<PathBuf>,
    /// The trace of the replay page; default `.lab/traces/last.json` beside the book's folder.
    pub trace: Option<PathBuf>,
}

/// What all threads of one server share.
struct Site {
    book: PathBuf,
    out: PathBuf,
    /// The workbook's folder, where the runner is asked for a hint.
    root: PathBuf,
    results: PathBuf,
    trace: PathBuf,
    live: Live,
    /// Held for writing while mdBook empties and fills the folder.
    built: RwLock<()>,
}

/// Connections that are served at once; a browser holds six a host.
const CONNECTIONS: usize = 128;
/// How many ports are tried after a taken one.
const PORTS: u16 = 50;

/// Builds the book and serves it until the process ends.
pub fn serve(options: Options) -> Result<(), String> {
    let root = options.book.parent().map(PathBuf::from).unwrap_or_default();
    let site = Arc::new(Site {
        results: options
            .results
            .unwrap_or_else(|| root.join(".lab/results.json")),
        trace: options
            .trace
            .unwrap_or_else(|| root.join(".lab/traces/last.json")),
        book: options.book,
        out: options.out,
        root,
        live: Live::default(),
        built: RwLock::new(()),
    });
    let before = watch::stamp(&site.book);
    render::build(&site.book, &site.out)?;
    let listener = bind(options.port)?;
    let port = listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    println!("book http://127.0.0.1:{port}/");
    let watched = Arc::clone(&site);
    thread::spawn(move || watch::watch(&watched, before));
    accept(&listener, &site);
    Ok(())
}

fn bind(wanted: u16) -> Result<TcpListener, String> {
    let last = if wanted == 0 {
        0
    } else {
        wanted.saturating_add(PORTS)
    };
    for port in wanted..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(format!("port {port}: {error}; choose another with --port")),
        }
    }
    Err(format!(
        "the ports {wanted} to {last} are all taken: choose another with --port"
    ))
}

fn accept(listener: &TcpListener, site: &Arc<Site>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            http::Response::text(503, "too many connections: close some pages of the book")
                .write(&stream);
            continue;
        }
        let (site, counted) = (Arc::clone(site), Arc::clone(&open));
        let spawned = thread::Builder::new().spawn(move || {
            talk(&stream, &site);
            counted.fetch_sub(1, Ordering::SeqCst);
        });
        if spawned.is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// One request a connection: the network is this machine, and a thread that waits for a next one would be for nothing.
fn talk(stream: &TcpStream, site: &Site) {
    match http::Request::read(stream) {
        Ok(request) if request.path == "/.lab/events" && request.is_from_here() => {
            live::stream(stream, site)
        }
        Ok(request) => answer::answer(&request, site).write(stream),
        Err(refused) => refused.write(stream),
    }
}
