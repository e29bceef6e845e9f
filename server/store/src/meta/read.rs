//! Questions that the metadata answers.

use std::collections::{BTreeMap, HashMap, HashSet};

use model::{
    AdverseEvent, ClusterId, ConfigChange, DAY, Deploy, PodId, PodState, RelatedResource, Revision, RevisionHash,
    ServiceId, ServiceState, Text, Timestamp, Window,
};

use super::Meta;
use super::rows::{parse, parse_all};
use super::shared::Shared;
use crate::directory::Known;
use crate::{ClusterMemory, Error, RevisionLife};

/// Pods by their creation; one that is a row as well is as that says.
fn by_creation(packed: Vec<PodState>, rows: Vec<PodState>) -> Vec<PodState> {
    let known: HashSet<(Text, PodId)> = rows.iter().map(|pod| (pod.cluster.clone(), pod.id.clone())).collect();
    let mut pods = packed;
    pods.retain(|pod| !known.contains(&(pod.cluster.clone(), pod.id.clone())));
    pods.extend(rows);
    pods.sort_by_key(|pod| pod.created);
    pods
}

impl Meta {
    /// Everything the directory knows: pods that ended before `pods_since` are left out.
    pub(crate) async fn known(&self, pods_since: Timestamp) -> Result<Known, Error> {
        let services = sqlx::query_as("select body from services").fetch_all(&mut *self.readers.get().await?).await?;
        let rows = sqlx::query_as("select body from pods where ended is null or ended >= ?1")
            .bind(pods_since.0)
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        let pods = by_creation(self.packed_since(pods_since).await?, parse_all(rows)?);
        let revisions = sqlx::query_as("select body from revisions").fetch_all(&mut *self.readers.get().await?).await?;
        let deploys = sqlx::query_as("select body from deploys order by sequence")
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        let mut shared = Shared::default();
        Ok(Known {
            services: parse_all(services)?,
            pods: pods.into_iter().map(|pod| shared.pod(pod)).collect(),
            revisions: parse_all(revisions)?,
            deploys: parse_all(deploys)?,
        })
    }

    /// What was known of a cluster, but for its pods.
    pub(crate) async fn memory(&self, cluster: &ClusterId) -> Result<ClusterMemory, Error> {
        let prefix = format!("{cluster}/");
        let services: Vec<(String,)> =
            sqlx::query_as("select body from services where cluster = ?1 and deleted is null order by id")
                .bind(&cluster.0)
                .fetch_all(&mut *self.readers.get().await?)
                .await?;
        // `/` sorts right before `0`: this is "begins with" in a way that uses the primary key.
        let until = format!("{cluster}0");
        let revisions: Vec<(String,)> =
            sqlx::query_as("select body from revisions where service > ?1 and service < ?2 order by service, created")
                .bind(&prefix)
                .bind(&until)
                .fetch_all(&mut *self.readers.get().await?)
                .await?;
        let deploys: Vec<(String,)> =
            sqlx::query_as("select body from deploys where service > ?1 and service < ?2 order by service, sequence")
                .bind(&prefix)
                .bind(&until)
                .fetch_all(&mut *self.readers.get().await?)
                .await?;
        Ok(ClusterMemory {
            services: parse_all::<ServiceState>(services)?,
            pods: Vec::new(),
            revisions: parse_all::<Revision>(revisions)?,
            deploys: parse_all::<Deploy>(deploys)?,
            versions: self.newest_versions(cluster).await?,
            adverse: self.recent_adverse(cluster).await?,
        })
    }

    async fn newest_versions(&self, cluster: &ClusterId) -> Result<Vec<(String, String, String, String)>, Error> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(
            "select kind, namespace, name, hash, max(at) from object_versions where cluster = ?1
             group by kind, namespace, name",
        )
        .bind(&cluster.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        Ok(rows.into_iter().map(|(kind, namespace, name, hash, _)| (kind, namespace, name, hash)).collect())
    }

    /// "The last day" counts back from the newest event: the store reads no clock for it.
    async fn recent_adverse(&self, cluster: &ClusterId) -> Result<Vec<AdverseEvent>, Error> {
        let rows: Vec<AdverseRow> = sqlx::query_as(
            "select first, last, count, current, body from adverse where cluster = ?1 and (current = 1
             or last >= (select max(last) from adverse where cluster = ?1) - ?2) order by last desc",
        )
        .bind(&cluster.0)
        .bind(DAY)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.into_iter().map(adverse_event).collect()
    }

    /// Pods of a service that ended and existed in a window, by creation.
    pub(crate) async fn ended(&self, service: &ServiceId, window: Window) -> Result<Vec<PodState>, Error> {
        let rows = sqlx::query_as("select body from pods where service = ?1 and created < ?2 and ended >= ?3")
            .bind(service.to_string())
            .bind(window.to.0)
            .bind(window.from.0)
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        Ok(by_creation(self.packed_of(service, window).await?, parse_all(rows)?))
    }

    /// See `Store::ended_on`.
    pub(crate) async fn ended_on(&self, cluster: &str, node: &str, window: Window) -> Result<Vec<PodState>, Error> {
        let rows = sqlx::query_as(
            "select body from pods where ended >= ?1 and ended < ?2 and +cluster = ?3 and body ->> 'node' = ?4",
        )
        .bind(window.from.0)
        .bind(window.to.0)
        .bind(cluster)
        .bind(node)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let mut pods = by_creation(self.packed_on(cluster, node, window).await?, parse_all(rows)?);
        pods.sort_by_key(|pod| pod.ended);
        Ok(pods)
    }

    pub(crate) async fn revisions(&self, service: &ServiceId) -> Result<Vec<Revision>, Error> {
        let rows = sqlx::query_as("select body from revisions where service = ?1 order by created, hash")
            .bind(service.to_string())
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        parse_all(rows)
    }

    /// See `Store::revision_lives`.
    pub(crate) async fn revision_lives(&self, service: &ServiceId) -> Result<Vec<RevisionLife>, Error> {
        let rows: Vec<(String, i64, Option<i64>, u32, u32)> = sqlx::query_as(
            "select body ->> 'revision', min(created), max(ended), sum(ended is null), count(*) from pods
             where service = ?1 and body ->> 'revision' is not null group by 1 order by 1",
        )
        .bind(service.to_string())
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let life = |(revision, first, last_end, pods, pods_ever): (String, i64, Option<i64>, u32, u32)| RevisionLife {
            revision: RevisionHash(revision.into()),
            first: Timestamp(first),
            last_end: last_end.map(Timestamp),
            pods,
            pods_ever,
        };
        let mut lives: BTreeMap<RevisionHash, RevisionLife> =
            rows.into_iter().map(life).map(|life| (life.revision.clone(), life)).collect();
        for (revision, first, last_end, pods_ever) in self.packed_lives(service).await? {
            let (first, last_end) = (Timestamp(first), Some(Timestamp(last_end)));
            let revision = RevisionHash(revision.into());
            lives
                .entry(revision.clone())
                .and_modify(|life| {
                    life.first = life.first.min(first);
                    life.last_end = life.last_end.max(last_end);
                    life.pods_ever += pods_ever;
                })
                .or_insert(RevisionLife { revision, first, last_end, pods: 0, pods_ever });
        }
        Ok(lives.into_values().collect())
    }

    pub(crate) async fn deploys(&self, service: &ServiceId) -> Result<Vec<Deploy>, Error> {
        let rows = sqlx::query_as("select body from deploys where service = ?1 order by sequence desc")
            .bind(service.to_string())
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        parse_all(rows)
    }

    pub(crate) async fn config_changes(&self, service: &ServiceId, window: Window) -> Result<Vec<ConfigChange>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "select body from config_changes where cluster = ?1 and at >= ?2 and at < ?3 order by at desc, id desc",
        )
        .bind(&service.cluster)
        .bind(window.from.0)
        .bind(window.to.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let all: Vec<ConfigChange> = parse_all(rows)?;
        Ok(all.into_iter().filter(|change| change.services.contains(service)).collect())
    }

    pub(crate) async fn adverse(
        &self,
        service: Option<&ServiceId>,
        window: Window,
    ) -> Result<Vec<AdverseEvent>, Error> {
        // Asked first: what is written in between is there twice, and not never.
        let late = self.late_adverse(service, window);
        let rows: Vec<AdverseRow> = match service {
            Some(service) => {
                sqlx::query_as(
                    "select first, last, count, current, body from adverse
                     where service = ?1 and last >= ?2 and first < ?3 order by last desc",
                )
                .bind(service.to_string())
                .bind(window.from.0)
                .bind(window.to.0)
                .fetch_all(&mut *self.readers.get().await?)
                .await?
            }
            None => {
                sqlx::query_as(
                    "select first, last, count, current, body from adverse
                     where last >= ?1 and first < ?2 order by last desc",
                )
                .bind(window.from.0)
                .bind(window.to.0)
                .fetch_all(&mut *self.readers.get().await?)
                .await?
            }
        };
        Ok(joined(rows.into_iter().map(adverse_event).collect::<Result<_, _>>()?, late))
    }

    /// See `Store::node_events`.
    pub(crate) async fn node_events(&self, cluster: &str, window: Window) -> Result<Vec<AdverseEvent>, Error> {
        let rows: Vec<AdverseRow> = sqlx::query_as(
            "select first, last, count, current, body from adverse
             where service is null and last >= ?1 and cluster = ?2 and first < ?3 and body ->> 'kind' = 'Node'
             order by last desc",
        )
        .bind(window.from.0)
        .bind(cluster)
        .bind(window.to.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.into_iter().map(adverse_event).collect()
    }

    pub(crate) async fn related(&self, service: &ServiceId) -> Result<Vec<RelatedResource>, Error> {
        let row: Option<(String,)> = sqlx::query_as("select body from related where service = ?1")
            .bind(service.to_string())
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        row.map_or_else(|| Ok(Vec::new()), |(text,)| parse(&text))
    }
}

/// Adverse events with what waits to be written of them, as the statement that writes them joins both; newest first.
fn joined(mut rows: Vec<AdverseEvent>, late: Vec<AdverseEvent>) -> Vec<AdverseEvent> {
    if late.is_empty() {
        return rows;
    }
    let mut late: HashMap<String, AdverseEvent> = late.into_iter().map(|event| (event.key.clone(), event)).collect();
    for row in &mut rows {
        if let Some(event) = late.remove(&row.key) {
            let (first, last) = (row.first.min(event.first), row.last.max(event.last));
            *row = AdverseEvent { first, last, count: row.count.max(event.count), ..event };
        }
    }
    rows.extend(late.into_values());
    rows.sort_by(|a, b| (b.last, &a.key).cmp(&(a.last, &b.key)));
    rows
}

type AdverseRow = (i64, i64, u32, bool, String);

/// What repeats have joined stands in columns; the body is the newest.
fn adverse_event((first, last, count, current, body): AdverseRow) -> Result<AdverseEvent, Error> {
    let event: AdverseEvent = parse(&body)?;
    Ok(AdverseEvent { first: Timestamp(first), last: Timestamp(last), count, current, ..event })
}
