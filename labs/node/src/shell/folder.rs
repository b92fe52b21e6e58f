//! Opening a node's data folder.

use super::ShellError;
use super::files::{TEMPORARY, Writer};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Held while a process uses the folder.
const LOCK: &str = "lock~";

/// Opens a data folder: what its files hold, and the writer for them.
pub(super) fn open(dir: &Path) -> Result<(BTreeMap<String, Vec<u8>>, Writer), ShellError> {
    let cannot = |path: &Path| {
        let path = path.to_path_buf();
        move |why: io::Error| ShellError::Open(path, why.to_string())
    };
    fs::create_dir_all(dir).map_err(cannot(dir))?;
    let lock_path = dir.join(LOCK);
    let lock = File::create(&lock_path).map_err(cannot(&lock_path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ShellError::InUse(dir.to_path_buf())),
        Err(TryLockError::Error(why)) => return Err(cannot(&lock_path)(why)),
    }
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(cannot(&folder))? {
            let path = entry.map_err(cannot(&folder))?.path();
            let name = path.to_string_lossy();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(TEMPORARY) {
                // A crash fell before its rename: it never counted.
                fs::remove_file(&path).map_err(cannot(&path))?;
            } else if path != lock_path {
                let content = fs::read(&path).map_err(cannot(&path))?;
                let inside = path.strip_prefix(dir).unwrap_or(&path);
                files.insert(inside.to_string_lossy().into_owned(), content);
            }
        }
    }
    Ok((files, Writer::new(dir, lock)))
}
