//! Versions of objects: when each was so, who made it so, and the text.

use std::collections::BTreeSet;

use model::{ObjectVersion, Timestamp};
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::Meta;
use super::rows::{hex, insert};
use crate::{Error, ObjectName, Version};

/// No version of an object is larger than this when decompressed; etcd refuses objects over 1.5 MiB.
const TEXT_LIMIT: usize = 64 << 20;

impl Meta {
    /// Versions of an object that were seen by a time, newest first.
    pub(crate) async fn object_versions(
        &self,
        object: &ObjectName<'_>,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ObjectVersion>, Error> {
        let rows: Vec<(i64, String, Option<String>, Option<i64>)> = sqlx::query_as(
            "select at, hash, manager, changed from object_versions
             where cluster = ?1 and kind = ?2 and namespace = ?3 and name = ?4 and at <= ?5
             order by at desc limit ?6",
        )
        .bind(object.cluster)
        .bind(object.kind)
        .bind(object.namespace)
        .bind(object.name)
        .bind(until.0)
        .bind(limit)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let version = |(at, hash, manager, changed): (i64, String, Option<String>, Option<i64>)| ObjectVersion {
            at: Timestamp(at),
            hash,
            manager,
            changed: changed.map(Timestamp),
        };
        Ok(rows.into_iter().map(version).collect())
    }

    /// When the first version of an object was seen that is still kept.
    pub(crate) async fn first_version(&self, object: &ObjectName<'_>) -> Result<Option<Timestamp>, Error> {
        let (first,): (Option<i64>,) = sqlx::query_as(
            "select min(at) from object_versions where cluster = ?1 and kind = ?2 and namespace = ?3 and name = ?4",
        )
        .bind(object.cluster)
        .bind(object.kind)
        .bind(object.namespace)
        .bind(object.name)
        .fetch_one(&mut *self.readers.get().await?)
        .await?;
        Ok(first.map(Timestamp))
    }

    /// When objects changed last, as far as was seen by a time, in the order they are asked for: when the newest
    /// version was made so, or seen where nobody says that. An object of which one version is all there is, and that
    /// nobody dates, may never have changed.
    pub(crate) async fn last_changes(
        &self,
        objects: &[ObjectName<'_>],
        until: Timestamp,
    ) -> Result<Vec<Option<Timestamp>>, Error> {
        let asked = |of: &ObjectName<'_>| json!([of.cluster, of.kind, of.namespace, of.name]);
        // The other columns are of the row that has the maximum (https://sqlite.org/lang_select.html#bareagg).
        let rows: Vec<(i64, i64, Option<i64>, i64)> = sqlx::query_as(
            "select asked.key, max(at), changed, count(*) from json_each(?1) as asked
             join object_versions on cluster = asked.value ->> 0 and kind = asked.value ->> 1
                  and namespace = asked.value ->> 2 and name = asked.value ->> 3 and at <= ?2
             group by asked.key",
        )
        .bind(Value::from(objects.iter().map(asked).collect::<Vec<_>>()).to_string())
        .bind(until.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let mut found = vec![None; objects.len()];
        for (place, at, changed, versions) in rows {
            let place = usize::try_from(place).ok().and_then(|place| found.get_mut(place));
            if let Some(place) = place {
                *place = changed.or((versions > 1).then_some(at)).map(Timestamp);
            }
        }
        Ok(found)
    }

    /// The text of a version.
    pub(crate) async fn version(&self, hash: &str) -> Result<Option<String>, Error> {
        let row: Option<(Vec<u8>,)> = sqlx::query_as("select text from version_texts where hash = ?1")
            .bind(hash)
            .fetch_optional(&mut *self.readers.get().await?)
            .await?;
        let damaged = |what: String| Error::Damaged(format!("version {hash}: {what}"));
        row.map(|(bytes,)| {
            let text = crate::block::decompress(&bytes, TEXT_LIMIT)?;
            String::from_utf8(text).map_err(|error| damaged(error.to_string()))
        })
        .transpose()
    }
}

/// Texts are looked up first: most are there already, and only new ones are worth compressing.
pub(super) async fn write(connection: &mut SqliteConnection, cluster: &str, versions: &[Version]) -> Result<(), Error> {
    if versions.is_empty() {
        return Ok(());
    }
    let hashes: Vec<&str> = versions.iter().map(|version| version.hash.as_str()).collect();
    let known: Vec<(String,)> =
        sqlx::query_as("select hash from version_texts where hash in (select value from json_each(?1))")
            .bind(json!(hashes).to_string())
            .fetch_all(&mut *connection)
            .await?;
    let mut known: BTreeSet<String> = known.into_iter().map(|(hash,)| hash).collect();
    let texts = texts(versions, &mut known)?;
    insert(
        connection,
        "insert into version_texts (hash, text) select value ->> 0, unhex(value ->> 1) from json_each(?1)",
        &texts,
        |text, row| row.of(text),
    )
    .await?;
    insert(
        connection,
        "insert or ignore into object_versions (cluster, kind, namespace, name, at, hash, manager, changed)
         select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
         from json_each(?1)",
        versions,
        |v, row| {
            let changed = v.changed.map(|at| at.0);
            row.of(&(cluster, &v.kind, &v.namespace, &v.name, v.at.0, &v.hash, &v.manager, changed))
        },
    )
    .await
}

/// Hashes and texts that are not known yet, compressed, in hexadecimal digits.
fn texts<'a>(versions: &'a [Version], known: &mut BTreeSet<String>) -> Result<Vec<(&'a str, String)>, Error> {
    // One for all: to make one takes as long as to compress a few texts.
    let mut compressor = zstd::bulk::Compressor::new(3)?;
    let new = versions.iter().filter(|version| known.insert(version.hash.clone()));
    new.map(|version| Ok((version.hash.as_str(), hex(&compressor.compress(version.text.as_bytes())?)))).collect()
}
