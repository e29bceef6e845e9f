//! Joins the fingerprints of merged blocks of spans into runs, in which a search by trace id looks instead of into the
//! filters of all blocks. One transaction replaces filters by a run.

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::block::columns::Signal;
use crate::partition::file::DataFile;
use crate::{Error, index, query};

/// Makes runs of all blocks that fill one; of a partition that is closed, of all blocks.
pub(super) async fn index_traces(
    connection: &mut Option<SqliteConnection>,
    file: &DataFile,
    all: bool,
) -> Result<(), Error> {
    loop {
        let blocks = without_run(file).await?;
        if blocks.is_empty() || blocks.len() < index::RUN && !all {
            return Ok(());
        }
        write(super::opened(connection, file).await?, blocks).await?;
    }
}

/// The oldest merged blocks that still have a filter, at most a run of them.
async fn without_run(file: &DataFile) -> Result<Vec<i64>, Error> {
    let ids: Vec<(i64,)> = sqlx::query_as(
        "select id from blocks
         where signal = ?1 and id not in (select id from blocks where signal = ?1 and merged = 0)
         and exists (select 1 from filters where block = blocks.id)
         order by id limit ?2",
    )
    .bind(Signal::Spans.number())
    .bind(index::RUN as i64)
    .fetch_all(&mut *file.readers.get().await?)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

async fn write(connection: &mut SqliteConnection, blocks: Vec<i64>) -> Result<(), Error> {
    let ids = json!(blocks).to_string();
    let mut transaction = connection.begin_with("begin immediate").await?;
    let filters: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "select block, data from filters where block in (select value from json_each(?1)) order by block",
    )
    .bind(&ids)
    .fetch_all(&mut *transaction)
    .await?;
    let (blocks, filters): (Vec<i64>, Vec<Vec<u8>>) = filters.into_iter().unzip();
    let rows = query::blocking(move || index::run(&filters)).await?;
    let run = sqlx::query("insert into trace_runs (blocks) values (?1)")
        .bind(json!(blocks).to_string())
        .execute(&mut *transaction)
        .await?
        .last_insert_rowid();
    for (first, data) in rows {
        sqlx::query("insert into trace_rows (id, data) values (?1, ?2)")
            .bind(run << 32 | i64::from(first))
            .bind(data)
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("delete from filters where block in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
