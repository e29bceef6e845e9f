//! The catalog's page, the jump box, the head of a service's page.

mod find;
mod natural;

use std::collections::HashMap;
use std::sync::Arc;

use app::AppError;
use model::{
    CatalogPage, CatalogQuery, Deploy, DeployMark, HOUR, JumpHit, PodPhase, Red, RevisionHash, ServiceHeader,
    ServiceId, ServiceRow, ServiceState, Summary, VerdictLevel, Viewer, Window,
};
use store::{By, Directory, RedQuery};

use super::board::{Standing, Standings};
use super::kubernetes::went_wrong;
use super::{Answers, failed, is_past, shown_name};
use crate::jobs::now;
use find::find;

/// Points of a sparkline.
const SPARK: i64 = 30;
/// Hits of the jump box.
const HITS: usize = 12;

/// A page of the catalog: filters, sorts and windows here, so that the browser gets the rows it shows.
pub(super) async fn page(
    answers: &Answers,
    _viewer: &Viewer,
    ask: CatalogQuery,
    window: Window,
) -> Result<CatalogPage, AppError> {
    let (standings, of_past) = standings_of(answers, window).await?;
    let directory = &standings.directory;
    let hour = Window::before(if of_past { now() } else { window.to }, HOUR);
    let found = standings.found(&ask, || find(&standings, &ask, hour));
    let shown: Vec<&Standing> = found.shown.iter().filter_map(|at| standings.services.get(*at as usize)).collect();
    let facets = standings.facets(ask.grouped);
    let sparks = sparks(answers, &shown, window).await?;
    Ok(CatalogPage {
        window,
        rows: shown.iter().map(|s| row(s, directory, sparks.get(&s.service.id))).collect(),
        matched: found.matched,
        total: facets.total,
        counts: found.counts.clone(),
        namespaces: facets.namespaces.clone(),
        kinds: facets.kinds.clone(),
        deploys: answers.store.count_deploys(hour).await.map_err(failed)?,
        clusters: answers.store.cluster_statuses(),
        of_past,
    })
}

/// All services with what they did in a window, and whether it is over. Pods, verdicts and what runs are known as of
/// now: health of an earlier moment would be a mixture, so it is of now as well.
async fn standings_of(answers: &Answers, window: Window) -> Result<(Arc<Standings>, bool), AppError> {
    let of_window = answers.board.standings(window).await.map_err(failed)?;
    let now = now();
    if !is_past(window.to, now) {
        return Ok((of_window, false));
    }
    let present = answers.board.standings(Window::before(now, HOUR)).await.map_err(failed)?;
    let totals: HashMap<&ServiceId, &Summary> =
        of_window.services.iter().map(|standing| (&standing.service.id, &standing.total)).collect();
    let total = |id: &ServiceId| totals.get(id).map(|total| (*total).clone()).unwrap_or_default();
    let services = present.services.iter().map(|one| Standing { total: total(&one.service.id), ..one.clone() });
    Ok((Arc::new(Standings::new(services.collect(), present.directory.clone())), true))
}

type Spark = (Vec<Option<f64>>, Vec<Option<f64>>);

/// Error share and p95 over the window, for the rows that are shown.
async fn sparks(answers: &Answers, shown: &[&Standing], window: Window) -> Result<HashMap<ServiceId, Spark>, AppError> {
    let services: Vec<ServiceId> =
        shown.iter().filter(|s| s.total.requests > 0.0).map(|s| s.service.id.clone()).collect();
    if services.is_empty() {
        return Ok(HashMap::new());
    }
    let step = window.step(SPARK);
    let aligned = window.aligned(step);
    let points = (aligned.length() / step.0) as usize;
    let ask = RedQuery { services: Some(services), window, step, by: By::Service };
    let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
    let spark = |cells: Vec<(u32, Red)>| {
        let mut spark = (vec![None; points], vec![None; points]);
        for (at, red) in cells {
            if let (Some(errors), Some(p95)) = (spark.0.get_mut(at as usize), spark.1.get_mut(at as usize)) {
                *errors = red.error_share();
                *p95 = red.histogram.quantile(0.95);
            }
        }
        spark
    };
    Ok(rows.into_iter().map(|row| (row.service, spark(row.cells))).collect())
}

fn row(standing: &Standing, directory: &Directory, spark: Option<&Spark>) -> ServiceRow {
    let service = &standing.service;
    let (error_spark, p95_spark) = spark.cloned().unwrap_or_default();
    ServiceRow {
        id: service.id.clone(),
        health: standing.health.clone(),
        managed_by: service.managed_by.clone(),
        rate: standing.total.rate,
        error_share: standing.total.error_share,
        error_spark,
        p95: standing.total.p95,
        p95_spark,
        ready: service.ready,
        wanted: service.wanted,
        restarts: standing.restarts,
        revision: service.revision_name.clone(),
        ready_on: ready_on(service, directory),
        last_deploy: directory.newest_deploy(&service.id).map(|deploy| mark(deploy, standing.verdict())),
        deleted: service.deleted,
    }
}

/// The revisions that the ready pods of a service are of, where that is not just the one that is wanted.
fn ready_on(service: &ServiceState, directory: &Directory) -> Vec<String> {
    let mut ready: Vec<_> = directory.pods(&service.id).iter().filter(|pod| pod.phase == PodPhase::Ready).collect();
    ready.sort_by_key(|pod| pod.created);
    let mut hashes: Vec<&RevisionHash> = Vec::new();
    for hash in ready.iter().filter_map(|pod| pod.revision.as_ref()) {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    let Some(wanted) = service.revision.as_ref().filter(|wanted| hashes.iter().any(|hash| hash != wanted)) else {
        return Vec::new();
    };
    let name = |hash: &&RevisionHash| match &service.revision_name {
        Some(name) if *hash == wanted => name.clone(),
        _ => shown_name(directory, &service.id, hash),
    };
    hashes.iter().map(name).collect()
}

/// A deploy as a flag.
pub(super) fn mark(deploy: &Deploy, level: Option<VerdictLevel>) -> DeployMark {
    DeployMark {
        at: deploy.started,
        ended: deploy.phase.ended(),
        name: deploy.to_name.clone(),
        sequence: deploy.id.sequence,
        kind: deploy.kind,
        rollback: deploy.rollback,
        level,
    }
}

/// Services whose name matches: those that begin with the text first.
pub(super) async fn jump(answers: &Answers, _viewer: &Viewer, text: &str) -> Result<Vec<JumpHit>, AppError> {
    let standings = answers.board.standings(Window::before(now(), HOUR)).await.map_err(failed)?;
    let text = text.trim().to_lowercase();
    let rank = |standing: &Standing| {
        let (name, local) = (standing.service.id.name.to_lowercase(), standing.service.id.local().to_lowercase());
        match () {
            () if name == text => Some(0),
            () if name.starts_with(&text) => Some(1),
            () if name.contains(&text) => Some(2),
            () if local.contains(&text) => Some(3),
            () => None,
        }
    };
    let mut hits: Vec<(u8, &Standing)> =
        standings.services.iter().filter(|s| s.listed).filter_map(|s| Some((rank(s)?, s))).collect();
    hits.sort_by(|(a, x), (b, y)| {
        a.cmp(b).then_with(|| x.health.health.cmp(&y.health.health)).then_with(|| x.service.id.cmp(&y.service.id))
    });
    let hits = hits.into_iter().take(HITS);
    Ok(hits.map(|(_, s)| JumpHit { id: s.service.id.clone(), health: s.health.health }).collect())
}

/// The head of a service's page.
pub(super) async fn header(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<ServiceHeader, AppError> {
    let service = answers.known(id)?;
    let (standings, of_past) = standings_of(answers, window).await?;
    let standing = standings.services.iter().find(|s| &s.service.id == id);
    let standing = standing.ok_or(AppError::Internal)?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let clusters = answers.store.cluster_statuses();
    let cluster = clusters.iter().find(|cluster| cluster.id == id.cluster);
    Ok(ServiceHeader {
        id: id.clone(),
        cluster_name: cluster.map_or_else(|| id.cluster.clone(), |cluster| cluster.name.clone()),
        health: standing.health.clone(),
        ready: service.ready,
        wanted: service.wanted,
        images: service.images.clone(),
        revision: service.revision_name.clone(),
        ready_on: ready_on(&service, &standings.directory),
        team: service.team.clone(),
        managed_by: service.managed_by.clone(),
        adverse: went_wrong(answers, id, &deploys, window).await?,
        deleted: service.deleted,
        verdict: standing.judgement.as_ref().map(|judgement| judgement.judged.clone()),
        verdict_lasts: standing.verdict_lasts,
        leak: answers.leak_of(&service),
        saturation: standing.saturation.first().map(|lacks| lacks.sentence.clone()),
        of_past,
    })
}

#[cfg(test)]
mod tests;
