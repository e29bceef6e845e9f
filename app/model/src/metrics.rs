//! Metrics: what kinds there are, which a service has, a question over one and its answer.

use serde::{Deserialize, Serialize};

use crate::{Series, Timestamp};

/// What a metric's points are (OpenTelemetry metrics data model, "Metric points").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum MetricKind {
    /// A value as it is now.
    #[default]
    Gauge,
    /// A total that only grows, since a start.
    Counter,
    /// A total that grows and shrinks, since a start.
    UpDownCounter,
    /// What was added since the point before; never less than nothing.
    DeltaCounter,
    /// What was added or taken since the point before.
    DeltaUpDownCounter,
    /// How values are distributed, since a start.
    Histogram,
    /// How the values since the point before are distributed.
    DeltaHistogram,
    /// Count and sum of values since a start; its quantiles are gauges of their own.
    Summary,
}

impl MetricKind {
    /// All kinds; a kind's place is its number.
    pub const ALL: [Self; 8] = [
        Self::Gauge,
        Self::Counter,
        Self::UpDownCounter,
        Self::DeltaCounter,
        Self::DeltaUpDownCounter,
        Self::Histogram,
        Self::DeltaHistogram,
        Self::Summary,
    ];

    /// Its place in [`Self::ALL`].
    pub fn number(self) -> u8 {
        self as u8
    }

    /// By its place in [`Self::ALL`].
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether its points say how values are distributed, or at least their count and sum.
    pub fn is_distribution(self) -> bool {
        matches!(self, Self::Histogram | Self::DeltaHistogram | Self::Summary)
    }

    /// Whether its points say what came since the point before.
    pub fn is_delta(self) -> bool {
        matches!(self, Self::DeltaCounter | Self::DeltaUpDownCounter | Self::DeltaHistogram)
    }

    /// Whether its points are totals that begin again when their sender does.
    pub fn is_cumulative(self) -> bool {
        matches!(self, Self::Counter | Self::Histogram | Self::Summary)
    }

    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter | Self::DeltaCounter => "counter",
            Self::UpDownCounter | Self::DeltaUpDownCounter => "up-down counter",
            Self::Histogram | Self::DeltaHistogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// A metric that a service has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MetricName {
    /// Its name.
    pub name: String,
    /// What its points are.
    pub kind: MetricKind,
    /// Its unit in UCUM (`By`, `s`, `1`); may be empty.
    pub unit: String,
    /// What its sender says of it; may be empty.
    pub description: String,
    /// Its series, at least.
    pub series: u32,
}

impl MetricName {
    /// What is mostly asked of it.
    pub fn usual(&self) -> MetricQuery {
        let (aggregation, rate) = match self.kind {
            MetricKind::Counter | MetricKind::DeltaCounter => (Aggregation::Sum, true),
            MetricKind::Histogram | MetricKind::DeltaHistogram => (Aggregation::P95, false),
            MetricKind::Summary => (Aggregation::Avg, false),
            MetricKind::Gauge | MetricKind::UpDownCounter | MetricKind::DeltaUpDownCounter => (Aggregation::Sum, false),
        };
        MetricQuery { name: self.name.clone(), aggregation, rate, ..MetricQuery::default() }
    }
}

/// The metrics of a service in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetricNames {
    /// By name.
    pub names: Vec<MetricName>,
    /// Not all of the window was looked at: only what came since then.
    pub covered_from: Option<Timestamp>,
}

/// A label of a metric and its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricLabel {
    /// Its key.
    pub key: String,
    /// Values, in order; not more than a page can use.
    pub values: Vec<String>,
    /// So many more there are.
    pub more: u32,
}

/// What is made of the values of several series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Aggregation {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean; of distributions the mean of the values themselves.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many series there are; of distributions how many values.
    Count,
    /// The median; of distributions that of the values themselves.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
}

impl Aggregation {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 8] =
        [Self::Sum, Self::Avg, Self::Min, Self::Max, Self::Count, Self::P50, Self::P95, Self::P99];

    /// The word on the screen and in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }

    /// By its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregation| aggregation.word() == word)
    }

    /// Which quantile it is, if it is one.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            _ => None,
        }
    }
}

/// A question over one metric of a service. Keys are those of a series, else of its resource, else `pod` or
/// `revision`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MetricQuery {
    /// The metric's name.
    pub name: String,
    /// Only series that have all of these values.
    pub filter: Vec<(String, String)>,
    /// One answer for each combination of these keys' values.
    pub by: Vec<String>,
    /// What is made of the series of one answer.
    pub aggregation: Aggregation,
    /// Change a second instead of the values.
    pub rate: bool,
}

impl MetricQuery {
    /// From the words of an address: keys with `,` between, and `key=value` pairs with `;` between. Words that make no
    /// sense are left out.
    pub fn of_words(name: &str, by: &str, aggregation: &str, rate: bool, filter: &str) -> Self {
        let some = |text: &&str| !text.is_empty();
        let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            name: name.to_owned(),
            filter: filter.split(';').filter_map(pair).take(KEYS).collect(),
            by: by.split(',').filter(some).map(str::to_owned).take(KEYS).collect(),
            aggregation: Aggregation::from_word(aggregation).unwrap_or_default(),
            rate,
        }
    }

    /// The words for `filter` of an address.
    pub fn filter_words(filter: &[(String, String)]) -> String {
        let pairs: Vec<String> = filter.iter().map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(";")
    }
}

/// More keys than anyone groups or filters by.
const KEYS: usize = 8;

/// A metric that says how a service is, as a chart of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricChart {
    /// What it is called: `CPU`, `Memory`.
    pub title: String,
    /// What was asked.
    pub query: MetricQuery,
    /// The answer.
    pub answer: MetricSeries,
    /// How much is kept free for one of its series, where that is asked for.
    pub request: Option<Series>,
    /// How much one of its series may become, where that is limited.
    pub limit: Option<Series>,
}

/// Charts of many metrics of a service, as small as they stand beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricCharts {
    /// By name, each as it is mostly asked, by pod.
    pub charts: Vec<MetricChart>,
    /// So many more there are.
    pub more: u32,
    /// So many can't be read.
    pub failed: u32,
}

/// The answer: a series for each combination of values, the greatest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricSeries {
    /// What the points are, where there are any.
    pub kind: MetricKind,
    /// The metric's unit; may be empty.
    pub unit: String,
    /// Named by the values of the keys they are grouped by, with `, ` between; of one answer the metric's name.
    pub series: Vec<Series>,
    /// So many more there are.
    pub more: u32,
    /// Not all of the window was looked at: only what came since then.
    pub covered_from: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_words_and_nonsense_is_left_out() {
        let query = MetricQuery::of_words("cpu", "pod,,zone", "max", true, "a=b=c;nonsense;d=");
        assert_eq!(query.by, ["pod", "zone"]);
        assert_eq!(query.filter, [("a".into(), "b=c".into()), ("d".into(), String::new())]);
        assert_eq!(MetricQuery::filter_words(&query.filter), "a=b=c;d=");
        assert_eq!(MetricQuery::of_words("cpu", "", "?", false, "").aggregation, Aggregation::Sum);
    }

    #[test]
    fn kinds_and_aggregations_come_back_from_their_numbers_and_words() {
        for kind in MetricKind::ALL {
            assert_eq!(MetricKind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(MetricKind::from_number(8), None);
        for aggregation in Aggregation::ALL {
            assert_eq!(Aggregation::from_word(aggregation.word()), Some(aggregation));
        }
    }
}
