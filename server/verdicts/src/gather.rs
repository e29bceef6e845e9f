//! Fetches what a verdict is made from. What does not change between two looks at a deploy is fetched once.

use std::collections::BTreeMap;
use std::sync::Arc;

use analysis::{DeployFacts, Past, Peer, Rollout};
use model::{Deploy, DeployId, DeployKind, DeployPhase, HOUR, Leak, MINUTE, Red, ServiceId, Step, Timestamp, Window};
use store::{By, DueDeploy, RedQuery, RedRow, Store};

use super::births::{self, Nursery};
use super::due::Moment;
use super::history::History;
use super::remembered::Remembered;
use super::resources::Beginnings;
use super::together::{self, Together};
use super::{peers, pods, resources, traffic};

/// How far back pods and their events count.
const PODS: i64 = 6 * HOUR;
/// An earlier rollout is learned from over so long.
const ROLLOUT: i64 = 30 * MINUTE;
/// So many of them.
const ROLLOUTS: usize = 5;
/// Who serves and who calls whom is asked again after so long.
const SURROUNDINGS: i64 = 10 * MINUTE;
/// What is remembered of the past of deploys.
const PAST_BYTES: usize = 128 << 20;
/// What is remembered of earlier rollouts.
const ROLLOUT_BYTES: usize = 16 << 20;

/// The service before a deploy, without the time of bad ones; and while the revision ran that a rollback replaced.
#[derive(Debug, Clone, Default)]
struct Pasts {
    before: Arc<Past>,
    replaced: Arc<Past>,
}

/// Who serves, and who calls whom, around a time.
#[derive(Debug, Default)]
struct Surroundings {
    busy: Vec<ServiceId>,
    calls: Vec<(ServiceId, String)>,
}

/// See the module.
pub(super) struct Gatherer {
    pub(super) store: Store,
    /// Until then, what was sent before may still arrive: nothing is remembered that it could change.
    settling: Timestamp,
    past: Remembered<DeployId, Pasts>,
    rollouts: Remembered<DeployId, Rollout>,
    nursery: Nursery,
    beginnings: Beginnings,
    surroundings: BTreeMap<Timestamp, Arc<Surroundings>>,
    together: Together,
}

impl Gatherer {
    /// Error groups are called from so many errors on.
    pub(super) fn new(store: Store, settling: Timestamp, error_count: f64) -> Self {
        Self {
            store,
            settling,
            past: Remembered::new(PAST_BYTES),
            rollouts: Remembered::new(ROLLOUT_BYTES),
            nursery: Nursery::new(error_count),
            beginnings: Beginnings::new(),
            surroundings: BTreeMap::new(),
            together: Together::default(),
        }
    }

    /// Reads together what looks that are had in one go need.
    pub(super) async fn prepare(&mut self, looks: &[(&DueDeploy, Moment)]) -> Result<(), store::Error> {
        self.together = Together::read(&self.store, looks, |id| self.past.has(id)).await?;
        Ok(())
    }

    /// What was read together is not needed any more.
    pub(super) fn done(&mut self) {
        self.together = Together::default();
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
        let since = together::window(&due.deploy, &moment);
        let end = since.to;
        let deploy = as_of(&due.deploy, end);
        let service = &deploy.id.service;
        let around = Window::new(since.from.plus(-PODS), end);
        let rows = self.together.since(&deploy, &moment);
        let found_late = deploy.reconstructed && now.since(end) > HOUR;
        if rows.is_empty() && found_late {
            return Ok(None);
        }
        let known = self.store.pods(service, around).await?;
        let has_pods = known.iter().any(|pod| pod.revision.as_ref() == Some(&deploy.to));
        if rows.is_empty() && !has_pods {
            return Ok(None);
        }
        let history = History::read(&self.store, &deploy).await?;
        let Pasts { before: past, replaced } = self.past(&deploy, &history, now).await?;
        let traffic = traffic::traffic(&deploy, rows, &past, &known);
        let errors = self.together.errors(&deploy, &moment);
        let logged = self.together.patterns(&deploy, &moment);
        let events = self.store.adverse(Some(service), around).await?;
        let nodes = self.store.node_events(&service.cluster, around).await?;
        // Until settled, nothing of the past is final.
        let final_before = if now < self.settling { Timestamp::default() } else { now };
        let times = (end, final_before);
        let resources = resources::resources(&self.store, &mut self.beginnings, &deploy, &known, times).await?;
        let earlier = self.rollouts(&history, now).await?;
        let groups = traffic::groups(&deploy, &errors.groups);
        let seen = (&errors, groups.as_slice());
        let mut births = self.nursery.births(&self.store, &deploy, seen, &history, final_before).await?;
        births.patterns = births::patterns(&self.store, &deploy, &logged.births, &history);
        // What leaks is known as of now alone.
        let leaks = self.leaks(&deploy).filter(|_| resources.is_some() && now.since(moment.at) <= HOUR / 6);
        if moment.is_for_leaks() && due.taken_back().is_none() && leaks.is_none() {
            return Ok(None);
        }
        let spent = due.said.as_ref().filter(|_| moment.parts == 0).map(|said| said.flagged.clone());
        Ok(Some(DeployFacts {
            now: end,
            look: moment.look,
            spent,
            groups,
            births,
            kubernetes: pods::facts(&deploy, &known, &events, &nodes, (around, now)),
            endpoints: traffic.endpoints,
            past,
            replaced,
            pods: traffic.pods,
            weight: traffic.weight,
            patterns: traffic::groups(&deploy, &logged.groups),
            leaks,
            resources: resources.unwrap_or_default(),
            rolled_back: due.taken_back(),
            // They are asked for where anything hangs on them.
            peers: Vec::new(),
            earlier,
            deploy,
        }))
    }

    /// What leaks on the new revision, as of now; nothing known before the service was looked at.
    fn leaks(&self, deploy: &Deploy) -> Option<Vec<Leak>> {
        let all = self.store.leaks();
        let own = all.get(&deploy.id.service)?.iter();
        Some(own.filter(|leak| leak.revision.as_ref() == Some(&deploy.to)).cloned().collect())
    }

    /// What the service did before a deploy.
    async fn past(&mut self, deploy: &Deploy, history: &History, now: Timestamp) -> Result<Pasts, store::Error> {
        // Before its first revision there was no service.
        if deploy.kind == DeployKind::First {
            return Ok(Pasts::default());
        }
        if let Some(past) = self.past.get(&deploy.id) {
            return Ok(past);
        }
        let origin = deploy.started.floor(MINUTE);
        let left_out = |at: Timestamp| at >= origin || history.was_bad(at);
        let rows = self.together.hours(&self.store, deploy).await?;
        let past = |rows, left_out: &dyn Fn(Timestamp) -> bool| {
            Arc::new(Past::new(&traffic::past_minutes(deploy, rows, left_out)))
        };
        let replaced = history.replaced(deploy).map(|ran| past(rows.clone(), &|at| !ran.contains(at)));
        let pasts = Pasts { before: past(rows, &left_out), replaced: replaced.unwrap_or_default() };
        if now >= self.settling {
            self.past.insert(deploy.id.clone(), pasts.clone(), pasts.before.bytes() + pasts.replaced.bytes());
        }
        Ok(pasts)
    }

    /// Earlier rollouts that went well.
    async fn rollouts(&mut self, history: &History, now: Timestamp) -> Result<Vec<Rollout>, store::Error> {
        let mut found = Vec::new();
        for deploy in history.well().take(ROLLOUTS) {
            let rollout = match self.rollouts.get(&deploy.id) {
                Some(rollout) => rollout,
                None => self.rollout(deploy, now).await?,
            };
            found.extend(Some(rollout).filter(|rollout| rollout.steady.requests > 0.0));
        }
        Ok(found)
    }

    async fn rollout(&mut self, deploy: &Deploy, now: Timestamp) -> Result<Rollout, store::Error> {
        let from = deploy.started.floor(MINUTE);
        let window = Window::new(from, from.plus(ROLLOUT));
        let services = Some(vec![deploy.id.service.clone()]);
        let ask = RedQuery { services, window, step: Step(MINUTE), by: By::Pod };
        let rows: Vec<RedRow> = self.store.telemetry().red(ask).await?;
        let rollout = traffic::rollout(deploy, rows);
        if now >= self.settling.max(window.to.plus(MINUTE)) {
            let bytes = rollout.ages.iter().chain([&rollout.steady]).map(bytes_of).sum();
            self.rollouts.insert(deploy.id.clone(), rollout.clone(), bytes);
        }
        Ok(rollout)
    }

    /// Other services at the time of a deploy.
    pub(super) async fn peers(&mut self, service: &ServiceId, since: Window) -> Result<Vec<Peer>, store::Error> {
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
}

/// What counts take in memory.
fn bytes_of(red: &Red) -> usize {
    size_of::<Red>() + size_of_val(red.histogram.buckets.as_slice())
}

/// The deploy as it was at the end of the data. When one that was reconstructed settled is a guess.
fn as_of(deploy: &Deploy, end: Timestamp) -> Deploy {
    let mut deploy = deploy.clone();
    if !deploy.reconstructed && deploy.phase.ended().is_some_and(|ended| ended > end) {
        deploy.phase = DeployPhase::RollingOut;
    }
    deploy
}
