//! Pods that ended, packed: many of a service in one compressed row. Of a cluster whose pods come and go all the time
//! this is what grows.

use model::{HOUR, PodState, ServiceId, Timestamp, Window};
use serde_json::json;
use sqlx::Connection;

use super::Meta;
use super::rows::parse_all;
use crate::Error;

/// A pod that ended so long ago is not told of again.
const AFTER: i64 = HOUR;
/// So many of a service are packed at once: fewer would not share enough, and what of a row does not fit into a page
/// takes whole pages.
const LEAST: i64 = 200;
/// No more than so many, so that a question about some does not read all.
const MOST: i64 = 1_000;
/// Packed once and read seldom.
const LEVEL: i32 = 12;
/// No row is larger than this when decompressed.
const LIMIT: usize = 64 << 20;

/// What is known of a revision's pods in a row: its hash, the first creation, the last end, how many.
pub(super) type Life = (String, i64, i64, u32);

impl Meta {
    /// Packs pods that ended, of services that have enough of them.
    pub(crate) async fn pack(&self, now: Timestamp) -> Result<(), Error> {
        let before = now.plus(-AFTER).0;
        let services: Vec<(String,)> =
            sqlx::query_as("select service from pods where ended < ?1 group by service having count(*) >= ?2")
                .bind(before)
                .bind(LEAST)
                .fetch_all(&mut *self.readers.get().await?)
                .await?;
        for (service,) in services {
            self.pack_service(&service, before).await?;
        }
        Ok(())
    }

    async fn pack_service(&self, service: &str, before: i64) -> Result<(), Error> {
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        let rows: Vec<(i64, i64, String, Option<String>, String)> = sqlx::query_as(
            "select created, ended, id, body ->> 'revision', body from pods where service = ?1 and ended < ?2
             order by ended limit ?3",
        )
        .bind(service)
        .bind(before)
        .bind(MOST)
        .fetch_all(&mut *transaction)
        .await?;
        let (Some((_, first_ended, ..)), Some((_, last_ended, ..))) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let first_created = rows.iter().map(|(created, ..)| *created).min();
        let mut lives: Vec<Life> = Vec::new();
        for (created, ended, _, revision, _) in &rows {
            let Some(revision) = revision else { continue };
            match lives.iter_mut().find(|(known, ..)| known == revision) {
                Some((_, first, last, count)) => {
                    (*first, *last, *count) = ((*first).min(*created), (*last).max(*ended), *count + 1)
                }
                None => lives.push((revision.clone(), *created, *ended, 1)),
            }
        }
        let bodies: Vec<&str> = rows.iter().map(|(.., body)| body.as_str()).collect();
        let bodies = zstd::bulk::compress(format!("[{}]", bodies.join(",")).as_bytes(), LEVEL)?;
        sqlx::query(
            "insert into packed_pods (service, first_created, first_ended, last_ended, lives, bodies)
             values (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(service)
        .bind(first_created)
        .bind(first_ended)
        .bind(last_ended)
        .bind(json!(lives).to_string())
        .bind(bodies)
        .execute(&mut *transaction)
        .await?;
        let ids: Vec<&str> = rows.iter().map(|(_, _, id, ..)| id.as_str()).collect();
        sqlx::query("delete from pods where service = ?1 and id in (select value from json_each(?2))")
            .bind(service)
            .bind(json!(ids).to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Packed pods that ended since a time.
    pub(super) async fn packed_since(&self, since: Timestamp) -> Result<Vec<PodState>, Error> {
        let rows = sqlx::query_as("select bodies from packed_pods where last_ended >= ?1")
            .bind(since.0)
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        unpack(&rows, |pod| pod.ended >= Some(since))
    }

    /// Packed pods of a service that existed in a window.
    pub(super) async fn packed_of(&self, service: &ServiceId, window: Window) -> Result<Vec<PodState>, Error> {
        let rows = sqlx::query_as(
            "select bodies from packed_pods where service = ?1 and last_ended >= ?2 and first_created < ?3",
        )
        .bind(service.to_string())
        .bind(window.from.0)
        .bind(window.to.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        unpack(&rows, |pod| pod.created < window.to && pod.ended >= Some(window.from))
    }

    /// Packed pods of a cluster's node that ended in a window.
    pub(super) async fn packed_on(&self, cluster: &str, node: &str, window: Window) -> Result<Vec<PodState>, Error> {
        let rows = sqlx::query_as(
            "select bodies from packed_pods where last_ended >= ?1 and first_ended < ?2 and service > ?3 and service < ?4",
        )
        .bind(window.from.0)
        .bind(window.to.0)
        // `/` sorts right before `0`.
        .bind(format!("{cluster}/"))
        .bind(format!("{cluster}0"))
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        unpack(&rows, |pod| pod.node.as_deref() == Some(node) && pod.ended.is_some_and(|ended| window.contains(ended)))
    }

    /// What is known of the revisions of a service's packed pods, a row each time.
    pub(super) async fn packed_lives(&self, service: &ServiceId) -> Result<Vec<Life>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as("select lives from packed_pods where service = ?1")
            .bind(service.to_string())
            .fetch_all(&mut *self.readers.get().await?)
            .await?;
        Ok(parse_all::<Vec<Life>>(rows)?.into_iter().flatten().collect())
    }
}

/// The pods of some rows that are wanted.
fn unpack(rows: &[(Vec<u8>,)], wanted: impl Fn(&PodState) -> bool) -> Result<Vec<PodState>, Error> {
    let mut found = Vec::new();
    for (bodies,) in rows {
        let text = crate::block::decompress(bodies, LIMIT)?;
        let pods: Vec<PodState> =
            serde_json::from_slice(&text).map_err(|error| Error::Damaged(format!("packed pods: {error}")))?;
        found.extend(pods.into_iter().filter(&wanted));
    }
    Ok(found)
}
