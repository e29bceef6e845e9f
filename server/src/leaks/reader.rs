//! Reads what is measured of a service's containers and volumes: once for all that is looked for in it.

use std::collections::{BTreeMap, HashMap};

use model::{
    Aggregation, DAY, HOUR, LeakOf, MINUTE, MetricQuery, PodState, RevisionHash, Series, ServiceId, Step, Timestamp,
    Window,
};
use store::{MetricAsk, Store};

/// Memory that no cache gives back comes first (OpenTelemetry semantic conventions for containers).
pub(crate) const MEMORY: [&str; 2] = ["container.memory.rss", "container.memory.working_set"];
/// A day, and the hour of yesterday that now is held against.
const SHORT: i64 = 26 * HOUR;
pub(super) const LONG: i64 = 7 * DAY;
/// How far back it is read how long containers were held at their CPU limit.
const HELD: i64 = 2 * HOUR;
/// Pods of the revision before whose first hours are read, the youngest.
const BIRTHS: usize = 5;
/// Runs of one service that are looked at; of more, the first ones speak for all.
const RUNS: u32 = 2_000;
/// The keys that tell runs of containers apart.
pub(crate) const RUN: [&str; 3] = ["pod", "k8s.container.name", "container.id"];

/// Volumes of claims: those of other kinds have the node's disk.
pub(crate) struct Volumes;

impl Volumes {
    pub(crate) const AVAILABLE: &str = "k8s.volume.available";
    pub(crate) const CAPACITY: &str = "k8s.volume.capacity";
    pub(crate) const KEYS: [&str; 3] = ["pod", "k8s.volume.name", "k8s.persistentvolumeclaim.name"];
}

/// What stands where a series does not have a key.
pub(super) const NONE: &str = "(none)";

pub(super) type Points = Vec<(Timestamp, f64)>;

/// One run of a container, or a volume, as it was read.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) of: LeakOf,
    pub(super) pod: String,
    /// The container's id, where it is known.
    pub(super) container: Option<String>,
    pub(super) points: Points,
    pub(super) level: Points,
    pub(super) load: Points,
    pub(super) limit: Option<f64>,
    /// Level and limit are those of all containers of its pod together.
    pub(super) together: bool,
}

/// Asks the store.
pub(super) struct Reader<'a> {
    pub(super) store: &'a Store,
    pub(super) id: &'a ServiceId,
    pub(super) now: Timestamp,
    /// Also of the week before.
    pub(super) is_long: bool,
}

impl Reader<'_> {
    /// Memory of containers, run by run.
    pub(super) async fn containers(&self) -> Result<Vec<Run>, store::Error> {
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
                together: false,
                points,
            })
        });
        Ok(runs.collect())
    }

    /// The first hours of the youngest pods of the revision before, in minutes, where they are older than a day: as
    /// long as is needed to see whether they grew like the current ones, and levelled off in as long a time again.
    pub(super) async fn births(
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
                together: false,
            })
        });
        Ok(runs.collect())
    }

    /// What is used of volumes that were claimed.
    pub(super) async fn volumes(&self) -> Result<Vec<Run>, store::Error> {
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
                together: false,
            })
        });
        Ok(runs.collect())
    }

    /// Periods a second in which containers wanted to run, and of them those in which they were held at their limit, by
    /// pod and container; and by pod of those that have a limit as a whole.
    pub(super) async fn periods(&self) -> Result<Vec<(Vec<String>, Points, Points)>, store::Error> {
        let mut all = self.held("container.cpu.throttled", "container.cpu.periods", &RUN[..2]).await?;
        // Of most services no pod has one, and then nothing is asked for.
        let shares = self.store.directory().pods(self.id).iter().any(|pod| pod.shares_cpu_limit());
        if shares {
            all.extend(self.held("k8s.pod.cpu.throttled", "k8s.pod.cpu.periods", &RUN[..1]).await?);
        }
        Ok(all)
    }

    async fn held(
        &self,
        held: &str,
        periods: &str,
        by: &[&str],
    ) -> Result<Vec<(Vec<String>, Points, Points)>, store::Error> {
        let window = Window::before(self.now, HELD);
        let held = self.ask(query(held, by, true), window, Step(MINUTE)).await?;
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut periods: BTreeMap<Vec<String>, Points> =
            self.ask(query(periods, by, true), window, Step(MINUTE)).await?.into_iter().collect();
        let both = held.into_iter().filter_map(|(key, held)| {
            let periods = periods.remove(&key)?;
            Some((key, periods, held))
        });
        Ok(both.collect())
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
