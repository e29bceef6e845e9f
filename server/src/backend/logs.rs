//! Log lines and patterns of a service.

use std::collections::BTreeMap;

use app::AppError;
use model::{
    Cursor, Level, LogFilter, LogPage, LogPattern, LogPatterns, Series, ServiceId, Step, Timestamp, Viewer, Window,
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

/// Patterns: those that came with the newest deploy first, then the most lines.
pub(super) async fn patterns(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
) -> Result<LogPatterns, AppError> {
    answers.known(id)?;
    let step = window.step(SPARK);
    let found = answers.store.telemetry().log_counts(id, window, step).await.map_err(failed)?;
    let directory = answers.store.directory();
    let deployed = directory.newest_deploy(id).filter(|deploy| deploy.from.is_some()).map(|deploy| deploy.started);
    let name = |hash: &model::RevisionHash| shown_name(&directory, id, hash);
    let mut patterns: Vec<LogPattern> =
        found.into_iter().map(|cells| pattern(cells, window.aligned(step), step, deployed, name)).collect();
    patterns.sort_by(|a, b| {
        let key = |p: &LogPattern| (!p.is_new, std::cmp::Reverse(p.count));
        key(a).cmp(&key(b)).then_with(|| a.pattern.cmp(&b.pattern))
    });
    let more = patterns.len().saturating_sub(PATTERNS) as u32;
    patterns.truncate(PATTERNS);
    Ok(LogPatterns { patterns, more })
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
