//! Of any number of spans as many as a chart can show: the slowest, those that failed, and an even choice of the
//! others. Which they are does not depend on the order in which spans come. Pure.

use hashbrown::HashSet;
use model::{SpanId, SpanPlot, SpanPoint, TraceId};

use crate::block::hash::mix;

/// Points of a chart.
const POINTS: usize = 600;
/// The slowest that are always there.
const SLOWEST: usize = 50;
/// Places that spans that did not fail have at least, however many failed.
const OTHERS: usize = 200;

/// See the module.
pub(super) struct Plot {
    slowest: Least,
    failed: Least,
    others: Least,
    matched: u64,
    failures: u64,
}

impl Default for Plot {
    fn default() -> Self {
        let [slowest, failed, others] = [SLOWEST, POINTS, POINTS].map(Least::new);
        Self { slowest, failed, others, matched: 0, failures: 0 }
    }
}

impl Plot {
    /// Takes a span.
    pub(super) fn add(&mut self, id: SpanId, point: SpanPoint) {
        let ids = u128::from_be_bytes(point.trace.0) as u64 ^ u64::from_be_bytes(id.0).rotate_left(32);
        let even = mix(mix(ids).wrapping_add(point.at.0 as u64));
        self.matched += 1;
        self.failures += u64::from(point.failed);
        self.slowest.add((u64::MAX - point.duration as u64, even), id, point);
        let own = if point.failed { &mut self.failed } else { &mut self.others };
        own.add((0, even), id, point);
    }

    /// The points in the order of time.
    pub(super) fn finish(self) -> SpanPlot {
        let mut chosen: Vec<SpanPoint> = Vec::new();
        let mut seen: HashSet<(TraceId, SpanId)> = HashSet::new();
        let others = self.others.sorted();
        let room = POINTS - others.len().min(OTHERS);
        for (points, most) in [(self.slowest.sorted(), POINTS), (self.failed.sorted(), room), (others, POINTS)] {
            for (id, point) in points {
                if chosen.len() < most && seen.insert((point.trace, id)) {
                    chosen.push(point);
                }
            }
        }
        chosen.sort_unstable_by_key(|point| (point.at, point.trace, point.duration));
        SpanPlot { points: chosen, matched: self.matched, failed: self.failures }
    }
}

type Rank = (u64, u64);

/// The points of the least ranks.
struct Least {
    most: usize,
    points: Vec<(Rank, SpanId, SpanPoint)>,
    /// Greater ranks are not among them.
    bound: Rank,
}

impl Least {
    fn new(most: usize) -> Self {
        Self { most, points: Vec::new(), bound: (u64::MAX, u64::MAX) }
    }

    fn add(&mut self, rank: Rank, id: SpanId, point: SpanPoint) {
        if rank > self.bound {
            return;
        }
        self.points.push((rank, id, point));
        if self.points.len() >= self.most * 2 {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.points.sort_unstable_by_key(|(rank, id, point)| (*rank, *id, point.trace));
        self.points.truncate(self.most);
        if self.points.len() == self.most
            && let Some((rank, ..)) = self.points.last()
        {
            self.bound = *rank;
        }
    }

    fn sorted(mut self) -> Vec<(SpanId, SpanPoint)> {
        self.cut();
        self.points.into_iter().map(|(_, id, point)| (id, point)).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn plot(order: impl Iterator<Item = u64>, failed: impl Fn(u64) -> bool) -> SpanPlot {
        let mut plot = Plot::default();
        for n in order {
            let point = SpanPoint {
                trace: TraceId(u128::from(n).to_be_bytes()),
                at: Timestamp(n as i64 * 1_000),
                duration: (n * 7_919 % 100_003) as i64,
                failed: failed(n),
            };
            plot.add(SpanId(n.to_be_bytes()), point);
        }
        plot.finish()
    }

    #[test]
    fn few_spans_are_all_there_and_of_many_the_slowest_and_the_failed() {
        let few = plot(0..600, |n| n.is_multiple_of(2));
        assert_eq!((few.points.len(), few.matched, few.failed), (600, 600, 300));
        let many = plot(0..50_000, |n| n % 500 == 3);
        assert_eq!((many.points.len(), many.matched, many.failed), (600, 50_000, 100));
        assert_eq!(many.points.iter().filter(|point| point.failed).count(), 100);
        let least = many.points.iter().map(|point| point.duration).filter(|duration| *duration >= 99_900).count();
        assert!(least >= 45, "{least} of the slowest");
        let halves = many.points.iter().filter(|point| point.at.0 < 25_000_000).count();
        assert!((200..400).contains(&halves), "{halves} in the first half");
    }

    #[test]
    fn when_all_fail_some_others_are_seen_still() {
        let many = plot(0..50_000, |n| !n.is_multiple_of(20));
        let others = many.points.iter().filter(|point| !point.failed).count();
        assert_eq!((many.points.len(), many.failed), (600, 47_500));
        assert!((195..=260).contains(&others), "{others}");
    }

    #[test]
    fn the_choice_does_not_depend_on_the_order() {
        let failed = |n: u64| n.is_multiple_of(3);
        assert_eq!(plot(0..9_000, failed), plot((0..9_000).rev(), failed));
    }
}
