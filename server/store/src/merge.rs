//! Joins the small blocks and rollups of closed minutes into larger ones. One transaction replaces the old by the
//! new, so a crash leaves either; readers in between see one or the other.

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
use crate::rollup::{CELL, Gather, Rollup};
use crate::{Error, query, sqlite};

/// What arrived so lately is left: more of its minute may come.
const CLOSED: i64 = MINUTE;
/// Small blocks read at once, which bounds the memory of a merge.
const ROWS: i64 = 256;
const LEVEL: i32 = 3;

/// A row to be merged: its number, arrival and bytes.
type Small = (i64, i64, Vec<u8>);

/// Merges what is closed of a partition. A row alone in its minute stays as it is.
pub(crate) async fn merge(shared: &Shared, file: &Arc<DataFile>, now: Timestamp, all: bool) -> Result<(), Error> {
    let before = if all { i64::MAX } else { now.plus(-CLOSED).floor(MINUTE).0 };
    let merged = async {
        let mut connection: Option<SqliteConnection> = None;
        merge_signal::<SpanColumns>(&mut connection, file, before).await?;
        merge_signal::<LogColumns>(&mut connection, file, before).await?;
        merge_signal::<PointColumns>(&mut connection, file, before).await?;
        merge_signal::<ProfileColumns>(&mut connection, file, before).await?;
        traces::index_traces(&mut connection, file, all).await?;
        while let Some(small) = small_rollups(file, before).await? {
            let connection = opened(&mut connection, file).await?;
            merge_rollups(connection, small).await?;
        }
        if all {
            opened(&mut connection, file).await?;
        }
        if let Some(mut connection) = connection {
            if all {
                // Nothing will use the pages again that the small ones left.
                sqlx::raw_sql("pragma incremental_vacuum").execute(&mut connection).await?;
                // Readers that idle keep the log from being emptied when this connection closes.
                sqlx::raw_sql("pragma wal_checkpoint(truncate)").execute(&mut connection).await?;
            }
            connection.close().await?;
        }
        Ok(())
    };
    match merged.await {
        // What can't be decoded stays as it is; it is not worth the maintenance of everything else.
        Err(Error::Damaged(what)) => {
            shared.damaged(format!("{}: {what}", file.path.display()));
            Ok(())
        }
        other => other,
    }
}

async fn merge_signal<C: Columns>(
    connection: &mut Option<SqliteConnection>,
    file: &DataFile,
    before: i64,
) -> Result<(), Error> {
    while let Some(small) = small_blocks(file, C::SIGNAL, C::MERGED, before).await? {
        merge_blocks::<C>(opened(connection, file).await?, small).await?;
    }
    Ok(())
}

/// The second connection that writes, for the short transactions of merges; the other waits for them.
async fn opened<'a>(
    connection: &'a mut Option<SqliteConnection>,
    file: &DataFile,
) -> Result<&'a mut SqliteConnection, Error> {
    match connection {
        Some(connection) => Ok(connection),
        None => Ok(connection.insert(sqlite::open(&file.path, 1_024, RAW_STEPS).await?)),
    }
}

/// The oldest small blocks, as many as make a large one; only of these the bytes are read.
async fn small_blocks(file: &DataFile, signal: Signal, most: i64, before: i64) -> Result<Option<Vec<Small>>, Error> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "select id, records from blocks where merged = 0 and signal = ?1 and arrival < ?2 order by arrival limit ?3",
    )
    .bind(signal.number())
    .bind(before)
    .bind(ROWS)
    .fetch_all(&file.readers)
    .await?;
    let mut records = 0;
    let enough = |row: &(i64, i64)| {
        let wanted = records < most;
        records += row.1;
        wanted
    };
    let taken: Vec<i64> = rows.into_iter().take_while(enough).map(|(id, _)| id).collect();
    if taken.is_empty() {
        return Ok(None);
    }
    let small = sqlx::query_as(
        "select id, arrival, data from blocks where id in (select value from json_each(?1)) order by arrival",
    )
    .bind(json!(taken).to_string())
    .fetch_all(&file.readers)
    .await?;
    Ok(Some(small))
}

async fn merge_blocks<C: Columns>(connection: &mut SqliteConnection, small: Vec<Small>) -> Result<(), Error> {
    let ids: Vec<i64> = small.iter().map(|(id, _, _)| *id).collect();
    let ids = json!(ids).to_string();
    let arrival = small.iter().map(|(_, arrival, _)| *arrival).max().unwrap_or_default();
    let joined = query::blocking(move || join_blocks::<C>(&small)).await??;
    let mut transaction = connection.begin_with("begin immediate").await?;
    let block = sqlx::query(
        "insert into blocks (signal, first, last, arrival, records, merged, data) values (?1, ?2, ?3, ?4, ?5, 1, ?6)",
    )
    .bind(C::SIGNAL.number())
    .bind(joined.bounds.0)
    .bind(joined.bounds.1)
    .bind(arrival)
    .bind(joined.records)
    .bind(joined.data)
    .execute(&mut *transaction)
    .await?
    .last_insert_rowid();
    sqlx::query("insert into filters (block, data) values (?1, ?2)")
        .bind(block)
        .bind(joined.filter)
        .execute(&mut *transaction)
        .await?;
    if let Some(words) = joined.words {
        sqlx::query("insert into words (block, data) values (?1, ?2)")
            .bind(block)
            .bind(words)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("delete from filters where block in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("delete from blocks where id in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// A large block, made of small ones.
struct Joined {
    records: i64,
    bounds: (i64, i64),
    data: Vec<u8>,
    filter: Vec<u8>,
    words: Option<Vec<u8>>,
}

fn join_blocks<C: Columns>(small: &[Small]) -> Result<Joined, Error> {
    let mut columns = C::default();
    for (_, _, data) in small {
        let block = C::unseal(data)?;
        let owners: Vec<u32> = (0..=block.owners().iter().copied().max().unwrap_or_default()).collect();
        columns.append(&block, &owners);
    }
    Ok(Joined {
        records: columns.len() as i64,
        bounds: columns.bounds().unwrap_or_default(),
        data: columns.seal(LEVEL)?,
        filter: columns.filter(),
        words: columns.words(),
    })
}

/// The small rollups of the oldest minute of arrival that has any.
async fn small_rollups(file: &DataFile, before: i64) -> Result<Option<Vec<Small>>, Error> {
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
        "with oldest as (select min(arrival) / ?3 * ?3 as minute from rollups where merged = 0 and arrival < ?1)
         select id, arrival, data from rollups, oldest
         where merged = 0 and arrival < ?1 and arrival >= minute and arrival < minute + ?3
         order by arrival limit ?2",
    )
    .bind(before)
    .bind(ROWS * 8)
    .bind(MINUTE)
    .fetch_all(&file.readers)
    .await?;
    Ok(Some(rows).filter(|rows| !rows.is_empty()))
}

async fn merge_rollups(connection: &mut SqliteConnection, small: Vec<Small>) -> Result<(), Error> {
    let ids: Vec<i64> = small.iter().map(|(id, _, _)| *id).collect();
    let ids = json!(ids).to_string();
    let arrival = small.iter().map(|(_, arrival, _)| *arrival).max().unwrap_or_default();
    let (rollup, data) = query::blocking(move || join_rollups(&small)).await??;
    let (first, last) = rollup.bounds(CELL).unwrap_or((i64::MAX, i64::MIN));
    let mut transaction = connection.begin_with("begin immediate").await?;
    // A new number, since rollups are cached by it; the greatest `seq`, by which folds know how far they came.
    sqlx::query(
        "insert into rollups (seq, source, first, last, arrival, merged, data)
         values ((select max(seq) from rollups where id in (select value from json_each(?1))), 0, ?2, ?3, ?4, 1, ?5)",
    )
    .bind(&ids)
    .bind(first)
    .bind(last)
    .bind(arrival)
    .bind(data)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("delete from rollups where id in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn join_rollups(small: &[Small]) -> Result<(Rollup, Vec<u8>), Error> {
    let mut gather = Gather::new(CELL);
    for (_, _, data) in small {
        let rollup = Rollup::decode(data)?;
        gather.add(&rollup, i64::MIN, i64::MAX, |owner| owner);
        gather.add_owners(&rollup);
    }
    let rollup = gather.finish();
    let data = rollup.encode(LEVEL)?;
    Ok((rollup, data))
}
