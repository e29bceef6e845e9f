//! What was read of containers and volumes, as shares of what they may have. Pure.

use std::collections::{BTreeMap, HashMap};

use analysis::{Measured, SaturationRules, saturation, throttled};
use model::{LeakOf, PodState, Saturation, SaturationOf, Timestamp};

use super::reader::{Points, Run};

/// What the living pods of a service have too little of, the worst first. `held` are periods a second by pod and
/// container, or by pod of those that have a limit as a whole: those in which it wanted to run, and of them those in
/// which it was held.
pub(super) fn find(
    runs: &[Run],
    held: Vec<(Vec<String>, Points, Points)>,
    pods: &HashMap<&str, &PodState>,
    now: Timestamp,
) -> Vec<Saturation> {
    let living = |name: &str| pods.get(name).copied().filter(|pod| pod.ended.is_none());
    let mut all: BTreeMap<SaturationOf, Vec<Measured>> = BTreeMap::new();
    for run in runs {
        let Some(limit) = run.limit.filter(|limit| *limit > 0.0) else { continue };
        if living(&run.pod).is_none_or(|pod| run.is_past(pod)) {
            continue;
        }
        let of = match &run.of {
            LeakOf::Memory { .. } if run.together => SaturationOf::PodMemory,
            LeakOf::Memory { container } => SaturationOf::Memory { container: container.clone() },
            LeakOf::Volume { volume } => SaturationOf::Volume { volume: volume.clone() },
        };
        let known = all.entry(of).or_default();
        // What containers have together is the same of each.
        if run.together && known.iter().any(|known| known.pod == run.pod) {
            continue;
        }
        let shares = run.level.iter().map(|(at, bytes)| (*at, bytes / limit)).collect();
        known.push(Measured { pod: run.pod.clone(), shares, whole: Some(limit) });
    }
    for (key, periods, held) in held {
        let (pod, of) = match key.as_slice() {
            [pod] => (pod, SaturationOf::PodCpu),
            [pod, container] => (pod, SaturationOf::Cpu { container: container.clone() }),
            _ => continue,
        };
        if living(pod).is_some() {
            let shares = throttled(&periods, &held);
            all.entry(of).or_default().push(Measured { pod: pod.clone(), shares, whole: None });
        }
    }
    let rules = SaturationRules::default();
    let mut found: Vec<Saturation> =
        all.iter().filter_map(|(of, measured)| saturation(of, now, measured, &rules)).collect();
    found.sort_by_key(|one| !one.degrades);
    found
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use model::{Amounts, Asked, ClusterId, MINUTE, PodId, SECOND, Whole};
    use serde_json::{Value, json};
    use store::{ClusterRecord, Store};
    use tower::ServiceExt;

    use super::*;
    use crate::fixtures::{self, id, open, record, service};
    use crate::leaks::read::look;

    fn pod(name: &str, container: &str) -> PodState {
        let state = model::ContainerState {
            name: "app".into(),
            id: Some(container.into()),
            state: "running".into(),
            ready: true,
            ..model::ContainerState::default()
        };
        PodState {
            id: PodId(format!("uid-{name}").into()),
            history: vec![],
            containers: vec![state],
            ..fixtures::pod(id("cart"), name, Timestamp(1))
        }
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn run(pod: &str, container: &str, share: f64, limit: Option<f64>) -> Run {
        let level: Points = (0..30).map(|minute| (NOW.plus((minute - 30) * MINUTE), share * 1_000.0)).collect();
        Run {
            of: LeakOf::Memory { container: "app".into() },
            pod: pod.into(),
            container: Some(container.into()),
            points: level.clone(),
            level,
            load: vec![],
            limit,
            together: false,
        }
    }

    #[test]
    fn only_what_runs_and_has_a_limit_can_lack_something() {
        let (here, gone) = (pod("here", "now"), PodState { ended: Some(NOW), ..pod("gone", "now") });
        let pods = HashMap::from([("here", &here), ("gone", &gone)]);
        let count = |run: Run| find(&[run], vec![], &pods, NOW).len();
        assert_eq!(count(run("here", "now", 0.97, Some(1_000.0))), 1);
        assert_eq!(count(run("here", "now", 0.9, Some(1_000.0))), 0);
        assert_eq!(count(run("here", "before", 0.97, Some(1_000.0))), 0, "that run is over");
        assert_eq!(count(run("here", "now", 0.97, None)), 0, "it has no limit");
        assert_eq!(count(run("gone", "now", 0.97, Some(1_000.0))), 0);
        assert_eq!(count(run("stranger", "now", 0.97, Some(1_000.0))), 0);
    }

    #[test]
    fn what_containers_have_together_is_said_once_of_their_pod() {
        let one = pod("here", "now");
        let of = |name: &str| Run {
            of: LeakOf::Memory { container: name.into() },
            together: true,
            ..run("here", "now", 0.97, Some(1_000.0))
        };
        let found = find(&[of("app"), of("proxy")], vec![], &HashMap::from([("here", &one)]), NOW);
        let [found] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((&found.of, found.pods.as_slice()), (&SaturationOf::PodMemory, &["here".to_owned()][..]));
    }

    /// Readings of the last half hour, one every 15 s.
    fn points(now: Timestamp, value: impl Fn(f64) -> f64) -> Vec<Value> {
        let start = now.plus(-30 * MINUTE);
        let reading = |n: i64| {
            let at = start.plus(n * 15 * SECOND);
            json!({"startTimeUnixNano": start.0.to_string(), "timeUnixNano": at.0.to_string(),
                "asDouble": value(15.0 * n as f64)})
        };
        (0..120).map(reading).collect()
    }

    fn count(now: Timestamp, name: &str, a_second: f64) -> Value {
        json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true,
            "dataPoints": points(now, |seconds| seconds * a_second)}})
    }

    fn attribute(key: &str, value: &str) -> Value {
        json!({"key": key, "value": {"stringValue": value}})
    }

    /// The metrics of a container.
    fn metrics(now: Timestamp, pod: &str, held: f64, memory: f64) -> Value {
        let level = |name: &str, value: f64| json!({"name": name, "gauge": {"dataPoints": points(now, |_| value)}});
        json!({
            "resource": {"attributes": [attribute("k8s.pod.uid", &format!("uid-{pod}")),
                attribute("k8s.container.name", "app"), attribute("container.id", "run")]},
            "scopeMetrics": [{"metrics": [
                count(now, "container.cpu.periods", 10.0),
                count(now, "container.cpu.throttled", 10.0 * held),
                level("container.memory.working_set", memory),
                level("k8s.container.memory.limit", 1_000.0),
            ]}],
        })
    }

    /// The metrics of a pod that has a limit as a whole.
    fn metrics_of_pod(now: Timestamp, pod: &str, held: f64) -> Value {
        json!({
            "resource": {"attributes": [attribute("k8s.pod.uid", &format!("uid-{pod}"))]},
            "scopeMetrics": [{"metrics": [
                count(now, "k8s.pod.cpu.periods", 10.0),
                count(now, "k8s.pod.cpu.throttled", 10.0 * held),
            ]}],
        })
    }

    async fn send(store: &Store, resources: Vec<Value>) {
        let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
        let body = Body::from(json!({"resourceMetrics": resources}).to_string());
        let request = Request::post("/v1/metrics").header("content-type", "application/json").body(body).unwrap();
        assert_eq!(ingest.http().oneshot(request).await.unwrap().status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_a_service_has_too_little_of_is_read_from_what_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        record(&store, vec![service("cart")], vec![]).await;
        let mut pods = ClusterRecord::new(ClusterId("c1".into()));
        pods.pods = [pod("one", "run"), pod("two", "run")].map(std::sync::Arc::new).into();
        store.record(&pods).await.unwrap();
        let now = crate::jobs::now();
        assert_eq!(look(&store, &id("cart"), now, false).await.unwrap().saturation, [], "nobody measures it");
        send(&store, vec![metrics(now, "one", 0.4, 960.0), metrics(now, "two", 0.1, 300.0)]).await;
        let found = look(&store, &id("cart"), now, false).await.unwrap().saturation;
        let [memory, cpu] = &found[..] else { panic!("{found:#?}") };
        assert_eq!(
            (memory.sentence.to_string().as_str(), memory.degrades),
            ("Container app is at 96 % of its memory limit of 1000 B in 1 of 2 pods", true)
        );
        let said = cpu.sentence.to_string();
        assert!(said.starts_with("Container app was throttled 40 % of the last ") && !cpu.degrades, "{said}");
        assert!(said.ends_with(" in 1 of 2 pods: it is held at its CPU limit"), "{said}");
        assert!((25 * MINUTE..=31 * MINUTE).contains(&now.since(cpu.since)), "{said}");
        assert_eq!((memory.pods.as_slice(), cpu.pods.as_slice()), (&["one".to_owned()][..], &["one".to_owned()][..]));
    }

    #[tokio::test]
    async fn a_pod_that_is_held_at_its_limit_as_a_whole_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        record(&store, vec![service("cart")], vec![]).await;
        let limits = Amounts { cpu: Some(500), memory: None };
        let whole = Whole { asked: Asked { limits, ..Asked::default() }, before: vec![] };
        let of = |name: &str| PodState { whole: Some(Box::new(whole.clone())), ..pod(name, "run") };
        let mut pods = ClusterRecord::new(ClusterId("c1".into()));
        pods.pods = [of("one"), of("two")].map(std::sync::Arc::new).into();
        store.record(&pods).await.unwrap();
        let now = crate::jobs::now();
        send(&store, vec![metrics_of_pod(now, "one", 0.6), metrics_of_pod(now, "two", 0.1)]).await;
        let found = look(&store, &id("cart"), now, false).await.unwrap().saturation;
        let [cpu] = &found[..] else { panic!("{found:#?}") };
        let said = cpu.sentence.to_string();
        assert!(said.starts_with("The whole pod was throttled 60 % of the last ") && cpu.degrades, "{said}");
        assert!(said.ends_with(" in 1 of 2 pods: it is held at its CPU limit"), "{said}");
        assert_eq!((&cpu.of, cpu.pods.as_slice()), (&SaturationOf::PodCpu, &["one".to_owned()][..]));
    }
}
