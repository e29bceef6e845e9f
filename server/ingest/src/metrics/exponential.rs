//! Exponential histograms as explicit ones: bucket `i` of scale `s` lies over `2^(i·2^-s)` (OpenTelemetry metrics data
//! model, "ExponentialHistogram"). Finer scales than 3 are joined (buckets 9 % wide), and ranges grow by whole strides,
//! so that a series keeps its bounds while its values wander. Pure.

/// Buckets of one sign: counts from an index on.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}

/// Scales that f64 has bounds for; no SDK has others.
pub(super) const SCALES: std::ops::RangeInclusive<i32> = -10..=20;
const FINEST: i32 = 3;
const STRIDE: i64 = 32;
/// More buckets of one sign are joined two by two.
const MOST: i64 = 256;

impl Buckets {
    pub(super) fn clear(&mut self) {
        self.offset = 0;
        self.counts.clear();
    }

    /// Indexes that hold anything, with their counts, at a coarser scale.
    fn filled(&self, shift: u32) -> impl DoubleEndedIterator<Item = (i64, u64)> {
        let all = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        all.map(move |(at, count)| ((i64::from(self.offset) + at as i64) >> shift, *count))
    }

    /// The range of indexes in whole strides; nothing where none holds anything.
    fn range(&self, shift: u32) -> Option<(i64, i64)> {
        let first = self.filled(shift).next()?.0.div_euclid(STRIDE) * STRIDE;
        let last = self.filled(shift).next_back()?.0.div_euclid(STRIDE) * STRIDE + STRIDE;
        Some((first, last))
    }
}

/// Upper bounds of all buckets but the last, and counts of all.
pub(super) fn explicit(
    scale: i32,
    (zeros, threshold): (u64, f64),
    (positive, negative): (&Buckets, &Buckets),
    (bounds, buckets): (&mut Vec<f64>, &mut Vec<u64>),
) {
    let mut target = scale.min(FINEST);
    let shift = |target: i32| scale.saturating_sub(target).clamp(0, 62) as u32;
    let is_wide = |range: Option<(i64, i64)>| range.is_some_and(|(first, last)| last - first > MOST);
    while shift(target) < 62 && (is_wide(positive.range(shift(target))) || is_wide(negative.range(shift(target)))) {
        target -= 1;
    }
    let shift = shift(target);
    let bound = |index: i64| (index as f64 * (-f64::from(target)).exp2()).exp2().clamp(f64::MIN_POSITIVE, f64::MAX);
    if let Some((first, last)) = negative.range(shift) {
        bounds.extend((first..=last).rev().map(|index| -bound(index)));
        buckets.resize(bounds.len(), 0);
        for (index, count) in negative.filled(shift) {
            let bucket = &mut buckets[(last - index) as usize];
            *bucket = bucket.saturating_add(count);
        }
    }
    let range = positive.range(shift);
    let zero = buckets.len();
    match range {
        Some((first, last)) => bounds.extend((first..=last).map(bound)),
        None if bounds.is_empty() => bounds.push(if threshold > 0.0 { threshold } else { f64::MIN_POSITIVE }),
        None => {}
    }
    buckets.resize(bounds.len() + 1, 0);
    buckets[zero] = zeros;
    if let Some((first, _)) = range {
        for (index, count) in positive.filled(shift) {
            let bucket = &mut buckets[zero + 1 + (index - first) as usize];
            *bucket = bucket.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(scale: i32, zeros: u64, positive: (i32, &[u64]), negative: (i32, &[u64])) -> (Vec<f64>, Vec<u64>) {
        let of = |(offset, counts): (i32, &[u64])| Buckets { offset, counts: counts.to_vec() };
        let (mut bounds, mut buckets) = (Vec::new(), Vec::new());
        explicit(scale, (zeros, 0.0), (&of(positive), &of(negative)), (&mut bounds, &mut buckets));
        assert_eq!(buckets.len(), bounds.len() + 1);
        assert!(bounds.is_sorted(), "{bounds:?}");
        (bounds, buckets)
    }

    /// Values between two bounds.
    fn between((bounds, buckets): &(Vec<f64>, Vec<u64>), lower: f64, upper: f64) -> u64 {
        let inside = |at: &usize| {
            let from = if *at == 0 { f64::NEG_INFINITY } else { bounds[at - 1] };
            from >= lower && bounds.get(*at).copied().unwrap_or(f64::INFINITY) <= upper
        };
        (0..buckets.len()).filter(inside).map(|at| buckets[at]).sum()
    }

    #[test]
    fn values_stay_between_the_bounds_they_were_in() {
        let scale_0 = read(0, 5, (0, &[1, 2, 3]), (0, &[]));
        assert_eq!([between(&scale_0, 1.0, 2.0), between(&scale_0, 2.0, 4.0), between(&scale_0, 4.0, 8.0)], [1, 2, 3]);
        assert_eq!(scale_0.1.iter().sum::<u64>(), 11);
        let both = read(1, 5, (2, &[7]), (-2, &[4, 6]));
        assert_eq!(between(&both, -1.0, -0.5), 10);
        assert_eq!(between(&both, 2.0, 2.0 * std::f64::consts::SQRT_2 + 1e-9), 7);
        assert_eq!(both.1.iter().sum::<u64>(), 22);
    }

    #[test]
    fn fine_scales_are_joined_and_wide_ones_made_narrow() {
        let fine = read(20, 0, (1 << 20, &[1; 100]), (0, &[]));
        assert_eq!((between(&fine, 2.0, 4.0), fine.1.iter().sum::<u64>()), (100, 100));
        assert!(fine.0.len() < 64);
        let mut far = vec![0; 10_000];
        (far[0], far[9_999]) = (1, 1);
        let wide = read(3, 0, (-5_000, &far), (0, &[]));
        assert!(wide.0.len() < 300, "{}", wide.0.len());
        for scale in [*SCALES.start(), 0, *SCALES.end()] {
            for offset in [i32::MIN, -1, i32::MAX] {
                let all = read(scale, 1, (offset, &[1, 1]), (offset, &[1]));
                assert_eq!(all.1.iter().sum::<u64>(), 4, "{scale} {offset}");
            }
        }
        assert_eq!(read(0, 3, (0, &[]), (0, &[])).1, [3, 0]);
    }
}
