use model::{MetricKind, Timestamp};

use super::filter::{hash_name, may_match};
use super::{OVERFLOW, PointBlock, PointColumns};
use crate::block::columns::Columns;
use crate::metrics::STALE;
use crate::{DistributionRow, PointRow, SeriesRow};

fn series<'a>(name: &'a str, kind: MetricKind, labels: &'a [(&'a str, &'a str)]) -> SeriesRow<'a> {
    SeriesRow { owner: 1, name, kind, unit: "By", description: "d", scope: "s", labels, bounds: &[] }
}

fn point(at: i64, value: f64) -> PointRow<'static> {
    PointRow { at: Timestamp(at), start: Timestamp(5), value, distribution: None }
}

/// Every point as text, in the order of the columns; NaN differs from itself, so values are their bits.
fn told(columns: &PointColumns) -> Vec<String> {
    let text = |number: u32| columns.texts.get(number);
    let one = |at: usize| {
        let series = columns.series.get(columns.of[at]);
        let labels: Vec<_> =
            columns.series.labels(columns.of[at]).iter().map(|(key, value)| (text(*key), text(*value))).collect();
        let bounds = &columns.series.all_bounds()[series.bounds as usize];
        let point = columns.point(at);
        format!(
            "{} {} {:?} {} {} {} {labels:?} {bounds:?} {} {} {:x} {} {} {} {:?}",
            text(series.name),
            series.owner,
            series.kind,
            text(series.unit),
            text(series.description),
            text(series.scope),
            point.at,
            point.start,
            point.value.to_bits(),
            point.count,
            point.min,
            point.max,
            point.buckets
        )
    };
    (0..columns.len()).map(one).collect()
}

fn mixed() -> PointColumns {
    let mut columns = PointColumns::default();
    for at in 0..100_i64 {
        let labels = [("host", "a"), ("zone", "ö")];
        columns.push(&series("cpu", MetricKind::Gauge, &labels), &point(1_000 * at, 0.1 * at as f64));
        columns.push(&series("cpu", MetricKind::Gauge, &[]), &point(-7 * at, -(at as f64)));
        columns.push(&series("total", MetricKind::Counter, &labels), &point(1_000 * at, 3e9 + 17.0 * at as f64));
        let buckets = [at as u64, 2 * at as u64, u64::MAX];
        let distribution =
            DistributionRow { count: 3 * at as u64, min: (at % 2 == 0).then_some(0.5), max: None, buckets: &buckets };
        let bounds = [0.1, f64::MAX];
        let row = SeriesRow { owner: 4, bounds: &bounds, ..series("took", MetricKind::Histogram, &labels) };
        columns.push(&row, &PointRow { distribution: Some(distribution), ..point(1_000 * at, 0.3) });
    }
    for value in [f64::NAN, STALE, f64::INFINITY, -0.0, f64::MIN_POSITIVE, 9e15, 9_007_199_254_740_992.0] {
        columns.push(&series("odd", MetricKind::Gauge, &[("v", &value.to_string())]), &point(i64::MAX, value));
        columns.push(&series("odd", MetricKind::Gauge, &[]), &point(i64::MIN, value));
    }
    columns
}

#[test]
fn points_come_back_sorted_by_name_owner_and_time() {
    let columns = mixed();
    for level in [1, 3] {
        let read = PointColumns::unseal(&columns.seal(level).unwrap()).unwrap();
        let (mut before, mut after) = (told(&columns), told(&read));
        let names: Vec<&str> = read.of.iter().map(|series| read.texts.get(read.series.get(*series).name)).collect();
        assert!(names.is_sorted());
        before.sort_unstable();
        after.sort_unstable();
        assert_eq!(before, after);
        assert_eq!((read.bounds(), read.overflowed()), (columns.bounds(), 0));
    }
    let empty = PointColumns::default();
    assert_eq!(PointColumns::unseal(&empty.seal(1).unwrap()).unwrap().len(), 0);
}

#[test]
fn joined_columns_hold_the_points_of_both() {
    let mut joined = PointColumns::default();
    joined.append(&mixed(), &[0, 7, 0, 0, 9]);
    joined.append(&PointColumns::unseal(&mixed().seal(1).unwrap()).unwrap(), &[0, 7, 0, 0, 9]);
    assert_eq!(joined.len(), 2 * mixed().len());
    assert_eq!(joined.series.len(), mixed().series.len(), "a series stands once");
    let owner = |text: &String| text.replace(" 1 ", " 7 ").replace(" 4 Histogram", " 9 Histogram");
    let mut expected: Vec<String> = told(&mixed()).iter().chain(&told(&mixed())).map(owner).collect();
    let mut found: Vec<String> = told(&joined).iter().map(owner).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_flipped_bit_is_found() {
    let mut columns = PointColumns::default();
    columns.push(&series("cpu", MetricKind::Gauge, &[("host", "a")]), &point(9, 0.5));
    columns.push(&series("total", MetricKind::Counter, &[]), &point(9, 5.0));
    let sealed = columns.seal(3).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << bit;
            assert!(PointColumns::unseal(&damaged).is_err(), "byte {at} bit {bit}");
        }
        assert!(PointColumns::unseal(&sealed[..at]).is_err());
    }
}

/// Whatever stands in a body, even one whose checksum was made for it: an error or other points, never a panic.
#[test]
fn a_body_of_nonsense_is_no_panic() {
    let body = super::super::open(super::bytes::MAGIC, super::bytes::FORMAT, &mixed().seal(1).unwrap()).unwrap();
    let mut random = 7_u64;
    for _ in 0..3_000 {
        let mut damaged = body.clone();
        for _ in 0..2 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % damaged.len();
            damaged[at] = (random >> 20) as u8;
        }
        let sealed = super::super::seal(super::bytes::MAGIC, super::bytes::FORMAT, &damaged, 1).unwrap();
        let _ = PointColumns::unseal(&sealed);
    }
}

#[test]
fn only_the_metric_asked_for_is_unpacked() {
    let columns = mixed();
    let block = PointBlock::open(&columns.seal(3).unwrap()).unwrap();
    let of_name = |name: &str| {
        let is_it = |series: &std::ops::Range<u32>| block.texts.get(block.series.get(series.start).name) == name;
        block.sections().position(|series| is_it(&series)).unwrap()
    };
    let section = of_name("took");
    let series = block.sections().nth(section).unwrap();
    let values = block.values(section).unwrap();
    let run = block.run(section, series.start, &values);
    assert_eq!((run.at.len(), run.count[99], run.buckets.len()), (100, 297, 300));
    assert_eq!(run.buckets[294..], [98, 196, u64::MAX, 99, 198, u64::MAX]);
    assert_eq!((run.min[98], run.value[3], run.start[0]), (0.5, 0.3, 5));
}

#[test]
fn regular_points_are_small() {
    let mut columns = PointColumns::default();
    let hosts: Vec<String> = (0..1_000).map(|n| format!("host-{n}")).collect();
    for at in 0..60_u64 {
        for (n, host) in hosts.iter().enumerate() {
            let time = 1_700_000_000_000_000_000 + at as i64 * 10_000_000_000;
            let value = (at * (40 + n as u64 % 7) + at * at % 5 + n as u64) as f64;
            columns.push(&series("requests", MetricKind::Counter, &[("host", host)]), &point(time, value));
        }
    }
    let bytes = columns.seal(3).unwrap().len();
    assert!(bytes < 60_000, "{bytes} bytes for 60,000 points");
}

#[test]
fn a_filter_never_denies_what_is_there() {
    let stored = mixed().filter();
    let may = |owners: &[u32], name: Option<&str>| may_match(&stored, owners, name.map(hash_name)).unwrap();
    assert!(may(&[1], Some("cpu")) && may(&[0, 4], None) && may(&[4], Some("took")));
    assert!(!may(&[2, 3], None) && !may(&[1], Some("other")) && !may(&[], None));
}

#[test]
fn series_beyond_the_limit_share_one_that_keeps_the_name() {
    let mut columns = PointColumns::default();
    let ids: Vec<String> = (0..7_000).map(|n| n.to_string()).collect();
    for id in &ids {
        columns.push(&series("hits", MetricKind::Counter, &[("id", id)]), &point(1, 1.0));
    }
    columns.push(&series("cpu", MetricKind::Gauge, &[("id", "new")]), &point(1, 1.0));
    assert_eq!((columns.series.len(), columns.overflowed(), columns.len()), (5_002, 2_001, 7_001));
    let last = columns.series.labels(5_001);
    assert_eq!(columns.texts.get(last[0].0), OVERFLOW);
    assert_eq!(columns.texts.get(columns.series.get(5_001).name), "cpu");
    for id in &ids {
        columns.push(&series(id, MetricKind::Gauge, &[]), &point(1, 1.0));
    }
    assert_eq!(columns.series.len(), 5_501, "names without end share one series");
    let mut other = PointColumns::default();
    other.append(&columns, &[0, 1]);
    assert_eq!((other.series.len(), other.len()), (5_501, 14_001));
}
