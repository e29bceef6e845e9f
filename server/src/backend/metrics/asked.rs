//! What was asked for the pods of a service over time, as lines beside what they use. Pure.

use model::{Amounts, PodState, Series, Timestamp};

/// Which of the amounts that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// Cores.
    Cpu,
    /// Bytes.
    Memory,
}

impl Amount {
    fn of(self, amounts: Amounts) -> Option<f64> {
        match self {
            Self::Cpu => amounts.cpu.map(|thousandths| f64::from(thousandths) / 1_000.0),
            Self::Memory => amounts.memory.map(|bytes| bytes as f64),
        }
    }
}

/// Request and limit at each time of another series: of the pod that has most of it, as of then. Nothing where no pod
/// ever had any.
pub(super) fn asked(pods: &[PodState], amount: Amount, like: &Series) -> (Option<Series>, Option<Series>) {
    let request = line("request", like, pods, |pod, at| amount.of(pod.requests_at(at)));
    let limit = line("limit", like, pods, |pod, at| amount.of(pod.limits_at(at)));
    (request, limit)
}

/// Whether some of them have a limit as a whole. It is measured of none: each of their containers that has no limit of
/// its own is told to have all of it.
pub(super) fn share(pods: &[PodState], amount: Amount) -> bool {
    let limits = pods.iter().filter_map(|pod| Some(pod.whole.as_ref()?.asked.limits));
    limits.filter_map(|limits| amount.of(limits)).next().is_some()
}

fn line(
    name: &str,
    like: &Series,
    pods: &[PodState],
    of: impl Fn(&PodState, Timestamp) -> Option<f64>,
) -> Option<Series> {
    let mut points: Vec<Option<f64>> = vec![None; like.points.len()];
    for pod in pods {
        for (place, point) in points.iter_mut().enumerate() {
            let from = like.start.plus(place as i64 * like.step.0);
            // The end of the time that the point is of, or of the pod.
            let last = pod.ended.unwrap_or(Timestamp(i64::MAX)).min(from.plus(like.step.0 - 1));
            if last >= pod.created.max(from) {
                *point = of(pod, last).into_iter().chain(*point).reduce(f64::max);
            }
        }
    }
    points.iter().any(Option::is_some).then(|| Series { name: name.to_owned(), points, ..like.clone() })
}

#[cfg(test)]
mod tests {
    use model::{Asked, ContainerRole, ContainerState, Step, Whole};

    use super::*;
    use crate::fixtures;

    fn container(request: u64, limit: Option<u64>, role: ContainerRole) -> ContainerState {
        let of = |memory| Amounts { cpu: Some(500), memory };
        let asked = Asked { requests: of(Some(request)), limits: of(limit), ..Asked::default() };
        ContainerState { asked, role, ..fixtures::container("app") }
    }

    fn pod(created: i64, ended: Option<i64>, containers: Vec<ContainerState>) -> PodState {
        let ended = ended.map(Timestamp);
        PodState { ended, containers, ..fixtures::pod(fixtures::id("cart"), "p", Timestamp(created)) }
    }

    fn like(points: usize) -> Series {
        Series { name: String::new(), start: Timestamp(0), step: Step(10), points: vec![None; points] }
    }

    #[test]
    fn each_time_has_what_was_asked_for_then() {
        let old = pod(5, Some(32), vec![container(100, Some(200), ContainerRole::Main)]);
        let mut new = pod(25, None, vec![container(300, Some(400), ContainerRole::Main)]);
        // It was made larger in place, to more than the old one had.
        new.containers[0].before = vec![(Timestamp(45), container(50, Some(60), ContainerRole::Main).asked)];
        let (request, limit) = asked(&[old.clone(), new], Amount::Memory, &like(6));
        let some = |all: [f64; 6]| all.map(Some).to_vec();
        assert_eq!(request.unwrap().points, some([100.0, 100.0, 100.0, 100.0, 300.0, 300.0]));
        assert_eq!(limit.unwrap().points, some([200.0, 200.0, 200.0, 200.0, 400.0, 400.0]));
        let (request, _) = asked(&[old], Amount::Cpu, &like(6));
        assert_eq!(request.unwrap().points[3..], [Some(0.5), None, None], "nobody is there any more");
    }

    #[test]
    fn a_pod_has_what_its_lasting_containers_have_together() {
        let (main, sidecar) = (|limit| container(100, limit, ContainerRole::Main), ContainerRole::Sidecar);
        let of = |containers| asked(&[pod(0, None, containers)], Amount::Memory, &like(1));
        let init = container(9_000, Some(9_000), ContainerRole::Init);
        let (request, limit) = of(vec![init, container(20, Some(30), sidecar), main(Some(200))]);
        assert_eq!((request.unwrap().points, limit.unwrap().points), (vec![Some(120.0)], vec![Some(230.0)]));
        let (request, limit) = of(vec![container(20, Some(30), sidecar), main(None)]);
        assert_eq!((request.unwrap().points, limit), (vec![Some(120.0)], None), "one of them has no limit");
        assert_eq!(of(vec![]), (None, None));
    }

    #[test]
    fn what_a_pod_has_as_a_whole_counts_before_what_its_containers_have() {
        let memory = |memory| Amounts { cpu: None, memory };
        let of = |request, limit, containers| {
            let now = Asked { requests: memory(request), limits: memory(Some(limit)), ..Asked::default() };
            let then = Asked { limits: memory(Some(limit / 2)), ..now.clone() };
            let whole = Some(Box::new(Whole { asked: now, before: vec![(Timestamp(10), then)] }));
            let pods = [PodState { whole, ..pod(0, None, containers) }];
            assert!(share(&pods, Amount::Memory) && !share(&pods, Amount::Cpu));
            let (request, limit) = asked(&pods, Amount::Memory, &like(2));
            [request.unwrap().points, limit.unwrap().points].map(|all| all.into_iter().flatten().collect::<Vec<_>>())
        };
        let (main, sidecar) = (|limit| container(100, limit, ContainerRole::Main), ContainerRole::Sidecar);
        let both = |limit| vec![container(20, Some(30), sidecar), main(limit)];
        assert_eq!(of(Some(150), 400, both(None)), [[150.0, 150.0], [200.0, 400.0]]);
        assert_eq!(of(None, 400, both(Some(300))), [[120.0, 120.0], [200.0, 330.0]], "they may use less together");
        assert!(!share(&[pod(0, None, both(None))], Amount::Memory));
    }
}
