//! A copy of the store in pieces, with its checksum.

use crate::cluster::{local, members, put, settled};
use dist_raft::etcd::pb::etcdserverpb as pb;
use sha2::{Digest, Sha256};

#[test]
fn a_copy_comes_in_pieces_with_its_checksum_last() {
    local(async {
        let cluster = members(1, |_| {}).await;
        settled(&cluster).await;
        let mut kv = cluster[0].kv().await;
        for n in 0..20 {
            let done = kv.put(put(&format!("k{n}"), vec![n; 100_000])).await;
            done.expect("is served");
        }
        let mut maintenance = cluster[0].maintenance().await;
        let pieces = maintenance.snapshot(pb::SnapshotRequest {}).await;
        let mut pieces = pieces.expect("begins").into_inner();
        let (mut all, mut left, mut count) = (Vec::new(), u64::MAX, 0);
        let mut checksum = None;
        while let Some(piece) = pieces.message().await.expect("goes on") {
            assert!(piece.blob.len() <= 64 << 10, "{} bytes", piece.blob.len());
            assert!(checksum.is_none(), "the checksum is the last piece");
            if left == 0 {
                checksum = Some(piece.blob);
                continue;
            }
            assert!(piece.remaining_bytes < left);
            left = piece.remaining_bytes;
            all.extend(piece.blob);
            count += 1;
            // Somebody else is served meanwhile.
            kv.put(put("k0", "new")).await.expect("is served");
        }
        assert!(
            all.len() > 2_000_000 && all.len() % 512 == 0,
            "{}",
            all.len()
        );
        assert!(count > 30, "{count} pieces");
        assert_eq!(checksum, Some(Sha256::digest(&all).to_vec()));
    });
}
