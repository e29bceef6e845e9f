//! Kayenta's judge (`NetflixACAJudge`, `MannWhitneyClassifier`): the service's minutes before and since as two series,
//! outliers removed, Mann–Whitney with its interval of the shift; bad when even its near end is a quarter of it.

use std::collections::BTreeMap;

use analysis::{DeployFacts, Look};
use model::Red;

use crate::scenario::Drawn;

/// Its numbers.
pub(crate) struct Rule {
    /// Two-sided confidence of 0.98 as a normal quantile.
    z: f64,
    pub(crate) effect: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self { z: 2.326, effect: 0.25 }
    }
}

impl Rule {
    pub(crate) fn is_flagged(&self, facts: &DeployFacts, drawn: &Drawn) -> bool {
        let new = by_minute(facts.endpoints.iter().flat_map(|e| e.new.iter().map(|cell| (cell.minute, &cell.red))));
        let past = drawn.past.values().flatten().map(|past| (past.minute, &past.red));
        let old = by_minute(past.filter(|(minute, _)| *minute >= -60));
        let measures: [fn(&Red) -> Option<f64>; 2] = [Red::error_share, |red| red.histogram.quantile(0.5)];
        measures.into_iter().any(|measure| {
            let series = |minutes: &BTreeMap<i32, Red>| cleaned(minutes.values().filter_map(measure).collect());
            self.is_high(&series(&old), &series(&new))
        })
    }

    fn is_high(&self, old: &[f64], new: &[f64]) -> bool {
        let (n, m) = (new.len() as f64, old.len() as f64);
        if n < 2.0 || m < 2.0 {
            return false;
        }
        let mut shifts: Vec<f64> = new.iter().flat_map(|a| old.iter().map(move |b| a - b)).collect();
        shifts.sort_by(f64::total_cmp);
        let middle = shifts[shifts.len() / 2];
        let below = n * m / 2.0 - self.z * (n * m * (n + m + 1.0) / 12.0).sqrt();
        let low = shifts[(below.floor().max(0.0) as usize).min(shifts.len() - 1)];
        middle > 0.0 && low > self.effect * middle.abs()
    }
}

fn by_minute<'a>(cells: impl Iterator<Item = (i32, &'a Red)>) -> BTreeMap<i32, Red> {
    let mut minutes: BTreeMap<i32, Red> = BTreeMap::new();
    cells.for_each(|(minute, red)| minutes.entry(minute).or_default().merge(red));
    minutes
}

/// Without what lies three interquartile ranges outside the quartiles.
fn cleaned(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return values };
    let (low, high) = (values[last / 4], values[last * 3 / 4]);
    let far = 3.0 * (high - low);
    values.retain(|value| *value >= low - far && *value <= high + far);
    values
}

/// The least effect with no more false alarms than one in a hundred.
pub(crate) fn tuned(harmless: &[Drawn]) -> Rule {
    let facts: Vec<DeployFacts> = harmless.iter().map(|drawn| drawn.facts(10, Look::Minute(10))).collect();
    let rules = (0..40).map(|step| Rule { effect: 0.25 + 0.02 * f64::from(step), ..Rule::default() });
    let is_quiet = |rule: &Rule| {
        facts.iter().zip(harmless).filter(|(facts, drawn)| rule.is_flagged(facts, drawn)).count() * 100 <= facts.len()
    };
    rules.into_iter().find(is_quiet).unwrap_or(Rule { effect: f64::INFINITY, ..Rule::default() })
}
