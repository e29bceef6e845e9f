//! How every database here is opened for writing and brought to its format; `readers` opens it for reading. Knows nothing
//! of what is in them.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::Error;

/// Bytes of a page of a new file; a file keeps what it has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Page {
    /// Long rows, appended and read as a whole.
    Large = 8_192,
    /// Short rows that change here and there: of each change whole pages are read, logged and copied back.
    Small = 4_096,
}

/// Options for a connection that writes. `mmap_size=0`: under mmap an I/O error would be a signal, not an error.
/// `synchronous=FULL`: what is acknowledged survives a power loss.
pub(crate) fn writer(path: &Path, page: Page, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(page as u32)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .pragma("mmap_size", "0")
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "16777216")
        .pragma("cache_size", format!("-{cache_kib}"))
}

/// Opens a writing connection and runs the steps the file has not seen, each in a transaction with its number.
pub(crate) async fn open(
    path: &Path,
    page: Page,
    cache_kib: u32,
    steps: &'static [&'static str],
) -> Result<SqliteConnection, Error> {
    // Before SQLite opens it, since a writer may touch the header even of a file it then leaves.
    check_stored(path, steps)?;
    let mut connection = writer(path, page, cache_kib).connect().await?;
    let (found,): (i64,) = sqlx::query_as("pragma user_version").fetch_one(&mut connection).await?;
    check_format(path, found, steps.len() as i64)?;
    for (at, step) in steps.iter().enumerate().skip(found.max(0) as usize) {
        let mut transaction = connection.begin_with("begin immediate").await?;
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        let mark = format!("pragma user_version = {}", at + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(connection)
}

/// The `user_version` in a database file's header: big-endian at offset 60 (sqlite.org/fileformat2.html §1.3.13);
/// 0 where there is no file yet, or no database in it, which SQLite then says better. A later value may still wait in
/// the WAL, so it is asked for again once open.
fn stored_format(path: &Path) -> Result<i64, Error> {
    let mut header = Vec::with_capacity(64);
    match std::fs::File::open(path) {
        Ok(file) => file.take(64).read_to_end(&mut header)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Ok(0);
    }
    Ok(header
        .get(60..64)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, |bytes| i64::from(i32::from_be_bytes(bytes))))
}

/// Whether the format that a file's header tells is known; what still waits in its WAL is not seen.
pub(crate) fn check_stored(path: &Path, steps: &[&str]) -> Result<(), Error> {
    check_format(path, stored_format(path)?, steps.len() as i64)
}

/// A file of a newer format is left alone.
fn check_format(path: &Path, found: i64, known: i64) -> Result<(), Error> {
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    Ok(())
}

/// Bytes of a database and its write-ahead log.
pub(crate) fn bytes_on_disk(path: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
    size(path) + size(&beside(path, "-wal"))
}

/// Removes a database with what SQLite keeps beside it.
pub(crate) fn remove(path: &Path) -> std::io::Result<()> {
    for suffix in ["-wal", "-shm", ""] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
