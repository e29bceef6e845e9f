//! How much more sums over time vary than sums of independent requests would: what comes in clusters, goes on for
//! minutes, or comes in episodes. Knows no meaning of the score.

use crate::compare::{Tally, Unit};

/// From so many times the variance of independent requests on, they come in clusters.
pub(crate) const CLUSTERED: f64 = 1.5;

/// Variance of one request's score where its mean is this.
pub(crate) type Variance<'a> = &'a dyn Fn(f64) -> f64;

/// How many times more sums vary than sums of independent requests would, and how well that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dispersion {
    pub(crate) factor: f64,
    pub(crate) freedom: f64,
    /// What varies as if it came in episodes.
    pub(crate) episodes: Option<Episodes>,
}

/// A past as steady score and episodes of one size that come by chance: the size, and the score a request that is
/// always there, with which its first three moments are the past's (a translated Poisson, Barbour & Xia 1999).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Episodes {
    size: f64,
    always: f64,
}

impl Episodes {
    /// Of blocks that vary around their mean; none where they are no more skewed than two standard errors of a skewness.
    fn of(blocks: &[Unit], mean: f64) -> Option<Self> {
        let (mut requests, mut squares, mut cubes) = (0.0, 0.0, 0.0);
        for block in blocks {
            let above = block.x - block.n * mean;
            requests += block.n;
            squares += above * above;
            cubes += above * above * above;
        }
        let count = blocks.len() as f64;
        let skewness = cubes * count.sqrt() / squares.powf(1.5);
        let size = cubes / squares;
        (skewness > 2.0 * (6.0 / count).sqrt()).then(|| Self { size, always: mean - squares / size / requests })
    }

    /// How many of them a score is on so many requests.
    pub(crate) fn count(&self, score: f64, requests: f64) -> f64 {
        ((score - self.always * requests) / self.size).max(0.0)
    }
}

/// How much windows of 1, 2, 4 … minutes differ in the past: the variation of blocks of its minutes, so many lengths.
/// Lengths the past is too short for follow the trend, at most doubling each time (perfect correlation).
pub(crate) fn varies(past: &[Unit], lengths: usize, variance: Variance<'_>) -> Vec<Option<Dispersion>> {
    let (mut measured, growth) = by_blocks(past, lengths, HISTORIC, variance);
    while let Some(&last) = measured.last().filter(|_| measured.len() < lengths) {
        let growth = if growth > 1.25 { growth.min(2.0) } else { 1.0 };
        let episodes = last.episodes.map(|episodes| Episodes { size: episodes.size * growth, ..episodes });
        measured.push(Dispersion { factor: last.factor * growth, episodes, ..last });
    }
    measured.into_iter().map(Some).collect()
}

/// How much the new side varies by itself: its cells, or its minutes where those do more.
pub(crate) fn own(new: &[Unit], variance: Variance<'_>, by_cells: bool) -> Dispersion {
    let mean = Tally::of(new).mean();
    let (cells, _) = spread(new, mean, variance, |_| 1.0);
    let minutes = blocks(new, 1);
    let (together, _) = spread(&minutes, mean, variance, |_| 1.0);
    let (factor, freedom) = match (by_cells, cells >= together || minutes.len() < 4) {
        (true, true) => (cells, new.len() as f64 - 1.0),
        (true, false) => (together, minutes.len() as f64 - 1.0),
        (false, _) => (cells, f64::INFINITY),
    };
    Dispersion { factor, freedom, episodes: None }
}

/// The same where it varies much more than it ever did. Of what was high for some of its time and is over, no more is
/// known than how many such times there were: blocks of minutes vary so much, where they do more than minutes.
pub(crate) fn own_for_once(new: &[Unit], own: Dispersion, variance: Variance<'_>) -> Dispersion {
    let minutes = blocks(new, 1);
    if goes_on(&minutes, Tally::of(new).mean()) {
        return own;
    }
    match by_blocks(&minutes, minutes.len(), OWN, variance).0.last() {
        Some(longer) if longer.factor > own.factor => Dispersion { episodes: None, ..*longer },
        _ => own,
    }
}

/// Whether what was high is so to the end: each quarter of the last quarter is above the mean.
fn goes_on(minutes: &[Unit], mean: f64) -> bool {
    let part = (minutes.len() / 16).max(1);
    let last = minutes.len().saturating_sub(4 * part);
    minutes[last..].chunks(part).all(|part| Tally::of(part).mean() > mean)
}

/// When blocks of a length are believed: how many there have to be, and by how many standard errors they have to vary
/// more than shorter ones.
type Believed = (usize, f64);
/// Of the past, where what is missed is a false alarm.
const HISTORIC: Believed = (8, 1.0);
/// Of the new side, which is short: its minutes are taken where there is little doubt that they go together.
const OWN: Believed = (12, 2.0);

/// The variation of blocks of 1, 2, 4 … minutes, so many lengths or as far as there are enough: what is correlated in
/// time varies more the longer the block, and a longer block's is taken where it is greater by more than its own error can be.
/// With it, how much the last length varied over the one before.
fn by_blocks(
    units: &[Unit],
    lengths: usize,
    (least, errors): Believed,
    variance: Variance<'_>,
) -> (Vec<Dispersion>, f64) {
    let mean = Tally::of(units).mean();
    let (mut found, mut before, mut growth) = (Vec::new(), f64::NAN, 1.0);
    // Nothing ever failed: that says how much it varies only where it would have been seen to.
    if variance(mean) <= 0.0 {
        return (found, growth);
    }
    let mut sums = blocks(units, 1);
    while found.len() < lengths && sums.len() >= least {
        let freedom = sums.len() as f64 - 1.0;
        let (factor, _) = spread(&sums, mean, variance, |_| 1.0);
        growth = if before > 0.0 { factor / before } else { 1.0 };
        before = factor;
        let known =
            found.last().filter(|best: &&Dispersion| factor <= best.factor * (1.0 + errors * (2.0 / freedom).sqrt()));
        found.push(known.copied().unwrap_or_else(|| Dispersion {
            factor,
            freedom,
            episodes: Episodes::of(&sums, mean).filter(|_| factor > CLUSTERED),
        }));
        sums = blocks(&sums, 2);
    }
    (found, growth)
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

/// Sums over blocks of so many minutes, ascending.
pub(crate) fn blocks(units: &[Unit], length: i32) -> Vec<Unit> {
    sums(units.iter().copied(), length)
}

/// The same of units as they come. Those of one block are added in their order, whichever way.
pub(crate) fn sums(units: impl ExactSizeIterator<Item = Unit> + Clone, length: i32) -> Vec<Unit> {
    let count = units.len();
    let units = units.map(|unit| Unit { minute: unit.minute.div_euclid(length), ..unit });
    let add = |sum: &mut Unit, unit: &Unit| {
        sum.x += unit.x;
        sum.n += unit.n;
    };
    let mut all: Vec<Unit> = Vec::with_capacity(count);
    for (at, unit) in units.clone().enumerate() {
        match all.last_mut() {
            Some(last) if last.minute == unit.minute => add(last, &unit),
            // The past comes in order; cells of several pods do not.
            Some(last) if last.minute > unit.minute => return unordered(all, units.skip(at), add),
            _ => all.push(unit),
        }
    }
    all
}

/// What is summed in order so far, with the rest in any.
fn unordered(mut all: Vec<Unit>, rest: impl Iterator<Item = Unit>, add: impl Fn(&mut Unit, &Unit)) -> Vec<Unit> {
    all.extend(rest);
    all.sort_by_key(|unit| unit.minute);
    all.dedup_by(|next, sum| {
        let same = next.minute == sum.minute;
        if same {
            add(sum, next);
        }
        same
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Variance<'_> = &|p: f64| p * (1.0 - p);

    /// A thousand requests a minute, ten of which fail; a hundred in the minutes of an episode.
    fn minutes(of: i32, is_episode: impl Fn(i32) -> bool) -> Vec<Unit> {
        // Give or take one, so that there is some variance without episodes.
        let errors = |minute| if is_episode(minute) { 100.0 } else { 9.0 + f64::from(minute.rem_euclid(3)) };
        (0..of).map(|minute| Unit { minute, x: errors(minute), n: 1_000.0 }).collect()
    }

    #[test]
    fn one_episode_of_the_past_counts_as_about_one() {
        let past = minutes(352, |minute| (160..168).contains(&minute));
        let found = varies(&past, 4, SHARES)[3].unwrap();
        let episodes = found.episodes.unwrap();
        let all = Tally::of(&past);
        let count = episodes.count(all.x, all.n);
        assert!((0.9..1.2).contains(&count), "{count} of {episodes:?}");
        assert!((episodes.count(2.0 * 720.0 + 80.0, 8_000.0) - 2.0).abs() < 0.1, "{episodes:?}");
        assert!(varies(&minutes(352, |_| false), 4, SHARES)[3].unwrap().factor < CLUSTERED);
    }

    #[test]
    fn what_goes_on_for_minutes_varies_more_than_minutes_do() {
        let of = |is_episode: fn(i32) -> bool| {
            let minutes = minutes(64, is_episode);
            own_for_once(&minutes, own(&minutes, SHARES, true), SHARES)
        };
        let high = of(|minute| (32..40).contains(&minute));
        let scattered = of(|minute| minute % 8 == 5);
        assert!(high.factor > 3.0 * scattered.factor, "{high:?} {scattered:?}");
        assert!(high.freedom < scattered.freedom, "{high:?} {scattered:?}");
        let to_the_end = of(|minute| minute >= 48);
        assert!(to_the_end.freedom == scattered.freedom, "{to_the_end:?} {scattered:?}");
    }
}
