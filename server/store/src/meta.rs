//! The metadata database: what clusters said. One writing connection behind a lock, a small pool of readers.
//!
//! Deploys settle and adverse events repeat, so these records are updated in place: that is why they are rows here
//! and not files of the summaries' family. `maintain` deletes those past the summaries' age and gives pages back
//! (incremental vacuum).

mod clusters;
mod expire;
mod history;
mod late;
mod packed;
mod read;
mod record;
mod rows;
mod shared;
mod verdicts;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, SqliteConnection as Writer};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use history::{GroupSeen, Sightings};

use crate::readers::Readers;
use crate::{Error, sqlite};

pub(crate) const STEPS: &[&str] = &[
    include_str!("../migrations/meta/0001_metadata.sql"),
    include_str!("../migrations/meta/0002_history.sql"),
    include_str!("../migrations/meta/0003_verdicts.sql"),
    include_str!("../migrations/meta/0004_patterns.sql"),
    include_str!("../migrations/meta/0005_backlog.sql"),
    include_str!("../migrations/meta/0006_authors.sql"),
    include_str!("../migrations/meta/0007_packed.sql"),
    include_str!("../migrations/meta/0008_living.sql"),
];
const CACHE_KIB: u32 = 2_048;

/// Where it is in a data directory.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("meta.db")
}

/// See the module.
pub(crate) struct Meta {
    path: PathBuf,
    /// Nothing after [`Meta::close`].
    writer: Mutex<Option<SqliteConnection>>,
    readers: Readers,
    /// What waits to be written.
    late: std::sync::Mutex<Arc<late::Late>>,
}

impl Meta {
    /// Opens or creates the database in a data directory.
    pub(crate) async fn open(data: &Path) -> Result<Self, Error> {
        let path = path(data);
        let writer = sqlite::open(&path, sqlite::Page::Small, CACHE_KIB, STEPS).await?;
        let readers = Readers::new(&path, 2, CACHE_KIB);
        Ok(Self { path, writer: Mutex::new(Some(writer)), readers, late: std::sync::Mutex::default() })
    }

    /// The writing connection, for one transaction.
    pub(crate) async fn writer(&self) -> Result<WriterGuard<'_>, Error> {
        let guard = self.writer.lock().await;
        if guard.is_none() {
            return Err(Error::Busy("it is closing".into()));
        }
        Ok(WriterGuard(guard))
    }

    /// Closes connections that nobody needed for long.
    pub(crate) async fn rest(&self) {
        self.readers.rest().await;
    }

    /// Writes what waits and closes all connections; the last one empties the write-ahead log.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        let written = self.write_late().await;
        self.readers.close().await;
        if let Some(writer) = self.writer.lock().await.take() {
            writer.close().await?;
        }
        written
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        sqlite::bytes_on_disk(&self.path)
    }
}

/// See [`Meta::writer`].
pub(crate) struct WriterGuard<'a>(MutexGuard<'a, Option<SqliteConnection>>);

impl WriterGuard<'_> {
    pub(crate) fn connection(&mut self) -> &mut Writer {
        self.0.as_mut().expect("`Meta::writer` hands out no guard without a connection")
    }
}
