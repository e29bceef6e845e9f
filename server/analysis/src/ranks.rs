//! Durations as counts by bucket, and their ranks: what a rank test of bucketed durations is made of.

use model::Red;

use crate::compare::Unit;

/// Buckets per doubling of the model's histogram.
pub(crate) const PER_DOUBLING: f64 = 8.0;

/// Durations as counts by bucket, up to the longest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    buckets: Vec<f64>,
    pub(crate) total: f64,
}

impl Counts {
    pub(crate) fn of<'a>(all: impl IntoIterator<Item = &'a Red>) -> Self {
        let mut buckets = Vec::with_capacity(300);
        for red in all {
            let own = &red.histogram.buckets;
            let most = own.last().map_or(0, |(bucket, _)| usize::from(*bucket) + 1);
            if buckets.len() < most {
                buckets.resize(most, 0.0);
            }
            own.iter().for_each(|(bucket, count)| buckets[usize::from(*bucket)] += f64::from(*count));
        }
        let total = buckets.iter().sum();
        Self { buckets, total }
    }

    /// With those of another.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0.0);
        }
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(sum, count)| *sum += count);
        self.total += other.total;
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<f64>()
    }

    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let rank = q * self.total;
        let mut below = 0.0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            if *count > 0.0 && below + count >= rank {
                return ((bucket as f64 + ((rank - below) / count).clamp(0.0, 1.0)) / PER_DOUBLING).exp2();
            }
            below += count;
        }
        0.0
    }

    /// Mid-rank of each bucket, less a half: how much of the reference is faster, and half of what ties (ridits,
    /// Bross 1958). Their mean on another sample is Mann & Whitney's U/(n₁n₀) − ½ (1947).
    pub(crate) fn ranks(&self) -> Ranks {
        let total = self.total.max(1e-300);
        let mut below = 0.0;
        let rank = |count: &f64| {
            let middle = (below + count / 2.0) / total - 0.5;
            below += count;
            middle
        };
        // The last stands for everything longer.
        Ranks(self.buckets.iter().chain([&0.0]).map(rank).collect())
    }

    /// Variance of one duration's rank, ties and all.
    pub(crate) fn variance(&self, ranks: &Ranks) -> f64 {
        let squares = self.buckets.iter().zip(&ranks.0).map(|(count, rank)| count * rank * rank);
        squares.sum::<f64>() / self.total.max(1e-300)
    }

    /// Mean rank that these durations would have if each grew by so many buckets.
    pub(crate) fn shifted(&self, ranks: &Ranks, by: f64) -> f64 {
        let (whole, part) = (by.floor() as usize, by.fract());
        let rank = |b: usize| (1.0 - part) * ranks.of(b + whole) + part * ranks.of(b + whole + 1);
        self.buckets.iter().enumerate().map(|(b, count)| count * rank(b)).sum::<f64>() / self.total.max(1e-300)
    }
}

/// Ranks by bucket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranks(Vec<f64>);

impl Ranks {
    fn of(&self, bucket: usize) -> f64 {
        self.0.get(bucket).or(self.0.last()).copied().unwrap_or(0.0)
    }

    /// A minute's score: its ranks summed over requests.
    pub(crate) fn unit(&self, minute: i32, red: &Red) -> Unit {
        let (mut x, mut n) = (0.0, 0.0);
        let Some(last) = self.0.len().checked_sub(1) else { return Unit { minute, x, n } };
        for (bucket, count) in &red.histogram.buckets {
            let count = f64::from(*count);
            x += count * self.0[usize::from(*bucket).min(last)];
            n += count;
        }
        Unit { minute, x, n }
    }

    /// The score of all these durations.
    pub(crate) fn score(&self, counts: &Counts) -> f64 {
        counts.buckets.iter().enumerate().map(|(bucket, count)| count * self.of(bucket)).sum()
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<f64>()
    }
}
