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
    for sealed in [columns.seal(1).unwrap(), columns.seal(3).unwrap(), columns.seal_merged(3).unwrap()] {
        let read = PointColumns::unseal(&sealed).unwrap();
        assert_eq!(PointColumns::count(&sealed).unwrap(), columns.len());
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
    assert_eq!(PointColumns::unseal(&empty.seal_merged(3).unwrap()).unwrap().len(), 0);
}

#[test]
fn of_a_merged_block_only_bodies_of_the_metric_and_owners_asked_for_are_read() {
    let mut columns = PointColumns::default();
    for (at, name, owner) in (0..5_000).flat_map(|at| [(at, "a", 1), (at, "a", 2), (at, "b", 1)]) {
        columns.push(&SeriesRow { owner, ..series(name, MetricKind::Gauge, &[]) }, &point(at, f64::from(owner)));
    }
    columns.push(&series("c", MetricKind::Gauge, &[]), &point(1, 1.0));
    let sealed = columns.seal_merged(3).unwrap();
    let found = |owners: &[u32], name: Option<&str>| -> Vec<(String, u32)> {
        let blocks = PointBlock::open(&sealed, owners, name.map(hash_name).as_slice()).unwrap();
        let told = |block: &PointBlock| {
            let series = block.series.get(0);
            (block.texts.get(series.name).to_owned(), series.owner)
        };
        blocks.iter().map(told).collect()
    };
    let of = |name: &str, owner: u32| (name.to_owned(), owner);
    assert_eq!(found(&[1, 2], Some("a")), [of("a", 1), of("a", 2)]);
    assert_eq!(found(&[2], None), [of("a", 2)]);
    assert_eq!(found(&[1], Some("c")), [of("c", 1)]);
    assert!(found(&[2], Some("b")).is_empty());
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
    for sealed in [columns.seal(3).unwrap(), columns.seal_merged(3).unwrap()] {
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut damaged = sealed.clone();
                damaged[at] ^= 1 << bit;
                assert!(PointColumns::unseal(&damaged).is_err(), "byte {at} bit {bit}");
            }
            assert!(PointColumns::unseal(&sealed[..at]).is_err());
        }
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
    let block = PointBlock::open(&columns.seal(3).unwrap(), &[], &[]).unwrap().remove(0);
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
    for bytes in [columns.seal(3).unwrap().len(), columns.seal_merged(3).unwrap().len()] {
        assert!(bytes < 60_000, "{bytes} bytes for 60,000 points");
    }
}

#[test]
fn a_filter_never_denies_what_is_there() {
    let stored = mixed().filter();
    let may = |owners: &[u32], name: Option<&str>| may_match(&stored, owners, name.map(hash_name).as_slice()).unwrap();
    assert!(may(&[1], Some("cpu")) && may(&[0, 4], None) && may(&[4], Some("took")));
    assert!(!may(&[2, 3], None) && !may(&[1], Some("other")) && !may(&[], None));
}

#[test]
fn a_merge_joins_no_series_that_were_told_apart() {
    let of = |ids: std::ops::Range<u32>| {
        let mut columns = PointColumns::default();
        for id in ids {
            columns.push(&series("requests", MetricKind::Counter, &[("id", &id.to_string())]), &point(9, 1.0));
        }
        columns
    };
    let few = of(0..3_000);
    assert!(few.fits_beside(&of(0..3_000)) && few.fits_beside(&of(1_000..5_000)));
    assert!(!few.fits_beside(&of(1_000..5_001)));
    assert!(of(0..6_000).fits_beside(&of(9_000..9_100)), "nothing more is lost");
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
