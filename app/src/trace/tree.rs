//! Which rows of a trace are seen: collapsed subtrees left out, and of the rest those on the screen. Pure.

use std::collections::BTreeSet;
use std::ops::Range;

use model::TraceRow;

/// Height of a row in pixels; the style sheet says the same.
pub(super) const ROW: f64 = 28.0;
/// Rows drawn beyond the screen on both sides.
const MARGIN: usize = 12;

/// Places of the rows that no collapsed span hides, in order.
pub(super) fn visible(rows: &[TraceRow], collapsed: &BTreeSet<u32>) -> Vec<u32> {
    let mut out = Vec::with_capacity(rows.len());
    let mut at = 0;
    while at < rows.len() {
        out.push(at as u32);
        let below = if collapsed.contains(&(at as u32)) { rows[at].descendants as usize } else { 0 };
        at += 1 + below;
    }
    out
}

/// The stretch of so many rows that a screen of a height, scrolled so far, needs.
pub(super) fn on_screen(count: usize, scrolled: f64, height: f64) -> Range<usize> {
    let first = ((scrolled.max(0.0) / ROW) as usize).saturating_sub(MARGIN).min(count);
    let last = first + (height.max(0.0) / ROW) as usize + 2 * MARGIN;
    first..last.min(count)
}

/// The row to open a trace with: the deepest first failure, else its root.
pub(super) fn first_choice(rows: &[TraceRow]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| row.failed) {
        if best.is_none_or(|best| row.depth > rows[best].depth) {
            best = Some(at);
        }
    }
    best.or((!rows.is_empty()).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SpanId;

    fn row(depth: u32, descendants: u32, failed: bool) -> TraceRow {
        TraceRow {
            id: SpanId::default(),
            depth,
            service: 0,
            name: String::new(),
            offset: 0,
            duration: 1,
            self_time: 1,
            failed,
            note: String::new(),
            descendants,
        }
    }

    #[test]
    fn a_collapsed_span_hides_all_that_lies_below_it_and_nothing_else() {
        let rows = [row(0, 4, false), row(1, 2, false), row(2, 0, false), row(2, 0, false), row(1, 0, false)];
        assert_eq!(visible(&rows, &BTreeSet::new()), [0, 1, 2, 3, 4]);
        assert_eq!(visible(&rows, &BTreeSet::from([1])), [0, 1, 4]);
        assert_eq!(visible(&rows, &BTreeSet::from([0, 1])), [0]);
        // A count that lies reaches the end and no further.
        assert_eq!(visible(&[row(0, u32::MAX, false), row(1, 0, false)], &BTreeSet::from([0])), [0]);
    }

    #[test]
    fn only_rows_on_the_screen_are_drawn_of_a_hundred_thousand() {
        let drawn = on_screen(100_000, 50_000.0 * ROW, 900.0);
        assert!(drawn.contains(&50_000) && drawn.len() < 100, "{drawn:?}");
        assert_eq!(on_screen(3, 0.0, 900.0), 0..3);
        assert_eq!(on_screen(10, 1e9, 900.0), 10..10);
    }

    #[test]
    fn a_failed_trace_opens_at_its_deepest_failure() {
        assert_eq!(first_choice(&[row(0, 2, true), row(1, 1, true), row(2, 0, false)]), Some(1));
        assert_eq!(first_choice(&[row(0, 0, false)]), Some(0));
        assert_eq!(first_choice(&[]), None);
    }
}
