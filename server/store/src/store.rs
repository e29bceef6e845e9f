//! The store's front: opens and closes it, records what clusters said, passes questions on.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use model::{
    AdverseEvent, ClusterId, ClusterStatus, ConfigChange, DAY, Deploy, DeployId, FeedQuery, FeedRow, Judged,
    LogCoverage, ObjectVersion, PodId, PodState, RelatedResource, Revision, ServiceId, StoreStatus, Timestamp, Verdict,
    Window,
};
use tokio::sync::broadcast;

use crate::directory::Known;
use crate::meta::Meta;
use crate::partition::Partitions;
use crate::{
    Change, ClusterMemory, ClusterRecord, Config, Directory, DueDeploy, Error, Judgement, Judgements, Leaks, Nodes,
    ObjectName, RevisionLife, Saturations, Short, Telemetry, formats, lock,
};

/// The store: a cheap clone, given to each task.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    /// Holds the data directory's lock; nothing after closing.
    lock: Mutex<Option<File>>,
    meta: Arc<Meta>,
    directory: Arc<ArcSwap<Directory>>,
    partitions: Arc<Partitions>,
    changes: broadcast::Sender<Change>,
    told: AtomicU64,
    statuses: Mutex<BTreeMap<String, ClusterStatus>>,
    judgements: Mutex<Arc<Judgements>>,
    leaks: ArcSwap<Leaks>,
    saturations: ArcSwap<Saturations>,
    log_coverage: Mutex<HashMap<ClusterId, HashMap<Arc<ServiceId>, LogCoverage>>>,
    nodes: Nodes,
    salt: [u8; 32],
}

impl Store {
    /// Opens or creates the store. Takes the data directory's lock, so a second process gets [`Error::Locked`].
    /// Recovers partitions that were being written.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let lock = lock::take(&config.path)?;
        formats::check(&config.path)?;
        let meta = Arc::new(Meta::open(&config.path).await?);
        let salt = meta.salt().await?;
        let mut directory = Directory::default();
        directory.apply(meta.known(now().plus(-pods_kept(&config))).await?);
        directory.apply_clusters(meta.cluster_names().await?);
        let directory = Arc::new(ArcSwap::from_pointee(directory));
        // A burst fits; a reader that is slower skips, and asks again anyway.
        let (changes, _) = broadcast::channel(256);
        let partitions = Partitions::open(&config, Arc::clone(&meta), Arc::clone(&directory), changes.clone()).await?;
        let statuses = Mutex::default();
        let lock = Mutex::new(Some(lock));
        let newest = meta.newest_judgements().await?;
        let newest: Judgements = newest.into_iter().map(|(id, brief)| (id, Arc::new(brief))).collect();
        let judgements = Mutex::new(Arc::new(newest));
        let (leaks, saturations) = (ArcSwap::default(), ArcSwap::default());
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                lock,
                meta,
                directory,
                partitions,
                changes,
                told: AtomicU64::new(0),
                statuses,
                judgements,
                leaks,
                saturations,
                log_coverage: Mutex::default(),
                nodes: Nodes::default(),
                salt,
            }),
        })
    }

    /// Maintenance goes no further than the file it is at, now and from now on: the store is about to be closed.
    pub fn end_maintenance(&self) {
        self.inner.partitions.end_maintenance();
    }

    /// Commits what waits, checkpoints, and releases the lock.
    pub async fn close(&self) -> Result<(), Error> {
        let written = self.inner.partitions.close().await;
        let closed = self.inner.meta.close().await;
        drop(self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        written.and(closed)
    }

    /// A snapshot of the directory: services, pods, latest deploys. Cheap.
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.load_full()
    }

    /// The telemetry interface.
    pub fn telemetry(&self) -> Arc<dyn Telemetry> {
        Arc::clone(&self.inner.partitions) as Arc<dyn Telemetry>
    }

    /// What changes from now on; a slow reader skips.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// How often something other than telemetry changed since the start: what was made at one count may be given again
    /// at the same.
    pub fn told(&self) -> u64 {
        self.inner.told.load(Ordering::Acquire)
    }

    /// When telemetry was committed last, since this process runs.
    pub fn committed(&self) -> Option<Timestamp> {
        self.inner.partitions.shared.last_commit()
    }

    /// The id by which a context's cluster is known: the one first used for the context, else the one under which one
    /// of `ids` is known, else the first of them, which is then remembered with the others as aliases. An id that
    /// begins with `ca-` or `ctx-` only stands in for a uid: clusters of different uids may share it.
    pub async fn cluster_id(&self, context: &str, ids: &[String]) -> Result<ClusterId, Error> {
        let id = self.inner.meta.cluster_id(context, ids).await?;
        let names: Vec<_> =
            ids.iter().map(String::as_str).chain([context]).map(|name| (name.into(), id.0.clone())).collect();
        // Under the writer's lock, as `record` does, so that neither publishes over the other.
        let _order = self.inner.meta.writer().await?;
        self.publish(|directory| directory.apply_clusters(names));
        Ok(id)
    }

    /// What was known of a cluster when it was last watched, to find what was missed.
    pub async fn memory(&self, cluster: &ClusterId) -> Result<ClusterMemory, Error> {
        self.inner.meta.write_late().await?;
        let memory = self.inner.meta.memory(cluster).await?;
        let directory = self.directory();
        let services = directory.services().map(|service| &service.id).filter(|id| id.cluster == cluster.0);
        let pods = services.flat_map(|id| directory.pods(id)).cloned().collect();
        Ok(ClusterMemory { pods, ..memory })
    }

    /// Records what a cluster said, in one transaction, then publishes the new directory. How pods and services stand
    /// that are known already is written [`LATE`] afterwards.
    pub async fn record(&self, record: &ClusterRecord) -> Result<(), Error> {
        if record.is_empty() {
            return Ok(());
        }
        let (order, waits) = self.inner.meta.record(record, || self.directory()).await?;
        if waits {
            tokio::spawn(write_late(Arc::downgrade(&self.inner)));
        }
        let known = Known {
            services: record.services.clone(),
            pods: record.pods.clone(),
            revisions: record.revisions.clone(),
            deploys: record.deploys.clone(),
        };
        self.publish(|directory| directory.apply(known));
        drop(order);
        self.changed(Change::Cluster);
        Ok(())
    }

    /// Replaces how a cluster's connection and watchers stand (in memory only).
    pub fn set_cluster_status(&self, status: ClusterStatus) {
        let mut statuses = self.inner.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if statuses.get(&status.name) != Some(&status) {
            statuses.insert(status.name.clone(), status);
            drop(statuses);
            self.changed(Change::Status);
        }
    }

    /// How clusters stand, by name.
    pub fn cluster_statuses(&self) -> Vec<ClusterStatus> {
        self.inner.statuses.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Replaces whose logs are read of a cluster's services (in memory only).
    pub fn keep_log_coverage(&self, cluster: &ClusterId, coverage: HashMap<Arc<ServiceId>, LogCoverage>) {
        let mut known = self.inner.log_coverage.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(cluster.clone(), coverage);
    }

    /// Whose logs are read of a service's pods.
    pub fn log_coverage(&self, service: &ServiceId) -> LogCoverage {
        let known = self.inner.log_coverage.lock().unwrap_or_else(PoisonError::into_inner);
        let of_cluster = known.iter().find(|(cluster, _)| cluster.0 == service.cluster);
        of_cluster.and_then(|(_, services)| services.get(service)).copied().unwrap_or_default()
    }

    /// What nodes use now.
    pub fn nodes(&self) -> &Nodes {
        &self.inner.nodes
    }

    /// The secret with which values are hashed, made once for a data directory.
    pub fn salt(&self) -> [u8; 32] {
        self.inner.salt
    }

    /// Pods of a service that existed in a window, by creation.
    pub async fn pods(&self, service: &ServiceId, window: Window) -> Result<Vec<PodState>, Error> {
        // What exists is in the directory as it was told of last. That is asked first, so that who ends in between is told
        // of; and it counts, also of a pod that was held to have ended and is there again.
        let directory = self.directory();
        let living = directory.pods(service);
        let lives: HashSet<&PodId> = living.iter().map(|pod| &pod.id).collect();
        let mut pods = self.inner.meta.ended(service, window).await?;
        pods.retain(|pod| !lives.contains(&pod.id));
        pods.extend(living.iter().filter(|pod| pod.created < window.to).map(|pod| PodState::clone(pod)));
        pods.sort_by_key(|pod| pod.created);
        Ok(pods)
    }

    /// Pods of a cluster's node that ended in a window, by their end; those that exist are in the directory.
    pub async fn ended_on(&self, cluster: &str, node: &str, window: Window) -> Result<Vec<PodState>, Error> {
        self.inner.meta.ended_on(cluster, node, window).await
    }

    /// Revisions of a service, oldest first.
    pub async fn revisions(&self, service: &ServiceId) -> Result<Vec<Revision>, Error> {
        self.inner.meta.revisions(service).await
    }

    /// The pods that are known of each revision of a service, by hash.
    pub async fn revision_lives(&self, service: &ServiceId) -> Result<Vec<RevisionLife>, Error> {
        self.inner.meta.revision_lives(service).await
    }

    /// Deploys of a service, newest first.
    pub async fn deploys(&self, service: &ServiceId) -> Result<Vec<Deploy>, Error> {
        self.inner.meta.deploys(service).await
    }

    /// Deploys that are to be looked at by now, the latest first; due again in a minute should nothing come of it.
    pub async fn due_deploys(&self, now: Timestamp, limit: u32) -> Result<Vec<DueDeploy>, Error> {
        self.inner.meta.due_deploys(now, limit).await
    }

    /// Keeps when to look again at deploys of which nothing was said; nothing is never. A deploy that changed since it
    /// was taken from those due stays due.
    pub async fn look_again(&self, deploys: &[(&DeployId, Option<Timestamp>)]) -> Result<(), Error> {
        self.inner.meta.look_again(deploys).await
    }

    /// Keeps a verdict on a deploy, and when to look again, as [`Store::look_again`] does.
    pub async fn keep_verdict(
        &self,
        id: &DeployId,
        verdict: &Verdict,
        brief: Judgement,
        due: Option<Timestamp>,
    ) -> Result<(), Error> {
        self.inner.meta.keep_verdict(id, (verdict, &brief), due).await?;
        let mut judgements = self.inner.judgements.lock().unwrap_or_else(PoisonError::into_inner);
        let known = judgements.get(&id.service);
        let said = |judged: &Judged| (judged.sequence, judged.level, judged.headline.clone());
        let says_new = known.is_none_or(|known| said(&known.judged) != said(&brief.judged));
        if known.is_none_or(|known| known.judged.sequence <= id.sequence) {
            Arc::make_mut(&mut judgements).insert(id.service.clone(), Arc::new(brief));
        }
        drop(judgements);
        if says_new {
            self.changed(Change::Cluster);
        } else {
            // Its evidence may be another.
            self.count();
        }
        Ok(())
    }

    /// A deploy's verdict with all its evidence.
    pub async fn verdict(&self, id: &DeployId) -> Result<Option<Verdict>, Error> {
        self.inner.meta.verdict(id).await
    }

    /// Verdicts on a service's deploys in short, newest first.
    pub async fn judgements(&self, service: &ServiceId) -> Result<Vec<Judgement>, Error> {
        self.inner.meta.judgements(service).await
    }

    /// Of each service the newest verdict in short. Cheap.
    pub fn newest_judgements(&self) -> Arc<Judgements> {
        Arc::clone(&self.inner.judgements.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What leaks now. Cheap.
    pub fn leaks(&self) -> Arc<Leaks> {
        self.inner.leaks.load_full()
    }

    /// Keeps what leaks now.
    pub fn keep_leaks(&self, leaks: Leaks) {
        self.inner.leaks.store(Arc::new(leaks));
        self.changed(Change::Cluster);
    }

    /// What services were measured to have too little of now. Cheap.
    pub fn saturations(&self) -> Arc<Saturations> {
        self.inner.saturations.load_full()
    }

    /// Keeps what services were measured to have too little of now.
    pub fn keep_saturations(&self, saturations: Saturations) {
        self.inner.saturations.store(Arc::new(saturations));
        self.changed(Change::Cluster);
    }

    /// Says that the machine has too little of something, with a sentence for the status page, or has enough again.
    pub fn set_short(&self, what: Short, why: Option<String>) {
        if self.inner.partitions.shared.shortages.set(what, why) {
            self.changed(Change::Status);
        }
    }

    /// Says how many bytes may still be written to the disk before it is short of room.
    pub fn set_room(&self, bytes: u64) {
        self.inner.partitions.shared.shortages.set_room(bytes);
    }

    /// A page of all deploys, newest first. First revisions that were found afterwards are left out unless they were
    /// judged.
    pub async fn feed(&self, ask: &FeedQuery) -> Result<Vec<FeedRow>, Error> {
        self.inner.meta.feed(ask).await
    }

    /// How many deploys started in a window, of those that the feed lists.
    pub async fn count_deploys(&self, window: Window) -> Result<u32, Error> {
        self.inner.meta.count_deploys(window).await
    }

    /// Config changes of ConfigMaps that a service used, in a window, newest first.
    pub async fn config_changes(&self, service: &ServiceId, window: Window) -> Result<Vec<ConfigChange>, Error> {
        self.inner.meta.config_changes(service, window).await
    }

    /// Adverse events that last touched a window, newest first; of one service or (`None`) of all, nodes included.
    pub async fn adverse(&self, service: Option<&ServiceId>, window: Window) -> Result<Vec<AdverseEvent>, Error> {
        self.inner.meta.adverse(service, window).await
    }

    /// Adverse events of a cluster's nodes that last touched a window, newest first.
    pub async fn node_events(&self, cluster: &str, window: Window) -> Result<Vec<AdverseEvent>, Error> {
        self.inner.meta.node_events(cluster, window).await
    }

    /// Other resources that belong to a service now.
    pub async fn related(&self, service: &ServiceId) -> Result<Vec<RelatedResource>, Error> {
        self.inner.meta.related(service).await
    }

    /// Versions of an object that were seen by a time, newest first, at most so many.
    pub async fn object_versions(
        &self,
        object: &ObjectName<'_>,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ObjectVersion>, Error> {
        self.inner.meta.object_versions(object, until, limit).await
    }

    /// When the first version of an object was seen that is still kept.
    pub async fn first_version(&self, object: &ObjectName<'_>) -> Result<Option<Timestamp>, Error> {
        self.inner.meta.first_version(object).await
    }

    /// When each of some objects changed last, as far as was seen by a time and can be told.
    pub async fn last_changes(
        &self,
        objects: &[ObjectName<'_>],
        until: Timestamp,
    ) -> Result<Vec<Option<Timestamp>>, Error> {
        self.inner.meta.last_changes(objects, until).await
    }

    /// The text of a stored version, by its hash.
    pub async fn version(&self, hash: &str) -> Result<Option<String>, Error> {
        self.inner.meta.version(hash).await
    }

    /// When a pod sent logs of its own last, since this process runs; or its service, from a pod that was not known.
    pub fn last_sent_log(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        self.inner.partitions.shared.senders.last_logs(service, pod)
    }

    /// When somebody else who goes on with it sent last what a pod's containers use, since this process runs.
    pub fn last_sent_container_metric(&self, service: &ServiceId, pod: &PodId) -> Option<Timestamp> {
        self.inner.partitions.shared.senders.last_metrics(service, pod)
    }

    /// The beginning of the oldest telemetry that is kept as it came; nothing where none is.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.inner.partitions.oldest()
    }

    /// Sizes and the writer's state.
    pub async fn status(&self) -> Result<StoreStatus, Error> {
        let meta_bytes = self.inner.meta.bytes();
        Ok(StoreStatus { meta_bytes, ..self.inner.partitions.status(now()) })
    }

    /// Folds closed minutes into the summaries and deletes what is past its keeping; `now` is a parameter so that
    /// tests can move it.
    pub async fn maintain(&self, now: Timestamp) -> Result<(), Error> {
        let kept = self.inner.partitions.maintain(now).await;
        let before = now.plus(-self.inner.config.summaries.age);
        self.inner.meta.expire(before).await?;
        self.inner.meta.pack(now).await?;
        self.inner.meta.rest().await;
        let _order = self.inner.meta.writer().await?;
        self.publish(|directory| directory.forget(now.plus(-pods_kept(&self.inner.config)), before));
        let directory = self.directory();
        let mut judgements = self.inner.judgements.lock().unwrap_or_else(PoisonError::into_inner);
        if judgements.keys().any(|id| directory.service(id).is_none()) {
            Arc::make_mut(&mut judgements).retain(|id, _| directory.service(id).is_some());
        }
        kept
    }

    /// What questions read.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> Arc<crate::partition::Shared> {
        self.inner.partitions.shared()
    }

    /// Changes a copy of the directory and makes it the current one. Callers hold the metadata's writer, so that
    /// directories follow each other in the order of the transactions.
    fn publish(&self, change: impl FnOnce(&mut Directory)) {
        let mut next = Directory::clone(&self.inner.directory.load());
        change(&mut next);
        self.inner.directory.store(Arc::new(next));
    }

    fn count(&self) {
        self.inner.told.fetch_add(1, Ordering::Release);
    }

    /// Called when the change can be seen: whoever hears of it and asks must not be given what was made before it.
    /// Nobody listening is not a failure.
    fn changed(&self, change: Change) {
        self.count();
        let _ = self.inner.changes.send(change);
    }
}

/// How pods and services stand is written so long after it changed.
const LATE: Duration = Duration::from_secs(30);

/// Writes what waits, unless the store is gone by then, which wrote it.
async fn write_late(store: Weak<Inner>) {
    loop {
        tokio::time::sleep(LATE).await;
        let Some(store) = store.upgrade() else { return };
        match store.meta.write_late().await {
            Ok(()) => return,
            Err(error) => tracing::warn!("how pods stand could not be written, will try again: {error}"),
        }
    }
}

/// How long a pod that ended can still have telemetry that is attributed through it. Later, what its owners
/// resolved to is stored with the summaries.
fn pods_kept(config: &Config) -> i64 {
    config.raw.age.saturating_add(DAY)
}

/// The system's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
