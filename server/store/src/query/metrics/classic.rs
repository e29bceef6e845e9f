//! Histograms as Prometheus' clients have them: a counter a bucket, `NAME_bucket`, of all values up to its label `le`,
//! and one of the values' sum, `NAME_sum`. Asked for as NAME they are distributions like any other. Pure.

use hashbrown::HashMap;
use model::MetricKind;

use super::joined::Joined;
use crate::STALE;
use crate::block::points::PointBlock;
use crate::metrics::is_stale;

/// What the series of a name are to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// All of it.
    #[default]
    Whole,
    /// The values up to a bound.
    Bucket,
    /// The sum of the values.
    Sum,
}

/// The label that tells buckets apart.
pub(super) const BOUND: &str = "le";
const BUCKET: &str = "_bucket";

/// The names under which a metric's series may stand.
pub(super) fn names(name: &str) -> [(Role, String); 3] {
    [(Role::Whole, name.to_owned()), (Role::Bucket, format!("{name}{BUCKET}")), (Role::Sum, format!("{name}_sum"))]
}

/// The histogram that a series is a bucket of, and up to where; nothing where it is none.
pub(super) fn bucket(block: &PointBlock, number: u32) -> Option<(&str, f64)> {
    let series = block.series.get(number);
    let name = block.texts.get(series.name).strip_suffix(BUCKET).filter(|name| !name.is_empty())?;
    let labels = block.series.labels(number);
    let (_, bound) = labels.iter().find(|(key, _)| block.texts.get(*key) == BOUND)?;
    let bound = block.texts.get(*bound).parse().ok().filter(|bound: &f64| !bound.is_nan())?;
    (series.kind == MetricKind::Counter).then_some((name, bound))
}

/// A histogram's buckets by their bounds, and its sum: numbers of series. A bound may have been written as `1` before
/// and as `1.0` since, as Prometheus 3 does; then both are of one bucket.
#[derive(Debug, Default)]
pub(super) struct Classic {
    /// By the bits of the bound.
    buckets: HashMap<u64, Vec<u32>>,
    sum: Vec<u32>,
}

impl Classic {
    /// Adds a bucket, or the sum where there is no bound.
    pub(super) fn add(&mut self, bound: Option<f64>, series: u32) {
        let Some(bound) = bound else {
            self.sum.push(series);
            return;
        };
        self.buckets.entry(bound.to_bits()).or_default().push(series);
    }

    /// Any of its buckets.
    pub(super) fn first(&self) -> Option<u32> {
        self.buckets.values().flatten().min().copied()
    }

    /// Makes one distribution of it all, and says its bounds; nothing without the bucket of all values. `join` gives the
    /// points of a series. Of a moment that not all buckets tell of nothing is known, and no column is longer than what
    /// its bucket told.
    pub(super) fn distribution(
        self,
        mut join: impl FnMut(&[u32], &mut Joined),
        points: &mut Joined,
    ) -> Option<Vec<f64>> {
        let mut buckets: Vec<(f64, Vec<u32>)> =
            self.buckets.into_iter().map(|(bits, series)| (f64::from_bits(bits), series)).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (_, all) = buckets.pop().filter(|(bound, _)| *bound == f64::INFINITY)?;
        let (mut whole, mut one) = (Joined::default(), Joined::default());
        join(&all, &mut whole);
        let times = |moments: &[usize]| moments.iter().map(|moment| whole.at[*moment]).collect::<Vec<_>>();
        let mut told: Vec<usize> = (0..whole.at.len()).filter(|moment| whole.value[*moment] >= 0.0).collect();
        // By bucket: the moments that were told until then, with how many values there were.
        let mut columns: Vec<Vec<(usize, f64)>> = Vec::with_capacity(buckets.len() + 1);
        for (_, series) in &buckets {
            join(series, &mut one);
            let totals = told.iter().copied().zip(one.values_at(&times(&told)));
            let column: Vec<(usize, f64)> = totals.filter(|(_, total)| *total >= 0.0).collect();
            told = column.iter().map(|(moment, _)| *moment).collect();
            columns.push(column);
        }
        columns.push(told.iter().map(|moment| (*moment, whole.value[*moment])).collect());
        for column in &mut columns {
            column.retain(|(moment, _)| told.binary_search(moment).is_ok());
        }
        // Where the series ends more than once on end, once says it all.
        let is_ended = |moment: usize| is_stale(whole.value[moment]);
        let ends = |moment: &usize| is_ended(*moment) && (*moment == 0 || !is_ended(moment - 1));
        let mut moments: Vec<usize> = (0..whole.at.len()).filter(ends).chain(told.iter().copied()).collect();
        moments.sort_unstable();
        join(&self.sum, &mut one);
        let sums = one.values_at(&times(&moments));
        points.put(&whole, &moments);
        let mut next = 0;
        for (moment, sum) in moments.iter().copied().zip(sums) {
            if is_ended(moment) {
                points.value.push(STALE);
                points.count.push(0);
                points.buckets.resize(points.buckets.len() + columns.len(), 0);
                continue;
            }
            points.value.push(if is_stale(sum) { f64::NAN } else { sum });
            points.count.push(whole.value[moment] as u64);
            let mut below = 0.0_f64;
            for column in &columns {
                // A bucket may have been read before a value came that the one below it has.
                let total = column[next].1.max(below);
                points.buckets.push((total - below) as u64);
                below = total;
            }
            next += 1;
        }
        points.min.resize(moments.len(), f64::NAN);
        points.max.resize(moments.len(), f64::NAN);
        if buckets.is_empty() {
            points.buckets.clear();
        }
        Some(buckets.into_iter().map(|(bound, _)| bound).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(told: &[(i64, f64)]) -> Joined {
        let mut points = Joined::default();
        (points.at, points.value) = told.iter().copied().unzip();
        points.start = vec![0; told.len()];
        points
    }

    /// The bound of a bucket, or nothing for the sum, and what was told when.
    type Told = (Option<f64>, Vec<(i64, f64)>);

    fn made(all: &[Told]) -> Option<(Vec<f64>, Joined)> {
        let mut classic = Classic::default();
        all.iter().enumerate().for_each(|(number, (bound, _))| classic.add(*bound, number as u32));
        let mut points = Joined::default();
        let bounds = classic.distribution(
            |numbers, into| {
                let told: Vec<_> = numbers.iter().flat_map(|number| all[*number as usize].1.clone()).collect();
                *into = series(&told);
            },
            &mut points,
        )?;
        Some((bounds, points))
    }

    const ALL: Option<f64> = Some(f64::INFINITY);

    #[test]
    fn buckets_of_one_moment_are_a_distribution() {
        let all = vec![
            (ALL, vec![(1, 9.0), (2, 20.0), (3, STALE)]),
            (Some(2.0), vec![(1, 7.0), (2, 4.0)]),
            (Some(1.0), vec![(1, 4.0), (2, 5.0)]),
            (None, vec![(1, 12.5), (2, 30.0)]),
        ];
        let (bounds, points) = made(&all).unwrap();
        assert_eq!(bounds, [1.0, 2.0]);
        assert_eq!((&points.at[..], &points.count[..]), (&[1, 2, 3][..], &[9, 20, 0][..]));
        assert_eq!(points.buckets, [4, 3, 2, 5, 0, 15, 0, 0, 0], "none is less than the one below");
        assert_eq!(points.value[..2], [12.5, 30.0]);
        assert!(is_stale(points.value[2]));
    }

    #[test]
    fn no_column_is_longer_than_what_its_bucket_told() {
        let mut all = vec![(ALL, (0..100_000).map(|at| (at, 9.0)).collect::<Vec<_>>())];
        // What each of them would take as long as the first is 4 GB.
        all.extend((0..5_000).map(|bound| (Some(f64::from(bound)), vec![(i64::from(bound), 1.0)])));
        let (bounds, points) = made(&all).unwrap();
        assert_eq!((bounds.len(), points.at.len(), points.buckets.len()), (5_000, 0, 0));
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        let few = vec![(ALL, vec![(1, 9.0), (2, 10.0)]), (Some(1.0), vec![(2, 6.0)])];
        let (_, points) = made(&few).unwrap();
        assert_eq!((&points.at[..], &points.buckets[..]), (&[2][..], &[6, 4][..]), "a bucket is missing at first");
        assert!(points.value[0].is_nan(), "without a sum");
        assert!(made(&[(Some(1.0), vec![(1, 1.0)])]).is_none(), "without the bucket of all values");
        let again = vec![(Some(1.0), vec![(1, 1.0)]), (Some(1.0), vec![(2, 2.0)]), (ALL, vec![(1, 3.0), (2, 4.0)])];
        assert_eq!(made(&again).unwrap().1.buckets, [1, 2, 2, 2], "a bound that is written in two ways");
    }
}
