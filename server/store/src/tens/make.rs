//! Makes a partition's tens from its minutes, in one transaction: a crash leaves the old ones or none, and without any
//! the minutes answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, MINUTE, Timestamp};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{Making, Party, Run, TEN, minute_after, minutes};
use crate::owners::Resolved;
use crate::partition::file::{DataFile, Family};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::rollup::{Gather, Rollup};
use crate::{Error, query, sqlite};

/// Minutes that are read at once.
const CHUNK: usize = 10;
/// A row of tens holds no more time, so that a question about a part of a month does not read all of it.
const STRETCH: i64 = 6 * HOUR;
/// A stretch ends where it has so many cells, which bounds memory.
const CELLS: usize = 1 << 16;
/// A row has about so many cells, or those of one party: what a question about one service decodes at least.
const ROW: usize = 1 << 12;
const LEVEL: i32 = 3;

/// Partitions of a day whose tens are to be made, those that questions wait for first. Who is not folded for good is
/// left for later.
pub(crate) async fn due(shared: &Shared, day: &DataFile) -> Result<Vec<i64>, Error> {
    let stale = day.makings.lock().await.stale.clone();
    if stale.is_empty() && !day.lacks_tens.load(Ordering::Acquire) {
        return Ok(Vec::new());
    }
    let missing: Vec<(i64,)> =
        sqlx::query_as("select source from folds where source not in (select source from makings)")
            .fetch_all(&mut *day.readers.get().await?)
            .await?;
    let raw = shared.files_and_broken(Family::Raw);
    let is_open = |source: &i64| raw.iter().any(|file| file.id == *source && !file.complete.load(Ordering::Acquire));
    let (open, missing): (Vec<i64>, Vec<i64>) = missing.into_iter().map(|(source,)| source).partition(is_open);
    day.lacks_tens.store(!open.is_empty() || !missing.is_empty(), Ordering::Release);
    Ok(stale.into_iter().chain(missing).collect::<BTreeSet<_>>().into_iter().collect())
}

/// Makes the tens of one partition, in place of those that it has.
pub(crate) async fn make(shared: &Shared, day: &DataFile, source: i64) -> Result<(), Error> {
    let directory = shared.directory.load_full();
    let resolved = day.resolved(&shared.registry, &directory).await?;
    let ids: Vec<(i64,)> = sqlx::query_as("select id from rollups where source = ?1 order by first")
        .bind(source)
        .fetch_all(&mut *day.readers.get().await?)
        .await?;
    let mut connection = sqlite::open(&day.path, 512, SUMMARY_STEPS).await?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    forget(&mut transaction, source).await?;
    let (making,): (i64,) = sqlx::query_as("insert into makings (source, data) values (?1, x'') returning id")
        .bind(source)
        .fetch_one(&mut *transaction)
        .await?;
    let mut maker = Maker::new(&resolved);
    for chunk in ids.chunks(CHUNK) {
        let ids: Vec<i64> = chunk.iter().map(|(id,)| *id).collect();
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select id, data from rollups where id in (select value from json_each(?1)) order by first")
                .bind(json!(ids).to_string())
                .fetch_all(&mut *transaction)
                .await?;
        let (next, pieces, damaged) = query::blocking(move || maker.add(rows)).await??;
        maker = next;
        damaged.into_iter().for_each(|what| shared.damaged(format!("{}: {what}", day.path.display())));
        insert(&mut transaction, making, pieces).await?;
    }
    let (made, pieces) = query::blocking(move || maker.finish()).await??;
    insert(&mut transaction, making, pieces).await?;
    sqlx::query("update makings set data = ?2 where id = ?1")
        .bind(making)
        .bind(made)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    connection.close().await?;
    let mut makings = day.makings.lock().await;
    makings.stale.remove(&source);
    Ok(())
}

/// Takes away a partition's tens: its minutes answer.
pub(crate) async fn forget(connection: &mut SqliteConnection, source: i64) -> Result<(), Error> {
    for sql in [
        "delete from tens where making in (select id from makings where source = ?1)",
        "delete from makings where source = ?1",
    ] {
        sqlx::query(sql).bind(source).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, making: i64, pieces: Vec<Piece>) -> Result<(), Error> {
    for piece in pieces {
        sqlx::query("insert into tens (making, first, last, least, most, data) values (?1, ?2, ?3, ?4, ?5, ?6)")
            .bind(making)
            .bind(piece.first)
            .bind(piece.last)
            .bind(piece.least)
            .bind(piece.most)
            .bind(piece.data)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A row: the times that its cells cover, and their parties.
struct Piece {
    first: i64,
    last: i64,
    least: u32,
    most: u32,
    data: Vec<u8>,
}

/// What a maker is after it took some minutes: itself, rows that are full, and what it could not read.
type Added = (Maker, Vec<Piece>, Vec<String>);

/// Sums minutes as they come, ascending. Pure.
struct Maker {
    resolved: Resolved,
    parties: Vec<Party>,
    numbers: HashMap<Party, u32>,
    gather: Gather,
    /// Begin of the stretch that is gathered, and of its last ten minutes.
    stretch: Option<(i64, i64)>,
    /// First and last minute of each owner.
    seen: BTreeMap<u32, (i32, i32)>,
}

impl Maker {
    fn new(resolved: &Resolved) -> Self {
        let all = resolved.timelines.iter().flat_map(|timeline| timeline.all());
        let parties = all.filter_map(|whose| Some((whose.service.clone()?, whose.revision.clone())));
        let parties: Vec<Party> = parties.collect::<BTreeSet<_>>().into_iter().collect();
        let numbers = parties.iter().cloned().zip(0..).collect();
        Self {
            resolved: resolved.clone(),
            parties,
            numbers,
            gather: Gather::new(TEN),
            stretch: None,
            seen: BTreeMap::new(),
        }
    }

    fn add(mut self, rows: Vec<(i64, Vec<u8>)>) -> Result<Added, Error> {
        let (mut pieces, mut damaged) = (Vec::new(), Vec::new());
        for (id, data) in rows {
            match Rollup::decode(&data) {
                Ok(rollup) if self.knows_owners(&rollup) => pieces.extend(self.take(&rollup)?),
                Ok(_) => damaged.push(format!("rollup {id} names an unknown owner")),
                Err(error) => damaged.push(format!("rollup {id}: {error}")),
            }
        }
        Ok((self, pieces, damaged))
    }

    fn knows_owners(&self, rollup: &Rollup) -> bool {
        rollup.greatest_owner().is_none_or(|owner| (owner as usize) < self.resolved.timelines.len())
    }

    fn take(&mut self, rollup: &Rollup) -> Result<Vec<Piece>, Error> {
        let Some((first, _)) = rollup.bounds(MINUTE) else { return Ok(Vec::new()) };
        let ten = first.saturating_sub(first.rem_euclid(TEN));
        let is_full = |(begin, last): (i64, i64)| {
            ten != last && (ten.saturating_sub(begin) >= STRETCH || self.gather.cells() >= CELLS)
        };
        let pieces = if self.stretch.is_some_and(is_full) { self.flush()? } else { Vec::new() };
        self.stretch = Some((self.stretch.map_or(ten, |(begin, _)| begin), ten));
        let minute = minute_after(Timestamp(first));
        for owner in rollup.owner_numbers() {
            let seen = self.seen.entry(owner).or_insert((minute, minute));
            *seen = (seen.0.min(minute), seen.1.max(minute));
        }
        let Self { resolved, numbers, gather, .. } = self;
        // Cells are sorted by owner: whose they are is looked up once a run.
        let last = std::cell::Cell::new((u32::MAX, i64::MAX, None));
        gather.add(rollup, i64::MIN, i64::MAX, |owner, at| {
            let (known, then, party) = last.get();
            if (known, then) == (owner, at) {
                return party;
            }
            let whose = resolved.timelines[owner as usize].at(Timestamp(at));
            let party =
                whose.service.clone().and_then(|service| numbers.get(&(service, whose.revision.clone())).copied());
            last.set((owner, at, party));
            party
        });
        Ok(pieces)
    }

    /// The rows of what is gathered.
    fn flush(&mut self) -> Result<Vec<Piece>, Error> {
        self.stretch = None;
        let rollup = std::mem::replace(&mut self.gather, Gather::new(TEN)).finish();
        let mut pieces = Vec::new();
        for (least, most, part) in rollup.parts(ROW) {
            let Some((first, last)) = part.bounds(TEN) else { continue };
            pieces.push(Piece { first, last, least, most, data: part.encode(LEVEL)? });
        }
        Ok(pieces)
    }

    /// The making's bytes, and the last rows.
    fn finish(mut self) -> Result<(Vec<u8>, Vec<Piece>), Error> {
        let pieces = self.flush()?;
        let runs = self.runs();
        Ok((Making::new(self.parties, runs).encode()?, pieces))
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::with_capacity(self.seen.len());
        for (owner, (first, last)) in &self.seen {
            for (first, last, whose) in minutes(&self.resolved.timelines[*owner as usize], *first, *last) {
                let party = whose.service.clone().map(|service| (service, whose.revision.clone()));
                let party = party.and_then(|party| self.numbers.get(&party).copied());
                match runs.last_mut().filter(|run| (run.owner, run.party) == (*owner, party)) {
                    Some(run) => run.last = last,
                    None => runs.push(Run { owner: *owner, first, last, party }),
                }
            }
        }
        runs
    }
}
