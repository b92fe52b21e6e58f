//! The committed code is what the `.proto` files generate. `protox` reads them, so nobody needs
//! `protoc`.

use crate::outcome::{Checked, Outcome, ensure};
use crate::servers::Folder;
use std::path::{Path, PathBuf};

const FILES: [&str; 4] = ["kv.proto", "rpc.proto", "v3lock.proto", "v3election.proto"];
const PACKAGES: [&str; 4] = ["mvccpb", "etcdserverpb", "v3lockpb", "v3electionpb"];

fn server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../solutions/raft/src/etcd")
}

/// The generated code by package.
fn generate() -> Result<Vec<(&'static str, String)>, Outcome> {
    let folder = Folder::new()?;
    let set = protox::compile(FILES, [server().join("proto")])
        .map_err(|why| Outcome::Failed(why.to_string()))?;
    tonic_prost_build::configure()
        .build_client(true)
        .client_mod_attribute(".", "#[cfg(feature = \"client\")]")
        .out_dir(folder.path())
        .compile_fds(set)?;
    let mut all = Vec::new();
    for package in PACKAGES {
        let code = std::fs::read_to_string(folder.path().join(format!("{package}.rs")))?;
        all.push((package, code));
    }
    Ok(all)
}

fn committed(package: &str) -> PathBuf {
    server().join("pb").join(format!("{package}.in"))
}

/// Compares.
pub fn same() -> Checked {
    for (package, code) in generate()? {
        let there = std::fs::read_to_string(committed(package))?;
        ensure(there == code, || {
            format!(
                "{} is not what the .proto files generate: run `cargo run -p real -- raft proto --write`",
                committed(package).display()
            )
        })?;
    }
    Ok("the committed code is what the .proto files generate".into())
}

/// Writes them anew.
pub fn write() -> Checked {
    for (package, code) in generate()? {
        std::fs::write(committed(package), code)?;
    }
    Ok(format!("{} files written", PACKAGES.len()))
}
