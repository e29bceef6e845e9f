//! What is committed together: one block, one rollup, new owners and hashes of requests, in one transaction.

use hashbrown::HashMap;
use model::Timestamp;
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::recent::RETRY;
use crate::block::spans::SpanColumns;
use crate::owners::{self, OwnerHash};
use crate::rollup::{CELL, Gather};
use crate::{Error, OwnerFacts, SpanBatch, index};

/// Small blocks are merged soon, so they are compressed fast.
const LEVEL: i32 = 1;

/// See the module.
pub(super) struct Group {
    batches: Vec<(SpanBatch, Vec<u32>)>,
    pub(super) new_owners: Vec<NewOwner>,
    pub(super) requests: Vec<[u8; 16]>,
}

/// A group as bytes.
pub(super) struct Prepared {
    pub(super) spans: u64,
    block: Vec<u8>,
    fingerprints: Vec<u8>,
    rollup: Vec<u8>,
    /// Least and greatest start of a span; bounds of the rollup's cells.
    bounds: (i64, i64),
    pub(super) cells: (i64, i64),
}

impl Group {
    pub(super) fn new(batches: Vec<SpanBatch>, known: &HashMap<OwnerHash, u32>) -> Result<Self, Error> {
        let mut group = HashMap::new();
        let mut new_owners = Vec::new();
        let mut numbered = Vec::with_capacity(batches.len());
        for batch in batches {
            let numbers = number_owners(&batch, known, &mut group, &mut new_owners)?;
            numbered.push((batch, numbers));
        }
        let requests = numbered.iter().map(|(batch, _)| batch.request).collect();
        Ok(Self { batches: numbered, new_owners, requests })
    }

    /// Facts with an address, and the times between which their batch's spans began.
    pub(super) fn peers(&self) -> Vec<(OwnerFacts, i64, i64)> {
        let batches = self.batches.iter().filter_map(|(batch, _)| Some((batch, batch.columns.bounds()?)));
        batches
            .flat_map(|(batch, (first, last))| batch.owners.iter().map(move |(_, facts)| (facts, first, last)))
            .filter(|(facts, _, _)| facts.peer.is_some() && facts.name().is_some())
            .map(|(facts, first, last)| (facts.clone(), first, last))
            .collect()
    }
}

/// Joins, rolls up and encodes a group; takes milliseconds of computing.
pub(super) fn prepare(mut group: Group) -> Result<(Group, Prepared), Error> {
    let mut columns = SpanColumns::default();
    for (batch, owners) in group.batches.drain(..) {
        columns.append(&batch.columns, &owners);
    }
    let mut gather = Gather::new(CELL);
    gather.add_spans(&columns);
    let rollup = gather.finish();
    let order = columns.by_owner_endpoint_time();
    let bounds = columns.bounds().unwrap_or_default();
    let prepared = Prepared {
        spans: columns.len() as u64,
        block: columns.encode(&order, LEVEL)?,
        fingerprints: index::fingerprints(&columns.trace),
        rollup: rollup.encode(LEVEL)?,
        bounds,
        // Without cells it is found by arrival only; bounds that no window meets say so.
        cells: rollup.bounds(CELL).unwrap_or((i64::MAX, i64::MIN)),
    };
    Ok((group, prepared))
}

/// Writes a group in one transaction.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    group: &Group,
    prepared: &Prepared,
    now: Timestamp,
) -> Result<(), Error> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    if !group.new_owners.is_empty() {
        let hex = |hash: &OwnerHash| format!("{:032x}", u128::from_be_bytes(*hash));
        let rows: Vec<_> = group.new_owners.iter().map(|o| json!([o.id, hex(&o.hash), o.owner, o.facts])).collect();
        sqlx::query(
            "insert into owners (id, hash, owner, facts)
             select value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3 from json_each(?1)",
        )
        .bind(json!(rows).to_string())
        .execute(&mut *transaction)
        .await?;
    }
    let block =
        sqlx::query("insert into blocks (first, last, arrival, spans, merged, data) values (?1, ?2, ?3, ?4, 0, ?5)")
            .bind(prepared.bounds.0)
            .bind(prepared.bounds.1)
            .bind(now.0)
            .bind(prepared.spans as i64)
            .bind(&prepared.block)
            .execute(&mut *transaction)
            .await?
            .last_insert_rowid();
    sqlx::query("insert into traces (block, fingerprints) values (?1, ?2)")
        .bind(block)
        .bind(&prepared.fingerprints)
        .execute(&mut *transaction)
        .await?;
    sqlx::query(
        "insert into rollups (seq, source, first, last, arrival, merged, data)
         values ((select coalesce(max(seq), 0) + 1 from rollups), 0, ?1, ?2, ?3, 0, ?4)",
    )
    .bind(prepared.cells.0)
    .bind(prepared.cells.1)
    .bind(now.0)
    .bind(&prepared.rollup)
    .execute(&mut *transaction)
    .await?;
    let hashes: Vec<String> = group.requests.iter().map(|h| format!("{:032x}", u128::from_be_bytes(*h))).collect();
    sqlx::query("insert or replace into requests (hash, at) select unhex(value), ?2 from json_each(?1)")
        .bind(json!(hashes).to_string())
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("delete from requests where at < ?1").bind(now.plus(-RETRY).0).execute(&mut *transaction).await?;
    sqlx::query("update totals set value = value + ?1 where key = 'spans'")
        .bind(prepared.spans as i64)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// An owner that a partition has not had yet.
pub(super) struct NewOwner {
    pub(super) id: u32,
    pub(super) hash: OwnerHash,
    pub(super) owner: String,
    pub(super) facts: String,
}

/// Numbers a batch's owners: those known, those new in this group, and those new now.
fn number_owners(
    batch: &SpanBatch,
    known: &HashMap<OwnerHash, u32>,
    group: &mut HashMap<OwnerHash, u32>,
    new: &mut Vec<NewOwner>,
) -> Result<Vec<u32>, Error> {
    let mut numbers = Vec::with_capacity(batch.owners.len());
    for (owner, facts) in &batch.owners {
        let (hash, owner, facts) = owners::hash(owner, facts)?;
        let number = match known.get(&hash).or_else(|| group.get(&hash)) {
            Some(number) => *number,
            None => {
                let id = (known.len() + group.len()) as u32;
                group.insert(hash, id);
                new.push(NewOwner { id, hash, owner, facts });
                id
            }
        };
        numbers.push(number);
    }
    Ok(numbers)
}
