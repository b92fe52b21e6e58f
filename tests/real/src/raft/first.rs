//! The page's first contact, run as a reader runs it: on a real etcd, then on ours.

use crate::outcome::Checked;

#[cfg(not(feature = "etcd-client"))]
pub fn contact() -> Checked {
    super::crate_client::runs()
}

#[cfg(feature = "etcd-client")]
pub fn contact() -> Checked {
    use super::cluster::{Cluster, Kind};
    use crate::outcome::ensure;
    use crate::servers::Build;
    use std::process::Command;

    let expected = [
        "before it was Some(Ok(\"100\"))",
        "watched Some(Ok(\"100\"))",
        "watched Some(Ok(\"200\"))",
        "read Some(Ok(\"200\"))",
    ];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for kind in [Kind::Etcd, Kind::Ours(Build::Dev)] {
        let cluster = Cluster::start(kind)?;
        let output = Command::new(&cargo)
            .args(["run", "--quiet", "-p", "real", "--features", "etcd-client"])
            .args(["--example", "first_contact_raft", "--"])
            .args(cluster.endpoints().split(','))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut lines = said.lines();
        let put = lines.next().unwrap_or_default();
        let well = put.starts_with("put at revision ") && lines.eq(expected);
        ensure(output.status.success() && well, || {
            let why = String::from_utf8_lossy(&output.stderr);
            format!("on {}: {said}{why}", kind.name())
        })?;
    }
    Ok("put, watched and read on etcd and on ours".into())
}
