//! What the shop's checkout measures.

use model::*;

use super::{AS_OF, Fake};

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
        let beside = |name: &str| Some(Series { name: name.into(), ..answer.series[0].clone() });
        let (request, limit) = (beside("request"), beside("limit"));
        vec![MetricChart { title: "Memory".into(), query, answer, request, limit }]
    }

    /// Two pods of three that climb, until their limit.
    pub(crate) fn leak_chart(&self) -> LeakChart {
        let mib = 1_048_576.0;
        let pod = |name: String, hours: i64| LeakingPod {
            pod: PodId("uid".into()),
            name,
            rate: 46.0 * mib,
            rate_interval: (40.0 * mib, 50.0 * mib),
            level: 300.0 * mib,
            limit: Some(512.0 * mib),
            limit_of: LimitOf::Own,
            since: AS_OF.plus(-3 * HOUR),
            eta: Some(Eta { likely: hours * HOUR, soonest: 3 * HOUR, latest: None }),
        };
        let window = Window::new(AS_OF.plus(-4 * HOUR), AS_OF.plus(4 * HOUR));
        let (start, step) = (window.from, Step(5 * MINUTE));
        let line = |name: String, first: usize, count: usize| {
            let points = (0..count).map(|i| (i >= first).then_some((i as f64 + 100.0) * mib)).collect();
            Series { name, start, step, points }
        };
        let pods = vec![pod(self.text("checkout-1"), 5), pod("checkout-2".into(), 7)];
        let sentence = Sentence::plain("Memory of ").strong(self.text("checkout-1")).text(" grows 46 MiB an hour");
        let leak = Leak {
            of: LeakOf::Memory { container: self.text("app") },
            revision: None,
            revision_name: self.text("v1.8.2"),
            pods,
            watched: 3,
            before: Some(0.0),
            before_name: Some("v1.8.1".into()),
            sentence,
            as_of: AS_OF,
        };
        let forecast = ["likely", "soonest", "latest", "limit"].map(|name| line(name.into(), 48, 96)).to_vec();
        let pods = vec![line(self.text("checkout-1"), 0, 48), line("checkout-2".into(), 0, 48)];
        let function = |name: String, now: f64| HeapFunction { name, begin: mib, now: now * mib };
        let heap = HeapGrowth {
            pod: self.text("checkout-1"),
            sample: SampleType::new("inuse_space", "bytes"),
            begin: Window::new(AS_OF.plus(-3 * HOUR), AS_OF.plus(-2 * HOUR)),
            now: Window::new(AS_OF.plus(-HOUR), AS_OF),
            all_begin: 100.0 * mib,
            all_now: 192.0 * mib,
            functions: vec![function(self.text("cache.Put"), 81.0), function("json.Decode".into(), 4.0)],
        };
        LeakChart { leak, window, pods, forecast, marks: self.marks_in(window), heap: Some(heap) }
    }
}
