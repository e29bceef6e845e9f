//! Makes a partition's tens from its minutes, in one transaction: a crash leaves the old ones or none, and without any
//! the minutes answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, Timestamp};
use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{Making, Party, Run, TEN, minute_after, minutes};
use crate::owners::Resolved;
use crate::partition::file::{DataFile, Family};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::rollup::{Gather, Rollup};
use crate::{Error, pass, query, sqlite};

/// A row of tens holds no more time, so that a question about a part of a month does not read all of it.
const STRETCH: i64 = 6 * HOUR;
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
    let rows: Vec<(i64, i64, i64)> =
        sqlx::query_as("select id, first, length(data) from rollups where source = ?1 order by first")
            .bind(source)
            .fetch_all(&mut *day.readers.get().await?)
            .await?;
    let mut connection = sqlite::open(&day.path, sqlite::Page::Large, 512, SUMMARY_STEPS).await?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    forget(&mut transaction, source).await?;
    let (making,): (i64,) = sqlx::query_as("insert into makings (source, data) values (?1, x'') returning id")
        .bind(source)
        .fetch_one(&mut *transaction)
        .await?;
    let mut maker = Maker::new(&resolved);
    for rows in stretches(&rows) {
        let bytes = rows.iter().map(|(_, length)| length).sum();
        for range in pass::ranges(bytes, maker.parties.len() as u32) {
            for portion in pass::portions(&rows) {
                let rows = sqlx::query_as("select id, data from rollups where id in (select value from json_each(?1))")
                    .bind(json!(portion).to_string())
                    .fetch_all(&mut *transaction)
                    .await?;
                let (next, damaged) = query::blocking(move || maker.add(rows, range)).await?;
                maker = next;
                damaged.into_iter().for_each(|what| shared.damaged(format!("{}: {what}", day.path.display())));
            }
            let (next, pieces) = query::blocking(move || maker.flush()).await??;
            maker = next;
            insert(&mut transaction, making, pieces).await?;
        }
    }
    let made = query::blocking(move || maker.finish()).await??;
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

/// Rows, given by their number, begin and length, ascending: those of each stretch by number and length. What is more
/// than is gathered at a time ends with an hour, and no row goes on beyond its own. Pure.
fn stretches(rows: &[(i64, i64, i64)]) -> Vec<Vec<(i64, i64)>> {
    let mut stretches: Vec<Vec<(i64, i64)>> = Vec::new();
    let (mut begun, mut bytes) = ((0, 0), 0);
    for (id, first, length) in rows {
        let (stretch, hour) = (first.div_euclid(STRETCH), first.div_euclid(HOUR));
        let goes_on = stretch == begun.0 && (hour == begun.1 || bytes < pass::BYTES);
        begun = (stretch, hour);
        match stretches.last_mut() {
            Some(last) if goes_on => last.push((*id, *length)),
            _ => {
                stretches.push(vec![(*id, *length)]);
                bytes = 0;
            }
        }
        bytes += length;
    }
    stretches
}

/// Sums minutes of a stretch as they come, of a range of parties. Pure.
struct Maker {
    resolved: Resolved,
    parties: Vec<Party>,
    numbers: HashMap<Party, u32>,
    gather: Gather,
    /// First and last minute of each owner.
    seen: BTreeMap<u32, (i32, i32)>,
}

impl Maker {
    fn new(resolved: &Resolved) -> Self {
        let all = resolved.timelines.iter().flat_map(|timeline| timeline.all());
        let parties = all.filter_map(|whose| Some((whose.service.as_deref()?.clone(), whose.revision.clone())));
        let parties: Vec<Party> = parties.collect::<BTreeSet<_>>().into_iter().collect();
        let numbers = parties.iter().cloned().zip(0..).collect();
        Self { resolved: resolved.clone(), parties, numbers, gather: Gather::new(TEN), seen: BTreeMap::new() }
    }

    /// The maker with what rows hold of the parties from one number to another; and what is wrong with them.
    fn add(mut self, rows: Vec<(i64, Vec<u8>)>, range: (u32, u32)) -> (Self, Vec<String>) {
        let owners = self.resolved.timelines.len();
        let damaged = pass::each(rows, owners, |rollup| self.take(rollup, range));
        (self, damaged)
    }

    fn take(&mut self, rollup: &Rollup, (least, most): (u32, u32)) {
        for (owner, at) in rollup.owner_numbers().zip(rollup.times()) {
            let minute = minute_after(Timestamp(at));
            let seen = self.seen.entry(owner).or_insert((minute, minute));
            *seen = (seen.0.min(minute), seen.1.max(minute));
        }
        let Self { resolved, numbers, gather, .. } = self;
        // Cells are sorted by owner: whose they are is mostly looked up once a run.
        let last = std::cell::Cell::new((std::ptr::null(), None));
        gather.add(rollup, i64::MIN, i64::MAX, |owner, at| {
            let whose = resolved.timelines[owner as usize].at(Timestamp(at));
            let (known, party) = last.get();
            if known == Arc::as_ptr(whose) {
                return party;
            }
            let party = whose
                .service
                .as_deref()
                .cloned()
                .and_then(|service| numbers.get(&(service, whose.revision.clone())).copied());
            let party = party.filter(|party| (least..=most).contains(party));
            last.set((Arc::as_ptr(whose), party));
            party
        });
    }

    /// The maker, and the rows of what it gathered.
    fn flush(mut self) -> Result<(Self, Vec<Piece>), Error> {
        let rollup = std::mem::replace(&mut self.gather, Gather::new(TEN)).finish();
        let mut pieces = Vec::new();
        for (least, most, part) in rollup.parts(ROW) {
            let Some((first, last)) = part.bounds(TEN) else { continue };
            pieces.push(Piece { first, last, least, most, data: part.encode(LEVEL)? });
        }
        Ok((self, pieces))
    }

    /// The making's bytes.
    fn finish(self) -> Result<Vec<u8>, Error> {
        let runs = self.runs();
        Making::new(self.parties, runs).encode()
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::with_capacity(self.seen.len());
        for (owner, (first, last)) in &self.seen {
            for (first, last, whose) in minutes(&self.resolved.timelines[*owner as usize], *first, *last) {
                let party = whose.service.as_deref().cloned().map(|service| (service, whose.revision.clone()));
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

#[cfg(test)]
mod tests {
    use model::MINUTE;

    use super::*;

    #[test]
    fn a_stretch_is_a_quarter_of_a_day_or_ends_with_an_hour_when_it_is_large() {
        let small = [(1, 0, 5), (2, 5 * HOUR + 59 * MINUTE, 5), (3, 6 * HOUR, 5), (4, 30 * HOUR, 5)];
        assert_eq!(stretches(&small), [vec![(1, 5), (2, 5)], vec![(3, 5)], vec![(4, 5)]]);
        let large = pass::BYTES;
        let rows = [(1, 0, large), (2, 0, large), (3, MINUTE, 1), (4, HOUR, 1), (5, 2 * HOUR, large), (6, 3 * HOUR, 1)];
        let ids = stretches(&rows).into_iter().map(|rows| rows.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
        assert_eq!(ids.collect::<Vec<_>>(), [vec![1, 2, 3], vec![4, 5], vec![6]]);
    }
}
