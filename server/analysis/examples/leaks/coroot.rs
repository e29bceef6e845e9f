//! Coroot's rule on memory (`auditor/memory.go`): in the last hours, the longest run without a fall by half; a least
//! squares line that still climbs at the end, by a share of the limit an hour.

use crate::memory::{LIMIT, Week};

/// Whether growth is above a share of what was held an hour ago, in a quarter of an hour's every look.
pub(crate) fn is_leak(week: &Week, minute: i64, share: f64) -> bool {
    [0, 5, 10, 15].into_iter().all(|back| minute - back > 0 && grows(week, minute - back, share))
}

/// The window it looks at, in minutes.
const WINDOW: i64 = 60;

fn grows(week: &Week, minute: i64, share: f64) -> bool {
    let from = (minute - WINDOW).max(0);
    let values: Vec<f64> = (from..minute).filter_map(|minute| value(week, minute)).collect();
    let mut runs = vec![Vec::new()];
    for (i, value) in values.iter().enumerate() {
        if i > 0 && *value < 0.5 * values[i - 1] {
            runs.push(Vec::new());
        }
        if let Some(run) = runs.last_mut() {
            run.push(*value);
        }
    }
    let Some(run) = runs.into_iter().max_by_key(Vec::len) else { return false };
    if run.len() < 10 || (run.len() as i64) * 3 < WINDOW {
        return false;
    }
    let whole = slope(&run);
    let last = slope(&run[run.len() - (run.len() / 4).max(15).min(run.len())..]);
    let an_hour = whole * 60.0;
    whole > 0.0 && last > 0.0 && last >= 0.3 * whole && an_hour >= 0.05 * LIMIT && an_hour / run[0] > share
}

fn value(week: &Week, minute: i64) -> Option<f64> {
    let (first, values) = week.runs.iter().rfind(|(first, _)| *first <= minute)?;
    values.get((minute - first) as usize).map(|value| value.0)
}

/// By least squares.
fn slope(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let (mx, my) = ((n - 1.0) / 2.0, values.iter().sum::<f64>() / n);
    let (mut up, mut down) = (0.0, 0.0);
    for (i, y) in values.iter().enumerate() {
        up += (i as f64 - mx) * (y - my);
        down += (i as f64 - mx).powi(2);
    }
    up / down
}
