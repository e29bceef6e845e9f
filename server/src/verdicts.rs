//! Verdicts on deploys: looks at each that is due, gathers what is known, has it judged and keeps the result. What is
//! due, and what the facts are, is decided in pure functions; how to judge is `analysis`'.

mod due;
mod gather;
mod peers;
mod pods;
pub(crate) mod present;
mod traffic;

#[cfg(test)]
mod tests;

use std::time::Duration;

use analysis::{Rules, judge, judged};
use model::{MINUTE, Outcome, Timestamp};
use store::{DueDeploy, Judgement, Store};

use crate::jobs::now;
use crate::shutdown::Shutdown;
use due::Moment;
use gather::Gatherer;

/// How often it is asked what is due.
const TICK: Duration = Duration::from_secs(5);
/// So long after a start, what was sent meanwhile may still arrive.
const SETTLING: i64 = 6 * MINUTE;
/// After a start collectors first deliver what they kept meanwhile; a deploy that was missed is judged with that.
const BACKLOG: Duration = Duration::from_secs(30);
/// Deploys judged in one go, so that new ones do not wait behind many old ones.
const BATCH: u32 = 50;

/// Judges on schedule until shutdown. A failure is logged and tried again.
pub(crate) fn spawn(store: &Store, shutdown: &Shutdown) {
    let (mut judging, token) = (Judging::new(store.clone(), now()), shutdown.token());
    shutdown.spawn("verdicts", async move {
        let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + BACKLOG, TICK);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = tick.tick() => {}
            }
            while !token.is_cancelled() {
                match judging.look(now()).await {
                    Ok(found) if found >= BATCH as usize => {}
                    Ok(_) => break,
                    Err(error) => {
                        tracing::error!("judging deploys failed, will try again: {error}");
                        break;
                    }
                }
            }
        }
    });
}

/// Judges deploys by one version of the rules.
struct Judging {
    gatherer: Gatherer,
    rules: Rules,
    settling: Timestamp,
}

impl Judging {
    fn new(store: Store, started: Timestamp) -> Self {
        let settling = started.plus(SETTLING);
        Self { gatherer: Gatherer::new(store), rules: Rules::default(), settling }
    }

    /// Looks at what is due by now; says how many were.
    async fn look(&mut self, now: Timestamp) -> Result<usize, store::Error> {
        let due = self.gatherer.store.due_deploys(now, BATCH).await?;
        let plans: Vec<_> = due.iter().map(|due| (due, due::moment(due, now, self.settling))).collect();
        let looked_at = plans.iter().filter(|(_, (moment, _))| moment.is_some()).map(|(due, _)| *due);
        self.gatherer.prepare(&looked_at.collect::<Vec<_>>()).await?;
        for (due, plan) in plans {
            if let Err(error) = self.look_at(due, plan, now).await {
                tracing::error!("judging {} failed, will try again: {error}", due.deploy.id);
            }
        }
        Ok(due.len())
    }

    /// Has a look, where one is planned, and says when to come again.
    async fn look_at(
        &mut self,
        due: &DueDeploy,
        (moment, next): (Option<Moment>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<(), store::Error> {
        let facts = match moment {
            Some(moment) => self.gatherer.facts(due, moment, now).await?,
            None => None,
        };
        let id = &due.deploy.id;
        if next.is_none() {
            self.gatherer.forget(id);
        }
        let Some(facts) = facts else { return self.gatherer.store.keep_verdict(id, None, next).await };
        let silent = facts.endpoints.iter().all(|endpoint| endpoint.new.is_empty());
        let rules = self.rules.clone();
        // Many endpoints take long enough to hold up other tasks.
        let judged_now = tokio::task::spawn_blocking(move || judge(&facts, &rules)).await;
        let verdict = judged_now.map_err(|error| store::Error::Busy(format!("judging was given up: {error}")))?;
        // That no request was seen is not said while those of the past may still arrive.
        if silent && due.deploy.reconstructed && now < self.settling && !verdict.level.is_bad() {
            return self.gatherer.store.keep_verdict(id, None, next).await;
        }
        tracing::debug!("{id}: {:?}, {}", verdict.level, verdict.headline);
        let flagged = verdict.evidence.iter().filter(|evidence| evidence.outcome == Outcome::Flagged);
        let brief = Judgement { judged: judged(id.sequence, &verdict), flagged: flagged.cloned().collect() };
        self.gatherer.store.keep_verdict(id, Some((&verdict, brief)), next).await
    }
}
