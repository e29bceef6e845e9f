//! Quantiles of bucketed values, with straight lines inside buckets as Prometheus' `histogram_quantile`. Pure.

/// Values of a bucket between two bounds.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    lower: f64,
    upper: f64,
    mass: f64,
}

/// A quantile over distributions with different bounds: upper bounds of all buckets but the last, and each bucket's
/// values. Nothing where there are no values.
pub(super) fn of(parts: &[(&[f64], &[f64])], quantile: f64) -> Option<f64> {
    let mut buckets: Vec<Bucket> = parts.iter().flat_map(|(bounds, masses)| buckets(bounds, masses)).collect();
    buckets.retain(|bucket| bucket.mass > 0.0);
    let wanted = quantile * buckets.iter().map(|bucket| bucket.mass).sum::<f64>();
    if buckets.is_empty() {
        return None;
    }
    if let [_] = parts {
        return Some(walk(&buckets, wanted));
    }
    let mut edges: Vec<f64> = buckets.iter().flat_map(|bucket| [bucket.lower, bucket.upper]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    // Between two edges all buckets are straight lines, and so is their sum; on an edge may be buckets of no width.
    let below = |edge: f64, strictly: bool| buckets.iter().map(|bucket| bucket.below(edge, strictly)).sum::<f64>();
    let mut pieces = Vec::with_capacity(2 * edges.len());
    let mut before: Option<(f64, f64)> = None;
    for edge in edges {
        let (less, all) = (below(edge, true), below(edge, false));
        if let Some((lower, then)) = before {
            pieces.push(Bucket { lower, upper: edge, mass: less - then });
        }
        pieces.push(Bucket { lower: edge, upper: edge, mass: all - less });
        before = Some((edge, all));
    }
    pieces.retain(|piece| piece.mass > 0.0);
    Some(walk(&pieces, wanted))
}

impl Bucket {
    fn below(&self, edge: f64, strictly: bool) -> f64 {
        if self.lower == self.upper {
            let is_below = if strictly { self.upper < edge } else { self.upper <= edge };
            return if is_below { self.mass } else { 0.0 };
        }
        self.mass * ((edge - self.lower) / (self.upper - self.lower)).clamp(0.0, 1.0)
    }
}

/// What is below the first bound lies above nothing, what is over the last lies on it.
fn buckets<'a>(bounds: &'a [f64], masses: &'a [f64]) -> impl Iterator<Item = Bucket> + 'a {
    masses.iter().enumerate().filter_map(|(at, mass)| {
        let upper = bounds.get(at).or(bounds.last()).copied()?;
        let lower = match at {
            0 => upper.min(0.0),
            at => bounds[at - 1],
        };
        Some(Bucket { lower, upper, mass: *mass })
    })
}

fn walk(buckets: &[Bucket], wanted: f64) -> f64 {
    let mut sum = 0.0;
    for bucket in buckets {
        if sum + bucket.mass >= wanted {
            return bucket.lower + (bucket.upper - bucket.lower) * ((wanted - sum) / bucket.mass).clamp(0.0, 1.0);
        }
        sum += bucket.mass;
    }
    buckets.last().map_or(f64::NAN, |bucket| bucket.upper)
}

/// A quantile of values, between neighbours in proportion.
pub(super) fn of_values(values: &mut [f64], quantile: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let place = quantile * values.len().checked_sub(1)? as f64;
    let (lower, upper) = (values[place.floor() as usize], values[place.ceil() as usize]);
    Some(lower + (upper - lower) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_in_proportion_inside_their_bucket() {
        let bounds = [1.0, 2.0, 4.0];
        let q = |masses: &[f64], quantile| of(&[(&bounds, masses)], quantile);
        assert_eq!(q(&[0.0, 10.0, 0.0, 0.0], 0.5), Some(1.5));
        assert_eq!(q(&[10.0, 10.0, 0.0, 0.0], 0.25), Some(0.5));
        assert_eq!(q(&[0.0, 0.0, 0.0, 5.0], 0.5), Some(4.0), "no more is known of the last bucket");
        assert_eq!(q(&[0.0; 4], 0.5), None);
        assert_eq!(of(&[(&[-3.0, 5.0], &[4.0, 0.0, 0.0])], 0.9), Some(-3.0));
    }

    #[test]
    fn distributions_with_different_bounds_are_joined() {
        let one: (&[f64], &[f64]) = (&[1.0, 2.0], &[0.0, 10.0, 0.0]);
        let two: (&[f64], &[f64]) = (&[1.5, 3.0], &[0.0, 10.0, 0.0]);
        let joined = |quantile| of(&[one, two], quantile).unwrap();
        assert_eq!(joined(0.25), 1.5);
        assert!((joined(1.0) - 3.0).abs() < 1e-9 && joined(0.0) >= 1.0);
        let same = of(&[one, one], 0.5).unwrap();
        assert!((same - 1.5).abs() < 1e-9);
        let over: (&[f64], &[f64]) = (&[1.0], &[0.0, 3.0]);
        assert_eq!(of(&[over, one], 0.1), Some(1.0), "a bucket of no width");
    }

    #[test]
    fn quantiles_of_values_lie_between_neighbours() {
        assert_eq!(of_values(&mut [3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(of_values(&mut [1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(of_values(&mut [], 0.5), None);
    }
}
