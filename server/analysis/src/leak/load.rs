//! Whether memory goes with load: where load goes up and down within a horizon, memory that does not is not held by it.

use super::trend::trend;

/// Neighbours that are averaged on both sides: what one value says alone is noise.
const AROUND: usize = 2;
/// Load's swing around its line against its noise, at least: less says nothing.
const CLEAR: f64 = 1.0;
/// What memory follows of load, as a share of what would explain its rise, at most.
const LITTLE: f64 = 0.5;

/// Whether memory stays on its line while load swings around its own. Both in values at equal distances; `needed` is
/// what memory would have to grow for each unit of load if its rise came from that.
pub(super) fn ignores(memory: &[f64], load: &[f64], needed: f64) -> bool {
    let (Some(memory), Some(raw)) = (residuals(memory), residuals(load)) else { return false };
    let (memory, swing) = (smooth(&memory), smooth(&raw));
    let (power, count) = (square(&swing), swing.len() as f64);
    if power.sqrt() < CLEAR * noise(&raw) * count.sqrt() {
        return false;
    }
    let product: f64 = memory.iter().zip(&swing).map(|(memory, load)| memory * load).sum();
    let slope = product / power;
    // Neighbours share most of what they average: so many fewer values are independent.
    let independent = count / (2 * AROUND + 1) as f64;
    let left: f64 = memory.iter().zip(&swing).map(|(memory, load)| (memory - slope * load).powi(2)).sum();
    let error = (left / count / (power / count * independent)).sqrt();
    slope + 2.0 * error < LITTLE * needed
}

/// What is left of the line; gaps lie on it.
fn residuals(values: &[f64]) -> Option<Vec<f64>> {
    let line = trend(values)?;
    let last = values.len() as f64 - 1.0;
    let of = |(at, value): (usize, &f64)| value - line.end + line.slope * (last - at as f64);
    Some(values.iter().enumerate().map(of).map(|left| if left.is_finite() { left } else { 0.0 }).collect())
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
