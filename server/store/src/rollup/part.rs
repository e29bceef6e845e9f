//! A large rollup as smaller ones, so that a question about one owner need not read what is of all.

use super::gather::Named;
use super::{Cell, ErrorCell, LogCell, Rollup};

impl Rollup {
    /// Parts of at least so many cells and counts but for the last, each with the cells and counts of the owners from its first
    /// number to its last. An owner is never in two of them.
    pub(crate) fn parts(self, cells: usize) -> Vec<(u32, u32, Self)> {
        let counted = self.owners.iter().map(|count| count.owner);
        let mut owners: Vec<u32> = self.owner_numbers().chain(counted).collect();
        owners.sort_unstable();
        let (Some(first), Some(last)) = (owners.first().copied(), owners.last().copied()) else { return Vec::new() };
        let mut ends = Vec::new();
        let mut count = 0;
        for of_one in owners.chunk_by(|a, b| a == b) {
            count += of_one.len();
            if count >= cells {
                ends.push(of_one[0]);
                count = 0;
            }
        }
        if ends.last() != Some(&last) {
            ends.push(last);
        }
        if ends.len() == 1 {
            return vec![(first, last, self)];
        }
        let starts = std::iter::once(first).chain(ends.iter().map(|end| end.saturating_add(1)));
        starts.zip(&ends).map(|(first, last)| (first, *last, self.part(first, *last))).collect()
    }

    /// What it holds of the owners from one number to another.
    fn part(&self, first: u32, last: u32) -> Self {
        let mut part = Self::default();
        let mut texts = Named::new(&self.texts);
        for cell in range(&self.requests, (first, last), |cell| cell.owner) {
            let cell = part.taken(self, cell, &mut texts);
            part.requests.push(cell);
        }
        for cell in range(&self.calls, (first, last), |cell| cell.owner) {
            let cell = part.taken(self, cell, &mut texts);
            part.calls.push(cell);
        }
        for cell in range(&self.errors, (first, last), |cell| cell.owner) {
            let (endpoint, error) =
                (texts.number(cell.endpoint, &mut part.texts), texts.number(cell.error, &mut part.texts));
            part.errors.push(ErrorCell { endpoint, error, ..*cell });
        }
        for cell in range(&self.logs, (first, last), |cell| cell.owner) {
            let pattern = texts.number(cell.pattern, &mut part.texts);
            part.logs.push(LogCell { pattern, ..*cell });
        }
        part.owners.extend(range(&self.owners, (first, last), |count| count.owner));
        part
    }

    /// A cell of another rollup, with its text and buckets taken over.
    fn taken(&mut self, other: &Self, cell: &Cell, texts: &mut Named<'_>) -> Cell {
        let from = self.buckets.len() as u32;
        self.buckets.extend_from_slice(&other.buckets[cell.from as usize..cell.to as usize]);
        let text = texts.number(cell.text, &mut self.texts);
        Cell { text, from, to: self.buckets.len() as u32, ..*cell }
    }
}

/// Cells of the owners from one number to another, of cells that are sorted by owner.
fn range<T>(cells: &[T], (first, last): (u32, u32), owner: impl Fn(&T) -> u32) -> &[T] {
    let from = cells.partition_point(|cell| owner(cell) < first);
    let to = cells.partition_point(|cell| owner(cell) <= last);
    &cells[from..to]
}

#[cfg(test)]
mod tests {
    use model::{Red, TraceId};

    use super::super::{Gather, OwnerCount};
    use super::*;
    use crate::rollup::CELL;

    fn whole() -> Rollup {
        let mut spans = crate::block::spans::SpanColumns::default();
        for n in 0..60_u64 {
            spans.push(&crate::SpanRow {
                owner: [1, 4, 5, 9][n as usize % 4],
                trace: TraceId([n as u8; 16]),
                id: model::SpanId(n.to_be_bytes()),
                parent: None,
                kind: model::SpanKind::from_number(2 + n % 2),
                name: "x",
                endpoint: ["GET /b", "GET /a", "GET /c"][n as usize % 3],
                callee: ["db", "queue"][n as usize % 2],
                start: model::Timestamp(n as i64 * 3_000_000_000),
                duration: n as i64 * 999_999,
                status: model::SpanStatus::Unset,
                status_message: "",
                scope: "",
                http_status: 200,
                error: if n % 3 == 2 { "Oh" } else { "" },
                weight: 1.0,
                sampled: false,
                attributes: &[],
                events: &[],
                links: &[],
            });
        }
        let mut gather = Gather::new(CELL);
        gather.add_spans(&spans);
        gather.finish()
    }

    /// By owner, text and time.
    fn told(rollup: &Rollup) -> Vec<(u32, String, i64, Red)> {
        let cells = rollup.requests.iter().chain(&rollup.calls);
        let mut told: Vec<_> = cells
            .map(|cell| {
                let mut red = Red::default();
                rollup.add_to(cell, &mut red);
                (cell.owner, rollup.texts.get(cell.text).to_owned(), cell.at, red)
            })
            .chain(rollup.errors.iter().map(|cell| {
                let text = format!("{} {}", rollup.texts.get(cell.endpoint), rollup.texts.get(cell.error));
                (cell.owner, text, cell.at, Red { errors: cell.count, ..Red::default() })
            }))
            .collect();
        told.sort_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)));
        told
    }

    #[test]
    fn parts_hold_what_the_whole_held_and_no_owner_twice() {
        for cells in [1, 20, 1_000] {
            let parts = whole().parts(cells);
            assert!(parts.windows(2).all(|pair| pair[0].1 < pair[1].0));
            let own = |count: &OwnerCount, (first, last)| (first..=last).contains(&count.owner);
            assert!(parts.iter().all(|(a, b, part)| part.owner_numbers().all(|owner| (*a..=*b).contains(&owner))));
            assert!(parts.iter().all(|(a, b, part)| part.owners.iter().all(|count| own(count, (*a, *b)))));
            let read = parts.iter().map(|(.., part)| Rollup::decode(&part.encode(1).unwrap()).unwrap());
            let mut joined: Vec<_> = read.flat_map(|part| told(&part)).collect();
            joined.sort_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)));
            assert_eq!(joined, told(&whole()));
            assert_eq!(parts.len(), if cells == 1 { 4 } else { parts.len().min(3) });
        }
        assert!(Rollup::default().parts(1).is_empty());
    }
}
