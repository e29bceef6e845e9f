//! Fetches what a verdict is made from. What does not change between two looks at a deploy is fetched once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::{Births, DeployFacts, PastMinute, Peer, Rollout};
use model::{
    AdverseKind, DAY, Deploy, DeployId, DeployKind, DeployPhase, HOUR, MINUTE, ServiceId, Step, Timestamp,
    VerdictLevel, Window,
};
use store::{By, DueDeploy, ErrorLife, Judgement, RedQuery, RedRow, Store};

use super::due::Moment;
use super::{peers, pods, traffic};

/// The recent past that a deploy is held against.
const PAST: i64 = 12 * HOUR;
/// Days back on which the like time is looked up.
const DAYS: i64 = 7;
/// The like time of a day: so long before the deploy's minute and so long after.
const LIKE: (i64, i64) = (31 * MINUTE, 92 * MINUTE);
/// Deploys that began within so long of each other are read together.
const TOGETHER: i64 = 10 * MINUTE;
/// How far back pods and their events count.
const PODS: i64 = 6 * HOUR;
/// An earlier rollout is learned from over so long.
const ROLLOUT: i64 = 30 * MINUTE;
/// So many of them.
const ROLLOUTS: usize = 5;
/// Who serves and who calls whom is asked again after so long.
const SURROUNDINGS: i64 = 10 * MINUTE;
/// Deploys whose past is remembered at a time.
const REMEMBERED: usize = 500;

type Past = Arc<BTreeMap<String, Vec<PastMinute>>>;

/// Who serves, and who calls whom, around a time.
#[derive(Debug, Default)]
struct Surroundings {
    busy: Vec<ServiceId>,
    calls: Vec<(ServiceId, String)>,
}

/// See the module.
pub(super) struct Gatherer {
    pub(super) store: Store,
    past: BTreeMap<DeployId, Past>,
    /// The hours of services around the deploys that are looked at now.
    fetched: BTreeMap<(Timestamp, ServiceId), Vec<(Timestamp, RedRow)>>,
    rollouts: BTreeMap<DeployId, Rollout>,
    surroundings: BTreeMap<Timestamp, Arc<Surroundings>>,
}

impl Gatherer {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            past: BTreeMap::new(),
            fetched: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            surroundings: BTreeMap::new(),
        }
    }

    /// A deploy that is done with needs nothing any more.
    pub(super) fn forget(&mut self, id: &DeployId) {
        self.past.remove(id);
    }

    /// The facts at a look; nothing where neither requests nor pods of the deploy are known, and where it was found so
    /// long afterwards that its pods alone would tell nothing of it.
    pub(super) async fn facts(
        &mut self,
        due: &DueDeploy,
        moment: Moment,
        now: Timestamp,
    ) -> Result<Option<DeployFacts>, store::Error> {
        let origin = due.deploy.started.floor(MINUTE);
        let end = moment.end.min(origin.plus(DAY));
        let deploy = as_of(&due.deploy, end);
        let service = &deploy.id.service;
        let since = Window::new(origin, end);
        let around = Window::new(origin.plus(-PODS), end);
        let known = self.store.pods(service, around).await?;
        let rows = self.red(vec![service.clone()], since, By::EndpointPod).await?;
        let has_pods = known.iter().any(|pod| pod.revision.as_ref() == Some(&deploy.to));
        let found_late = deploy.reconstructed && now.since(end) > HOUR;
        if rows.is_empty() && (!has_pods || found_late) {
            return Ok(None);
        }
        let history = History::read(&self.store, &deploy).await?;
        let past = self.past(&deploy, &history).await?;
        let traffic = traffic::traffic(&deploy, rows, &past, &known);
        let errors = self.store.telemetry().error_life(service, since).await?;
        let events = self.store.adverse(Some(service), around).await?;
        let mut nodes = self.store.adverse(None, around).await?;
        nodes.retain(|event| event.kind == AdverseKind::Node && event.cluster == service.cluster);
        let peers = self.peers(service, since).await?;
        let earlier = self.rollouts(&history).await?;
        Ok(Some(DeployFacts {
            now: end,
            look: moment.look,
            groups: traffic::groups(&deploy, &errors.groups),
            births: self.births(&deploy, &errors, &history).await?,
            kubernetes: pods::facts(&deploy, &known, &events, &nodes, (around, now)),
            endpoints: traffic.endpoints,
            pods: traffic.pods,
            weight: traffic.weight,
            patterns: Vec::new(),
            resources: Vec::new(),
            rolled_back: due.later.as_ref().filter(|later| later.rollback).map(|later| later.started),
            peers,
            earlier,
            deploy,
        }))
    }

    async fn red(&self, of: Vec<ServiceId>, window: Window, by: By) -> Result<Vec<RedRow>, store::Error> {
        self.store.telemetry().red(RedQuery { services: Some(of), window, step: Step(MINUTE), by }).await
    }

    /// Fetches the past of deploys that began at about one time together: to read one service's hours, the store goes
    /// through those of all.
    pub(super) async fn prepare(&mut self, all: &[&DueDeploy]) -> Result<(), store::Error> {
        let mut groups: BTreeMap<Timestamp, BTreeSet<ServiceId>> = BTreeMap::new();
        for due in all.iter().filter(|due| !self.past.contains_key(&due.deploy.id)) {
            let services = groups.entry(due.deploy.started.floor(TOGETHER)).or_default();
            services.insert(due.deploy.id.service.clone());
        }
        self.fetched.clear();
        for (at, services) in groups {
            let rows = self.hours(at, services.iter().cloned().collect()).await?;
            for (from, row) in rows {
                self.fetched.entry((at, row.service.clone())).or_default().push((from, row));
            }
        }
        Ok(())
    }

    /// The hours before, and the like time of earlier days, of deploys that began within a stretch of time.
    async fn hours(&self, at: Timestamp, of: Vec<ServiceId>) -> Result<Vec<(Timestamp, RedRow)>, store::Error> {
        let like = (1..=DAYS).rev().map(|day| {
            let then = at.plus(-day * DAY);
            Window::new(then.plus(-LIKE.0), then.plus(TOGETHER + LIKE.1))
        });
        let mut all = Vec::new();
        for window in like.chain([Window::new(at.plus(-PAST), at.plus(TOGETHER))]) {
            let rows = self.red(of.clone(), window, By::Endpoint).await?;
            all.extend(rows.into_iter().map(|row| (window.from, row)));
        }
        Ok(all)
    }

    /// What the service did before a deploy, the time of bad ones left out.
    async fn past(&mut self, deploy: &Deploy, history: &History) -> Result<Past, store::Error> {
        if let Some(past) = self.past.get(&deploy.id) {
            return Ok(Arc::clone(past));
        }
        let (at, service) = (deploy.started.floor(TOGETHER), deploy.id.service.clone());
        let rows = match self.fetched.get(&(at, service.clone())) {
            Some(rows) => rows.clone(),
            None => self.hours(at, vec![service]).await?,
        };
        let origin = deploy.started.floor(MINUTE);
        let left_out = |at: Timestamp| at >= origin || history.was_bad(at);
        let past = Arc::new(traffic::past_minutes(deploy, rows, left_out));
        if self.past.len() >= REMEMBERED {
            self.past.pop_first();
        }
        self.past.insert(deploy.id.clone(), Arc::clone(&past));
        Ok(past)
    }

    /// Earlier rollouts that went well.
    async fn rollouts(&mut self, history: &History) -> Result<Vec<Rollout>, store::Error> {
        let mut found = Vec::new();
        for deploy in history.well().take(ROLLOUTS) {
            if !self.rollouts.contains_key(&deploy.id) {
                let from = deploy.started.floor(MINUTE);
                let window = Window::new(from, from.plus(ROLLOUT));
                let rows = self.red(vec![deploy.id.service.clone()], window, By::Pod).await?;
                if self.rollouts.len() >= REMEMBERED {
                    self.rollouts.pop_first();
                }
                self.rollouts.insert(deploy.id.clone(), traffic::rollout(deploy, rows));
            }
            found.extend(self.rollouts.get(&deploy.id).filter(|rollout| rollout.steady.requests > 0.0).cloned());
        }
        Ok(found)
    }

    async fn peers(&mut self, service: &ServiceId, since: Window) -> Result<Vec<Peer>, store::Error> {
        let at = since.to.floor(SURROUNDINGS);
        if !self.surroundings.contains_key(&at) {
            let busy = peers::busy(&self.store, Window::before(at, SURROUNDINGS)).await?;
            let calls = self.store.telemetry().calls(Window::before(at, HOUR)).await?;
            if self.surroundings.len() >= 8 {
                self.surroundings.pop_first();
            }
            self.surroundings.insert(at, Arc::new(Surroundings { busy, calls }));
        }
        let Some(surroundings) = self.surroundings.get(&at).cloned() else { return Ok(Vec::new()) };
        let directory = self.store.directory();
        let callers = peers::callers(&surroundings.calls, &directory, service);
        let chosen = peers::choose(&surroundings.busy, &callers, service);
        peers::measure(&self.store, chosen, Window::before(since.from, HOUR), since).await
    }

    /// Error groups that appeared by themselves since the service's first day.
    async fn births(&self, deploy: &Deploy, errors: &ErrorLife, history: &History) -> Result<Births, store::Error> {
        let service = &deploy.id.service;
        let created = self.store.directory().service(service).map(|state| state.created);
        let oldest = self.store.status().await?.oldest;
        let Some(from) = created.max(oldest).map(|from| from.plus(DAY)) else { return Ok(Births::default()) };
        let life = Window::new(from, deploy.started.max(from));
        let by_itself = |at: &&Timestamp| life.contains(**at) && !history.was_bad(**at);
        let groups = errors.births.iter().filter(by_itself).count() as u32;
        Ok(Births { groups, patterns: 0, minutes: life.length() as f64 / MINUTE as f64 })
    }
}

/// The deploy as it was at the end of the data. When one that was reconstructed settled is a guess.
fn as_of(deploy: &Deploy, end: Timestamp) -> Deploy {
    let mut deploy = deploy.clone();
    if !deploy.reconstructed && deploy.phase.ended().is_some_and(|ended| ended > end) {
        deploy.phase = DeployPhase::RollingOut;
    }
    deploy
}

/// The deploys before one, with what was said of them.
struct History {
    /// Newest first, with when the next began.
    earlier: Vec<(Deploy, Timestamp, Option<VerdictLevel>)>,
    /// The revision that the deploy is held against, whatever was said of it.
    from: Option<model::RevisionHash>,
}

impl History {
    async fn read(store: &Store, deploy: &Deploy) -> Result<Self, store::Error> {
        let judgements: Vec<Judgement> = store.judgements(&deploy.id.service).await?;
        let level = |sequence: u32| judgements.iter().find(|j| j.judged.sequence == sequence).map(|j| j.judged.level);
        let mut until = deploy.started;
        let mut earlier = Vec::new();
        for known in store.deploys(&deploy.id.service).await? {
            if known.id.sequence < deploy.id.sequence && known.kind != DeployKind::First {
                let started = known.started;
                earlier.push((known.clone(), until, level(known.id.sequence)));
                until = started;
            }
        }
        // One that takes the service back is held against how it was before it was bad.
        Ok(Self { earlier, from: deploy.from.clone().filter(|_| !deploy.rollback) })
    }

    /// Whether a revision that was called bad ran then, and not the one that this deploy came from.
    fn was_bad(&self, at: Timestamp) -> bool {
        self.earlier.iter().any(|(deploy, until, level)| {
            let is_bad = level.is_some_and(|level| level.is_bad() || level == VerdictLevel::RolledBack);
            is_bad && Some(&deploy.to) != self.from.as_ref() && at >= deploy.started.floor(MINUTE) && at < *until
        })
    }

    /// Those that were judged and not called bad.
    fn well(&self) -> impl Iterator<Item = &Deploy> {
        let is_well = |level: VerdictLevel| matches!(level, VerdictLevel::Healthy | VerdictLevel::TooLittleData);
        self.earlier.iter().filter(move |(_, _, level)| level.is_some_and(is_well)).map(|(deploy, ..)| deploy)
    }
}
