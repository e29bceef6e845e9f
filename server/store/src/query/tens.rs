//! Tens of a day of summaries, for questions that are about services and by steps of ten minutes or multiples.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use model::{ServiceId, Step, Window};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use super::Loaded;
use crate::Error;
use crate::cache::RowKey;
use crate::partition::Shared;
use crate::partition::file::{DataFile, Front};
use crate::readers::Snapshot;
use crate::rollup::Rollup;
use crate::tens::{Making, TEN};

/// What a question needs of rollups.
pub(crate) struct Need<'a> {
    /// Event times, aligned to the step.
    pub(crate) window: Window,
    /// Cells as wide as this are fine enough.
    pub(crate) step: Step,
    /// Of these services; `None` is all.
    pub(crate) services: Option<&'a [ServiceId]>,
    /// Pods are told apart.
    pub(crate) by_pod: bool,
}

impl Need<'_> {
    /// Whether tens tell all that is needed.
    pub(super) fn is_by_tens(&self) -> bool {
        self.step.0 % TEN == 0 && !self.by_pod
    }
}

/// What tens gave.
#[derive(Default)]
pub(super) struct Tens {
    pub(super) loaded: Vec<Loaded>,
    /// Partitions of which nothing more is needed.
    pub(super) sources: Vec<i64>,
    /// No partition of the day is left to its minutes.
    pub(super) is_all: bool,
}

/// A making that can be relied on.
struct Reliable {
    id: i64,
    source: i64,
    making: Arc<Making>,
}

/// The tens of a day's partitions but for those that still answer for themselves, given with how far they are folded, and
/// those that have none that can be relied on: these are left to their minutes.
pub(super) async fn load(
    shared: &Shared,
    day: &DataFile,
    need: &Need<'_>,
    most: &HashMap<i64, i64>,
) -> Result<Tens, Error> {
    // Before the snapshot: it reads through a connection of its own.
    let owners = day.resolved(&shared.registry, &shared.directory.load_full()).await?.timelines;
    let mut snapshot = day.readers.snapshot().await?;
    let mut reliable = makings(shared, day, &mut snapshot, most).await?;
    let mut stale = BTreeSet::new();
    reliable.retain(|Reliable { source, making, .. }| match making.moved(&owners) {
        // What one service won or lost is no news of another.
        Some(moved) => {
            let is_asked = |service: &ServiceId| need.services.is_none_or(|asked| asked.contains(service));
            let is_stale = moved.iter().any(is_asked);
            if is_stale {
                stale.insert(*source);
            }
            !is_stale
        }
        None => false,
    });
    let rows = rows(&mut snapshot, need, &reliable).await?;
    // Of the index alone: rows of minutes are large, and to pass over each of a month takes longer than all tens.
    let sources: Vec<(i64,)> = sqlx::query_as("select distinct source from rollups").fetch_all(&mut *snapshot).await?;
    let (mut rollups, damaged) = read(shared, day, snapshot, rows).await?;
    let mut tens = Tens::default();
    for Reliable { id, source, making } in reliable {
        let resolved = making.resolved.clone();
        let rollups = rollups.remove(&id).unwrap_or_default();
        let parties = resolved.timelines.len() as u32;
        let is_whole = |rollup: &Arc<Rollup>| rollup.greatest_owner().is_none_or(|party| party < parties);
        if damaged.contains(&id) || !rollups.iter().all(is_whole) {
            // The minutes tell it as well, and it is made again of them.
            stale.insert(source);
            continue;
        }
        tens.sources.push(source);
        if !rollups.is_empty() {
            tens.loaded.push(Loaded { rollups, resolved });
        }
    }
    let is_told = |source| most.get(source) == Some(&Front::NONE.seq) || tens.sources.contains(source);
    tens.is_all = sources.iter().all(|(source,)| is_told(source));
    if !stale.is_empty() {
        day.makings.lock().await.stale.extend(stale);
    }
    Ok(tens)
}

/// A file's makings, those that are not known yet read.
async fn makings(
    shared: &Shared,
    day: &DataFile,
    snapshot: &mut SqliteConnection,
    most: &HashMap<i64, i64>,
) -> Result<Vec<Reliable>, Error> {
    let all: Vec<(i64, i64)> = sqlx::query_as("select id, source from makings").fetch_all(&mut *snapshot).await?;
    let mut makings = day.makings.lock().await;
    makings.known.retain(|known, _| all.iter().any(|(id, _)| id == known));
    let mut found = Vec::with_capacity(all.len());
    for (id, source) in all.into_iter().filter(|(_, source)| !most.contains_key(source)) {
        if let Some(making) = makings.known.get(&id) {
            found.push(Reliable { id, source, making: Arc::clone(making) });
            continue;
        }
        let (data,): (Vec<u8>,) =
            sqlx::query_as("select data from makings where id = ?1").bind(id).fetch_one(&mut *snapshot).await?;
        match super::blocking(move || Making::decode(&data)).await? {
            Ok(making) => {
                let making = Arc::new(making);
                makings.known.insert(id, Arc::clone(&making));
                found.push(Reliable { id, source, making });
            }
            Err(error) => {
                shared.damaged(format!("{}: making {id}: {error}", day.path.display()));
                makings.stale.insert(source);
            }
        }
    }
    Ok(found)
}

/// Rows of a window that can hold a service's cells: each with its making.
async fn rows(
    snapshot: &mut SqliteConnection,
    need: &Need<'_>,
    reliable: &[Reliable],
) -> Result<Vec<(i64, i64)>, Error> {
    let ids: Vec<i64> = reliable.iter().map(|making| making.id).collect();
    let mut rows: Vec<(i64, i64, i64, i64)> = sqlx::query_as(
        "select id, making, least, most from tens
         where making in (select value from json_each(?1)) and last >= ?2 and first < ?3",
    )
    .bind(json!(ids).to_string())
    .bind(need.window.from.0)
    .bind(need.window.to.0)
    .fetch_all(snapshot)
    .await?;
    if let Some(services) = need.services {
        let wanted: HashMap<i64, Vec<(u32, u32)>> = reliable
            .iter()
            .map(|known| (known.id, services.iter().map(|service| known.making.of_service(service)).collect()))
            .collect();
        rows.retain(|(_, making, least, most)| {
            let ranges = wanted.get(making).map_or(&[][..], Vec::as_slice);
            ranges.iter().any(|(from, to)| from < to && i64::from(*from) <= *most && *least < i64::from(*to))
        });
    }
    Ok(rows.into_iter().map(|(id, making, ..)| (id, making)).collect())
}

/// Rollups by making.
type ByMaking = HashMap<i64, Vec<Arc<Rollup>>>;

/// The rows' rollups, and makings of which one can't be read.
async fn read(
    shared: &Shared,
    day: &DataFile,
    mut snapshot: Snapshot,
    rows: Vec<(i64, i64)>,
) -> Result<(ByMaking, BTreeSet<i64>), Error> {
    let (mut found, mut damaged) = (ByMaking::new(), BTreeSet::new());
    let mut missing: HashMap<i64, i64> = HashMap::new();
    for (id, making) in rows {
        match shared.rollups.get(RowKey::Tens(day.id, id)) {
            Some(rollup) => found.entry(making).or_default().push(rollup),
            None => drop(missing.insert(id, making)),
        }
    }
    if missing.is_empty() {
        return Ok((found, damaged));
    }
    let ids: Vec<i64> = missing.keys().copied().collect();
    let bytes: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select id, data from tens where id in (select value from json_each(?1))")
            .bind(json!(ids).to_string())
            .fetch_all(&mut *snapshot)
            .await?;
    drop(snapshot);
    let decoded = super::blocking(move || {
        bytes.into_iter().map(|(id, data)| (id, Rollup::decode(&data).map(Arc::new))).collect::<Vec<_>>()
    })
    .await?;
    for (id, rollup) in decoded {
        let Some(making) = missing.get(&id).copied() else { continue };
        match rollup {
            Ok(rollup) => {
                shared.rollups.insert(RowKey::Tens(day.id, id), &rollup);
                found.entry(making).or_default().push(rollup);
            }
            Err(error) => {
                shared.damaged(format!("{}: tens {id}: {error}", day.path.display()));
                damaged.insert(making);
            }
        }
    }
    Ok((found, damaged))
}
