//! Names and labels of metrics, gathered from the series of blocks. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hashbrown::HashSet;
use model::{MetricKind, MetricLabel, MetricName, Timestamp, Window};

use super::Take;
use super::classic::{self, BOUND, Role};
use super::identity::{Hashes, owned};
use crate::Error;
use crate::block::points::PointBlock;
use crate::query::part::Part;

/// Series that are told apart when they are counted.
const SERIES: usize = 200_000;
/// Values of a label that are told apart, and that are answered.
const VALUES: usize = 10_000;
const SHOWN: usize = 200;

/// Metrics by name and kind.
pub(super) struct Names {
    window: Window,
    names: BTreeMap<(String, MetricKind), MetricName>,
    seen: HashSet<u128>,
}

impl Names {
    pub(super) fn new(window: Window) -> Self {
        Self { window, names: BTreeMap::new(), seen: HashSet::new() }
    }

    /// Counts a series of a name.
    fn count(&mut self, block: &PointBlock, number: u32, name: &str, kind: MetricKind) {
        let series = block.series.get(number);
        let known = self.names.entry((name.to_owned(), kind)).or_insert_with(|| MetricName {
            name: name.to_owned(),
            kind,
            unit: block.texts.get(series.unit).to_owned(),
            description: block.texts.get(series.description).to_owned(),
            series: 0,
        });
        known.series += 1;
    }

    pub(super) fn finish(self) -> Vec<MetricName> {
        self.names.into_values().collect()
    }
}

/// Whether any of a series' points is in a window.
fn is_inside(block: &PointBlock, series: u32, window: Window) -> bool {
    let times = block.times(series);
    times.get(times.partition_point(|at| *at < window.from.0)).is_some_and(|at| window.contains(Timestamp(*at)))
}

impl Take for Names {
    type Seen = PointBlock;

    fn see(&self, _part: &Part, block: PointBlock) -> Result<PointBlock, Error> {
        Ok(block)
    }

    fn take(&mut self, part: &Part, block: PointBlock) {
        let (block, window) = (&block, self.window);
        let mut hashes = Hashes::of(block);
        for section in block.sections() {
            for number in owned(part, block, section).filter(|number| is_inside(block, *number, window)) {
                let series = block.series.get(number);
                if self.seen.insert(hashes.series(part, block, number)) {
                    self.count(block, number, block.texts.get(series.name), series.kind);
                }
                if let Some((name, _)) = classic::bucket(block, number)
                    && self.seen.insert(hashes.histogram(part, block, number, name))
                {
                    self.count(block, number, name, MetricKind::Histogram);
                }
            }
        }
    }

    fn is_full(&self) -> bool {
        self.seen.len() > SERIES
    }
}

/// Labels of one metric.
pub(super) struct Labels {
    window: Window,
    names: [(Role, String); 3],
    labels: BTreeMap<String, BTreeSet<String>>,
}

impl Labels {
    pub(super) fn new(window: Window, name: &str) -> Self {
        Self { window, names: classic::names(name), labels: BTreeMap::new() }
    }

    pub(super) fn finish(self) -> Vec<MetricLabel> {
        let label = |(key, values): (String, BTreeSet<String>)| MetricLabel {
            key,
            more: values.len().saturating_sub(SHOWN) as u32,
            values: values.into_iter().take(SHOWN).collect(),
        };
        self.labels.into_iter().map(label).collect()
    }
}

/// The section of a metric, if a block has it.
pub(super) fn section_of(block: &PointBlock, name: &str) -> Option<(usize, Range<u32>)> {
    let is_it =
        |series: &Range<u32>| !series.is_empty() && block.texts.get(block.series.get(series.start).name) == name;
    block.sections().enumerate().find(|(_, series)| is_it(series))
}

impl Take for Labels {
    type Seen = PointBlock;

    fn see(&self, _part: &Part, block: PointBlock) -> Result<PointBlock, Error> {
        Ok(block)
    }

    fn take(&mut self, part: &Part, block: PointBlock) {
        for (role, name) in self.names.clone() {
            if let Some((_, section)) = section_of(&block, &name) {
                self.section(part, &block, role, section);
            }
        }
    }

    fn is_full(&self) -> bool {
        false
    }
}

impl Labels {
    /// Adds the labels of series of one name.
    fn section(&mut self, part: &Part, block: &PointBlock, role: Role, section: Range<u32>) {
        let window = self.window;
        for number in owned(part, block, section).filter(|number| is_inside(block, *number, window)) {
            if role != Role::Whole && classic::bucket(block, number).is_none() {
                continue;
            }
            for (key, value) in block.series.labels(number) {
                let (key, value) = (block.texts.get(*key), block.texts.get(*value));
                if role != Role::Whole && key == BOUND {
                    continue;
                }
                if !self.labels.contains_key(key) {
                    self.labels.insert(key.to_owned(), BTreeSet::new());
                }
                if let Some(values) = self.labels.get_mut(key)
                    && values.len() < VALUES
                    && !values.contains(value)
                {
                    values.insert(value.to_owned());
                }
            }
        }
    }
}
