//! Comparing two sides that are sums over clustered cells: errors, or ranks of durations. Knows no meaning of the
//! score, only sums, sizes and how much more they vary than independent requests would.

use std::collections::BTreeMap;

use model::Against;

use crate::Rules;

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

/// How many times more sums vary than sums of independent requests would, and how well that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dispersion {
    pub(crate) factor: f64,
    pub(crate) freedom: f64,
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

/// Variance of one request's score where its mean is this.
pub(crate) type Variance<'a> = &'a dyn Fn(f64) -> f64;

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
        Dispersion { factor: cells.max(floor), freedom }
    } else {
        let known = historic.unwrap_or(Dispersion { factor: rules.unknown_dispersion, freedom: f64::INFINITY });
        Dispersion { factor: known.factor.max(cells).max(floor), ..known }
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
/// themselves; the new side's cells, and its minutes, may only widen that.
pub(crate) fn with_past(
    new: &[Unit],
    base: &[Unit],
    variance: Variance<'_>,
    historic: Option<Dispersion>,
    floor: f64,
    rules: &Rules,
) -> Option<Compared> {
    let (one, zero) = (Tally::of(new), Tally::of(base));
    if one.n <= 0.0 || zero.n <= 0.0 {
        return None;
    }
    let (cells, _) = spread(new, one.mean(), variance, |_| 1.0);
    let together = by_minute(new);
    let (minutes, _) = spread(&together, one.mean(), variance, |_| 1.0);
    let by_cells = one.cells.min(zero.cells) as usize >= rules.least_cells;
    let own = match (by_cells, cells >= minutes || together.len() < 4) {
        (true, true) => Dispersion { factor: cells, freedom: f64::from(one.cells) - 1.0 },
        (true, false) => Dispersion { factor: minutes, freedom: together.len() as f64 - 1.0 },
        (false, _) => Dispersion { factor: cells, freedom: f64::INFINITY },
    };
    let known = historic.unwrap_or(Dispersion {
        factor: if by_cells { own.factor } else { rules.unknown_dispersion },
        freedom: own.freedom,
    });
    // Where it varies much more than it ever did, what it did is no guide to how well that is known.
    let freedom = if own.factor > 1.5 * known.factor { own.freedom.min(known.freedom) } else { known.freedom };
    let dispersion = Dispersion { factor: known.factor.max(own.factor).max(floor), freedom };
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

/// Variation of cells around a mean over that of independent requests, weighted as they count in the difference;
/// and the sum of those weights. Unknown, so 1, where the mean allows no variance.
pub(crate) fn spread(units: &[Unit], mean: f64, variance: Variance<'_>, weight: impl Fn(&Unit) -> f64) -> (f64, f64) {
    let unit_variance = variance(mean);
    let (mut squares, mut sizes, mut count) = (0.0, 0.0, 0.0);
    for unit in units.iter().filter(|unit| unit.n > 0.0) {
        let weight = weight(unit);
        squares += ((unit.x - unit.n * mean) * weight).powi(2);
        sizes += unit.n * weight * weight;
        count += 1.0;
    }
    let known = count > 1.0 && unit_variance > 0.0 && sizes > 0.0;
    (if known { squares / (sizes * unit_variance) * count / (count - 1.0) } else { 1.0 }, sizes)
}

fn by_minute(units: &[Unit]) -> Vec<Unit> {
    blocks(units, 1)
}

/// Sums over blocks of so many minutes, ascending.
fn blocks(units: &[Unit], length: i32) -> Vec<Unit> {
    let of = |unit: &Unit| Unit { minute: unit.minute.div_euclid(length), ..*unit };
    let mut all: Vec<Unit> = units.iter().map(of).collect();
    // The past comes in order; cells of several pods do not.
    all.sort_by_key(|unit| unit.minute);
    all.dedup_by(|next, sum| {
        let same = next.minute == sum.minute;
        if same {
            sum.x += next.x;
            sum.n += next.n;
        }
        same
    });
    all
}

/// How much windows of `length` minutes differ in the past: the variation of blocks of 1, 2, 4 … minutes. What is
/// correlated in time varies more the longer the block; a longer block's estimate is taken where it is greater by
/// more than its own error. Lengths the past is too short for follow the trend, at most doubling each time
/// (perfect correlation).
pub(crate) fn historic(past: &[Unit], length: i32, variance: Variance<'_>) -> Option<Dispersion> {
    let mean = Tally::of(past).mean();
    if variance(mean) <= 0.0 {
        // Nothing ever failed: that says how much it varies only where it would have been seen to.
        return None;
    }
    let mut best: Option<Dispersion> = None;
    let (mut scale, mut before, mut growth) = (1, f64::NAN, 1.0_f64);
    while scale <= length.max(1) {
        let sums = blocks(past, scale);
        if sums.len() < 8 {
            if let Some(best) = best.as_mut().filter(|_| growth > 1.25) {
                best.factor *= growth.min(2.0);
            }
        } else {
            let freedom = sums.len() as f64 - 1.0;
            let (factor, _) = spread(&sums, mean, variance, |_| 1.0);
            growth = if before > 0.0 { factor / before } else { 1.0 };
            before = factor;
            let clearly = |best: Dispersion| factor > best.factor * (1.0 + (2.0 / freedom).sqrt());
            if best.is_none_or(clearly) {
                best = Some(Dispersion { factor, freedom });
            }
        }
        scale *= 2;
    }
    best
}
