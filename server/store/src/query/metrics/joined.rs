//! The points of one series of all blocks in the order of time. Series that were measured together are brought into it
//! in the same way, so how is found once for all that follow each other. Pure.

use super::runs::Runs;

/// See the module. One is used for all series.
#[derive(Default)]
pub(super) struct Joined {
    /// Of which block the points of each part are, and which of its times are theirs.
    of: Vec<(u32, u32)>,
    order: Order,
    /// Tells these times from those of other series.
    pub(super) round: u32,
    pub(super) at: Vec<i64>,
    pub(super) start: Vec<i64>,
    pub(super) value: Vec<f64>,
    /// Of distributions.
    pub(super) count: Vec<u64>,
    pub(super) min: Vec<f64>,
    pub(super) max: Vec<f64>,
    pub(super) buckets: Vec<u64>,
}

/// How parts become one.
enum Order {
    /// Blocks follow each other, as they mostly do: whole parts are moved much faster than points.
    Parts(Vec<usize>),
    /// Parts overlap: the points of all of them, as they come.
    Points(Vec<u32>),
}

impl Default for Order {
    fn default() -> Self {
        Self::Parts(Vec::new())
    }
}

impl Joined {
    /// Joins the parts of a series: which block's runs, and which of these. `width` says how many buckets a distribution
    /// has.
    pub(super) fn join(&mut self, blocks: &[Runs], parts: &[(u32, u32)], width: Option<usize>) {
        let times = |(block, series): &(u32, u32)| (*block, blocks[*block as usize].series[*series as usize].times);
        let run = |(block, series): &(u32, u32)| blocks[*block as usize].run(*series, width);
        if !self.of.iter().copied().eq(parts.iter().map(times)) {
            self.of.clear();
            self.of.extend(parts.iter().map(times));
            self.order = Order::of(&parts.iter().map(|part| run(part).at).collect::<Vec<_>>());
            self.round += 1;
            self.order.put(parts, |part| run(part).at, 1, &mut self.at);
            self.order.put(parts, |part| run(part).start, 1, &mut self.start);
        }
        self.order.put(parts, |part| run(part).value, 1, &mut self.value);
        if let Some(width) = width {
            self.order.put(parts, |part| run(part).count, 1, &mut self.count);
            self.order.put(parts, |part| run(part).min, 1, &mut self.min);
            self.order.put(parts, |part| run(part).max, 1, &mut self.max);
            self.order.put(parts, |part| run(part).buckets, width, &mut self.buckets);
        }
    }
}

impl Joined {
    /// The values of these moments; NaN of those that it does not tell of.
    pub(super) fn values_at(&self, moments: &[i64]) -> Vec<f64> {
        if self.at == moments {
            return self.value.clone();
        }
        let value = |moment| self.at.binary_search(moment).map_or(f64::NAN, |point| self.value[point]);
        moments.iter().map(value).collect()
    }

    /// Begins a series that was measured at some of the moments of another; its columns are left to be filled.
    pub(super) fn put(&mut self, other: &Self, moments: &[usize]) {
        let of = |column: &[i64]| moments.iter().map(|moment| column[*moment]).collect();
        let (at, start): (Vec<i64>, Vec<i64>) = (of(&other.at), of(&other.start));
        if self.at != at || self.start != start {
            (self.at, self.start) = (at, start);
            self.round += 1;
        }
        self.of.clear();
        self.value.clear();
        self.count.clear();
        self.min.clear();
        self.max.clear();
        self.buckets.clear();
    }
}

impl Order {
    fn of(parts: &[&[i64]]) -> Self {
        let mut order: Vec<usize> = (0..parts.len()).filter(|part| !parts[*part].is_empty()).collect();
        order.sort_by_key(|part| parts[*part][0]);
        let follow = order.windows(2).all(|pair| parts[pair[0]].last() < parts[pair[1]].first());
        if follow && parts.iter().all(|part| part.is_sorted()) {
            return Self::Parts(order);
        }
        let all: Vec<i64> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let mut points: Vec<u32> = (0..all.len() as u32).collect();
        points.sort_by_key(|point| all[*point as usize]);
        Self::Points(points)
    }

    /// Puts a column's parts in order; each point has so many numbers.
    fn put<'b, T: Copy + 'b, P>(&self, parts: &[P], of: impl Fn(&P) -> &'b [T], width: usize, into: &mut Vec<T>) {
        into.clear();
        match self {
            Self::Parts(order) => order.iter().for_each(|part| into.extend_from_slice(of(&parts[*part]))),
            Self::Points(points) => {
                let all: Vec<T> = parts.iter().flat_map(|part| of(part).iter().copied()).collect();
                let point = |point: &u32| &all[*point as usize * width..(*point as usize + 1) * width];
                points.iter().for_each(|at| into.extend_from_slice(point(at)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(parts: &[&[i64]], width: usize, column: &[&[i64]]) -> Vec<i64> {
        let mut into = Vec::new();
        Order::of(parts).put(column, |part| *part, width, &mut into);
        into
    }

    #[test]
    fn parts_that_follow_each_other_are_moved_as_they_are() {
        let parts: [&[i64]; 4] = [&[7, 8], &[], &[1, 2, 2], &[3]];
        assert!(matches!(Order::of(&parts), Order::Parts(order) if order == [2, 3, 0]));
        assert_eq!(put(&parts, 1, &parts), [1, 2, 2, 3, 7, 8]);
        assert_eq!(put(&[&[2], &[1]], 2, &[&[20, 21], &[10, 11]]), [10, 11, 20, 21]);
    }

    #[test]
    fn points_of_parts_that_overlap_are_sorted_and_keep_their_order_at_one_moment() {
        let parts: [&[i64]; 3] = [&[5, 7], &[6, 5], &[1]];
        assert_eq!(put(&parts, 1, &parts), [1, 5, 5, 6, 7]);
        assert_eq!(
            put(&parts, 2, &[&[50, 51, 70, 71], &[60, 61, 55, 56], &[10, 11]]),
            [10, 11, 50, 51, 55, 56, 60, 61, 70, 71]
        );
        assert!(matches!(Order::of(&[&[1, 2], &[2, 3]]), Order::Points(_)), "one moment is told twice");
    }
}
