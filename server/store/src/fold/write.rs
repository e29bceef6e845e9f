//! Writes what is folded: minutes while more may come, then hours by owner.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, MINUTE};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{day_of, raw, say};
use crate::owners::Resolved;
use crate::partition::file::{DataFile, Family};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::rollup::{Gather, Rollup};
use crate::tens::make;
use crate::{Attribution, Error, pass, query, sqlite};

/// Minutes that are folded in one transaction.
const CHUNK: usize = 10;
/// Cells of a row: what a question about one service decodes of an hour.
const PART: usize = 4_096;
const LEVEL: i32 = 3;

/// Writes minutes of a partition, all that it has where nothing comes any more, and notes how far it is folded.
pub(super) async fn write(
    shared: &Shared,
    file: &DataFile,
    minutes: &[i64],
    mark: i64,
    complete: bool,
) -> Result<(), Error> {
    let id = day_of(file.id);
    let known = shared.files(Family::Summary).iter().find(|day| day.id == id).cloned();
    let new = known.is_none();
    let day = known.unwrap_or_else(|| {
        Arc::new(DataFile::new(Family::Summary, id, DataFile::path_of(&shared.data, Family::Summary, id)))
    });
    let mut connection = sqlite::open(&day.path, 512, SUMMARY_STEPS).await.map_err(|error| of_day(&day, error))?;
    let written = match complete {
        true => write_hours(shared, file, &day, &mut connection, minutes, mark).await,
        false => write_minutes(shared, file, &day, &mut connection, minutes, mark).await,
    };
    written.map_err(|error| of_day(&day, error))?;
    connection.close().await?;
    if new {
        shared.add(Arc::clone(&day));
    }
    day.forget_owners().await;
    day.lacks_tens.store(true, Ordering::Release);
    Ok(())
}

/// Says that damage is the summaries' own.
fn of_day(day: &DataFile, error: Error) -> Error {
    if error.is_damage() { Error::Damaged(format!("{}: {error}", day.path.display())) } else { error }
}

/// Minutes in place of those that are there.
async fn write_minutes(
    shared: &Shared,
    file: &DataFile,
    day: &DataFile,
    connection: &mut SqliteConnection,
    minutes: &[i64],
    mark: i64,
) -> Result<(), Error> {
    for chunk in minutes.chunks(CHUNK) {
        let mut transaction = connection.begin_with("begin immediate").await?;
        make::forget(&mut transaction, file.id).await?;
        for minute in chunk {
            sqlx::query("delete from rollups where source = ?1 and first = ?2")
                .bind(file.id)
                .bind(minute)
                .execute(&mut *transaction)
                .await?;
            write_stretch(shared, file, day, &mut transaction, (*minute, MINUTE)).await?;
        }
        transaction.commit().await?;
    }
    // Last, so that what a crash leaves half done is done again.
    note(connection, file.id, mark, false).await
}

/// Hours in place of all minutes, at once: a crash leaves what was there.
async fn write_hours(
    shared: &Shared,
    file: &DataFile,
    day: &DataFile,
    connection: &mut SqliteConnection,
    minutes: &[i64],
    mark: i64,
) -> Result<(), Error> {
    let mut hours: Vec<i64> = minutes.iter().map(|minute| minute.saturating_sub(minute.rem_euclid(HOUR))).collect();
    hours.dedup();
    let mut transaction = connection.begin_with("begin immediate").await?;
    make::forget(&mut transaction, file.id).await?;
    sqlx::query("delete from rollups where source = ?1").bind(file.id).execute(&mut *transaction).await?;
    for hour in hours {
        write_stretch(shared, file, day, &mut transaction, (hour, HOUR)).await?;
    }
    note(&mut transaction, file.id, mark, true).await?;
    Ok(transaction.commit().await?)
}

async fn note(connection: &mut SqliteConnection, source: i64, mark: i64, complete: bool) -> Result<(), Error> {
    sqlx::query("insert or replace into folds (source, mark, complete) values (?1, ?2, ?3)")
        .bind(source)
        .bind(mark)
        .bind(complete)
        .execute(connection)
        .await?;
    Ok(())
}

/// A row of the summaries: times and owners of its cells, and its bytes.
struct Part {
    first: i64,
    last: i64,
    least: u32,
    most: u32,
    data: Vec<u8>,
}

/// The rows of a stretch, given by its begin and length: gathered range by range of owners, which bounds memory.
async fn write_stretch(
    shared: &Shared,
    file: &DataFile,
    day: &DataFile,
    connection: &mut SqliteConnection,
    (from, length): (i64, i64),
) -> Result<(), Error> {
    let to = from.saturating_add(length);
    let read = async {
        let (bytes,): (i64,) =
            sqlx::query_as("select coalesce(sum(length(data)), 0) from rollups where last >= ?1 and first < ?2")
                .bind(from)
                .bind(to)
                .fetch_one(&mut *file.readers.get().await?)
                .await?;
        Ok(bytes)
    };
    let bytes = match read.await {
        Err(error) if Error::is_damage(&error) => {
            say(shared, file, vec![error.to_string()]);
            return Ok(());
        }
        other => other?,
    };
    let count = file.resolved(&shared.registry, &shared.directory.load_full()).await?.timelines.len() as u32;
    for range in pass::ranges(bytes, count) {
        let sql = "select id, data from rollups where last >= ?1 and first < ?2 and least <= ?4 and most >= ?3";
        let query = sqlx::query_as(sql).bind(from).bind(to).bind(range.0).bind(range.1);
        let read = async { Ok(query.fetch_all(&mut *file.readers.get().await?).await?) };
        let (rows, resolved) = raw(shared, file, read).await?;
        let owners = resolved.timelines.len();
        let (gathered, damaged) = query::blocking(move || gather(rows, owners, (from, to), range)).await?;
        say(shared, file, damaged);
        let numbers = number_owners(connection, &resolved, &gathered).await?;
        for part in query::blocking(move || parts(&gathered, &numbers)).await?? {
            sqlx::query("insert into rollups (source, first, last, least, most, data) values (?1, ?2, ?3, ?4, ?5, ?6)")
                .bind(file.id)
                .bind(part.first)
                .bind(part.last)
                .bind(part.least)
                .bind(part.most)
                .bind(part.data)
                .execute(&mut *connection)
                .await?;
            day.widen(part.first, part.last);
        }
    }
    Ok(())
}

/// Cells by the minute of a stretch and a range of owners; and what is wrong with the rows. Pure.
fn gather(
    rows: Vec<(i64, Vec<u8>)>,
    owners: usize,
    (from, to): (i64, i64),
    (least, most): (u32, u32),
) -> (Rollup, Vec<String>) {
    let mut gather = Gather::new(MINUTE);
    let damaged = pass::each(rows, owners, |rollup| {
        gather.add(rollup, from, to, |owner, _| (least..=most).contains(&owner).then_some(owner));
    });
    (gather.finish(), damaged)
}

/// Rows of some of the owners each, by the summaries' numbers. Pure.
fn parts(gathered: &Rollup, numbers: &HashMap<u32, u32>) -> Result<Vec<Part>, Error> {
    let mut numbered = Gather::new(MINUTE);
    numbered.add(gathered, i64::MIN, i64::MAX, |owner, _| numbers.get(&owner).copied());
    let part = |(least, most, part): (u32, u32, Rollup)| {
        let (first, last) = part.bounds(MINUTE)?;
        Some(part.encode(LEVEL).map(|data| Part { first, last, least, most, data }))
    };
    numbered.finish().parts(PART).into_iter().filter_map(part).collect()
}

/// The summaries' numbers of the owners that a rollup names, each noted with whose it is now.
async fn number_owners(
    connection: &mut SqliteConnection,
    resolved: &Resolved,
    rollup: &Rollup,
) -> Result<HashMap<u32, u32>, Error> {
    let named: BTreeSet<u32> = rollup.owner_numbers().collect();
    let hex = |hash: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*hash));
    let mut rows = Vec::with_capacity(named.len());
    for number in &named {
        let known = &resolved.owners[*number as usize].known;
        let whose: Option<&Arc<Attribution>> =
            resolved.timelines[*number as usize].all().rev().find(|a| a.service.is_some());
        let json = |error: serde_json::Error| Error::Damaged(format!("an owner: {error}"));
        let facts = serde_json::to_string(&known.facts).map_err(json)?;
        let whose = whose.map(serde_json::to_string).transpose().map_err(json)?;
        rows.push(json!([hex(&known.hash), facts, whose, number]));
    }
    let rows = json!(rows).to_string();
    sqlx::query(
        "insert into owners (id, hash, facts, attribution)
         select coalesce((select max(id) from owners), -1) + row_number() over (order by key),
             unhex(value ->> 0), value ->> 1, value ->> 2
         from json_each(?1) where unhex(value ->> 0) not in (select hash from owners)",
    )
    .bind(&rows)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "update owners set attribution = rows.whose from (select unhex(value ->> 0) as hash, value ->> 2 as whose
         from json_each(?1)) as rows where owners.hash = rows.hash and rows.whose is not null
         and owners.attribution is not rows.whose",
    )
    .bind(&rows)
    .execute(&mut *connection)
    .await?;
    let numbers: Vec<(u32, u32)> = sqlx::query_as(
        "select value ->> 3, owners.id from json_each(?1) join owners on owners.hash = unhex(value ->> 0)",
    )
    .bind(&rows)
    .fetch_all(&mut *connection)
    .await?;
    Ok(numbers.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use model::TraceId;

    use super::*;
    use crate::rollup::{CELL, ErrorCell};

    /// A row of 10-second cells: errors of so many owners in two minutes, each cell's count being its owner's number.
    fn row(owners: u32) -> (i64, Vec<u8>) {
        let cell = |owner, at| ErrorCell {
            owner,
            endpoint: 0,
            error: 0,
            at,
            count: f64::from(owner),
            first: at,
            last: at,
            sample: TraceId([1; 16]),
        };
        let cells = (0..owners).flat_map(|owner| (0..12).map(move |n| cell(owner, n * CELL)));
        let mut rollup = Rollup::default();
        rollup.errors.extend(cells);
        (7, rollup.encode(LEVEL).unwrap())
    }

    #[test]
    fn ranges_of_owners_and_parts_hold_what_the_whole_holds() {
        let owners = 3_000;
        let cells = |ranges: &[(u32, u32)], (from, to): (i64, i64)| {
            let mut cells = Vec::new();
            for range in ranges {
                let (gathered, damaged) = gather(vec![row(owners)], owners as usize, (from, to), *range);
                assert!(damaged.is_empty());
                // In the summaries owners have other numbers, in another order.
                let numbers = (0..owners).map(|owner| (owner, owners - owner)).collect();
                let parts = parts(&gathered, &numbers).unwrap();
                assert!(parts.windows(2).all(|pair| pair[0].most < pair[1].least), "an owner is in one");
                for part in parts {
                    let rollup = Rollup::decode(&part.data).unwrap();
                    assert_eq!(rollup.bounds(MINUTE), Some((part.first, part.last)));
                    assert!(rollup.owner_numbers().all(|owner| (part.least..=part.most).contains(&owner)));
                    cells.extend(rollup.errors.iter().map(|cell| (cell.owner, cell.at, cell.count as u32)));
                }
            }
            cells.sort_unstable();
            cells
        };
        let all = [(0, u32::MAX)];
        let told: Vec<_> = (1..=owners).flat_map(|n| [0, MINUTE].map(|at| (n, at, 6 * (owners - n)))).collect();
        assert_eq!(cells(&all, (0, HOUR)), told);
        assert_eq!(cells(&[(0, 99), (100, 100), (101, u32::MAX)], (0, HOUR)), told);
        let second: Vec<_> = told.iter().filter(|(_, at, _)| *at == MINUTE).copied().collect();
        assert_eq!(cells(&all, (MINUTE, HOUR)), second);
    }
}
