//! Writes what is folded: hours by owner.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, MINUTE};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{day_of, numbered, owners_of, raw, say, spared};
use crate::owners::Resolved;
use crate::partition::file::{DataFile, Family, Front};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::rollup::{Gather, Rollup};
use crate::tens::make;
use crate::{Error, pass, query, sqlite};

/// Cells of a row: what a question about one service decodes of an hour.
const PART: usize = 4_096;
const LEVEL: i32 = 3;

/// Adds what a partition has before a front and the summaries have not, and notes how far it is folded and looked over; all
/// at once, so that a crash leaves what was there.
pub(super) async fn write(
    shared: &Shared,
    file: &DataFile,
    next: Front,
    mark: i64,
    complete: bool,
) -> Result<(), Error> {
    let id = day_of(file.id);
    let known = shared.files(Family::Summary).iter().find(|day| day.id == id).cloned();
    let new = known.is_none();
    let day = known.unwrap_or_else(|| {
        Arc::new(DataFile::new(Family::Summary, id, DataFile::path_of(&shared.data, Family::Summary, id)))
    });
    let hours = if next == file.front() { BTreeSet::new() } else { hours(shared, file, next).await? };
    let is_more = complete || !hours.is_empty();
    let written = async {
        let mut connection = sqlite::open(&day.path, 512, SUMMARY_STEPS).await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        if !hours.is_empty() {
            make::forget(&mut transaction, file.id).await?;
        }
        for hour in hours {
            write_hour(shared, file, &day, &mut transaction, (next, hour)).await?;
        }
        if complete && let Some(resolved) = spared(shared, file, owners_of(shared, file).await)? {
            attribute(&mut transaction, &owners(&resolved, 0..resolved.owners.len() as u32)?).await?;
        }
        sqlx::query("insert or replace into folds (source, mark, front, seq, complete) values (?1, ?2, ?3, ?4, ?5)")
            .bind(file.id)
            .bind(mark)
            .bind(next.before)
            .bind(next.seq)
            .bind(complete)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(connection.close().await?)
    };
    written.await.map_err(|error| of_day(&day, error))?;
    if new {
        shared.add(Arc::clone(&day));
    }
    if is_more {
        day.forget_owners().await;
        day.lacks_tens.store(true, Ordering::Release);
    }
    Ok(())
}

/// Says that damage is the summaries' own.
fn of_day(day: &DataFile, error: Error) -> Error {
    if error.is_damage() { Error::Damaged(format!("{}: {error}", day.path.display())) } else { error }
}

/// Hours of which a partition may have something that is to be folded.
async fn hours(shared: &Shared, file: &DataFile, next: Front) -> Result<BTreeSet<i64>, Error> {
    let front = file.front();
    let read = async {
        let sql = "select id, first, last, length(data) from rollups
             where seq <= ?1 and first < ?2 and first <= last and (seq > ?3 or last >= ?4)";
        let query = sqlx::query_as(sql).bind(next.seq).bind(next.before).bind(front.seq).bind(front.before);
        Ok(query.fetch_all(&mut *file.readers.get().await?).await?)
    };
    let rows: Vec<(i64, i64, i64, i64)> = spared(shared, file, read.await)?.unwrap_or_default();
    let hour = |at: i64| at.saturating_sub(at.rem_euclid(HOUR));
    let is_narrow = |(_, first, last, _): &&(i64, i64, i64, i64)| last.saturating_sub(*first) < HOUR;
    let (narrow, wide): (Vec<_>, Vec<_>) = rows.iter().partition(is_narrow);
    let mut hours: BTreeSet<i64> = narrow.iter().flat_map(|(_, first, last, _)| [hour(*first), hour(*last)]).collect();
    // What is far from when it arrived: between its least and its greatest time there may be years of nothing.
    let wide: Vec<(i64, i64)> = wide.iter().map(|(id, .., length)| (*id, *length)).collect();
    for portion in pass::portions(&wide) {
        let (rows, resolved) = raw(shared, file, numbered(file, &portion)).await?;
        let owners = resolved.timelines.len();
        let touched = query::blocking(move || {
            let mut touched = BTreeSet::new();
            // What is damaged is said when it is folded.
            let _ = pass::each(rows, owners, |rollup| touched.extend(rollup.times().map(hour)));
            touched
        });
        hours.extend(touched.await?);
    }
    hours.retain(|hour| *hour < next.before);
    Ok(hours)
}

/// A row of the summaries: times and owners of its cells, and its bytes.
struct Part {
    first: i64,
    last: i64,
    least: u32,
    most: u32,
    data: Vec<u8>,
}

/// Rows of an hour: gathered range by range of owners, which bounds memory.
async fn write_hour(
    shared: &Shared,
    file: &DataFile,
    day: &DataFile,
    connection: &mut SqliteConnection,
    (next, from): (Front, i64),
) -> Result<(), Error> {
    let (front, to) = (file.front(), from.saturating_add(HOUR));
    // Of an hour that was folded before, only what came since.
    let after = if from < front.before { front.seq } else { Front::NONE.seq };
    let read = async {
        let sql = "select coalesce(sum(length(data)), 0) from rollups
             where last >= ?1 and first < ?2 and seq > ?3 and seq <= ?4";
        let query = sqlx::query_as(sql).bind(from).bind(to).bind(after).bind(next.seq);
        Ok(query.fetch_one(&mut *file.readers.get().await?).await?)
    };
    let Some((bytes,)): Option<(i64,)> = spared(shared, file, read.await)? else { return Ok(()) };
    let Some(resolved) = spared(shared, file, owners_of(shared, file).await)? else { return Ok(()) };
    let count = resolved.timelines.len() as u32;
    for range in pass::ranges(bytes, count) {
        let sql = "select id, data from rollups
             where last >= ?1 and first < ?2 and seq > ?3 and seq <= ?4 and least <= ?6 and most >= ?5";
        let query = sqlx::query_as(sql).bind(from).bind(to).bind(after).bind(next.seq).bind(range.0).bind(range.1);
        let read = async { Ok(query.fetch_all(&mut *file.readers.get().await?).await?) };
        let (rows, resolved) = raw(shared, file, read).await?;
        let owners = resolved.timelines.len();
        let (gathered, damaged) = query::blocking(move || gather(rows, owners, (from, to), range)).await?;
        say(shared, file, damaged);
        let numbers = number_owners(connection, &resolved, &gathered).await?;
        for part in query::blocking(move || parts(&gathered, &numbers)).await?? {
            sqlx::query(
                "insert into rollups (source, seq, first, last, least, most, data)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .bind(file.id)
            .bind(next.seq)
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
    let owners = owners(resolved, named)?;
    sqlx::query(
        "insert into owners (id, hash, facts, attribution)
         select coalesce((select max(id) from owners), -1) + row_number() over (order by key),
             unhex(value ->> 0), value ->> 1, value ->> 2
         from json_each(?1) where unhex(value ->> 0) not in (select hash from owners)",
    )
    .bind(&owners)
    .execute(&mut *connection)
    .await?;
    attribute(connection, &owners).await?;
    let numbers: Vec<(u32, u32)> = sqlx::query_as(
        "select value ->> 3, owners.id from json_each(?1) join owners on owners.hash = unhex(value ->> 0)",
    )
    .bind(&owners)
    .fetch_all(&mut *connection)
    .await?;
    Ok(numbers.into_iter().collect())
}

/// Notes whose owners are now, of those that are known.
async fn attribute(connection: &mut SqliteConnection, owners: &str) -> Result<(), Error> {
    sqlx::query(
        "update owners set attribution = rows.whose from (select unhex(value ->> 0) as hash, value ->> 2 as whose
         from json_each(?1)) as rows where owners.hash = rows.hash and rows.whose is not null
         and owners.attribution is not rows.whose",
    )
    .bind(owners)
    .execute(connection)
    .await?;
    Ok(())
}

/// Owners as JSON rows of hash, facts, whose they are now and number.
fn owners(resolved: &Resolved, numbers: impl IntoIterator<Item = u32>) -> Result<String, Error> {
    let json = |error: serde_json::Error| Error::Damaged(format!("an owner: {error}"));
    let row = |number: u32| {
        let known = &resolved.owners[number as usize].known;
        let whose = resolved.timelines[number as usize].all().rev().find(|whose| whose.service.is_some());
        let facts = serde_json::to_string(&known.facts).map_err(json)?;
        let whose = whose.map(serde_json::to_string).transpose().map_err(json)?;
        Ok(json!([format!("{:032x}", u128::from_be_bytes(known.hash)), facts, whose, number]))
    };
    let rows = numbers.into_iter().map(row).collect::<Result<Vec<_>, Error>>()?;
    Ok(json!(rows).to_string())
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
