//! Folds closed minutes of raw rollups into the summaries: one row a partition and minute, replaced when late data
//! comes, in the file of the day on which the partition began.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{DAY, MINUTE, Timestamp, Window};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::meta::{GroupSeen, Sightings};
use crate::partition::file::{DataFile, Family};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::query::{self, Loaded, Rows};
use crate::rollup::{Gather, Rollup};
use crate::tens::make;
use crate::{Attribution, Error, sqlite};

/// A minute is closed so long after its end: most data has come then.
const CLOSED: i64 = 2 * MINUTE;
/// Minutes that are folded in one transaction, and minutes of arrival that are looked at together.
const CHUNK: usize = 10;
const ROWS: usize = 64;
const LEVEL: i32 = 3;

/// The summaries' file of a partition: the day on which it began, in milliseconds.
pub(crate) fn day_of(partition: i64) -> i64 {
    let day = DAY / 1_000_000;
    partition - partition.rem_euclid(day)
}

/// First and last sight of error groups and log patterns, last request of services. Pure.
pub(crate) fn sightings(loaded: &[Loaded]) -> Sightings {
    let mut seen = Sightings::default();
    for file in loaded {
        for rollup in &file.rollups {
            for cell in &rollup.errors {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.first));
                let Some(service) = &whose.service else { continue };
                let sight = sight((cell.first, cell.last), whose);
                let text = |number| rollup.texts.get(number).to_owned();
                let key = (service.clone(), text(cell.endpoint), text(cell.error));
                seen.groups.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
            }
            for cell in &rollup.logs {
                let whose = file.resolved.timelines[cell.owner as usize].at(Timestamp(cell.first));
                let Some(service) = &whose.service else { continue };
                let sight = sight((cell.first, cell.last), whose);
                let key = (service.clone(), rollup.texts.get(cell.pattern).to_owned());
                seen.patterns.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
            }
            for count in &rollup.owners {
                let Some(at) = count.last_request.map(Timestamp) else { continue };
                if let Some(service) = &file.resolved.timelines[count.owner as usize].at(at).service {
                    let last = seen.requests.entry(service.clone()).or_insert(at);
                    *last = (*last).max(at);
                }
            }
        }
    }
    seen
}

/// What one cell says of when its group was seen.
pub(crate) fn sight((first, last): (i64, i64), whose: &Attribution) -> GroupSeen {
    GroupSeen { first: Timestamp(first), last: Timestamp(last), revision: whose.revision.clone() }
}

/// Folds what is closed of a partition; `last` says that nothing comes any more, so that all of it is.
pub(crate) async fn fold(shared: &Shared, file: &Arc<DataFile>, now: Timestamp, last: bool) -> Result<(), Error> {
    let mark = file.mark.load(Ordering::Acquire);
    // The last fold goes over everything again: pods that were seen late have changed whose it is.
    let since = if last { 0 } else { mark };
    let rows: Vec<Row> = sqlx::query_as("select seq, first, last from rollups where seq > ?1 order by seq")
        .bind(since)
        .fetch_all(&mut *file.readers.get().await?)
        .await?;
    let closed = |minute: i64| last || minute.saturating_add(MINUTE + CLOSED) <= now.0 || minute > now.0;
    let mut minutes = look(shared, file, &rows).await?;
    minutes.retain(|minute| closed(*minute));
    let new_mark = mark_after(&rows, mark, closed);
    if minutes.is_empty() && new_mark == mark && !last {
        return Ok(());
    }
    let minutes: Vec<i64> = minutes.into_iter().collect();
    write(shared, file, &minutes, new_mark, last).await?;
    file.mark.store(new_mark, Ordering::Release);
    file.complete.store(last, Ordering::Release);
    Ok(())
}

/// A rollup's `seq` and the least and greatest time that it covers.
type Row = (i64, i64, i64);

/// Remembers what rollups have seen and returns the minutes that they touch; a few at a time, which bounds memory.
async fn look(shared: &Shared, file: &Arc<DataFile>, rows: &[Row]) -> Result<BTreeSet<i64>, Error> {
    let mut minutes = BTreeSet::new();
    // The rows of a merged minute have one `seq`.
    let mut all: Vec<i64> = rows.iter().map(|(seq, ..)| *seq).collect();
    all.dedup();
    for chunk in all.chunks(ROWS) {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
        let rows = Rows::Between(first - 1, *last);
        let Some(loaded) = query::load_file(shared, file, rows, None).await? else { continue };
        let times = loaded.rollups.iter().flat_map(|rollup| rollup.times());
        minutes.extend(times.map(|at| at - at.rem_euclid(MINUTE)));
        let seen = query::blocking(move || sightings(&[loaded])).await?;
        shared.meta.remember(&seen).await?;
    }
    Ok(minutes)
}

/// How far everything is folded: up to the first rollup with a minute that is not closed. Pure.
fn mark_after(rows: &[Row], mark: i64, closed: impl Fn(i64) -> bool) -> i64 {
    let minute = |at: i64| at - at.rem_euclid(MINUTE);
    let open = |(_, first, last): &&Row| first <= last && !(closed(minute(*first)) && closed(minute(*last)));
    match rows.iter().find(open) {
        Some((seq, _, _)) => seq - 1,
        None => rows.last().map_or(mark, |(seq, _, _)| *seq),
    }
}

async fn write(shared: &Shared, file: &Arc<DataFile>, minutes: &[i64], mark: i64, complete: bool) -> Result<(), Error> {
    let id = day_of(file.id);
    let known = shared.files(Family::Summary).iter().find(|day| day.id == id).cloned();
    let new = known.is_none();
    let day = known.unwrap_or_else(|| {
        Arc::new(DataFile::new(Family::Summary, id, DataFile::path_of(&shared.data, Family::Summary, id)))
    });
    let mut connection = sqlite::open(&day.path, 512, SUMMARY_STEPS).await.map_err(|error| of_day(&day, error))?;
    // Minutes that follow each other, so that late data does not load all that lies between.
    let runs = minutes.chunk_by(|a, b| b - a == MINUTE);
    for chunk in runs.flat_map(|run| run.chunks(CHUNK)) {
        let written = write_minutes(shared, file, &day, &mut connection, chunk).await;
        written.map_err(|error| of_day(&day, error))?;
    }
    // Last, so that what a crash leaves half done is done again.
    sqlx::query("insert or replace into folds (source, mark, complete) values (?1, ?2, ?3)")
        .bind(file.id)
        .bind(mark)
        .bind(complete)
        .execute(&mut connection)
        .await
        .map_err(|error| of_day(&day, error.into()))?;
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

async fn write_minutes(
    shared: &Shared,
    file: &Arc<DataFile>,
    day: &DataFile,
    connection: &mut SqliteConnection,
    minutes: &[i64],
) -> Result<(), Error> {
    let (Some(first), Some(last)) = (minutes.first(), minutes.last()) else { return Ok(()) };
    let window = Window::new(Timestamp(*first), Timestamp(last.saturating_add(MINUTE)));
    let Some(loaded) = query::load_file(shared, file, Rows::Window(window, "[]"), None).await? else { return Ok(()) };
    let mut transaction = connection.begin_with("begin immediate").await?;
    make::forget(&mut transaction, file.id).await?;
    let numbers = number_owners(&mut transaction, &loaded).await?;
    let wanted = minutes.to_vec();
    let rows = query::blocking(move || fold_minutes(&loaded.rollups, &wanted, &numbers)).await??;
    for (minute, data) in rows {
        sqlx::query("insert or replace into rollups (source, first, last, data) values (?1, ?2, ?3, ?4)")
            .bind(file.id)
            .bind(minute)
            .bind(minute + MINUTE - 1)
            .bind(data)
            .execute(&mut *transaction)
            .await?;
        day.widen(minute, minute + MINUTE - 1);
    }
    transaction.commit().await?;
    Ok(())
}

/// The minutes' rollups, encoded. Pure.
fn fold_minutes(
    rollups: &[Arc<Rollup>],
    minutes: &[i64],
    numbers: &[Option<u32>],
) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let mut rows = Vec::with_capacity(minutes.len());
    for minute in minutes {
        let mut gather = Gather::new(MINUTE);
        for rollup in rollups {
            let number = |owner: u32, _| Some(numbers.get(owner as usize).copied().flatten().unwrap_or_default());
            gather.add(rollup, *minute, minute.saturating_add(MINUTE), number);
        }
        rows.push((*minute, gather.finish().encode(LEVEL)?));
    }
    Ok(rows)
}

/// The summaries' numbers of the owners that rollups name, with whose they are now.
async fn number_owners(connection: &mut SqliteConnection, loaded: &Loaded) -> Result<Vec<Option<u32>>, Error> {
    let named: BTreeSet<u32> = loaded.rollups.iter().flat_map(|rollup| rollup.owner_numbers()).collect();
    let hex = |hash: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*hash));
    let mut rows = Vec::with_capacity(named.len());
    for number in &named {
        let known = &loaded.resolved.owners[*number as usize].known;
        let whose: Option<&Arc<Attribution>> =
            loaded.resolved.timelines[*number as usize].all().rev().find(|a| a.service.is_some());
        let json = |error: serde_json::Error| Error::Damaged(format!("an owner: {error}"));
        let facts = serde_json::to_string(&known.facts).map_err(json)?;
        let whose = whose.map(serde_json::to_string).transpose().map_err(json)?;
        rows.push(json!([hex(&known.hash), facts, whose]));
    }
    sqlx::query(
        "insert into owners (id, hash, facts, attribution)
         select coalesce((select max(id) from owners), -1) + row_number() over (order by key),
             unhex(value ->> 0), value ->> 1, value ->> 2
         from json_each(?1) where unhex(value ->> 0) not in (select hash from owners)",
    )
    .bind(json!(rows).to_string())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "update owners set attribution = rows.whose from (select unhex(value ->> 0) as hash, value ->> 2 as whose
         from json_each(?1)) as rows where owners.hash = rows.hash and rows.whose is not null
         and owners.attribution is not rows.whose",
    )
    .bind(json!(rows).to_string())
    .execute(&mut *connection)
    .await?;
    let ids: Vec<(i64, Vec<u8>)> = sqlx::query_as("select id, hash from owners").fetch_all(&mut *connection).await?;
    let ids: HashMap<Vec<u8>, u32> = ids.into_iter().map(|(id, hash)| (hash, id as u32)).collect();
    let all = loaded.resolved.owners.iter();
    Ok(all.map(|owner| ids.get(&owner.known.hash[..]).copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_comes_as_far_as_the_first_open_minute() {
        let closed = |minute: i64| minute < 5 * MINUTE;
        let row = |seq, first: i64, last: i64| (seq, first * MINUTE, last * MINUTE + 1);
        assert_eq!(mark_after(&[], 7, closed), 7);
        assert_eq!(mark_after(&[row(8, 1, 2), row(9, 4, 4)], 7, closed), 9);
        assert_eq!(mark_after(&[row(8, 1, 2), row(9, 4, 5), row(10, 1, 1)], 7, closed), 8);
        assert_eq!(mark_after(&[(8, i64::MAX, i64::MIN)], 7, closed), 8, "a rollup without cells is no obstacle");
    }

    #[test]
    fn partitions_of_a_day_share_a_file() {
        let day = DAY / 1_000_000;
        assert_eq!(day_of(3 * day + 5), 3 * day);
        assert_eq!(day_of(4 * day - 1), 3 * day);
    }
}
