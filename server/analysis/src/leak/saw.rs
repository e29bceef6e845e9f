//! A collector's teeth taken out: what is left is what it can't give back. The lowest of each part of a horizon say the
//! same, but only of parts longer than a tooth: of teeth of half an hour, two hours hold too few.

use model::{MINUTE, Timestamp};

use crate::stats::median;

/// Falls that make a saw, at least.
const FALLS: usize = 3;
/// A fall against the noise of its neighbours, at least.
const DEEP: f64 = 4.5;
/// Points of a tooth, at least.
const POINTS: usize = 4;
/// Falls of a saw are alike: within so many times their median.
const ALIKE: f64 = 2.5;
/// Points further apart hide where a tooth ends.
const APART: i64 = 2 * MINUTE;

/// Points between two moments, since the last that are some minutes apart, with the teeth taken out. Each tooth is held to
/// rise evenly by as much as it falls at its end; what has not fallen yet rises like the median tooth, and no higher: what
/// goes on beyond that is no tooth. Nothing where they draw no saw.
pub(super) fn flattened(points: &[(Timestamp, f64)], from: Timestamp, to: Timestamp) -> Option<Vec<(Timestamp, f64)>> {
    let first = points.partition_point(|(at, _)| *at < from);
    let seen = points[first..].iter().take_while(|(at, _)| *at < to).filter(|(_, value)| value.is_finite());
    let seen: Vec<(Timestamp, f64)> = seen.copied().collect();
    let gap = seen.windows(2).rposition(|pair| pair[1].0.since(pair[0].0) > APART);
    let seen = &seen[gap.map_or(0, |at| at + 1)..];
    let place = |at: Timestamp| at.since(from) as f64 / MINUTE as f64;
    let values: Vec<(f64, f64)> = seen.iter().map(|(at, value)| (place(*at), *value)).collect();
    let (teeth, middle) = teeth(&values)?;
    let (last, climb) = (teeth.last()?.end, teeth.first()?.climb);
    let flat = |at: f64, value: f64| {
        let next = teeth.iter().position(|tooth| at < tooth.end);
        value - next.map_or_else(|| ((at - last) * climb).min(middle), |next| teeth[next].held(at))
    };
    Some(seen.iter().zip(&values).map(|((moment, _), (at, value))| (*moment, flat(*at, *value))).collect())
}

/// A tooth that ended with a fall.
struct Tooth {
    end: f64,
    /// How deep it fell.
    fall: f64,
    /// What it rises by a minute.
    climb: f64,
}

impl Tooth {
    /// What it holds at a time that is to be given back at its end.
    fn held(&self, at: f64) -> f64 {
        (self.fall - (self.end - at) * self.climb).max(0.0)
    }
}

/// The teeth that ended, and how deep the median one fell. Nobody saw the first begin: it rises like the median of the
/// others.
fn teeth(values: &[(f64, f64)]) -> Option<(Vec<Tooth>, f64)> {
    let falls = falls(values)?;
    let cuts: Vec<usize> = std::iter::once(0).chain(falls.iter().map(|at| at + 2)).chain([values.len() + 1]).collect();
    // Between two falls lies one value that is of neither tooth.
    let lines: Vec<Option<Line>> = cuts.windows(2).map(|cut| Line::through(&values[cut[0]..cut[1] - 1])).collect();
    let ends: Vec<f64> = falls.iter().map(|at| (values[*at].0 + values[at + 2].0) / 2.0).collect();
    let mut teeth = Vec::with_capacity(ends.len());
    for (i, end) in ends.iter().enumerate() {
        let fall = match (&lines[i], &lines[i + 1]) {
            (Some(before), Some(after)) => before.at(*end) - after.at(*end),
            // Before the first fall and after the last there may be few values.
            _ => values[falls[i]].1 - values[falls[i] + 2].1,
        };
        let length = if i == 0 { f64::NAN } else { end - ends[i - 1] };
        teeth.push(Tooth { end: *end, fall, climb: fall / length });
    }
    let whole: Vec<f64> = teeth[1..].iter().map(|tooth| tooth.climb).collect();
    teeth[0].climb = median(&whole)?;
    let middle = median(&teeth.iter().map(|tooth| tooth.fall).collect::<Vec<_>>())?;
    let are_alike = teeth.iter().all(|tooth| tooth.fall * ALIKE >= middle && tooth.fall <= middle * ALIKE);
    are_alike.then_some((teeth, middle))
}

/// After which values it falls, over two steps: a fall may lie within what one value tells of.
fn falls(values: &[(f64, f64)]) -> Option<Vec<usize>> {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let middle = median(&steps)?;
    let noise = 1.4826 * median(&steps.iter().map(|step| (step - middle).abs()).collect::<Vec<_>>())?;
    let deep: Vec<f64> = values.windows(3).map(|three| three[0].1 - three[2].1).collect();
    let is_deepest = |at: &usize| {
        let near = &deep[at.saturating_sub(2)..(at + 3).min(deep.len())];
        deep[*at] > DEEP * noise
            && near.iter().all(|other| *other <= deep[*at])
            && deep[at.saturating_sub(2)..*at].iter().all(|before| *before < deep[*at])
    };
    let falls: Vec<usize> = (0..deep.len()).filter(is_deepest).collect();
    let is_apart = falls.windows(2).all(|pair| pair[1] - pair[0] > POINTS);
    (falls.len() >= FALLS && is_apart).then_some(falls)
}

/// A line of least squares.
struct Line {
    centre: (f64, f64),
    slope: f64,
}

impl Line {
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < POINTS {
            return None;
        }
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
        let slope = mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2));
        Some(Self { centre: (x, y), slope })
    }

    fn at(&self, x: f64) -> f64 {
        self.centre.1 + (x - self.centre.0) * self.slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: impl Fn(f64) -> f64) -> Vec<(Timestamp, f64)> {
        (0..120).map(|minute| (Timestamp(minute * MINUTE), of(minute as f64))).collect()
    }

    fn flat(points: &[(Timestamp, f64)]) -> Option<Vec<f64>> {
        flattened(points, Timestamp(0), Timestamp(120 * MINUTE)).map(|flat| flat.iter().map(|(_, v)| *v).collect())
    }

    #[test]
    fn what_climbs_under_teeth_is_left() {
        // Teeth of 17 minutes, 34 high, begun in the middle of one; 0.5 a minute below; a little noise.
        let noise = |minute: f64| [0.4, -0.7, 0.3, 0.9, -0.5, -0.4][minute as usize % 6];
        let leak = |minute: f64| 100.0 + 0.5 * minute + noise(minute);
        let saw = points(|minute| leak(minute) + 34.0 * ((minute + 6.0) / 17.0).fract());
        let flat = flat(&saw).unwrap();
        assert_eq!(flat.len(), 120);
        for (minute, value) in flat.iter().enumerate() {
            let far = (value - leak(minute as f64)).abs();
            // A value just beside a fall may be of either tooth.
            let is_edge = ((minute + 6) % 17 == 0) || ((minute + 7) % 17 == 0);
            assert!(far < 3.0 || is_edge, "{minute}: {value} for {}", leak(minute as f64));
        }
    }

    #[test]
    fn what_goes_on_rising_after_the_last_tooth_is_left() {
        let saw = |minute: f64| 34.0 * ((minute.min(50.9) + 6.0) / 17.0).fract();
        let flat = flat(&points(|minute| saw(minute) + 2.0 * (minute - 51.0).max(0.0) + (minute % 2.0))).unwrap();
        assert!(flat[119] - flat[60] > 80.0, "{} {}", flat[60], flat[119]);
    }

    #[test]
    fn only_what_came_since_a_gap_is_looked_at() {
        let mut saw = points(|minute| 34.0 * ((minute + 6.0) / 17.0).fract() + (minute % 2.0));
        let all = flat(&saw).unwrap().len();
        saw.drain(20..24);
        assert_eq!((all, flat(&saw).map(|flat| flat.len())), (120, Some(96)));
        saw.drain(85..89);
        assert_eq!(flat(&saw), None, "too few teeth since then");
    }

    #[test]
    fn what_draws_no_saw_is_left_alone() {
        assert_eq!(flat(&points(|minute| minute)), None, "a line");
        assert_eq!(flat(&points(|minute| (minute / 9.0).sin())), None, "a wave");
        assert_eq!(flat(&points(|minute| (minute / 60.0).fract() * 9.0)), None, "one fall");
        assert_eq!(flat(&points(|minute| (minute / 3.0).fract() * 9.0)), None, "teeth too short to see");
        let heights = [9.0, 2.9, 9.0, 2.9, 9.0, 2.9];
        let uneven = points(|minute| (minute / 20.0).fract() * heights[(minute / 20.0) as usize]);
        assert_eq!(flat(&uneven), None, "falls that are not alike");
        let hourly: Vec<_> = points(|minute| (minute / 17.0).fract() * 9.0).into_iter().step_by(5).collect();
        assert_eq!(flat(&hourly), None, "too few points");
        assert_eq!(flat(&[]), None);
    }
}
