//! How a rise bends: a parabola through all values tells sooner than their thirds whether it slows down.

/// Values of which too few are left to say how they bend.
const FEW: usize = 8;

/// What values at equal distances rise by in an earlier and a later third: from the middle of the first to that of the
/// second, and on to that of the last, along the parabola of least squares. Gaps are not finite.
///
/// The difference of thirds has twice the variance of the parabola's curvature, their medians half as much again. The
/// curvature is taken out orthogonally to the slope (Forsythe 1957, Journal of SIAM 5), so that a gap at one end does not
/// make the one out of the other.
pub(super) fn rises(values: &[f64]) -> Option<(f64, f64)> {
    let place = |at: usize| (2 * at + 1) as f64 / values.len() as f64 - 1.0;
    let finite = values.iter().enumerate().filter(|(_, value)| value.is_finite());
    let known: Vec<(f64, f64)> = finite.map(|(at, value)| (place(at), *value)).collect();
    if known.len() < FEW {
        return None;
    }
    let mean = |of: &dyn Fn(f64, f64) -> f64| known.iter().map(|(x, y)| of(*x, *y)).sum::<f64>() / known.len() as f64;
    let (centre, square) = (mean(&|x, _| x), mean(&|x, _| x * x));
    let line = |x: f64| x - centre;
    let width = mean(&|x, _| line(x).powi(2));
    let tilt = mean(&|x, _| x * x * line(x)) / width;
    let bow = |x: f64| x * x - square - tilt * line(x);
    let slope = mean(&|x, y| y * line(x)) / width;
    let curve = mean(&|x, y| y * bow(x)) / mean(&|x, _| bow(x).powi(2));
    let (straight, bent) = (2.0 / 3.0 * (slope - curve * tilt), 4.0 / 9.0 * curve);
    Some((straight - bent, straight + bent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<(f64, f64)>, want: (f64, f64)) {
        let got = got.unwrap();
        assert!((got.0 - want.0).abs() < 1e-9 && (got.1 - want.1).abs() < 1e-9, "{got:?} for {want:?}");
    }

    #[test]
    fn a_parabola_is_told_exactly_whatever_is_missing() {
        let mut values: Vec<f64> = (0..30).map(f64::from).map(|i| 5.0 + 3.0 * i - 0.04 * i * i).collect();
        // From 4.5 to 14.5 and to 24.5.
        close(rises(&values), (30.0 - 0.04 * 190.0, 30.0 - 0.04 * 390.0));
        [2, 3, 4, 20, 29].into_iter().for_each(|gap| values[gap] = f64::NAN);
        close(rises(&values), (30.0 - 0.04 * 190.0, 30.0 - 0.04 * 390.0));
        assert_eq!(rises(&values[..9]), None);
    }
}
