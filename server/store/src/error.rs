//! What can go wrong, as far as a caller branches on it.

use std::path::PathBuf;

use crate::Short;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has the data directory.
    #[error("another binnacle is using {0}: stop it, or give this one its own --data directory")]
    Locked(PathBuf),
    /// The directory, or a file in it, can't be written.
    #[error("the data directory can't be written: {path}: {cause}")]
    ReadOnly {
        /// The directory or the file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A newer version wrote this.
    #[error(
        "{path} was written by a newer version (format {found}, this one knows {known}): use that version, or another --data directory"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// It can't be taken now; the sender should try again.
    #[error("the store is busy or its disk is full: {0}")]
    Busy(String),
    /// The machine has too little of something; the sender should try again later.
    #[error("{}", match .0 {
        Short::Disk => "the disk is nearly full",
        Short::Memory => "memory is nearly used up",
    })]
    Short(Short),
    /// A request has more of something than one block can hold; sent again it would have as much.
    #[error("the request holds more than can be stored at once: {0}")]
    TooMuch(String),
    /// What was read is not what was written.
    #[error("damaged data: {0}")]
    Damaged(String),
    /// SQLite failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The file system failed.
    #[error("file system: {0}")]
    Io(#[from] std::io::Error),
}

impl Error {
    /// Whether what was read is not what was written: as it is told here, or as SQLite tells it (SQLITE_CORRUPT, 11, and
    /// SQLITE_NOTADB, 26).
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Database(error) => {
                let code = error.as_database_error().and_then(|error| error.code());
                matches!(code.and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff), Some(11 | 26))
            }
            _ => false,
        }
    }
}
