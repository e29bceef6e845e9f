//! CPU per request and memory of the pods of a deploy against those before it. What is read is small: a service's
//! containers by pod; what is made of it is pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use analysis::ResourceFacts;
use model::{
    Aggregation, Deploy, MINUTE, MetricQuery, PodId, PodState, RevisionHash, ServiceId, Step, Timestamp, Window,
};
use store::{By, MetricAsk, RedQuery, Store};

use super::remembered::Remembered;

/// Memory that can't be taken back: what the limit is held against.
const MEMORY: &str = "container.memory.working_set";

/// Pods settle for so long before what they use says anything.
const SETTLING: i64 = 5 * MINUTE;
/// Memory is held against each other at no greater age.
const OLDEST: i64 = 30 * MINUTE;
/// How far back old pods' CPU per request counts.
const BEFORE: i64 = 30 * MINUTE;
/// Old pods whose first minutes are read.
const PODS: usize = 8;
/// Requests from which a pod's CPU per request says anything.
const REQUESTS: f64 = 30.0;
/// Pods of a service that are told apart.
const SERIES: u32 = 2_000;

/// What is remembered of how pods began.
const BEGINNINGS: usize = 8 << 20;

/// A value a minute by pod, in the minutes in which there is one.
type Minutes = BTreeMap<Timestamp, f64>;

/// How pods began, by minute of what their containers held: what is over does not change.
pub(super) struct Beginnings {
    known: Remembered<PodId, Arc<Minutes>>,
}

impl Beginnings {
    pub(super) fn new() -> Self {
        Self { known: Remembered::new(BEGINNINGS) }
    }

    /// Of a pod, up to an age; read whole and remembered once it is over by `final_before`.
    async fn of(
        &mut self,
        reader: &Reader<'_>,
        pod: &PodState,
        age: i64,
        final_before: Timestamp,
    ) -> Result<Arc<Minutes>, store::Error> {
        if let Some(known) = self.known.get(&pod.id) {
            return Ok(known);
        }
        let is_over = pod.created.plus(OLDEST + MINUTE) <= final_before;
        let window = Window::new(pod.created, pod.created.plus(if is_over { OLDEST } else { age }));
        let minutes =
            Arc::new(reader.by_pod(MEMORY, false, window).await?.remove(pod.name.as_str()).unwrap_or_default());
        if is_over {
            // A minute takes little more than its key and value.
            let bytes = pod.id.0.len() + 100 + minutes.len() * 2 * size_of::<(Timestamp, f64)>();
            self.known.insert(pod.id.clone(), Arc::clone(&minutes), bytes);
        }
        Ok(minutes)
    }
}

/// What containers used; nothing where no container of the service is measured, nor before any new pod has settled.
pub(super) async fn resources(
    store: &Store,
    beginnings: &mut Beginnings,
    deploy: &Deploy,
    pods: &[PodState],
    (end, final_before): (Timestamp, Timestamp),
) -> Result<Option<Vec<ResourceFacts>>, store::Error> {
    let sides = Sides::of(deploy, pods);
    if sides.new.iter().all(|pod| end.since(pod.created) <= SETTLING) {
        return Ok(None);
    }
    let reader = Reader { store, service: &deploy.id.service };
    let cpu = cpu_of(&reader, &sides, Window::new(deploy.started.plus(-BEFORE), end)).await?;
    let memory = memory_of(&reader, beginnings, &sides, (deploy.started, end, final_before)).await?;
    let measured = cpu.is_some() || memory.is_some();
    Ok(measured.then(|| memory.into_iter().chain(cpu).collect()))
}

/// Memory at the age that the youngest of the new pods has reached; nothing where none is measured or it is too young.
async fn memory_of(
    reader: &Reader<'_>,
    beginnings: &mut Beginnings,
    sides: &Sides<'_>,
    (started, end, final_before): (Timestamp, Timestamp, Timestamp),
) -> Result<Option<ResourceFacts>, store::Error> {
    let living: Vec<&PodState> = sides.new.iter().filter(|pod| pod.ended.is_none()).copied().collect();
    let youngest = living.iter().map(|pod| end.since(pod.created)).filter(|age| *age > 2 * SETTLING).min();
    let Some(age) = youngest.map(|age| age.min(OLDEST)) else { return Ok(None) };
    let since = reader.by_pod(MEMORY, false, Window::new(started, end)).await?;
    if since.is_empty() {
        return Ok(None);
    }
    let new = living.iter().filter_map(|pod| at_age(since.get(pod.name.as_str())?, pod.created, age));
    let mut old = Vec::new();
    for pod in sides.old.iter().take(PODS) {
        old.extend(at_age(&*beginnings.of(reader, pod, age, final_before).await?, pod.created, age));
    }
    Ok(Some(ResourceFacts { cpu: false, new: new.collect(), old }))
}

/// The mean of the second half of a pod's life until an age; nothing where half of it was not measured.
fn at_age(minutes: &Minutes, created: Timestamp, age: i64) -> Option<f64> {
    let (from, to) = (created.plus(age / 2), created.plus(age));
    let values: Vec<f64> = minutes.range(from..to).map(|(_, value)| *value).collect();
    let whole = (age / 2 / MINUTE).max(1) as usize;
    (2 * values.len() >= whole).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// CPU seconds a request, once a pod has settled.
async fn cpu_of(reader: &Reader<'_>, sides: &Sides<'_>, window: Window) -> Result<Option<ResourceFacts>, store::Error> {
    let cpu = reader.by_pod("container.cpu.time", true, window).await?;
    if cpu.is_empty() {
        return Ok(None);
    }
    let requests = reader.requests(window).await?;
    let each = |pods: &[&PodState]| -> Vec<f64> {
        let of = |pod: &&PodState| per_request(cpu.get(pod.name.as_str())?, requests.get(&pod.id)?, pod.created);
        pods.iter().filter_map(of).collect()
    };
    Ok(Some(ResourceFacts { cpu: true, new: each(&sides.new), old: each(&sides.old) }))
}

/// Over the minutes of which both are known.
fn per_request(cpu: &Minutes, requests: &Minutes, created: Timestamp) -> Option<f64> {
    let settled = requests.range(created.plus(SETTLING)..);
    let both = settled.filter_map(|(at, requests)| Some((cpu.get(at)? * 60.0, *requests)));
    let (cpu, requests) = both.fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    (requests >= REQUESTS).then(|| cpu / requests)
}

/// Pods by side; the youngest of the old ones first, whose beginnings are still kept.
struct Sides<'a> {
    new: Vec<&'a PodState>,
    old: Vec<&'a PodState>,
}

impl<'a> Sides<'a> {
    fn of(deploy: &Deploy, pods: &'a [PodState]) -> Self {
        let of = |revision: &RevisionHash| -> Vec<&'a PodState> {
            pods.iter().filter(|pod| pod.revision.as_ref() == Some(revision)).collect()
        };
        // Pods that ran this revision before are neither.
        let new = of(&deploy.to).into_iter().filter(|pod| pod.created.plus(MINUTE) >= deploy.started).collect();
        let mut old = deploy.from.as_ref().map_or(Vec::new(), of);
        old.sort_by_key(|pod| std::cmp::Reverse(pod.created));
        Self { new, old }
    }
}

struct Reader<'a> {
    store: &'a Store,
    service: &'a ServiceId,
}

impl Reader<'_> {
    async fn by_pod(&self, name: &str, rate: bool, window: Window) -> Result<HashMap<String, Minutes>, store::Error> {
        let query = MetricQuery {
            name: name.to_owned(),
            filter: Vec::new(),
            by: vec!["pod".to_owned()],
            aggregation: Aggregation::Sum,
            rate,
        };
        let ask = MetricAsk { service: self.service.clone(), window, step: Step(MINUTE), query, limit: SERIES };
        let found = self.store.telemetry().metric(ask).await?;
        let minutes = |series: &model::Series| -> Minutes {
            let at = |i: usize| series.start.plus(i as i64 * series.step.0);
            series.points.iter().enumerate().filter_map(|(i, value)| Some((at(i), (*value)?))).collect()
        };
        Ok(found.series.iter().map(|series| (series.name.clone(), minutes(series))).collect())
    }

    async fn requests(&self, window: Window) -> Result<HashMap<PodId, Minutes>, store::Error> {
        let services = Some(vec![self.service.clone()]);
        let ask = RedQuery { services, window, step: Step(MINUTE), by: By::Pod };
        let origin = window.aligned(Step(MINUTE)).from;
        let mut found: HashMap<PodId, Minutes> = HashMap::new();
        for row in self.store.telemetry().red(ask).await? {
            let Some(pod) = row.pod else { continue };
            let minutes = found.entry(pod).or_default();
            for (at, red) in row.cells {
                *minutes.entry(origin.plus(i64::from(at) * MINUTE)).or_default() += red.requests;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(values: &[(i64, f64)]) -> Minutes {
        values.iter().map(|(minute, value)| (Timestamp(minute * MINUTE), *value)).collect()
    }

    #[test]
    fn memory_is_of_the_second_half_of_a_pods_life_until_an_age() {
        let told = minutes(&[(1, 9.0), (11, 20.0), (13, 30.0), (15, 40.0), (17, 30.0), (19, 30.0), (25, 900.0)]);
        assert_eq!(at_age(&told, Timestamp(0), 20 * MINUTE), Some(30.0));
        assert_eq!(at_age(&told, Timestamp(20 * MINUTE), 20 * MINUTE), None, "half of it is not known");
    }

    #[test]
    fn cpu_is_held_against_requests_of_the_same_minutes_once_a_pod_has_settled() {
        let cpu = minutes(&[(1, 9.0), (6, 0.5), (7, 0.5), (9, 0.5)]);
        let requests = minutes(&[(1, 60.0), (6, 60.0), (7, 60.0), (8, 1_000.0)]);
        assert_eq!(per_request(&cpu, &requests, Timestamp(0)), Some(0.5));
        assert_eq!(per_request(&cpu, &minutes(&[(6, 2.0)]), Timestamp(0)), None, "too few to tell");
    }
}
