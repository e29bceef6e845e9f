//! What the shop's checkout measures.

use model::*;

use super::Fake;

impl Fake {
    /// A gauge of bytes and a counter.
    pub(crate) fn metric_list(&self) -> MetricNames {
        let name = |name: String, kind, unit: &str| MetricName {
            name,
            kind,
            unit: unit.into(),
            description: "what it is".into(),
            series: 3,
        };
        let names = vec![
            name("process.memory.usage".into(), MetricKind::Gauge, "By"),
            name(self.text("shop.orders"), MetricKind::Counter, "{order}"),
        ];
        MetricNames { names, covered_from: None }
    }

    /// Two series of any metric.
    pub(crate) fn metric_series(&self, window: Window) -> MetricSeries {
        let step = window.step(120);
        let points = vec![Some(31.0 * 1_048_576.0); (window.aligned(step).length() / step.0) as usize];
        let series = |name: String| Series { name, start: window.aligned(step).from, step, points: points.clone() };
        MetricSeries {
            kind: MetricKind::Gauge,
            unit: "By".into(),
            series: vec![series(self.text("/pay")), series("/cart".into())],
            more: 4,
            covered_from: None,
        }
    }

    /// One chart.
    pub(crate) fn golden_charts(&self, window: Window) -> Vec<MetricChart> {
        let query = MetricQuery { name: "process.memory.usage".into(), ..MetricQuery::default() };
        let mut answer = self.metric_series(window);
        answer.series.truncate(1);
        let limit = Series { name: "limit".into(), ..answer.series[0].clone() };
        vec![MetricChart { title: "Memory".into(), query, answer, limit: Some(limit) }]
    }
}
