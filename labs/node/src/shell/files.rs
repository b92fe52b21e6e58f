//! A node's files on a real disk, and the thread that writes and syncs them.

use super::ShellError;
use crate::driver::{DiskOp, FileName};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ends the name of a file that is being written to take another's place.
pub(super) const TEMPORARY: &str = ".new~";

/// One step for the disk, in the node's order.
pub(super) enum Step {
    Write(FileName, DiskOp),
    Sync(FileName),
}

impl Step {
    pub fn len(&self) -> usize {
        match self {
            Step::Write(_, DiskOp::Append(bytes) | DiskOp::Replace(bytes)) => bytes.len(),
            _ => 0,
        }
    }
}

/// The real files. It moves to the disk's thread for each batch, and back.
pub(super) struct Writer {
    dir: PathBuf,
    /// Files that are appended to.
    open: BTreeMap<FileName, File>,
    /// Whole contents, or absences, that are in memory until their file's sync.
    replaced: BTreeMap<FileName, Option<Vec<u8>>>,
    /// Appended bytes that have not been handed to the kernel: many small ones make one write.
    appended: Option<(FileName, Vec<u8>)>,
    /// Syncs that are due; merged while nothing but appends to the same file comes.
    owed: Vec<FileName>,
    /// Folders with a new or a vanished name that a crash could undo.
    dirty_dirs: Vec<PathBuf>,
    fsyncs: u64,
    _lock: File,
}

impl Writer {
    /// A writer for this folder; `lock` is held as long as it lives.
    pub fn new(dir: &Path, lock: File) -> Self {
        Writer {
            dir: dir.to_path_buf(),
            open: BTreeMap::new(),
            replaced: BTreeMap::new(),
            appended: None,
            owed: Vec::new(),
            dirty_dirs: Vec::new(),
            fsyncs: 0,
            _lock: lock,
        }
    }

    /// Carries out a batch. All its syncs are done when this returns; their number comes back.
    pub fn batch(&mut self, steps: Vec<Step>) -> Result<u64, ShellError> {
        let before = self.fsyncs;
        for step in steps {
            match step {
                Step::Write(file, op) => {
                    let merges = matches!(op, DiskOp::Append(_) | DiskOp::Replace(_));
                    // Another file's write must not become durable before a sync that it follows.
                    if self.owed.iter().any(|owed| !merges || *owed != file) {
                        self.pay()?;
                    }
                    self.write(file, op)?;
                }
                Step::Sync(file) => {
                    if !self.owed.contains(&file) {
                        self.owed.push(file);
                    }
                }
            }
        }
        self.pay()?;
        self.push_appended()?;
        Ok(self.fsyncs - before)
    }

    fn write(&mut self, file: FileName, op: DiskOp) -> Result<(), ShellError> {
        if let Some(content) = self.replaced.get_mut(&file) {
            let mut shared = content.take().map(Arc::new);
            op.apply(&mut shared);
            *content = shared.map(Arc::unwrap_or_clone);
            return Ok(());
        }
        match op {
            DiskOp::Append(bytes) => {
                if self
                    .appended
                    .as_ref()
                    .is_some_and(|(name, _)| *name != file)
                {
                    self.push_appended()?;
                }
                let (_, buffer) = self.appended.get_or_insert_with(|| (file, Vec::new()));
                buffer.extend_from_slice(&bytes);
                Ok(())
            }
            DiskOp::Replace(bytes) => {
                self.replaced.insert(file, Some(bytes.to_vec()));
                Ok(())
            }
            DiskOp::Remove => {
                self.replaced.insert(file, None);
                Ok(())
            }
            DiskOp::Truncate(len) => {
                self.push_appended()?;
                let path = self.path(&file);
                let done = self.file(&file).and_then(|f| f.set_len(len));
                done.map_err(|why| failed(path, &why))
            }
        }
    }

    /// Hands buffered appends to the kernel.
    fn push_appended(&mut self) -> Result<(), ShellError> {
        let Some((file, buffer)) = self.appended.take() else {
            return Ok(());
        };
        let path = self.path(&file);
        let done = self.file(&file).and_then(|mut f| f.write_all(&buffer));
        done.map_err(|why| failed(path, &why))
    }

    /// Does the syncs that are due, in the order in which they were asked for.
    fn pay(&mut self) -> Result<(), ShellError> {
        self.push_appended()?;
        for file in std::mem::take(&mut self.owed) {
            let path = self.path(&file);
            let done = match self.replaced.remove(&file) {
                Some(Some(content)) => self.put_in_place(&file, &path, &content),
                Some(None) => self.take_away(&file, &path),
                None => self.sync_appended(&file),
            };
            done.map_err(|why| failed(path, &why))?;
            for dir in std::mem::take(&mut self.dirty_dirs) {
                let done = File::open(&dir).and_then(|d| d.sync_all());
                done.map_err(|why| failed(dir, &why))?;
            }
            self.fsyncs += 1;
        }
        Ok(())
    }

    fn sync_appended(&mut self, file: &FileName) -> io::Result<()> {
        // What a process that was killed had written is read by this one out of the kernel's memory,
        // and is perhaps not on the disk yet.
        match self.open.get(file) {
            Some(open) => open.sync_data(),
            None if self.path(file).exists() => self.file(file)?.sync_data(),
            None => Ok(()),
        }
    }

    /// Temporary file, fsync, rename: a crash leaves the old content or the new one.
    fn put_in_place(&mut self, file: &FileName, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut name = path.as_os_str().to_os_string();
        name.push(TEMPORARY);
        let temporary = PathBuf::from(name);
        self.make_folder(path)?;
        let mut new = File::create(&temporary)?;
        new.write_all(content)?;
        new.sync_all()?;
        fs::rename(&temporary, path)?;
        // What was open is the old content's file: an append to it would go nowhere.
        self.open.remove(file);
        self.mark_folder(path);
        Ok(())
    }

    fn take_away(&mut self, file: &FileName, path: &Path) -> io::Result<()> {
        self.open.remove(file);
        self.mark_folder(path);
        match fs::remove_file(path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn file(&mut self, file: &FileName) -> io::Result<&File> {
        if !self.open.contains_key(file) {
            let path = self.path(file);
            if !path.exists() {
                self.make_folder(&path)?;
                self.mark_folder(&path);
            }
            let open = OpenOptions::new().append(true).create(true).open(&path)?;
            self.open.insert(file.clone(), open);
        }
        Ok(&self.open[file])
    }

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.dir).to_path_buf();
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            self.mark_folder(&folder);
        }
        Ok(())
    }

    fn mark_folder(&mut self, path: &Path) {
        let folder = path.parent().unwrap_or(&self.dir).to_path_buf();
        if !self.dirty_dirs.contains(&folder) {
            self.dirty_dirs.push(folder);
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }
}

fn failed(path: PathBuf, why: &io::Error) -> ShellError {
    match why.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ShellError::DiskFull(path),
        _ => ShellError::Disk(path, why.to_string()),
    }
}
