//! Files that survive `kill -9` and a full disk: written aside, synced, renamed.

use crate::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Replaces `path` by `bytes`: afterwards the file is the old one or the new one, whole, whatever happens meanwhile.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let aside = aside(path);
    let written = write_and_sync(&aside, bytes)
        .and_then(|()| fs::rename(&aside, path).map_err(Error::file("replace", path)));
    if written.is_err() {
        // Half a file would keep the space that is missing.
        let _ = fs::remove_file(&aside);
    }
    written?;
    sync_folder(path);
    Ok(())
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::file("write", path))
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// The rename itself is durable once the folder is. Where folders cannot be opened (Windows), the rename is enough.
fn sync_folder(path: &Path) {
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        let _ = folder.sync_all();
    }
}

/// One writer at a time, over all processes; given back when dropped, also by a killed process.
pub fn lock(folder: &Path) -> Result<File, Error> {
    fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
    // With a dot: a lab may be called `lock` and have a folder of that name beside it.
    let path = folder.join(".lock");
    let file = File::create(&path).map_err(Error::file("open", &path))?;
    file.lock().map_err(Error::file("lock", &path))?;
    Ok(file)
}
