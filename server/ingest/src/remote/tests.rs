use model::{MetricKind, Owner, Timestamp};
use prost::Message;
use store::{OwnerFacts, PointRow, STALE, SeriesRow};

use super::decode;
use crate::Limits;
use crate::envelope::Owning;
use crate::metrics::Sink;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    millis: i64,
}

#[derive(Default)]
struct Points {
    owners: Vec<(Owner, OwnerFacts)>,
    told: Vec<(u32, String, MetricKind, String, i64, u64)>,
}

impl Owning for Points {
    fn owner(&mut self, owner: Owner, facts: OwnerFacts) -> u32 {
        self.owners.push((owner, facts));
        self.owners.len() as u32 - 1
    }
}

impl Sink for Points {
    fn push(&mut self, series: &SeriesRow<'_>, point: &PointRow<'_>) {
        let labels = format!("{:?}", series.labels);
        self.told.push((series.owner, series.name.into(), series.kind, labels, point.at.0, point.value.to_bits()));
    }
}

fn series(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> TimeSeries {
    TimeSeries {
        labels: labels.iter().map(|(name, value)| Label { name: (*name).into(), value: (*value).into() }).collect(),
        samples: samples.iter().map(|(value, millis)| Sample { value: *value, millis: *millis }).collect(),
    }
}

#[test]
fn labels_become_a_name_an_owner_and_the_rest() {
    let whose = [("container", "app"), ("instance", "10.0.0.1:80"), ("job", "shop/checkout"), ("pod", "checkout-1")];
    let of = |name: &'static str| -> Vec<(&str, &str)> {
        [("z", "1"), ("__name__", name), ("a", "2")].into_iter().chain(whose).collect()
    };
    let request = WriteRequest {
        series: vec![
            series(&of("http_requests_total"), &[(5.0, 1_000), (6.0, 2_000)]),
            series(&of("process_resident_memory_bytes"), &[(STALE, -1)]),
            series(&[("a", "b")], &[(1.0, 1)]),
        ],
    };
    let mut points = Points::default();
    let report = decode(&request.encode_to_vec(), &Limits::default(), Timestamp(0), &mut points).unwrap();
    assert_eq!((report.taken, report.invalid, points.owners.len()), (3, 1, 1));
    let labels = r#"[("a", "2"), ("z", "1")]"#.to_owned();
    let told = |name: &str, kind, at, value: f64| (0, name.to_owned(), kind, labels.clone(), at, value.to_bits());
    assert_eq!(
        points.told,
        [
            told("http_requests_total", MetricKind::Counter, 1_000_000_000, 5.0),
            told("http_requests_total", MetricKind::Counter, 2_000_000_000, 6.0),
            told("process_resident_memory_bytes", MetricKind::Gauge, -1_000_000, STALE),
        ]
    );
    let (owner, facts) = &points.owners[0];
    assert_eq!((owner.get("service.name"), owner.get("k8s.container.name")), (Some("checkout"), Some("app")));
    assert_eq!((facts.namespace.as_deref(), facts.pod_name.as_deref()), (Some("shop"), Some("checkout-1")));
    assert_eq!((owner.peer, facts.peer), (None, None));
}

#[test]
fn damage_is_refused_whole_and_never_a_panic() {
    let request = WriteRequest { series: vec![series(&[("__name__", "up"), ("job", "a")], &[(1.0, 1), (2.0, 2)]); 2] };
    let bytes = request.encode_to_vec();
    for at in 0..bytes.len() {
        let _ = decode(&bytes[..at], &Limits::default(), Timestamp(0), &mut Points::default());
        for change in [0x55, 0x01, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            let ours = decode(&damaged, &Limits::default(), Timestamp(0), &mut Points::default());
            assert!(ours.is_err() || WriteRequest::decode(&damaged[..]).is_ok() || damaged[at] & 7 == 2, "byte {at}");
        }
    }
    let limits = Limits { records: 3, ..Limits::default() };
    let report = decode(&bytes, &limits, Timestamp(0), &mut Points::default()).unwrap();
    assert_eq!((report.taken, report.over), (3, 1));
}
