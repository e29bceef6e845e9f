//! What of a service climbs: its containers' memory and its volumes are read and held against the rules.

use std::collections::{BTreeMap, HashMap};

use analysis::{Climbing, Grown, LeakRules, WARM_UP, leak_sentence, leaks, rate_before};
use model::{
    Aggregation, DAY, HOUR, Leak, LeakOf, LeakingPod, MINUTE, MetricQuery, PodState, RevisionHash, Sentence, Series,
    ServiceId, Step, Timestamp, Window,
};
use store::{MetricAsk, Store};

/// Memory that no cache gives back comes first (OpenTelemetry semantic conventions for containers).
pub(crate) const MEMORY: [&str; 2] = ["container.memory.rss", "container.memory.working_set"];
/// A day, and the hour of yesterday that now is held against.
const SHORT: i64 = 26 * HOUR;
const LONG: i64 = 7 * DAY;
/// Runs of one service that are looked at; of more, the first ones speak for all.
const RUNS: u32 = 2_000;
/// Pods of the revision before whose first hours are read, the youngest.
const BIRTHS: usize = 5;
/// A run whose last point is so old has ended.
const SILENT: i64 = 3 * MINUTE;

/// The keys that tell runs of containers apart.
const RUN: [&str; 3] = ["pod", "k8s.container.name", "container.id"];

/// Volumes of claims: those of other kinds have the node's disk.
pub(crate) struct Volumes;

impl Volumes {
    pub(crate) const AVAILABLE: &str = "k8s.volume.available";
    pub(crate) const CAPACITY: &str = "k8s.volume.capacity";
    pub(crate) const KEYS: [&str; 3] = ["pod", "k8s.volume.name", "k8s.persistentvolumeclaim.name"];
}

/// What stands where a series does not have a key.
const NONE: &str = "(none)";

type Points = Vec<(Timestamp, f64)>;

/// What leaks of a service, the first to end at the front; `is_long` reads the week.
pub(super) async fn look(
    store: &Store,
    id: &ServiceId,
    now: Timestamp,
    is_long: bool,
) -> Result<Vec<Leak>, store::Error> {
    let directory = store.directory();
    let Some(service) = directory.service(id).cloned() else { return Ok(Vec::new()) };
    let reader = Reader { store, id, now, is_long };
    let runs = reader.containers().await?;
    let volumes = reader.volumes().await?;
    if runs.is_empty() && volumes.is_empty() {
        return Ok(Vec::new());
    }
    let pods = store.pods(id, Window::new(now.plus(-LONG), now)).await?;
    let pods: HashMap<&str, &PodState> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
    let mut runs = joined(runs, &pods);
    runs.extend(volumes);
    let before = directory.newest_deploy(id).and_then(|deploy| deploy.from.clone());
    let name = |revision: &RevisionHash| directory.revision_name(id, revision).map(str::to_owned);
    let facts = |runs: &[Run]| Facts::of(runs, &pods, service.revision.clone(), before.clone(), now);
    let mut found = judged(facts(&runs)).await?;
    // Only where something climbs is it asked how the revision before began.
    if !found.is_empty() {
        let births = reader.births(&pods, service.revision.as_ref(), before.as_ref()).await?;
        if !births.is_empty() {
            births.into_iter().for_each(|birth| with_birth(&mut runs, birth));
            found = judged(facts(&runs)).await?;
        }
    }
    for leak in &mut found {
        leak.revision_name = leak.revision.as_ref().and_then(name).unwrap_or_default();
        leak.before_name = before.as_ref().and_then(name);
        leak.sentence = leak_sentence(leak);
    }
    found.sort_by_key(|leak| leak.eta().map_or(i64::MAX, |eta| eta.likely));
    Ok(found)
}

/// A run, and whose it is.
struct Known {
    run: Grown,
    revision: Option<RevisionHash>,
    name: String,
}

/// All runs of a service, and which revisions they are held against each other for.
struct Facts {
    by_what: BTreeMap<LeakOf, Vec<Known>>,
    current: Option<RevisionHash>,
    before: Option<RevisionHash>,
    now: Timestamp,
}

/// On a thread of its own: trends of many runs take a while.
async fn judged(facts: Facts) -> Result<Vec<Leak>, store::Error> {
    let judged = tokio::task::spawn_blocking(move || facts.judge()).await;
    judged.map_err(|error| store::Error::Busy(format!("the look was given up: {error}")))
}

impl Facts {
    /// Of runs whose pods are known.
    fn of(
        runs: &[Run],
        pods: &HashMap<&str, &PodState>,
        current: Option<RevisionHash>,
        before: Option<RevisionHash>,
        now: Timestamp,
    ) -> Self {
        let mut by_what: BTreeMap<LeakOf, Vec<Known>> = BTreeMap::new();
        for run in runs {
            let Some(pod) = pods.get(run.pod.as_str()) else { continue };
            let (of, revision, name) = (run.of.clone(), pod.revision.clone(), pod.name.clone());
            by_what.entry(of).or_default().push(Known { run: run.clone().grown(pod, now), revision, name });
        }
        Self { by_what, current, before, now }
    }

    /// What climbs of the current revision; the names of revisions and the sentence are left to the caller.
    fn judge(self) -> Vec<Leak> {
        let rules = LeakRules::default();
        let mut found: Vec<Leak> = Vec::new();
        for (of, runs) in self.by_what {
            let of_revision = |wanted: &Option<RevisionHash>| -> Vec<Grown> {
                runs.iter().filter(|known| known.revision == *wanted).map(|known| known.run.clone()).collect()
            };
            let here = of_revision(&self.current);
            let past = if self.before.is_some() { of_revision(&self.before) } else { Vec::new() };
            let climbing = leaks(self.now, &here, &past, &rules);
            if climbing.is_empty() {
                continue;
            }
            let names: HashMap<&str, &str> =
                runs.iter().map(|known| (known.run.pod.0.as_str(), known.name.as_str())).collect();
            let mut pods: Vec<LeakingPod> = climbing.into_iter().map(|climbing| pod_of(climbing, &names)).collect();
            pods.dedup_by(|a, b| a.pod == b.pod);
            found.push(Leak {
                of,
                revision: self.current.clone(),
                revision_name: String::new(),
                pods,
                watched: here.iter().filter(|run| run.ended.is_none()).count() as u32,
                before: rate_before(self.now, &here, &past),
                before_name: None,
                sentence: Sentence::default(),
                as_of: self.now,
            });
        }
        found
    }
}

fn pod_of(climbing: Climbing, names: &HashMap<&str, &str>) -> LeakingPod {
    LeakingPod {
        name: names.get(climbing.pod.0.as_str()).copied().unwrap_or_default().to_owned(),
        pod: climbing.pod,
        rate: climbing.rate,
        rate_interval: climbing.rate_interval,
        level: climbing.level,
        limit: climbing.limit,
        since: climbing.since,
        eta: climbing.eta,
    }
}

/// One run of a container, or a volume, as it was read.
#[derive(Clone)]
struct Run {
    of: LeakOf,
    pod: String,
    /// The container's id, where it is known.
    container: Option<String>,
    points: Points,
    level: Points,
    load: Points,
    limit: Option<f64>,
}

/// What was told without the container's id is of the one that runs now, as far as it was told since that began.
fn joined(runs: Vec<Run>, pods: &HashMap<&str, &PodState>) -> Vec<Run> {
    let (mut known, unknown): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.container.is_some());
    for run in unknown {
        let LeakOf::Memory { container } = &run.of else { continue };
        let state = pods.get(run.pod.as_str()).and_then(|pod| pod.containers.iter().find(|c| c.name == *container));
        let id = state.and_then(|state| state.id.clone());
        let is_same = |other: &&mut Run| other.pod == run.pod && other.of == run.of && other.container == id;
        match known.iter_mut().find(is_same).filter(|_| id.is_some()) {
            Some(current) => current.take(run),
            None => known.push(run),
        }
    }
    known
}

/// Puts the first hours of a run, which are older than what is read of all, before what is known of it.
fn with_birth(runs: &mut Vec<Run>, birth: Run) {
    let is_same = |run: &&mut Run| (&run.of, &run.pod, &run.container) == (&birth.of, &birth.pod, &birth.container);
    let Some(run) = runs.iter_mut().find(is_same) else {
        runs.push(birth);
        return;
    };
    let last = birth.points.last().map_or(Timestamp(0), |(at, _)| *at);
    for own in [&mut run.points, &mut run.level] {
        own.retain(|(at, _)| *at > last);
        own.splice(..0, birth.points.iter().copied());
    }
}

impl Run {
    /// Takes what somebody else told of the same run.
    fn take(&mut self, other: Run) {
        let more = [other.points, other.level, other.load];
        for (own, more) in [&mut self.points, &mut self.level, &mut self.load].into_iter().zip(more) {
            own.extend(more);
            own.sort_by_key(|(at, _)| *at);
        }
        self.limit = self.limit.or(other.limit);
    }

    /// With what the pod says of when it began and ended.
    fn grown(self, pod: &PodState, now: Timestamp) -> Grown {
        let first = self.points.first().map_or(now, |(at, _)| *at);
        let last = self.points.last().map_or(now, |(at, _)| *at);
        let is_silent = now.since(last) > SILENT;
        let of = |name: &str| pod.containers.iter().find(|container| container.name == name);
        let state = match &self.of {
            LeakOf::Memory { container } => of(container),
            LeakOf::Volume { .. } => None,
        };
        let is_past =
            self.container.is_some() && state.is_some_and(|state| state.id.is_some() && state.id != self.container);
        // Where nothing tells runs apart, the last one began when the one before ended.
        let restarted = state.and_then(|state| state.last_exit.as_ref()?.at).filter(|_| !is_past);
        let began = match restarted {
            Some(at) => at.max(pod.created),
            None if state.is_some_and(|state| state.restarts > 0) => first,
            None => pod.created,
        };
        let since = |points: Points| -> Points { points.into_iter().filter(|(at, _)| *at >= began).collect() };
        Grown {
            pod: pod.id.clone(),
            started: began,
            ended: (is_silent || is_past || pod.ended.is_some()).then_some(last),
            warm_up: if matches!(self.of, LeakOf::Memory { .. }) { WARM_UP } else { 0 },
            points: since(self.points),
            level: since(self.level),
            load: since(self.load),
            limit: self.limit,
        }
    }
}

struct Reader<'a> {
    store: &'a Store,
    id: &'a ServiceId,
    now: Timestamp,
    is_long: bool,
}

impl Reader<'_> {
    async fn containers(&self) -> Result<Vec<Run>, store::Error> {
        let mut points = BTreeMap::new();
        for name in MEMORY {
            points = self.over_time(name, &RUN, false).await?;
            if !points.is_empty() {
                break;
            }
        }
        if points.is_empty() {
            return Ok(Vec::new());
        }
        let mut level = self.over_time(MEMORY[1], &RUN, false).await?;
        let mut load = self.over_time("container.cpu.time", &RUN, true).await?;
        let limits = self.last("k8s.container.memory.limit", &RUN[..2]).await?;
        let runs = points.into_iter().filter_map(|(key, points)| {
            let [pod, container, id] = key.as_slice() else { return None };
            Some(Run {
                of: LeakOf::Memory { container: container.clone() },
                pod: pod.clone(),
                container: Some(id.clone()).filter(|id| id != NONE),
                level: level.remove(&key).unwrap_or_else(|| points.clone()),
                load: load.remove(&key).unwrap_or_default(),
                limit: limits.get(&key[..2]).copied().filter(|limit| *limit > 0.0),
                points,
            })
        });
        Ok(runs.collect())
    }

    /// The first hours of the youngest pods of the revision before, in minutes, where they are older than a day: as
    /// long as is needed to see whether they grew like the current ones, and levelled off in as long a time again.
    async fn births(
        &self,
        pods: &HashMap<&str, &PodState>,
        current: Option<&RevisionHash>,
        before: Option<&RevisionHash>,
    ) -> Result<Vec<Run>, store::Error> {
        let of = |wanted: Option<&RevisionHash>| -> Vec<&PodState> {
            let of_revision = |pod: &&PodState| wanted.is_some() && pod.revision.as_ref() == wanted;
            pods.values().copied().filter(of_revision).collect()
        };
        let day = self.now.plus(-SHORT);
        let living = of(current).into_iter().filter(|pod| pod.ended.is_none());
        let Some(age) = living.map(|pod| self.now.since(pod.created)).max() else { return Ok(Vec::new()) };
        let mut old = of(before);
        old.retain(|pod| pod.created < day);
        old.sort_by_key(|pod| std::cmp::Reverse(pod.created));
        let mut found = Vec::new();
        for pod in old.into_iter().take(BIRTHS) {
            let end = pod.created.plus(2 * age.min(SHORT)).min(day);
            for name in MEMORY {
                let runs = self.of_pod(name, &pod.name, Window::new(pod.created, end)).await?;
                let is_told = !runs.is_empty();
                found.extend(runs);
                if is_told {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Runs of one pod's containers, in minutes.
    async fn of_pod(&self, name: &str, pod: &str, window: Window) -> Result<Vec<Run>, store::Error> {
        let query = MetricQuery { filter: vec![(RUN[0].to_owned(), pod.to_owned())], ..query(name, &RUN, false) };
        let found = self.ask(query, window, Step(MINUTE)).await?;
        let runs = found.into_iter().filter_map(|(key, points)| {
            let [pod, container, id] = key.as_slice() else { return None };
            Some(Run {
                of: LeakOf::Memory { container: container.clone() },
                pod: pod.clone(),
                container: Some(id.clone()).filter(|id| id != NONE),
                level: points.clone(),
                points,
                load: Vec::new(),
                limit: None,
            })
        });
        Ok(runs.collect())
    }

    async fn volumes(&self) -> Result<Vec<Run>, store::Error> {
        let available = self.over_time(Volumes::AVAILABLE, &Volumes::KEYS, false).await?;
        if available.is_empty() {
            return Ok(Vec::new());
        }
        let capacity = self.last(Volumes::CAPACITY, &Volumes::KEYS).await?;
        let runs = available.into_iter().filter_map(|(key, free)| {
            let [pod, volume, claim] = key.as_slice() else { return None };
            let whole = capacity.get(&key).copied().filter(|_| claim != NONE)?;
            let points: Points = free.into_iter().map(|(at, free)| (at, whole - free)).collect();
            Some(Run {
                of: LeakOf::Volume { volume: volume.clone() },
                pod: pod.clone(),
                container: None,
                level: points.clone(),
                points,
                load: Vec::new(),
                limit: Some(whole),
            })
        });
        Ok(runs.collect())
    }

    /// A metric by keys: minutes of a day, before that hours, ascending.
    async fn over_time(
        &self,
        name: &str,
        by: &[&str],
        rate: bool,
    ) -> Result<BTreeMap<Vec<String>, Points>, store::Error> {
        let day = self.now.plus(-SHORT);
        let mut found: BTreeMap<Vec<String>, Points> = BTreeMap::new();
        if self.is_long {
            let week = Window::new(self.now.plus(-LONG), day);
            self.ask(query(name, by, rate), week, Step(HOUR)).await?.into_iter().for_each(|(key, points)| {
                found.insert(key, points.into_iter().filter(|(at, _)| *at < day).collect());
            });
        }
        for (key, points) in self.ask(query(name, by, rate), Window::new(day, self.now), Step(MINUTE)).await? {
            let known = found.entry(key).or_default();
            let last = known.last().map_or(Timestamp(0), |(at, _)| *at);
            known.extend(points.into_iter().filter(|(at, _)| *at > last));
        }
        Ok(found)
    }

    /// The last values of a metric by keys.
    async fn last(&self, name: &str, by: &[&str]) -> Result<BTreeMap<Vec<String>, f64>, store::Error> {
        let window = Window::before(self.now, 15 * MINUTE);
        let found = self.ask(query(name, by, false), window, Step(MINUTE)).await?;
        Ok(found.into_iter().filter_map(|(key, points)| Some((key, points.last()?.1))).collect())
    }

    async fn ask(
        &self,
        query: MetricQuery,
        window: Window,
        step: Step,
    ) -> Result<Vec<(Vec<String>, Points)>, store::Error> {
        let ask = MetricAsk { service: self.id.clone(), window, step, query, limit: RUNS };
        let found = self.store.telemetry().metric(ask).await?;
        Ok(found.series.into_iter().map(|series| (key_of(&series), points(&series))).collect())
    }
}

fn query(name: &str, by: &[&str], rate: bool) -> MetricQuery {
    MetricQuery {
        name: name.to_owned(),
        filter: Vec::new(),
        by: by.iter().map(|key| (*key).to_owned()).collect(),
        aggregation: if rate { Aggregation::Sum } else { Aggregation::Avg },
        rate,
    }
}

/// The values a series is named by.
fn key_of(series: &Series) -> Vec<String> {
    series.name.split(", ").map(str::to_owned).collect()
}

/// Its points, each in the middle of its bucket.
fn points(series: &Series) -> Points {
    let at = |i: usize| series.start.plus(i as i64 * series.step.0 + series.step.0 / 2);
    let all = series.points.iter().enumerate();
    all.filter_map(|(i, value)| Some((at(i), (*value)?))).filter(|(_, value)| value.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use model::{ContainerState, PodId, PodPhase};

    use super::*;

    fn pod() -> PodState {
        let container = ContainerState {
            name: "app".into(),
            image: String::new(),
            id: Some("second".into()),
            restarts: 1,
            state: "running".into(),
            ready: true,
            last_exit: Some(model::Exit { code: 137, reason: "OOMKilled".into(), at: Some(Timestamp(50 * MINUTE)) }),
        };
        PodState {
            id: PodId("uid".into()),
            cluster: "c".into(),
            namespace: "shop".into(),
            name: "pod".into(),
            service: ServiceId::new("c", "shop", "Deployment", "cart"),
            revision: None,
            node: None,
            ips: Vec::new(),
            host_network: false,
            created: Timestamp(0),
            ended: None,
            phase: PodPhase::Ready,
            history: Vec::new(),
            reason: None,
            containers: vec![container],
        }
    }

    fn run(id: Option<&str>, minutes: std::ops::Range<i64>) -> Run {
        let points: Points = minutes.map(|minute| (Timestamp(minute * MINUTE), minute as f64)).collect();
        Run {
            of: LeakOf::Memory { container: "app".into() },
            pod: "pod".into(),
            container: id.map(str::to_owned),
            level: points.clone(),
            points,
            load: Vec::new(),
            limit: None,
        }
    }

    #[test]
    fn what_is_told_without_an_id_is_of_the_container_that_runs_since_it_began() {
        let pod = pod();
        let pods = HashMap::from([("pod", &pod)]);
        let runs = vec![run(None, 0..70), run(Some("second"), 70..90), run(Some("first"), 10..50)];
        let joined = joined(runs, &pods);
        assert_eq!(joined.len(), 2);
        let grown: Vec<Grown> = joined.into_iter().map(|run| run.grown(&pod, Timestamp(90 * MINUTE))).collect();
        let current = grown.iter().find(|run| run.ended.is_none()).unwrap();
        assert_eq!((current.started, current.points.len()), (Timestamp(50 * MINUTE), 40));
        let past = grown.iter().find(|run| run.ended.is_some()).unwrap();
        assert_eq!((past.started, past.ended), (Timestamp(10 * MINUTE), Some(Timestamp(49 * MINUTE))));
    }

    #[test]
    fn the_first_hours_of_a_run_stand_before_what_is_known_of_it() {
        let mut runs = vec![run(Some("a"), 100..105), run(Some("b"), 0..3)];
        with_birth(&mut runs, run(Some("a"), 10..102));
        with_birth(&mut runs, run(Some("c"), 0..9));
        assert_eq!(runs.len(), 3);
        let minutes: Vec<i64> = runs[0].points.iter().map(|(at, _)| at.0 / MINUTE).collect();
        assert_eq!(minutes, (10..105).collect::<Vec<_>>());
        assert_eq!(runs[0].level.len(), 95);
        assert_eq!((runs[1].points.len(), runs[2].container.as_deref()), (3, Some("c")));
    }

    fn pod_of(name: &str, revision: &str, created: Timestamp) -> PodState {
        let (id, revision) = (PodId(name.into()), Some(RevisionHash(revision.into())));
        PodState { id, name: name.into(), revision, created, containers: Vec::new(), ..pod() }
    }

    /// Grows for five hours and stays.
    fn warming(pod: &str, minutes: std::ops::Range<i64>, created: Timestamp) -> Run {
        let grown = |minute: i64| (minute.min(300) as f64 / 300.0) * 600e6;
        let noise = |minute: i64| f64::from((minute * 7_919 % 13) as i32) * 1e5;
        let points: Points =
            minutes.map(|minute| (created.plus(minute * MINUTE), 100e6 + grown(minute) + noise(minute))).collect();
        let of = LeakOf::Memory { container: "app".into() };
        let limit = Some(1e9);
        Run { of, pod: pod.into(), container: None, level: points.clone(), points, load: Vec::new(), limit }
    }

    #[test]
    fn growth_that_ended_in_the_revision_before_is_no_leak() {
        let now = Timestamp(20 * DAY);
        let (born, old_born) = (now.plus(-4 * HOUR), now.plus(-5 * DAY));
        let all = [pod_of("n1", "new", born), pod_of("n2", "new", born), pod_of("o1", "old", old_born)];
        let pods: HashMap<&str, &PodState> = all.iter().map(|pod| (pod.name.as_str(), pod)).collect();
        let revision = |name: &str| Some(RevisionHash(name.into()));
        let leaks = |runs: &[Run]| Facts::of(runs, &pods, revision("new"), revision("old"), now).judge().len();
        // Of the old pod, the last day alone.
        let last_day = warming("o1", 4 * 1_440..5 * 1_440, old_born);
        let mut runs = vec![warming("n1", 0..240, born), warming("n2", 0..240, born), last_day];
        assert_eq!(leaks(&runs), 1);
        with_birth(&mut runs, warming("o1", 0..480, old_born));
        assert_eq!(leaks(&runs), 0);
    }
}
