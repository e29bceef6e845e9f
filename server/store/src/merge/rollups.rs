//! Joins the small rollups of a minute of arrival into rows by owner, so that a question about one service decodes its own
//! and few others.

use model::MINUTE;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{Candidate, LEFT, LEVEL, Left, ROWS, Small, enough, ids, read};
use crate::partition::file::DataFile;
use crate::rollup::{CELL, Gather, Rollup};
use crate::{Error, query};

/// Cells of a row of rollups: what a question about one service decodes of a minute, in a fifth of a millisecond.
const PART: usize = 2_048;

/// The small rollups of the oldest minute of arrival that has any.
pub(super) async fn small(file: &DataFile, before: i64) -> Result<Option<Vec<Small>>, Error> {
    let rows: Vec<Candidate> = sqlx::query_as(
        "with oldest as (select min(arrival) / ?3 * ?3 as minute from rollups where merged = 0 and arrival < ?1)
         select id, 1, length(data) from rollups, oldest
         where merged = 0 and arrival < ?1 and arrival >= minute and arrival < minute + ?3
         order by arrival limit ?2",
    )
    .bind(before)
    .bind(ROWS * 8)
    .bind(MINUTE)
    .fetch_all(&mut *file.readers.get().await?)
    .await?;
    let sql = "select id, arrival, data from rollups where id in (select value from json_each(?1)) order by arrival";
    read(file, sql, &enough(&rows, i64::MAX)).await
}

/// Joins them in one transaction; returns those that are left as they are.
pub(super) async fn merge(connection: &mut SqliteConnection, small: Vec<Small>) -> Result<Vec<Left>, Error> {
    let arrival = small.iter().map(|(_, arrival, _)| *arrival).max().unwrap_or_default();
    let (small, (parts, left)) = query::blocking(move || {
        let joined = join(&small)?;
        Ok::<_, Error>((small, joined))
    })
    .await??;
    let (damaged, ids) = ids(&small, &left);
    let mut transaction = connection.begin_with("begin immediate").await?;
    for Part { least, most, bounds, data } in parts {
        // A new number, since rollups are cached by it; the greatest `seq`, by which folds know how far they came.
        sqlx::query(
            "insert into rollups (seq, source, first, last, arrival, merged, data, least, most)
             values ((select max(seq) from rollups where id in (select value from json_each(?1))), 0, ?2, ?3, ?4, 1, ?5,
                 ?6, ?7)",
        )
        .bind(&ids)
        .bind(bounds.0)
        .bind(bounds.1)
        .bind(arrival)
        .bind(data)
        .bind(least)
        .bind(most)
        .execute(&mut *transaction)
        .await?;
    }
    sqlx::query("update rollups set merged = ?2 where id in (select value from json_each(?1))")
        .bind(&damaged)
        .bind(LEFT)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("delete from rollups where id in (select value from json_each(?1))")
        .bind(&ids)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(left)
}

/// A row of a merged rollup: its owners, its bounds and its bytes.
struct Part {
    least: u32,
    most: u32,
    bounds: (i64, i64),
    data: Vec<u8>,
}

fn join(small: &[Small]) -> Result<(Vec<Part>, Vec<Left>), Error> {
    let mut gather = Gather::new(CELL);
    let mut left = Vec::new();
    for (id, _, data) in small {
        match Rollup::decode(data) {
            Ok(rollup) => {
                gather.add(&rollup, i64::MIN, i64::MAX, |owner, _| Some(owner));
                gather.add_owners(&rollup);
            }
            Err(error) => left.push((*id, error)),
        }
    }
    let part = |(least, most, part): (u32, u32, Rollup)| {
        // Without cells it is found by arrival only; bounds that no window meets say so.
        let bounds = part.bounds(CELL).unwrap_or((i64::MAX, i64::MIN));
        Ok(Part { least, most, bounds, data: part.encode(LEVEL)? })
    };
    let mut parts = gather.finish().parts(PART).into_iter().map(part).collect::<Result<Vec<_>, Error>>()?;
    if parts.is_empty() && left.len() < small.len() {
        // Of metrics and profiles alone: the row says how far `seq` came, so that no later one is taken for folded.
        parts.push(part((0, 0, Rollup::default()))?);
    }
    Ok((parts, left))
}
