//! Answers from the files. What all questions over rollups share: which files and rows a window needs. A raw
//! partition that still exists answers for itself; of summaries, only the rows of partitions that do not, by ten minutes
//! or by the minute, a partition never by both. So nothing counts twice, whenever it was folded.

pub(crate) mod calls;
pub(crate) mod errors;
pub(crate) mod logs;
pub(crate) mod metrics;
mod own;
mod part;
pub(crate) mod patterns;
pub(crate) mod profiles;
pub(crate) mod red;
pub(crate) mod spans;
mod tens;
mod top;
pub(crate) mod traces;
pub(crate) mod unattributed;
mod walk;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, MINUTE, ServiceId, Window};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::Error;
use crate::cache::RowKey;
use crate::owners::Resolved;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Family};
use crate::rollup::Rollup;
pub(crate) use tens::Need;

/// A file's rollups and its owners as the directory has them now.
pub(crate) struct Loaded {
    pub(crate) rollups: Vec<Arc<Rollup>>,
    pub(crate) resolved: Resolved,
}

/// Which rows of a file.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// Cells that meet a window; not those of these sources, a JSON array.
    Window(Window, &'a str),
    /// By `seq`: after the first, up to the second.
    Between(i64, i64),
    /// What arrived in a window.
    Arrived(Window),
}

/// Rollups that meet a window. Where minutes are fine enough, partitions that are folded for good answer from the
/// summaries, which are smaller; where ten minutes are, from those.
pub(crate) async fn load(shared: &Shared, need: &Need<'_>) -> Result<Vec<Loaded>, Error> {
    let window = need.window;
    let by_minutes = need.step.0 % MINUTE == 0;
    let raw: Vec<Arc<DataFile>> = shared
        .files(Family::Raw)
        .iter()
        .filter(|file| !(by_minutes && file.complete.load(Ordering::Acquire)))
        .cloned()
        .collect();
    let own: Vec<i64> = raw.iter().map(|file| file.id).collect();
    let summaries = shared.files(Family::Summary);
    let mut loaded = Vec::new();
    for file in raw.iter().filter(|file| file.meets(window)) {
        loaded.extend(load_file(shared, file, Rows::Window(window, "[]"), need.services).await?);
    }
    for day in summaries.iter().filter(|day| day.meets(window)) {
        let tens = if need.is_by_tens() { load_tens(shared, day, need, &own).await? } else { tens::Tens::default() };
        let without: Vec<i64> = own.iter().chain(&tens.sources).copied().collect();
        loaded.extend(tens.loaded);
        if tens.is_all {
            continue;
        }
        let rows = Rows::Window(window, &json!(without).to_string());
        loaded.extend(load_file(shared, day, rows, need.services).await?);
    }
    Ok(loaded)
}

/// A day's tens; none when they are damaged, which is remembered: the minutes answer.
async fn load_tens(shared: &Shared, day: &DataFile, need: &Need<'_>, own: &[i64]) -> Result<tens::Tens, Error> {
    match tens::load(shared, day, need, own).await {
        Err(error) if error.is_damage() => {
            shared.damaged(format!("{}: {error}", day.path.display()));
            Ok(tens::Tens::default())
        }
        other => other,
    }
}

/// Rows of one file that can hold cells of these services, of all where none are named; nothing where there are none, and
/// when the file is damaged, which is remembered.
pub(crate) async fn load_file(
    shared: &Shared,
    file: &Arc<DataFile>,
    rows: Rows<'_>,
    services: Option<&[ServiceId]>,
) -> Result<Option<Loaded>, Error> {
    let loaded = async {
        let known = match services {
            Some(_) => Some(file.resolved(&shared.registry, &shared.directory.load_full()).await?),
            None => None,
        };
        let owners = services.zip(known.as_ref()).map(|(services, known)| known.owners_of(services));
        if owners.as_ref().is_some_and(Vec::is_empty) {
            return Ok::<_, Error>(None);
        }
        let rollups = read_rows(shared, file, rows, owners.as_deref()).await?;
        let Some(greatest) = rollups.iter().map(|rollup| rollup.greatest_owner()).max() else { return Ok(None) };
        let knows = |known: &Resolved| greatest.is_none_or(|owner| (owner as usize) < known.timelines.len());
        let resolved = match known.filter(knows) {
            Some(known) => known,
            // They may name owners that came since.
            None => file.resolved(&shared.registry, &shared.directory.load_full()).await?,
        };
        // A number that no owner has can only be damage; it must not be a panic.
        let count = resolved.timelines.len() as u32;
        let whole = |rollup: &Arc<Rollup>| rollup.greatest_owner().is_none_or(|owner| owner < count);
        let before = rollups.len();
        let rollups: Vec<_> = rollups.into_iter().filter(whole).collect();
        if rollups.len() < before {
            shared.damaged(format!("{}: a rollup names an unknown owner", file.path.display()));
        }
        Ok(Some(Loaded { rollups, resolved }))
    };
    match loaded.await {
        Err(error) if error.is_damage() => {
            shared.damaged(format!("{}: {error}", file.path.display()));
            Ok(None)
        }
        other => other,
    }
}

/// Rows never change under their number: where all that are asked for are remembered, their numbers are enough. Else
/// numbers and contents are read in one snapshot: a merge between the two would hide rows.
async fn read_rows(
    shared: &Shared,
    file: &Arc<DataFile>,
    rows: Rows<'_>,
    owners: Option<&[u32]>,
) -> Result<Vec<Arc<Rollup>>, Error> {
    let mut connection = file.readers.get().await?;
    let (rollups, missing) = remembered(shared, file, ids(&mut connection, file.family, rows, owners).await?);
    if missing.is_empty() {
        return Ok(rollups);
    }
    drop(connection);
    let mut snapshot = file.readers.snapshot().await?;
    let (mut rollups, missing) = remembered(shared, file, ids(&mut snapshot, file.family, rows, owners).await?);
    let bytes: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, data from rollups where id in (select value from json_each(?1))")
            .bind(json!(missing).to_string())
            .fetch_all(&mut *snapshot)
            .await?;
    drop(snapshot);
    let decoded = blocking(move || {
        bytes.into_iter().map(|(id, data)| (id, Rollup::decode(&data).map(Arc::new))).collect::<HashMap<_, _>>()
    })
    .await?;
    for (id, rollup) in decoded {
        match rollup {
            Ok(rollup) => {
                shared.rollups.insert(RowKey::Rollups(file.family, file.id, id), &rollup);
                rollups.push(rollup);
            }
            Err(error) => shared.damaged(format!("{}: rollup {id}: {error}", file.path.display())),
        }
    }
    Ok(rollups)
}

/// The rows of these numbers that are remembered, and the numbers of the others.
fn remembered(shared: &Shared, file: &DataFile, ids: Vec<i64>) -> (Vec<Arc<Rollup>>, Vec<i64>) {
    let mut rollups = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for id in ids {
        match shared.rollups.get(RowKey::Rollups(file.family, file.id, id)) {
            Some(rollup) => rollups.push(rollup),
            None => missing.push(id),
        }
    }
    (rollups, missing)
}

/// Numbers of the rows that can hold cells of these owners, which are ascending; of all where none are named.
async fn ids(
    connection: &mut SqliteConnection,
    family: Family,
    rows: Rows<'_>,
    owners: Option<&[u32]>,
) -> Result<Vec<i64>, Error> {
    let (which, first, second, without) = match rows {
        Rows::Window(window, without) => ("last >= ?1 and first < ?2", window.from.0, window.to.0, without),
        Rows::Between(after, to) => ("seq > ?1 and seq <= ?2", after, to, "[]"),
        Rows::Arrived(window) => ("arrival >= ?1 and arrival < ?2", window.from.0, window.to.0, "[]"),
    };
    // The least and the greatest of the owners leave out most rows where one service is asked for.
    let reach = owners.and_then(|owners| Some((*owners.first()?, *owners.last()?))).unwrap_or((0, u32::MAX));
    let others = match family {
        Family::Raw => "",
        // None is longer than an hour: those that begin earlier are passed over.
        Family::Summary => "and first > ?6 and source not in (select value from json_each(?5))",
    };
    let sql = format!("select id, least, most from rollups where {which} and least <= ?4 and most >= ?3 {others}");
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(first).bind(second).bind(reach.0).bind(reach.1);
    let query = match family {
        Family::Raw => query,
        Family::Summary => query.bind(without).bind(first.saturating_sub(HOUR)),
    };
    let found: Vec<(i64, u32, u32)> = query.fetch_all(connection).await?;
    let has_any = |(_, least, most): &(i64, u32, u32)| {
        owners.is_none_or(|owners| owners.get(owners.partition_point(|owner| owner < least)).is_some_and(|o| o <= most))
    };
    Ok(found.into_iter().filter(has_any).map(|(id, ..)| id).collect())
}

/// Cells of some owners, of cells that are sorted by owner; of all where none are named. Of many services' cells a
/// question about one touches only its own.
pub(crate) fn of_owners<'a, T>(
    cells: &'a [T],
    owners: Option<&[u32]>,
    owner: impl Fn(&T) -> u32 + Copy,
) -> impl Iterator<Item = &'a T> {
    let all = if owners.is_none() { cells } else { &[] };
    let own = owners.unwrap_or_default().iter().flat_map(move |wanted| {
        let from = cells.partition_point(|cell| owner(cell) < *wanted);
        cells[from..].iter().take_while(move |cell| owner(cell) == *wanted)
    });
    all.iter().chain(own)
}

/// Computes for milliseconds without holding up other tasks.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Busy(format!("a question was given up: {error}")))
}
