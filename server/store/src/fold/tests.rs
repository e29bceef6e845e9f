//! How far is folded, and what where what is remembered of that is wrong.

use std::sync::atomic::Ordering;

use model::{ClusterId, DAY, HOUR, MINUTE, MetricKind, Owner, SECOND, Step, Window};

use super::*;
use crate::partition::file::{Family, Front};
use crate::{Batch, By, ClusterRecord, OwnerFacts, PointRow, RedQuery, SeriesRow, Store, fixtures};

/// Requests by the minute, from the summaries and from the partition.
async fn requests(store: &Store, hour: model::Timestamp) -> f64 {
    let window = Window::new(hour.plus(-3 * HOUR), hour.plus(HOUR));
    let ask = RedQuery { services: None, window, step: Step(MINUTE), by: By::Service };
    let rows = store.telemetry().red(ask).await.unwrap();
    rows.iter().flat_map(|row| &row.cells).map(|(_, red)| red.requests).sum()
}

#[tokio::test]
async fn a_front_that_was_not_remembered_is_taken_from_the_summaries_and_nothing_counts_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = fixtures::open(folder.path()).await;
    let mut record = ClusterRecord::new(ClusterId("c1".into()));
    record.services = vec![fixtures::service("cart")];
    store.record(&record).await.unwrap();
    let (now, hour) = (crate::store::now(), crate::store::now().floor(HOUR));
    let mut batch = Batch::new([1; 16]);
    let facts =
        OwnerFacts { namespace: Some("shop".into()), service_name: Some("cart".into()), ..OwnerFacts::default() };
    let owner = batch.owner(Owner { attributes: Vec::new(), peer: None }, facts);
    for n in 0..300_u64 {
        let start = hour.plus(n as i64 * 37 * SECOND - 2 * HOUR);
        batch.push(&fixtures::span(owner, n + 1, "GET /", start, 1_000, ""));
    }
    store.telemetry().append(batch).await.unwrap();
    let before = requests(&store, hour).await;
    assert!(before > 0.0);
    // Merged, and folded; at the end of a period it may be closed meanwhile.
    for minutes in [3, 5] {
        store.maintain(now.plus(minutes * MINUTE)).await.unwrap();
    }
    let shared = store.shared();
    let file = shared.files(Family::Raw)[0].clone();
    let front = file.front();
    assert_ne!(front, Front::NONE);
    assert_eq!(requests(&store, hour).await, before);
    // As where the note could not be read, or was made but its connection failed after that.
    file.set_front(Front::NONE);
    file.mark.store(0, Ordering::Release);
    file.complete.store(false, Ordering::Release);
    assert_eq!(requests(&store, hour).await, before, "the partition tells it");
    store.maintain(now.plus(6 * MINUTE)).await.unwrap();
    assert_eq!((file.front(), requests(&store, hour).await), (front, before), "found again");
    store.maintain(now.plus(DAY)).await.unwrap();
    assert!(file.complete.load(Ordering::Acquire));
    assert_eq!(requests(&store, hour).await, before, "folded for good");
}

#[tokio::test]
async fn whose_metrics_are_is_not_found_out_for_a_fold() {
    let folder = tempfile::tempdir().unwrap();
    let store = fixtures::open(folder.path()).await;
    let now = crate::store::now();
    let mut batch = Batch::new([1; 16]);
    let owner = batch.owner(Owner { attributes: Vec::new(), peer: None }, OwnerFacts::default());
    let series = SeriesRow {
        owner,
        name: "container.cpu.time",
        kind: MetricKind::Counter,
        unit: "s",
        description: "",
        scope: "",
        labels: &[],
        bounds: &[],
    };
    batch.push_point(&series, &PointRow { at: now, start: Timestamp(0), value: 1.0, distribution: None });
    store.telemetry().append(batch).await.unwrap();
    store.maintain(now.plus(3 * MINUTE)).await.unwrap();
    let file = store.shared().files(Family::Raw)[0].clone();
    assert!(file.mark.load(Ordering::Acquire) > 0, "it was looked over");
    assert_eq!(file.owners_read().await, 0);
}

#[test]
fn a_fold_comes_as_far_as_the_first_open_minute() {
    let closed = |minute: i64| minute < 5 * MINUTE;
    let row = |seq, first: i64, last: i64| (100 - seq, seq, first * MINUTE, last * MINUTE + 1, 1);
    assert_eq!(mark_after(&[], 7, closed), 7);
    assert_eq!(mark_after(&[row(8, 1, 2), row(9, 4, 4)], 7, closed), 9);
    assert_eq!(mark_after(&[row(8, 1, 2), row(9, 4, 5), row(10, 1, 1)], 7, closed), 8);
    assert_eq!(mark_after(&[(1, 8, i64::MAX, i64::MIN, 1)], 7, closed), 8, "a rollup without cells is no obstacle");
}

#[test]
fn partitions_of_a_day_share_a_file() {
    let day = DAY / 1_000_000;
    assert_eq!(day_of(3 * day + 5), 3 * day);
    assert_eq!(day_of(4 * day - 1), 3 * day);
}
