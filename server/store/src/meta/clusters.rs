//! Which cluster a context is, and the data directory's salt.

use model::ClusterId;
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};

use super::Meta;
use super::rows::hex;
use crate::Error;

/// Whether a name of a cluster is its uid, which no other cluster has. What stands in for it may be shared: one
/// authority may sign for several clusters.
fn is_uid(name: &str) -> bool {
    !name.starts_with("ca-") && !name.starts_with("ctx-")
}

/// The id of the cluster that has this name. One that is known by another uid than `uid` is another cluster.
async fn known_as(
    connection: &mut SqliteConnection,
    name: &str,
    uid: Option<&String>,
) -> Result<Option<String>, Error> {
    let names: Vec<(String, String)> = sqlx::query_as(
        "select id, alias from cluster_aliases where id in (select id from cluster_aliases where alias = ?1)",
    )
    .bind(name)
    .fetch_all(connection)
    .await?;
    let is_other = uid.is_some_and(|uid| {
        let mut uids = names.iter().map(|(_, alias)| alias).filter(|alias| is_uid(alias)).peekable();
        uids.peek().is_some() && !uids.any(|known| known == uid)
    });
    Ok(names.into_iter().map(|(id, _)| id).next().filter(|_| !is_other))
}

impl Meta {
    /// See `Store::cluster_id`.
    pub(crate) async fn cluster_id(&self, context: &str, ids: &[String]) -> Result<ClusterId, Error> {
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        let known: Option<(String,)> = sqlx::query_as("select id from clusters where context = ?1")
            .bind(context)
            .fetch_optional(&mut *transaction)
            .await?;
        // Another context may have been used for the same cluster before: its uid is then a known name.
        let mut id = known.map(|(id,)| id);
        for candidate in ids {
            if id.is_none() {
                id = known_as(&mut transaction, candidate, ids.iter().find(|id| is_uid(id))).await?;
            }
        }
        let Some(id) = id.or_else(|| ids.first().cloned()) else {
            // Nothing is known of it yet, so nothing is remembered either.
            return Ok(ClusterId(format!("context-{}", &hex(&Sha256::digest(context))[..12])));
        };
        sqlx::query("insert or ignore into clusters (context, id) values (?1, ?2)")
            .bind(context)
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        for alias in ids {
            sqlx::query("insert or ignore into cluster_aliases (alias, id) values (?1, ?2)")
                .bind(alias)
                .bind(&id)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(ClusterId(id))
    }

    /// All names by which clusters are known, each with the id: ids, aliases and contexts.
    pub(crate) async fn cluster_names(&self) -> Result<Vec<(String, String)>, Error> {
        let mut names: Vec<(String, String)> =
            sqlx::query_as("select context, id from clusters").fetch_all(&mut *self.readers.get().await?).await?;
        let aliases: Vec<(String, String)> =
            sqlx::query_as("select alias, id from cluster_aliases").fetch_all(&mut *self.readers.get().await?).await?;
        names.extend(aliases);
        Ok(names)
    }

    /// The salt, made on first use.
    pub(crate) async fn salt(&self) -> Result<[u8; 32], Error> {
        let mut guard = self.writer().await?;
        let connection = guard.connection();
        sqlx::query("insert or ignore into settings (key, value) values ('salt', randomblob(32))")
            .execute(&mut *connection)
            .await?;
        let (salt,): (Vec<u8>,) =
            sqlx::query_as("select value from settings where key = 'salt'").fetch_one(&mut *connection).await?;
        salt.try_into().map_err(|_| Error::Damaged("the salt has another length".into()))
    }
}
