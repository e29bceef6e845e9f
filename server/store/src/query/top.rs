//! The records of one page of a list: of all that come, in any order, those that stand first after where the page
//! before ended. Pure.

use std::cmp::Ordering;

use model::Cursor;

/// See the module. The greatest key stands first; records of the same key stand in an order of their own, which must
/// not depend on how blocks are merged.
pub(super) struct Top<T> {
    after: Option<Cursor>,
    limit: usize,
    tie: fn(&T, &T) -> Ordering,
    hits: Vec<(i64, T)>,
}

impl<T> Top<T> {
    pub(super) fn new(after: Option<Cursor>, limit: u32, tie: fn(&T, &T) -> Ordering) -> Self {
        // Whoever made the cursor, no more is kept.
        let after = after.map(|after| Cursor { skip: after.skip.min(Cursor::MOST), ..after });
        Self { after, limit: limit as usize, tie, hits: Vec::new() }
    }

    /// Records that must be kept: those of the cursor's key that were shown, a page, and one more.
    pub(super) fn most(&self) -> usize {
        self.after.map_or(0, |after| after.skip) as usize + self.limit + 1
    }

    /// Whether a record of this key can be on the page.
    pub(super) fn wants(&self, key: i64) -> bool {
        let least = self.hits.last().filter(|_| self.hits.len() >= self.most());
        self.after.is_none_or(|after| key <= after.key) && least.is_none_or(|(least, _)| key >= *least)
    }

    /// Whether nothing of this key or less can be on the page.
    pub(super) fn is_beyond(&self, key: i64) -> bool {
        self.hits.len() >= self.most() && self.hits.last().is_some_and(|(least, _)| *least > key)
    }

    /// Takes records.
    pub(super) fn take(&mut self, hits: impl IntoIterator<Item = (i64, T)>) {
        self.hits.extend(hits);
        let tie = self.tie;
        self.hits.sort_by(|(a, first), (b, second)| b.cmp(a).then_with(|| tie(first, second)));
        self.hits.truncate(self.most());
    }

    /// The page, and where it ended if more follow that can be asked for.
    pub(super) fn finish(mut self) -> (Vec<T>, Option<Cursor>) {
        let after = self.after;
        let mut skip = after.map_or(0, |after| after.skip);
        self.hits.retain(|(key, _)| {
            let was_shown = after.is_some_and(|after| *key == after.key) && skip > 0;
            skip -= u32::from(was_shown);
            !was_shown
        });
        let more = self.hits.len() > self.limit;
        self.hits.truncate(self.limit);
        let next = self.hits.last().filter(|_| more).map(|(key, _)| {
            let same = self.hits.iter().filter(|(other, _)| other == key).count() as u32;
            let before = after.filter(|after| after.key == *key).map_or(0, |after| after.skip);
            Cursor { key: *key, skip: same + before }
        });
        let next = next.filter(|next| next.skip <= Cursor::MOST);
        (self.hits.into_iter().map(|(_, hit)| hit).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(skip: u32, limit: u32) -> Top<u32> {
        Top::new(Some(Cursor { key: 5, skip }), limit, u32::cmp)
    }

    #[test]
    fn no_cursor_makes_more_be_kept_than_can_be_paged_through() {
        let mut top = top(u32::MAX, 10);
        assert_eq!(top.most(), Cursor::MOST as usize + 11);
        top.take((0..100_000).map(|n| (5, n)));
        assert_eq!(top.hits.len(), top.most());
        let (page, next) = top.finish();
        assert_eq!((page.len(), page.first(), next), (10, Some(&Cursor::MOST), None));
    }

    #[test]
    fn records_of_one_key_are_paged_through_one_after_the_other() {
        let mut top = top(3, 2);
        top.take((0..9).map(|n| (5, n)));
        assert_eq!(top.finish(), (vec![3, 4], Some(Cursor { key: 5, skip: 5 })));
    }
}
