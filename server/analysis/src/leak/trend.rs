//! Trends that outliers do not bend: Theil–Sen's slope and Mann–Kendall's test, corrected for values that follow
//! those before them.

use crate::stats::{median, normal_tail};

/// A line through values at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// Median of the slopes of all pairs, a step (Theil 1950, Sen 1968).
    pub slope: f64,
    /// 95 % interval of the slope, by the ranks of the slopes (Sen 1968) and the corrected variance.
    pub interval: (f64, f64),
    /// One-sided p of no rise.
    pub p: f64,
    /// Where the line stands at the last value.
    pub end: f64,
    /// 1.4826 times the median absolute residual.
    pub noise: f64,
}

/// The trend of values at equal distances; gaps are not finite. Nothing of fewer than eight.
pub(super) fn trend(values: &[f64]) -> Option<Trend> {
    let at: Vec<(f64, f64)> =
        values.iter().enumerate().filter(|(_, value)| value.is_finite()).map(|(i, value)| (i as f64, *value)).collect();
    if at.len() < 8 {
        return None;
    }
    let mut slopes: Vec<f64> = Vec::with_capacity(at.len() * at.len() / 2);
    let mut score = 0.0;
    for (i, (x0, y0)) in at.iter().enumerate() {
        for (x1, y1) in &at[i + 1..] {
            slopes.push((y1 - y0) / (x1 - x0));
            score += (y1 - y0).partial_cmp(&0.0).map_or(0.0, |order| f64::from(order as i8));
        }
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let slope = median(&slopes)?;
    let start = median(&at.iter().map(|(x, y)| y - slope * x).collect::<Vec<_>>())?;
    let residuals: Vec<f64> = at.iter().map(|(x, y)| y - slope * x - start).collect();
    let noise = 1.4826 * median(&residuals.iter().map(|r| r.abs()).collect::<Vec<_>>())?;
    // What is left of a line without noise is rounding: nothing follows from it.
    let is_exact = noise <= 1e-9 * slope.abs() * at.len() as f64;
    let spread = (variance(at.len()) * if is_exact { 1.0 } else { inflation(&residuals) }).sqrt();
    let z = if score > 0.0 { (score - 1.0) / spread } else { 0.0 };
    let rank = |share: f64| slopes[(share.round().max(0.0) as usize).min(slopes.len() - 1)];
    let (count, width) = (slopes.len() as f64, 1.96 * spread);
    Some(Trend {
        slope,
        interval: (rank((count - width) / 2.0), rank((count + width) / 2.0)),
        p: normal_tail(z),
        end: start + slope * (values.len() - 1) as f64,
        noise,
    })
}

/// Variance of Kendall's score of so many values without a trend.
fn variance(count: usize) -> f64 {
    let n = count as f64;
    n * (n - 1.0) * (2.0 * n + 5.0) / 18.0
}

/// By how much autocorrelation widens it: the ranks of what is left of the trend, at lags where it is significant
/// (Hamed & Rao 1998, Journal of Hydrology 204). Never below 1: it must not make a finding surer.
fn inflation(residuals: &[f64]) -> f64 {
    let n = residuals.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_unstable_by(|a, b| residuals[*a].total_cmp(&residuals[*b]));
    let mut ranks = vec![0.0; n];
    order.iter().enumerate().for_each(|(rank, at)| ranks[*at] = rank as f64 - (n as f64 - 1.0) / 2.0);
    let power: f64 = ranks.iter().map(|rank| rank * rank).sum();
    let count = n as f64;
    let mut sum = 0.0;
    for lag in 1..n / 2 {
        let product: f64 = ranks.iter().zip(&ranks[lag..]).map(|(a, b)| a * b).sum();
        let correlation = product / power;
        if correlation.abs() > 1.96 / (count - lag as f64).sqrt() {
            let left = count - lag as f64;
            sum += left * (left - 1.0) * (left - 2.0) * correlation;
        }
    }
    (1.0 + 2.0 * sum / (count * (count - 1.0) * (count - 2.0))).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_whatever_a_few_outliers_say() {
        let mut values: Vec<f64> = (0..30).map(|i| 100.0 + 2.0 * f64::from(i)).collect();
        values[7] = 900.0;
        values[20] = f64::NAN;
        let found = trend(&values).unwrap();
        assert!((found.slope - 2.0).abs() < 0.01, "{found:?}");
        assert!((found.end - 158.0).abs() < 0.5, "{found:?}");
        assert!(found.p < 1e-6, "{found:?}");
    }

    #[test]
    fn flat_and_short_are_no_trend() {
        assert_eq!(trend(&[1.0; 7]), None);
        let flat = trend(&[1.0; 20]).unwrap();
        assert_eq!((flat.slope, flat.p), (0.0, 0.5));
        let down: Vec<f64> = (0..20).map(|i| -f64::from(i)).collect();
        assert!(trend(&down).unwrap().p >= 0.5);
    }

    #[test]
    fn a_wave_is_no_surer_for_its_smoothness() {
        // Half a wave up and down again, of few independent values.
        let wave: Vec<f64> = (0..30).map(|i| (f64::from(i) / 29.0 * 5.0).sin() + 0.02 * f64::from(i)).collect();
        let found = trend(&wave).unwrap();
        assert!(found.p > 1e-3, "{found:?}");
    }

    #[test]
    fn the_interval_holds_the_slope() {
        // A fixed pattern of noise.
        let noise = [0.3, -0.8, 0.5, 1.1, -0.2, -1.0, 0.7, 0.1, -0.4, 0.9, -0.6, 0.2];
        let values: Vec<f64> = (0..36).map(|i| f64::from(i) * 0.5 + noise[i as usize % noise.len()]).collect();
        let found = trend(&values).unwrap();
        assert!(found.interval.0 <= 0.5 && 0.5 <= found.interval.1, "{found:?}");
        assert!(found.interval.1 - found.interval.0 < 0.2, "{found:?}");
    }
}
