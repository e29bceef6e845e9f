//! Deletes what is past its keeping.

use model::Timestamp;
use sqlx::Connection;

use super::Meta;
use crate::Error;

/// What goes, in order: `?1` is the time before which it is old. What describes the present stays whatever its age:
/// the newest deploy of a service (its number must not be given again), the newest version of an object, the
/// revisions of living pods, events that go on.
const OLD: [&str; 14] = [
    "delete from pods where ended < ?1",
    "delete from packed_pods where last_ended < ?1",
    "delete from services where deleted < ?1
     and not exists (select 1 from pods where pods.service = services.id)
     and not exists (select 1 from packed_pods where packed_pods.service = services.id)",
    "delete from revisions where created < ?1
     and not exists (select 1 from services where services.id = revisions.service and services.deleted is null
         and services.body ->> 'revision' is revisions.hash)
     and not exists (select 1 from pods where pods.service = revisions.service
         and pods.body ->> 'revision' = revisions.hash)
     and not exists (select 1 from packed_pods, json_each(packed_pods.lives) as life
         where packed_pods.service = revisions.service and life.value ->> 0 = revisions.hash)",
    "delete from deploys where started < ?1
     and (sequence < (select max(sequence) from deploys as newer where newer.service = deploys.service)
         or not exists (select 1 from services where services.id = deploys.service))",
    "delete from verdicts where ?1 is not null and not exists (select 1 from deploys
         where deploys.service = verdicts.service and deploys.sequence = verdicts.sequence)",
    "delete from adverse where last < ?1 and current = 0",
    "delete from config_changes where at < ?1",
    "delete from object_versions where at < ?1 and exists (select 1 from object_versions as newer
         where newer.cluster = object_versions.cluster and newer.kind = object_versions.kind
         and newer.namespace = object_versions.namespace and newer.name = object_versions.name
         and newer.at > object_versions.at)
     and hash not in (select template from revisions)",
    // The hash of an empty text: the object is gone, and so is all that came before.
    "delete from object_versions where at < ?1 and hash = 'e3b0c44298fc1c149afbf4c8996fb924'",
    "delete from version_texts where hash not in (select hash from object_versions)
     and hash not in (select template from revisions)
     and hash not in (select body ->> 'to' from config_changes)
     and hash not in (select body ->> 'from' from config_changes where body ->> 'from' is not null)
     and ?1 is not null",
    "delete from error_groups where last < ?1",
    "delete from log_patterns where last < ?1",
    "delete from last_requests where at < ?1",
];

impl Meta {
    /// Deletes what is older than a time and gives the pages back.
    pub(crate) async fn expire(&self, before: Timestamp) -> Result<(), Error> {
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        let mut deleted = 0;
        for sql in OLD {
            deleted += sqlx::query(sql).bind(before.0).execute(&mut *transaction).await?.rows_affected();
        }
        // What belongs to no service that is known any more.
        deleted += sqlx::query("delete from related where service not in (select id from services)")
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        if deleted > 0 {
            sqlx::raw_sql("pragma incremental_vacuum").execute(guard.connection()).await?;
        }
        Ok(())
    }
}
