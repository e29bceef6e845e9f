//! Deploys: those of a service with before and after, one with its verdict and what it changed, the feed of all; the
//! revisions that they brought, and two of them compared.

pub(super) mod compare;
mod drawn;
mod measure;
pub(super) mod revisions;
mod runs;
#[cfg(test)]
mod shop;

use std::collections::BTreeSet;

use app::AppError;
use model::{
    Deploy, DeployDetail, DeployId, DeployRow, Diff, Feed, FeedQuery, HOUR, Judged, MINUTE, Revision, RevisionHash,
    SECOND, ServiceId, Summary, Timestamp, Viewer, Window,
};
use store::Judgement;

use super::{Answers, failed, textdiff};
use measure::Measured;

/// How long before and after a deploy is measured.
const SPAN: i64 = HOUR;
/// A config change belongs to a deploy that starts within so long of it.
const BELONGS: i64 = 10 * MINUTE;
/// Kubernetes gives the start of a deploy in whole seconds, and a config change is known since it was seen: one that was
/// applied just before the workload may seem to come so long after it.
const SEEN: i64 = 2 * SECOND;
/// Deploys that are listed.
const LISTED: usize = 50;
/// Rows that the feed gives at most.
const ROWS: u32 = 200;

/// Deploys, newest first, with the old revision's numbers before and the new one's since.
pub(super) async fn list(answers: &Answers, _viewer: &Viewer, id: &ServiceId) -> Result<Vec<DeployRow>, AppError> {
    answers.known(id)?;
    let now = crate::jobs::now();
    let mut deploys = answers.store.deploys(id).await.map_err(failed)?;
    deploys.truncate(LISTED);
    let judgements = answers.store.judgements(id).await.map_err(failed)?;
    let nexts = [None].into_iter().chain(deploys.iter().map(|deploy| Some(deploy.started)));
    let after = |deploy: &Deploy, next: Option<Timestamp>| {
        Window::new(deploy.started, next.unwrap_or(now).min(deploy.started.plus(SPAN)).min(now).max(deploy.started))
    };
    let since: Vec<Window> = deploys.iter().zip(nexts).map(|(deploy, next)| after(deploy, next)).collect();
    let around = deploys
        .iter()
        .zip(&since)
        .map(|(deploy, since)| Window::new(deploy.started.plus(-SPAN), since.to.max(deploy.started.plus(1))));
    let measured = Measured::read(answers, id, around.collect()).await?;
    let row = |(deploy, since): (Deploy, Window)| DeployRow {
        before: deploy
            .from
            .as_ref()
            .map_or_else(Summary::default, |from| measured.summary(from, Window::before(deploy.started, SPAN))),
        after: measured.summary(&deploy.to, since),
        measured: since,
        config: measured.config(belonging(&deploy)),
        verdict: verdict_on(&judgements, &deploy),
        deploy,
    };
    Ok(deploys.into_iter().zip(since).map(row).collect())
}

/// What was said of a deploy, in short.
pub(super) fn verdict_on(judgements: &[Judgement], deploy: &Deploy) -> Option<Judged> {
    let found = judgements.iter().find(|judgement| judgement.judged.sequence == deploy.id.sequence);
    found.map(|judgement| judgement.judged.clone())
}

/// A page of all deploys.
pub(super) async fn feed(answers: &Answers, _viewer: &Viewer, ask: FeedQuery) -> Result<Feed, AppError> {
    let limit = ask.limit.clamp(1, ROWS);
    // One more than is shown says whether there are more.
    let mut rows = answers.store.feed(&FeedQuery { limit: limit + 1, ..ask }).await.map_err(failed)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let directory = answers.store.directory();
    let namespaces: BTreeSet<&String> = directory.services().map(|service| &service.id.namespace).collect();
    Ok(Feed { rows, more, namespaces: namespaces.into_iter().cloned().collect() })
}

/// A deploy with its verdict and what it changed.
pub(super) async fn detail(answers: &Answers, _viewer: &Viewer, id: &DeployId) -> Result<DeployDetail, AppError> {
    answers.known(&id.service)?;
    let deploys = answers.store.deploys(&id.service).await.map_err(failed)?;
    let deploy = deploys.into_iter().find(|deploy| &deploy.id == id);
    let deploy = deploy.ok_or_else(|| AppError::NotFound(format!("deploy {id}")))?;
    let revisions = answers.store.revisions(&id.service).await.map_err(failed)?;
    let verdict = answers.store.verdict(id).await.map_err(failed)?;
    let chart = match &verdict {
        Some(verdict) => drawn::chart(answers, &deploy, &revisions, verdict).await?,
        None => None,
    };
    Ok(DeployDetail { verdict, chart, diffs: diff(answers, &deploy, &revisions).await? })
}

/// When a config change belongs to a deploy.
fn belonging(deploy: &Deploy) -> Window {
    Window::new(deploy.started.plus(-BELONGS), deploy.started.plus(SEEN))
}

/// What a deploy changed: the pod template, then the ConfigMaps that changed with it.
async fn diff(answers: &Answers, deploy: &Deploy, revisions: &[Revision]) -> Result<Vec<Diff>, AppError> {
    let before = template(answers, revisions, deploy.from.as_ref()).await?;
    let after = template(answers, revisions, Some(&deploy.to)).await?;
    let mut diffs = Vec::new();
    if deploy.from.is_some() {
        diffs.push(textdiff::diff("Pod template".into(), &before, &after));
    }
    for change in answers.store.config_changes(&deploy.id.service, belonging(deploy)).await.map_err(failed)? {
        let before = text(answers, change.from.as_deref()).await?;
        let after = text(answers, Some(&change.to)).await?;
        diffs.push(textdiff::diff(format!("ConfigMap {}", change.name), &before, &after));
    }
    diffs.retain(|diff| !diff.lines.is_empty());
    Ok(diffs)
}

async fn template(answers: &Answers, revisions: &[Revision], hash: Option<&RevisionHash>) -> Result<String, AppError> {
    let revision = revisions.iter().find(|revision| Some(&revision.hash) == hash);
    text(answers, revision.map(|revision| revision.template.as_str())).await
}

/// The text of a version; empty where there is none.
async fn text(answers: &Answers, hash: Option<&str>) -> Result<String, AppError> {
    let Some(hash) = hash else { return Ok(String::new()) };
    Ok(version(answers, hash).await?.unwrap_or_default())
}

/// The text of a version that is still kept.
async fn version(answers: &Answers, hash: &str) -> Result<Option<String>, AppError> {
    answers.store.version(hash).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use model::{ClusterId, ConfigChange};
    use store::ClusterRecord;

    use super::shop::Shop;
    use super::*;
    use crate::fixtures::{deploy, id, open, service};

    #[tokio::test]
    async fn before_is_what_the_old_revision_did_and_after_what_the_new_one_does() {
        let mut shop = Shop::open().await;
        shop.serve("p1", 0..30, 20_000_000, (10, "Timeout")).await;
        // What the old one still answers while the new one comes is neither.
        shop.serve("p1", 30..31, 900_000_000, (1, "Timeout")).await;
        shop.serve("p2", 30..60, 20_000_000, (u64::MAX, "Oh")).await;
        shop.serve("p2", 30..60, 90_000_000, (2, "Oh")).await;
        let rows = list(&shop.answers, &Viewer::local(), &id("cart")).await.unwrap();
        let [DeployRow { before, after, measured, deploy, .. }] = &rows[..] else { panic!("one deploy: {rows:?}") };
        assert_eq!((measured.from, deploy.started), (shop.start.plus(30 * MINUTE), measured.from));
        assert_eq!((before.requests, before.errors, after.requests, after.errors), (1_800.0, 180.0, 3_600.0, 900.0));
        assert_eq!((before.rate, after.rate), (Some(1.0), Some(2.0)));
        assert_eq!((before.error_share, after.error_share), (Some(0.1), Some(0.25)));
        // A bucket of the histogram is 2^⅛ wide.
        let is_near = |found: Option<f64>, millis: f64| found.is_some_and(|it| (it / 1e6 / millis - 1.0).abs() < 0.091);
        assert!(is_near(before.p50, 20.0) && is_near(before.p95, 20.0) && is_near(before.p99, 20.0), "{before:?}");
        assert!(is_near(after.p95, 90.0) && is_near(after.p99, 90.0), "{after:?}");
    }

    #[tokio::test]
    async fn a_config_change_belongs_to_a_deploy_that_starts_within_ten_minutes_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let started = deploy(3).started;
        let edit = |seconds: i64, name: &str| ConfigChange {
            cluster: "c1".into(),
            namespace: "shop".into(),
            name: name.into(),
            at: started.plus(seconds * SECOND),
            keys: vec!["limit".into()],
            from: Some("before".into()),
            to: "after".into(),
            services: vec![id("cart")],
        };
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        (record.services, record.deploys) = (vec![service("cart")], vec![deploy(3)]);
        record.config_changes =
            vec![edit(-601, "too early"), edit(-600, "just in time"), edit(1, "applied with it"), edit(2, "after it")];
        store.record(&record).await.unwrap();
        let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
        let answers = Answers::new(store, ingest, vec![], false);
        let rows = list(&answers, &Viewer::local(), &id("cart")).await.unwrap();
        let names: Vec<&str> = rows[0].config.iter().map(|change| change.name.as_str()).collect();
        assert_eq!(names, ["applied with it", "just in time"]);
    }
}
