//! Pods of a service over time: a lane each, or how many were in which phase where that would be too many.

use std::collections::BTreeMap;

use app::AppError;
use model::{PodLane, PodLanes, PodPhase, PodState, Series, ServiceId, Timestamp, Viewer, Window};

use super::revision_name;
use crate::backend::apm::place;
use crate::backend::{Answers, failed};

/// Lanes that can be told apart; of more pods only their number is drawn.
const LANES: usize = 200;
/// Points of a chart.
const POINTS: i64 = 120;

/// Pods as lanes.
pub(in crate::backend) async fn lanes(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<PodLanes, AppError> {
    answers.known(id)?;
    let pods = answers.store.pods(id, window).await.map_err(failed)?;
    let revisions = answers.store.revisions(id).await.map_err(failed)?;
    if pods.len() > LANES {
        return Ok(PodLanes { window, lanes: Vec::new(), counts: counts(&pods, window), counted: pods.len() as u32 });
    }
    let lane = |pod: &PodState| PodLane {
        pod: pod.name.to_string(),
        revision: revision_name(&revisions, pod),
        place: pod.revision.as_ref().and_then(|hash| place(&revisions, hash)),
        stretches: stretches(pod, window),
    };
    Ok(PodLanes { window, lanes: pods.iter().map(lane).collect(), counts: Vec::new(), counted: 0 })
}

/// How many pods were in each phase in the middle of each bucket; phases in which none was are left out.
fn counts(pods: &[PodState], window: Window) -> Vec<(PodPhase, Series)> {
    let step = window.step(POINTS);
    let aligned = window.aligned(step);
    // The unfinished last bucket is left out.
    let buckets = (window.to.since(aligned.from) / step.0).max(0) as usize;
    let bucket = |at: Timestamp| {
        let after_middle = at.since(aligned.from) - step.0 / 2;
        ((after_middle + step.0 - 1).div_euclid(step.0).max(0) as usize).min(buckets)
    };
    let mut changes: BTreeMap<PodPhase, Vec<i64>> = BTreeMap::new();
    for (from, to, phase) in pods.iter().flat_map(|pod| stretches(pod, window)) {
        let of_phase = changes.entry(phase).or_insert_with(|| vec![0; buckets + 1]);
        of_phase[bucket(from)] += 1;
        of_phase[bucket(to)] -= 1;
    }
    let series = changes.into_iter().map(|(phase, changes)| {
        let counts = changes[..buckets].iter().scan(0, |count, change| {
            *count += change;
            Some(Some(*count as f64))
        });
        let points: Vec<Option<f64>> = counts.collect();
        (phase, Series { name: phase.word().to_owned(), start: aligned.from, step, points })
    });
    series.filter(|(_, series)| series.points.iter().flatten().any(|count| *count > 0.0)).collect()
}

/// A pod's history cut to the window.
fn stretches(pod: &PodState, window: Window) -> Vec<(Timestamp, Timestamp, PodPhase)> {
    let end = pod.ended.unwrap_or(window.to);
    let ends = pod.history.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let cut = |(from, to, phase): (Timestamp, Timestamp, PodPhase)| {
        let (from, to) = (from.max(window.from), to.min(end).min(window.to));
        (from < to).then_some((from, to, phase))
    };
    pod.history.iter().zip(ends).filter_map(|((from, phase), to)| cut((*from, to, *phase))).collect()
}

#[cfg(test)]
mod tests {
    use model::{ClusterId, PodId, SECOND};
    use store::ClusterRecord;

    use super::*;
    use crate::fixtures;

    fn pod(history: &[(i64, PodPhase)], ended: Option<i64>) -> PodState {
        PodState {
            id: PodId("u".into()),
            ended: ended.map(|at| Timestamp(at * SECOND)),
            history: history.iter().map(|(at, phase)| (Timestamp(at * SECOND), *phase)).collect(),
            ..fixtures::pod(ServiceId::new("c", "n", "Deployment", "d"), "p", Timestamp(history[0].0 * SECOND))
        }
    }

    #[test]
    fn stretches_are_cut_to_the_window_and_to_the_end() {
        let window = Window::new(Timestamp(10 * SECOND), Timestamp(100 * SECOND));
        let history = [(0, PodPhase::Pending), (5, PodPhase::Starting), (20, PodPhase::Ready)];
        let seconds = |pod: &PodState| -> Vec<(i64, i64, PodPhase)> {
            stretches(pod, window).iter().map(|(a, b, phase)| (a.seconds(), b.seconds(), *phase)).collect()
        };
        assert_eq!(seconds(&pod(&history, None)), [(10, 20, PodPhase::Starting), (20, 100, PodPhase::Ready)]);
        assert_eq!(seconds(&pod(&history, Some(50))), [(10, 20, PodPhase::Starting), (20, 50, PodPhase::Ready)]);
        assert_eq!(seconds(&pod(&history, Some(8))), []);
    }

    #[test]
    fn pods_are_counted_by_phase_in_the_middle_of_each_bucket() {
        let window = Window::new(Timestamp(0), Timestamp(1_200 * SECOND));
        let step = window.step(POINTS).0 / SECOND;
        assert_eq!(step, 10);
        let history = [(0, PodPhase::Pending), (15, PodPhase::Starting), (26, PodPhase::Ready)];
        let counts = counts(&[pod(&history, None), pod(&history, Some(40))], window);
        let first = |phase: PodPhase| -> Vec<f64> {
            let (_, series) = counts.iter().find(|(known, _)| *known == phase).unwrap();
            assert_eq!((series.points.len(), series.name.as_str()), (120, phase.word()));
            series.points[..6].iter().map(|count| count.unwrap()).collect()
        };
        // The middles are at 5, 15, 25, 35, 45 and 55 s.
        assert_eq!(first(PodPhase::Pending), [2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(first(PodPhase::Starting), [0.0, 2.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(first(PodPhase::Ready), [0.0, 0.0, 0.0, 2.0, 1.0, 1.0]);
        assert_eq!(counts.len(), 3, "none was in another phase");
    }

    #[tokio::test]
    async fn two_hundred_pods_have_lanes_and_one_more_makes_them_counts() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::fixtures::open(folder.path()).await;
        crate::fixtures::record(&store, vec![crate::fixtures::service("cart")], vec![]).await;
        let id = crate::fixtures::id("cart");
        let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
        let answers = Answers::new(store.clone(), ingest, vec![], false);
        let window = Window::new(Timestamp(0), Timestamp(1_200 * SECOND));
        let keep = async |numbers: std::ops::Range<usize>| {
            let mut more = ClusterRecord::new(ClusterId("c1".into()));
            let named = |n: usize| PodState {
                id: PodId(format!("pod-{n}").into()),
                cluster: "c1".into(),
                service: id.clone().into(),
                ..pod(&[(1, PodPhase::Ready)], None)
            };
            more.pods = numbers.map(|n| named(n).into()).collect();
            store.record(&more).await.unwrap();
            lanes(&answers, &Viewer::local(), &id, window).await.unwrap()
        };
        let few = keep(0..LANES).await;
        assert_eq!((few.lanes.len(), few.counts.len(), few.counted), (LANES, 0, 0));
        let many = keep(LANES..LANES + 1).await;
        assert_eq!((many.lanes.len(), many.counted), (0, 201));
        let [(PodPhase::Ready, ready)] = &many.counts[..] else { panic!("{:?}", many.counts) };
        assert!(ready.points.iter().all(|count| *count == Some(201.0)), "to the last bucket");
    }
}
