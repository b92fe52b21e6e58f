//! Links between members that can be cut: a thread for each direction of each connection.
//!
//! Our members send on connections of their own, one direction each, and each is told its own
//! addresses of the others: so each pair has its own links. etcd's members tell each other one
//! address for all, and what a member sends goes over connections that the others have opened to
//! it. Either way what a member says can be cut, while it still hears the others.

use super::cluster::{Kind, MEMBERS};
use crate::outcome::Outcome;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One way from one member, or from all, to another.
struct Link {
    from: Option<usize>,
    to: usize,
    port: u16,
    cut: Arc<AtomicBool>,
}

/// All links of a cluster.
pub struct Links {
    links: Vec<Link>,
    peers: Vec<u16>,
}

impl Links {
    /// Opens them in front of these ports.
    pub fn open(kind: Kind, peers: &[u16]) -> Result<Links, Outcome> {
        let mut links = Vec::new();
        #[allow(clippy::needless_range_loop)]
        // `to` names the member, and is not only a place in the list
        for to in 0..MEMBERS {
            let from: Vec<Option<usize>> = match kind {
                Kind::Etcd => vec![None],
                Kind::Ours(_) | Kind::Yours => {
                    (0..MEMBERS).filter(|f| *f != to).map(Some).collect()
                }
            };
            for from in from {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                let cut = Arc::new(AtomicBool::new(false));
                let (target, cuts) = (peers[to], Arc::clone(&cut));
                std::thread::spawn(move || accept(&listener, target, &cuts));
                links.push(Link {
                    from,
                    to,
                    port,
                    cut,
                });
            }
        }
        let peers = peers.to_vec();
        Ok(Links { links, peers })
    }

    /// The ports by which a member should reach the others, and its own.
    pub fn seen_by(&self, me: usize) -> Vec<u16> {
        let port = |to: usize| {
            let link = self
                .links
                .iter()
                .find(|link| link.to == to && (link.from == Some(me) || link.from.is_none()));
            link.map_or(self.peers[to], |link| link.port)
        };
        (0..MEMBERS).map(port).collect()
    }

    /// Cuts what a member says to the others, or lets it through again.
    pub fn mute(&self, at: usize, cut: bool) {
        for link in &self.links {
            let speaks = match link.from {
                Some(from) => from == at,
                None => link.to == at,
            };
            if speaks {
                link.cut.store(cut, Ordering::SeqCst);
            }
        }
    }
}

fn accept(listener: &TcpListener, target: u16, cut: &Arc<AtomicBool>) {
    for stream in listener.incoming() {
        let Ok(near) = stream else { return };
        let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else {
            continue;
        };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let (Ok(near2), Ok(far2)) = (near.try_clone(), far.try_clone()) else {
            continue;
        };
        for (from, to) in [(near, far), (far2, near2)] {
            let cut = Arc::clone(cut);
            std::thread::spawn(move || pass(from, to, &cut));
        }
    }
}

/// Passes bytes on; while the link is cut they wait, as in a network that loses packets: nobody is
/// told.
fn pass(mut from: TcpStream, mut to: TcpStream, cut: &AtomicBool) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let Ok(n @ 1..) = from.read(&mut bytes) else {
            let _ = to.shutdown(Shutdown::Both);
            return;
        };
        while cut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..n]).is_err() {
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
}
