//! The files of telemetry: which there are, which one is written, what they answer. Implements [`Telemetry`] over
//! SQLite; the parts are `commit` (in), `query` (out), `fold`, `merge` and `retention` (over time).

pub(crate) mod file;
mod growth;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use model::{
    FrameTree, MetricLabel, MetricNames, MetricSeries, ProfileTypes, RevisionHash, ServiceId, SpanId, Step,
    StoreStatus, Timestamp, TraceId, Unattributed, Window,
};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::broadcast;

use crate::block::columns::Signal;
use crate::cache::Rollups;
use crate::commit::Writer;
use crate::meta::Meta;
use crate::owners::Registry;
use crate::senders::Senders;
use crate::short::Shortages;
use crate::{
    Appended, Batch, Change, Config, Directory, Error, ErrorCells, ErrorLives, ErrorName, FoundLogs, FoundSpans,
    FoundTrace, LogAsk, MetricAsk, PatternCells, ProfileAsk, RedQuery, RedRow, Short, SpanAsk, StoredSpan, Telemetry,
    query, sqlite,
};
use file::{DataFile, Family, Front};

pub(crate) const RAW_STEPS: &[&str] = &[
    include_str!("../migrations/raw/0001_partition.sql"),
    include_str!("../migrations/raw/0002_signals.sql"),
    include_str!("../migrations/raw/0003_points.sql"),
    include_str!("../migrations/raw/0004_words.sql"),
    include_str!("../migrations/raw/0005_profiles.sql"),
    include_str!("../migrations/raw/0006_traces.sql"),
    include_str!("../migrations/raw/0007_groups.sql"),
    include_str!("../migrations/raw/0008_parts.sql"),
    include_str!("../migrations/raw/0009_late.sql"),
];
pub(crate) const SUMMARY_STEPS: &[&str] = &[
    include_str!("../migrations/summary/0001_summary.sql"),
    include_str!("../migrations/summary/0002_tens.sql"),
    include_str!("../migrations/summary/0003_hours.sql"),
];

/// All files of one family, oldest first.
pub(crate) type Files = Arc<Vec<Arc<DataFile>>>;

/// What the writer and the readers share.
pub(crate) struct Shared {
    pub(crate) data: PathBuf,
    pub(crate) config: Config,
    pub(crate) meta: Arc<Meta>,
    pub(crate) directory: Arc<ArcSwap<Directory>>,
    pub(crate) changes: broadcast::Sender<Change>,
    pub(crate) registry: Registry,
    pub(crate) rollups: Rollups,
    pub(crate) senders: Senders,
    raw: RwLock<Files>,
    summaries: RwLock<Files>,
    /// Files of both families that can't be opened: nothing asks them, and they go when their time is over.
    broken: RwLock<Files>,
    /// Points that went into overflow series.
    pub(crate) overflowed: AtomicU64,
    pub(crate) shortages: Shortages,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    committed: Option<Timestamp>,
    failing: Option<String>,
    /// Files and blocks that can't be read; they stay out of answers.
    damaged: Option<String>,
    /// What of that was said in the log.
    said: BTreeSet<String>,
}

/// Things that are damaged of which the log speaks, each once.
const SAID: usize = 256;
/// How long a stop waits for maintenance.
const MAINTENANCE: Duration = Duration::from_secs(1);

impl Shared {
    pub(crate) fn files(&self, family: Family) -> Files {
        Arc::clone(&self.family(family).read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a file; the list stays in order.
    pub(crate) fn add(&self, file: Arc<DataFile>) {
        let mut files = self.family(file.family).write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::clone(&files);
        next.push(file);
        next.sort_by_key(|file| file.id);
        *files = Arc::new(next);
    }

    /// Takes a file out; it is removed when its last reader is done.
    pub(crate) fn remove(&self, file: &Arc<DataFile>) {
        for files in [self.family(file.family), &self.broken] {
            let mut files = files.write().unwrap_or_else(PoisonError::into_inner);
            *files = Arc::new(files.iter().filter(|known| !Arc::ptr_eq(known, file)).cloned().collect());
        }
        file.doom();
    }

    /// Keeps account of a file that can't be opened.
    fn add_broken(&self, file: DataFile) {
        file.closed.store(true, Ordering::Release);
        file.damaged.store(true, Ordering::Release);
        let mut broken = self.broken.write().unwrap_or_else(PoisonError::into_inner);
        *broken = Arc::new(broken.iter().cloned().chain([Arc::new(file)]).collect());
    }

    /// A family's files with those that can't be opened, oldest first.
    pub(crate) fn files_and_broken(&self, family: Family) -> Vec<Arc<DataFile>> {
        let broken = Arc::clone(&self.broken.read().unwrap_or_else(PoisonError::into_inner));
        let mut all = Vec::clone(&self.files(family));
        all.extend(broken.iter().filter(|file| file.family == family).cloned());
        all.sort_by_key(|file| file.id);
        all
    }

    fn family(&self, family: Family) -> &RwLock<Files> {
        match family {
            Family::Raw => &self.raw,
            Family::Summary => &self.summaries,
        }
    }

    pub(crate) fn committed(&self, at: Timestamp) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.committed = Some(at);
        health.failing = None;
    }

    /// When was committed last.
    pub(crate) fn last_commit(&self) -> Option<Timestamp> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).committed
    }

    pub(crate) fn failing(&self, why: String) {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).failing = Some(why);
    }

    /// Remembers damage that something came upon in a file; says whether it did.
    pub(crate) fn came_upon(&self, file: &DataFile, done: Result<(), Error>) -> Result<bool, Error> {
        match done {
            Ok(()) => Ok(false),
            Err(error) if error.is_damage() => {
                self.damaged(format!("{}: {error}", file.path.display()));
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// What can't be read is left out of answers, said in the log once and on the status page for good.
    pub(crate) fn damaged(&self, what: String) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.said.len() < SAID && health.said.insert(what.clone()) {
            tracing::error!(%what, "damaged data is left out of answers");
        }
        health.damaged = Some(what);
    }
}

/// See the module.
pub(crate) struct Partitions {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Writer,
    /// Folds, merges and deletes are done by one at a time.
    pub(crate) maintaining: tokio::sync::Mutex<()>,
    /// Set when it is closed: maintenance goes no further than the file it is at.
    pub(crate) closing: AtomicBool,
}

impl Partitions {
    /// Finds the files of a data directory and starts the writer.
    pub(crate) async fn open(
        config: &Config,
        meta: Arc<Meta>,
        directory: Arc<ArcSwap<Directory>>,
        changes: broadcast::Sender<Change>,
    ) -> Result<Arc<Self>, Error> {
        let shared = Arc::new(Shared {
            data: config.path.clone(),
            config: config.clone(),
            meta,
            directory,
            changes,
            registry: Registry::default(),
            rollups: Rollups::default(),
            senders: Senders::default(),
            raw: RwLock::default(),
            summaries: RwLock::default(),
            broken: RwLock::default(),
            overflowed: AtomicU64::new(0),
            shortages: Shortages::default(),
            health: Mutex::default(),
        });
        for (family, steps) in [(Family::Raw, RAW_STEPS), (Family::Summary, SUMMARY_STEPS)] {
            for id in ids(&config.path, family)? {
                let file = DataFile::new(family, id, DataFile::path_of(&config.path, family, id));
                match inspect(&file, steps).await {
                    Ok(()) => shared.add(Arc::new(file)),
                    Err(error @ Error::Newer { .. }) => return Err(error),
                    // A broken file costs what it holds, not the rest.
                    Err(error) => {
                        shared.damaged(format!("{}: {error}", file.path.display()));
                        shared.add_broken(file);
                    }
                }
            }
        }
        marks(&shared).await;
        let writer = Writer::start(Arc::clone(&shared)).await?;
        Ok(Arc::new(Self {
            shared,
            writer,
            maintaining: tokio::sync::Mutex::default(),
            closing: AtomicBool::new(false),
        }))
    }

    pub(crate) fn end_maintenance(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Commits what waits and closes all files. Maintenance is waited for as long as the file it is at takes, within
    /// reason: what it has not committed is done again.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.end_maintenance();
        let written = self.writer.close().await;
        let still = tokio::time::timeout(MAINTENANCE, self.maintaining.lock()).await;
        if still.is_err() {
            tracing::warn!("maintenance did not end in {} s and was left", MAINTENANCE.as_secs());
        }
        for family in [Family::Raw, Family::Summary] {
            for file in self.shared.files(family).iter() {
                file.readers.close().await;
            }
        }
        written
    }

    /// What there is.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let raw = self.shared.files(Family::Raw);
        let holds_any =
            |file: &&Arc<DataFile>| Signal::ALL.iter().any(|signal| file.records(*signal).load(Ordering::Relaxed) > 0);
        raw.iter().find(holds_any).map(|file| file.begins())
    }

    pub(crate) fn status(&self, now: Timestamp) -> StoreStatus {
        let raw = self.shared.files(Family::Raw);
        let count = |file: &Arc<DataFile>, signal| file.records(signal).load(Ordering::Relaxed);
        let records = |signal| raw.iter().map(|file| count(file, signal)).sum();
        let health = self.shared.health.lock().unwrap_or_else(PoisonError::into_inner);
        StoreStatus {
            raw: growth::of(&self.shared.files_and_broken(Family::Raw), self.shared.config.raw, now),
            summaries: growth::of(&self.shared.files_and_broken(Family::Summary), self.shared.config.summaries, now),
            room: self.shared.shortages.room(),
            meta_bytes: 0,
            partitions: raw.len() as u32,
            spans: records(Signal::Spans),
            logs: records(Signal::Logs),
            points: records(Signal::Points),
            samples: records(Signal::Samples),
            overflowed: self.shared.overflowed.load(Ordering::Relaxed),
            oldest: self.oldest(),
            committed: health.committed,
            disk_short: self.shared.shortages.why(Short::Disk),
            memory_short: self.shared.shortages.why(Short::Memory),
            failing: health.failing.clone().or_else(|| health.damaged.clone()),
        }
    }
}

/// Names of a family's files, oldest first; other files are not ours.
pub(crate) fn ids(data: &Path, family: Family) -> Result<Vec<i64>, Error> {
    let folder = DataFile::path_of(data, family, 0);
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder.parent().unwrap_or(data))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".db"));
        ids.extend(name.and_then(|name| name.parse::<i64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Opens a file once: SQLite recovers what was being written, and it is brought to this version's format.
async fn inspect(file: &DataFile, steps: &'static [&'static str]) -> Result<(), Error> {
    let mut connection = sqlite::open(&file.path, sqlite::Page::Large, 256, steps).await?;
    if file.family == Family::Raw {
        let totals: Vec<(String, i64)> =
            sqlx::query_as("select key, value from totals").fetch_all(&mut connection).await?;
        for signal in Signal::ALL {
            let count = totals.iter().find(|(key, _)| key == signal.total()).map_or(0, |(_, count)| *count);
            file.records(signal).store(count.max(0) as u64, Ordering::Relaxed);
        }
    }
    let (first, last): (Option<i64>, Option<i64>) =
        sqlx::query_as("select min(first), max(last) from rollups where first <= last")
            .fetch_one(&mut connection)
            .await?;
    file.widen(first.unwrap_or(i64::MAX), last.unwrap_or(i64::MIN));
    if file.family == Family::Summary {
        // What a new format left is no part of what is kept; where that fails, it is.
        if let Err(error) = vacuum(&mut connection).await {
            tracing::warn!("{}: {error}", file.path.display());
        }
    }
    if file.family == Family::Raw {
        let is_small =
            "select exists (select 1 from blocks where merged = 0) or exists (select 1 from rollups where merged = 0)";
        let is_small: Result<(bool,), _> = sqlx::query_as(is_small).fetch_one(&mut connection).await;
        // What can't be told is found out when it is merged.
        file.merged.store(is_small.is_ok_and(|(is_small,)| !is_small), Ordering::Release);
    }
    connection.close().await?;
    Ok(())
}

/// Gives back pages where many are free.
async fn vacuum(connection: &mut SqliteConnection) -> Result<(), Error> {
    let (free, all): (i64, i64) =
        sqlx::query_as("select freelist_count, page_count from pragma_freelist_count, pragma_page_count")
            .fetch_one(&mut *connection)
            .await?;
    if free > all / 4 {
        sqlx::raw_sql("pragma incremental_vacuum").execute(connection).await?;
    }
    Ok(())
}

/// A partition, how far it is looked over and folded, and whether that is for good.
type Fold = (i64, i64, i64, i64, bool);

/// How far each raw partition is folded, as the summaries have it. What can't be read now is found when they are written.
async fn marks(shared: &Shared) {
    let raw = shared.files(Family::Raw);
    for day in shared.files(Family::Summary).iter() {
        if !raw.iter().any(|file| crate::fold::day_of(file.id) == day.id) {
            continue;
        }
        let read = async {
            let sql = "select source, mark, front, seq, complete from folds";
            Ok::<Vec<Fold>, Error>(sqlx::query_as(sql).fetch_all(&mut *day.readers.get().await?).await?)
        };
        let folds = read.await.unwrap_or_else(|error| {
            tracing::warn!("{}: {error}", day.path.display());
            Vec::new()
        });
        for (source, mark, before, seq, complete) in folds {
            if let Some(file) = raw.iter().find(|file| file.id == source) {
                file.mark.store(mark, Ordering::Release);
                file.set_front(Front { before, seq });
                file.complete.store(complete, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
impl Partitions {
    /// What questions read.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

#[async_trait]
impl Telemetry for Partitions {
    fn short(&self) -> Option<Short> {
        [Short::Disk, Short::Memory].into_iter().find(|what| self.shared.shortages.is_short(*what))
    }

    async fn append(&self, batch: Batch) -> Result<Appended, Error> {
        if self.shared.shortages.is_short(Short::Disk) {
            return Err(Error::Short(Short::Disk));
        }
        self.writer.append(batch).await
    }

    async fn trace(&self, id: TraceId) -> Result<FoundTrace, Error> {
        query::traces::trace(&self.shared, id).await
    }

    async fn span(&self, trace: TraceId, id: SpanId) -> Result<Option<StoredSpan>, Error> {
        query::traces::span(&self.shared, trace, id).await
    }

    async fn logs(&self, ask: LogAsk) -> Result<FoundLogs, Error> {
        query::logs::logs(&self.shared, ask).await
    }

    async fn spans(&self, ask: SpanAsk) -> Result<FoundSpans, Error> {
        query::spans::spans(&self.shared, ask).await
    }

    async fn log_counts(&self, service: &ServiceId, window: Window, step: Step) -> Result<Vec<PatternCells>, Error> {
        query::patterns::patterns(&self.shared, service, window, step).await
    }

    async fn metric_names(&self, service: &ServiceId, window: Window) -> Result<MetricNames, Error> {
        query::metrics::names(&self.shared, service, window).await
    }

    async fn metric_labels(&self, service: &ServiceId, window: Window, name: &str) -> Result<Vec<MetricLabel>, Error> {
        query::metrics::labels(&self.shared, service, window, name).await
    }

    async fn metric(&self, ask: MetricAsk) -> Result<MetricSeries, Error> {
        query::metrics::series(&self.shared, ask).await
    }

    async fn profile_types(&self, service: &ServiceId, window: Window) -> Result<ProfileTypes, Error> {
        query::profiles::types(&self.shared, service, window).await
    }

    async fn profile(&self, ask: ProfileAsk) -> Result<FrameTree, Error> {
        query::profiles::tree(&self.shared, ask).await
    }

    async fn red(&self, ask: RedQuery) -> Result<Vec<RedRow>, Error> {
        query::red::red(&self.shared, ask).await
    }

    async fn errors(&self, service: &ServiceId, window: Window, step: Step) -> Result<Vec<ErrorCells>, Error> {
        query::errors::errors(&self.shared, service, window, step).await
    }

    async fn error_groups(&self, services: &[ServiceId], window: Window) -> Result<BTreeSet<ErrorName>, Error> {
        query::errors::error_groups(&self.shared, services, window).await
    }

    async fn first_errors(&self, service: &ServiceId) -> Result<BTreeMap<RevisionHash, u32>, Error> {
        query::errors::first_errors(&self.shared, service).await
    }

    async fn error_life(&self, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error> {
        query::errors::error_life(&self.shared, services, window).await
    }

    async fn pattern_life(&self, services: &[ServiceId], window: Window) -> Result<ErrorLives, Error> {
        query::patterns::pattern_life(&self.shared, services, window).await
    }

    async fn calls(&self, window: Window) -> Result<Vec<(ServiceId, String)>, Error> {
        query::calls::calls(&self.shared, window).await
    }

    async fn unattributed(&self, window: Window) -> Result<Vec<Unattributed>, Error> {
        query::unattributed::unattributed(&self.shared, window).await
    }

    async fn last_request(&self, service: &ServiceId) -> Result<Option<Timestamp>, Error> {
        query::errors::last_request(&self.shared, service).await
    }
}
