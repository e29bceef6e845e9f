//! What is committed together: one block a signal, one rollup, new owners and hashes of requests, in one transaction.

use hashbrown::HashMap;
use model::{Owner, Timestamp};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::recent::RETRY;
use crate::block::columns::{Columns, Signal};
use crate::block::logs::LogColumns;
use crate::block::points::PointColumns;
use crate::block::profiles::ProfileColumns;
use crate::block::spans::SpanColumns;
use crate::owners::{self, OwnerHash};
use crate::rollup::{CELL, Gather, OTHERS};
use crate::{Batch, Error, OwnerFacts};

/// By these it is told that somebody reads a kubelet or a runtime: libraries in a process have other names.
const MEASURED: [&str; 5] = [
    "container.cpu.time",
    "container.cpu.usage",
    "container.memory.working_set",
    "k8s.pod.cpu.time",
    "k8s.pod.memory.working_set",
];

/// Small blocks are merged soon, so they are compressed fast.
const LEVEL: i32 = 1;

/// See the module.
pub(super) struct Group {
    batches: Vec<(Batch, Vec<u32>)>,
    pub(super) new_owners: Vec<NewOwner>,
    pub(super) requests: Vec<[u8; 16]>,
}

/// A group as bytes.
pub(super) struct Prepared {
    pub(super) blocks: Vec<Block>,
    rollup: Vec<u8>,
    /// Points that went into overflow series.
    pub(super) overflowed: u64,
    /// Bounds of the rollup's cells.
    pub(super) cells: (i64, i64),
}

/// One signal's records.
pub(super) struct Block {
    pub(super) signal: Signal,
    pub(super) records: u64,
    /// Least and greatest event time.
    bounds: (i64, i64),
    data: Vec<u8>,
    filter: Vec<u8>,
}

impl Block {
    /// Of columns that are not empty.
    fn of<C: Columns>(columns: &C) -> Result<Option<Self>, Error> {
        let Some(bounds) = columns.bounds() else { return Ok(None) };
        let (data, filter) = (columns.seal(LEVEL)?, columns.filter());
        Ok(Some(Self { signal: C::SIGNAL, records: columns.len() as u64, bounds, data, filter }))
    }
}

impl Group {
    pub(super) fn new(batches: Vec<Batch>, known: &HashMap<OwnerHash, u32>) -> Result<Self, Error> {
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

    /// Facts of owners that sent logs themselves.
    pub(super) fn log_senders(&self) -> Vec<OwnerFacts> {
        let sent = self.batches.iter().filter(|(batch, _)| !batch.is_collected && batch.logs.bounds().is_some());
        sent.flat_map(|(batch, _)| batch.owners.iter().map(|(_, facts)| facts.clone())).collect()
    }

    /// Facts of owners whose containers somebody measures, and the newest time in their batch.
    pub(super) fn measured(&self) -> Vec<(OwnerFacts, Timestamp)> {
        let mut all = Vec::new();
        for (batch, _) in self.batches.iter().filter(|(batch, _)| !batch.is_collected) {
            let Some((_, newest)) = batch.points.bounds() else { continue };
            for owner in batch.points.owners_of(&MEASURED) {
                all.extend(batch.owners.get(owner as usize).map(|(_, facts)| (facts.clone(), Timestamp(newest))));
            }
        }
        all
    }

    /// Facts with an address, and the times between which their batch's records are.
    pub(super) fn peers(&self) -> Vec<(OwnerFacts, i64, i64)> {
        let batches = self.batches.iter().filter_map(|(batch, _)| Some((batch, batch.bounds()?)));
        batches
            .flat_map(|(batch, (first, last))| batch.owners.iter().map(move |(_, facts)| (facts, first, last)))
            .filter(|(facts, _, _)| facts.peer.is_some() && facts.name().is_some())
            .map(|(facts, first, last)| (facts.clone(), first, last))
            .collect()
    }
}

/// Joins, rolls up and encodes a group; takes milliseconds of computing.
pub(super) fn prepare(mut group: Group) -> Result<(Group, Prepared), Error> {
    let mut spans = SpanColumns::default();
    let mut logs = LogColumns::default();
    let mut points = PointColumns::default();
    let mut profiles = ProfileColumns::default();
    let all: Vec<&Batch> = group.batches.iter().map(|(batch, _)| batch).collect();
    spans.reserve(&all.iter().map(|batch| &batch.spans).collect::<Vec<_>>());
    logs.reserve(&all.iter().map(|batch| &batch.logs).collect::<Vec<_>>());
    points.reserve(&all.iter().map(|batch| &batch.points).collect::<Vec<_>>());
    for (batch, owners) in group.batches.drain(..) {
        spans.append(&batch.spans, &owners);
        logs.append(&batch.logs, &owners);
        points.append(&batch.points, &owners);
        profiles.append(&batch.profiles, &owners);
    }
    let mut gather = Gather::new(CELL);
    gather.add_spans(&spans);
    gather.add_logs(&logs);
    let rollup = gather.finish();
    let prepared = Prepared {
        blocks: [Block::of(&spans)?, Block::of(&logs)?, Block::of(&points)?, Block::of(&profiles)?]
            .into_iter()
            .flatten()
            .collect(),
        overflowed: points.overflowed(),
        rollup: rollup.encode(LEVEL)?,
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
    for block in &prepared.blocks {
        write_block(&mut transaction, block, now).await?;
    }
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
    transaction.commit().await?;
    Ok(())
}

async fn write_block(connection: &mut SqliteConnection, block: &Block, now: Timestamp) -> Result<(), Error> {
    let id = sqlx::query(
        "insert into blocks (signal, first, last, arrival, records, merged, data) values (?1, ?2, ?3, ?4, ?5, 0, ?6)",
    )
    .bind(block.signal.number())
    .bind(block.bounds.0)
    .bind(block.bounds.1)
    .bind(now.0)
    .bind(block.records as i64)
    .bind(&block.data)
    .execute(&mut *connection)
    .await?
    .last_insert_rowid();
    sqlx::query("insert into filters (block, data) values (?1, ?2)")
        .bind(id)
        .bind(&block.filter)
        .execute(&mut *connection)
        .await?;
    sqlx::query("update totals set value = value + ?1 where key = ?2")
        .bind(block.records as i64)
        .bind(block.signal.total())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// An owner that a partition has not had yet.
pub(super) struct NewOwner {
    pub(super) id: u32,
    pub(super) hash: OwnerHash,
    pub(super) owner: String,
    pub(super) facts: String,
}

/// Owners that a partition has; its readers hold all of them. What comes of more shares one owner, so that whoever sends
/// with new attributes each time does not fill the memory. Tests come to it sooner.
const OWNERS: usize = if cfg!(test) { 1_000 } else { 200_000 };

/// The owner of what has none of its own.
fn others() -> Owner {
    Owner { attributes: vec![("service.name".into(), OTHERS.into())], peer: None }
}

/// Numbers a batch's owners: those known, those new in this group, and those new now.
fn number_owners(
    batch: &Batch,
    known: &HashMap<OwnerHash, u32>,
    group: &mut HashMap<OwnerHash, u32>,
    new: &mut Vec<NewOwner>,
) -> Result<Vec<u32>, Error> {
    let mut numbers = Vec::with_capacity(batch.owners.len());
    for (owner, facts) in &batch.owners {
        let (mut hash, mut owner, mut facts) = owners::hash(owner, facts)?;
        let is_new = !known.contains_key(&hash) && !group.contains_key(&hash);
        if is_new && known.len() + group.len() >= OWNERS {
            (hash, owner, facts) = owners::hash(&others(), &OwnerFacts::default())?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of_owners(numbers: std::ops::Range<usize>) -> Batch {
        let mut batch = Batch::new([1; 16]);
        for n in numbers {
            let attributes = vec![("service.name".into(), n.to_string())];
            batch.owner(Owner { attributes, peer: None }, OwnerFacts::default());
        }
        batch
    }

    #[test]
    fn owners_beyond_those_of_a_partition_share_one() {
        let group = Group::new(vec![of_owners(0..700), of_owners(500..1_500)], &HashMap::new()).unwrap();
        assert_eq!(group.new_owners.len(), OWNERS + 1);
        assert!(group.new_owners.iter().enumerate().all(|(place, owner)| owner.id as usize == place));
        assert!(group.new_owners[OWNERS].owner.contains(OTHERS));
        let known: HashMap<OwnerHash, u32> = group.new_owners.iter().map(|owner| (owner.hash, owner.id)).collect();
        let next = Group::new(vec![of_owners(999..1_001), of_owners(2_000..2_002)], &known).unwrap();
        assert!(next.new_owners.is_empty());
        let numbers: Vec<&[u32]> = next.batches.iter().map(|(_, numbers)| &numbers[..]).collect();
        assert_eq!(numbers, [[999, 1_000], [1_000, 1_000]]);
    }
}
