//! What folds leave behind for longer than any partition: first sight of error groups and of log patterns, last request
//! of services. Of one service so many are remembered; those that were not seen for the longest time are forgotten first.

use std::collections::{BTreeMap, BTreeSet};

use model::{RevisionHash, ServiceId, Timestamp};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use super::Meta;
use super::rows::insert;
use crate::Error;

/// When an error group was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSeen {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    /// The revision that had it first.
    pub(crate) revision: Option<RevisionHash>,
}

impl GroupSeen {
    /// Joins with another sight of the same group.
    pub(crate) fn join(&mut self, other: &Self) {
        if other.first < self.first {
            (self.first, self.revision) = (other.first, other.revision.clone());
        }
        self.last = self.last.max(other.last);
    }
}

/// Error groups by service, endpoint and error.
pub(crate) type GroupsKnown = BTreeMap<(ServiceId, String, String), GroupSeen>;

/// Log patterns by service and pattern.
pub(crate) type PatternsKnown = BTreeMap<(ServiceId, String), GroupSeen>;

/// What rollups say for longer than they are kept.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    pub(crate) groups: GroupsKnown,
    pub(crate) patterns: PatternsKnown,
    pub(crate) requests: BTreeMap<ServiceId, Timestamp>,
}

/// Error groups, and log patterns, that are remembered of a service.
const MOST: i64 = 2_000;

impl Meta {
    /// Remembers what a fold saw; seeing it again changes nothing.
    pub(crate) async fn remember(&self, seen: &Sightings) -> Result<(), Error> {
        if seen.groups.is_empty() && seen.patterns.is_empty() && seen.requests.is_empty() {
            return Ok(());
        }
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        let rows: Vec<Value> = seen
            .groups
            .iter()
            .map(|((service, endpoint, error), seen)| {
                let revision = seen.revision.as_ref().map(|revision| &revision.0);
                json!([service.to_string(), endpoint, error, seen.first.0, seen.last.0, revision])
            })
            .collect();
        insert(
            &mut transaction,
            "insert into error_groups (service, endpoint, error, first, last, revision)
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
             from json_each(?1) where true
             on conflict (service, endpoint, error) do update set
                 revision = iif(excluded.first < first, excluded.revision, revision),
                 first = min(first, excluded.first), last = max(last, excluded.last)",
            &rows,
            |columns, row| row.of(columns),
        )
        .await?;
        let rows: Vec<Value> = seen
            .patterns
            .iter()
            .map(|((service, pattern), seen)| {
                let revision = seen.revision.as_ref().map(|revision| &revision.0);
                json!([service.to_string(), pattern, seen.first.0, seen.last.0, revision])
            })
            .collect();
        insert(
            &mut transaction,
            "insert into log_patterns (service, pattern, first, last, revision)
             select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
             from json_each(?1) where true
             on conflict (service, pattern) do update set
                 revision = iif(excluded.first < first, excluded.revision, revision),
                 first = min(first, excluded.first), last = max(last, excluded.last)",
            &rows,
            |columns, row| row.of(columns),
        )
        .await?;
        forget(&mut transaction, seen).await?;
        let rows: Vec<Value> = seen.requests.iter().map(|(service, at)| json!([service.to_string(), at.0])).collect();
        insert(
            &mut transaction,
            "insert into last_requests (service, at) select value ->> 0, value ->> 1 from json_each(?1) where true
             on conflict (service) do update set at = max(at, excluded.at)",
            &rows,
            |columns, row| row.of(columns),
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What is remembered of services' error groups, by service, endpoint and error.
    pub(crate) async fn groups(
        &self,
        services: &[ServiceId],
    ) -> Result<BTreeMap<(ServiceId, String, String), GroupSeen>, Error> {
        let rows: Vec<(u32, String, String, i64, i64, Option<String>)> = sqlx::query_as(
            "select asked.key, endpoint, error, first, last, revision from json_each(?1) as asked
             join error_groups on service = asked.value",
        )
        .bind(names(services))
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let row = |(place, endpoint, error, first, last, revision): (u32, String, String, i64, i64, _)| {
            Some(((services.get(place as usize)?.clone(), endpoint, error), seen(first, last, revision)))
        };
        Ok(rows.into_iter().filter_map(row).collect())
    }

    /// What is remembered of services' log patterns, by service and pattern.
    pub(crate) async fn patterns(
        &self,
        services: &[ServiceId],
    ) -> Result<BTreeMap<(ServiceId, String), GroupSeen>, Error> {
        let rows: Vec<(u32, String, i64, i64, Option<String>)> = sqlx::query_as(
            "select asked.key, pattern, first, last, revision from json_each(?1) as asked
             join log_patterns on service = asked.value",
        )
        .bind(names(services))
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let row = |(place, pattern, first, last, revision): (u32, String, i64, i64, _)| {
            Some(((services.get(place as usize)?.clone(), pattern), seen(first, last, revision)))
        };
        Ok(rows.into_iter().filter_map(row).collect())
    }

    /// The last request of a service that a fold saw.
    pub(crate) async fn last_request(&self, service: &ServiceId) -> Result<Option<Timestamp>, Error> {
        let row: Option<(i64,)> = sqlx::query_as("select at from last_requests where service = ?1")
            .bind(service.to_string())
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        Ok(row.map(|(at,)| Timestamp(at)))
    }
}

/// Services as a JSON array of their names.
fn names(services: &[ServiceId]) -> String {
    json!(services.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string()
}

/// Forgets what is too much of the services that were seen.
async fn forget(connection: &mut SqliteConnection, seen: &Sightings) -> Result<(), Error> {
    let of_groups: BTreeSet<String> = seen.groups.keys().map(|(service, ..)| service.to_string()).collect();
    let of_patterns: BTreeSet<String> = seen.patterns.keys().map(|(service, _)| service.to_string()).collect();
    let groups = "delete from error_groups where (service, endpoint, error) in
        (select service, endpoint, error from
            (select service, endpoint, error, row_number() over (partition by service order by last desc) as place
             from error_groups where service in (select service from error_groups
                 where service in (select value from json_each(?1)) group by service having count(*) > ?2))
         where place > ?2)";
    let patterns = "delete from log_patterns where (service, pattern) in
        (select service, pattern from
            (select service, pattern, row_number() over (partition by service order by last desc) as place
             from log_patterns where service in (select service from log_patterns
                 where service in (select value from json_each(?1)) group by service having count(*) > ?2))
         where place > ?2)";
    for (sql, services) in [(groups, of_groups), (patterns, of_patterns)] {
        sqlx::query(sql).bind(json!(services).to_string()).bind(MOST).execute(&mut *connection).await?;
    }
    Ok(())
}

fn seen(first: i64, last: i64, revision: Option<String>) -> GroupSeen {
    GroupSeen {
        first: Timestamp(first),
        last: Timestamp(last),
        revision: revision.map(|hash| RevisionHash(hash.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_service_with_too_many_groups_and_patterns_the_last_seen_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::open(folder.path()).await.unwrap();
        let [noisy, calm] = ["noisy", "calm"].map(|name| ServiceId::new("c", "shop", "Deployment", name));
        let sight = |n: i64| GroupSeen { first: Timestamp(n), last: Timestamp(n), revision: None };
        let mut quiet = Sightings::default();
        quiet.groups.insert((calm.clone(), "GET /".into(), "Oh".into()), sight(0));
        meta.remember(&quiet).await.unwrap();
        for part in 0..3 {
            let mut seen = Sightings::default();
            for n in part * MOST / 2..(part + 1) * MOST / 2 {
                seen.groups.insert((noisy.clone(), "GET /".into(), format!("error {n}")), sight(n));
                seen.patterns.insert((noisy.clone(), format!("pattern {n}")), sight(n));
            }
            meta.remember(&seen).await.unwrap();
        }
        let groups = meta.groups(std::slice::from_ref(&noisy)).await.unwrap();
        let patterns = meta.patterns(&[noisy]).await.unwrap();
        assert_eq!((groups.len() as i64, patterns.len() as i64), (MOST, MOST));
        assert!(groups.values().chain(patterns.values()).all(|seen| seen.first.0 >= MOST / 2));
        let own = meta.groups(std::slice::from_ref(&calm)).await.unwrap();
        assert_eq!(own.into_keys().collect::<Vec<_>>(), [(calm, "GET /".into(), "Oh".into())]);
    }
}
