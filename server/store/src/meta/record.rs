//! Writes what a cluster said, in one transaction.

use std::sync::Arc;

use model::{AdverseEvent, PodState, ServiceState};
use sqlx::{Connection, SqliteConnection};

use super::rows::insert;
use super::{Meta, WriterGuard, late, versions};
use crate::directory::Directory;
use crate::{ClusterRecord, Error};

impl Meta {
    /// Records a batch, but for what may wait, by what is known before it. The guard comes back so that the caller
    /// publishes in the order of the transactions; and whether something waits from now on.
    pub(crate) async fn record(
        &self,
        record: &ClusterRecord,
        known: impl FnOnce() -> Arc<Directory>,
    ) -> Result<(WriterGuard<'_>, bool), Error> {
        let mut guard = self.writer().await?;
        let urgent = late::urgent(record, &known());
        if !urgent.is_empty() || !record.is_state_alone() {
            let mut transaction = guard.connection().begin_with("begin immediate").await?;
            write_services(&mut transaction, &urgent.services).await?;
            write_pods(&mut transaction, &urgent.pods).await?;
            write_revisions(&mut transaction, record).await?;
            write_adverse(&mut transaction, &urgent.adverse).await?;
            write_events(&mut transaction, record).await?;
            versions::write(&mut transaction, &record.cluster.0, &record.versions).await?;
            transaction.commit().await?;
        }
        let waits = self.put_off(record, &urgent);
        Ok((guard, waits))
    }
}

pub(super) async fn write_services(connection: &mut SqliteConnection, services: &[&ServiceState]) -> Result<(), Error> {
    insert(
        connection,
        "insert into services (id, cluster, created, deleted, body)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 from json_each(?1) where true
         on conflict (id) do update set created = excluded.created, deleted = excluded.deleted, body = excluded.body",
        services,
        |s, row| row.of(&(s.id.to_string(), &s.id.cluster, s.created.0, s.deleted.map(|at| at.0), s)),
    )
    .await
}

async fn write_pods(connection: &mut SqliteConnection, pods: &[&Arc<PodState>]) -> Result<(), Error> {
    write_bodies(connection, pods).await?;
    insert(
        connection,
        "insert into pods (cluster, id, service, created, ended, body)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, '' from json_each(?1) where true
         on conflict (cluster, id) do update set service = excluded.service, created = excluded.created,
             ended = excluded.ended
         where (service, created, ended) is not (excluded.service, excluded.created, excluded.ended)",
        pods,
        |p, row| row.of(&(&p.cluster, &p.id.0, p.service.to_string(), p.created.0, p.ended.map(|at| at.0))),
    )
    .await
}

/// Of pods that are known the bodies alone, without what pods are searched by: SQLite writes every index on a column that
/// a statement sets, whether the value is another or not, and of a pod that lives only the body changes.
pub(super) async fn write_bodies(connection: &mut SqliteConnection, pods: &[&Arc<PodState>]) -> Result<(), Error> {
    insert(
        connection,
        "insert into pods (cluster, id, service, created, ended, body)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value -> 5
         from json_each(?1) where true
         on conflict (cluster, id) do update set body = excluded.body",
        pods,
        |p, row| row.of(&(&p.cluster, &p.id.0, p.service.to_string(), p.created.0, p.ended.map(|at| at.0), &***p)),
    )
    .await
}

async fn write_revisions(connection: &mut SqliteConnection, record: &ClusterRecord) -> Result<(), Error> {
    insert(
        connection,
        "insert into revisions (service, hash, created, template, body)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4 from json_each(?1) where true
         on conflict (service, hash) do update set created = excluded.created, template = excluded.template,
             body = excluded.body",
        &record.revisions,
        |r, row| row.of(&(r.service.to_string(), &r.hash.0, r.created.0, &r.template, r)),
    )
    .await?;
    insert(
        connection,
        "insert into deploys (service, sequence, started, body)
         select value ->> 0, value ->> 1, value ->> 2, value -> 3 from json_each(?1) where true
         on conflict (service, sequence) do update set started = excluded.started, body = excluded.body",
        &record.deploys,
        |d, row| row.of(&(d.id.service.to_string(), d.id.sequence, d.started.0, d)),
    )
    .await?;
    // What a deploy did, and what the one before it did until then, is to be looked at again.
    insert(
        connection,
        "insert into verdicts (service, sequence, due)
         select value ->> 0, value ->> 1, 0 from json_each(?1) where true
         union select service, sequence, 0 from deploys join json_each(?1)
             on service = value ->> 0 and sequence = value ->> 1 - 1
         on conflict (service, sequence) do update set due = 0",
        &record.deploys,
        |d, row| row.of(&(d.id.service.to_string(), d.id.sequence)),
    )
    .await
}

pub(super) async fn write_adverse(connection: &mut SqliteConnection, events: &[&AdverseEvent]) -> Result<(), Error> {
    insert(
        connection,
        "insert into adverse (key, cluster, service, first, last, count, current, body)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value -> 7
         from json_each(?1) where true
         on conflict (key) do update set cluster = excluded.cluster, service = excluded.service,
             first = min(first, excluded.first), last = max(last, excluded.last),
             count = max(count, excluded.count), current = excluded.current, body = excluded.body",
        events,
        |e, row| {
            let service = e.service.as_ref().map(ToString::to_string);
            row.of(&(&e.key, &e.cluster, service, e.first.0, e.last.0, e.count, e.current, e))
        },
    )
    .await
}

async fn write_events(connection: &mut SqliteConnection, record: &ClusterRecord) -> Result<(), Error> {
    insert(
        connection,
        "insert into config_changes (cluster, at, body)
         select value ->> 0, value ->> 1, value -> 2 from json_each(?1)",
        &record.config_changes,
        |c, row| row.of(&(&c.cluster, c.at.0, c)),
    )
    .await?;
    insert(
        connection,
        "insert into related (service, body) select value ->> 0, value -> 1 from json_each(?1) where true
         on conflict (service) do update set body = excluded.body",
        &record.related,
        |(id, all), row| row.of(&(id.to_string(), all)),
    )
    .await
}
