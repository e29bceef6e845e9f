//! Series to SVG path data. Pure. What is not measured is a gap, never a line to zero.

use std::fmt::Write;

use model::{Series, Timestamp, Window};

/// The width and height of every chart's view box; the box is stretched to its place. So large that whole numbers,
/// which are quickly written and read, are finer than a screen.
const WIDTH: f64 = 10_000.0;
const HEIGHT: f64 = 10_000.0;

/// A line of a chart: its style class and its values. Everything is numbers and constant names: this is the one
/// string that goes into a page as markup.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) class: &'static str,
    pub(crate) series: Series,
    /// Filled down to the ground.
    pub(crate) area: bool,
}

/// The drawing of a chart: grid, areas, lines.
pub(crate) fn chart(lines: &[Line], band: Option<&(Series, Series)>, window: Window, top: f64, grid: &[f64]) -> String {
    let mut out = opened(top, grid);
    if let Some((upper, lower)) = band {
        push_path(&mut out, "band", "", &between(&places(upper, window, top), &places(lower, window, top)));
    }
    for line in lines {
        let places = places(&line.series, window, top);
        if line.area {
            push_path(&mut out, "area", line.class, &area(&places, HEIGHT));
        }
        push_path(&mut out, "line", line.class, &stroke(&places));
    }
    out.push_str("</svg>");
    out
}

/// The beginning of a drawing: its box and the grid.
fn opened(top: f64, grid: &[f64]) -> String {
    let mut out = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    for value in grid {
        let y = y(*value, top);
        out.push_str(&format!("<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.0}\" y2=\"{y:.0}\"/>"));
    }
    out
}

/// The greatest value that a chart must hold.
pub(crate) fn most(lines: &[Line], stacked: bool) -> f64 {
    if !stacked {
        return lines.iter().flat_map(|line| line.series.points.iter().flatten()).copied().fold(0.0, f64::max);
    }
    let buckets = lines.iter().map(|line| line.series.points.len()).max().unwrap_or_default();
    let sum = |at| lines.iter().filter_map(|line| line.series.points.get(at).copied().flatten()).sum();
    (0..buckets).map(sum).fold(0.0, f64::max)
}

/// When the first bucket in which anything was measured began, where that is well after a chart's beginning.
pub(crate) fn begins(lines: &[Line], window: Window) -> Option<Timestamp> {
    /// Parts of a window that may be empty without a word.
    const LATE: i64 = 10;
    let first = |line: &Line| {
        let at = line.series.points.iter().position(Option::is_some)?;
        Some(line.series.start.plus(at as i64 * line.series.step.0))
    };
    let first = lines.iter().filter_map(first).min()?;
    (first.since(window.from) > window.length() / LATE).then_some(first)
}

/// When the newest bucket in which any of some lines was measured began.
pub(crate) fn newest<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Option<Timestamp> {
    let last = |line: &Line| {
        let at = line.series.points.iter().rposition(Option::is_some)?;
        Some(line.series.start.plus(at as i64 * line.series.step.0))
    };
    lines.into_iter().filter_map(last).max()
}

/// The value of a series in the bucket that holds an instant.
pub(crate) fn value_in(series: &Series, at: Timestamp) -> Option<f64> {
    let bucket = at.since(series.start).div_euclid(series.step.0.max(1));
    *series.points.get(usize::try_from(bucket).ok()?)?
}

/// The drawing of bars on top of each other; a bar that holds anything can be seen.
pub(crate) fn bars(lines: &[Line], window: Window, top: f64, grid: &[f64]) -> String {
    /// Parts of a bucket's width that are left free.
    const GAP: f64 = 0.12;
    /// The least height.
    const LEAST: f64 = HEIGHT * 0.008;
    let mut out = opened(top, grid);
    let length = window.length().max(1) as f64;
    let buckets = lines.iter().map(|line| line.series.points.len()).max().unwrap_or_default();
    let mut ground = vec![0.0_f64; buckets];
    for line in lines {
        let width = line.series.step.0 as f64 / length * WIDTH;
        let first = line.series.start.since(window.from) as f64 / length * WIDTH;
        let mut data = String::new();
        for (at, value) in line.series.points.iter().enumerate() {
            let value = value.unwrap_or(0.0);
            if value <= 0.0 {
                continue;
            }
            let (low, x) = (ground[at], first + (at as f64 + GAP / 2.0) * width);
            ground[at] += value;
            let (floor, roof) = (y(low, top), y(low + value, top).min(y(low, top) - LEAST).max(0.0));
            let right = (x + width * (1.0 - GAP)).min(WIDTH);
            let left = x.max(0.0);
            if right > left {
                data.push_str(&format!("M{left:.0} {floor:.0}V{roof:.0}H{right:.0}V{floor:.0}Z"));
            }
        }
        push_path(&mut out, "bar", line.class, &data);
    }
    out.push_str("</svg>");
    out
}

/// The drawing of a sparkline of so many points; its top is its own, but at least `floor`. Pages hold a hundred and more
/// of them, so its box is just finer than the place of a cell, and where nothing is missing line and area are one path,
/// whose sides and ground are outside the box.
pub(crate) fn spark(points: &[Option<f64>], floor: f64) -> String {
    const BOX: (f64, f64) = (600.0, 120.0);
    /// What stands at an edge has room for its round end.
    const EDGE: f64 = 3.0;
    let top = points.iter().flatten().copied().fold(floor, f64::max) * 1.1;
    let last = (points.len().max(2) - 1) as f64;
    let at = |(i, value): (usize, &Option<f64>)| {
        value.map(|value| (EDGE + i as f64 / last * (BOX.0 - 2.0 * EDGE), y(value, top) / HEIGHT * BOX.1))
    };
    let places: Vec<_> = points.iter().enumerate().map(at).collect();
    // Below the ground there is room for half a line.
    let mut out = format!("<svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\">", BOX.0, BOX.1 + 5.0);
    if places.len() > 1 && places.iter().all(Option::is_some) {
        let mut data = String::new();
        for run in runs(&places) {
            _ = write!(data, "M-99 199V{}H{}", run[0].1, run[0].0);
            push_onward(&mut data, &run);
            data.push_str("H699V199Z");
        }
        push_path(&mut out, "area line", "", &data);
    } else {
        push_path(&mut out, "area", "", &area(&places, BOX.1));
        push_path(&mut out, "line", "", &stroke(&places));
    }
    out.push_str("</svg>");
    out
}

fn push_path(out: &mut String, kind: &str, class: &str, data: &str) {
    if !data.is_empty() {
        let part = if class.is_empty() { "" } else { " " };
        _ = write!(out, "<path class=\"{kind}{part}{class}\" d=\"{data}\"/>");
    }
}

/// The places of a series' points; a point stands in the middle of its bucket, as far as that is in the window.
fn places(series: &Series, window: Window, top: f64) -> Vec<Option<(f64, f64)>> {
    let length = window.length().max(1) as f64;
    let first = series.start.since(window.from) as f64;
    let edge = |i: usize| (first + i as f64 * series.step.0 as f64).clamp(0.0, length);
    let at = |i: usize| f64::midpoint(edge(i), edge(i + 1)) / length * WIDTH;
    series.points.iter().enumerate().map(|(i, value)| value.map(|value| (at(i), y(value, top)))).collect()
}

fn y(value: f64, top: f64) -> f64 {
    let share = value / top.max(f64::MIN_POSITIVE);
    if share.is_nan() { HEIGHT } else { HEIGHT - share.clamp(0.0, 1.0) * HEIGHT }
}

/// Stretches of measured points, in whole units of the box.
fn runs(places: &[Option<(f64, f64)>]) -> impl Iterator<Item = Vec<(i32, i32)>> + '_ {
    let whole = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let runs = places.split(Option::is_none).filter(|run| !run.is_empty());
    runs.map(move |run| run.iter().flatten().copied().map(whole).collect())
}

fn stroke(places: &[Option<(f64, f64)>]) -> String {
    let mut out = String::new();
    for run in runs(places) {
        let (x, y) = run[0];
        _ = write!(out, "M{x} {y}");
        push_onward(&mut out, &run);
        if run.len() == 1 {
            // A lone point shows as a dot: a line of nearly no length with round ends.
            out.push_str("l1 0");
        }
    }
    out
}

/// Stretches of measured points down to the ground.
fn area(places: &[Option<(f64, f64)>], ground: f64) -> String {
    let mut out = String::new();
    for run in runs(places).filter(|run| run.len() > 1) {
        let (x, y) = run[0];
        _ = write!(out, "M{x} {ground}V{y}");
        push_onward(&mut out, &run);
        _ = write!(out, "V{ground}Z");
    }
    out
}

/// What lies between two lines of the same steps, where both are measured.
fn between(upper: &[Option<(f64, f64)>], lower: &[Option<(f64, f64)>]) -> String {
    let both: Vec<_> = upper.iter().zip(lower).filter_map(|(upper, lower)| (*upper).zip(*lower)).collect();
    let above = both.iter().map(|(upper, _)| *upper);
    let outline: Vec<_> = above.chain(both.iter().rev().map(|(_, lower)| *lower)).map(Some).collect();
    runs(&outline).filter(|run| run.len() > 3).fold(String::new(), |mut out, run| {
        let (x, y) = run[0];
        _ = write!(out, "M{x} {y}");
        push_onward(&mut out, &run);
        out.push('Z');
        out
    })
}

/// Lines from the first of some points to the others, each by how far it is from the one before.
fn push_onward(out: &mut String, run: &[(i32, i32)]) {
    for (at, pair) in run.windows(2).enumerate() {
        let [(x, y), (to_x, to_y)] = pair else { continue };
        let (right, down) = (to_x - x, to_y - y);
        out.push(if at == 0 { 'l' } else { ' ' });
        // A sign parts numbers as well as a space does.
        let space = if down < 0 { "" } else { " " };
        _ = write!(out, "{right}{space}{down}");
    }
}

/// The value of a series at an instant, as a share of the window, with the middle of its bucket.
pub(crate) fn value_at(series: &Series, window: Window, share: f64) -> Option<(f64, Option<f64>)> {
    let at = window.from.plus((share * window.length() as f64) as i64);
    let bucket = at.since(series.start).div_euclid(series.step.0.max(1));
    let value = series.points.get(usize::try_from(bucket).ok()?)?;
    let middle = series.start.plus(bucket * series.step.0 + series.step.0 / 2);
    Some((middle.since(window.from) as f64 / window.length().max(1) as f64, *value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{SECOND, Step};

    fn series(points: &[Option<f64>]) -> Series {
        Series { name: "x".into(), start: Timestamp(0), step: Step(SECOND), points: points.to_vec() }
    }

    fn window(seconds: i64) -> Window {
        Window::new(Timestamp(0), Timestamp::from_seconds(seconds))
    }

    #[test]
    fn gaps_stay_gaps_and_a_lone_point_is_a_dot() {
        let line = Line { class: "s1", series: series(&[Some(1.0), Some(2.0), None, Some(4.0)]), area: false };
        let svg = chart(&[line], None, window(4), 4.0, &[]);
        assert!(svg.contains("d=\"M1250 7500l2500-2500M8750 0l1 0\""), "{svg}");
    }

    #[test]
    fn a_chart_that_is_empty_for_long_says_when_its_data_begin() {
        let line = |points: &[Option<f64>]| Line { class: "s1", series: series(points), area: false };
        let late = [line(&[None, None, None, Some(1.0)]), line(&[None, None, Some(2.0), None])];
        assert_eq!(begins(&late, window(4)), Some(Timestamp::from_seconds(2)), "the first of all");
        assert_eq!(begins(&late, window(40)), None, "a small part may be empty");
        assert_eq!(begins(&[line(&[Some(0.0), Some(1.0)])], window(4)), None);
        assert_eq!(begins(&[line(&[None; 4])], window(4)), None, "there is nothing at all");
    }

    #[test]
    fn the_newest_bucket_is_that_in_which_any_line_has_a_value() {
        let line = |points: &[Option<f64>]| Line { class: "s1", series: series(points), area: false };
        let (ended, lives) = (line(&[Some(1.0), None, None, None]), line(&[None, Some(2.0), Some(3.0), None]));
        let newest = newest([&ended, &lives]).unwrap();
        assert_eq!(newest, Timestamp::from_seconds(2));
        assert_eq!((value_in(&ended.series, newest), value_in(&lives.series, newest)), (None, Some(3.0)));
        assert_eq!(value_in(&lives.series, Timestamp(-1)), None);
    }

    #[test]
    fn a_bucket_that_goes_on_stands_in_the_window() {
        let line = Line { class: "s1", series: series(&[None, Some(4.0)]), area: false };
        let window = Window::new(Timestamp(0), Timestamp(SECOND * 5 / 4));
        assert!(chart(&[line], None, window, 4.0, &[]).contains("d=\"M9000 0l1"));
    }

    #[test]
    fn bars_stand_on_each_other_and_stay_in_the_box() {
        let line = |class, points: &[Option<f64>]| Line { class, series: series(points), area: false };
        let lines = [line("s1", &[Some(1.0), None, Some(2.0)]), line("bad", &[Some(1.0), Some(0.001), Some(9.0)])];
        assert_eq!(most(&lines, true), 11.0);
        let svg = bars(&lines, window(3), 4.0, &[]);
        assert!(svg.contains("class=\"bar bad\" d=\"M200 7500V5000"), "{svg}");
        assert!(svg.contains("V9920"), "a bar of next to nothing can be seen: {svg}");
        assert!(!svg.contains("V-"), "{svg}");
    }

    #[test]
    fn a_sparkline_without_gaps_is_one_path_and_with_gaps_two() {
        let whole = spark(&[Some(0.0), Some(10.0), Some(11.0)], 1.0);
        assert!(whole.contains("<path class=\"area line\" d=\"M-99 199V120H3l297-99 297-10H699V199Z\"/>"), "{whole}");
        let parted = spark(&[Some(0.0), None, Some(10.0), Some(11.0)], 1.0);
        assert!(parted.contains("<path class=\"area\" d=\"M399 120V21l198-10V120Z\"/>"), "{parted}");
        assert!(parted.contains("<path class=\"line\" d=\"M3 120l1 0M399 21l198-10\"/>"), "{parted}");
    }

    #[test]
    fn values_beyond_the_top_stay_in_the_box() {
        let svg = spark(&[Some(f64::INFINITY), Some(-5.0), Some(f64::NAN)], 1.0);
        assert!(!svg.contains("inf") && !svg.contains("NaN") && !svg.contains("-5"), "{svg}");
    }

    #[test]
    fn hovering_reads_the_bucket_under_the_pointer() {
        let series = series(&[Some(1.0), None, Some(3.0)]);
        assert_eq!(value_at(&series, window(3), 0.1), Some((1.0 / 6.0, Some(1.0))));
        assert_eq!(value_at(&series, window(3), 0.5).map(|(_, value)| value), Some(None));
        assert_eq!(value_at(&series, window(6), 0.9), None);
    }

    #[test]
    fn a_band_is_what_lies_between_where_both_are_known() {
        let line = |points: Vec<Option<f64>>| Series { points, ..series(&[]) };
        let (upper, lower) = (line(vec![None, Some(2.0), Some(4.0)]), line(vec![Some(1.0), Some(1.0), Some(2.0)]));
        let svg = chart(&[], Some(&(upper, lower.clone())), window(3), 4.0, &[]);
        assert!(svg.contains("class=\"band\" d=\"M5000 5000l3333-5000 0 5000 -3333 2500Z\""), "{svg}");
        let none = chart(&[], Some(&(lower.clone(), line(vec![None; 3]))), window(3), 4.0, &[]);
        assert!(!none.contains("band"), "{none}");
    }
}
