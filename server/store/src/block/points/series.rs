//! The series of a block, each once: points hold their numbers. Pure.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use model::MetricKind;

use crate::Error;
use crate::block::bytes::{Reader, Writer, damaged};
use crate::block::texts::Texts;

/// What tells a series, but for its labels and but for the description; texts and bounds by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Series {
    pub(crate) owner: u32,
    pub(crate) name: u32,
    pub(crate) kind: MetricKind,
    pub(crate) unit: u32,
    pub(crate) description: u32,
    pub(crate) scope: u32,
    pub(crate) bounds: u32,
}

/// Series numbered in the order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct SeriesTable {
    owners: Vec<u32>,
    all: Vec<Series>,
    labels: Vec<(u32, u32)>,
    /// Ends in `labels`; a series' begin where those of the one before end.
    ends: Vec<u32>,
    /// Bounds of distributions; number 0 is none.
    bounds: Vec<Vec<f64>>,
    bounds_numbers: HashMap<Vec<u64>, u32>,
    /// Hashes and numbers by all that tells a series; empty after decoding, when none is added any more.
    numbers: HashTable<(u64, u32)>,
    counts: HashMap<u32, u32>,
    hasher: DefaultHashBuilder,
}

impl Default for SeriesTable {
    fn default() -> Self {
        Self {
            owners: Vec::new(),
            all: Vec::new(),
            labels: Vec::new(),
            ends: Vec::new(),
            bounds: vec![Vec::new()],
            bounds_numbers: HashMap::new(),
            numbers: HashTable::new(),
            counts: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

fn labels_of<'a>(labels: &'a [(u32, u32)], ends: &[u32], number: u32) -> &'a [(u32, u32)] {
    let at = number as usize;
    let from = if at == 0 { 0 } else { ends[at - 1] as usize };
    &labels[from..ends[at] as usize]
}

impl SeriesTable {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// A series by its number, which must be one that this gave or checked.
    pub(crate) fn get(&self, number: u32) -> &Series {
        &self.all[number as usize]
    }

    /// A series' labels, ascending by key.
    pub(crate) fn labels(&self, number: u32) -> &[(u32, u32)] {
        labels_of(&self.labels, &self.ends, number)
    }

    /// The owner of each series.
    pub(crate) fn owners(&self) -> &[u32] {
        &self.owners
    }

    /// Bounds by their number.
    pub(crate) fn all_bounds(&self) -> &[Vec<f64>] {
        &self.bounds
    }

    /// Buckets of each point of a series; none where it has no bounds.
    pub(crate) fn width(&self, number: u32) -> usize {
        let series = self.get(number);
        match self.bounds[series.bounds as usize].len() {
            0 => 0,
            _ if !series.kind.is_distribution() => 0,
            bounds => bounds + 1,
        }
    }

    /// How many series an owner has.
    pub(super) fn count_of(&self, owner: u32) -> u32 {
        self.counts.get(&owner).copied().unwrap_or_default()
    }

    /// The number of bounds, given when they are new.
    pub(super) fn bounds_number(&mut self, bounds: &[f64]) -> u32 {
        if bounds.is_empty() {
            return 0;
        }
        // Of the same metric as the last one, mostly.
        if self.bounds.last().is_some_and(|last| last == bounds) {
            return (self.bounds.len() - 1) as u32;
        }
        let key: Vec<u64> = bounds.iter().map(|bound| bound.to_bits()).collect();
        let next = self.bounds.len() as u32;
        let number = *self.bounds_numbers.entry(key).or_insert(next);
        if number == next {
            self.bounds.push(bounds.to_vec());
        }
        number
    }

    /// What series are found by.
    pub(super) fn hash(&self, series: &Series, labels: &[(u32, u32)]) -> u64 {
        self.hasher.hash_one((Series { description: 0, ..*series }, labels))
    }

    /// The number of a series that is known, by its hash.
    pub(super) fn find(&self, hash: u64, series: &Series, labels: &[(u32, u32)]) -> Option<u32> {
        let same = |(other, number): &(u64, u32)| {
            let is_same = || Series { description: series.description, ..*self.get(*number) } == *series;
            *other == hash && is_same() && self.labels(*number) == labels
        };
        self.numbers.find(hash, same).map(|(_, number)| *number)
    }

    /// Adds a series that is not known, by its hash, unless its owner has so many.
    pub(super) fn add(&mut self, hash: u64, series: Series, labels: &[(u32, u32)], most: u32) -> Option<u32> {
        let count = self.counts.entry(series.owner).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        let number = self.push(series, labels);
        self.numbers.insert_unique(hash, (hash, number), |(hash, _)| *hash);
        Some(number)
    }

    fn push(&mut self, series: Series, labels: &[(u32, u32)]) -> u32 {
        self.owners.push(series.owner);
        self.all.push(series);
        self.labels.extend_from_slice(labels);
        self.ends.push(self.labels.len() as u32);
        (self.all.len() - 1) as u32
    }

    /// Bytes that the series take.
    pub(super) fn size(&self) -> usize {
        self.all.len() * 48 + self.labels.len() * 8
    }

    /// Writes the series in an order; `number` tells by which numbers texts are known to who reads.
    pub(super) fn write(&self, writer: &mut Writer, order: &[u32], mut number: impl FnMut(u32) -> u32) {
        writer.number(self.bounds.len() as u64);
        for bounds in &self.bounds {
            writer.number(bounds.len() as u64);
            bounds.iter().for_each(|bound| writer.raw(&bound.to_le_bytes()));
        }
        writer.number(order.len() as u64);
        order.iter().for_each(|series| writer.number(u64::from(self.get(*series).owner)));
        let columns: [fn(&Series) -> u32; 4] = [|s| s.name, |s| s.unit, |s| s.description, |s| s.scope];
        for column in columns {
            order.iter().for_each(|series| writer.number(u64::from(number(column(self.get(*series))))));
        }
        order.iter().for_each(|series| writer.number(u64::from(self.get(*series).bounds)));
        order.iter().for_each(|number| writer.byte(self.get(*number).kind.number()));
        order.iter().for_each(|number| writer.number(self.labels(*number).len() as u64));
        let labels = || order.iter().flat_map(|number| self.labels(*number));
        labels().for_each(|(key, _)| writer.number(u64::from(number(*key))));
        labels().for_each(|(_, value)| writer.number(u64::from(number(*value))));
    }

    pub(super) fn read(reader: &mut Reader<'_>, texts: &Texts) -> Result<Self, Error> {
        let mut bounds = Vec::new();
        for _ in 0..reader.length()? {
            let length = reader.length()?;
            bounds.push(
                (0..length).map(|_| Ok(f64::from_le_bytes(reader.array()?))).collect::<Result<Vec<f64>, Error>>()?,
            );
        }
        if bounds.first().is_none_or(|none| !none.is_empty()) {
            return Err(damaged("the bounds of distributions are not known"));
        }
        let count = reader.length()?;
        let texts = texts.len();
        let mut column = |most: usize| (0..count).map(|_| reader.index(most)).collect::<Result<Vec<u32>, Error>>();
        let owners = column(u32::MAX as usize)?;
        let [names, units, descriptions, scopes] = [column(texts)?, column(texts)?, column(texts)?, column(texts)?];
        let numbers = column(bounds.len())?;
        let mut read = Self { owners, bounds, ..Self::default() };
        for at in 0..count {
            let kind =
                MetricKind::from_number(reader.byte()?).ok_or_else(|| damaged("a kind of metric is not known"))?;
            read.all.push(Series {
                owner: read.owners[at],
                name: names[at],
                kind,
                unit: units[at],
                description: descriptions[at],
                scope: scopes[at],
                bounds: numbers[at],
            });
        }
        let mut total = 0_u32;
        for _ in 0..count {
            total = total.saturating_add(reader.length()? as u32);
            read.ends.push(total);
        }
        let keys = (0..total).map(|_| reader.index(texts)).collect::<Result<Vec<u32>, Error>>()?;
        for key in keys {
            read.labels.push((key, reader.index(texts)?));
        }
        Ok(read)
    }
}
