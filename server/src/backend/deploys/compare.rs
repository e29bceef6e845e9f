//! Two revisions of a service beside each other: what they did, which errors they had, what is different in them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::slice;

use app::AppError;
use futures::try_join;
use model::{
    Align, Compared, ComparedError, Comparison, ConfigChange, DAY, Diff, Pair, Red, Revision, RevisionHash, RunOf,
    ServiceId, Step, Summary, Timestamp, Viewer, Window,
};
use store::{By, PodErrors, RedQuery, RedRow};

use super::super::apm::{self, Grid, POINTS, endpoint_sums, sum, together, worst_first};
use super::super::{Answers, failed, textdiff};
use super::runs::{Run, Runs, Spans, runs};
use super::{text, version};

/// Error groups that are listed.
const GROUPS: usize = 60;
/// ConfigMaps are compared over so long before the later revision began.
const CONFIG: i64 = 7 * DAY;

/// Two revisions, each from its beginning or by the clock.
pub(in super::super) async fn compare(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    pair: Pair,
) -> Result<Comparison, AppError> {
    answers.known(id)?;
    let now = crate::jobs::now();
    let revisions = answers.store.revisions(id).await.map_err(failed)?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let lives = answers.store.revision_lives(id).await.map_err(failed)?;
    let chosen = |of: &RunOf| {
        let revision = find(&revisions, &of.hash)?;
        let newest = Run::of(revision, &lives, &deploys, now).newest;
        let runs = runs(revision, newest, &deploys, of.deploy);
        Ok((
            revision,
            runs.ok_or_else(|| AppError::NotFound(format!("run {of}: that deploy brought another revision")))?,
        ))
    };
    let ((old, old_runs), (new, new_runs)) = (chosen(&pair.old)?, chosen(&pair.new)?);
    let ran = [old_runs.shown, new_runs.shown];
    let spans = Spans::of(ran, pair.by);
    let step = spans.axis.step(POINTS);
    let side = |revision, at: usize| Side::read(answers, id, revision, (spans.drawn[at], spans.measured[at]), step);
    let (old, new) = try_join!(side(old, 0), side(new, 1))?;
    let (mut diffs, config_from) = (Vec::new(), config_window(ran));
    if let (Some(before), Some(after)) = (&old.template, &new.template) {
        diffs.push(textdiff::diff("Pod template".into(), before, after));
    }
    let changes = answers.store.config_changes(id, config_from.0).await.map_err(failed)?;
    for (name, before, after) in edited(&changes, ran[1].from < ran[0].from) {
        let (before, after) = (text(answers, before.as_deref()).await?, text(answers, after.as_deref()).await?);
        diffs.push(textdiff::diff(format!("ConfigMap {name}"), &before, &after));
    }
    diffs.retain(|diff: &Diff| !diff.lines.is_empty());
    let (groups, more_groups) = groups([(&old.revision.hash, &old.errors), (&new.revision.hash, &new.errors)]);
    let place = |hash: &RevisionHash| apm::place(&revisions, hash).unwrap_or_default();
    let series = |value: &dyn Fn(&Red) -> Option<f64>| [&old, &new].map(|side| side.series(pair.by, step, value));
    Ok(Comparison {
        by: pair.by,
        axis: spans.axis,
        requests: series(&|red| Some(red.requests / step.seconds())),
        errors: series(&Red::error_share),
        latency: series(&|red| red.histogram.quantile(0.95)),
        endpoints: worst_first((&new.endpoints, new.served), (&old.endpoints, old.served)),
        groups,
        more_groups,
        diffs,
        config_from: config_from.1.then_some(config_from.0.from),
        old: old.compared(old_runs, place(&pair.old.hash)),
        new: new.compared(new_runs, place(&pair.new.hash)),
    })
}

fn find<'a>(revisions: &'a [Revision], hash: &RevisionHash) -> Result<&'a Revision, AppError> {
    let found = revisions.iter().find(|revision| revision.hash == *hash);
    found.ok_or_else(|| AppError::NotFound(format!("revision {}", hash.0.chars().take(64).collect::<String>())))
}

/// What is known of one of the two.
struct Side<'a> {
    revision: &'a Revision,
    drawn: Window,
    measured: Window,
    /// How long it served in `measured`, in nanoseconds: rates divide by that.
    served: i64,
    cells: BTreeMap<u32, Red>,
    endpoints: BTreeMap<String, Red>,
    /// Of all revisions.
    errors: Vec<PodErrors>,
    template: Option<String>,
}

impl<'a> Side<'a> {
    async fn read(
        answers: &Answers,
        id: &ServiceId,
        revision: &'a Revision,
        (drawn, measured): (Window, Window),
        step: Step,
    ) -> Result<Self, AppError> {
        let own = |window, step, by| rows(answers, id, &revision.hash, RedQuery { services: None, window, step, by });
        let lines = own(drawn, step, By::Revision).await?;
        let fine = measured.step(60);
        let rows = own(measured, fine, By::EndpointRevision).await?;
        let served = served(&rows, measured, fine, crate::jobs::now());
        let endpoints = endpoint_sums(rows);
        let errors = match measured.length() {
            0 => Vec::new(),
            _ => {
                let lives = answers.store.telemetry().error_life(slice::from_ref(id), measured).await;
                lives.map_err(failed)?.remove(id).unwrap_or_default().groups
            }
        };
        let template = version(answers, &revision.template).await?;
        Ok(Self { revision, drawn, measured, served, cells: together(lines.iter()), endpoints, errors, template })
    }

    /// Its line of a chart.
    fn series(&self, by: Align, step: Step, value: &dyn Fn(&Red) -> Option<f64>) -> model::Series {
        let grid = Grid::of(self.drawn, step, crate::jobs::now());
        let grid = if by == Align::Age { grid.by_age() } else { grid };
        grid.series(&self.revision.name, &self.cells, value)
    }

    fn compared(&self, runs: Runs, place: u32) -> Compared {
        Compared {
            hash: self.revision.hash.clone(),
            name: self.revision.name.clone(),
            place,
            ran: runs.shown,
            runs: runs.all,
            measured: self.measured,
            served: self.served,
            total: Summary::of(&sum(self.endpoints.values()), self.served),
            has_template: self.template.is_some(),
        }
    }
}

/// What a revision did; of no time at all nothing is asked.
async fn rows(
    answers: &Answers,
    id: &ServiceId,
    revision: &RevisionHash,
    ask: RedQuery,
) -> Result<Vec<RedRow>, AppError> {
    if ask.window.length() == 0 {
        return Ok(Vec::new());
    }
    let ask = RedQuery { services: Some(vec![id.clone()]), ..ask };
    let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
    Ok(rows.into_iter().filter(|row| row.revision.as_ref() == Some(revision)).collect())
}

/// From the first cell with anything in it to the end of the last, in nanoseconds. Cells count whole, but for what was
/// before the window and what is to come. Pure.
fn served(rows: &[RedRow], window: Window, step: Step, now: Timestamp) -> i64 {
    let cells = || rows.iter().flat_map(|row| &row.cells).map(|(cell, _)| i64::from(*cell));
    let Some((first, last)) = cells().min().zip(cells().max()) else { return 0 };
    let begin = |cell: i64| window.aligned(step).from.plus(cell * step.0);
    begin(last + 1).min(now).since(begin(first).max(window.from)).max(0)
}

/// The error groups of two revisions beside each other, most frequent first, and how many more there are. Pure.
fn groups(sides: [(&RevisionHash, &Vec<PodErrors>); 2]) -> (Vec<ComparedError>, u32) {
    let mut all: BTreeMap<(&str, &str), ([f64; 2], Timestamp)> = BTreeMap::new();
    for (side, (hash, rows)) in sides.into_iter().enumerate() {
        for row in rows.iter().filter(|row| row.revision.as_ref() == Some(hash)) {
            let group = all.entry((&row.endpoint, &row.error)).or_insert(([0.0; 2], row.first_seen));
            group.0[side] += row.cells.iter().map(|(_, count)| count).sum::<f64>();
        }
    }
    let row = |((endpoint, error), ([old, new], first_seen)): ((&str, &str), ([f64; 2], Timestamp))| ComparedError {
        error: error.to_owned(),
        endpoint: endpoint.to_owned(),
        old,
        new,
        first_seen,
    };
    let mut rows: Vec<ComparedError> = all.into_iter().map(row).collect();
    rows.sort_by(|a, b| (b.old + b.new).total_cmp(&(a.old + a.new)));
    let more = rows.len().saturating_sub(GROUPS) as u32;
    rows.truncate(GROUPS);
    (rows, more)
}

/// The time in which an edit of a ConfigMap tells the two apart, and whether it was cut.
fn config_window([old, new]: [Window; 2]) -> (Window, bool) {
    // What was edited before a revision began is a part of that one.
    let (from, to) = (old.from.min(new.from).plus(1), old.from.max(new.from).plus(1));
    let least = to.plus(-CONFIG);
    (Window::new(from.max(least), to), from < least)
}

/// The ConfigMaps that were edited, with their versions before and after; turned, where the old revision is the later
/// one. Edits come newest first. Pure.
fn edited(changes: &[ConfigChange], turned: bool) -> Vec<(String, Option<String>, Option<String>)> {
    let mut maps: BTreeMap<&str, (Option<&String>, &String)> = BTreeMap::new();
    for change in changes {
        maps.entry(&change.name).or_insert((None, &change.to)).0 = change.from.as_ref();
    }
    let row = |(name, (first, last)): (&str, (Option<&String>, &String))| {
        let (before, after) = (first.cloned(), Some(last.clone()));
        let (before, after) = if turned { (after, before) } else { (before, after) };
        (name.to_owned(), before, after)
    };
    maps.into_iter().map(row).collect()
}
