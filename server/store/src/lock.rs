//! Takes a data directory for one process: creates it, proves that it can be written, holds an exclusive lock.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::Error;

/// Creates the directory and its families' folders and takes its lock, which lasts as long as the file is open.
pub(crate) fn take(path: &Path) -> Result<File, Error> {
    let read_only = |cause| Error::ReadOnly { path: path.to_owned(), cause };
    for folder in ["", "raw", "summaries"] {
        std::fs::create_dir_all(path.join(folder)).map_err(read_only)?;
    }
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path.join("lock"))
        .map_err(read_only)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Locked(path.to_owned())),
        Err(TryLockError::Error(cause)) => return Err(read_only(cause)),
    }
    // A directory can be listed and its lock file opened while nothing new may be created in it.
    let probe = path.join(".probe");
    std::fs::write(&probe, b"binnacle").and_then(|()| std::fs::remove_file(&probe)).map_err(read_only)?;
    Ok(file)
}
