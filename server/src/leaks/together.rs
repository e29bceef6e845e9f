//! Memory of a pod that has a limit as a whole: what counts against it is what its containers use together. Pure.

use std::collections::{BTreeMap, HashMap};

use model::{LeakOf, PodState};

use super::reader::{Points, Run};

/// Gives runs of containers the level and the limit of their pod where these bound them: where a container has no limit
/// of its own, or more room below it than its pod has. What is measured does not tell: a kubelet gives a container
/// without a limit its pod's, which none of several gets near alone.
pub(super) fn bound(runs: &mut [Run], pods: &HashMap<&str, &PodState>) {
    let mut containers: BTreeMap<(&str, &LeakOf), Points> = BTreeMap::new();
    for run in runs.iter().filter(|run| shared(run, pods).is_some()) {
        containers.entry((&run.pod, &run.of)).or_default().extend(&run.level);
    }
    let mut levels: HashMap<String, Points> = HashMap::new();
    for ((pod, _), mut level) in containers {
        // A container that two tell of, or that has just begun again, is there once.
        join(&mut level, f64::max);
        levels.entry(pod.to_owned()).or_default().extend(level);
    }
    levels.values_mut().for_each(|level| join(level, |one, other| one + other));
    let last = |level: &Points| level.last().map_or(0.0, |(_, bytes)| *bytes);
    for run in runs {
        let (Some((pod, whole)), Some(level)) = (shared(run, pods), levels.get(&run.pod)) else { continue };
        if own(run, pod).is_none_or(|own| whole - last(level) < own - last(&run.level)) {
            run.limit = Some(whole);
            run.level.clone_from(level);
            run.together = pod.containers.iter().filter(|container| container.role.lasts()).count() > 1;
        }
    }
}

/// The pod of a container, and its limit as a whole.
fn shared<'a>(run: &Run, pods: &HashMap<&str, &'a PodState>) -> Option<(&'a PodState, f64)> {
    let pod = pods.get(run.pod.as_str()).filter(|_| matches!(run.of, LeakOf::Memory { .. }))?;
    Some((pod, pod.whole.as_ref()?.asked.limits.memory? as f64))
}

/// What was asked for the container alone.
fn own(run: &Run, pod: &PodState) -> Option<f64> {
    Some(run.state(pod)?.asked.limits.memory? as f64)
}

/// One point of each time, made of all that were measured then.
fn join(points: &mut Points, with: impl Fn(f64, f64) -> f64) {
    points.sort_by_key(|(at, _)| *at);
    points.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        if is_same {
            first.1 = with(first.1, later.1);
        }
        is_same
    });
}

#[cfg(test)]
mod tests {
    use model::{Amounts, Asked, ContainerState, MINUTE, Timestamp, Whole};

    use super::*;
    use crate::fixtures;

    /// A pod that may have 1,000 bytes, whose containers have limits of their own or not.
    fn pod(containers: &[(&str, Option<u64>)]) -> PodState {
        let of = |memory| Asked { limits: Amounts { cpu: None, memory }, ..Asked::default() };
        let state = |(name, limit): &(&str, _)| ContainerState { asked: of(*limit), ..fixtures::container(name) };
        let whole = Some(Box::new(Whole { asked: of(Some(1_000)), before: vec![] }));
        let containers = containers.iter().map(state).collect();
        PodState { whole, containers, ..fixtures::pod(fixtures::id("cart"), "cart-1", Timestamp(0)) }
    }

    fn run(container: &str, minutes: std::ops::Range<i64>, bytes: f64, limit: Option<f64>) -> Run {
        let level: Points = minutes.map(|minute| (Timestamp(minute * MINUTE), bytes)).collect();
        Run {
            of: LeakOf::Memory { container: container.into() },
            pod: "cart-1".into(),
            container: None,
            points: level.clone(),
            level,
            load: vec![],
            limit,
            together: false,
        }
    }

    /// Levels, limit, and whether they are of all containers together, run by run.
    fn check(pod: &PodState, mut runs: Vec<Run>, expect: &[(&[f64], Option<f64>, bool)]) {
        bound(&mut runs, &HashMap::from([("cart-1", pod)]));
        let levels: Vec<Vec<f64>> =
            runs.iter().map(|run| run.level.iter().map(|(_, bytes)| *bytes).collect()).collect();
        let all = runs.iter().zip(&levels).map(|(run, level)| (level.as_slice(), run.limit, run.together));
        assert_eq!(all.collect::<Vec<_>>(), expect);
    }

    #[test]
    fn containers_without_a_limit_fill_that_of_their_pod_together() {
        let two = pod(&[("app", None), ("proxy", None)]);
        let runs = || vec![run("app", 0..3, 700.0, Some(1_000.0)), run("proxy", 1..3, 200.0, Some(1_000.0))];
        let together: (&[f64], _, _) = (&[700.0, 900.0, 900.0], Some(1_000.0), true);
        check(&two, runs(), &[together, together]);
        check(
            &PodState { whole: None, ..two },
            runs(),
            &[(&[700.0, 700.0, 700.0], Some(1_000.0), false), (&[200.0, 200.0], Some(1_000.0), false)],
        );
    }

    #[test]
    fn a_container_that_is_told_of_twice_at_one_time_is_there_once() {
        let runs = vec![run("app", 0..2, 700.0, None), run("app", 1..3, 650.0, None), run("proxy", 0..3, 200.0, None)];
        let together: (&[f64], _, _) = (&[900.0, 900.0, 850.0], Some(1_000.0), true);
        check(&pod(&[("app", None), ("proxy", None)]), runs, &[together, together, together]);
    }

    #[test]
    fn the_only_container_has_the_limit_of_its_pod() {
        let runs = vec![run("app", 0..2, 700.0, None)];
        check(&pod(&[("app", None)]), runs, &[(&[700.0, 700.0], Some(1_000.0), false)]);
    }

    #[test]
    fn a_limit_of_its_own_bounds_a_container_where_it_is_reached_first() {
        let of = |proxy: f64| vec![run("app", 0..1, 700.0, None), run("proxy", 0..1, proxy, Some(250.0))];
        let both = pod(&[("app", None), ("proxy", Some(250))]);
        check(&both, of(200.0), &[(&[900.0], Some(1_000.0), true), (&[200.0], Some(250.0), false)]);
        check(&both, of(20.0), &[(&[720.0], Some(1_000.0), true), (&[20.0], Some(250.0), false)]);
        let large = pod(&[("app", None), ("proxy", Some(900))]);
        check(&large, of(20.0), &[(&[720.0], Some(1_000.0), true), (&[720.0], Some(1_000.0), true)]);
    }
}
