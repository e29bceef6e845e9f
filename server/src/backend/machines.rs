//! Answers for machines: services by id, their deploys, a verdict.

use std::sync::Arc;

use app::AppError;
use model::{Deploy, DeployId, HOUR, HealthState, Judged, ServiceId, ServiceState, Verdict, Viewer, Window};

use super::deploys::verdict_on;
use super::{Answers, failed};

/// Which services.
pub(crate) struct Filter {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    /// Only those whose id comes after.
    pub(crate) after: Option<ServiceId>,
}

/// A service as it stands.
pub(crate) struct Listed {
    pub(crate) service: Arc<ServiceState>,
    pub(crate) health: HealthState,
    /// What was said of its newest deploy.
    pub(crate) verdict: Option<Judged>,
}

/// Services by id, those that were deleted left out.
pub(crate) async fn services(
    answers: &Answers,
    _viewer: &Viewer,
    filter: Filter,
    limit: usize,
) -> Result<Vec<Listed>, AppError> {
    let hour = Window::before(crate::jobs::now(), HOUR);
    let standings = answers.board.standings(hour).await.map_err(failed)?;
    let is = |wanted: &Option<String>, value: &String| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let found = standings.services.iter().filter(|standing| {
        let id = &standing.service.id;
        standing.service.deleted.is_none()
            && is(&filter.name, &id.name)
            && is(&filter.namespace, &id.namespace)
            && filter.after.as_ref().is_none_or(|after| id > after)
    });
    let listed = found.take(limit).map(|standing| Listed {
        service: standing.service.clone(),
        health: standing.health.clone(),
        verdict: standing.judgement.as_ref().map(|judgement| judgement.judged.clone()),
    });
    Ok(listed.collect())
}

/// Deploys of a service, newest first, with what was said of them.
pub(crate) async fn deploys(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
) -> Result<Vec<(Deploy, Option<Judged>)>, AppError> {
    answers.known(id)?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let judgements = answers.store.judgements(id).await.map_err(failed)?;
    let judged = deploys.into_iter().map(|deploy| {
        let verdict = verdict_on(&judgements, &deploy);
        (deploy, verdict)
    });
    Ok(judged.collect())
}

/// A deploy and its verdict; nothing where there is no such deploy.
pub(crate) async fn verdict(
    answers: &Answers,
    _viewer: &Viewer,
    id: &DeployId,
) -> Result<Option<(Deploy, Option<Verdict>)>, AppError> {
    answers.known(&id.service)?;
    let deploys = answers.store.deploys(&id.service).await.map_err(failed)?;
    let Some(deploy) = deploys.into_iter().find(|deploy| deploy.id == *id) else { return Ok(None) };
    let verdict = answers.store.verdict(id).await.map_err(failed)?;
    Ok(Some((deploy, verdict)))
}
