//! Joins the small blocks and rollups of closed minutes into larger ones. One transaction replaces the old by the
//! new, so a crash leaves either; readers in between see one or the other.

mod rollups;
mod traces;

use std::sync::Arc;

use model::{MINUTE, Timestamp};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::block::columns::{Columns, Signal};
use crate::block::logs::LogColumns;
use crate::block::points::PointColumns;
use crate::block::profiles::ProfileColumns;
use crate::block::spans::SpanColumns;
use crate::partition::file::DataFile;
use crate::partition::{RAW_STEPS, Shared};
use crate::{Error, query, sqlite};

/// What arrived so lately is left: more of its minute may come.
const CLOSED: i64 = MINUTE;
/// Small blocks, and bytes of them, that are read at once, which bounds the memory of a merge.
const ROWS: i64 = 256;
const BYTES: i64 = 16 << 20;
/// A merge joins blocks until they take so many bytes in memory.
const JOINED: usize = 64 << 20;
const LEVEL: i32 = 3;

/// A row to be merged: its number, arrival and bytes.
type Small = (i64, i64, Vec<u8>);

/// Merges what is closed of a partition. A row alone in its minute stays as it is. What can't be decoded is left as it
/// is, and said; it is not worth the maintenance of everything else.
pub(crate) async fn merge(shared: &Shared, file: &Arc<DataFile>, now: Timestamp, all: bool) -> Result<(), Error> {
    let before = if all { i64::MAX } else { now.plus(-CLOSED).floor(MINUTE).0 };
    let mut merging = Merging { shared, file, before, connection: None };
    let merged = merging.signal::<SpanColumns>().await;
    shared.came_upon(file, merged)?;
    let merged = merging.signal::<LogColumns>().await;
    shared.came_upon(file, merged)?;
    let merged = merging.signal::<PointColumns>().await;
    shared.came_upon(file, merged)?;
    let merged = merging.signal::<ProfileColumns>().await;
    shared.came_upon(file, merged)?;
    let merged = traces::index_traces(&mut merging.connection, file, all).await;
    shared.came_upon(file, merged)?;
    let merged = merging.rollups().await;
    shared.came_upon(file, merged)?;
    if all {
        opened(&mut merging.connection, file).await?;
    }
    if let Some(mut connection) = merging.connection {
        if all {
            // Nothing will use the pages again that the small ones left.
            sqlx::raw_sql("pragma incremental_vacuum").execute(&mut connection).await?;
            // Readers that idle keep the log from being emptied when this connection closes.
            sqlx::raw_sql("pragma wal_checkpoint(truncate)").execute(&mut connection).await?;
        }
        connection.close().await?;
    }
    Ok(())
}

/// A partition whose small rows of before a time are merged.
struct Merging<'m> {
    shared: &'m Shared,
    file: &'m DataFile,
    before: i64,
    connection: Option<SqliteConnection>,
}

impl Merging<'_> {
    async fn signal<C: Columns>(&mut self) -> Result<(), Error> {
        while let Some(small) = small_blocks(self.file, C::SIGNAL, C::MERGED, self.before).await? {
            let connection = opened(&mut self.connection, self.file).await?;
            let left = merge_blocks::<C>(connection, small).await?;
            self.left("block", left);
        }
        Ok(())
    }

    async fn rollups(&mut self) -> Result<(), Error> {
        while let Some(small) = rollups::small(self.file, self.before).await? {
            let connection = opened(&mut self.connection, self.file).await?;
            let left = rollups::merge(connection, small).await?;
            self.left("rollup", left);
        }
        Ok(())
    }

    /// Says what was left.
    fn left(&self, what: &str, rows: Vec<Left>) {
        for (id, error) in rows {
            self.shared.damaged(format!("{}: {what} {id}: {error}", self.file.path.display()));
        }
    }
}

/// A row that can't be decoded, and why.
type Left = (i64, Error);

/// Numbers as JSON; those of rows that were left, and those of all others.
fn ids(small: &[Small], left: &[Left]) -> (String, String) {
    let is_left = |id: &i64| left.iter().any(|(known, _)| known == id);
    let (left, merged): (Vec<i64>, Vec<i64>) = small.iter().map(|(id, _, _)| *id).partition(is_left);
    (json!(left).to_string(), json!(merged).to_string())
}

/// What [`Left`] rows have for `merged`, so that nobody tries to merge them again.
const LEFT: i64 = 2;

/// The second connection that writes, for the short transactions of merges; the other waits for them.
async fn opened<'a>(
    connection: &'a mut Option<SqliteConnection>,
    file: &DataFile,
) -> Result<&'a mut SqliteConnection, Error> {
    match connection {
        Some(connection) => Ok(connection),
        None => Ok(connection.insert(sqlite::open(&file.path, sqlite::Page::Large, 1_024, RAW_STEPS).await?)),
    }
}

/// A row that might be merged: its number, records and bytes.
type Candidate = (i64, i64, i64);

/// Numbers of the first rows that make a large one together, or are as much as is read at once. Pure.
fn enough(rows: &[Candidate], most: i64) -> Vec<i64> {
    let (mut records, mut bytes) = (0, 0);
    let wanted = |row: &&Candidate| {
        let wanted = records < most && bytes < BYTES;
        (records, bytes) = (records + row.1, bytes + row.2);
        wanted
    };
    rows.iter().take_while(wanted).map(|(id, _, _)| *id).collect()
}

/// The oldest small blocks, as many as make a large one.
async fn small_blocks(file: &DataFile, signal: Signal, most: i64, before: i64) -> Result<Option<Vec<Small>>, Error> {
    let rows: Vec<Candidate> = sqlx::query_as(
        "select id, records, length(data) from blocks where merged = 0 and signal = ?1 and arrival < ?2
         order by arrival limit ?3",
    )
    .bind(signal.number())
    .bind(before)
    .bind(ROWS)
    .fetch_all(&mut *file.readers.get().await?)
    .await?;
    let sql = "select id, arrival, data from blocks where id in (select value from json_each(?1)) order by arrival";
    read(file, sql, &enough(&rows, most)).await
}

/// Reads the rows of some numbers, if there are any.
async fn read(file: &DataFile, sql: &'static str, ids: &[i64]) -> Result<Option<Vec<Small>>, Error> {
    if ids.is_empty() {
        return Ok(None);
    }
    Ok(Some(sqlx::query_as(sql).bind(json!(ids).to_string()).fetch_all(&mut *file.readers.get().await?).await?))
}

async fn merge_blocks<C: Columns>(
    connection: &mut SqliteConnection,
    mut small: Vec<Small>,
) -> Result<Vec<Left>, Error> {
    let (small, (joined, left)) = query::blocking(move || {
        let (joined, left) = join_blocks::<C>(&small)?;
        // What was not joined comes next time.
        small.truncate(joined.blocks);
        Ok::<_, Error>((small, (joined, left)))
    })
    .await??;
    let arrival = small.iter().map(|(_, arrival, _)| *arrival).max().unwrap_or_default();
    let (damaged, ids) = ids(&small, &left);
    let mut transaction = connection.begin_with("begin immediate").await?;
    if joined.records > 0 {
        insert_block(&mut transaction, C::SIGNAL, arrival, joined).await?;
    }
    sqlx::query("update blocks set merged = ?2 where id in (select value from json_each(?1))")
        .bind(&damaged)
        .bind(LEFT)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("delete from filters where block in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("delete from blocks where id in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(left)
}

async fn insert_block(
    connection: &mut SqliteConnection,
    signal: Signal,
    arrival: i64,
    joined: Joined,
) -> Result<(), Error> {
    let block = sqlx::query(
        "insert into blocks (signal, first, last, arrival, records, merged, data) values (?1, ?2, ?3, ?4, ?5, 1, ?6)",
    )
    .bind(signal.number())
    .bind(joined.bounds.0)
    .bind(joined.bounds.1)
    .bind(arrival)
    .bind(joined.records)
    .bind(joined.data)
    .execute(&mut *connection)
    .await?
    .last_insert_rowid();
    sqlx::query("insert into filters (block, data) values (?1, ?2)")
        .bind(block)
        .bind(joined.filter)
        .execute(&mut *connection)
        .await?;
    if let Some(words) = joined.words {
        sqlx::query("insert into words (block, data) values (?1, ?2)")
            .bind(block)
            .bind(words)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A large block, made of small ones.
struct Joined {
    /// How many small ones were looked at.
    blocks: usize,
    records: i64,
    bounds: (i64, i64),
    data: Vec<u8>,
    filter: Vec<u8>,
    words: Option<Vec<u8>>,
}

/// Whether a block can be joined to others.
fn is_room<C: Columns>(columns: &C, block: &C) -> bool {
    columns.size() + block.size() <= JOINED && columns.fits_beside(block)
}

fn join_blocks<C: Columns>(small: &[Small]) -> Result<(Joined, Vec<Left>), Error> {
    let mut columns = C::default();
    let (mut blocks, mut left) = (0, Vec::new());
    for (id, _, data) in small {
        match C::unseal(data) {
            Ok(block) if columns.len() > 0 && !is_room(&columns, &block) => break,
            Ok(block) => {
                let owners: Vec<u32> = (0..=block.owners().iter().copied().max().unwrap_or_default()).collect();
                columns.append(&block, &owners);
            }
            Err(error) => left.push((*id, error)),
        }
        blocks += 1;
    }
    let data = columns.seal_merged(LEVEL)?;
    // What it was made of is deleted, so it must be known that it can be read.
    if C::count(&data)? != columns.len() {
        return Err(Error::Damaged("a merged block is not what was merged".into()));
    }
    let joined = Joined {
        blocks,
        records: columns.len() as i64,
        bounds: columns.bounds().unwrap_or_default(),
        data,
        filter: columns.filter(),
        words: columns.words(),
    };
    Ok((joined, left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::profiles::tests::of_samples;

    #[test]
    fn a_merge_joins_no_more_than_a_block_can_hold() {
        let small = |id, count| (id, id, of_samples(count).seal(1).unwrap());
        let all = [small(1, 40_000), small(2, 20_000), (3, 3, vec![0]), small(4, 10_000), small(5, 1)];
        let (joined, left) = join_blocks::<ProfileColumns>(&all).unwrap();
        assert_eq!((joined.blocks, joined.records), (3, 60_000));
        assert_eq!(left.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3]);
        assert_eq!(ProfileColumns::unseal(&joined.data).unwrap().len(), 60_000);
    }

    #[test]
    fn no_more_is_read_than_is_joined() {
        let rows = [(1, 10, 100), (2, 10, BYTES), (3, 10, 100), (4, 10, 100)];
        assert_eq!(enough(&rows, 100), [1, 2]);
        assert_eq!(enough(&rows, 15), [1, 2]);
        assert_eq!(enough(&rows, 5), [1]);
        assert_eq!(enough(&rows[2..], 100), [3, 4]);
        assert!(enough(&[], 100).is_empty());
    }
}
