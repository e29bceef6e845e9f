//! What a collector that read the kubelets so far has sent: the past hour, and each node until somebody else reads it.
//! Pure.

use std::ops::Range;
use std::sync::Arc;

use model::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::figures::{Figures, Run};
use crate::fleet::{Fleet, Server};
use crate::story::Scenario;
use crate::time::{self, SECOND};
use crate::traffic::word;

/// The collector reads kubelets so often.
const EVERY: i64 = 30 * SECOND;
/// The flag of a point that says only that its series has ended.
const ENDED: u32 = 1;
const SCOPE: &str = "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/kubeletstatsreceiver";

/// A container while it served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    server: Arc<Server>,
    from: Timestamp,
    /// Nothing while it does.
    to: Option<Timestamp>,
    killed: Option<Timestamp>,
}

/// All containers that served, from who served when.
pub(crate) fn served(scenario: &Scenario, fleets: &[(Timestamp, Fleet)], opening: Timestamp) -> Vec<Served> {
    let mut all: Vec<Served> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for (since, fleet) in fleets {
        let servers: Vec<&Arc<Server>> = fleet.iter().flatten().filter(|server| !server.is_silent).collect();
        let is_same =
            |one: &Served, server: &Server| one.server.uid == server.uid && one.server.container == server.container;
        open.retain(|at| {
            let goes_on = servers.iter().any(|server| is_same(&all[*at], server));
            if !goes_on {
                all[*at].to = Some(*since);
            }
            goes_on
        });
        for server in servers {
            if !open.iter().any(|at| is_same(&all[*at], server)) {
                open.push(all.len());
                all.push(Served { server: server.clone(), from: *since, to: None, killed: None });
            }
        }
    }
    let newest = fleets.last().map(|(_, fleet)| fleet);
    for one in &mut all {
        let service = scenario.services[one.server.service].id();
        let next = |at: Timestamp| scenario.killed_after(&service, opening, at);
        one.killed = match one.to {
            Some(to) => next(time::after(to, -1)).filter(|killed| *killed == to),
            // The script kills the first.
            None => {
                let first = newest.and_then(|fleet| fleet[one.server.service].first());
                next(opening).filter(|_| first.is_some_and(|first| first.uid == one.server.uid))
            }
        };
    }
    all
}

impl Served {
    /// The node that it ran on.
    pub(crate) fn node(&self) -> &str {
        &self.server.node
    }

    /// Its figures when it was read within some time, and whether it ended then. `until` is when somebody else read it
    /// first, where that is known.
    fn figures(
        &self,
        scenario: &Scenario,
        span: &Range<i64>,
        until: Option<Timestamp>,
    ) -> (Vec<(Timestamp, Figures)>, Option<Timestamp>) {
        let run = Run {
            service: &scenario.services[self.server.service],
            uid: &self.server.uid,
            started: self.server.started,
            leak: self.server.leak,
            killed: self.killed,
        };
        let end = self.to.or(until.map(|until| run.measured(until)));
        let is_inside = |at: &Timestamp| span.contains(&at.0) && *at >= self.from && end.is_none_or(|end| *at < end);
        let first = span.start.div_euclid(EVERY) * EVERY;
        let read = (first..span.end).step_by(EVERY as usize).map(Timestamp).filter(is_inside);
        let mut figures: Vec<_> = read.map(|at| (at, run.at(at))).collect();
        let end = end.filter(|end| span.contains(&end.0));
        figures.extend(end.map(|end| (end, run.at(end))));
        (figures, end)
    }
}

/// What was read within some time, in nanoseconds, where anything was. `until` says of a node when somebody else read
/// it first.
pub(crate) fn request(
    scenario: &Scenario,
    all: &[Served],
    span: &Range<i64>,
    until: impl Fn(&str) -> Option<Timestamp>,
) -> Option<ExportMetricsServiceRequest> {
    let resource_metrics: Vec<ResourceMetrics> = all
        .iter()
        .flat_map(|one| {
            let (figures, end) = one.figures(scenario, span, until(&one.server.node));
            let is_read = !figures.is_empty();
            let both = is_read.then(|| [container(scenario, one, &figures, end), pod(scenario, one, &figures)]);
            both.into_iter().flatten()
        })
        .collect();
    (!resource_metrics.is_empty()).then_some(ExportMetricsServiceRequest { resource_metrics })
}

type Read = fn(&Figures) -> f64;

fn container(
    scenario: &Scenario,
    one: &Served,
    figures: &[(Timestamp, Figures)],
    end: Option<Timestamp>,
) -> ResourceMetrics {
    let level = |name: &str, read: Read| {
        let mut points: Vec<_> = figures.iter().map(|(at, figures)| point(*at, None, read(figures))).collect();
        points.extend(end.map(|end| NumberDataPoint {
            time_unix_nano: end.0 as u64 + 1_000_000,
            flags: ENDED,
            ..NumberDataPoint::default()
        }));
        metric(name, "By", Data::Gauge(Gauge { data_points: points }))
    };
    let started = Some(one.server.started);
    let times = figures.iter().map(|(at, figures)| point(*at, started, figures.cpu)).collect();
    let count = |read: Read| total(figures.iter().map(|(at, figures)| point(*at, started, read(figures))).collect());
    let mut metrics = vec![
        metric("container.cpu.time", "s", total(times)),
        level("container.memory.working_set", |figures| figures.memory),
        level("container.memory.rss", |figures| figures.rss),
        level("k8s.container.memory.limit", |figures| figures.limit),
    ];
    // Only who has a limit is held at it; the collector has these from cadvisor.
    let service = &scenario.services[one.server.service];
    if service.cpu_limit > 0.0 && !service.limited_as_a_whole {
        metrics.push(metric("container.cpu.periods", "{period}", count(|figures| figures.periods)));
        metrics.push(metric("container.cpu.throttled", "{period}", count(|figures| figures.throttled)));
    }
    let own = [("container.id", &*one.server.container), ("k8s.container.name", "app")];
    of_resource(scenario, one, &own, metrics)
}

fn pod(scenario: &Scenario, one: &Served, figures: &[(Timestamp, Figures)]) -> ResourceMetrics {
    let ways: [(&str, Read); 2] = [("receive", |figures| figures.received), ("transmit", |figures| figures.sent)];
    let points = ways.into_iter().flat_map(|(way, read)| {
        figures.iter().map(move |(at, figures)| NumberDataPoint {
            attributes: vec![word("network.interface.name", "eth0"), word("network.io.direction", way)],
            ..point(*at, Some(one.server.started), read(figures))
        })
    });
    let mut metrics = vec![metric("k8s.pod.network.io", "By", total(points.collect()))];
    let service = &scenario.services[one.server.service];
    if service.cpu_limit > 0.0 && service.limited_as_a_whole {
        let periods: [(&str, Read); 2] = [
            ("k8s.pod.cpu.periods", |figures| figures.periods),
            ("k8s.pod.cpu.throttled", |figures| figures.throttled),
        ];
        metrics.extend(periods.map(|(name, read)| {
            let points = figures.iter().map(|(at, figures)| point(*at, Some(one.server.started), read(figures)));
            metric(name, "{period}", total(points.collect()))
        }));
    }
    of_resource(scenario, one, &[], metrics)
}

fn of_resource(scenario: &Scenario, one: &Served, own: &[(&str, &str)], metrics: Vec<Metric>) -> ResourceMetrics {
    let server = &one.server;
    let namespace = &scenario.services[server.service].namespace;
    let shared = [
        ("k8s.namespace.name", namespace),
        ("k8s.node.name", &server.node),
        ("k8s.pod.name", &server.pod),
        ("k8s.pod.uid", &server.uid),
    ];
    let attributes = shared.into_iter().map(|(key, value)| word(key, value));
    let attributes = attributes.chain(own.iter().map(|(key, value)| word(key, value))).collect();
    let scope = InstrumentationScope { name: SCOPE.to_owned(), ..InstrumentationScope::default() };
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: String::new() }],
        schema_url: String::new(),
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn total(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality: 2, is_monotonic: true })
}

fn point(at: Timestamp, start: Option<Timestamp>, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        start_time_unix_nano: start.unwrap_or_default().0 as u64,
        time_unix_nano: at.0 as u64,
        value: Some(Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENING: Timestamp = Timestamp(10_000 * SECOND);

    fn at(seconds: i64) -> Timestamp {
        time::after(OPENING, seconds * SECOND)
    }

    fn server(scenario: &Scenario, id: &str, pod: &str, container: &str) -> Arc<Server> {
        let text = str::to_owned;
        Arc::new(Server {
            service: scenario.find(id).unwrap(),
            pod: text(pod),
            uid: text(pod),
            node: text("node-1"),
            address: text("ip"),
            version: text("1"),
            container: text(container),
            started: at(-90_000),
            leak: 0.0,
            effects: Vec::new(),
            is_silent: false,
        })
    }

    fn fleet(scenario: &Scenario, servers: &[&Arc<Server>]) -> Fleet {
        let mut fleet = vec![Vec::new(); scenario.services.len()];
        servers.iter().for_each(|server| fleet[server.service].push((*server).clone()));
        Arc::new(fleet)
    }

    fn points(request: &ExportMetricsServiceRequest, name: &str) -> Vec<NumberDataPoint> {
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let metrics = scopes.flat_map(|scope| &scope.metrics).filter(|metric| metric.name == name);
        let data = metrics.flat_map(|metric| match metric.data.clone() {
            Some(Data::Gauge(gauge)) => gauge.data_points,
            Some(Data::Sum(sum)) => sum.data_points,
            _ => Vec::new(),
        });
        data.collect()
    }

    fn grown(request: &ExportMetricsServiceRequest, name: &str) -> f64 {
        let values = points(request, name).into_iter().filter_map(|point| match point.value {
            Some(Value::AsDouble(value)) => Some(value),
            _ => None,
        });
        let values: Vec<f64> = values.collect();
        values.last().unwrap() - values.first().unwrap()
    }

    #[test]
    fn who_is_killed_climbs_to_its_limit_and_ends() {
        let shop = Scenario::shop();
        let [first, again, cart] =
            [("payments/ledger", "a", "1"), ("payments/ledger", "a", "2"), ("shop/cart", "c", "1")]
                .map(|(service, pod, container)| server(&shop, service, pod, container));
        let fleets = [
            (at(-3_600), fleet(&shop, &[&first, &cart])),
            (at(-1_500), fleet(&shop, &[&cart])),
            (at(-1_490), fleet(&shop, &[&again, &cart])),
        ];
        let all = served(&shop, &fleets, OPENING);
        assert_eq!(all.len(), 3);
        let ledger = [all.iter().find(|one| one.server.uid == "a").cloned().unwrap()];
        assert_eq!((ledger[0].to, ledger[0].killed), (Some(at(-1_500)), Some(at(-1_500))));
        let whole = at(-3_600).0..at(0).0;
        let request = request(&shop, &ledger, &whole, |_| None).unwrap();
        let levels = points(&request, "container.memory.working_set");
        assert_eq!(levels.len(), 72);
        let last = &levels[levels.len() - 2];
        assert!(matches!(last.value, Some(Value::AsDouble(bytes)) if bytes > 370.0 * 1_048_576.0), "{last:?}");
        assert_eq!(levels.last().map(|point| (point.flags, point.value)), Some((ENDED, None)));
        assert_eq!(all.iter().filter(|one| one.to.is_none()).count(), 2);
        assert!(points(&request, "container.cpu.periods").is_empty(), "it has no limit");
    }

    #[test]
    fn who_is_held_at_its_limit_was_so_in_the_past() {
        let shop = Scenario::shop();
        let agent = server(&shop, "platform/log-agent", "g", "1");
        let all = served(&shop, &[(at(-3_600), fleet(&shop, &[&agent]))], OPENING);
        let request = request(&shop, &all, &(at(-3_600).0..at(0).0), |_| None).unwrap();
        let share = grown(&request, "container.cpu.throttled") / grown(&request, "container.cpu.periods");
        // Enough to be said, too little to make it degraded.
        assert!((0.27..0.45).contains(&share), "{share}");
    }

    #[test]
    fn a_pod_that_is_limited_as_a_whole_is_held_now_and_then() {
        let shop = Scenario::shop();
        let identity = server(&shop, "platform/identity", "i", "1");
        let all = served(&shop, &[(at(-3_600), fleet(&shop, &[&identity]))], OPENING);
        let request = request(&shop, &all, &(at(-3_600).0..at(0).0), |_| None).unwrap();
        assert!(points(&request, "container.cpu.periods").is_empty(), "its containers have no limit");
        let share = grown(&request, "k8s.pod.cpu.throttled") / grown(&request, "k8s.pod.cpu.periods");
        // Too little to be said.
        assert!((0.02..0.2).contains(&share), "{share}");
    }

    #[test]
    fn a_node_is_read_until_somebody_else_reads_it() {
        let shop = Scenario::shop();
        let cart = server(&shop, "shop/cart", "c", "1");
        let all = served(&shop, &[(at(-3_600), fleet(&shop, &[&cart]))], OPENING);
        let late = at(-60).0..at(600).0;
        let read = request(&shop, &all, &late, |_| Some(at(20))).unwrap();
        let times = points(&read, "container.cpu.time");
        let last = times.last().map(|point| point.time_unix_nano as i64).unwrap();
        assert!(last > at(10).0 && last <= at(20).0);
        assert!(times.is_sorted_by_key(|point| point.time_unix_nano));
        assert!(request(&shop, &all, &(at(-9_000).0..at(-8_000).0), |_| None).is_none());
    }
}
