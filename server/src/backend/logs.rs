//! Log lines and patterns of a service.

use std::collections::BTreeMap;
use std::slice;

use app::AppError;
use model::{
    Cursor, Level, LogFilter, LogPage, LogPattern, LogPatterns, MINUTE, Series, ServiceId, Step, Timestamp, Viewer,
    Window,
};
use store::{LogAsk, PatternCells};

use super::{Answers, failed, shown_name};

/// Lines of a page.
const LINES: u32 = 100;
/// Bars of the histogram, and points of a pattern's sparkline.
const BARS: i64 = 90;
const SPARK: i64 = 30;
/// Patterns that are listed.
const PATTERNS: usize = 100;

type Counts = BTreeMap<Level, BTreeMap<u32, u64>>;

/// Lines that match, newest first, and how many there are when.
pub(super) async fn lines(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    text: &str,
    after: Option<Cursor>,
) -> Result<LogPage, AppError> {
    answers.known(id)?;
    let filter: LogFilter = text.parse().map_err(AppError::Invalid)?;
    let step = window.step(BARS);
    let telemetry = answers.store.telemetry();
    // What levels alone decide is counted in rollups, however much there is.
    let counts = match filter.asks_lines() {
        false => Some(levels_of(&telemetry.log_counts(id, window, step).await.map_err(failed)?, &filter)),
        true => None,
    };
    let ask = LogAsk { service: id.clone(), window, step, filter, after, limit: LINES, count: counts.is_none() };
    let counted_before = counts.is_none() && after.is_some();
    let first = match counted_before {
        true => Some(telemetry.logs(LogAsk { after: None, limit: 1, ..ask.clone() }).await.map_err(failed)?),
        false => None,
    };
    let found = telemetry.logs(ask).await.map_err(failed)?;
    let counted_in = first.as_ref().unwrap_or(&found);
    let covered_from = counted_in.covered_from.max(found.covered_from);
    let levels = counts.unwrap_or_else(|| counted_in.levels.clone());
    Ok(LogPage {
        matched: levels.values().flat_map(BTreeMap::values).sum(),
        levels: series(&levels, window, step),
        lines: found.lines,
        next: found.next,
        covered_from,
        coverage: answers.store.log_coverage(id),
    })
}

/// Counts by level from patterns; the filter asks for nothing but levels.
fn levels_of(patterns: &[PatternCells], filter: &LogFilter) -> Counts {
    let mut counts = Counts::new();
    for (level, at, count) in patterns.iter().flat_map(|pattern| &pattern.cells) {
        if filter.lets_level(*level) {
            *counts.entry(*level).or_default().entry(*at).or_default() += count;
        }
    }
    counts
}

/// A series a level that occurs, the least bad first.
fn series(levels: &Counts, window: Window, step: Step) -> Vec<Series> {
    let window = window.aligned(step);
    let points = (window.length() / step.0) as u32;
    let one = |(level, cells): (&Level, &BTreeMap<u32, u64>)| Series {
        name: level.word().to_owned(),
        start: window.from,
        step,
        points: (0..points).map(|at| Some(cells.get(&at).map_or(0.0, |count| *count as f64))).collect(),
    };
    levels.iter().map(one).collect()
}

/// Patterns: those that came with the newest deploy first, then the most lines. Of a query its levels and patterns count.
pub(super) async fn patterns(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    text: &str,
) -> Result<LogPatterns, AppError> {
    answers.known(id)?;
    let filter: LogFilter = text.parse().map_err(AppError::Invalid)?;
    let (step, telemetry) = (window.step(SPARK), answers.store.telemetry());
    let mut found = telemetry.log_counts(id, window, step).await.map_err(failed)?;
    found.retain_mut(|one| {
        one.cells.retain(|(level, ..)| filter.lets_level(*level));
        filter.lets_pattern(&one.pattern) && !one.cells.is_empty()
    });
    let directory = answers.store.directory();
    let deploy = directory.newest_deploy(id).filter(|deploy| deploy.from.is_some());
    let deployed = match deploy.map(|deploy| deploy.started) {
        Some(deployed) if logged_before(answers, id, window, deployed).await? => Some(deployed),
        _ => None,
    };
    let name = |hash: &model::RevisionHash| shown_name(&directory, id, hash);
    let mut patterns: Vec<LogPattern> =
        found.into_iter().map(|cells| pattern(cells, window.aligned(step), step, deployed, name)).collect();
    patterns.sort_by(|a, b| {
        let key = |p: &LogPattern| (!p.is_new, std::cmp::Reverse(p.count));
        key(a).cmp(&key(b)).then_with(|| a.pattern.cmp(&b.pattern))
    });
    let more = patterns.len().saturating_sub(PATTERNS) as u32;
    patterns.truncate(PATTERNS);
    Ok(LogPatterns { patterns, more, asks_lines: filter.asks_bodies() })
}

/// Whether a service is known to have logged before a time: of what it says since, only then is anything new.
async fn logged_before(answers: &Answers, id: &ServiceId, window: Window, at: Timestamp) -> Result<bool, AppError> {
    // When each pattern was first seen is known of all that is remembered, however short the window.
    let window = Window::before(window.to, MINUTE);
    let lives = answers.store.telemetry().pattern_life(slice::from_ref(id), window).await.map_err(failed)?;
    Ok(lives.values().flat_map(|life| &life.births).any(|first| *first < at))
}

fn pattern(
    cells: PatternCells,
    window: Window,
    step: Step,
    deployed: Option<Timestamp>,
    name: impl Fn(&model::RevisionHash) -> String,
) -> LogPattern {
    let mut points = vec![Some(0.0); (window.length() / step.0) as usize];
    let mut by_level: BTreeMap<Level, u64> = BTreeMap::new();
    for (level, at, count) in &cells.cells {
        *by_level.entry(*level).or_default() += count;
        points.get_mut(*at as usize).into_iter().flatten().for_each(|point| *point += *count as f64);
    }
    LogPattern {
        level: by_level.keys().next_back().copied().unwrap_or_default(),
        count: by_level.values().sum(),
        series: Series { name: String::new(), start: window.from, step, points },
        is_new: deployed.is_some_and(|deployed| cells.first_seen >= deployed),
        first_revision_name: cells.first_revision.as_ref().map(name),
        pattern: cells.pattern,
        first_seen: cells.first_seen,
        first_revision: cells.first_revision,
        last_seen: cells.last_seen,
    }
}

#[cfg(test)]
mod tests {
    use model::{ClusterId, Deploy, HOUR, Owner, RevisionHash, SECOND};
    use store::{Batch, ClusterRecord, LogRow, OwnerFacts};

    use super::*;
    use crate::fixtures::{self, deploy, id};

    /// Answers over a store in which `cart` said so much, a line a minute, and was deployed at some time.
    async fn shop(folder: &std::path::Path, deployed: Timestamp, said: &[(Timestamp, Level, &str)]) -> Answers {
        let store = fixtures::open(folder).await;
        let mut record = ClusterRecord::new(ClusterId("c1".into()));
        record.services = vec![fixtures::service("cart")];
        record.deploys = vec![Deploy { from: Some(RevisionHash("a".into())), started: deployed, ..deploy(1) }];
        record.pods = [fixtures::pod(id("cart"), "p1", Timestamp(1))].map(std::sync::Arc::new).into();
        store.record(&record).await.unwrap();
        let mut batch = Batch::new(1u128.to_be_bytes());
        let facts = OwnerFacts { pod_uid: Some("p1".into()), ..OwnerFacts::default() };
        let owner = batch.owner(Owner { attributes: vec![("pod".into(), "p1".into())], peer: None }, facts);
        for (at, level, body) in said {
            batch.push_log(&LogRow {
                owner,
                at: *at,
                level: *level,
                severity: "",
                body,
                pattern: body,
                scope: "",
                trace: None,
                span: None,
                attributes: &[],
            });
        }
        store.telemetry().append(batch).await.unwrap();
        let ingest = ingest::Ingest::new(store.clone(), ingest::Limits::default());
        Answers::new(store, ingest, vec![], false)
    }

    async fn found(answers: &Answers, now: Timestamp, query: &str) -> (Vec<(String, u64, bool)>, bool) {
        let window = Window::before(now, HOUR);
        let found = patterns(answers, &Viewer::local(), &id("cart"), window, query).await.unwrap();
        let rows = found.patterns.into_iter().map(|one| (one.pattern, one.count, one.is_new)).collect();
        (rows, found.asks_lines)
    }

    #[tokio::test]
    async fn patterns_are_of_the_levels_that_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::jobs::now().floor(SECOND);
        let at = |minutes: i64| now.plus(-minutes * MINUTE);
        let said = [
            (at(30), Level::Info, "order accepted"),
            (at(20), Level::Info, "order lost"),
            (at(10), Level::Error, "order lost"),
            (at(9), Level::Warn, "slow answer"),
        ];
        let answers = shop(folder.path(), at(60 * 24 * 14), &said).await;
        let row = |pattern: &str, count| (pattern.to_owned(), count, false);
        assert_eq!(found(&answers, now, "level:error").await, (vec![row("order lost", 1)], false));
        let all = vec![row("order lost", 2), row("order accepted", 1), row("slow answer", 1)];
        assert_eq!(found(&answers, now, "").await, (all.clone(), false), "data began after the deploy: nothing is new");
        assert_eq!(found(&answers, now, "pattern=\"slow answer\"").await, (vec![row("slow answer", 1)], false));
        assert_eq!(found(&answers, now, "refused").await, (all, true), "a pattern does not say what its lines hold");
        let wrong = patterns(&answers, &Viewer::local(), &id("cart"), Window::before(now, HOUR), "level:loud").await;
        assert!(matches!(wrong, Err(AppError::Invalid(_))), "{wrong:?}");
    }

    #[tokio::test]
    async fn a_pattern_is_new_where_others_were_there_before_the_deploy() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::jobs::now().floor(SECOND);
        let at = |minutes: i64| now.plus(-minutes * MINUTE);
        let said = [(at(30), Level::Info, "order accepted"), (at(10), Level::Error, "order lost")];
        let answers = shop(folder.path(), at(20), &said).await;
        let (rows, _) = found(&answers, now, "").await;
        assert_eq!(rows, [("order lost".to_owned(), 1, true), ("order accepted".to_owned(), 1, false)]);
    }
}
