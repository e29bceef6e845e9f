//! Answers from the files. What all questions over rollups share: which files and rows a window needs. Of a partition that
//! still comes, the summaries tell what is before its front, as it was when the question came, and the partition the
//! rest; where minutes are too coarse, it tells all. What is folded for good is told by ten minutes or by the minute, a
//! partition never by both. So nothing counts twice, whenever it was folded.

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
use crate::partition::file::{DataFile, Family, Front};
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
    /// Of a partition: cells that meet a window and are not before a front.
    Window(Window, Front),
    /// Of summaries: cells that meet a window; of these sources only rows up to a `seq`.
    Folded(Window, &'a HashMap<i64, i64>),
    /// Of a partition, by `seq`: after the first, up to the second.
    Between(i64, i64),
    /// Of a partition: what arrived in a window.
    Arrived(Window),
}

/// Rollups that meet a window. Where minutes are fine enough, what is folded is answered from the summaries, which are
/// smaller; where ten minutes are, from those.
pub(crate) async fn load(shared: &Shared, need: &Need<'_>) -> Result<Vec<Loaded>, Error> {
    let window = need.window;
    let by_minutes = need.step.0 % MINUTE == 0;
    let raw: Vec<(Arc<DataFile>, Front)> = shared
        .files(Family::Raw)
        .iter()
        .filter(|file| !(by_minutes && file.complete.load(Ordering::Acquire)))
        .map(|file| (Arc::clone(file), if by_minutes { file.front() } else { Front::NONE }))
        .collect();
    // Of these the summaries tell no more than what was folded when their fronts were taken.
    let most: HashMap<i64, i64> = raw.iter().map(|(file, front)| (file.id, front.seq)).collect();
    let summaries = shared.files(Family::Summary);
    let mut loaded = Vec::new();
    for (file, front) in raw.iter().filter(|(file, _)| file.meets(window)) {
        loaded.extend(load_file(shared, file, Rows::Window(window, *front), need.services).await?);
    }
    for day in summaries.iter().filter(|day| day.meets(window)) {
        let tens = if need.is_by_tens() { load_tens(shared, day, need, &most).await? } else { tens::Tens::default() };
        loaded.extend(tens.loaded);
        if tens.is_all {
            continue;
        }
        let by_tens = tens.sources.iter().map(|source| (*source, Front::NONE.seq));
        let most = most.iter().map(|(source, seq)| (*source, *seq)).chain(by_tens).collect();
        loaded.extend(load_file(shared, day, Rows::Folded(window, &most), need.services).await?);
    }
    Ok(loaded)
}

/// A day's tens; none when they are damaged, which is remembered: the minutes answer.
async fn load_tens(
    shared: &Shared,
    day: &DataFile,
    need: &Need<'_>,
    most: &HashMap<i64, i64>,
) -> Result<tens::Tens, Error> {
    match tens::load(shared, day, need, most).await {
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
    let (rollups, missing) = remembered(shared, file, found(&mut connection, rows, owners).await?);
    if missing.is_empty() {
        return Ok(rollups);
    }
    drop(connection);
    let mut snapshot = file.readers.snapshot().await?;
    let (mut rollups, missing) = remembered(shared, file, found(&mut snapshot, rows, owners).await?);
    let ids: Vec<i64> = missing.iter().map(|found| found.id).collect();
    let bytes: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, data from rollups where id in (select value from json_each(?1))")
            .bind(json!(ids).to_string())
            .fetch_all(&mut *snapshot)
            .await?;
    drop(snapshot);
    let decoded = blocking(move || {
        bytes.into_iter().map(|(id, data)| (id, Rollup::decode(&data).map(Arc::new))).collect::<HashMap<_, _>>()
    })
    .await?;
    for found in missing {
        match decoded.get(&found.id) {
            Some(Ok(rollup)) => {
                shared.rollups.insert(RowKey::Rollups(file.family, file.id, found.id), rollup);
                rollups.push(found.cut(rollup));
            }
            Some(Err(error)) => shared.damaged(format!("{}: rollup {}: {error}", file.path.display(), found.id)),
            None => {}
        }
    }
    Ok(rollups)
}

/// A row that is asked for.
struct Found {
    id: i64,
    /// What begins before it is told elsewhere.
    from: Option<i64>,
}

impl Found {
    /// What its rollup tells.
    fn cut(&self, rollup: &Arc<Rollup>) -> Arc<Rollup> {
        match self.from {
            Some(from) => Arc::new(rollup.since(from)),
            None => Arc::clone(rollup),
        }
    }
}

/// The rollups of rows that are remembered, and the other rows.
fn remembered(shared: &Shared, file: &DataFile, rows: Vec<Found>) -> (Vec<Arc<Rollup>>, Vec<Found>) {
    let mut rollups = Vec::with_capacity(rows.len());
    let mut missing = Vec::new();
    for found in rows {
        match shared.rollups.get(RowKey::Rollups(file.family, file.id, found.id)) {
            Some(rollup) => rollups.push(found.cut(&rollup)),
            None => missing.push(found),
        }
    }
    (rollups, missing)
}

/// The rows that can hold cells of these owners, which are ascending; of all where none are named.
async fn found(connection: &mut SqliteConnection, rows: Rows<'_>, owners: Option<&[u32]>) -> Result<Vec<Found>, Error> {
    // The least and the greatest of the owners leave out most rows where one service is asked for.
    let reach = owners.and_then(|owners| Some((*owners.first()?, *owners.last()?))).unwrap_or((0, u32::MAX));
    let select = |columns: &str, which: &str| {
        let sql =
            format!("select id, least, most, {columns} from rollups where {which} and least <= ?2 and most >= ?1");
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(reach.0).bind(reach.1)
    };
    let (mut from, mut told) = (i64::MIN, None);
    let query = match rows {
        Rows::Window(window, front) => {
            from = front.before;
            // Cells before the window are asked for by nobody.
            let cut = if window.from.0 < from { "seq <= ?5 and first < ?6" } else { "false" };
            let query = select(&format!("{cut}, 0, 0"), "last >= ?3 and first < ?4 and (seq > ?5 or last >= ?6)");
            query.bind(window.from.0).bind(window.to.0).bind(front.seq).bind(from)
        }
        Rows::Folded(window, most) => {
            told = Some(most);
            // None is longer than an hour: those that begin earlier are passed over.
            let query = select("false, source, seq", "last >= ?3 and first < ?4 and first > ?5");
            query.bind(window.from.0).bind(window.to.0).bind(window.from.0.saturating_sub(HOUR))
        }
        Rows::Between(after, to) => select("false, 0, 0", "seq > ?3 and seq <= ?4").bind(after).bind(to),
        Rows::Arrived(window) => {
            select("false, 0, 0", "arrival >= ?3 and arrival < ?4").bind(window.from.0).bind(window.to.0)
        }
    };
    let rows: Vec<(i64, u32, u32, bool, i64, i64)> = query.fetch_all(connection).await?;
    let mut found = Vec::new();
    for (id, least, most, is_cut, source, seq) in rows {
        let has_any = |owners: &[u32]| {
            owners.get(owners.partition_point(|owner| *owner < least)).is_some_and(|owner| *owner <= most)
        };
        let is_told = told.and_then(|told| told.get(&source)).is_none_or(|told| seq <= *told);
        if is_told && owners.is_none_or(has_any) {
            found.push(Found { id, from: is_cut.then_some(from) });
        }
    }
    Ok(found)
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
