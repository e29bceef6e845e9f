//! Names and labels of metrics, gathered from the series of blocks. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hashbrown::HashSet;
use model::{MetricKind, MetricLabel, MetricName, Timestamp, Window};

use super::Take;
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
    fn look(&mut self, part: &Part, block: &PointBlock) -> Result<(), Error> {
        let mut hashes = Hashes::of(block);
        for section in block.sections() {
            for number in owned(part, block, section).filter(|number| is_inside(block, *number, self.window)) {
                if self.seen.insert(hashes.series(part, block, number)) {
                    let series = block.series.get(number);
                    let text = |number: u32| block.texts.get(number).to_owned();
                    let name = self.names.entry((text(series.name), series.kind)).or_insert_with(|| MetricName {
                        name: text(series.name),
                        kind: series.kind,
                        unit: text(series.unit),
                        description: text(series.description),
                        series: 0,
                    });
                    name.series += 1;
                }
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.seen.len() > SERIES
    }
}

/// Labels of one metric.
pub(super) struct Labels {
    window: Window,
    name: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

impl Labels {
    pub(super) fn new(window: Window, name: String) -> Self {
        Self { window, name, labels: BTreeMap::new() }
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
    fn look(&mut self, part: &Part, block: &PointBlock) -> Result<(), Error> {
        let Some((_, section)) = section_of(block, &self.name) else { return Ok(()) };
        for number in owned(part, block, section).filter(|number| is_inside(block, *number, self.window)) {
            for (key, value) in block.series.labels(number) {
                let (key, value) = (block.texts.get(*key), block.texts.get(*value));
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
        Ok(())
    }

    fn is_full(&self) -> bool {
        false
    }
}
