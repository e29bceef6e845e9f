//! Takes a data directory for one process: creates it, proves that it can be written, holds an exclusive lock.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::Error;

/// How names of databases end, and of what SQLite keeps beside them.
const DATABASES: [&[u8]; 3] = [b".db", b".db-wal", b".db-shm"];

/// Creates the directory and its families' folders and takes its lock, which lasts as long as the file is open.
pub(crate) fn take(path: &Path) -> Result<File, Error> {
    let folders = [path.to_owned(), path.join("raw"), path.join("summaries")];
    for folder in &folders {
        create(folder).map_err(|cause| read_only(folder, cause))?;
    }
    let lock = path.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&lock)
        .map_err(|cause| read_only(&lock, cause))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Error::Locked(path.to_owned())),
        Err(TryLockError::Error(cause)) => return Err(read_only(&lock, cause)),
    }
    folders.iter().try_for_each(|folder| prove(folder))?;
    Ok(file)
}

/// Creates a folder, and those it is in where they are missing: their names survive a power loss as what is in them does.
fn create(folder: &Path) -> std::io::Result<()> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    let made: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    std::fs::create_dir_all(folder)?;
    for parent in made.iter().filter_map(|made| made.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        // Who may create in a folder need not be allowed to read it.
        if let Ok(parent) = File::open(parent) {
            parent.sync_all()?;
        }
    }
    Ok(())
}

/// A folder can be listed and its files opened while nothing new may be created in it, and the other way round: SQLite
/// would open a database that it may not write for reading, and fail in the middle of something.
fn prove(folder: &Path) -> Result<(), Error> {
    let probe = folder.join(".probe");
    std::fs::write(&probe, b"binnacle")
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|cause| read_only(folder, cause))?;
    let listed = std::fs::read_dir(folder).map_err(|cause| read_only(folder, cause))?;
    for entry in listed {
        let file = entry.map_err(|cause| read_only(folder, cause))?.path();
        let is_ours = DATABASES.iter().any(|ending| file.as_os_str().as_encoded_bytes().ends_with(ending));
        if is_ours && file.is_file() {
            File::options().read(true).write(true).open(&file).map_err(|cause| read_only(&file, cause))?;
        }
    }
    Ok(())
}

fn read_only(path: &Path, cause: std::io::Error) -> Error {
    Error::ReadOnly { path: path.to_owned(), cause }
}
