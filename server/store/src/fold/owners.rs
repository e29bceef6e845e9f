//! Owners in the summaries: their numbers there, and whose they are.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::Error;
use crate::owners::Resolved;
use crate::rollup::Rollup;

/// The summaries' numbers of the owners that a rollup names, each noted with whose it is now.
pub(super) async fn number(
    connection: &mut SqliteConnection,
    resolved: &Resolved,
    rollup: &Rollup,
) -> Result<HashMap<u32, u32>, Error> {
    let named: BTreeSet<u32> = rollup.owner_numbers().collect();
    let owners = rows(resolved, named)?;
    sqlx::query(
        "insert into owners (id, hash, facts, attribution)
         select coalesce((select max(id) from owners), -1) + row_number() over (order by key),
             unhex(value ->> 0), value ->> 1, value ->> 2
         from json_each(?1) where unhex(value ->> 0) not in (select hash from owners)",
    )
    .bind(&owners)
    .execute(&mut *connection)
    .await?;
    attribute(connection, &owners).await?;
    let numbers: Vec<(u32, u32)> = sqlx::query_as(
        "select value ->> 3, owners.id from json_each(?1) join owners on owners.hash = unhex(value ->> 0)",
    )
    .bind(&owners)
    .fetch_all(&mut *connection)
    .await?;
    Ok(numbers.into_iter().collect())
}

/// Notes whose owners are now, of those that are known.
pub(super) async fn attribute(connection: &mut SqliteConnection, owners: &str) -> Result<(), Error> {
    sqlx::query(
        "update owners set attribution = rows.whose from (select unhex(value ->> 0) as hash, value ->> 2 as whose
         from json_each(?1)) as rows where owners.hash = rows.hash and rows.whose is not null
         and owners.attribution is not rows.whose",
    )
    .bind(owners)
    .execute(connection)
    .await?;
    Ok(())
}

/// Owners as JSON rows of hash, facts, whose they are now and number.
pub(super) fn rows(resolved: &Resolved, numbers: impl IntoIterator<Item = u32>) -> Result<String, Error> {
    let json = |error: serde_json::Error| Error::Damaged(format!("an owner: {error}"));
    let row = |number: u32| {
        let known = &resolved.owners[number as usize].known;
        let whose = resolved.timelines[number as usize].all().rev().find(|whose| whose.service.is_some());
        let facts = serde_json::to_string(&known.facts).map_err(json)?;
        let whose = whose.map(serde_json::to_string).transpose().map_err(json)?;
        Ok(json!([format!("{:032x}", u128::from_be_bytes(known.hash)), facts, whose, number]))
    };
    let rows = numbers.into_iter().map(row).collect::<Result<Vec<_>, Error>>()?;
    Ok(json!(rows).to_string())
}
