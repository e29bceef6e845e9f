//! Durations counted in a fixed logarithmic histogram of base 2^⅛, so that any two can be added: a bucket is
//! 9 % wide, which bounds the error of a quantile to 4.5 %.

use serde::{Deserialize, Serialize};

/// Counts of durations by bucket; bucket `b` holds durations in nanoseconds of `[2^(b/8), 2^((b+1)/8))`.
/// Weighted counts (sampled traces count more than once) are why they are not whole numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram {
    /// Bucket and count, by ascending bucket, no bucket twice, no count of nothing.
    pub buckets: Vec<(u16, f32)>,
}

/// Buckets per doubling.
const PER_DOUBLING: f64 = 8.0;

impl Histogram {
    /// The bucket of a duration in nanoseconds; below one nanosecond is bucket 0.
    pub fn bucket(nanos: i64) -> u16 {
        ((nanos.max(1) as f64).log2() * PER_DOUBLING + 1e-9) as u16
    }

    /// The lower bound of a bucket in nanoseconds.
    pub fn lower(bucket: u16) -> f64 {
        (f64::from(bucket) / PER_DOUBLING).exp2()
    }

    /// Counts one duration `weight` times.
    pub fn add(&mut self, nanos: i64, weight: f32) {
        self.add_bucket(Self::bucket(nanos), weight);
    }

    /// Adds to a bucket.
    pub fn add_bucket(&mut self, bucket: u16, weight: f32) {
        match self.buckets.binary_search_by_key(&bucket, |(b, _)| *b) {
            Ok(at) => self.buckets[at].1 += weight,
            Err(at) => self.buckets.insert(at, (bucket, weight)),
        }
    }

    /// Adds all of another's counts.
    pub fn merge(&mut self, other: &Self) {
        self.merge_buckets(&other.buckets);
    }

    /// Adds counts that ascend by bucket as well: a walk over both, and what is equal adds in place.
    pub fn merge_buckets(&mut self, buckets: &[(u16, f32)]) {
        if self.buckets.is_empty() {
            self.buckets.extend_from_slice(buckets);
            return;
        }
        let mut at = 0;
        for (bucket, count) in buckets {
            while self.buckets.get(at).is_some_and(|(known, _)| known < bucket) {
                at += 1;
            }
            match self.buckets.get_mut(at) {
                Some((known, sum)) if known == bucket => *sum += count,
                _ => self.buckets.insert(at, (*bucket, *count)),
            }
        }
    }

    /// How many durations were counted.
    pub fn count(&self) -> f64 {
        self.buckets.iter().map(|(_, count)| f64::from(*count)).sum()
    }

    /// The duration in nanoseconds that a share `q` (0 to 1) of them does not exceed, interpolated
    /// logarithmically inside its bucket; nothing when nothing was counted.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total = self.count();
        if total <= 0.0 {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * total;
        let mut below = 0.0;
        for (bucket, count) in &self.buckets {
            let count = f64::from(*count);
            if below + count >= rank {
                let inside = if count > 0.0 { ((rank - below) / count).clamp(0.0, 1.0) } else { 0.0 };
                return Some(((f64::from(*bucket) + inside) / PER_DOUBLING).exp2());
            }
            below += count;
        }
        self.buckets.last().map(|(bucket, _)| Self::lower(bucket + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|ms| histogram.add(ms * 1_000_000, 1.0));
        for q in [0.5, 0.9, 0.95, 0.99] {
            let exact = q * 1e9;
            let got = histogram.quantile(q).unwrap();
            assert!((got / exact - 1.0).abs() < 0.045, "{q}: {got} for {exact}");
        }
    }

    #[test]
    fn merging_is_counting_together() {
        let (mut a, mut b, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for n in 0..500_i64 {
            let nanos = n * n * 977 + 3;
            if n % 3 == 0 { &mut a } else { &mut b }.add(nanos, 1.0);
            both.add(nanos, 1.0);
        }
        a.merge(&b);
        assert_eq!(a, both);
    }

    #[test]
    fn bounds_and_extremes_hold() {
        for nanos in [0, 1, 2, 255, 256, 1_000_000, i64::MAX, -7] {
            let bucket = Histogram::bucket(nanos);
            let value = nanos.max(1) as f64;
            assert!(Histogram::lower(bucket) <= value * 1.0001 && value < Histogram::lower(bucket + 1) * 1.0001);
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
