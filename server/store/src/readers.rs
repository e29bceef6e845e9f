//! Connections that read a database. As a pool does, but a connection goes back as it is: sqlx's pool starts a task and
//! asks SQLite for a sign of life after every question, which takes two threads longer than most questions here.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteTransactionManager};
use sqlx::{ConnectOptions, Connection};
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::Error;

/// A connection that nobody needed for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// None is used for longer, so that whatever went wrong with one is over then.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// A connection is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows of an answer that may wait: each time that the queue is full, two threads wait for each other.
const ROWS: usize = 1_024;
const HELD: &str = "a reader has its connection until it is dropped";

/// See the module. They are opened when they are first needed, never write, and never create a file.
#[derive(Debug)]
pub(crate) struct Readers {
    options: SqliteConnectOptions,
    most: u32,
    room: Arc<Semaphore>,
    idle: Arc<Idle>,
}

/// Those that nobody uses; the last that came back is the next to go.
type Idle = Mutex<Vec<Resting>>;

#[derive(Debug)]
struct Resting {
    connection: SqliteConnection,
    opened: Instant,
    since: Instant,
}

impl Readers {
    /// At most so many of a database, each with a page cache of so many KiB.
    pub(crate) fn new(path: &Path, most: u32, cache_kib: u32) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(5))
            .row_buffer_size(ROWS)
            .pragma("query_only", "on")
            .pragma("mmap_size", "0")
            .pragma("temp_store", "memory")
            .pragma("cache_size", format!("-{cache_kib}"));
        Self { options, most, room: Arc::new(Semaphore::new(most as usize)), idle: Arc::default() }
    }

    /// A connection for a question or several.
    pub(crate) async fn get(&self) -> Result<Reader, Error> {
        let room = tokio::time::timeout(PATIENCE, Arc::clone(&self.room).acquire_owned()).await;
        let room = room.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let known = lock(&self.idle).pop().filter(|resting| resting.opened.elapsed() < LIFE);
        let (connection, opened) = match known {
            Some(resting) => (resting.connection, resting.opened),
            None => self.open().await?,
        };
        Ok(Reader { connection: Some(connection), opened, idle: Arc::clone(&self.idle), _room: room })
    }

    async fn open(&self) -> Result<(SqliteConnection, Instant), Error> {
        Ok((self.options.connect().await?, Instant::now()))
    }

    /// A connection whose questions all see the database as it is at the first of them.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Error> {
        let mut reader = self.get().await?;
        let begun = SqliteTransactionManager::begin(&mut reader, None).await;
        // One that an error threw out of its last transaction still counts it, and would never see anything newer.
        if begun.is_err() || SqliteTransactionManager::get_transaction_depth(&reader) != 1 {
            let (connection, opened) = self.open().await?;
            (reader.connection, reader.opened) = (Some(connection), opened);
            SqliteTransactionManager::begin(&mut reader, None).await?;
        }
        Ok(Snapshot(reader))
    }

    /// Closes those that nobody needed for long.
    pub(crate) async fn rest(&self) {
        self.close_before(Instant::now().checked_sub(IDLE)).await;
    }

    /// Gives out no more, waits for all that were given out, and closes them.
    pub(crate) async fn close(&self) {
        if let Ok(_all) = self.room.acquire_many(self.most).await {
            self.room.close();
        }
        self.close_before(Some(Instant::now())).await;
    }

    async fn close_before(&self, time: Option<Instant>) {
        let Some(time) = time else { return };
        let old: Vec<_> = lock(&self.idle).extract_if(.., |resting| resting.since <= time).collect();
        for resting in old {
            if let Err(error) = resting.connection.close().await {
                tracing::debug!("a reader did not close: {error}");
            }
        }
    }
}

fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Resting>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection; goes back when it is dropped. What it was still asked ends first: questions to it are answered in turn.
pub(crate) struct Reader {
    /// Always one, until it is dropped.
    connection: Option<SqliteConnection>,
    opened: Instant,
    idle: Arc<Idle>,
    _room: OwnedSemaphorePermit,
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect(HELD)
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect(HELD)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            lock(&self.idle).push(Resting { connection, opened: self.opened, since: Instant::now() });
        }
    }
}

/// A reader that sees the database as it was. It does so until it is dropped; that it may see the newest again is asked
/// then and not waited for.
pub(crate) struct Snapshot(Reader);

impl Deref for Snapshot {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        SqliteTransactionManager::start_rollback(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite;

    /// A database with one row, and readers of it.
    async fn database(most: u32) -> (tempfile::TempDir, SqliteConnection, Readers) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.db");
        let mut writer = sqlite::writer(&path, sqlite::Page::Large, 64).connect().await.unwrap();
        sqlx::raw_sql("create table t (n integer); insert into t values (1)").execute(&mut writer).await.unwrap();
        let readers = Readers::new(&path, most, 64);
        (place, writer, readers)
    }

    async fn count(connection: &mut SqliteConnection) -> i64 {
        sqlx::query_as::<_, (i64,)>("select count(*) from t").fetch_one(connection).await.unwrap().0
    }

    #[tokio::test]
    async fn a_connection_that_came_back_is_used_again_and_a_snapshot_ends_with_its_holder() {
        let (_place, mut writer, readers) = database(1).await;
        let mut snapshot = readers.snapshot().await.unwrap();
        assert_eq!(count(&mut snapshot).await, 1);
        sqlx::raw_sql("insert into t values (2)").execute(&mut writer).await.unwrap();
        assert_eq!(count(&mut snapshot).await, 1);
        drop(snapshot);
        assert_eq!(lock(&readers.idle).len(), 1);
        assert_eq!(count(&mut readers.get().await.unwrap()).await, 2);
        assert_eq!(lock(&readers.idle).len(), 1);
        let denied = sqlx::raw_sql("delete from t").execute(&mut *readers.get().await.unwrap()).await;
        assert!(denied.unwrap_err().to_string().contains("readonly"), "it never writes");
    }

    #[tokio::test]
    async fn no_more_are_given_out_than_there_may_be() {
        let (_place, _writer, readers) = database(2).await;
        let held = (readers.get().await.unwrap(), readers.get().await.unwrap());
        let waits = tokio::time::timeout(Duration::from_millis(50), readers.get()).await;
        assert!(waits.is_err());
        drop(held.0);
        readers.get().await.unwrap();
    }

    #[tokio::test]
    async fn a_question_that_was_given_up_leaves_a_connection_that_answers() {
        let (_place, _writer, readers) = database(1).await;
        let long = "with recursive c(n) as (select 1 union all select n + 1 from c where n < 300000) select n from c";
        for _ in 0..5 {
            let mut reader = readers.get().await.unwrap();
            let rows = sqlx::query_as::<_, (i64,)>(long).fetch_all(&mut *reader);
            assert!(tokio::time::timeout(Duration::from_millis(1), rows).await.is_err());
            drop(reader);
            assert_eq!(count(&mut readers.snapshot().await.unwrap()).await, 1);
        }
    }

    #[tokio::test]
    async fn one_that_an_error_threw_out_of_its_transaction_or_that_is_old_is_replaced() {
        let (_place, mut writer, readers) = database(1).await;
        let mut snapshot = readers.snapshot().await.unwrap();
        // As SQLite does by itself where it can't read on.
        sqlx::raw_sql("rollback").execute(&mut *snapshot).await.unwrap();
        drop(snapshot);
        for rows in 2..4 {
            sqlx::raw_sql("insert into t values (2)").execute(&mut writer).await.unwrap();
            assert_eq!(count(&mut readers.snapshot().await.unwrap()).await, rows);
        }
        let opened = lock(&readers.idle)[0].opened;
        lock(&readers.idle)[0].opened -= LIFE;
        drop(readers.get().await.unwrap());
        assert!(lock(&readers.idle)[0].opened > opened);
    }

    #[tokio::test]
    async fn what_idles_is_closed_and_nothing_is_given_out_after_the_end() {
        let (place, writer, readers) = database(2).await;
        drop(readers.get().await.unwrap());
        readers.rest().await;
        assert_eq!(lock(&readers.idle).len(), 1, "not yet");
        lock(&readers.idle)[0].since -= 2 * IDLE;
        readers.rest().await;
        assert!(lock(&readers.idle).is_empty());
        drop((readers.get().await.unwrap(), readers.get().await.unwrap()));
        readers.close().await;
        assert!(matches!(readers.get().await, Err(Error::Database(sqlx::Error::PoolClosed))));
        writer.close().await.unwrap();
        assert!(!place.path().join("a.db-wal").exists(), "the last one empties the log");
    }
}
