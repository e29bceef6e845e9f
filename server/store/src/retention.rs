//! Over time: folds, merges, and deletes what is past its keeping, oldest first, by family.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{DAY, Timestamp};

use crate::partition::Partitions;
use crate::partition::file::{DataFile, Family};
use crate::tens::make;
use crate::{Error, Keep, fold, merge};

/// Partitions whose tens are made in one go; the others, of an older version's store, wait for the next.
const TENS: usize = 4;

/// Age and size of a file, as far as keeping it depends on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// When its last record arrived at the latest.
    until: Timestamp,
    bytes: u64,
}

/// How many of a family's files, oldest first, are past their keeping. Pure.
fn expired(files: &[Size], keep: Keep, now: Timestamp) -> usize {
    let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let mut gone = 0;
    for file in files {
        if now.since(file.until) <= keep.age && bytes <= keep.bytes {
            break;
        }
        bytes -= file.bytes;
        gone += 1;
    }
    gone
}

/// Whether a partition is to be folded.
fn is_to_fold(file: &DataFile) -> bool {
    !file.complete.load(Ordering::Acquire) && !file.damaged.load(Ordering::Acquire)
}

impl Partitions {
    /// Cuts, folds, merges and deletes, as `now` demands.
    pub(crate) async fn maintain(&self, now: Timestamp) -> Result<(), Error> {
        let _one = self.maintaining.lock().await;
        if self.is_closing() {
            return Ok(());
        }
        self.writer.cut(now).await?;
        let mut failed = None;
        // What is wrong with one file must not cost the others, nor keep what is old. What is not written any more will
        // not get better.
        for file in self.shared.files(Family::Raw).iter() {
            if self.is_closing() {
                return failed.map_or(Ok(()), Err);
            }
            let last = file.closed.load(Ordering::Acquire);
            // Merged first: what is folded is read by owner. Complete or not: the last merge may have failed, or been
            // cut off by a stop.
            if !file.merged.load(Ordering::Acquire) {
                let merged = merge::merge(&self.shared, file, now, last).await;
                match self.shared.came_upon(file, merged) {
                    Ok(_) => file.merged.store(last, Ordering::Release),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            if is_to_fold(file) {
                let folded = fold::fold(&self.shared, file, now, last).await;
                match self.shared.came_upon(file, folded) {
                    Ok(is_damaged) => file.damaged.store(is_damaged && last, Ordering::Release),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        if let Err(error) = self.make_tens().await {
            failed = failed.or(Some(error));
        }
        self.delete_raw(now);
        self.delete_summaries(now);
        let (raw, summaries) = (self.shared.files(Family::Raw), self.shared.files(Family::Summary));
        self.shared.rollups.retain(|family, id| match family {
            Family::Raw => raw.iter().any(|file| file.id == id),
            Family::Summary => summaries.iter().any(|file| file.id == id),
        });
        self.shared.registry.tidy();
        for file in raw.iter().chain(summaries.iter()) {
            file.readers.rest().await;
        }
        failed.map_or(Ok(()), Err)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Makes tens where there are none yet or where they are not right any more, the newest first.
    async fn make_tens(&self) -> Result<(), Error> {
        let mut left = TENS;
        for day in self.shared.files(Family::Summary).iter().rev() {
            if left == 0 || self.is_closing() {
                break;
            }
            let made = self.make_tens_of(day, &mut left).await;
            if self.shared.came_upon(day, made)? {
                day.damaged.store(true, Ordering::Release);
            }
        }
        Ok(())
    }

    async fn make_tens_of(&self, day: &DataFile, left: &mut usize) -> Result<(), Error> {
        if day.damaged.load(Ordering::Acquire) {
            return Ok(());
        }
        for source in make::due(&self.shared, day).await?.into_iter().take(*left) {
            if self.is_closing() {
                break;
            }
            make::make(&self.shared, day, source).await?;
            *left -= 1;
        }
        Ok(())
    }

    /// Raw partitions end where the next begins; one that is still written is kept whatever its size.
    fn delete_raw(&self, now: Timestamp) {
        let raw = self.shared.files_and_broken(Family::Raw);
        let closed: Vec<&Arc<DataFile>> = raw.iter().filter(|file| file.closed.load(Ordering::Acquire)).collect();
        let live: u64 = raw.iter().filter(|file| !file.closed.load(Ordering::Acquire)).map(|file| file.bytes()).sum();
        let sizes: Vec<Size> = closed
            .iter()
            .map(|file| {
                let next = raw.iter().map(|next| next.begins()).find(|begins| *begins > file.begins());
                let until = file.ends().min(next.unwrap_or(file.ends()));
                Size { until, bytes: file.bytes() }
            })
            .collect();
        let keep = Keep { bytes: self.shared.config.raw.bytes.saturating_sub(live), ..self.shared.config.raw };
        for file in &closed[..expired(&sizes, keep, now)] {
            // Charts outlive their spans: never before it is folded, if it can be.
            if file.complete.load(Ordering::Acquire) || file.damaged.load(Ordering::Acquire) {
                self.shared.remove(file);
                tracing::info!(path = %file.path.display(), "deleted a partition past its keeping");
            }
        }
    }

    /// A day of which raw partitions still exist is kept: they would only be folded again.
    fn delete_summaries(&self, now: Timestamp) {
        let days = self.shared.files_and_broken(Family::Summary);
        let sizes: Vec<Size> =
            days.iter().map(|day| Size { until: day.begins().plus(DAY), bytes: day.bytes() }).collect();
        let keep = self.shared.config.summaries;
        let raw = self.shared.files(Family::Raw);
        for day in days[..expired(&sizes, keep, now)].iter() {
            if !raw.iter().any(|file| fold::day_of(file.id) == day.id) {
                self.shared.remove(day);
                tracing::info!(path = %day.path.display(), "deleted a day of summaries past its keeping");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_first_by_age_and_by_bytes() {
        let files: Vec<Size> = (1..=5).map(|day| Size { until: Timestamp(day * DAY), bytes: 10 }).collect();
        let keep = |age, bytes| Keep { age: age * DAY, bytes };
        let now = Timestamp(5 * DAY);
        assert_eq!(expired(&files, keep(9, 100), now), 0);
        assert_eq!(expired(&files, keep(2, 100), now), 2);
        assert_eq!(expired(&files, keep(9, 25), now), 3);
        assert_eq!(expired(&files, keep(3, 25), now), 3);
        assert_eq!(expired(&files, keep(-1, 0), now), 5);
        assert_eq!(expired(&[], keep(0, 0), now), 0);
    }
}
