//! Comparing two sides that are sums over clustered cells: errors, or ranks of durations. Knows no meaning of the
//! score, only sums, sizes and how much more they vary than independent requests would.

use std::collections::BTreeMap;

use model::Against;

use crate::Rules;
use crate::dispersion::{self, Dispersion, Variance, spread};
use crate::stats::binomial_tail;

/// One cell: so many requests with so much score in a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) minute: i32,
    /// Score summed over requests: errors, or ranks.
    pub(crate) x: f64,
    /// Requests.
    pub(crate) n: f64,
}

/// A side in sum.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) x: f64,
    pub(crate) n: f64,
    pub(crate) cells: u32,
    /// First and last minute.
    pub(crate) span: (i32, i32),
}

impl Tally {
    pub(crate) fn of(units: &[Unit]) -> Self {
        let start = Self { span: (i32::MAX, i32::MIN), ..Self::default() };
        units.iter().fold(start, |sum, unit| Self {
            x: sum.x + unit.x,
            n: sum.n + unit.n,
            cells: sum.cells + 1,
            span: (sum.span.0.min(unit.minute), sum.span.1.max(unit.minute)),
        })
    }

    pub(crate) fn mean(&self) -> f64 {
        if self.n > 0.0 { self.x / self.n } else { 0.0 }
    }
}

/// Two sides side by side, ready for a test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) against: Against,
    pub(crate) new: Tally,
    pub(crate) old: Tally,
    /// What the new side's score would be if both were alike, minute by minute.
    pub(crate) expected: f64,
    /// Σ n₁n₀/(n₁+n₀) over minutes: the requests that carry the difference.
    pub(crate) information: f64,
    pub(crate) dispersion: Dispersion,
    /// The variance is from at least ten cells a side.
    pub(crate) by_cells: bool,
}

/// Old and new in the same minutes: strata are minutes (Mantel & Haenszel 1959; for ranks van Elteren 1960), so that
/// what happens to both cancels. The variance is that of cells around their side's mean, a cluster-robust one
/// (Liang & Zeger 1986), in units of what independent requests would have.
pub(crate) fn beside(
    new: &[Unit],
    old: &[Unit],
    variance: Variance<'_>,
    historic: Option<Dispersion>,
    floor: f64,
    rules: &Rules,
) -> Option<Compared> {
    let mut minutes: BTreeMap<i32, (f64, f64, f64)> = BTreeMap::new();
    for (units, is_new) in [(new, true), (old, false)] {
        for unit in units.iter().filter(|unit| unit.n > 0.0) {
            let entry = minutes.entry(unit.minute).or_default();
            *(if is_new { &mut entry.0 } else { &mut entry.1 }) += unit.n;
            entry.2 += unit.x;
        }
    }
    minutes.retain(|_, (n1, n0, _)| *n1 > 0.0 && *n0 > 0.0);
    let keep = |units: &[Unit]| -> Vec<Unit> {
        units.iter().filter(|unit| unit.n > 0.0 && minutes.contains_key(&unit.minute)).copied().collect()
    };
    let (new, old) = (keep(new), keep(old));
    let (one, zero) = (Tally::of(&new), Tally::of(&old));
    let expected = minutes.values().map(|(n1, n0, x)| x * n1 / (n1 + n0)).sum();
    let information: f64 = minutes.values().map(|(n1, n0, _)| n1 * n0 / (n1 + n0)).sum();
    let other = |unit: &Unit, is_new: bool| {
        minutes.get(&unit.minute).map_or(0.0, |(n1, n0, _)| if is_new { n0 / (n1 + n0) } else { n1 / (n1 + n0) })
    };
    let sides = [
        spread(&new, one.mean(), variance, |u| other(u, true)),
        spread(&old, zero.mean(), variance, |u| other(u, false)),
    ];
    let weight: f64 = sides.iter().map(|(_, weight)| weight).sum();
    let cells = sides.iter().map(|(factor, weight)| factor * weight).sum::<f64>() / weight.max(1e-300);
    let by_cells = one.cells.min(zero.cells) as usize >= rules.least_cells;
    let dispersion = if by_cells {
        let freedom = f64::from(one.cells + zero.cells) - 2.0;
        Dispersion { factor: cells.max(floor), freedom, episodes: None }
    } else {
        let unknown = Dispersion { factor: rules.unknown_dispersion, freedom: f64::INFINITY, episodes: None };
        let known = historic.unwrap_or(unknown);
        // An episode hits old and new alike.
        Dispersion { factor: known.factor.max(cells).max(floor), episodes: None, ..known }
    };
    (information > 0.0).then_some(Compared {
        against: Against::SideBySide,
        new: one,
        old: zero,
        expected,
        information,
        dispersion,
        by_cells,
    })
}

/// Against the service's own past. The past says how much windows of this length differ from each other by
/// themselves; how the new side's own cells and minutes do may only widen that.
pub(crate) fn with_past(
    new: &[Unit],
    zero: Tally,
    variance: Variance<'_>,
    historic: Option<Dispersion>,
    floor: f64,
    rules: &Rules,
) -> Option<Compared> {
    let one = Tally::of(new);
    if one.n <= 0.0 || zero.n <= 0.0 {
        return None;
    }
    let by_cells = one.cells.min(zero.cells) as usize >= rules.least_cells;
    let own = dispersion::own(new, variance, by_cells);
    let unknown = if by_cells { own.factor } else { rules.unknown_dispersion };
    let known = historic.unwrap_or(Dispersion { factor: unknown, ..own });
    // Where it varies much more than it ever did, what it did is no guide to how well that is known.
    let (own, freedom) = if own.factor > 1.5 * known.factor {
        let own = if by_cells { dispersion::own_for_once(new, own, variance) } else { own };
        (own, own.freedom.min(known.freedom))
    } else {
        (own, known.freedom)
    };
    let dispersion = Dispersion { factor: known.factor.max(own.factor).max(floor), freedom, ..known };
    Some(Compared {
        against: Against::Past,
        new: one,
        old: zero,
        expected: one.n * zero.mean(),
        information: one.n * zero.n / (one.n + zero.n),
        dispersion,
        by_cells,
    })
}

impl Compared {
    /// How likely so much score on the new side is where the past's episodes go on as they came, and all of it is
    /// expected to be `common` times as much: given all episodes, those of the new side are binomial, so that a past
    /// with one or two of them says as little as it can. 0 where nothing comes in episodes.
    pub(crate) fn by_episodes(&self, score: f64, common: f64) -> f64 {
        let Some(episodes) = self.dispersion.episodes else { return 0.0 };
        let requests = self.new.n * common;
        let (new, old) = (episodes.count(score, requests), episodes.count(self.old.x, self.old.n));
        binomial_tail(new, new + old, requests / (requests + self.old.n))
    }
}
