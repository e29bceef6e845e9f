//! Folds raw rollups into the summaries, in the file of the day on which the partition began: an hour when it is over, by
//! owner, so that a question about one service reads its own; what comes late is added with the next. Until then the
//! partition answers. What was seen of errors and patterns is remembered each minute.

mod owners;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{DAY, HOUR, MINUTE, Timestamp};
use serde_json::json;

use crate::meta::{GroupSeen, Sightings};
use crate::owners::Resolved;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Front};
use crate::rollup::Rollup;
use crate::{Attribution, Error, pass, query};

/// A minute is closed so long after its end: most data has come then, and whose it is is known.
const CLOSED: i64 = 2 * MINUTE;
/// An hour is folded so long after its end: most of it has come and is merged.
const OVER: i64 = 4 * MINUTE;

/// The summaries' file of a partition: the day on which it began, in milliseconds.
pub(crate) fn day_of(partition: i64) -> i64 {
    let day = DAY / 1_000_000;
    partition - partition.rem_euclid(day)
}

/// First and last sight of error groups and log patterns, last request of services. Pure.
fn sightings(seen: &mut Sightings, rollup: &Rollup, resolved: &Resolved) {
    let whose = |owner: u32, at: i64| resolved.timelines[owner as usize].at(Timestamp(at));
    let text = |number| rollup.texts.get(number).to_owned();
    for cell in &rollup.errors {
        let whose = whose(cell.owner, cell.first);
        let Some(service) = whose.service.as_deref() else { continue };
        let sight = sight((cell.first, cell.last), whose);
        let key = (service.clone(), text(cell.endpoint), text(cell.error));
        seen.groups.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
    }
    for cell in &rollup.logs {
        let whose = whose(cell.owner, cell.first);
        let Some(service) = whose.service.as_deref() else { continue };
        let sight = sight((cell.first, cell.last), whose);
        let key = (service.clone(), text(cell.pattern));
        seen.patterns.entry(key).and_modify(|known| known.join(&sight)).or_insert(sight);
    }
    for count in &rollup.owners {
        let Some(at) = count.last_request else { continue };
        if let Some(service) = whose(count.owner, at).service.as_deref() {
            let last = seen.requests.entry(service.clone()).or_insert(Timestamp(at));
            *last = (*last).max(Timestamp(at));
        }
    }
}

/// What one cell says of when its group was seen.
pub(crate) fn sight((first, last): (i64, i64), whose: &Attribution) -> GroupSeen {
    GroupSeen { first: Timestamp(first), last: Timestamp(last), revision: whose.revision.clone() }
}

/// Folds what is over of a partition; `last` says that nothing comes any more, so that all of it is.
pub(crate) async fn fold(shared: &Shared, file: &Arc<DataFile>, now: Timestamp, last: bool) -> Result<(), Error> {
    let mark = file.mark.load(Ordering::Acquire);
    // The last fold looks over everything again: pods that were seen late have changed whose it is.
    let since = if last { 0 } else { mark };
    let rows: Vec<Row> =
        sqlx::query_as("select id, seq, first, last, length(data) from rollups where seq > ?1 order by seq")
            .bind(since)
            .fetch_all(&mut *file.readers.get().await?)
            .await?;
    let closed = |minute: i64| last || minute.saturating_add(MINUTE + CLOSED) <= now.0 || minute > now.0;
    let new_mark = mark_after(&rows, mark, closed);
    // One without cells has seen nothing, and whose what is there is need not be found out for it.
    let seen = rows.iter().filter(|(_, seq, first, last, _)| *seq <= new_mark && first <= last);
    let rows: Vec<(i64, i64)> = seen.map(|(id, .., length)| (*id, *length)).collect();
    look(shared, file, &rows).await?;
    let front = file.front();
    let next =
        Front { before: if last { i64::MAX } else { now.plus(-OVER).floor(HOUR).0 }, seq: settled(file, last).await? };
    // Where nothing is merged yet, the hour is folded when something is.
    let is_further = last || (next.before > front.before && next.seq > front.seq.max(0));
    let next = if is_further { next } else { front };
    if next == front && new_mark == mark && !last {
        return Ok(());
    }
    write::write(shared, file, next, new_mark, last).await
}

/// Up to which `seq` rollups are not merged with later ones any more: past all of them where nothing comes, so that a
/// question with an older front does not take the last hours for its own.
async fn settled(file: &DataFile, last: bool) -> Result<i64, Error> {
    let sql = match last {
        true => "select coalesce(max(seq), 0) + 1 from rollups",
        false => {
            "select coalesce((select min(seq) - 1 from rollups where merged = 0), (select max(seq) from rollups), 0)"
        }
    };
    let (seq,): (i64,) = sqlx::query_as(sql).fetch_one(&mut *file.readers.get().await?).await?;
    Ok(seq)
}

/// A rollup's number, its `seq`, the least and greatest time that it covers, and the length of its data.
type Row = (i64, i64, i64, i64, i64);

/// Remembers what rollups, given by number and length, have seen.
async fn look(shared: &Shared, file: &DataFile, rows: &[(i64, i64)]) -> Result<(), Error> {
    for portion in pass::portions(rows) {
        let rows = numbered(shared, file, &portion).await?;
        let resolved = owners_of(shared, file).await?;
        let (seen, damaged) = query::blocking(move || {
            let mut seen = Sightings::default();
            let take = |rollup: &Rollup| sightings(&mut seen, rollup, &resolved);
            let damaged = pass::each(rows, resolved.timelines.len(), take);
            (seen, damaged)
        })
        .await?;
        say(shared, file, damaged);
        shared.meta.remember(&seen).await?;
    }
    Ok(())
}

/// Rows of a partition by their numbers, but for those that can't be read, which is remembered.
async fn numbered(shared: &Shared, file: &DataFile, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    match read(file, ids).await {
        Err(error) if error.is_damage() => {}
        other => return other,
    }
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        match read(file, &[*id]).await {
            Err(error) if error.is_damage() => say(shared, file, vec![format!("rollup {id}: {error}")]),
            other => rows.extend(other?),
        }
    }
    Ok(rows)
}

async fn read(file: &DataFile, ids: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    let sql = "select id, data from rollups where id in (select value from json_each(?1))";
    Ok(sqlx::query_as(sql).bind(json!(ids).to_string()).fetch_all(&mut *file.readers.get().await?).await?)
}

/// A partition's owners as the directory has them now; asked after rows, which may name owners that came with them.
async fn owners_of(shared: &Shared, file: &DataFile) -> Result<Resolved, Error> {
    file.resolved(&shared.registry, &shared.directory.load_full()).await
}

fn say(shared: &Shared, file: &DataFile, damaged: Vec<String>) {
    damaged.into_iter().for_each(|what| shared.damaged(format!("{}: {what}", file.path.display())));
}

/// How far everything is closed: up to the first rollup with a minute that is not closed. Pure.
fn mark_after(rows: &[Row], mark: i64, closed: impl Fn(i64) -> bool) -> i64 {
    let minute = |at: i64| at - at.rem_euclid(MINUTE);
    let open = |(_, _, first, last, _): &&Row| first <= last && !(closed(minute(*first)) && closed(minute(*last)));
    match rows.iter().find(open) {
        Some((_, seq, ..)) => seq - 1,
        None => rows.last().map_or(mark, |(_, seq, ..)| *seq),
    }
}
