//! What a crash can leave of unsynced writes.

use crate::disk::{Disk, Kept};
use node::driver::{DiskOp, FileName};

/// Each way in which a crash can leave a disk.
pub(super) fn ways_to_keep(disk: &Disk, torn: bool) -> Vec<Vec<(FileName, Kept)>> {
    let mut ways = vec![Vec::new()];
    for (file, pending) in disk.pending() {
        let mut more = Vec::new();
        for kept in ways_of_file(pending, torn) {
            for way in &ways {
                let mut way: Vec<_> = way.clone();
                if kept != Kept::SYNCED {
                    way.push((file.clone(), kept));
                }
                more.push(way);
            }
        }
        ways = more;
    }
    ways
}

fn ways_of_file(pending: &[DiskOp], torn: bool) -> Vec<Kept> {
    let mut ways = Vec::new();
    for whole in 0..=pending.len() {
        ways.push(Kept { whole, torn: 0 });
        if let (true, Some(DiskOp::Append(bytes))) = (torn, pending.get(whole)) {
            let mut pieces = vec![1, bytes.len() / 2, bytes.len().saturating_sub(1)];
            pieces.retain(|torn| (1..bytes.len()).contains(torn));
            pieces.dedup();
            ways.extend(pieces.into_iter().map(|torn| Kept { whole, torn }));
        }
    }
    ways
}
