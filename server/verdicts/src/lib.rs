//! Verdicts on deploys: looks at each that is due, gathers what is known, has it judged and keeps the result. What is
//! due, and what the facts are, is decided in pure functions; how to judge is `analysis`'. Never reads the clock.

mod births;
mod due;
mod gather;
mod history;
mod peers;
mod pods;
mod present;
mod remembered;
mod resources;
mod together;
mod traffic;

#[cfg(test)]
mod tests;

use std::time::Duration;

use analysis::{DeployFacts, Rules, hangs_on_peers, judge, judged};
use model::{MINUTE, Outcome, Timestamp, Verdict};
use store::{DueDeploy, Judgement, Store};
use tokio_util::sync::CancellationToken;

use due::Moment;
use gather::Gatherer;
pub use present::{Said, present_of};

/// How often it is asked what is due.
const TICK: Duration = Duration::from_secs(5);
/// So long after a start, what was sent meanwhile may still arrive.
const SETTLING: i64 = 6 * MINUTE;
/// After a start collectors first deliver what they kept meanwhile; a deploy that was missed is judged with that.
const BACKLOG: Duration = Duration::from_secs(30);
/// Deploys judged in one go, so that new ones do not wait behind many old ones.
const BATCH: u32 = 200;
/// Between two goes others come to the disk.
const BREATH: Duration = Duration::from_millis(100);

/// Judges on schedule until the token ends it; `now` is the clock. A failure is logged and tried again.
pub async fn run(store: Store, now: fn() -> Timestamp, token: CancellationToken) {
    let mut judging = Judging::new(store, now(), token.clone());
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + BACKLOG, TICK);
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            _ = tick.tick() => {}
        }
        while !token.is_cancelled() {
            match judging.look(now()).await {
                Ok(found) if found >= BATCH as usize => tokio::time::sleep(BREATH).await,
                Ok(_) => break,
                Err(error) => {
                    tracing::error!("judging deploys failed, will try again: {error}");
                    break;
                }
            }
        }
    }
}

/// Judges deploys by one version of the rules.
pub struct Judging {
    gatherer: Gatherer,
    rules: Rules,
    settling: Timestamp,
    token: CancellationToken,
}

impl Judging {
    /// Of a process that was started then: what was sent before it may still arrive for a while.
    pub fn new(store: Store, started: Timestamp, token: CancellationToken) -> Self {
        let (rules, settling) = (Rules::default(), started.plus(SETTLING));
        Self { gatherer: Gatherer::new(store, settling, rules.error_count), rules, settling, token }
    }

    /// Looks at what is due by now, until the token ends it; says how many were.
    ///
    /// # Errors
    ///
    /// What was due, or what all of it needs together, could not be read. A deploy that could not be judged is logged and
    /// stays due.
    pub async fn look(&mut self, now: Timestamp) -> Result<usize, store::Error> {
        let due = self.gatherer.store.due_deploys(now, BATCH).await?;
        let plans: Vec<_> = due.iter().map(|due| (due, due::moment(due, now, self.settling))).collect();
        let looks: Vec<_> = plans.iter().filter_map(|(due, (moment, _))| Some((*due, (*moment)?))).collect();
        self.gatherer.prepare(&looks).await?;
        let mut silent = Vec::new();
        for (due, plan) in plans {
            if self.token.is_cancelled() {
                break;
            }
            match self.look_at(due, plan, now).await {
                Ok(true) => {}
                Ok(false) => silent.push((&due.deploy.id, plan.1)),
                Err(error) => tracing::error!("judging {} failed, will try again: {error}", due.deploy.id),
            }
        }
        self.gatherer.done();
        self.gatherer.store.look_again(&silent).await?;
        Ok(due.len())
    }

    /// Has a look, where one is planned; whether something was said, and kept with when to come again.
    async fn look_at(
        &mut self,
        due: &DueDeploy,
        (moment, next): (Option<Moment>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<bool, store::Error> {
        let id = &due.deploy.id;
        let facts = match moment {
            Some(moment) => self.gatherer.facts(due, moment, now).await?.map(|facts| (moment, facts)),
            None => None,
        };
        if next.is_none() {
            self.gatherer.forget(id);
        }
        let Some((moment, facts)) = facts else { return Ok(false) };
        let silent = facts.endpoints.iter().all(|endpoint| endpoint.new.is_empty());
        let rules = self.rules_at(moment);
        let (facts, mut verdict) = judge_aside(facts, &rules).await?;
        if hangs_on_peers(&verdict) {
            let peers = self.gatherer.peers(&due.deploy.id.service, together::window(&due.deploy, &moment)).await?;
            (_, verdict) = judge_aside(DeployFacts { peers, ..facts }, &rules).await?;
        }
        // That no request was seen is not said while those of the past may still arrive.
        if silent && due.deploy.reconstructed && now < self.settling && !verdict.level.is_bad() {
            return Ok(false);
        }
        tracing::debug!("{id}: {:?}, {}", verdict.level, verdict.headline);
        let brief = brief(due, moment, &verdict);
        self.gatherer.store.keep_verdict(id, &verdict, brief, next).await?;
        Ok(true)
    }

    /// A look that is had late spends a part of what is its own. Where nothing is left, what was called stays as it
    /// was, whatever the rules allow.
    fn rules_at(&self, moment: Moment) -> Rules {
        let parts = if moment.parts == 0 { due::PARTS } else { moment.parts };
        Rules { alpha: self.rules.alpha * f64::from(parts) / f64::from(due::PARTS), ..self.rules.clone() }
    }
}

/// Many endpoints take long enough to hold up other tasks.
async fn judge_aside(facts: DeployFacts, rules: &Rules) -> Result<(DeployFacts, Verdict), store::Error> {
    let rules = rules.clone();
    let judging = tokio::task::spawn_blocking(move || {
        let verdict = judge(&facts, &rules);
        (facts, verdict)
    });
    judging.await.map_err(|error| store::Error::Busy(format!("judging was given up: {error}")))
}

/// What is remembered of a verdict: what it flags, and what it spent.
fn brief(due: &DueDeploy, moment: Moment, verdict: &Verdict) -> Judgement {
    let flagged = verdict.evidence.iter().filter(|evidence| evidence.outcome == Outcome::Flagged);
    let mut spent = due.said.as_ref().map(|said| said.spent.clone()).unwrap_or_default();
    spent.insert(moment.look.number(), due::spent(due, moment.look) + moment.parts);
    let judged = judged(due.deploy.id.sequence, verdict);
    Judgement { judged, flagged: flagged.cloned().collect(), looked: moment.at, spent }
}
