//! Writes what is folded: hours by owner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::HashMap;
use model::{HOUR, MINUTE};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::{day_of, numbered, owners, owners_of, say};
use crate::owners::Resolved;
use crate::partition::file::{DataFile, Family, Front};
use crate::partition::{SUMMARY_STEPS, Shared};
use crate::rollup::{Gather, Rollup};
use crate::tens::make;
use crate::{Error, pass, query, sqlite};

/// Cells of a row: what a question about one service decodes of an hour.
const PART: usize = 4_096;
const LEVEL: i32 = 3;

/// Adds what a partition has before a front and the summaries have not, and notes how far it is folded and looked over;
/// all at once, so that a crash leaves what was there. Where the summaries know of another front than is remembered, that
/// is what was folded, and nothing is added.
pub(super) async fn write(
    shared: &Shared,
    file: &DataFile,
    next: Front,
    mark: i64,
    complete: bool,
) -> Result<(), Error> {
    let id = day_of(file.id);
    let known = shared.files(Family::Summary).iter().find(|day| day.id == id).cloned();
    let is_new = known.is_none();
    if is_new && shared.files_and_broken(Family::Summary).iter().any(|day| day.id == id) {
        // Questions don't read it: the partition goes on to tell all that it has.
        return Err(Error::Damaged("the summaries of its day can't be read".into()));
    }
    let day = known.unwrap_or_else(|| {
        Arc::new(DataFile::new(Family::Summary, id, DataFile::path_of(&shared.data, Family::Summary, id)))
    });
    let front = file.front();
    let plan = if next == front { Plan::default() } else { Plan::new(sources(file, next).await?, front, next) };
    let is_more = complete || !plan.hours.is_empty() || !plan.wide.is_empty();
    let ours = |error: Error| of_day(&day, error);
    let mut connection = sqlite::open(&day.path, sqlite::Page::Large, 512, SUMMARY_STEPS).await.map_err(ours)?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    let noted = noted(&mut transaction, file.id).await.map_err(ours)?;
    if let Some(noted) = noted.filter(|noted| noted.front != front || noted.complete) {
        noted.remember(file);
        return Ok(());
    }
    if next != front {
        // Of an older version, which folded by the minute, or of a fold that is not noted.
        sqlx::query("delete from rollups where source = ?1 and seq > ?2")
            .bind(file.id)
            .bind(front.seq)
            .execute(&mut *transaction)
            .await
            .map_err(|error| ours(error.into()))?;
    }
    if is_more {
        make::forget(&mut transaction, file.id).await.map_err(ours)?;
    }
    let mut writing = Writing { shared, file, day: &day, connection: &mut transaction, seq: next.seq };
    for (hour, sources) in plan.hours {
        writing.hour(hour, &sources).await?;
    }
    for (from, rows) in plan.wide {
        writing.wide((from, next.before), &rows).await?;
    }
    if complete {
        let resolved = owners_of(shared, file).await?;
        let all = owners::rows(&resolved, 0..resolved.owners.len() as u32)?;
        owners::attribute(&mut transaction, &all).await.map_err(ours)?;
    }
    let noted = Noted { mark, front: next, complete };
    noted.note(&mut transaction, file.id).await.map_err(ours)?;
    transaction.commit().await?;
    // Questions must find the day, and its new owners, before they are told to read it.
    if is_new {
        shared.add(Arc::clone(&day));
    }
    if is_more {
        day.forget_owners().await;
        day.lacks_tens.store(true, Ordering::Release);
    }
    noted.remember(file);
    Ok(connection.close().await?)
}

/// How far a partition is looked over and folded, and whether that is for good.
struct Noted {
    mark: i64,
    front: Front,
    complete: bool,
}

impl Noted {
    async fn note(&self, connection: &mut SqliteConnection, source: i64) -> Result<(), Error> {
        sqlx::query("insert or replace into folds (source, mark, front, seq, complete) values (?1, ?2, ?3, ?4, ?5)")
            .bind(source)
            .bind(self.mark)
            .bind(self.front.before)
            .bind(self.front.seq)
            .bind(self.complete)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// From now on questions know of it.
    fn remember(&self, file: &DataFile) {
        file.mark.store(self.mark, Ordering::Release);
        file.set_front(self.front);
        file.complete.store(self.complete, Ordering::Release);
    }
}

/// What the summaries know of a partition.
async fn noted(connection: &mut SqliteConnection, source: i64) -> Result<Option<Noted>, Error> {
    let row: Option<(i64, i64, i64, bool)> =
        sqlx::query_as("select mark, front, seq, complete from folds where source = ?1")
            .bind(source)
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(mark, before, seq, complete)| Noted { mark, front: Front { before, seq }, complete }))
}

/// Says that damage is the summaries' own.
fn of_day(day: &DataFile, error: Error) -> Error {
    if error.is_damage() { Error::Damaged(format!("{}: {error}", day.path.display())) } else { error }
}

/// A row that has something to fold: its number, the times and owners of its cells, and the length of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct Source {
    id: i64,
    seq: i64,
    first: i64,
    last: i64,
    least: u32,
    most: u32,
    length: i64,
}

/// Rows of a partition that may have something before a front that is not folded.
async fn sources(file: &DataFile, next: Front) -> Result<Vec<Source>, Error> {
    let front = file.front();
    let rows = sqlx::query_as(
        "select id, seq, first, last, least, most, length(data) as length from rollups
         where seq <= ?1 and first < ?2 and first <= last and (seq > ?3 or last >= ?4)",
    )
    .bind(next.seq)
    .bind(next.before)
    .bind(front.seq)
    .bind(front.before)
    .fetch_all(&mut *file.readers.get().await?)
    .await?;
    Ok(rows)
}

/// What is folded of which rows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// By hour.
    hours: BTreeMap<i64, Vec<Source>>,
    /// Rows, by number and length, whose times lie further apart than an hour, perhaps years; and from when on.
    wide: Vec<(i64, Vec<(i64, i64)>)>,
}

impl Plan {
    fn new(sources: Vec<Source>, front: Front, next: Front) -> Self {
        let mut plan = Self::default();
        let (mut late, mut rest) = (Vec::new(), Vec::new());
        for source in sources {
            // Of what was there at the last fold, only the hours since.
            let from = if source.seq > front.seq { i64::MIN } else { front.before };
            if source.last.saturating_sub(source.first) >= HOUR {
                let rows = if source.seq > front.seq { &mut late } else { &mut rest };
                rows.push((source.id, source.length));
                continue;
            }
            for hour in BTreeSet::from([hour(source.first), hour(source.last)]) {
                if from <= hour && hour < next.before {
                    plan.hours.entry(hour).or_default().push(source);
                }
            }
        }
        plan.wide = vec![(i64::MIN, late), (front.before, rest)];
        plan.wide.retain(|(_, rows)| !rows.is_empty());
        plan
    }
}

/// The hour of a time.
fn hour(at: i64) -> i64 {
    at.saturating_sub(at.rem_euclid(HOUR))
}

/// A row of the summaries: times and owners of its cells, and its bytes.
struct Part {
    first: i64,
    last: i64,
    least: u32,
    most: u32,
    data: Vec<u8>,
}

/// A fold on its way.
struct Writing<'w> {
    shared: &'w Shared,
    file: &'w DataFile,
    day: &'w DataFile,
    connection: &'w mut SqliteConnection,
    seq: i64,
}

impl Writing<'_> {
    /// Rows of an hour: gathered range by range of owners, a few megabytes at a time, which bounds memory.
    async fn hour(&mut self, from: i64, sources: &[Source]) -> Result<(), Error> {
        let count = owners_of(self.shared, self.file).await?.timelines.len() as u32;
        for (least, most) in pass::ranges(sources.iter().map(|source| source.length).sum(), count) {
            let meets = |source: &&Source| source.least <= most && source.most >= least;
            let rows: Vec<_> = sources.iter().filter(meets).map(|source| (source.id, source.length)).collect();
            let mut gather = Gather::whole(MINUTE);
            for portion in pass::portions(&rows) {
                let rows = numbered(self.shared, self.file, &portion).await?;
                let owners = owners_of(self.shared, self.file).await?.timelines.len();
                let added = query::blocking(move || add(gather, rows, owners, from, (least, most))).await?;
                gather = added.0;
                say(self.shared, self.file, added.1);
            }
            self.insert(query::blocking(move || gather.finish()).await?).await?;
        }
        Ok(())
    }

    /// What rows have between two times, hour by hour.
    async fn wide(&mut self, (from, to): (i64, i64), rows: &[(i64, i64)]) -> Result<(), Error> {
        for portion in pass::portions(rows) {
            let rows = numbered(self.shared, self.file, &portion).await?;
            let owners = owners_of(self.shared, self.file).await?.timelines.len();
            let (hours, damaged) = query::blocking(move || split(rows, owners, from, to)).await?;
            say(self.shared, self.file, damaged);
            for hour in hours {
                self.insert(hour).await?;
            }
        }
        Ok(())
    }

    /// Adds what was gathered of an hour.
    async fn insert(&mut self, gathered: Rollup) -> Result<(), Error> {
        let resolved = owners_of(self.shared, self.file).await?;
        self.add(&resolved, gathered).await.map_err(|error| of_day(self.day, error))
    }

    async fn add(&mut self, resolved: &Resolved, gathered: Rollup) -> Result<(), Error> {
        let numbers = owners::number(self.connection, resolved, &gathered).await?;
        for part in query::blocking(move || parts(&gathered, &numbers)).await?? {
            sqlx::query(
                "insert into rollups (source, seq, first, last, least, most, data)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .bind(self.file.id)
            .bind(self.seq)
            .bind(part.first)
            .bind(part.last)
            .bind(part.least)
            .bind(part.most)
            .bind(part.data)
            .execute(&mut *self.connection)
            .await?;
            self.day.widen(part.first, part.last);
        }
        Ok(())
    }
}

/// Adds cells of an hour and a range of owners; says what is wrong with the rows. Pure.
fn add(
    mut gather: Gather,
    rows: Vec<(i64, Vec<u8>)>,
    owners: usize,
    from: i64,
    (least, most): (u32, u32),
) -> (Gather, Vec<String>) {
    let damaged = pass::each(rows, owners, |rollup| {
        let own = |owner, _| (least..=most).contains(&owner).then_some(owner);
        gather.add(rollup, from, from.saturating_add(HOUR), own);
    });
    (gather, damaged)
}

/// What rows have between two times, of each and its hours; and what is wrong with them. Pure.
fn split(rows: Vec<(i64, Vec<u8>)>, owners: usize, from: i64, to: i64) -> (Vec<Rollup>, Vec<String>) {
    let mut hours = Vec::new();
    let damaged = pass::each(rows, owners, |rollup| {
        let touched: BTreeSet<i64> = rollup.times().map(hour).filter(|hour| from <= *hour && *hour < to).collect();
        for hour in touched {
            let mut gather = Gather::whole(MINUTE);
            gather.add(rollup, hour, hour.saturating_add(HOUR), |owner, _| Some(owner));
            hours.push(gather.finish());
        }
    });
    (hours, damaged)
}

/// Rows of some of the owners each, by the summaries' numbers. Pure.
fn parts(gathered: &Rollup, numbers: &HashMap<u32, u32>) -> Result<Vec<Part>, Error> {
    let mut numbered = Gather::whole(MINUTE);
    numbered.add(gathered, i64::MIN, i64::MAX, |owner, _| numbers.get(&owner).copied());
    let part = |(least, most, part): (u32, u32, Rollup)| {
        let (first, last) = part.bounds(MINUTE)?;
        Some(part.encode(LEVEL).map(|data| Part { first, last, least, most, data }))
    };
    numbered.finish().parts(PART).into_iter().filter_map(part).collect()
}

#[cfg(test)]
mod tests {
    use model::TraceId;

    use super::*;
    use crate::rollup::{CELL, ErrorCell};

    /// A row of 10-second cells: errors of so many owners in two minutes, each cell's count being its owner's number.
    fn row(owners: u32) -> (i64, Vec<u8>) {
        let cell = |owner, at| ErrorCell {
            owner,
            endpoint: 0,
            error: 0,
            at,
            count: f64::from(owner),
            first: at,
            last: at,
            sample: TraceId([1; 16]),
        };
        let cells = (0..owners).flat_map(|owner| (0..12).map(move |n| cell(owner, n * CELL)));
        let mut rollup = Rollup::default();
        rollup.errors.extend(cells);
        (7, rollup.encode(LEVEL).unwrap())
    }

    #[test]
    fn of_what_was_there_at_the_last_fold_only_the_hours_since_are_folded() {
        let source = |id, seq, first: i64, last: i64| {
            let (first, last) = (first * HOUR / 2, last * HOUR / 2);
            Source { id, seq, first, last, least: 0, most: 9, length: 7 }
        };
        let (front, next) = (Front { before: 2 * HOUR, seq: 5 }, Front { before: 3 * HOUR, seq: 9 });
        let sources =
            vec![source(1, 5, 3, 4), source(2, 6, 1, 1), source(3, 5, 5, 6), source(4, 7, 0, 5), source(5, 4, 0, 9)];
        let plan = Plan::new(sources, front, next);
        let hours: Vec<_> = plan
            .hours
            .iter()
            .map(|(at, rows)| (at / HOUR, rows.iter().map(|row| row.id).collect::<Vec<_>>()))
            .collect();
        assert_eq!(hours, [(0, vec![2]), (2, vec![1, 3])]);
        assert_eq!(plan.wide, [(i64::MIN, vec![(4, 7)]), (2 * HOUR, vec![(5, 7)])]);
    }

    #[test]
    fn a_row_of_many_years_is_split_by_the_hours_that_it_has() {
        let years = 40 * 365 * 24 * HOUR;
        let mut rollup = Rollup::decode(&row(2).1).unwrap();
        rollup.errors.iter_mut().filter(|cell| cell.owner == 1 && cell.at >= MINUTE).for_each(|cell| cell.at += years);
        let rows = || vec![(7, rollup.encode(LEVEL).unwrap())];
        let told = |(hours, damaged): (Vec<Rollup>, Vec<String>)| {
            assert!(damaged.is_empty());
            let cells = hours.iter().map(|hour| (hour.bounds(MINUTE).unwrap().0, hour.errors.len()));
            cells.collect::<Vec<_>>()
        };
        assert_eq!(told(split(rows(), 2, i64::MIN, i64::MAX)), [(0, 3), (years + MINUTE, 1)]);
        assert_eq!(told(split(rows(), 2, HOUR, i64::MAX)), [(years + MINUTE, 1)]);
        assert_eq!(told(split(rows(), 2, i64::MIN, HOUR)), [(0, 3)]);
    }

    #[test]
    fn ranges_of_owners_and_parts_hold_what_the_whole_holds() {
        let owners = 3_000;
        let cells = |ranges: &[(u32, u32)], from: i64| {
            let mut cells = Vec::new();
            for range in ranges {
                let (gather, damaged) = add(Gather::whole(MINUTE), vec![row(owners)], owners as usize, from, *range);
                assert!(damaged.is_empty());
                let gathered = gather.finish();
                // In the summaries owners have other numbers, in another order.
                let numbers = (0..owners).map(|owner| (owner, owners - owner)).collect();
                let parts = parts(&gathered, &numbers).unwrap();
                assert!(parts.windows(2).all(|pair| pair[0].most < pair[1].least), "an owner is in one");
                for part in parts {
                    let rollup = Rollup::decode(&part.data).unwrap();
                    assert_eq!(rollup.bounds(MINUTE), Some((part.first, part.last)));
                    assert!(rollup.owner_numbers().all(|owner| (part.least..=part.most).contains(&owner)));
                    cells.extend(rollup.errors.iter().map(|cell| (cell.owner, cell.at, cell.count as u32)));
                }
            }
            cells.sort_unstable();
            cells
        };
        let all = [(0, u32::MAX)];
        let told: Vec<_> = (1..=owners).flat_map(|n| [0, MINUTE].map(|at| (n, at, 6 * (owners - n)))).collect();
        assert_eq!(cells(&all, 0), told);
        assert_eq!(cells(&[(0, 99), (100, 100), (101, u32::MAX)], 0), told);
        let second: Vec<_> = told.iter().filter(|(_, at, _)| *at == MINUTE).copied().collect();
        assert_eq!(cells(&all, MINUTE), second);
    }
}
