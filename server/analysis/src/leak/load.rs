//! Whether memory goes with load: where load goes up and down within a horizon, memory that does not is not held by it.
//! What both do slowly is left out: that is what is asked about.

use model::HOUR;

/// Values of which a course leaves nothing to say.
const FEW: usize = 16;
/// Neighbours that are averaged on both sides: what one value says alone is noise.
const AROUND: usize = 2;
/// How much of load's swing is no noise, at least: less says nothing.
const CLEAR: f64 = 0.7;
/// What memory follows of load, as a share of what would explain its rise, at most.
const LITTLE: f64 = 0.5;

/// Whether memory stays on its course while load swings around its own. Both in values at equal distances over `span`
/// nanoseconds; `needed` is what memory would have to grow for each unit of load if its rise came from that.
pub(super) fn ignores(memory: &[f64], load: &[f64], span: i64, needed: f64) -> bool {
    // Load of a day is a line over an hour or two, and bends like a cubic over more.
    let degree = if span <= 2 * HOUR { 1 } else { 3 };
    let (Some(memory), Some(raw)) = (residuals(memory, degree), residuals(load, degree)) else { return false };
    let (memory, swing) = (smooth(&memory), smooth(&raw));
    let (power, count) = (square(&swing) / swing.len() as f64, swing.len() as f64);
    let width = (2 * AROUND + 1) as f64;
    // Noise in load makes memory seem to follow it less than it does (errors in variables, Fuller 1987).
    let true_share = 1.0 - noise(&raw).powi(2) / width / power;
    if power <= 0.0 || true_share < CLEAR {
        return false;
    }
    let product: f64 = memory.iter().zip(&swing).map(|(memory, load)| memory * load).sum();
    let slope = product / count / power;
    // Neighbours share most of what they average: so many fewer values are independent.
    let left: f64 = memory.iter().zip(&swing).map(|(memory, load)| (memory - slope * load).powi(2)).sum();
    let error = (left / count / power * width / count).sqrt();
    slope + 2.0 * error < LITTLE * needed * true_share
}

/// What a polynomial leaves, by least squares; gaps lie on it. Nothing of so few values that it leaves nothing.
fn residuals(values: &[f64], degree: i32) -> Option<Vec<f64>> {
    let known: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .filter(|(_, value)| value.is_finite())
        .map(|(at, value)| (at as f64, *value))
        .collect();
    if known.len() < FEW {
        return None;
    }
    let (half, mut left) = (values.len() as f64 / 2.0, known.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for degree in 0..=degree {
        let mut power: Vec<f64> = known.iter().map(|(at, _)| (at / half - 1.0).powi(degree)).collect();
        basis.iter().for_each(|known| take_out(&mut power, known));
        take_out(&mut left, &power);
        basis.push(power);
    }
    let mut rest = vec![0.0; values.len()];
    known.iter().zip(left).for_each(|((at, _), left)| rest[*at as usize] = left);
    Some(rest)
}

/// Takes out of a vector what lies along another.
fn take_out(of: &mut [f64], along: &[f64]) {
    let share = of.iter().zip(along).map(|(a, b)| a * b).sum::<f64>() / square(along).max(f64::MIN_POSITIVE);
    of.iter_mut().zip(along).for_each(|(value, along)| *value -= share * along);
}

fn smooth(values: &[f64]) -> Vec<f64> {
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let around = |at: usize| mean(&values[at.saturating_sub(AROUND)..(at + AROUND + 1).min(values.len())]);
    (0..values.len()).map(around).collect()
}

/// How far neighbours differ for no reason (von Neumann 1941): a slow swing hardly shows in it.
fn noise(values: &[f64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    (square(&steps) / (2.0 * steps.len().max(1) as f64)).sqrt()
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}
