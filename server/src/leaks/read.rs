//! A look at a service: what of its containers' memory and its volumes climbs, and what there is too little of, is read
//! once and held against the rules.

use std::collections::{BTreeMap, HashMap};

use analysis::{Climbing, Grown, LeakRules, WARM_UP, leak_sentence, leaks, rate_before};
use model::{
    ContainerState, Leak, LeakOf, LeakingPod, LimitOf, MINUTE, PodState, RevisionHash, Saturation, Sentence, ServiceId,
    Timestamp, Window,
};
use store::Store;

use super::reader::{LONG, Points, Reader, Run};
use super::{room, shortage, together};

/// A run whose points begin so shortly after all points do may have begun before.
const EDGE: i64 = 10 * MINUTE;
/// A run whose last point is so old has ended.
const SILENT: i64 = 3 * MINUTE;

/// What a look finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What leaks, the first to end at the front.
    pub(super) leaks: Vec<Leak>,
    /// What there is too little of, the worst first.
    pub(super) saturation: Vec<Saturation>,
}

/// Looks at a service; `is_long` reads the week.
pub(super) async fn look(store: &Store, id: &ServiceId, now: Timestamp, is_long: bool) -> Result<Found, store::Error> {
    let directory = store.directory();
    let Some(service) = directory.service(id).cloned() else { return Ok(Found::default()) };
    let reader = Reader { store, id, now, is_long };
    let runs = reader.containers().await?;
    let volumes = reader.volumes().await?;
    let held = reader.periods().await?;
    if runs.is_empty() && volumes.is_empty() && held.is_empty() {
        return Ok(Found::default());
    }
    let pods = store.pods(id, Window::new(now.plus(-LONG), now)).await?;
    let pods: HashMap<&str, &PodState> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
    let mut runs = joined(runs, &pods);
    together::bound(&mut runs, &pods);
    runs.extend(volumes);
    let saturation = shortage::find(&runs, held, &pods, now);
    let before = directory.newest_deploy(id).and_then(|deploy| deploy.from.clone());
    let name = |revision: &RevisionHash| directory.revision_name(id, revision).map(str::to_owned);
    let facts = |runs: &[Run]| Facts::of(runs, &pods, service.revision.clone(), before.clone(), now);
    let mut leaks = judged(facts(&runs)).await?;
    // Only where something climbs is it asked how the revision before began.
    if !leaks.is_empty() {
        let births = reader.births(&pods, service.revision.as_ref(), before.as_ref()).await?;
        if !births.is_empty() {
            births.into_iter().for_each(|birth| with_birth(&mut runs, birth));
            leaks = judged(facts(&runs)).await?;
        }
    }
    if !leaks.is_empty() {
        let node = |pod: &str| {
            let node = pods.get(pod)?.node.as_deref()?;
            Some((node, store.nodes().used(&id.cluster, node, now)?.memory?.1))
        };
        room::on_nodes(&mut leaks, node, room::beside(&store.leaks(), &directory, id));
    }
    for leak in &mut leaks {
        leak.revision_name = leak.revision.as_ref().and_then(name).unwrap_or_default();
        leak.before_name = before.as_ref().and_then(name);
        leak.sentence = leak_sentence(leak);
    }
    leaks.sort_by_key(|leak| leak.eta().map_or(i64::MAX, |eta| eta.likely));
    Ok(Found { leaks, saturation })
}

/// A run, and whose it is.
struct Known {
    run: Grown,
    revision: Option<RevisionHash>,
    name: String,
    together: bool,
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
        let edge = runs.iter().filter_map(|run| run.points.first()).map(|(at, _)| *at).min().unwrap_or(now);
        for run in runs {
            let Some(pod) = pods.get(run.pod.as_str()) else { continue };
            by_what.entry(run.of.clone()).or_default().push(Known {
                run: run.clone().grown(pod, now, edge),
                revision: pod.revision.clone(),
                name: pod.name.to_string(),
                together: run.together,
            });
        }
        Self { by_what, current, before, now }
    }

    /// What climbs of the current revision; the names of revisions and the sentence are left to the caller.
    fn judge(self) -> Vec<Leak> {
        let mut found: Vec<Leak> = Vec::new();
        for (of, runs) in self.by_what {
            let rules = LeakRules { alike: matches!(of, LeakOf::Memory { .. }), ..LeakRules::default() };
            let of_revision = |wanted: &Option<RevisionHash>| -> Vec<Grown> {
                runs.iter().filter(|known| known.revision == *wanted).map(|known| known.run.clone()).collect()
            };
            let here = of_revision(&self.current);
            let past = if self.before.is_some() { of_revision(&self.before) } else { Vec::new() };
            let climbing = leaks(self.now, &here, &past, &rules);
            if climbing.is_empty() {
                continue;
            }
            // What climbs is of the run that goes on.
            let (over, living): (Vec<&Known>, Vec<&Known>) = runs.iter().partition(|known| known.run.ended.is_some());
            let all = over.into_iter().chain(living);
            let known: HashMap<&str, &Known> = all.map(|known| (known.run.pod.0.as_str(), known)).collect();
            let mut pods: Vec<LeakingPod> = climbing.into_iter().map(|climbing| pod_of(climbing, &known)).collect();
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

fn pod_of(climbing: Climbing, known: &HashMap<&str, &Known>) -> LeakingPod {
    let known = known.get(climbing.pod.0.as_str());
    LeakingPod {
        name: known.map(|known| known.name.clone()).unwrap_or_default(),
        limit_of: if known.is_some_and(|known| known.together) { LimitOf::Pod } else { LimitOf::Own },
        pod: climbing.pod,
        rate: climbing.rate,
        rate_interval: climbing.rate_interval,
        level: climbing.level,
        limit: climbing.limit,
        since: climbing.since,
        eta: climbing.eta,
    }
}

/// What was told without the container's id is of the one that runs now, as far as it was told since that began.
fn joined(runs: Vec<Run>, pods: &HashMap<&str, &PodState>) -> Vec<Run> {
    let (mut known, unknown): (Vec<Run>, Vec<Run>) = runs.into_iter().partition(|run| run.container.is_some());
    for run in unknown {
        let state = pods.get(run.pod.as_str()).and_then(|pod| run.state(pod));
        let id = state.and_then(|state| state.id.as_deref());
        let is_same = |other: &&mut Run| other.pod == run.pod && other.of == run.of && other.container.as_deref() == id;
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
    /// The container that its pod has by its name; a volume has none.
    pub(super) fn state<'a>(&self, pod: &'a PodState) -> Option<&'a ContainerState> {
        let LeakOf::Memory { container } = &self.of else { return None };
        pod.containers.iter().find(|state| state.name == *container)
    }

    /// Whether another run of its container is the one that the pod has now.
    pub(super) fn is_past(&self, pod: &PodState) -> bool {
        self.container.is_some()
            && self
                .state(pod)
                .is_some_and(|state| state.id.is_some() && state.id.as_deref() != self.container.as_deref())
    }

    /// Takes what somebody else told of the same run.
    fn take(&mut self, other: Run) {
        let more = [other.points, other.level, other.load];
        for (own, more) in [&mut self.points, &mut self.level, &mut self.load].into_iter().zip(more) {
            own.extend(more);
            own.sort_by_key(|(at, _)| *at);
        }
        self.limit = self.limit.or(other.limit);
    }

    /// With what the pod says of when it began and ended; `edge` is when the first of all points was.
    fn grown(self, pod: &PodState, now: Timestamp, edge: Timestamp) -> Grown {
        let first = self.points.first().map_or(now, |(at, _)| *at);
        let last = self.points.last().map_or(now, |(at, _)| *at);
        let is_silent = now.since(last) > SILENT;
        let state = self.state(pod);
        let is_past = self.is_past(pod);
        // Where nothing tells runs apart, the last one began when the one before ended.
        let restarted = state.and_then(|state| state.last_exit.as_ref()?.at).filter(|_| !is_past);
        let began = match restarted {
            Some(at) => at.max(pod.created),
            // What was there when points begin has begun before.
            None if is_past && first.since(edge) < EDGE => pod.created,
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

#[cfg(test)]
mod tests {
    use model::{Amounts, Asked, DAY, HOUR, PodId, Whole};

    use super::*;
    use crate::fixtures;

    fn pod() -> PodState {
        let container = ContainerState {
            id: Some("second".into()),
            restarts: 1,
            last_exit: Some(model::Exit { code: 137, reason: "OOMKilled".into(), at: Some(Timestamp(50 * MINUTE)) }),
            ..fixtures::container("app")
        };
        let id = PodId("uid".into());
        PodState { id, containers: vec![container], ..fixtures::pod(fixtures::id("cart"), "pod", Timestamp(0)) }
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
            together: false,
        }
    }

    #[test]
    fn what_is_told_without_an_id_is_of_the_container_that_runs_since_it_began() {
        let pod = pod();
        let pods = HashMap::from([("pod", &pod)]);
        let runs = vec![run(None, 0..70), run(Some("second"), 70..90), run(Some("first"), 10..50)];
        let joined = joined(runs, &pods);
        assert_eq!(joined.len(), 2);
        let grown: Vec<Grown> =
            joined.into_iter().map(|run| run.grown(&pod, Timestamp(90 * MINUTE), Timestamp(0))).collect();
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
        let level = points.clone();
        Run { of, pod: pod.into(), container: None, level, points, load: Vec::new(), limit, together: false }
    }

    #[test]
    fn what_climbs_reaches_the_limit_of_its_pod_when_all_containers_have_filled_it() {
        let now = Timestamp(20 * DAY);
        let born = now.plus(-4 * HOUR);
        let of = |memory| Asked { limits: Amounts { cpu: None, memory }, ..Asked::default() };
        let whole = Some(Box::new(Whole { asked: of(Some(1_000_000_000)), before: vec![] }));
        let containers = ["app", "proxy"].map(fixtures::container).to_vec();
        let pods = ["n1", "n2"].map(|name| PodState {
            whole: whole.clone(),
            containers: containers.clone(),
            ..pod_of(name, "new", born)
        });
        let pods: HashMap<&str, &PodState> = pods.iter().map(|pod| (pod.name.as_str(), pod)).collect();
        let beside = |pod| {
            let mut run = Run { of: LeakOf::Memory { container: "proxy".into() }, ..warming(pod, 0..240, born) };
            [&mut run.points, &mut run.level].into_iter().flatten().for_each(|(_, bytes)| *bytes = 200e6);
            run
        };
        let mut runs = vec![warming("n1", 0..240, born), warming("n2", 0..240, born), beside("n1"), beside("n2")];
        together::bound(&mut runs, &pods);
        let leaks = Facts::of(&runs, &pods, Some(RevisionHash("new".into())), None, now).judge();
        let [leak] = &leaks[..] else { panic!("{leaks:#?}") };
        let pod = &leak.pods[0];
        assert_eq!((&leak.of, leak.pods.len()), (&LeakOf::Memory { container: "app".into() }, 2));
        // By then app has 580 MB and proxy 200: of the pod's 1,000 the last 220 go at 120 an hour.
        assert_eq!((pod.limit_of, pod.limit), (LimitOf::Pod, Some(1e9)));
        assert!((770e6..790e6).contains(&pod.level), "{pod:?}");
        let eta = pod.eta.unwrap().likely as f64 / HOUR as f64;
        assert!((1.7..2.0).contains(&eta), "{pod:?}");
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
