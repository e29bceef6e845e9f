//! Before and after of many deploys of a service, with few questions: windows that meet are asked together.

use std::collections::BTreeMap;

use app::AppError;
use futures::stream::{self, StreamExt, TryStreamExt};
use model::{ConfigChange, HOUR, MINUTE, Red, RevisionHash, SECOND, ServiceId, Step, Summary, Window};
use store::{By, RedQuery, RedRow};

use super::super::{Answers, failed};

/// Questions under way at a time.
const AT_ONCE: usize = 4;
/// Up to so long, cells are as fine as there are.
const FINE: i64 = 3 * HOUR;

/// What a service did, and what was changed around it, in windows.
pub(super) struct Measured {
    stretches: Vec<Stretch>,
}

struct Stretch {
    /// Aligned to the step.
    window: Window,
    step: Step,
    cells: BTreeMap<RevisionHash, Vec<(u32, Red)>>,
    config: Vec<ConfigChange>,
}

impl Measured {
    /// Asks about all windows.
    pub(super) async fn read(answers: &Answers, id: &ServiceId, windows: Vec<Window>) -> Result<Self, AppError> {
        let asked = stream::iter(stretches(windows)).map(|window| Stretch::read(answers, id, window));
        Ok(Self { stretches: asked.buffered(AT_ONCE).try_collect().await? })
    }

    /// What a revision did in one of the windows; rates divide by the time in which it served.
    pub(super) fn summary(&self, revision: &RevisionHash, window: Window) -> Summary {
        let stretch = self.stretches.iter().find(|stretch| stretch.window.contains(window.from));
        stretch.filter(|_| window.length() > 0).map_or_else(Summary::default, |s| s.summary(revision, window))
    }

    /// Config changes in a part of the windows.
    pub(super) fn config(&self, window: Window) -> Vec<ConfigChange> {
        let all = self.stretches.iter().flat_map(|stretch| &stretch.config);
        all.filter(|change| window.contains(change.at)).cloned().collect()
    }
}

impl Stretch {
    async fn read(answers: &Answers, id: &ServiceId, window: Window) -> Result<Self, AppError> {
        let step = Step(if window.length() <= FINE { 10 * SECOND } else { MINUTE });
        let ask = RedQuery { services: Some(vec![id.clone()]), window, step, by: By::Revision };
        let rows = answers.store.telemetry().red(ask).await.map_err(failed)?;
        let config = answers.store.config_changes(id, window).await.map_err(failed)?;
        Ok(Self { window: window.aligned(step), step, cells: by_revision(rows), config })
    }

    fn summary(&self, revision: &RevisionHash, window: Window) -> Summary {
        let at = |cell: u32| self.window.from.plus(i64::from(cell) * self.step.0);
        let own = window.aligned(self.step);
        let cells = self.cells.get(revision).into_iter().flatten().filter(|(cell, _)| own.contains(at(*cell)));
        let mut sum = Red::default();
        let (mut first, mut last) = (u32::MAX, 0);
        for (cell, red) in cells {
            sum.merge(red);
            first = first.min(*cell);
            last = last.max(*cell);
        }
        let served = i64::from(last.saturating_sub(first) + 1) * self.step.0;
        Summary::of(&sum, served.min(window.length()))
    }
}

fn by_revision(rows: Vec<RedRow>) -> BTreeMap<RevisionHash, Vec<(u32, Red)>> {
    rows.into_iter().filter_map(|row| Some((row.revision?, row.cells))).collect()
}

/// Windows that meet become one. Pure.
fn stretches(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_by_key(|window| window.from);
    let mut all: Vec<Window> = Vec::new();
    for window in windows {
        match all.last_mut().filter(|last| window.from <= last.to) {
            Some(last) => last.to = last.to.max(window.to),
            None => all.push(window),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn window(from: i64, to: i64) -> Window {
        Window::new(Timestamp(from * MINUTE), Timestamp(to * MINUTE))
    }

    #[test]
    fn windows_that_meet_are_asked_once() {
        let all = vec![window(60, 70), window(0, 10), window(10, 20), window(5, 8), window(300, 310)];
        assert_eq!(stretches(all), [window(0, 20), window(60, 70), window(300, 310)]);
        assert!(stretches(vec![]).is_empty());
    }

    #[test]
    fn a_window_has_its_own_cells_of_one_revision_and_rates_by_the_time_served() {
        let red = |requests: f64| Red { requests, ..Red::default() };
        let (old, new) = (RevisionHash("a".into()), RevisionHash("b".into()));
        let cells = [
            (old.clone(), vec![(0, red(600.0)), (29, red(600.0)), (30, red(9.0))]),
            (new.clone(), vec![(31, red(120.0)), (32, red(120.0)), (61, red(9.0))]),
        ];
        let stretch =
            Stretch { window: window(0, 120), step: Step(MINUTE), cells: cells.into_iter().collect(), config: vec![] };
        let measured = Measured { stretches: vec![stretch] };
        let before = measured.summary(&old, window(0, 30));
        assert_eq!((before.requests, before.rate), (1_200.0, Some(1_200.0 / 1_800.0)));
        let after = measured.summary(&new, window(30, 60));
        assert_eq!((after.requests, after.rate), (240.0, Some(2.0)));
        assert_eq!(measured.summary(&new, window(30, 30)), Summary::default());
    }
}
