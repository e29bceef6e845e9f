//! Metrics of a service: which there are, their labels, and one of them over time. Blocks are read newest first, each
//! only if its filter says that it can hold what is asked for, and of each only the metric that is.

mod cells;
mod classic;
mod found;
mod group;
mod identity;
mod joined;
mod quantile;
mod runs;
mod streams;

use std::sync::Arc;

use model::{MetricLabel, MetricNames, MetricSeries, ServiceId, Window};

use super::part::Part;
use super::walk::{self, Look, Scope, walk};
use crate::block::columns::Signal;
use crate::block::points::{PointBlock, filter};
use crate::partition::Shared;
use crate::{Error, MetricAsk};
use found::{Labels, Names};
use streams::Streams;

/// For names and labels so many bytes are enough: they are the same in every block.
const FEW_BYTES: i64 = 32 << 20;

/// See `Telemetry::metric_names`.
pub(crate) async fn names(shared: &Shared, service: &ServiceId, window: Window) -> Result<MetricNames, Error> {
    let scope = Scope { service: service.clone(), window, asks_keys: false, bytes: FEW_BYTES };
    let (names, covered_from) = walk(shared, scope, Points { names: Vec::new(), take: Names::new(window) }).await?;
    Ok(MetricNames { names: names.take.finish(), covered_from })
}

/// See `Telemetry::metric_labels`.
pub(crate) async fn labels(
    shared: &Shared,
    service: &ServiceId,
    window: Window,
    name: &str,
) -> Result<Vec<MetricLabel>, Error> {
    let scope = Scope { service: service.clone(), window, asks_keys: false, bytes: FEW_BYTES };
    let labels = Points { names: hashes(name), take: Labels::new(window, name) };
    let (labels, _) = walk(shared, scope, labels).await?;
    Ok(labels.take.finish())
}

/// See `Telemetry::metric`.
pub(crate) async fn series(shared: &Shared, ask: MetricAsk) -> Result<MetricSeries, Error> {
    let streams = Streams::new(ask);
    let ask = Arc::clone(&streams.ask);
    let keys = ask.query.filter.iter().map(|(key, _)| key).chain(&ask.query.by);
    let scope = Scope {
        service: ask.service.clone(),
        window: streams.window,
        asks_keys: keys.clone().any(|key| !matches!(key.as_str(), "pod" | "revision")),
        bytes: walk::BYTES,
    };
    let streams = Points { names: hashes(&ask.query.name), take: streams };
    let (streams, covered_from) = walk(shared, scope, streams).await?;
    super::blocking(move || MetricSeries { covered_from, ..streams.take.finish() }).await
}

/// What is taken from blocks of points.
trait Take: Send + Sync + 'static {
    /// What is seen in one.
    type Seen: Send + 'static;

    /// Sees what it needs of a block; several threads do so at once.
    fn see(&self, part: &Part, block: PointBlock) -> Result<Self::Seen, Error>;

    /// Takes what was seen.
    fn take(&mut self, part: &Part, seen: Self::Seen);

    /// Whether it has as much as it may have.
    fn is_full(&self) -> bool;
}

/// A question about blocks of points; of one metric where the hashes of its names are given.
struct Points<T> {
    names: Vec<u64>,
    take: T,
}

/// Hashes of the names under which a metric's series may stand.
fn hashes(name: &str) -> Vec<u64> {
    classic::names(name).iter().map(|(_, name)| filter::hash_name(name)).collect()
}

impl<T: Take> Look for Points<T> {
    type Seen = Vec<T::Seen>;
    const SIGNAL: Signal = Signal::Points;

    fn may_match(&self, part: &Part, stored: &[u8]) -> Result<bool, Error> {
        filter::may_match(stored, &part.owners, &self.names)
    }

    fn see(&self, part: &Arc<Part>, sealed: &[u8]) -> Result<Vec<T::Seen>, Error> {
        let blocks = PointBlock::open(sealed, &part.owners, &self.names)?;
        blocks.into_iter().map(|block| self.take.see(part, block)).collect()
    }

    fn take(&mut self, part: &Arc<Part>, seen: Vec<T::Seen>) -> Result<(), Error> {
        seen.into_iter().for_each(|seen| self.take.take(part, seen));
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.take.is_full()
    }
}
